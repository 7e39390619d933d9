"""A parametric hand, posed: forward kinematics and linear blend skinning, in numpy.

MANO's joint order: 0 wrist; 1-3 index; 4-6 middle; 7-9 pinky; 10-12 ring; 13-15 thumb; then the tips,
16 thumb, 17 index, 18 middle, 19 ring, 20 pinky. MANO's rest axes: a right hand has its fingers towards
-X, its thumb towards +Z and its back towards +Y; a left hand is its mirror image in x = 0. Every joint
shares those axes at rest, so the identity pose is the rest pose: for the neutral hand a flat open hand.

The wrist is the origin of a hand, and a motion's translation is the position of the wrist. (MANO's own
translation moves the model's origin instead; ``Hand.wrist_offset`` is the difference.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import JOINTS, PARENTS, TIP_PARENTS
from .axes import bind_rotations, flexion_axes
from .errors import InputError
from .layout import HAND_SIZE, POSE, POSE_JOINTS, ROTATION, TRANSLATION
from .resthand import BETAS, Hand, mirrored, neutral_hand, neutral_hands
from .rotations import matrix_from_6d

Array = NDArray[Any]

__all__ = [
    "BETAS",
    "PARENTS",
    "TIP_PARENTS",
    "Hand",
    "HandPose",
    "bind_rotations",
    "flexion_axes",
    "forward",
    "levels",
    "local_rotations",
    "mirrored",
    "neutral_hand",
    "neutral_hands",
    "sixd_rotations",
    "skin",
    "two_hand_joints",
]


@dataclass(frozen=True)
class HandPose:
    """Where a hand's bones are.

    Attributes:
        rotations: ``(..., 16, 3, 3)`` global rotation of each joint: rest axes to the space of the motion.
        joints: ``(..., 21, 3)`` positions in metres, 16 joints then 5 tips, MANO order.
    """

    rotations: Array
    joints: Array


def _parameters(params: ArrayLike) -> Array:
    values = np.asarray(params)
    if values.ndim < 1 or values.shape[-1] != HAND_SIZE:
        raise InputError(f"hand parameters have shape {values.shape}; the last axis must be {HAND_SIZE}")
    return values if np.issubdtype(values.dtype, np.floating) else values.astype(np.float32)


def sixd_rotations(params: Array) -> Array:
    """``(..., 99)`` parameters to their 6D rotations ``(..., 16, 6)``, wrist first."""
    pose = params[..., POSE].reshape(*params.shape[:-1], POSE_JOINTS, 6)
    return np.concatenate([params[..., None, ROTATION], pose], axis=-2)


def local_rotations(params: ArrayLike) -> Array:
    """``(..., 99)`` parameters to ``(..., 16, 3, 3)`` rotations: global for the wrist, local for the rest."""
    return matrix_from_6d(sixd_rotations(_parameters(params)))


def _chain(hand: Hand, local: Array, wrist: Array) -> tuple[Array, Array]:
    """Global rotations ``(..., 16, 3, 3)`` and positions ``(..., 16, 3)`` from local rotations."""
    rest = hand.rest_joints.astype(local.dtype)
    rotations, positions = np.empty_like(local), np.empty((*local.shape[:-2], 3), local.dtype)
    rotations[..., 0, :, :], positions[..., 0, :] = local[..., 0, :, :], wrist
    for level in levels(hand.parents):
        above = [hand.parents[j] for j in level]
        turned = rotations[..., above, :, :]
        offsets = rest[level] - rest[above]
        rotations[..., level, :, :] = turned @ local[..., level, :, :]
        positions[..., level, :] = positions[..., above, :] + (turned @ offsets[..., None])[..., 0]
    return rotations, positions


@lru_cache(maxsize=8)
def levels(parents: tuple[int, ...]) -> tuple[list[int], ...]:
    """The joints below the root, grouped by depth: all of a group can be posed at once."""
    depth = [0] * len(parents)
    for joint, parent in enumerate(parents[1:], start=1):
        depth[joint] = depth[parent] + 1
    return tuple([j for j, d in enumerate(depth) if d == k] for k in range(1, max(depth) + 1))


def forward(hand: Hand, params: ArrayLike) -> HandPose:
    """Forward kinematics.

    Args:
        hand: the hand at rest.
        params: ``(..., 99)`` parameters; the dtype is kept (integers become float32).

    Returns:
        Global rotations and the 21 joint positions, metres, in the space of the parameters.

    Raises:
        InputError: if the last axis is not 99.
    """
    values = _parameters(params)
    local = local_rotations(values)
    rotations, positions = _chain(hand, local, values[..., TRANSLATION])
    if hand.tip_vertices is None:
        above = list(TIP_PARENTS)
        offsets = (hand.rest_tips - hand.rest_joints[above]).astype(local.dtype)
        tips = positions[..., above, :] + (rotations[..., above, :, :] @ offsets[..., None])[..., 0]
    else:
        tips = _blend(hand, local, rotations, positions, list(hand.tip_vertices))
    return HandPose(rotations=rotations, joints=np.concatenate([positions, tips], axis=-2))


def _blend(
    hand: Hand, local: Array, rotations: Array, positions: Array, chosen: list[int] | slice = slice(None)
) -> Array:
    """Linear blend skinning of the chosen vertices, ``(..., n, 3)``."""
    dtype = local.dtype
    points, weights = hand.vertices[chosen].astype(dtype), hand.weights[chosen].astype(dtype)
    leading = local.shape[:-3]
    shifts = positions - (rotations @ hand.rest_joints.astype(dtype)[..., None])[..., 0]
    moves = np.concatenate([rotations, shifts[..., None]], axis=-1)
    blended = (weights @ moves.reshape(*leading, JOINTS, 12)).reshape(*leading, len(points), 3, 4)
    if hand.pose_dirs is not None:
        features = (local[..., 1:, :, :] - np.eye(3, dtype=dtype)).reshape(*leading, POSE_JOINTS * 9)
        dirs = hand.pose_dirs[chosen].astype(dtype).reshape(-1, POSE_JOINTS * 9)
        points = points + (features @ dirs.T).reshape(*leading, len(points), 3)
    return (blended[..., :3] @ points[..., None])[..., 0] + blended[..., 3]


def skin(hand: Hand, params: ArrayLike) -> Array:
    """The posed mesh, ``(..., V, 3)`` metres: linear blend skinning, with MANO's correctives if it has them.

    Args:
        hand: the hand at rest.
        params: ``(..., 99)`` parameters.

    Raises:
        InputError: if the last axis is not 99.
    """
    values = _parameters(params)
    local = local_rotations(values)
    return _blend(hand, local, *_chain(hand, local, values[..., TRANSLATION]))


def two_hand_joints(frames: ArrayLike, hands: tuple[Hand, Hand] | None = None) -> Array:
    """Joint positions of a two-hand motion.

    Args:
        frames: ``(..., 2, 99)``, left then right.
        hands: the two hands, left then right; the neutral hands by default.

    Returns:
        ``(..., 2, 21, 3)`` metres, MANO order.
    """
    values = _parameters(frames)
    if values.ndim < 2 or values.shape[-2] != 2:
        raise InputError(f"frames have shape {values.shape}; they must end in (2, {HAND_SIZE})")
    left, right = hands or neutral_hands()
    return np.stack(
        [forward(left, values[..., 0, :]).joints, forward(right, values[..., 1, :]).joints], axis=-3
    )
