"""What is judged: a run's PyTorch models or an exported bundle, behind one face.

A bundle is sampled through the shipped runtime, so its figures are those of what users get.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import clutch_rt
import numpy as np
import torch
from clutch_rt import prompts
from clutch_rt.bundle import find_bundle
from clutch_rt.errors import InputError
from clutch_rt.flesh import parted
from clutch_rt.layout import FPS, FRAMES_PER_STEP, Float32Array, IntArray
from clutch_rt.motion import Motion

from models.captioning import caption
from models.generation import generate, pad_codes, pad_prompts
from models.lm import MotionLM
from models.shift import Shift
from train.evaluate.judged import files_of_bundle, files_of_run
from train.quiet import without_notes
from train.tokenizer import TOKENIZER_FILE, decode, encode, load_tokenizer


@dataclass(frozen=True)
class Reconstruction:
    """Motions after SHIFT and back, and their codes where the sampler shows them.

    Attributes:
        motions: arrays ``(T, 2, 99)``, as long as what went in.
        codes: arrays ``(S, K)``, or None.
        books: the name of each slot's codebook, where codes are shown.
        sizes: and its entries.
    """

    motions: list[Float32Array]
    codes: list[IntArray] | None = None
    books: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()


class Sampler(Protocol):
    """A model that can be judged."""

    @property
    def name(self) -> str:
        """For the report."""

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of the files it was loaded from, by name."""

    def generate(self, texts: Sequence[str], seeds: Sequence[int]) -> list[Float32Array]:
        """A motion ``(T, 2, 99)`` for each text, its length chosen by the model."""

    def reconstruct(self, motions: Sequence[Float32Array]) -> Reconstruction:
        """Motions ``(T, 2, 99)``, T a multiple of 8, through SHIFT and back."""

    def caption(self, motions: Sequence[Float32Array]) -> list[str]:
        """A sentence for each motion."""


@runtime_checkable
class AsksLength(Protocol):
    """A sampler that can be asked for a length as well."""

    def generate_frames(
        self, texts: Sequence[str], seeds: Sequence[int], frames: Sequence[int]
    ) -> list[Float32Array]:
        """A motion of so many frames for each text."""


@torch.no_grad()
def through_shift(shift: Shift, motions: Sequence[Float32Array], batch_size: int = 32) -> Reconstruction:
    """Encode and decode; motions of one length share a batch, for padding would change the codes."""
    device = shift.mean.device
    groups: dict[int, list[int]] = defaultdict(list)
    for index, motion in enumerate(motions):
        groups[len(motion)].append(index)
    frames: list[Float32Array] = [np.zeros((0, 2, 99), np.float32)] * len(motions)
    codes: list[IntArray] = [np.zeros((0, shift.tokens_per_step), np.int64)] * len(motions)
    for members in groups.values():
        for first in range(0, len(members), batch_size):
            part = members[first : first + batch_size]
            x = torch.from_numpy(np.stack([motions[i] for i in part])).to(device)
            found = shift.encode(x)
            decoded = shift.decode(found)
            for row, index in enumerate(part):
                frames[index] = decoded[row].cpu().numpy()
                codes[index] = found[row].cpu().numpy()
    return Reconstruction(frames, codes, shift.codebook_names, shift.codebook_sizes)


