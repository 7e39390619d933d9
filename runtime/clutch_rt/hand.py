"""A parametric hand: rest skeleton, skin, forward kinematics and linear blend skinning, in numpy.

MANO's joint order: 0 wrist; 1-3 index; 4-6 middle; 7-9 pinky; 10-12 ring; 13-15 thumb; then the tips,
16 thumb, 17 index, 18 middle, 19 ring, 20 pinky. MANO's rest axes: a right hand has its fingers towards
-X, its thumb towards +Z and its back towards +Y; a left hand is its mirror image in x = 0. Every joint
shares those axes at rest, so the identity pose is the rest pose: for the neutral hand a flat open hand.

The wrist is the origin of a hand, and a motion's translation is the position of the wrist. (MANO's own
translation moves the model's origin instead; ``Hand.wrist_offset`` is the difference.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import JOINTS, PARENTS, TIP_PARENTS, TIPS, bind_rotations, flexion_axes
from .errors import InputError
from .layout import HAND_SIZE, HANDS, POSE, POSE_JOINTS, ROTATION, TRANSLATION
from .rotations import matrix_from_6d

Array = NDArray[Any]

__all__ = [
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
    "skin",
    "two_hand_joints",
]

BETAS = 10  # numbers of MANO's shape

_MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand at rest. Lengths in metres, wrist at the origin, MANO's rest axes for its side.

    Attributes:
        side: ``"left"`` or ``"right"``.
        rest_joints: ``(16, 3)``.
        rest_tips: ``(5, 3)`` thumb, index, middle, ring, pinky.
        vertices: ``(V, 3)``; V may be 0 for a skeleton without skin.
        faces: ``(F, 3)`` int64, counter-clockwise seen from outside.
        weights: ``(V, 16)`` skin weights, each row sums to 1.
        hinges: ``(15, 3)`` the direction of OpenXR +X at joints 1..15: the axis a joint bends about.
        parents: ``(16,)``, -1 for the wrist.
        wrist_offset: ``(3,)`` where the wrist lies in the source model's own coordinates (MANO's J0).
        pose_dirs: ``(V, 3, 135)`` MANO's pose correctives, or None.
        tip_vertices: five vertices that are the tips, or None where the tips ride on the distal bones.
        hands_mean: ``(15, 3)`` MANO's mean pose as rotation vectors, or None.
        betas: ``(10,)`` MANO's shape numbers of the hand, or None for its mean hand and for other hands.
        name, licence: where it comes from.
    """

    side: str
    rest_joints: Array
    rest_tips: Array
    vertices: Array
    faces: Array
    weights: Array
    hinges: Array
    parents: tuple[int, ...] = PARENTS
    wrist_offset: Array = field(default_factory=lambda: np.zeros(3, np.float32))
    uv: Array | None = None
    pose_dirs: Array | None = None
    tip_vertices: tuple[int, ...] | None = None
    hands_mean: Array | None = None
    betas: Array | None = None
    name: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        """Check the shapes, and make the arrays read-only, since hands are shared."""
        if self.side not in HANDS:
            raise InputError(f"a hand's side is {self.side!r}; it must be 'left' or 'right'")
        count = len(self.vertices)
        wanted: dict[str, tuple[int, ...]] = {
            "rest_joints": (JOINTS, 3),
            "rest_tips": (TIPS, 3),
            "vertices": (count, 3),
            "faces": (len(self.faces), 3),
            "weights": (count, JOINTS),
            "hinges": (POSE_JOINTS, 3),
            "wrist_offset": (3,),
            "uv": (count, 2),
            "pose_dirs": (count, 3, POSE_JOINTS * 9),
            "hands_mean": (POSE_JOINTS, 3),
            "betas": (BETAS,),
        }
        for name, shape in wanted.items():
            value = getattr(self, name)
            if value is None:
                continue
            if value.shape != shape:
                raise InputError(f"a hand's {name} has shape {value.shape}; it must be {shape}")
            value.flags.writeable = False


