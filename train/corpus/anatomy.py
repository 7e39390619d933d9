"""What a hand can do: finger angles, their limits and couplings, and the way to frame parameters.

A hand's state is 29 numbers, in *right-hand form* (a left hand is drawn as its mirror image and
reflected at the end): wrist position (3, metres), five turns (radians) and 21 finger angles (radians).
Yaw, pitch and roll turn the forearm: palm down and fingers forward is zero, positive yaw turns the
fingers inward, positive pitch lifts them, and roll supinates (90 degrees: palm inward, 180: up). Bend and
deviation turn the wrist: positive bend lifts the back of the hand, positive deviation goes to the thumb.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from clutch_rt.hand import flexion_axes, neutral_hand
from clutch_rt.layout import Float32Array, mirror_hand
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

WRIST = 8
_GRID = np.float32(2.0**15)
ANGLES = 21
STATE = WRIST + ANGLES

# Four angles a finger: abduct (from the middle finger), knuckle, middle joint, and what the last joint
# adds to its coupling with the middle joint. Five for the thumb: abduct (away from the palm's plane),
# flex and twist (opposition) of the carpometacarpal joint, then knuckle and last joint.
FINGERS = ("index", "middle", "ring", "pinky")
THUMB = slice(16, 21)
_MANO_JOINT = {"index": 0, "middle": 3, "pinky": 6, "ring": 9, "thumb": 12}
DIP_PER_PIP = 0.66  # Rijpkema and Girard 1991: the last joint follows the middle one by about two thirds

# Degrees. Ranges of motion after the AAOS joint motion handbook, a little wider where a firm grip
# presses the finger: (flex low, high, abduct low, high, twist low, high).
LIMITS: dict[str, tuple[tuple[float, float, float, float, float, float], ...]] = {
    "finger": ((-25, 95, -22, 22, 0, 0), (-5, 112, 0, 0, 0, 0), (-8, 85, 0, 0, 0, 0)),
    "thumb": ((-30, 50, -25, 65, -60, 60), (-15, 65, 0, 0, 0, 0), (-20, 85, 0, 0, 0, 0)),
}


def _angle_matrix() -> FloatArray:
    """`(21, 45)`: finger angles to (15 joints x flex, abduct, twist) in MANO joint order."""
    matrix = np.zeros((ANGLES, 15, 3))
    for f, finger in enumerate(FINGERS):
        joint = _MANO_JOINT[finger]
        matrix[4 * f, joint, 1] = 1.0
        matrix[4 * f + 1, joint, 0] = 1.0
        matrix[4 * f + 2, joint + 1, 0] = 1.0
        matrix[4 * f + 2, joint + 2, 0] = DIP_PER_PIP
        matrix[4 * f + 3, joint + 2, 0] = 1.0
    thumb = _MANO_JOINT["thumb"]
    matrix[16, thumb, 1] = matrix[17, thumb, 0] = matrix[18, thumb, 2] = 1.0
    matrix[19, thumb + 1, 0] = matrix[20, thumb + 2, 0] = 1.0
    return matrix.reshape(ANGLES, 45)


def joint_limits() -> tuple[FloatArray, FloatArray]:
    """Lowest and highest (15, 3) joint angles, radians, flex / abduct / twist, MANO joint order."""
    rows = np.zeros((15, 6))
    for name, joint in _MANO_JOINT.items():
        rows[joint : joint + 3] = LIMITS["thumb" if name == "thumb" else "finger"]
    ranges = np.radians(rows).reshape(15, 3, 2)
    return ranges[..., 0], ranges[..., 1]


_MATRIX = _angle_matrix()
_LOW, _HIGH = joint_limits()


def joint_angles(fingers: FloatArray) -> FloatArray:
    """Finger angles `(..., 21)` to joint angles `(..., 15, 3)`, kept inside the limits. Radians."""
    angles = (fingers @ _MATRIX).reshape(*fingers.shape[:-1], 15, 3)
    return np.clip(angles, _LOW, _HIGH)


@lru_cache(maxsize=1)
def _right_axes() -> FloatArray:
    return np.asarray(flexion_axes(neutral_hand("right")), dtype=np.float64)


def _cross_matrix(v: FloatArray) -> FloatArray:
    zero = np.zeros(v.shape[:-1])
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    rows = (np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1))
    return np.stack(rows, -2)


@lru_cache(maxsize=1)
def _rodrigues_basis() -> FloatArray:
    """`(3 axes, 15 joints, 3, 9)`: a rotation is (1, sin, 1 - cos) times its joint's three matrices."""
    cross = np.swapaxes(_cross_matrix(_right_axes()), 0, 1)
    one = np.broadcast_to(np.eye(3), cross.shape)
    return np.stack([one, cross, cross @ cross], axis=2).reshape(3, 15, 3, 9)


