"""A hand as files describe it: 25 WebXR joints with OpenXR axes, each relative to the one above, and a skin.

The bind pose is both hands flat, palms down, fingers forward, 30 cm apart. MANO's pose correctives are not
linear blend skinning and are left out; tips that are vertices of a MANO mesh become rigid with their bone.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.anatomy import JOINTS
from clutch_rt.formats.raster import vertex_normals
from clutch_rt.hand import Hand, skin
from clutch_rt.joints import joint_poses, layout
from clutch_rt.layout import HAND_SIZE, POSE, ROTATION, TRANSLATION
from clutch_rt.rotations import matrix_from_axis_angle, matrix_from_quaternion, quaternion_from_matrix

Array = NDArray[Any]

SKIN_TONE: Final = (0.74, 0.42, 0.29)  # linear RGB
INFLUENCES: Final = 4  # joints per vertex; glTF clients may ignore more
_REST_WRIST: Final = (0.15, -0.30, -0.40)  # metres, of the right hand; the left is its mirror image


@dataclass(frozen=True)
class Skeleton:
    """The 25 joints of one hand, in bind pose and over time, each relative to its parent node.

    Attributes:
        names: of the nodes.
        parents: index of the joint above, -1 for those under the armature.
        turning: whether a joint has a rotation of its own; metacarpals and tips are rigid with their parent.
        bind_translations, bind_rotations: ``(25, 3)`` and ``(25, 4)``, local, at rest.
        inverse: ``(25, 4, 4)`` from the space of the mesh at rest to each joint.
        translations, rotations: ``(T, 25, 3)`` and ``(T, 25, 4)``, local, over time.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    turning: tuple[bool, ...]
    bind_translations: Array
    bind_rotations: Array
    inverse: Array
    translations: Array
    rotations: Array


def skeleton_of(hand: Hand, params: Array, flat: bool, suffix: str) -> Skeleton:
    """Joint poses of one hand ``(T, 99)``, made relative to their parents."""
    webxr = layout("webxr")
    parents = (-1,) * len(webxr.names) if flat else webxr.parents
    rest = joint_poses(hand, rest_params(hand), "webxr")
    poses = joint_poses(hand, params.astype(np.float64), "webxr")
    translations, rotations = _local(poses.positions, poses.orientations, parents)
    bind_translations, bind_rotations = _local(rest.positions[None], rest.orientations[None], parents)
    inverse = np.tile(np.eye(4), (len(parents), 1, 1))
    turned = np.swapaxes(matrix_from_quaternion(rest.orientations), -1, -2)
    inverse[:, :3, :3] = turned
    inverse[:, :3, 3] = -(turned @ rest.positions[..., None])[..., 0]
    return Skeleton(
        names=tuple(name + suffix for name in webxr.names),
        parents=parents,
        turning=tuple(flat or source < JOINTS for source in webxr.sources),
        bind_translations=bind_translations[0],
        bind_rotations=bind_rotations[0],
        inverse=inverse,
        translations=translations,
        rotations=rotations,
    )


def rest_params(hand: Hand) -> Array:
    """Parameters ``(99,)`` of the bind pose: flat hand, palm down, fingers forward."""
    side = 1.0 if hand.side == "right" else -1.0
    params = np.zeros(HAND_SIZE)
    params[POSE] = np.tile([1.0, 0, 0, 0, 1, 0], HAND_SIZE // 6 - 1)
    params[ROTATION] = matrix_from_axis_angle([0.0, -side * np.pi / 2, 0.0])[:, :2].T.ravel()
    params[TRANSLATION] = np.array(_REST_WRIST) * [side, 1.0, 1.0]
    return params


def _local(positions: Array, orientations: Array, parents: tuple[int, ...]) -> tuple[Array, Array]:
    """Poses ``(T, J, 3)`` and ``(T, J, 4)`` in space, relative to each joint's parent."""
    matrices = matrix_from_quaternion(orientations)
    translations, turns = positions.copy(), matrices.copy()
    below = [joint for joint, parent in enumerate(parents) if parent >= 0]
    above = [parents[joint] for joint in below]
    into_parent = np.swapaxes(matrices[:, above], -1, -2)
    offsets = positions[:, below] - positions[:, above]
    translations[:, below] = (into_parent @ offsets[..., None])[..., 0]
    turns[:, below] = into_parent @ matrices[:, below]
    return translations, one_hemisphere(quaternion_from_matrix(turns))


def one_hemisphere(quaternions: Array) -> Array:
    """Flip signs along the first axis of ``(T, ..., 4)`` so that each is less than half a turn from the last.

    A client that interpolates linearly would otherwise turn the long way round between two keys.
    """
    flips = np.where((quaternions[1:] * quaternions[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    signs = np.concatenate([np.ones_like(quaternions[:1, ..., 0]), np.cumprod(flips, axis=0)])
    return quaternions * signs[..., None]


@dataclass(frozen=True)
class Skin:
    """The mesh of one hand in bind pose, and the joints that move it.

    Attributes:
        points: ``(V, 3)`` float32, metres.
        normals: ``(V, 3)`` unit vectors.
        faces: ``(F, 3)`` counter-clockwise seen from outside.
        influences: ``(V, 4)`` joint numbers, in WebXR order.
        weights: ``(V, 4)`` float32, each row sums to 1.
    """

    points: Array
    normals: Array
    faces: Array
    influences: Array
    weights: Array


def skin_of(hand: Hand) -> Skin:
    """The skin of a hand as files describe it."""
    points = skin(hand, rest_params(hand)).astype(np.float32)
    normals = vertex_normals(points.astype(np.float64), hand.faces)
    return Skin(points, normals, hand.faces, *_influences(hand))


def _influences(hand: Hand) -> tuple[Array, Array]:
    """The joints ``(V, 4)``, in WebXR order, that move each vertex, and their weights ``(V, 4)`` float32."""
    webxr = layout("webxr")
    place = np.array([webxr.sources.index(joint) for joint in range(hand.weights.shape[1])])
    strongest = np.argsort(-hand.weights, axis=1, kind="stable")[:, :INFLUENCES]
    weights = np.take_along_axis(hand.weights, strongest, axis=1).astype(np.float64)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    # The validator wants a sum of 1 to within float32 rounding: the strongest takes what is left.
    weights[:, 0] = np.float32(1.0) - weights[:, 1:].sum(axis=1)
    return np.where(weights > 0, place[strongest], 0), weights


def generator() -> str:
    """The name and version that files carry as their maker."""
    try:
        return f"clutch-rt {metadata.version('clutch-rt')}"
    except metadata.PackageNotFoundError:
        return "clutch-rt"