@dataclass(frozen=True)
class HandPose:
    """Where a hand's bones are.

    Attributes:
        rotations: ``(..., 16, 3, 3)`` global rotation of each joint: rest axes to the space of the motion.
        joints: ``(..., 21, 3)`` positions in metres, 16 joints then 5 tips, MANO order.
    """

    rotations: Array
    joints: Array


@lru_cache(maxsize=2)
def neutral_hand(side: str) -> Hand:
    """The hand that ships with the package, ``"left"`` or ``"right"``; left is right's exact mirror image."""
    if side not in HANDS:
        raise InputError(f"no hand called {side!r}; ask for 'left' or 'right'")
    if side == "left":
        return mirrored(neutral_hand("right"))
    with (
        files("clutch_rt").joinpath("assets/neutral_hand.npz").open("rb") as stream,
        np.load(stream, allow_pickle=False) as arrays,
    ):
        weights = np.zeros((len(arrays["vertices"]), JOINTS), np.float32)
        rows = np.arange(len(weights))[:, None]
        np.add.at(weights, (rows, arrays["weight_joints"]), arrays["weight_values"])
        return Hand(
            side="right",
            rest_joints=arrays["rest_joints"],
            rest_tips=arrays["rest_tips"],
            vertices=arrays["vertices"],
            faces=arrays["faces"].astype(np.int64),
            weights=weights,
            hinges=arrays["hinges"],
            name="neutral hand (WebXR generic-hand)",
            licence="MIT, Copyright (c) 2019 Amazon",
        )


def neutral_hands() -> tuple[Hand, Hand]:
    """The neutral hands, left then right."""
    return neutral_hand("left"), neutral_hand("right")


def mirrored(hand: Hand) -> Hand:
    """The hand of the other side: reflected in x = 0, its faces wound the other way round."""

    def flip(points: Array) -> Array:
        return points * _MIRROR.astype(points.dtype)

    dirs = hand.pose_dirs
    if dirs is not None:
        # A corrective answers to rotation entries; reflecting a rotation negates entries 01, 02, 10 and 20.
        signs = np.tile(np.outer(_MIRROR, _MIRROR).ravel(), POSE_JOINTS).astype(dirs.dtype)
        dirs = dirs * signs * _MIRROR.astype(dirs.dtype)[:, None]
    return Hand(
        side="left" if hand.side == "right" else "right",
        rest_joints=flip(hand.rest_joints),
        rest_tips=flip(hand.rest_tips),
        vertices=flip(hand.vertices),
        faces=hand.faces[:, ::-1].copy(),
        weights=hand.weights,
        # X of a right-handed frame whose Y and Z are reflected turns against the reflection.
        hinges=-flip(hand.hinges),
        parents=hand.parents,
        wrist_offset=flip(hand.wrist_offset),
        uv=hand.uv,
        pose_dirs=dirs,
        tip_vertices=hand.tip_vertices,
        hands_mean=None if hand.hands_mean is None else -flip(hand.hands_mean),
        betas=hand.betas,
        name=hand.name,
        licence=hand.licence,
    )


def _parameters(params: ArrayLike) -> Array:
    values = np.asarray(params)
    if values.ndim < 1 or values.shape[-1] != HAND_SIZE:
        raise InputError(f"hand parameters have shape {values.shape}; the last axis must be {HAND_SIZE}")
    return values if np.issubdtype(values.dtype, np.floating) else values.astype(np.float32)


def local_rotations(params: ArrayLike) -> Array:
    """``(..., 99)`` parameters to ``(..., 16, 3, 3)`` rotations: global for the wrist, local for the rest."""
    values = _parameters(params)
    leading = values.shape[:-1]
    sixd = np.concatenate(
        [values[..., None, ROTATION], values[..., POSE].reshape(*leading, POSE_JOINTS, 6)], -2
    )
    return matrix_from_6d(sixd)


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
