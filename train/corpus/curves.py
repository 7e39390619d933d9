"""Curves over a cycle: every motion of the corpus is a sum of these, each tabulated once.

A curve is a function of phase, one unit per cycle. It is written as a name (`"sin"`, `"bump"`, ...) or as
keys `((phase, value), ...)` joined by minimum-jerk segments (Flash and Hogan 1985: position along
10u^3 - 15u^4 + 6u^5 has zero velocity and acceleration at both ends).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Keys = tuple[tuple[float, float], ...]
Curve = str | Keys

SAMPLES = 256


def min_jerk(u: FloatArray) -> FloatArray:
    """The minimum-jerk step: 0 for `u <= 0`, 1 for `u >= 1`, same shape as `u`."""
    u = np.clip(u, 0.0, 1.0)
    return u * u * u * (10.0 + u * (6.0 * u - 15.0))


def keyed(keys: Keys, p: FloatArray) -> FloatArray:
    """The curve through `keys` at phases `p` (any shape), constant before the first and after the last."""
    value = np.full_like(p, keys[0][1])
    for (p0, v0), (p1, v1) in pairwise(keys):
        value += (v1 - v0) * min_jerk((p - p0) / max(p1 - p0, 1e-6))
    return value


def _named(name: str, p: FloatArray) -> FloatArray:
    turn = 2.0 * np.pi * p
    if name == "sin":
        return np.sin(turn)
    if name == "cos":
        return np.cos(turn)
    if name == "bump":  # 0 -> 1 -> 0
        return 0.5 - 0.5 * np.cos(turn)
    if name == "strike":  # slow back, fast forth: 0 -> 1 at 0.62 -> 0
        return keyed(((0.0, 0.0), (0.62, 1.0), (1.0, 0.0)), p)
    if name == "swing":  # -1 .. 1 .. -1 starting and ending at 0, softer than a sine at the ends
        return np.sin(turn) - 0.12 * np.sin(3.0 * turn)
    raise KeyError(name)


NAMED = ("sin", "cos", "bump", "strike", "swing")


@lru_cache(maxsize=1024)
def table(curve: Curve) -> FloatArray:
    """The curve at `SAMPLES + 1` phases from 0 to 1, `(SAMPLES + 1,)`."""
    p = np.linspace(0.0, 1.0, SAMPLES + 1)
    values = _named(curve, p) if isinstance(curve, str) else keyed(curve, p)
    values.setflags(write=False)
    return values


def sample(tables: FloatArray, phase: FloatArray, periodic: NDArray[np.bool_]) -> FloatArray:
    """Read W tabulated curves at T phases each.

    Args:
        tables: `(W, SAMPLES + 1)`.
        phase: `(T, W)`, in cycles.
        periodic: `(W,)`; a curve that is not periodic holds its end values. A periodic curve that
            ends elsewhere than it began climbs by the difference every cycle.

    Returns:
        `(T, W)`.
    """
    cycle = np.where(periodic, np.floor(phase), 0.0)
    wrapped = np.where(periodic, phase - cycle, np.clip(phase, 0.0, 1.0))
    position = wrapped * SAMPLES
    index = np.minimum(position.astype(np.int64), SAMPLES - 1)
    fraction = position - index
    row = np.arange(tables.shape[0])
    low = tables[row, index]
    climb = cycle * (tables[:, -1] - tables[:, 0])
    return low + fraction * (tables[row, index + 1] - low) + climb
