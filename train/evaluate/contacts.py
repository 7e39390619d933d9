"""Two hands that touch: how much, how long, how often, and whether they pass through each other.

Flesh is what the corpus takes it for: spheres at and between the joints of each hand, of the neutral hand's
own thickness. The three figures of contact are those that work on bimanual interaction reports (HandX): the
part of the time, the length of a contact, and contacts per second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from clutch_rt.flesh import sphere_radii, two_hand_spheres
from clutch_rt.layout import FPS, Float32Array, FloatArray
from numpy.typing import NDArray

# Metres of air between the hands within which they are said to touch: the corpus leaves them none, and a
# reconstruction is off by about this much.
TOUCH: Final = 0.010
# Metres that flesh gives way; what goes deeper passes through.
DEEP: Final = 0.005
_FAR: Final = 0.10  # metres: boxes around the hands that are further apart are not looked into


@dataclass(frozen=True)
class Contact:
    """What two hands have to do with each other in one motion.

    Attributes:
        share: part of the frames in which they touch.
        rate: contacts per second.
        seconds: mean length of a contact; NaN where there is none.
        depth: how deep they are inside each other at worst, metres.
    """

    share: float
    rate: float
    seconds: float
    depth: float

    @property
    def touched(self) -> bool:
        """Whether they touch at all."""
        return self.share > 0.0


def gaps(frames: Float32Array) -> NDArray[np.float64]:
    """Air between the two hands in each frame of ``(T, 2, 99)``: ``(T,)`` metres, below 0 where they overlap.

    Hands further apart than 10 cm are given as infinitely far.
    """
    points = two_hand_spheres(frames)
    left, right = points[:, 0], points[:, 1]
    apart = np.maximum(left.min(1) - right.max(1), right.min(1) - left.max(1)).max(axis=1)
    out = np.full(len(points), math.inf)
    near = np.flatnonzero(apart < _FAR)
    if len(near):
        thick = (sphere_radii()[:, None] + sphere_radii()[None, :]).astype(np.float32)
        # From the left wrist on, float32 is good to a ten thousandth of a millimetre.
        origin = left[near, :1]
        a, b = ((points - origin).astype(np.float32) for points in (left[near], right[near]))
        away = np.sqrt(np.square(a[:, :, None] - b[:, None]).sum(-1))
        out[near] = (away - thick).min(axis=(1, 2))
    return out


def contact(apart: FloatArray) -> Contact:
    """The figures of a motion's ``gaps`` ``(T,)``."""
    touching = np.asarray(apart) <= TOUCH
    begins = int(np.count_nonzero(np.diff(touching.astype(np.int8), prepend=0) == 1))
    frames = int(np.count_nonzero(touching))
    return Contact(
        share=frames / len(touching),
        rate=begins * FPS / len(touching),
        seconds=frames / begins / FPS if begins else math.nan,
        depth=max(0.0, -float(np.min(apart))),
    )
