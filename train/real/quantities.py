"""What a motion is compared by: how joints bend, where the hand points, how fast all of it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from clutch_rt.hand import flexion_axes, forward, neutral_hand
from clutch_rt.layout import FPS, LEFT, POSE, POSE_JOINTS, ROTATION, TRANSLATION, Float32Array, mirror_hand
from clutch_rt.rotations import axis_angle_from_matrix, matrix_from_6d
from numpy.typing import NDArray

Array = NDArray[np.float64]

KNUCKLES: Final = (0, 3, 6, 9)  # of the 15 joints; the joints of a finger follow each other
_THUMB: Final = 12


@dataclass(frozen=True)
class Quantity:
    """One number of a hand's motion.

    Attributes:
        name, unit: as a table has them.
        of_fingers: whether fingers have it; else the wrist has.
    """

    name: str
    unit: str
    of_fingers: bool


QUANTITIES: Final = (
    Quantity("knuckle bend", "degrees", True),
    Quantity("middle joint bend", "degrees", True),
    Quantity("last joint bend", "degrees", True),
    Quantity("spread", "degrees", True),
    Quantity("thumb bend", "degrees", True),
    Quantity("finger speed", "degrees/s", True),
    Quantity("fingers point up", "degrees", False),
    Quantity("palm faces up", "degrees", False),
    Quantity("wrist speed", "m/s", False),
    Quantity("wrist acceleration", "m/s²", False),
    Quantity("turning speed", "degrees/s", False),
)


@dataclass(frozen=True)
class HandMotion:
    """One hand of a clip in right-hand form.

    Attributes:
        values: each quantity's numbers, `(n,)`, one per frame and joint it counts.
        postures: `(T, 21, 3)` joints in metres from the wrist, the wrist's turn undone.
        turns: `(T, 3, 3)` the wrist's rotation.
    """

    values: dict[str, Array]
    postures: Array
    turns: Array


@lru_cache(maxsize=1)
def _axes() -> Array:
    return np.asarray(flexion_axes(neutral_hand("right")), np.float64)


def measure_hand(frames: Float32Array, side: int) -> HandMotion:
    """Measure a hand `(T, 99)` of a clip; a left hand as its mirror image.

    A bend is the component of a joint's rotation vector along its flexion axis.
    """
    params: Array = np.asarray(mirror_hand(frames) if side == LEFT else frames, np.float64)
    turns = matrix_from_6d(params[:, ROTATION])
    local = matrix_from_6d(params[:, POSE].reshape(-1, POSE_JOINTS, 6))
    angles = np.einsum("tjc,jac->tja", axis_angle_from_matrix(local), _axes())
    bends = np.degrees(angles[..., 0])
    knuckles = list(KNUCKLES)
    middle, last = [j + 1 for j in knuckles], [j + 2 for j in knuckles]
    velocity = np.diff(params[:, TRANSLATION], axis=0) * FPS
    values = {
        "knuckle bend": bends[:, knuckles],
        "middle joint bend": bends[:, middle],
        "last joint bend": bends[:, last],
        "spread": np.degrees(angles[:, knuckles, 1]),
        "thumb bend": bends[:, [_THUMB + 1, _THUMB + 2]],
        "finger speed": np.abs(np.diff(bends[:, knuckles + middle], axis=0)) * FPS,
        # The fingers are -X and the back of the hand +Y of the wrist's axes.
        "fingers point up": np.degrees(np.arcsin(np.clip(-turns[:, 1, 0], -1.0, 1.0))),
        "palm faces up": np.degrees(np.arcsin(np.clip(-turns[:, 1, 1], -1.0, 1.0))),
        "wrist speed": np.linalg.norm(velocity, axis=-1),
        "wrist acceleration": np.linalg.norm(np.diff(velocity, axis=0), axis=-1) * FPS,
        "turning speed": _turning(turns),
    }
    home = params.copy()
    home[:, ROTATION] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    home[:, TRANSLATION] = 0.0
    postures = np.asarray(forward(neutral_hand("right"), home).joints)
    return HandMotion({name: np.ravel(value) for name, value in values.items()}, postures, turns)


def _turning(turns: Array) -> Array:
    """Degrees a second between frames, `(T - 1,)`."""
    trace = np.einsum("tij,tij->t", turns[1:], turns[:-1])
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0))) * FPS)


def joined(hands: Sequence[HandMotion], name: str) -> Array:
    """A quantity over many hands."""
    return np.concatenate([hand.values[name] for hand in hands]) if hands else np.zeros(0)


def nearest_posture(asked: Array, known: Array) -> Array:
    """How far each posture `(N, 21, 3)` is from the nearest of `(M, 21, 3)`: RMS over joints, mm, `(N,)`."""
    from scipy.spatial import cKDTree

    moving = asked.shape[1] - 1  # the wrist is the origin
    distance, _ = cKDTree(known.reshape(len(known), -1)).query(asked.reshape(len(asked), -1))
    return np.asarray(distance) / np.sqrt(moving) * 1000.0


def nearest_turn(asked: Array, known: Array) -> Array:
    """How far each rotation `(N, 3, 3)` is from the nearest of `(M, 3, 3)`, degrees, `(N,)`."""
    trace = (asked.reshape(-1, 9) @ known.reshape(-1, 9).T).max(axis=1)
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0))))
