"""Motions as USD text (``.usda``): a UsdSkel skeleton with its animation, and the skins of both hands.

Metres, +Y up, ``openxr`` space; one time sample per frame, with the motion's rate as the time code. Joints
are those of the ``.glb``, with ``_`` for ``-`` in their names, since a USD name cannot hold a hyphen.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clutch_rt.formats.skeleton import INFLUENCES, SKIN_TONE, Skeleton, generator, skeleton_of, skin_of
from clutch_rt.hand import Hand
from clutch_rt.layout import HANDS
from clutch_rt.rotations import matrix_from_quaternion

if TYPE_CHECKING:
    from clutch_rt.motion import Motion

Array = NDArray[Any]


def encode_usda(motion: Motion) -> bytes:
    """The bytes of a ``.usda`` file; opens in usdview, Houdini, Omniverse, Unreal and Blender 4."""
    skeletons = [
        skeleton_of(hand, motion.frames[:, side], False, f"_{'LR'[side]}")
        for side, hand in enumerate(motion.hands)
    ]
    meshes = [
        _mesh(hand, HANDS[side].capitalize() + "Hand", side * len(skeletons[0].names))
        for side, hand in enumerate(motion.hands)
        if len(hand.faces)
    ]
    body = [_skeleton(skeletons), _animation(skeletons), *meshes]
    text = f'{_header(motion)}\ndef SkelRoot "Hands" (\n    prepend apiSchemas = ["SkelBindingAPI"]\n)\n{{\n'
    return (text + "\n".join(body) + "}\n").encode()


def _header(motion: Motion) -> str:
    rate = f"{motion.fps:.10g}"
    notes = [f"        double fps = {rate}", '        string space = "openxr"']
    if motion.text is not None:
        notes.append(f"        string text = {_quoted(motion.text)}")
    if motion.seed is not None:
        notes.append(f'        string seed = "{motion.seed}"')
    return "\n".join(
        [
            "#usda 1.0",
            "(",
            f'    doc = "{generator()}"',
            '    defaultPrim = "Hands"',
            "    metersPerUnit = 1",
            '    upAxis = "Y"',
            f"    timeCodesPerSecond = {rate}",
            f"    framesPerSecond = {rate}",
            "    startTimeCode = 0",
            f"    endTimeCode = {len(motion) - 1}",
            "    customLayerData = {",
            *notes,
            "    }",
            ")",
            "",
        ]
    )


def _skeleton(skeletons: list[Skeleton]) -> str:
    bind = np.concatenate([np.linalg.inv(skeleton.inverse) for skeleton in skeletons])
    rest = np.tile(np.eye(4), (len(bind), 1, 1))
    rest[:, :3, :3] = matrix_from_quaternion(np.concatenate([s.bind_rotations for s in skeletons]))
    rest[:, :3, 3] = np.concatenate([s.bind_translations for s in skeletons])
    return f"""    def Skeleton "Skeleton" (
        prepend apiSchemas = ["SkelBindingAPI"]
    )
    {{
        uniform token[] joints = {_tokens(skeletons)}
        uniform matrix4d[] bindTransforms = {_matrices(bind)}
        uniform matrix4d[] restTransforms = {_matrices(rest)}
        rel skel:animationSource = </Hands/Animation>
    }}
"""


def _animation(skeletons: list[Skeleton]) -> str:
    translations = np.concatenate([skeleton.translations for skeleton in skeletons], axis=1)
    rotations = np.concatenate([skeleton.rotations for skeleton in skeletons], axis=1)[..., [3, 0, 1, 2]]
    return f"""    def SkelAnimation "Animation"
    {{
        uniform token[] joints = {_tokens(skeletons)}
        half3[] scales = [{", ".join(["(1, 1, 1)"] * translations.shape[1])}]
        float3[] translations.timeSamples = {_samples(translations)}
        quatf[] rotations.timeSamples = {_samples(rotations)}
    }}
"""


def _mesh(hand: Hand, name: str, first: int) -> str:
    """The skin of one hand, whose joints start at number ``first`` of the skeleton."""
    skin = skin_of(hand)
    binding = f'elementSize = {INFLUENCES}\n            interpolation = "vertex"'
    return f"""    def Mesh "{name}" (
        prepend apiSchemas = ["SkelBindingAPI"]
    )
    {{
        uniform bool doubleSided = 1
        uniform token subdivisionScheme = "none"
        float3[] extent = {_vectors(np.stack([skin.points.min(axis=0), skin.points.max(axis=0)]))}
        int[] faceVertexCounts = {[3] * len(skin.faces)}
        int[] faceVertexIndices = {skin.faces.ravel().tolist()}
        point3f[] points = {_vectors(skin.points)}
        normal3f[] normals = {_vectors(skin.normals)} (
            interpolation = "vertex"
        )
        color3f[] primvars:displayColor = [{SKIN_TONE}]
        matrix4d primvars:skel:geomBindTransform = {_matrices(np.eye(4)[None])[1:-1]}
        int[] primvars:skel:jointIndices = {(skin.influences + first).ravel().tolist()} (
            {binding}
        )
        float[] primvars:skel:jointWeights = [{", ".join(f"{w:.9g}" for w in skin.weights.ravel())}] (
            {binding}
        )
        rel skel:skeleton = </Hands/Skeleton>
    }}
"""


def _tokens(skeletons: list[Skeleton]) -> str:
    """Joint paths such as ``wrist_L/thumb_metacarpal_L``."""
    paths: list[str] = []
    for skeleton in skeletons:
        above: list[str] = []
        for name, parent in zip(skeleton.names, skeleton.parents, strict=True):
            plain = name.replace("-", "_")
            above.append(plain if parent < 0 else f"{above[parent]}/{plain}")
        paths += above
    return "[" + ", ".join(f'"{path}"' for path in paths) + "]"


def _vectors(values: Array) -> str:
    """``(N, C)`` numbers as USD tuples; nine digits keep a float32."""
    return "[" + ", ".join("(" + ", ".join(f"{v:.9g}" for v in row) + ")" for row in values) + "]"


def _matrices(values: Array) -> str:
    """``(N, 4, 4)`` matrices; USD multiplies row vectors, so they are written transposed."""
    rows = np.swapaxes(values, -1, -2)
    return (
        "["
        + ", ".join(
            "( " + ", ".join("(" + ", ".join(f"{v:.12g}" for v in row) + ")" for row in matrix) + " )"
            for matrix in rows
        )
        + "]"
    )


def _samples(values: Array) -> str:
    """``(T, J, C)`` values, one time sample per frame."""
    lines = [f"            {frame}: {_vectors(row)}," for frame, row in enumerate(values)]
    return "{\n" + "\n".join(lines) + "\n        }"


def _quoted(text: str) -> str:
    """A USD string on one line; its escapes for quotes and backslashes are JSON's."""
    line = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return json.dumps(line, ensure_ascii=False)
