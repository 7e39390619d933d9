"""How long: a length that was asked for is kept, and one that was not is near the clip's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array, IntArray
from numpy.typing import NDArray

from train.corpus import Clip
from train.evaluate.samplers import AsksLength, Sampler

# A motion is as long as its clip when it is within this part of the clip's length.
NEAR: Final = 0.15


def length_errors(motions: Sequence[Float32Array], clips: Sequence[Clip]) -> NDArray[np.float64]:
    """By what part each motion is longer or shorter than the clip's own, ``(N,)``."""
    made = np.asarray([len(motion) for motion in motions], np.float64)
    return np.asarray(np.abs(made / [len(clip.frames) for clip in clips] - 1.0))


def near(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for each of ``length_errors`` that is within ``NEAR``, else 0."""
    return np.asarray(errors <= NEAR + 1e-9, np.float64)  # 68 for 80 is 15 %, whatever its last bit says


def asked_lengths(count: int, max_steps: int, rng: np.random.Generator) -> IntArray:
    """``count`` lengths in frames, from a step to ``max_steps`` of them, most of them no whole steps."""
    return rng.integers(FRAMES_PER_STEP, max_steps * FRAMES_PER_STEP + 1, count)


def lengths_kept(
    sampler: Sampler, clips: Sequence[Clip], max_steps: int, rng: np.random.Generator
) -> list[float]:
    """1 for each clip whose sentence is given a motion of just the length asked for, else 0.

    Empty where the sampler cannot be asked.
    """
    if not isinstance(sampler, AsksLength) or not clips:
        return []
    frames = asked_lengths(len(clips), max_steps, rng)
    seeds = [int(seed) for seed in rng.integers(0, 2**31, len(clips))]
    made = sampler.generate_frames([clip.texts[0] for clip in clips], seeds, frames.tolist())
    return [float(len(motion) == asked) for motion, asked in zip(made, frames, strict=True)]