def _about_axis(angle: FloatArray, kind: int, joints: list[int]) -> FloatArray:
    """Rotations `(n, N, 3, 3)` by `angle (n, N)` about axis `kind` of the n joints (Rodrigues)."""
    terms = np.stack([np.ones_like(angle), np.sin(angle), 1.0 - np.cos(angle)], axis=-1)
    return (terms @ _rodrigues_basis()[kind, joints]).reshape(*angle.shape, 3, 3)


_JOINTS = list(range(15))
_BASE_JOINTS = [_MANO_JOINT[name] for name in (*FINGERS, "thumb")]


def joint_rotations(angles: FloatArray) -> FloatArray:
    """Local rotations `(..., 15, 3, 3)` of a right hand: abduct, then flex, then twist. Radians in."""
    flat = np.moveaxis(angles.reshape(-1, 15, 3), 0, 1)  # (15, N, 3)
    rotations = _about_axis(flat[..., 0], 0, _JOINTS)
    base = flat[_BASE_JOINTS]  # only the first joint of a finger spreads or twists
    turned = _about_axis(base[..., 1], 1, _BASE_JOINTS) @ rotations[_BASE_JOINTS]
    turned[4] = turned[4] @ _about_axis(base[4:, :, 2], 2, _BASE_JOINTS[4:])[0]  # and only the thumb twists
    rotations[_BASE_JOINTS] = turned
    return np.moveaxis(rotations, 0, 1).reshape(*angles.shape[:-1], 3, 3)


# Palm down, fingers forward: MANO's right fingers (-X) go to -Z, its thumb (+Z) to -X.
_PALM_DOWN = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def _turn_tilt(yaw: FloatArray, pitch: FloatArray) -> FloatArray:
    """Ry(yaw) Rx(pitch), `(..., 3, 3)`."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    rows = (
        np.stack([cy, sy * sp, sy * cp], -1),
        np.stack([np.zeros_like(cy), cp, -sp], -1),
        np.stack([-sy, cy * sp, cy * cp], -1),
    )
    return np.stack(rows, -2)


def wrist_rotation(turn: FloatArray) -> FloatArray:
    """Global rotation `(..., 3, 3)` of a right hand from yaw, pitch, roll, bend, deviation `(..., 5)`."""
    cr, sr = np.cos(turn[..., 2]), np.sin(turn[..., 2])
    forearm = _turn_tilt(turn[..., 0], turn[..., 1])
    wrist = _turn_tilt(turn[..., 4], turn[..., 3]) @ _PALM_DOWN
    x, y = wrist[..., 0, :], wrist[..., 1, :]
    rolled = np.stack(  # Rz(-roll) mixes the rows x and y
        [cr[..., None] * x + sr[..., None] * y, cr[..., None] * y - sr[..., None] * x, wrist[..., 2, :]], -2
    )
    return forearm @ rolled


def _first_columns(rotation: FloatArray) -> FloatArray:
    """The 6D form `(..., 6)` of rotations `(..., 3, 3)`: the first two columns, one after the other."""
    return np.swapaxes(rotation[..., :, :2], -1, -2).reshape(*rotation.shape[:-2], 6)


@dataclass(frozen=True)
class Posed:
    """Two hands as rotations, both in right-hand form.

    `wrist` `(T, 2, 3, 3)` global, `joints` `(T, 2, 15, 3, 3)` local, `place` `(T, 2, 3)` metres.
    """

    wrist: FloatArray
    joints: FloatArray
    place: FloatArray


def pose(state: FloatArray) -> Posed:
    """Turn states `(T, 2, 29)` into rotations."""
    joints = joint_rotations(joint_angles(state[..., WRIST:]))
    return Posed(wrist_rotation(state[..., 3:WRIST]), joints, state[..., :3].copy())


def to_frames(posed: Posed) -> Float32Array:
    """The frames `(T, 2, 99)` float32, left hand mirrored to where it belongs."""
    count = len(posed.place)
    out = np.empty((count, 2, 99), dtype=np.float32)
    out[..., :6] = _first_columns(posed.wrist)
    out[..., 6:9] = posed.place
    out[..., 9:] = _first_columns(posed.joints).reshape(count, 2, 90)
    out[:, 0] = mirror_hand(out[:, 0])
    # A grid finer than any tracker (0.03 mm, 0.002 degrees) that float32 holds exactly and files pack well.
    return np.round(out * _GRID) / _GRID
