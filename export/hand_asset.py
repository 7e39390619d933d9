"""Make the neutral hand: the MIT `generic-hand` of the WebXR input profiles, in MANO's joint order and axes.

    npm install @webxr-input-profiles/assets
    python -m export.hand_asset node_modules

writes ``runtime/clutch_rt/assets/neutral_hand.npz`` and the licence of the model beside it. It is run once;
the result is committed. Only the right hand is read: the left one is its exact mirror image, made at load
time, so that mirroring a motion never changes its geometry. (The model's own left hand is its mirror image
within 4 mm at the joints used here: the knuckle of the index finger; elsewhere much nearer.)

25 WebXR joints become 16 MANO joints: the metacarpals of the fingers join the wrist, the tips join the
distal bones. The slight curl of the four fingers is taken out, so that the rest pose is a flat open hand.
"""

from __future__ import annotations

import argparse
import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clutch_rt.errors import ClutchError
from clutch_rt.formats.files import atomic_file, write_bytes
from clutch_rt.rotations import Array, matrix_from_axis_angle, normalize

ASSETS = Path(__file__).parents[1] / "runtime" / "clutch_rt" / "assets"
PACKAGE = Path("@webxr-input-profiles") / "assets"
LICENCE_FILE = "GENERIC-HAND-LICENSE.md"

# MANO's fingers in MANO's order, each with the first of its three joints.
FINGERS = {"index": 1, "middle": 4, "pinky": 7, "ring": 10, "thumb": 13}
TIP_ORDER = ("thumb", "index", "middle", "ring", "pinky")
_COMPONENTS = {5121: "<u1", 5123: "<u2", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True)
class Source:
    """What a generic-hand file holds, in MANO's axes with the wrist at the origin, metres.

    ``bones`` maps a WebXR joint name to ``(position (3,), axes (3, 3))``; ``names[i]`` is skin joint i.
    """

    vertices: Array
    faces: Array
    joints: Array
    weights: Array
    names: list[str]
    bones: dict[str, tuple[Array, Array]]


def read_glb(path: Path) -> tuple[dict, list[Array]]:
    """The JSON of a binary glTF and its accessors as ``(count, width)`` arrays."""
    data = path.read_bytes()
    magic, version, _ = struct.unpack_from("<4sII", data, 0)
    if magic != b"glTF" or version != 2:
        raise SystemExit(f"{path} is not a binary glTF 2.0 file; expected right.glb of generic-hand")
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    binary = data[20 + length + 8 :]
    arrays = []
    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        offset = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        width = _WIDTHS[accessor["type"]]
        kind = _COMPONENTS[accessor["componentType"]]
        flat = np.frombuffer(binary, kind, accessor["count"] * width, offset)
        arrays.append(flat.reshape(-1, width))
    return document, arrays


def read_source(path: Path) -> Source:
    """Read a right generic-hand into MANO's axes: fingers -X, back of the hand +Y, thumb +Z."""
    document, arrays = read_glb(path)
    primitive = document["meshes"][0]["primitives"][0]
    skin = document["skins"][0]
    names = [document["nodes"][node]["name"] for node in skin["joints"]]
    inverse = arrays[skin["inverseBindMatrices"]].astype(np.float64).reshape(-1, 4, 4).transpose(0, 2, 1)
    bind = np.linalg.inv(inverse)
    wrist = bind[names.index("wrist")]
    # WebXR's wrist has +Z backwards and +Y out of the back of the hand; MANO's right hand has +X backwards.
    x, y = wrist[:3, 2], wrist[:3, 1]
    to_mano = np.stack([x, y, np.cross(x, y)])
    bones = {
        name: (to_mano @ (bind[i, :3, 3] - wrist[:3, 3]), to_mano @ bind[i, :3, :3])
        for i, name in enumerate(names)
    }
    attributes = primitive["attributes"]
    positions = arrays[attributes["POSITION"]].astype(np.float64)
    return Source(
        vertices=(positions - wrist[:3, 3]) @ to_mano.T,
        faces=arrays[primitive["indices"]].astype(np.int64).reshape(-1, 3),
        joints=arrays[attributes["JOINTS_0"]].astype(np.int64),
        weights=arrays[attributes["WEIGHTS_0"]].astype(np.float64),
        names=names,
        bones=bones,
    )


def finger_bones(finger: str) -> list[str]:
    """The WebXR names of a finger's three MANO joints and its tip, from the palm outwards."""
    if finger == "thumb":
        return ["thumb-metacarpal", "thumb-phalanx-proximal", "thumb-phalanx-distal", "thumb-tip"]
    parts = ("phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip")
    return [f"{finger}-finger-{part}" for part in parts]


def mano_joint(name: str) -> int:
    """The MANO joint that a WebXR joint's skin weights go to."""
    finger = name.split("-")[0]
    if finger == "wrist" or name.endswith("finger-metacarpal"):
        return 0
    return FINGERS[finger] + min(finger_bones(finger).index(name), 2)


