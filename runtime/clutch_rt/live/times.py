"""Times in frames of 1/30 s, which may be sums of fractions: the whole frames about them."""

from __future__ import annotations

import math
from typing import Final

_ROUNDING: Final = 1e-6


def up(time: float) -> int:
    """The first frame at or after a time."""
    return math.ceil(time - _ROUNDING)


def down(time: float) -> int:
    """The last frame at or before a time."""
    return math.floor(time + _ROUNDING)
