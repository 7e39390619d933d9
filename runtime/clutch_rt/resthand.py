"""A hand at rest: its skeleton, its skin, and where it comes from. Posing it is the room of ``hand``.

MANO's rest axes: a right hand has its fingers towards -X, its thumb towards +Z and its back towards +Y; a
left hand is its mirror image in x = 0. The wrist is the origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .anatomy import JOINTS, PARENTS, TIPS
from .errors import InputError
from .layout import HANDS, POSE_JOINTS

Array = NDArray[Any]

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
