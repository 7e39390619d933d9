"""What the language model learns from: prompts, motions and answers, gathered into padded batches.

A batch is a pure function of ``(seed, stage, step)``, so that a stage can stop and go on. Clips of like
length share a batch, and each time a clip comes up another of its captions may be drawn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar

import numpy as np
import torch
from clutch_rt import prompts
from clutch_rt.layout import IntArray
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from models.generation import PAD, pad_codes, pad_prompts
from train.completion import SHORTEST, draw_part, keep_part
from train.labels import ACTIONS, FIELDS, LabelVocabulary
from train.rhythm import rhythm
from train.seeding import generator
from train.tokenizer import encode
from train.tokens import TokenStore

IGNORE: Final = -100
_SENTENCE_SHARE: Final = 0.7  # of the motions that are completed, how many have a sentence
_POOL: Final = 16  # batches whose clips are sorted by length together

R = TypeVar("R", bound="Rows")


@dataclass(frozen=True)
class Example:
    """One thing to learn, as ids.

    Attributes:
        prompt: ids the encoder reads, ``<eos>`` at the end.
        given: motion behind the prompt ``(S, K)``, or None; with ``codes`` it is as long as they are, and
            holds ``UNKNOWN`` where they are to be told.
        codes: motion to answer with ``(S, K)``, or None.
        answer: ids to answer with, ``<eos>`` at the end, or None; one of ``codes`` and ``answer`` is there.
        hidden: ``(S,)`` true where the decoder does not see the step before, or None.
        labels: of the actions, as ``LabelVocabulary.numbers``; None where what is read does not tell them.
        rhythm: of the steps, as ``train.rhythm.rhythm``; None where it is not known.
    """

    prompt: list[int]
    given: IntArray | None = None
    codes: IntArray | None = None
    answer: list[int] | None = None
    hidden: np.ndarray | None = None
    labels: IntArray | None = None
    rhythm: IntArray | None = None


@dataclass(frozen=True)
class Rows:
    """Encoder inputs: ``ids, mask (B, L)``; ``given (B, S, K)`` and ``given_mask (B, S)``, or None."""

    ids: Tensor
    mask: Tensor
    given: Tensor | None
    given_mask: Tensor | None


@dataclass(frozen=True)
class MotionRows(Rows):
    """Rows answered by motion: ``codes (B, S, K)``, ``steps (B,)``; ``hidden (B, S)`` masks decoder inputs.

    ``clips (B,)`` are the rows' numbers in the store, or -1 where that is not known.
    ``labels (B, ACTIONS, len(FIELDS))`` are the actions', -100 in rows whose prompt does not tell them.
    ``rhythm (B, S)`` is the steps', -100 where it is not known, and behind the end.
    """

    codes: Tensor
    steps: Tensor
    clips: Tensor
    labels: Tensor
    rhythm: Tensor
    hidden: Tensor | None = None


@dataclass(frozen=True)
class TextRows(Rows):
    """Rows answered by text: ``inputs (B, N)`` from pad on, ``targets (B, N)`` with -100 behind the end.

    ``labels`` are as in ``MotionRows``, of the motion that is given whole.
    """

    inputs: Tensor
    targets: Tensor
    labels: Tensor


@dataclass(frozen=True)
class LMBatch:
    """Rows answered by motion and rows answered by text; either may be absent."""

    motion: MotionRows | None
    text: TextRows | None

    def to(self, device: torch.device | str) -> LMBatch:
        """The same on a device."""
        return LMBatch(
            None if self.motion is None else moved(self.motion, device),
            None if self.text is None else moved(self.text, device),
        )


def moved(rows: R, device: torch.device | str) -> R:
    """Rows on a device."""
    tensors = {f.name: getattr(rows, f.name) for f in fields(rows)}
    return replace(rows, **{name: t.to(device) for name, t in tensors.items() if t is not None})


def real_steps(rows: MotionRows) -> Tensor:
    """``(B, S)`` true where a step is not padding."""
    positions = torch.arange(rows.codes.shape[1], device=rows.codes.device)
    return positions < rows.steps.unsqueeze(1)


def told_rows(rows: MotionRows | TextRows) -> Tensor:
    """``(B,)`` true where what the encoder reads tells the whole motion."""
    return rows.labels[:, 0, 0] != IGNORE


def collate(examples: Sequence[Example], clips: Sequence[int] | None = None) -> LMBatch:
    """Gather examples into a batch; ``clips`` are their numbers in the store."""
    numbers = [-1] * len(examples) if clips is None else list(clips)
    motion = [(e, n) for e, n in zip(examples, numbers, strict=True) if e.codes is not None]
    text = [e for e in examples if e.codes is None]
    return LMBatch(_motion_rows(motion) if motion else None, _text_rows(text) if text else None)


def hide_past(example: Example, share: float, rng: np.random.Generator) -> Example:
    """Hide some of the steps that the decoder would see, in about ``share`` of the motions.

    A motion's past tells nearly all of its next step, and the little that is left for the sentence to say is
    lost in the mean over steps: a decoder fed with the truth alone learns to do without its prompt. The part
    hidden is drawn for each row, up to the whole, where only the sentence is left to go by. ``rng`` is the
    row's own, so that what is hidden does not hang on how many processes share the batch.
    """
    if example.codes is None or share <= 0:
        return example
    rate = 1.5 * rng.random() if rng.random() < share else 0.0
    return replace(example, hidden=rng.random(len(example.codes)) < rate)


def _given(examples: Sequence[Example]) -> tuple[Tensor | None, Tensor | None]:
    if all(e.given is None for e in examples):
        return None, None
    slots = next(e.given.shape[1] for e in examples if e.given is not None)
    return pad_codes([np.zeros((0, slots), np.int64) if e.given is None else e.given for e in examples])


def _motion_rows(pairs: Sequence[tuple[Example, int]]) -> MotionRows:
    examples = [e for e, _ in pairs]
    ids, mask = pad_prompts([e.prompt for e in examples])
    codes, real = pad_codes([e.codes for e in examples if e.codes is not None])
    numbers = torch.tensor([n for _, n in pairs])
    hidden = _hidden(examples, codes.shape[1])
    return MotionRows(
        ids,
        mask,
        *_given(examples),
        codes=codes,
        steps=real.sum(1),
        clips=numbers,
        labels=_labels(examples),
        rhythm=_rhythm(examples, codes.shape[1]),
        hidden=hidden,
    )


def _labels(examples: Sequence[Example]) -> Tensor:
    """The labels of their actions, ``(B, ACTIONS, len(FIELDS))``, -100 where they are not told."""
    untold = np.full((ACTIONS, len(FIELDS)), IGNORE, np.int64)
    return torch.from_numpy(np.stack([untold if e.labels is None else e.labels for e in examples]))


def _rhythm(examples: Sequence[Example], width: int) -> Tensor:
    """The rhythm of their steps, ``(B, width)``, -100 where it is not known."""
    rows = torch.full((len(examples), width), IGNORE)
    for row, example in zip(rows, examples, strict=True):
        if example.rhythm is not None:
            row[: len(example.rhythm)] = torch.from_numpy(example.rhythm)
    return rows


def _hidden(examples: Sequence[Example], width: int) -> Tensor | None:
    """Their masks, ``(B, width)``; None where none has one."""
    if all(e.hidden is None for e in examples):
        return None
    hidden = torch.zeros(len(examples), width, dtype=torch.bool)
    for row, example in enumerate(examples):
        if example.hidden is not None:
            hidden[row, : len(example.hidden)] = torch.from_numpy(example.hidden)
    return hidden


def _text_rows(examples: Sequence[Example]) -> TextRows:
    ids, mask = pad_prompts([e.prompt for e in examples])
    answers, real = pad_prompts([e.answer or [] for e in examples])
    inputs = torch.cat([torch.full_like(answers[:, :1], PAD), answers[:, :-1]], 1)
    targets = answers.masked_fill(~real, IGNORE)
    return TextRows(ids, mask, *_given(examples), inputs=inputs, targets=targets, labels=_labels(examples))


class Schedule:
    """Which clips make up the batch of a step: an epoch sees a clip at most once, in an order of its own.

    What does not fill a batch waits for another epoch; too few clips for one batch repeat within it.

    Args:
        steps: length of each clip, in steps.
        batch_size: clips per batch.
        parts: what the order is drawn from, such as ``(seed, stage)``.
    """

    def __init__(self, steps: IntArray, batch_size: int, *parts: int | str) -> None:
        self._steps, self._size, self._parts = steps, batch_size, parts
        self._per_epoch = max(len(steps) // batch_size, 1)
        self._epoch = functools.lru_cache(maxsize=2)(self._draw)

    def _draw(self, epoch: int) -> IntArray:
        """Clips of all batches of an epoch: ``(batches, batch_size)``."""
        rng = generator(*self._parts, "epoch", epoch)
        total = self._per_epoch * self._size
        order = np.resize(rng.permutation(len(self._steps)), total)
        for first in range(0, total, _POOL * self._size):
            pool = order[first : first + _POOL * self._size]
            batches = pool[np.argsort(self._steps[pool], kind="stable")].reshape(-1, self._size)
            order[first : first + len(pool)] = rng.permutation(batches).reshape(-1)
        # Within a batch the longer clips would always be the last rows, and so fall to one task or process.
        return rng.permuted(order.reshape(-1, self._size), axis=1)

    def clips(self, step: int) -> IntArray:
        """Clips of the batch of ``step``, ``(batch_size,)``."""
        epoch, within = divmod(step, self._per_epoch)
        return self._epoch(epoch)[within]


class Tasks:
    """Makes examples of clips in the store.

    Args:
        store: codes, texts and labels.
        processor: the vocabulary.
        labels: the numbers of the labels.
        places: what each slot of a step tells, ``(K,)``, as the grammar has them.
        max_prompt: longest prompt and answer, in pieces.
        max_steps: longest motion; the rest is cut off.
        both_hands_weight: of captions that say left and right, among a clip's, to be the prompt; others: 1.
        completes: whether the model can complete a motion; the ``flat`` form cannot.
    """

    def __init__(
        self,
        store: TokenStore,
        processor: SentencePieceProcessor,
        labels: LabelVocabulary,
        places: IntArray,
        max_prompt: int,
        max_steps: int,
        both_hands_weight: float = 1.0,
        completes: bool = True,
    ) -> None:
        self.store, self.processor, self.labels, self.places = store, processor, labels, places
        self.max_prompt, self.max_steps = max_prompt, max_steps
        self.both_hands_weight, self.completes = both_hands_weight, completes

    def ids(self, text: str) -> list[int]:
        """Ids of a prompt or answer, ``<eos>`` behind."""
        return encode(self.processor, text, self.max_prompt)

    def codes(self, clip: int) -> IntArray:
        """The clip's motion, no longer than the model's longest."""
        return self.store.codes(clip)[: self.max_steps]

    def told(self, clip: int) -> IntArray | None:
        """The labels of the clip's actions, most of which its captions tell; None where it has none."""
        actions = self.store.actions(clip)
        return self.labels.numbers(actions) if actions else None

    def rhythm(self, clip: int) -> IntArray:
        """Where each step stands in the clip's actions and their cycles, ``(S,)``."""
        return rhythm(self.store.actions(clip), min(int(self.store.steps[clip]), self.max_steps))

    def caption(self, clip: int, rng: np.random.Generator) -> str:
        """One of the clip's captions, normalised, as an answer: all are as likely."""
        texts = self.store.texts(clip)
        return prompts.normalise(texts[int(rng.integers(len(texts)))])

    def sentence(self, clip: int, rng: np.random.Generator) -> str:
        """One of the clip's captions, normalised, as a prompt.

        Where left and right are both said, of hands or of directions, the order of the words alone tells
        which is which; captions as they come have few of these, and an encoder learns them late.
        """
        texts = [prompts.normalise(t) for t in self.store.texts(clip)]
        weights = np.array([self.both_hands_weight if "left" in t and "right" in t else 1.0 for t in texts])
        return texts[int(rng.choice(len(texts), p=weights / weights.sum()))]

    def text_to_motion(self, clip: int, rng: np.random.Generator) -> Example:
        """The prompt the runtime uses, and the motion."""
        prompt = self.ids(prompts.TEXT_TO_MOTION.format(text=self.sentence(clip, rng)))
        return Example(prompt, codes=self.codes(clip), labels=self.told(clip), rhythm=self.rhythm(clip))

    def completion(self, clip: int, rng: np.random.Generator) -> Example:
        """The prompt the runtime uses, with a part of the motion, and the whole; some without a sentence.

        It tells no labels: words next to given codes need not be read to know them. A clip of less than three
        steps has no parts.
        """
        told = rng.random() < _SENTENCE_SHARE
        made = self.text_to_motion(clip, rng)
        codes = self.codes(clip)
        if len(codes) < SHORTEST:
            return made
        prompt = made.prompt if told else self.ids(prompts.COMPLETE)
        given = keep_part(codes, self.places, draw_part(rng), rng)
        return replace(made, prompt=prompt, given=given, labels=None)

    def motion_to_text(self, clip: int, rng: np.random.Generator) -> Example:
        """The prompt the runtime uses, with the motion, and a caption."""
        answer = self.ids(self.caption(clip, rng))
        prompt, motion = self.ids(prompts.MOTION_TO_TEXT), self.codes(clip)
        return Example(prompt, given=motion, answer=answer, labels=self.told(clip))


def caption_rows(size: int, share: float) -> set[int]:
    """Rows of a batch that are captions: ``share`` of them, spread evenly."""
    count = round(size * share)
    return {int((i + 0.5) * size / count) for i in range(count)}


def validation_batches(
    tasks: Tasks, clips: int, batch_size: int, make: Callable[[int, np.random.Generator], Example]
) -> list[LMBatch]:
    """The same batches every time: the first ``clips`` of the store, sorted by length, through ``make``."""
    order = np.argsort(tasks.store.steps[:clips], kind="stable")
    batches = []
    for first in range(0, len(order), batch_size):
        part = order[first : first + batch_size].tolist()
        batches.append(collate([make(i, generator("validation", i)) for i in part]))
    return batches
