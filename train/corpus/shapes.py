"""Shapes a hand takes: 21 finger angles each, in degrees as written, in radians as read.

Each is `(index, middle, ring, pinky)` of (abduct, knuckle, middle joint, last joint's own) and a thumb of
(abduct, flex, twist, knuckle, last joint); see `anatomy`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Finger = tuple[float, float, float, float]
Thumb = tuple[float, float, float, float, float]


def _shape(index: Finger, middle: Finger, ring: Finger, pinky: Finger, thumb: Thumb) -> FloatArray:
    values = np.radians(np.array([*index, *middle, *ring, *pinky, *thumb], dtype=np.float64))
    values.setflags(write=False)
    return values


def _even(
    knuckle: float, joint: float, thumb: Thumb, last: float = 0.0, spread: float = 0.0, fan: float = 0.0
) -> FloatArray:
    """All fingers alike; `fan` curls each finger more than the one before, `spread` opens them."""
    return _shape(
        (spread, knuckle, joint, last),
        (0.0, knuckle + fan, joint + fan, last),
        (0.7 * spread, knuckle + 2 * fan, joint + 2 * fan, last),
        (1.3 * spread, knuckle + 3 * fan, joint + 3 * fan, last),
        thumb,
    )


_FISTED: Finger = (0, 82, 98, 0)

SHAPES: dict[str, FloatArray] = {
    "relaxed": _even(16, 24, (15, 4, 0, 16, 18), fan=3),
    "flat": _even(2, 3, (-8, 6, 0, 2, 2), spread=2),
    "palm": _even(2, 3, (-22, 20, -20, 0, 4)),
    "cupped": _even(12, 13, (-20, 20, -18, 4, 8)),
    "fan": _even(0, 4, (-24, 16, -22, 0, 4), spread=9),
    "spread": _even(-6, 4, (18, -18, 0, -4, -4), spread=13),
    "fist": _shape(_FISTED, _FISTED, _FISTED, _FISTED, (22, 32, 10, 40, 45)),
    "power": _even(48, 62, (42, 20, 15, 22, 28), fan=3),
    "grip": _even(66, 84, (36, 26, 15, 30, 38), fan=2),
    "ball": _even(34, 40, (50, 5, 15, 14, 22), spread=9),
    "precision": _shape(
        (2, 74, 40, 10), (0, 42, 36, 0), (2, 38, 32, 0), (4, 34, 30, 0), (38, 38, 19, -14, 36)
    ),
    "tripod": _shape((0, 65, 53, 6), (-7, 76, 42, 0), (0, 70, 66, 0), (0, 72, 68, 0), (34, 38, 24, -5, 28)),
    "lateral": _shape((0, 55, 62, 0), (0, 62, 74, 0), (0, 66, 80, 0), (0, 66, 80, 0), (-1, 25, 0, 9, 12)),
    "hook": _even(16, 86, (14, 0, 0, 10, 12), last=4),
    "point": _shape((0, 2, 4, 0), _FISTED, _FISTED, _FISTED, (24, 30, 10, 36, 40)),
    "thumb": _shape(_FISTED, _FISTED, _FISTED, _FISTED, (0, -28, 0, -10, -12)),
    "claw": _even(28, 52, (40, 6, 12, 14, 20), spread=5, last=6),
    "purse": _shape((-9, 67, 34, 1), (2, 72, 29, -1), (-6, 66, 36, 2), (-9, 67, 11, -3), (37, 41, 21, 9, 8)),
    "keys": _even(22, 38, (26, -2, 0, 8, 14), spread=5),
    "mitten": _even(42, 14, (40, -2, 10, 8, 8)),
    "splitpinch": _shape((4, 28, 22, 0), (0, 16, 18, 0), (4, 12, 14, 0), (8, 10, 12, 0), (44, -4, 15, 2, 6)),
    # Signs and games of the fingers; where tips meet, the angles were solved for a gap of 12.5 mm.
    "peace": _shape((13, 0, 4, 0), (-9, 0, 4, 0), _FISTED, _FISTED, (30, 42, 24, 30, 40)),
    "okay": _shape((5, 70, 43, 0), (0, 14, 18, 0), (5, 8, 12, 0), (9, 2, 6, 0), (36, 36, 19, -6, 35)),
    "horns": _shape((3, 0, 4, 0), _FISTED, _FISTED, (9, 0, 4, 0), (30, 42, 26, 24, 34)),
    "callme": _shape(_FISTED, _FISTED, _FISTED, (14, -2, 4, 0), (14, -26, 0, -8, -10)),
    "crossed": _shape((-12, 30, 14, 0), (17, 18, 10, 0), _FISTED, _FISTED, (30, 42, 26, 30, 40)),
    "snap": _shape((2, 50, 40, 0), (0, 69, 47, 0), (0, 80, 86, 0), (0, 82, 92, 0), (38, 41, 24, 2, 31)),
    "snapped": _shape((0, 30, 30, 0), (0, 84, 92, 0), (0, 82, 90, 0), (0, 82, 92, 0), (16, 16, 8, -6, 6)),
    "flick": _shape((0, 60, 69, 0), (0, 20, 24, 0), (2, 24, 28, 0), (4, 28, 32, 0), (29, 31, 19, 12, 42)),
    "flicked": _shape((0, -2, 2, 0), (0, 20, 24, 0), (2, 24, 28, 0), (4, 28, 32, 0), (32, 10, 14, 0, 14)),
    "closed": _even(0, 3, (-16, 10, 0, 2, 4), spread=-3),
    "wide": _even(-4, 3, (26, -22, 0, -6, -6), spread=15),
    "ready": _shape((4, 10, 14, 0), (0, 10, 14, 0), (3, 10, 14, 0), (6, 10, 14, 0), (34, 22, 16, -2, 18)),
    "touchmiddle": _shape(
        (5, 12, 16, 0), (0, 69, 43, 0), (5, 12, 16, 0), (5, 12, 16, 0), (38, 41, 24, 2, 33)
    ),
    "touchring": _shape((5, 12, 16, 0), (0, 12, 16, 0), (5, 66, 42, 0), (5, 12, 16, 0), (38, 44, 32, 12, 34)),
    "touchlittle": _shape(
        (5, 12, 16, 0), (0, 12, 16, 0), (5, 12, 16, 0), (4, 65, 41, 0), (45, 50, 36, 23, 35)
    ),
    "tent": _even(6, 8, (-8, 8, -8, 0, 2), spread=8),
    "trigger": _shape((0, 34, 22, 0), (0, 56, 52, 0), (0, 66, 72, 0), (0, 68, 76, 0), (28, 28, 15, 26, 32)),
}
