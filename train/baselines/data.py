"""The clips of a run's corpus with their sentences, in memory, and the batches drawn from them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from clutch_rt.layout import FRAMES_PER_STEP, HAND_SIZE, HANDS
from torch import Tensor

from models.generation import pad_prompts
from train.baselines.text import Sentences
from train.examples import Schedule
from train.seeding import generator, share
from train.store import read_clips
from train.windows import Motions

WIDTH = len(HANDS) * HAND_SIZE


@dataclass(frozen=True)
class TextMotions:
    """Motions and, for each, the ids of every sentence that describes it."""

    motions: Motions
    texts: tuple[tuple[tuple[int, ...], ...], ...]

    @classmethod
    def read(cls, corpus: Path, split: str, clips: int, sentences: Sentences) -> TextMotions:
        """The first ``clips`` of a split; InputError where there are none."""
        frames, texts = [], []
        for clip in itertools.islice(read_clips(corpus, split=split), clips):
            frames.append(clip.frames)
            texts.append(tuple(sentences.ids(text) for text in clip.texts))
        return cls(Motions.gather(frames), tuple(texts))

    def __len__(self) -> int:
        return len(self.motions)

    @property
    def steps(self) -> np.ndarray:
        """Length of each in steps of 8 frames, ``(N,)`` int64."""
        return -(-self.motions.lengths // FRAMES_PER_STEP)


@dataclass(frozen=True)
class Batch:
    """Motions with one sentence each.

    Attributes:
        clips: ``(B,)`` int64, which they are.
        frames: ``(B, T, 2, 99)``, the last frame held behind the end.
        lengths: ``(B,)`` int64, frames.
        ids: ``(B, L)`` int64, pieces of the sentences.
        ids_mask: ``(B, L)`` bool.
    """

    clips: Tensor
    frames: Tensor
    lengths: Tensor
    ids: Tensor
    ids_mask: Tensor

    @property
    def mask(self) -> Tensor:
        """``(B, T)`` bool, true within each motion."""
        return within(self.lengths, self.frames.shape[1])

    def to(self, device: torch.device | str) -> Batch:
        """The same on a device."""
        return replace(self, **{name: value.to(device) for name, value in vars(self).items()})


def within(lengths: Tensor, size: int) -> Tensor:
    """``(B,)`` lengths to ``(B, size)`` bool, true before each end."""
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)


class Batches:
    """``(step, rank, world)`` to a process's share of the batch of a step; clips of like length together."""

    def __init__(self, data: TextMotions, batch_size: int, seed: int, stage: str) -> None:
        self._data, self._size, self._seed, self._stage = data, batch_size, seed, stage
        self._schedule = Schedule(data.steps, batch_size, seed, stage)

    def __call__(self, step: int, rank: int, world: int) -> Batch:
        clips = self._schedule.clips(step)
        rng = generator(self._seed, self._stage, "texts", step)
        chosen = [self._text(int(clip), rng) for clip in clips]
        mine = share(self._size, rank, world)
        return collate(self._data, clips[mine], chosen[mine])

    def _text(self, clip: int, rng: np.random.Generator) -> tuple[int, ...]:
        texts = self._data.texts[clip]
        return texts[int(rng.integers(len(texts)))]


def collate(data: TextMotions, clips: Sequence[int] | np.ndarray, texts: Sequence[tuple[int, ...]]) -> Batch:
    """The motions of ``clips``, padded to the longest, with one sentence each."""
    lengths = data.motions.lengths[clips]
    offsets = np.minimum(np.arange(lengths.max()), lengths[:, None] - 1)
    frames = data.motions.frames[torch.from_numpy(data.motions.starts[clips][:, None] + offsets)]
    ids, mask = pad_prompts(texts)
    return Batch(torch.as_tensor(clips), frames, torch.from_numpy(lengths), ids, mask)


def validation_batches(data: TextMotions, size: int) -> list[Batch]:
    """All clips once, each with its first sentence, the short ones first."""
    order = np.argsort(data.steps, kind="stable")
    parts = (order[first : first + size] for first in range(0, len(order), size))
    return [collate(data, part, [data.texts[int(i)][0] for i in part]) for part in parts]
