"""Hands that have nothing to do: a natural pose, and the small life that keeps it from looking dead.

What moves is a sum of sines of the frame's own number, so a rest is the same whenever it is looked at, after
an hour as after a second: nothing is added up from frame to frame.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.errors import InputError
from clutch_rt.frames import clean_frames
from clutch_rt.hand import local_rotations
from clutch_rt.layout import FPS, HAND_SIZE, HANDS, Float32Array, mirror_hand
from clutch_rt.live.offset import ROWS, Offset, moved, no_offset
from clutch_rt.noise import STREAM_REST, uniform
from clutch_rt.rotations import axis_angle_from_matrix, normalize

# The right hand at rest: wrist in metres; turns of the wrist and the 15 finger joints as rotation vectors,
# radians, MANO order. The motions of the procedural corpus begin and end near it: it is where their people
# rest on average, which a test checks.
_WRIST: Final = (0.16, -0.335, -0.33)
_TURNS: Final = (
    (-0.258, -1.213, -0.571),
    *((-0.007, 0.046, 0.280), (-0.021, -0.008, 0.418), (-0.010, -0.004, 0.189)),  # index
    *((-0.035, 0.016, 0.329), (-0.049, 0.023, 0.468), (-0.023, 0.011, 0.222)),  # middle
    *((-0.126, 0.053, 0.420), (-0.141, 0.155, 0.536), (-0.072, 0.079, 0.273)),  # pinky
    *((-0.093, 0.018, 0.374), (-0.116, 0.073, 0.505), (-0.057, 0.036, 0.249)),  # ring
    *((0.162, 0.013, 0.217), (0.117, -0.253, 0.019), (0.158, -0.272, -0.006)),  # thumb
)

_WAVES: Final = 2  # sines in every movement: one alone would tick like a clock
_BREATH: Final = 0.26  # breaths per second of a person at rest
_SLOWEST, _FASTEST = 0.07, 0.31  # Hz, of all that is not breath
_RISE: Final = 0.0022  # metres the breath lifts the wrists
_DRIFT: Final = 0.0012  # metres a wrist wanders in each direction
_SWAY: Final = np.radians(0.9)  # of the wrist's turn
_CURL: Final = np.radians(1.3)  # of a finger joint, along the way it is bent already


@lru_cache(maxsize=1)
def natural_rest() -> Float32Array:
    """Hands hanging easily before the body, palms down: ``(2, 99)`` float32, read-only, ``openxr`` space."""
    still = np.zeros(HAND_SIZE, np.float32)
    still[:6] = still[9:15] = (1, 0, 0, 0, 1, 0)
    still[9:] = np.tile(still[9:15], ROWS - 2)
    right = moved(np.stack([still, still]), np.concatenate([[_WRIST], _TURNS])[None])[1]
    return clean_frames(np.stack([mirror_hand(right), right])[None])[0]


class Rest:
    """An endless rest: ``(2, 99)`` frames about a pose, told by their number alone.

    Args:
        pose: ``(2, 99)``, left then right; None takes ``natural_rest``.
        seed: of the small movements.

    Raises:
        InputError: ``pose`` is no frame of two hands.
    """

    def __init__(self, pose: Any = None, seed: int = 0) -> None:
        self.pose = natural_rest() if pose is None else _clean_pose(pose)
        draw = uniform(seed, STREAM_REST, 0, 0, 2 * _WAVES * len(HANDS) * ROWS * 3)
        hertz, phase = draw.reshape(2, _WAVES, len(HANDS), ROWS, 3)
        hertz = _SLOWEST + (_FASTEST - _SLOWEST) * hertz
        hertz[0, :, 0, 1], phase[0, :, 0, 1] = _BREATH, phase[0, 0, 0, 1]  # both wrists rise with one chest
        self._turn: NDArray[np.float64] = hertz / FPS
        self._phase = phase
        self._size = _sizes(self.pose)

    def frames(self, first: int, count: int) -> Float32Array:
        """Frames ``first`` to ``first + count - 1`` of the rest, ``(count, 2, 99)``."""
        number = np.arange(first, first + count, dtype=np.float64)[:, None, None, None, None]
        # The whole turns are taken off first: the sine of a great number has fewer digits.
        waves = np.sin(2.0 * np.pi * ((self._turn * number) % 1.0 + self._phase)).sum(axis=1) / _WAVES
        pose = np.broadcast_to(self.pose, (count, *self.pose.shape))
        return moved(pose, self._bent(waves) * self._size)

    def _bent(self, waves: Offset) -> Offset:
        """A finger joint has one movement, not three: along the axis it bends about."""
        waves[..., 2:, :] = waves[..., 2:, :1]
        return waves


def _sizes(pose: Float32Array) -> Offset:
    """The greatest offset ``(2, 17, 3)`` that the rest makes from its pose."""
    size = no_offset()
    size[:, 0] = (_DRIFT, _RISE, _DRIFT)
    size[:, 1] = _SWAY
    bend = axis_angle_from_matrix(local_rotations(pose.astype(np.float64)))[:, 1:]
    size[:, 2:] = _CURL * normalize(bend)
    return size


def _clean_pose(pose: Any) -> Float32Array:
    frame = np.asarray(pose)
    if frame.shape != (len(HANDS), HAND_SIZE):
        raise InputError(
            f"the pose of rest has shape {frame.shape}; a frame ({len(HANDS)}, {HAND_SIZE}) is wanted, "
            "such as motion.frames[0]"
        )
    return clean_frames(frame[None])[0]