def weld(source: Source) -> tuple[Array, Array, Array]:
    """Join the vertices that texture seams had split; the texture coordinates are dropped.

    Returns:
        vertices ``(V, 3)``, faces ``(F, 3)`` and dense weights ``(V, 16)`` that sum to 1.
    """
    dense = np.zeros((len(source.vertices), 16))
    target = np.array([mano_joint(name) for name in source.names])
    np.add.at(dense, (np.arange(len(dense))[:, None], target[source.joints]), source.weights)
    _, first, inverse = np.unique(source.vertices.round(6), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    kept = first[order]
    weights = dense[kept] / dense[kept].sum(axis=1, keepdims=True)
    return source.vertices[kept], rank[inverse.reshape(-1)][source.faces], weights


def turn(start: Array, stop: Array) -> Array:
    """The smallest rotation ``(3, 3)`` that takes unit vector ``start`` to unit vector ``stop``."""
    axis = np.cross(start, stop)
    sine = np.linalg.norm(axis)
    return matrix_from_axis_angle(axis / max(sine, 1e-12) * np.arctan2(sine, start @ stop))


def flatten(source: Source) -> tuple[Array, Array, Array, Array]:
    """Lay each finger straight and level, keeping its spread and its bone lengths; the thumb stays as it is.

    Returns:
        rest joints ``(16, 3)``, rest tips ``(5, 3)``, hinge axes ``(15, 3)`` (OpenXR +X of joints 1..15, one
        direction per finger, so that a finger curls in a plane), and the ``(16, 3, 4)`` transforms that move
        the original mesh along.
    """
    joints, tips, hinges = np.zeros((16, 3)), np.zeros((5, 3)), np.zeros((15, 3))
    moves = np.tile(np.eye(3, 4), (16, 1, 1))
    for finger, base in FINGERS.items():
        bones = [source.bones[name] for name in finger_bones(finger)]
        old = np.stack([position for position, _ in bones])
        level = normalize((old[3] - old[0]) * np.array([1.0, 0.0, 1.0]))
        place, axes = old[0], []
        for k in range(3):
            step = old[k + 1] - old[k]
            rotation = np.eye(3) if finger == "thumb" else turn(normalize(step), level)
            moves[base + k] = np.concatenate([rotation, (place - rotation @ old[k])[:, None]], axis=1)
            joints[base + k] = place
            axes.append(rotation @ bones[k][1][:, 0])
            place = place + rotation @ step
        tips[TIP_ORDER.index(finger)] = place
        hinges[base - 1 : base + 2] = normalize(np.mean(axes, axis=0))
    return joints, tips, hinges, moves


def four_influences(weights: Array) -> tuple[Array, Array]:
    """The four strongest joints of each vertex, as ``(V, 4)`` uint8 and ``(V, 4)`` float32 summing to 1."""
    strongest = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    values = np.take_along_axis(weights, strongest, axis=1)
    values = values / values.sum(axis=1, keepdims=True)
    return np.where(values > 0, strongest, 0).astype(np.uint8), values.astype(np.float32)


def build(path: Path) -> dict[str, Array]:
    """All arrays of the asset (right hand, MANO axes, metres, wrist at the origin) from right.glb."""
    source = read_source(path)
    vertices, faces, weights = weld(source)
    joints, tips, hinges, moves = flatten(source)
    blended = np.einsum("vj,jab->vab", weights, moves)
    flat = np.einsum("vab,vb->va", blended[..., :3], vertices) + blended[..., 3]
    indices, values = four_influences(weights)
    fingers = ("index", "middle", "ring", "pinky")
    return {
        "rest_joints": joints.astype(np.float32),
        "rest_tips": tips.astype(np.float32),
        "hinges": hinges.astype(np.float32),
        "vertices": flat.astype(np.float32),
        "faces": faces.astype(np.uint16),
        "weight_joints": indices,
        "weight_values": values,
        "metacarpals": np.stack([source.bones[f"{f}-finger-metacarpal"][0] for f in fingers]).astype(
            np.float32
        ),
    }


def locate(path: Path) -> tuple[Path, Path]:
    """right.glb and the licence, from a node_modules folder, the package's folder, or the models' folder."""
    for package in (path / PACKAGE, path, path.parents[2] if len(path.parents) > 2 else path):
        model = package / "dist" / "profiles" / "generic-hand" / "right.glb"
        if model.is_file():
            return model, package / "LICENSE.md"
    raise SystemExit(
        f"no generic-hand model under {path}: expected a node_modules folder that holds {PACKAGE}; "
        "run `npm install @webxr-input-profiles/assets` first"
    )


def write(folder: Path, arrays: dict[str, Array], licence: bytes) -> Path:
    """Write the asset and its licence into ``folder``; the path of the asset.

    Raises:
        FileFormatError: the place cannot be written to; what stood there stays.
    """
    target = folder / "neutral_hand.npz"
    with atomic_file(target) as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    header = "`neutral_hand.npz` is made from the `generic-hand` of @webxr-input-profiles/assets.\n\n"
    write_bytes(folder / LICENCE_FILE, header.encode() + licence)
    return target


def main() -> None:
    """Read the model named on the command line and write the asset and its licence."""
    parser = argparse.ArgumentParser(description="make the neutral hand from the generic-hand model")
    parser.add_argument("path", type=Path, help="node_modules, or the folder of the generic-hand models")
    parser.add_argument(
        "-o", "--output", type=Path, default=ASSETS, help="where to write (default: the package)"
    )
    arguments = parser.parse_args()
    model, licence = locate(arguments.path.resolve())
    arrays = build(model)
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
        target = write(arguments.output, arrays, licence.read_bytes())
    except (OSError, ClutchError) as error:
        raise SystemExit(f"hand_asset: {error}") from error
    size = target.stat().st_size
    print(f"{target}: {len(arrays['vertices'])} vertices, {len(arrays['faces'])} faces, {size} bytes")


if __name__ == "__main__":
    main()
