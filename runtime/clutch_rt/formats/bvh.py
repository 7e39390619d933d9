"""Motion as BVH text: two skeletons under one root, rotations that are true joint rotations.

BVH has no units and no agreed axes; these files hold **centimetres** and degrees, +Y up, -Z forward. The
root ``Hands`` stays at the origin (the viewer's head). Below it hang ``wrist_L`` and ``wrist_R``, whose six
channels are the wrist's position and global rotation, and the finger joints by their WebXR names with three
rotation channels each. Rotations are applied as ``Rz Rx Ry``, in the order of the channels.

The rest pose is MANO's: every joint's axes parallel to the world's, right fingers towards -X, left towards
+X, so a joint's rotation is exactly its MANO rotation. The wrists' OFFSET is zero because readers disagree
on whether position channels replace it (Blender) or add to it (three.js): with zero both are right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.anatomy import JOINTS
from clutch_rt.hand import Hand, local_rotations
from clutch_rt.joints import METACARPALS, layout
from clutch_rt.layout import TRANSLATION

if TYPE_CHECKING:
    from clutch_rt.motion import Motion

Array = NDArray[Any]

_CENTIMETRES: Final = 100.0
_ROTATIONS: Final = "Zrotation Xrotation Yrotation"
_POSITIONS: Final = "Xposition Yposition Zposition"
_LOCKED: Final = 1e-7  # cosine of the middle angle below which only the sum of the outer two is known


def encode_bvh(motion: Motion) -> bytes:
    """The bytes of a ``.bvh`` file, one line per frame at the motion's own rate."""
    lines = ["HIERARCHY", "ROOT Hands", "{", "\tOFFSET 0 0 0", f"\tCHANNELS 6 {_POSITIONS} {_ROTATIONS}"]
    columns = [np.zeros((len(motion), 6))]
    for side, hand in enumerate(motion.hands):
        sources = _hierarchy(hand, f"_{'LR'[side]}", lines)
        params = motion.frames[:, side].astype(np.float64)
        angles = np.degrees(euler_zxy(local_rotations(params)))
        columns.append(params[:, TRANSLATION] * _CENTIMETRES)
        for source in sources:
            # Metacarpals of the fingers are rigid with the wrist, so their angles are zero.
            columns.append(angles[:, source] if source < JOINTS else np.zeros((len(motion), 3)))
    lines += ["}", "MOTION", f"Frames: {len(motion)}", f"Frame Time: {1.0 / motion.fps:.10g}"]
    values = np.concatenate(columns, axis=1) + 0.0  # turns -0.0 into 0.0
    lines += [" ".join(f"{value:.6f}" for value in row) for row in values]
    return ("\n".join(lines) + "\n").encode("ascii")


def _hierarchy(hand: Hand, suffix: str, lines: list[str]) -> list[int]:
    """Append the skeleton of a hand to ``lines``; returns the source of each joint in the order written."""
    webxr = layout("webxr")
    offsets = _offsets(hand)
    order: list[int] = []

    def write(index: int, depth: int) -> None:
        pad, inner = "\t" * depth, "\t" * (depth + 1)
        offset = " ".join(f"{value:.6f}" for value in offsets[index] + 0.0)
        children = [child for child, parent in enumerate(webxr.parents) if parent == index]
        if not children:
            lines.extend([f"{pad}End Site", f"{pad}{{", f"{inner}OFFSET {offset}", f"{pad}}}"])
            return
        order.append(webxr.sources[index])
        channels = f"6 {_POSITIONS} {_ROTATIONS}" if webxr.parents[index] < 0 else f"3 {_ROTATIONS}"
        lines.extend([f"{pad}JOINT {webxr.names[index]}{suffix}", f"{pad}{{", f"{inner}OFFSET {offset}"])
        lines.append(f"{inner}CHANNELS {channels}")
        for child in children:
            write(child, depth + 1)
        lines.append(f"{pad}}}")

    write(0, 1)
    return order


def _offsets(hand: Hand) -> Array:
    """Each WebXR joint relative to its parent at rest, ``(25, 3)`` centimetres; zero for the wrist."""
    webxr = layout("webxr")
    rest = np.concatenate([hand.rest_joints, hand.rest_tips]).astype(np.float64)
    knuckles = rest[[1, 4, 10, 7]]  # index, middle, ring, little: the order of METACARPALS
    metacarpals = rest[0] + np.array(list(METACARPALS.values()))[:, None] * (knuckles - rest[0])
    # The 22nd of the sources is the palm, which WebXR does not have.
    points = np.concatenate([rest, np.zeros((1, 3)), metacarpals])[list(webxr.sources)]
    parents = np.array(webxr.parents)
    return (points - points[np.maximum(parents, 0)]) * _CENTIMETRES


def euler_zxy(matrices: Array) -> Array:
    """Angles z, x, y in radians with ``R = Rz Rx Ry``, as steady over time as can be.

    Args:
        matrices: ``(T, ..., 3, 3)`` rotation matrices.

    Returns:
        ``(T, ..., 3)``: of the two triples that mean the same rotation the one nearer to the frame before,
        and of all whole turns the nearest. Where the middle angle is a right angle (gimbal lock), y stays.
    """
    z = np.arctan2(-matrices[..., 0, 1], matrices[..., 1, 1])
    cosine = np.hypot(matrices[..., 2, 0], matrices[..., 2, 2])
    x = np.arctan2(matrices[..., 2, 1], cosine)
    y = np.arctan2(-matrices[..., 2, 0], matrices[..., 2, 2])
    angles = np.stack([z, x, y], axis=-1)
    # At gimbal lock sin(x) = +1 or -1, and the first column tells z + y or z - y.
    sums = np.arctan2(matrices[..., 1, 0], matrices[..., 0, 0])
    sign = np.sign(x)
    locked = cosine < _LOCKED
    previous = np.zeros_like(angles[0])
    for frame in range(len(angles)):
        now = angles[frame]
        held = np.stack([sums[frame] - sign[frame] * previous[..., 2], x[frame], previous[..., 2]], axis=-1)
        now = np.where(locked[frame][..., None], held, now)
        other = np.stack([now[..., 0] + np.pi, np.pi - now[..., 1], now[..., 2] + np.pi], axis=-1)
        now, other = _nearest(now, previous), _nearest(other, previous)
        closer = np.abs(other - previous).sum(-1) < np.abs(now - previous).sum(-1)
        angles[frame] = np.where((closer & (frame > 0))[..., None], other, now)
        previous = angles[frame]
    return angles


def _nearest(angles: Array, previous: Array) -> Array:
    """The angles plus whole turns, nearest to the previous ones."""
    return angles - 2 * np.pi * np.round((angles - previous) / (2 * np.pi))
