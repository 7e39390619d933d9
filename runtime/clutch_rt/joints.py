"""A hand's joints as XR runtimes and engines name them: OpenXR 26, WebXR 25, Unity 26, MediaPipe 21, MANO 21.

Orientations follow OpenXR and WebXR: -Z along the bone towards the fingertip, +Y out of the back of the
hand or the nail, +X by the right-hand rule. ``joint_poses`` answers in the space of the parameters
(``openxr``) for every layout: a layout chooses and names joints, no more. ``Motion.joints`` and
``Chunk.joints`` also convert ``unity`` to Unity's left-handed space: position ``(x, y, -z)``, quaternion
``(-x, -y, z, w)``.

MANO has no metacarpals of the fingers and no palm. They are derived: a metacarpal lies at a fixed fraction
of the way from the wrist to the knuckle and moves with the wrist, and the palm is the middle of the middle
finger's metacarpal bone, with its orientation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import JOINT_NAMES, JOINTS, PARENTS, TIP_NAMES, TIP_PARENTS
from .axes import bind_rotations, flexion_axes
from .errors import InputError
from .hand import Hand, forward
from .rotations import normalize, quaternion_from_matrix

__all__ = [
    "LAYOUTS",
    "METACARPALS",
    "JointPoses",
    "Layout",
    "bind_rotations",
    "flexion_axes",
    "joint_poses",
    "layout",
]

Array = NDArray[Any]

# How far from the wrist to the knuckle a finger's metacarpal joint lies, measured on the bind pose of the
# WebXR generic-hand; the joint itself lies up to 7 mm beside that line.
METACARPALS: Final = {"index": 0.34, "middle": 0.32, "ring": 0.33, "little": 0.50}

# One list of 26 joints that every layout picks from: MANO's 16 joints and 5 tips (0..20), then what MANO
# lacks: the palm and the metacarpals of the index, middle, ring and little finger.
_PALM: Final = 21
_METACARPAL: Final = {"index": 22, "middle": 23, "ring": 24, "little": 25}
_KNUCKLE: Final = {"index": 1, "middle": 4, "ring": 10, "little": 7}
_CARRIERS: Final = (*range(JOINTS), *TIP_PARENTS, 0, 0, 0, 0, 0)
_OPENXR: Final = (
    *(_PALM, 0),
    *(13, 14, 15, 16),
    *(22, 1, 2, 3, 17),
    *(23, 4, 5, 6, 18),
    *(24, 10, 11, 12, 19),
    *(25, 7, 8, 9, 20),
)
_MEDIAPIPE: Final = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)

# Millimetres from each of the 26 joints to the nearest skin of the neutral hand at rest. Emulated: the same
# table for every hand and every pose. XR runtimes differ among themselves by more.
_RADII_MM: Final = (
    *(15.4, 9.6, 6.9, 6.2, 10.3, 7.4, 6.4, 7.1, 5.9, 5.3, 9.8, 6.3, 5.9, 10.9, 10.2, 6.2),
    *(5.2, 5.5, 5.8, 5.7, 4.9),
    *(12.5, 15.9, 14.7, 15.3, 15.3),
)


@dataclass(frozen=True, eq=False)
class Layout:
    """An ordered list of joints.

    Attributes:
        names: J names, as the standard writes them.
        parents: for each joint the index of the one above it in this layout, -1 for the wrist.
        sources: for each joint its place in the list of 26 (0..20 are MANO's joints and tips).
        radii: ``(J,)`` metres, emulated; see the module.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    sources: tuple[int, ...]
    radii: Array


@dataclass(frozen=True, eq=False)
class JointPoses:
    """The joints of a hand in one layout.

    Attributes:
        positions: ``(..., J, 3)`` metres, in the space that the maker of these poses names.
        orientations: ``(..., J, 4)`` unit quaternions x, y, z, w; axes as OpenXR wants them.
        radii: ``(J,)`` metres.
        names: J names.
    """

    positions: Array
    orientations: Array
    radii: Array
    names: tuple[str, ...]


def _parents(sources: tuple[int, ...]) -> tuple[int, ...]:
    """The parent of each joint, skipping the joints that a layout does not have."""
    above = {**dict(enumerate(PARENTS)), **{16 + k: joint for k, joint in enumerate(TIP_PARENTS)}}
    above |= {_PALM: 0} | dict.fromkeys(_METACARPAL.values(), 0)
    above |= {_KNUCKLE[f]: _METACARPAL[f] for f in _KNUCKLE if _METACARPAL[f] in sources}
    return tuple(-1 if joint == 0 else sources.index(above[joint]) for joint in sources)


def _layout(names: tuple[str, ...], sources: tuple[int, ...]) -> Layout:
    radii = np.array([_RADII_MM[k] for k in sources], np.float32) / np.float32(1000.0)
    radii.flags.writeable = False
    return Layout(names=names, parents=_parents(sources), sources=sources, radii=radii)


def _names(thumb: tuple[str, ...], finger: tuple[str, ...], fingers: tuple[str, ...]) -> tuple[str, ...]:
    """The thumb's names, then each finger's from a pattern."""
    return (*thumb, *(part.format(name) for name in fingers for part in finger))


def _openxr_names() -> tuple[str, ...]:
    parts = ("{}_METACARPAL", "{}_PROXIMAL", "{}_INTERMEDIATE", "{}_DISTAL", "{}_TIP")
    thumb = ("PALM", "WRIST", "THUMB_METACARPAL", "THUMB_PROXIMAL", "THUMB_DISTAL", "THUMB_TIP")
    return _names(thumb, parts, ("INDEX", "MIDDLE", "RING", "LITTLE"))


def _webxr_names() -> tuple[str, ...]:
    phalanges = tuple(f"{{}}-finger-phalanx-{part}" for part in ("proximal", "intermediate", "distal"))
    thumb = ("wrist", "thumb-metacarpal", "thumb-phalanx-proximal", "thumb-phalanx-distal", "thumb-tip")
    fingers = ("index", "middle", "ring", "pinky")
    return _names(thumb, ("{}-finger-metacarpal", *phalanges, "{}-finger-tip"), fingers)


def _unity_names() -> tuple[str, ...]:
    parts = ("{}Metacarpal", "{}Proximal", "{}Intermediate", "{}Distal", "{}Tip")
    thumb = ("Wrist", "Palm", "ThumbMetacarpal", "ThumbProximal", "ThumbDistal", "ThumbTip")
    return _names(thumb, parts, ("Index", "Middle", "Ring", "Little"))


def _mediapipe_names() -> tuple[str, ...]:
    thumb = ("WRIST", "THUMB_CMC", "THUMB_MCP", "THUMB_IP", "THUMB_TIP")
    fingers = ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY")
    return _names(thumb, ("{}_MCP", "{}_PIP", "{}_DIP", "{}_TIP"), fingers)


#: ``mano`` 21: 16 joints then 5 tips. ``openxr`` 26: XrHandJointEXT. ``webxr`` 25: XRHandJoint, which is
#: OpenXR without the palm. ``unity`` 26: XRHandJointID minus one, which is OpenXR with palm and wrist
#: exchanged. ``mediapipe`` 21: the landmarks of MediaPipe and OpenPose.
LAYOUTS: Final[dict[str, Layout]] = {
    "mano": _layout((*JOINT_NAMES, *TIP_NAMES), tuple(range(21))),
    "openxr": _layout(_openxr_names(), _OPENXR),
    "webxr": _layout(_webxr_names(), _OPENXR[1:]),
    "unity": _layout(_unity_names(), (0, _PALM, *_OPENXR[2:])),
    "mediapipe": _layout(_mediapipe_names(), _MEDIAPIPE),
}


def layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
        InputError: if there is none; the message lists them.
    """
    if name not in LAYOUTS:
        raise InputError(f"no joint layout called {name!r}; choose one of {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def _bind(hand: Hand) -> Array:
    """OpenXR axes at rest of the 26 joints, ``(26, 3, 3)``: each turns with its carrier."""
    mano = bind_rotations(hand)
    metacarpals = []
    for finger in METACARPALS:
        # The wrist is the origin and the metacarpal lies on the way to the knuckle, so the bone points there.
        back = normalize(-hand.rest_joints[_KNUCKLE[finger]].astype(np.float64))
        hinge = hand.hinges[_KNUCKLE[finger] - 1].astype(np.float64)
        hinge = normalize(hinge - (hinge @ back) * back)
        metacarpals.append(np.stack([hinge, np.cross(back, hinge), back], axis=-1))
    palm = metacarpals[list(METACARPALS).index("middle")]
    return np.stack([*mano, *mano[list(TIP_PARENTS)], palm, *metacarpals])


def _derived(positions: Array) -> Array:
    """The palm and the four metacarpals, ``(..., 5, 3)``, from the 21 joints ``(..., 21, 3)``."""
    wrist = positions[..., :1, :]
    fractions = np.array(list(METACARPALS.values()), positions.dtype)[:, None]
    knuckles = positions[..., [_KNUCKLE[finger] for finger in METACARPALS], :]
    metacarpals = wrist + fractions * (knuckles - wrist)
    middle = list(METACARPALS).index("middle")
    palm = 0.5 * (metacarpals[..., middle, :] + knuckles[..., middle, :])
    return np.concatenate([palm[..., None, :], metacarpals], axis=-2)


def joint_poses(hand: Hand, params: ArrayLike, name: str = "openxr") -> JointPoses:
    """The joints of one hand in a layout.

    Args:
        hand: the hand at rest.
        params: ``(..., 99)`` parameters.
        name: ``"openxr"``, ``"webxr"``, ``"unity"``, ``"mediapipe"`` or ``"mano"``.

    Returns:
        Positions ``(..., J, 3)`` in metres and orientations ``(..., J, 4)``, both in the space of the
        parameters whatever the layout. MediaPipe itself has positions only.

    Raises:
        InputError: if the layout is unknown or the last axis of the parameters is not 99.
    """
    chosen = layout(name)
    pose = forward(hand, params)
    positions = np.concatenate([pose.joints, _derived(pose.joints)], axis=-2)
    picked = list(chosen.sources)
    carriers = [_CARRIERS[k] for k in picked]
    bind = _bind(hand)[picked].astype(pose.rotations.dtype)
    return JointPoses(
        positions=positions[..., picked, :],
        orientations=quaternion_from_matrix(pose.rotations[..., carriers, :, :] @ bind),
        radii=chosen.radii,
        names=chosen.names,
    )
