"""glTF 2.0 in one binary file: skeleton, skin and animation of both hands, written without a library.

Nodes are the 25 joints of the WebXR Hand Input standard per hand, by their standard names with the suffix
``_L`` or ``_R`` (``index-finger-tip_L``), which Blender mirrors by, and which holds no ``/`` or ``.`` that
Unity or three.js would read as a path. Joint axes are OpenXR's: -Z along the bone, +Y out of the nail.
Metres, +Y up, ``openxr`` space: no conversion.

Two styles:

* hierarchical (default): each joint under its parent, both wrists under one node ``Hands``; animated are
  the wrists' translation and every joint's local rotation. Blender, Unity and Unreal retarget this.
* ``flat=True``: all 25 joints of a hand beside each other under its armature, each with its pose in space,
  and the skinned mesh with them: the shape of three.js's ``XRHandMeshModel``. With ``hand="left"`` or
  ``"right"`` the names have no suffix, as that class looks them up. The validator warns that the mesh is
  not at the root of the scene, which that class needs.

The bind pose is both hands flat, palms down, fingers forward, 30 cm apart. A client that ignores the
animation shows that pose. MANO's pose correctives are not linear blend skinning and are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clutch_rt.errors import InputError
from clutch_rt.formats.gltf import INDICES, UBYTE, UINT, USHORT, VERTICES, Builder, pack
from clutch_rt.formats.skeleton import SKIN_TONE, Skeleton, generator, skeleton_of, skin_of
from clutch_rt.hand import Hand
from clutch_rt.layout import HANDS

if TYPE_CHECKING:
    from clutch_rt.motion import Motion

Array = NDArray[Any]


def encode_glb(motion: Motion, *, flat: bool = False, hand: str | None = None) -> bytes:
    """The bytes of a ``.glb`` file.

    Args:
        motion: what to write; one key per frame, at the motion's rate.
        flat: all joints side by side, for three.js's hand model, instead of a hierarchy.
        hand: ``"left"`` or ``"right"`` for one hand only; both by default.

    Raises:
        InputError: an unknown hand.
    """
    if hand is not None and hand not in HANDS:
        raise InputError(f"hand is {hand!r}. Wanted 'left', 'right', or nothing for both.")
    sides = range(len(HANDS)) if hand is None else [HANDS.index(hand)]
    builder = Builder()
    times = builder.floats(np.arange(len(motion)) / motion.fps, bounds=True)
    roots: list[int] = []
    armature: list[int] = []
    for side in sides:
        suffix = "" if flat and hand is not None else f"_{'LR'[side]}"
        skeleton = skeleton_of(motion.hands[side], motion.frames[:, side], flat, suffix)
        joints = _add_joints(builder, skeleton, times)
        mesh = _add_mesh(builder, motion.hands[side], skeleton, joints, HANDS[side].capitalize() + "Hand")
        top = [node for node, parent in zip(joints, skeleton.parents, strict=True) if parent < 0]
        if flat:
            roots.append(builder.node(name=f"{HANDS[side].capitalize()}Armature", children=[*mesh, *top]))
        else:
            armature += top
            roots += mesh
    if armature:
        roots.insert(0, builder.node(name="Hands", children=armature))
    return pack(_document(builder, roots, motion), bytes(builder.binary))


def _add_joints(builder: Builder, skeleton: Skeleton, times: int) -> list[int]:
    """Nodes of all joints with their animation; returns the node number of each joint."""
    first = len(builder.nodes)
    joints = []
    for index, name in enumerate(skeleton.names):
        node: dict[str, Any] = {
            "name": name,
            "translation": _numbers(skeleton.bind_translations[index]),
            "rotation": _numbers(skeleton.bind_rotations[index]),
        }
        children = [first + child for child, parent in enumerate(skeleton.parents) if parent == index]
        if children:
            node["children"] = children
        joints.append(builder.node(**node))
    for index, joint in enumerate(joints):
        if skeleton.turning[index]:
            builder.animate(joint, "rotation", times, skeleton.rotations[:, index])
        if skeleton.parents[index] < 0:
            builder.animate(joint, "translation", times, skeleton.translations[:, index])
    return joints


def _add_mesh(builder: Builder, hand: Hand, skeleton: Skeleton, joints: list[int], name: str) -> list[int]:
    """Skin, mesh and its node; returns the node's number, or nothing for a hand without a mesh."""
    if len(hand.faces) == 0:
        return []
    columns = np.swapaxes(skeleton.inverse, -1, -2).reshape(len(joints), 16)  # glTF stores columns
    skin_entry = {"name": name, "joints": joints, "inverseBindMatrices": builder.floats(columns)}
    if skeleton.parents.count(-1) == 1:
        skin_entry["skeleton"] = joints[skeleton.parents.index(-1)]
    builder.skins.append(skin_entry)
    skin = skin_of(hand)
    small = len(skin.points) <= np.iinfo(np.uint16).max
    faces = skin.faces.astype(np.uint16 if small else np.uint32).ravel()
    primitive = {
        "attributes": {
            "POSITION": builder.floats(skin.points, VERTICES, bounds=True),
            "NORMAL": builder.floats(skin.normals, VERTICES),
            "JOINTS_0": builder.accessor(skin.influences.astype(np.uint8), UBYTE, VERTICES),
            "WEIGHTS_0": builder.floats(skin.weights, VERTICES),
        },
        "indices": builder.accessor(faces, USHORT if small else UINT, INDICES),
        "material": 0,
    }
    builder.meshes.append({"name": name, "primitives": [primitive]})
    return [builder.node(name=name, mesh=len(builder.meshes) - 1, skin=len(builder.skins) - 1)]


def _numbers(values: Array) -> list[float]:
    """A float32 vector as JSON numbers."""
    return [float(value) for value in values.astype(np.float32)]


def _document(builder: Builder, roots: list[int], motion: Motion) -> dict[str, Any]:
    """The JSON half of the file."""
    extras: dict[str, Any] = {"fps": motion.fps, "frames": len(motion), "space": "openxr"}
    if motion.text is not None:
        extras["text"] = motion.text
    if motion.seed is not None:
        extras["seed"] = (
            motion.seed if abs(motion.seed) < 2**53 else str(motion.seed)
        )  # JSON numbers are doubles
    extras["hands"] = [hand.name for hand in motion.hands]
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": generator(), "extras": extras},
        "scene": 0,
        "scenes": [{"name": "Scene", "nodes": roots, "extras": extras}],
        "nodes": builder.nodes,
        "animations": [
            {"name": motion.text or "motion", "channels": builder.channels, "samplers": builder.samplers}
        ],
        "accessors": builder.accessors,
        "bufferViews": builder.views,
        "buffers": [{"byteLength": len(builder.binary)}],
    }
    if builder.meshes:
        document |= {"meshes": builder.meshes, "skins": builder.skins, "materials": [_material()]}
    return document


def _material() -> dict[str, Any]:
    surface = {"baseColorFactor": [*SKIN_TONE, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.65}
    # Double-sided, because a hand may be open at the wrist.
    return {"name": "Skin", "pbrMetallicRoughness": surface, "doubleSided": True}
