"""Sampling noise that any language can reproduce: splitmix64 as a counter-based generator.

A number depends only on ``(seed, stream, step, slot, row)``, never on what was drawn before, so a
motion does not change with batch size, chunking, thread or host language.

The hash folds the five counters one after the other: ``h = finalise(seed + G)``, then for each counter
``c``: ``h = finalise((h ^ c) + G)``, with ``G = 0x9E3779B97F4A7C15`` and ``finalise`` the output
function of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
The uniform number is ``((h >> 11) + 0.5) / 2**53``, which is never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.layout import Float32Array
from clutch_rt.native_library import Library, library

NOISE_NAME: Final = "splitmix64-gumbel-1"

STREAM_MOTION: Final = 0
STREAM_LENGTH: Final = 1
STREAM_REST: Final = 2
STREAM_PLAN: Final = 3

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_ROUNDS: Final = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


def _finalise(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for shift, factor in _ROUNDS:
        x = (x ^ (x >> shift)) * factor
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


def step_noise(seed: int, step: int, rows: int, slots: int) -> Float32Array:
    """Gumbel noise for every slot of one step: ``(slots, rows)`` float32."""
    return np.stack([gumbel(seed, STREAM_MOTION, step, slot, rows) for slot in range(slots)])


def plan_noise(seed: int, actions: int, rows: int) -> Float32Array:
    """Gumbel noise of a plan: ``(actions, rows)`` float32, the rows of all its fields side by side."""
    return np.stack([gumbel(seed, STREAM_PLAN, action, 0, rows) for action in range(actions)])


def block_noise(seed: int, first: int, steps: int, rows: Sequence[int]) -> Float32Array:
    """The numbers of ``step_noise`` for ``steps`` steps from ``first`` on: ``(steps, C, max rows)`` float32.

    Args:
        seed: of the generator.
        first, steps: the block.
        rows: of each of a step's C choices; zeros fill up the shorter ones.
    """
    if isinstance(found := library(), Library):
        return found.noise(seed & _MASK, STREAM_MOTION, first, steps, rows)
    with np.errstate(over="ignore"):
        h = _finalise(np.asarray([seed & _MASK], dtype=np.uint64) + _GOLDEN)
        h = _fold(h, np.asarray([STREAM_MOTION], dtype=np.uint64))
        h = _fold(h, np.arange(first, first + steps, dtype=np.uint64)[:, None])
        h = _fold(h, np.arange(len(rows), dtype=np.uint64))
    block = np.zeros((steps, len(rows), max(rows)), np.float32)
    for size in sorted(set(rows)):
        alike = [slot for slot, n in enumerate(rows) if n == size]
        block[:, alike, :size] = _gumbels(h[:, alike], size)
    return block


def _gumbels(h: NDArray[np.uint64], rows: int) -> Float32Array:
    """Gumbel noise of rows 0 on, the other counters folded into ``h (...,)``: ``(..., rows)`` float32.

    ``gumbel``'s own arithmetic in two buffers: this is most of what Python does for a step.
    """
    with np.errstate(over="ignore"):
        x = h[..., None] ^ np.arange(rows, dtype=np.uint64)
        x += _GOLDEN
        spare = np.empty_like(x)
        for shift, factor in _ROUNDS:
            np.right_shift(x, shift, out=spare)
            x ^= spare
            x *= factor
        np.right_shift(x, np.uint64(31), out=spare)
        x ^= spare
    np.right_shift(x, np.uint64(11), out=x)
    u = spare.view(np.float64)
    u[...] = x.view(np.int64)
    u += 0.5
    u *= 2.0**-53
    np.log(u, out=u)
    np.negative(u, out=u)
    np.log(u, out=u)
    np.negative(u, out=u)
    return u.astype(np.float32)
