"""From one motion to another without a jump: the gap between them at the seam, let go smoothly.

This is inertialisation (D. Bollo, "Inertialization", Game Developers Conference 2018) with a plain polynomial
of degree five: at the seam the gap has the size and the speed that the hands need, at the end both are zero,
and so is the acceleration. From the seam on only the new motion need be known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from clutch_rt.layout import Float32Array
from clutch_rt.live.offset import Offset, moved, near, offset_between

# A gap closes in SHORTEST frames, or in as many as keep its wrists below REACH metres and its joints below
# TURN radians a frame at the fastest (0.6 m/s, 6 rad/s: an unhurried reach), but in LONGEST at most.
SHORTEST: Final = 12.0
LONGEST: Final = 45.0
REACH: Final = 0.02
TURN: Final = 0.2
_STEEPEST: Final = 15.0 / 8.0  # the greatest slope of the polynomial


@dataclass(frozen=True)
class Blend:
    """A gap that closes: added to the new motion's frames, it makes them go on from the old one's.

    Attributes:
        gap: offset from the new motion to the old at time 0.
        speed: how it changes at time 0, per frame of 1/30 s.
        frames: time until it is closed.
    """

    gap: Offset
    speed: Offset
    frames: float

    def at(self, times: float | np.ndarray) -> Offset:
        """The gap ``(..., 2, 17, 3)`` at ``times (...)``, frames since the seam; zeros from the end on."""
        t = np.clip(np.asarray(times, dtype=np.float64) / self.frames, 0.0, 1.0)[..., None, None, None]
        stay = 1.0 + t**3 * (-10.0 + t * (15.0 - 6.0 * t))
        go = t * (1.0 + t**2 * (-6.0 + t * (8.0 - 3.0 * t)))
        return stay * self.gap + go * self.frames * self.speed

    def apply(self, frames: Float32Array, first: float = 0.0) -> Float32Array:
        """Frames ``(n, 2, 99)`` of the new motion, the first one ``first`` frames after the seam, blended."""
        times = first + np.arange(len(frames))
        count = int(np.searchsorted(times, self.frames))
        if count == 0:
            return frames
        blended = moved(frames[:count], self.at(times[:count]))
        return np.concatenate([blended, frames[count:]])  # beyond the blend the new motion, bit for bit


def join(old: Float32Array, new: Float32Array, frames: float | None = None) -> Blend:
    """The blend from an old motion to a new one.

    Args:
        old: where the hands would be at the seam and one frame later, ``(2, 2, 99)``.
        new: where the new motion has them then.
        frames: how long the blend takes; None takes as long as the gap needs.
    """
    gap = offset_between(new[0], old[0])
    speed = near(offset_between(new[1], old[1]), gap) - gap
    return Blend(gap, speed, duration(gap) if frames is None else frames)


def duration(gap: Offset) -> float:
    """Frames in which a gap closes at an unhurried speed."""
    size = np.linalg.norm(gap, axis=-1)
    needed = _STEEPEST * max(float(size[:, 0].max()) / REACH, float(size[:, 1:].max()) / TURN)
    return float(np.clip(needed, SHORTEST, LONGEST))


def going_on(frames: Float32Array) -> Float32Array:
    """The next two frames ``(2, 2, 99)`` of a motion ``(n, 2, 99)`` that keeps the velocity it ends with."""
    speed = offset_between(frames[-2:][0], frames[-1])
    return moved(np.stack([frames[-1], frames[-1]]), np.stack([speed, 2.0 * speed]))