class TorchSampler:
    """The models of a run folder."""

    def __init__(self, run: Path, temperature: float, top_k: int, device: torch.device | None = None) -> None:
        """Load ``RUN/shift``, ``RUN/lm`` and ``RUN/tokenizer.model``; their errors say what is missing."""
        self._device = device or torch.device("cpu")
        self._shift = Shift.load(run / "shift").to(self._device)
        self._lm = MotionLM.load(run / "lm").to(self._device)
        self._pieces = load_tokenizer(run / TOKENIZER_FILE)
        self._temperature, self._top_k = temperature, top_k
        self.files = files_of_run(run)

    @property
    def name(self) -> str:
        """For the report."""
        return "PyTorch models of the run"

    def generate(self, texts: Sequence[str], seeds: Sequence[int]) -> list[Float32Array]:
        """A motion for each text."""
        return self._decode(self._codes(texts, seeds, None))

    def generate_frames(
        self, texts: Sequence[str], seeds: Sequence[int], frames: Sequence[int]
    ) -> list[Float32Array]:
        """A motion of so many frames for each text: whole steps are made and cut, as the runtime does."""
        steps = [-(-count // FRAMES_PER_STEP) for count in frames]
        made = self._decode(self._codes(texts, seeds, steps))
        return [motion[:count] for motion, count in zip(made, frames, strict=True)]

    def _codes(
        self, texts: Sequence[str], seeds: Sequence[int], steps: Sequence[int] | None
    ) -> list[IntArray]:
        if len(texts) != len(seeds):
            raise InputError(f"{len(texts)} texts came with {len(seeds)} seeds; give one seed per text")
        asked = [encode(self._pieces, prompts.text_to_motion(text)) for text in texts]
        ids, mask = pad_prompts(asked, self._device)
        return generate(self._lm, ids, mask, seeds, steps, temperature=self._temperature, top_k=self._top_k)

    @torch.no_grad()
    def _decode(self, codes: Sequence[IntArray]) -> list[Float32Array]:
        """Frames as the runtime gives them. The decoder is causal: unequal lengths may share a batch."""
        out: list[Float32Array] = []
        for first in range(0, len(codes), 32):
            part = codes[first : first + 32]
            frames = self._shift.decode(pad_codes(part, self._device)[0]).cpu().numpy()
            out += [parted(frames[row, : len(motion) * FRAMES_PER_STEP]) for row, motion in enumerate(part)]
        return out

    def reconstruct(self, motions: Sequence[Float32Array]) -> Reconstruction:
        """Through SHIFT and back."""
        return through_shift(self._shift, motions)

    def caption(self, motions: Sequence[Float32Array]) -> list[str]:
        """A sentence for each motion."""
        codes = through_shift(self._shift, motions).codes or []
        limit = self._lm.grammar.max_steps
        asked = encode(self._pieces, prompts.MOTION_TO_TEXT)
        found = caption(self._lm, asked, [c[:limit] for c in codes], ask=self._asked)
        return [decode(self._pieces, ids).strip() for ids in found]

    def _asked(self, ids: list[int]) -> list[int]:
        """The prompt of a motion such as a caption of these ids tells of."""
        return encode(self._pieces, prompts.TEXT_TO_MOTION.format(text=decode(self._pieces, ids).strip()))


class BundleSampler:
    """An exported bundle, through the runtime that ships with it."""

    def __init__(self, path: Path, temperature: float, top_k: int) -> None:
        """Open and verify the bundle; its errors say what is wrong with it."""
        self._model = clutch_rt.load(path)
        self._temperature, self._top_k = temperature, top_k
        self.files = files_of_bundle(find_bundle(path))

    @property
    def name(self) -> str:
        """For the report."""
        info = self._model.info
        return f"bundle {info.name} ({info.precision}, {info.device})"

    def generate(self, texts: Sequence[str], seeds: Sequence[int]) -> list[Float32Array]:
        """A motion for each text."""
        with without_notes():
            return [
                self._model.generate(t, seed=s, temperature=self._temperature, top_k=self._top_k).frames
                for t, s in zip(texts, seeds, strict=True)
            ]

    def generate_frames(
        self, texts: Sequence[str], seeds: Sequence[int], frames: Sequence[int]
    ) -> list[Float32Array]:
        """A motion of so many frames for each text, asked for in seconds as users do."""
        warmth, best = self._temperature, self._top_k
        with without_notes():
            return [
                self._model.generate(t, seconds=f / FPS, seed=s, temperature=warmth, top_k=best).frames
                for t, s, f in zip(texts, seeds, frames, strict=True)
            ]

    def reconstruct(self, motions: Sequence[Float32Array]) -> Reconstruction:
        """Through the bundle's SHIFT and back; the runtime does not show the codes."""
        return Reconstruction([self._model.reconstruct(Motion(m)).frames for m in motions])

    def caption(self, motions: Sequence[Float32Array]) -> list[str]:
        """A sentence for each motion."""
        return [self._model.caption(Motion(m)) for m in motions]
