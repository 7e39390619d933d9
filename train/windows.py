"""Motions held in memory, and the training windows cut from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from clutch_rt.errors import InputError
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array, IntArray
from torch import Tensor


@dataclass(frozen=True)
class Motions:
    """Many motions, one after the other.

    Attributes:
        frames: ``(sum of T, 2, 99)`` float32.
        starts: ``(N,)``, the first frame of each.
        lengths: ``(N,)``, the frames of each.
    """

    frames: Tensor
    starts: IntArray
    lengths: IntArray

    @staticmethod
    def gather(clips: Iterable[Float32Array]) -> Motions:
        """From arrays ``(T, 2, 99)``; InputError if there are none."""
        parts = [np.asarray(c, dtype=np.float32) for c in clips]
        if not parts:
            raise InputError("there are no clips to train on; run `python -m train.corpus` first")
        lengths = np.asarray([len(p) for p in parts], dtype=np.int64)
        return Motions(torch.from_numpy(np.concatenate(parts)), np.cumsum(lengths) - lengths, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Tensor:
        """One motion ``(T, 2, 99)``."""
        return self.frames[self.starts[index] : self.starts[index] + self.lengths[index]]

    def windows(self, size: int, count: int, rng: np.random.Generator, ends: int = 0) -> Tensor:
        """Random windows ``(count, size, 2, 99)``, of long motions more than of short ones.

        A motion shorter than the window stands still on its last frame. Windows are laid up to ``ends``
        frames beyond a motion's ends and moved back, so that its ends come more often.
        """
        chosen = rng.choice(len(self), size=count, p=self.lengths / self.lengths.sum())
        spare = np.maximum(self.lengths[chosen] - size, 0)
        first = np.clip(rng.integers(-ends, spare + ends + 1), 0, spare)
        offsets = np.minimum(first[:, None] + np.arange(size), self.lengths[chosen][:, None] - 1)
        return self.frames[torch.from_numpy(self.starts[chosen][:, None] + offsets)]


def whole_steps(frames: Tensor) -> Tensor:
    """A motion ``(T, 2, 99)`` with its last frame repeated until T is a multiple of 8."""
    missing = -len(frames) % FRAMES_PER_STEP
    return torch.cat([frames, frames[-1:].expand(missing, -1, -1)]) if missing else frames


def first(clips: Iterable[Float32Array], count: int) -> Sequence[Float32Array]:
    """At most ``count`` arrays of an iterable."""
    taken = []
    for clip in clips:
        taken.append(clip)
        if len(taken) >= count:
            break
    return taken
