"""Sampling noise that any language can reproduce: splitmix64 as a counter-based generator.

A number depends only on ``(seed, stream, step, slot, row)``, never on what was drawn before, so a
motion does not change with batch size, chunking, thread or host language.

The hash folds the five counters one after the other: ``h = finalise(seed + G)``, then for each counter
``c``: ``h = finalise((h ^ c) + G)``, with ``G = 0x9E3779B97F4A7C15`` and ``finalise`` the output
function of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
The uniform number is ``((h >> 11) + 0.5) / 2**53``, which is never 0 or 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.layout import Float32Array

NOISE_NAME: Final = "splitmix64-gumbel-1"

STREAM_MOTION: Final = 0
STREAM_LENGTH: Final = 1
STREAM_REST: Final = 2

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MASK: Final = 0xFFFFFFFFFFFFFFFF


def _finalise(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _fold(h: NDArray[np.uint64], counter: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return _finalise((h ^ counter) + _GOLDEN)


def uniform(seed: int, stream: int, step: int, slot: int, rows: int) -> NDArray[np.float64]:
    """Uniform numbers in the open interval (0, 1), one per row: ``(rows,)`` float64."""
    with np.errstate(over="ignore"):
        h = _finalise(np.asarray([seed & _MASK], dtype=np.uint64) + _GOLDEN)
        for counter in (stream, step, slot):
            h = _fold(h, np.asarray([counter & _MASK], dtype=np.uint64))
        h = _fold(h, np.arange(rows, dtype=np.uint64))
    return ((h >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53


def gumbel(seed: int, stream: int, step: int, slot: int, rows: int) -> Float32Array:
    """Standard Gumbel noise ``(rows,)``: ``argmax(logits / T + gumbel)`` samples ``softmax(logits / T)``."""
    return (-np.log(-np.log(uniform(seed, stream, step, slot, rows)))).astype(np.float32)


def step_noise(seed: int, step: int, rows: int, slots: int, stream: int = STREAM_MOTION) -> Float32Array:
    """Gumbel noise for every slot of one step: ``(slots, rows)`` float32."""
    return np.stack([gumbel(seed, stream, step, slot, rows) for slot in range(slots)])


def block_noise(
    seed: int, first: int, steps: int, rows: int, slots: int, stream: int = STREAM_MOTION
) -> Float32Array:
    """``step_noise`` of ``steps`` steps from ``first`` on, the same numbers: ``(steps, slots, rows)``."""
    with np.errstate(over="ignore"):
        h = _finalise(np.asarray([seed & _MASK], dtype=np.uint64) + _GOLDEN)
        h = _fold(h, np.asarray([stream & _MASK], dtype=np.uint64))
        h = _fold(h, np.arange(first, first + steps, dtype=np.uint64)[:, None, None])
        h = _fold(h, np.arange(slots, dtype=np.uint64)[:, None])
        h = _fold(h, np.arange(rows, dtype=np.uint64))
    uniform_numbers = ((h >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return (-np.log(-np.log(uniform_numbers))).astype(np.float32)
