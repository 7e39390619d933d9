"""Hands as files: one hand or a pair in an ``.npz``, read without pickle and checked before use."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .anatomy import JOINTS, PARENTS, TIPS
from .errors import FileFormatError, InputError
from .formats.arrays import ArchiveError, ArchiveTooLarge, read_arrays, text_of
from .formats.files import atomic_file
from .layout import HANDS, POSE_JOINTS
from .resthand import BETAS, Hand

Array = NDArray[Any]

HAND_FORMAT = 1

_REMEDY = "make one with `clutch-rt hand import`"

# A hand of MANO's size takes 4 MB; a file that unpacks to far more is not one.
_MAX_BYTES = 1 << 28

# Sizes; "V" stands for the number of vertices.
_Shape: TypeAlias = "tuple[int | str, ...]"
_FLOATS: dict[str, _Shape] = {
    "rest_joints": (JOINTS, 3),
    "rest_tips": (TIPS, 3),
    "vertices": ("V", 3),
    "weights": ("V", JOINTS),
    "hinges": (POSE_JOINTS, 3),
    "wrist_offset": (3,),
}
_OPTIONAL: dict[str, _Shape] = {
    "uv": ("V", 2),
    "pose_dirs": ("V", 3, POSE_JOINTS * 9),
    "hands_mean": (POSE_JOINTS, 3),
    "betas": (BETAS,),
}


def _pack(hand: Hand, prefix: str) -> dict[str, Array]:
    arrays = {name: np.asarray(getattr(hand, name), np.float32) for name in _FLOATS}
    arrays |= {name: getattr(hand, name) for name in _OPTIONAL if getattr(hand, name) is not None}
    arrays["faces"] = np.asarray(hand.faces, np.int32)
    arrays["parents"] = np.asarray(hand.parents, np.int32)
    if hand.tip_vertices is not None:
        arrays["tip_vertices"] = np.asarray(hand.tip_vertices, np.int32)
    arrays |= {name: np.array(getattr(hand, name)) for name in ("side", "name", "licence")}
    return {prefix + name: value for name, value in arrays.items()}


def _write(path: str | Path, arrays: dict[str, Array]) -> None:
    """Write the arrays as one file that appears whole or not at all."""
    if Path(path).suffix.lower() != ".npz":
        raise InputError(f"a hand is saved as .npz, and {path} has another ending; rename it")
    arrays = {"format": np.array(HAND_FORMAT), **arrays}
    with atomic_file(path) as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def save_hand(hand: Hand, path: str | Path) -> None:
    """Write one hand as ``.npz``, by rename.

    Raises:
        InputError: if the name does not end in ``.npz``.
        FileFormatError: if the file cannot be written.
    """
    _write(path, _pack(hand, ""))


def save_hands(hands: tuple[Hand, Hand], path: str | Path) -> None:
    """Write a left and a right hand into one ``.npz``, by rename; raises as `save_hand`."""
    if tuple(hand.side for hand in hands) != HANDS:
        raise InputError(f"got hands {[hand.side for hand in hands]}; expected left, then right")
    _write(path, {key: value for hand in hands for key, value in _pack(hand, hand.side + "_").items()})


def _read(path: str | Path) -> dict[str, Array]:
    """All arrays of a hand file; text, numbers, nothing that runs."""
    try:
        arrays = read_arrays(path, _MAX_BYTES)
    except FileNotFoundError as error:
        raise FileFormatError(f"no hand file at {path}; {_REMEDY}") from error
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    except ArchiveTooLarge as error:
        raise FileFormatError(f"{path}: {error}; a hand has at most {_MAX_BYTES:,}; {_REMEDY}") from error
    except ArchiveError as error:
        raise FileFormatError(f"{path} is not a hand file, or is damaged ({error}); {_REMEDY}") from error
    found = arrays.get("format")
    if found is None or found.shape != () or not np.issubdtype(found.dtype, np.integer):
        raise FileFormatError(f"{path} is not a hand file: it has no format number; {_REMEDY}")
    if int(found) != HAND_FORMAT:
        raise FileFormatError(
            f"{path} is a hand file of format {int(found)}, not {HAND_FORMAT}; upgrade clutch-rt"
        )
    return arrays


def _floats(arrays: dict[str, Array], name: str, shape: _Shape, count: int, path: str) -> Array:
    if name not in arrays:
        raise FileFormatError(f"{path} is not a hand file: it has no {name}; {_REMEDY}")
    value = arrays[name]
    wanted = tuple(count if size == "V" else size for size in shape)
    if value.shape != wanted or not np.issubdtype(value.dtype, np.floating):
        raise FileFormatError(f"{path}: {name} is {value.dtype} {value.shape}; expected float32 {wanted}")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as that
        value = value.astype(np.float32)
    if not np.isfinite(value).all():
        raise FileFormatError(f"{path}: {name} holds values that are not finite")
    return value


def _integers(arrays: dict[str, Array], name: str, below: int, path: str) -> Array:
    value = arrays.get(name)
    if value is None or not np.issubdtype(value.dtype, np.integer):
        raise FileFormatError(f"{path}: {name} is missing or not of whole numbers")
    if value.size and (value.min() < 0 or value.max() >= below):
        raise FileFormatError(f"{path}: {name} points outside the {below} vertices")
    return value.astype(np.int64)


def _text(arrays: dict[str, Array], name: str, path: str) -> str:
    value = arrays.get(name)
    if value is None or value.dtype.kind != "U" or value.shape != ():
        return ""
    try:
        return text_of(value)
    except ValueError as error:
        raise FileFormatError(f"{path}: {name} holds what is no character; {_REMEDY}") from error


def _unpack(arrays: dict[str, Array], path: str) -> Hand:
    shape = arrays["vertices"].shape if "vertices" in arrays else ()
    count = shape[0] if shape else 0
    floats = {name: _floats(arrays, name, wanted, count, path) for name, wanted in _FLOATS.items()}
    optional = {
        name: _floats(arrays, name, wanted, count, path) if name in arrays else None
        for name, wanted in _OPTIONAL.items()
    }
    weights = floats["weights"]
    if count and (weights.min() < 0 or np.abs(weights.sum(axis=1) - 1).max() > 1e-3):
        raise FileFormatError(f"{path}: skin weights must be positive and sum to 1 at every vertex")
    faces = _integers(arrays, "faces", count, path)
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise FileFormatError(f"{path}: faces have shape {faces.shape}; expected (F, 3)")
    parents = arrays.get("parents")
    if parents is None or parents.shape != (JOINTS,) or tuple(parents.tolist()) != PARENTS:
        raise FileFormatError(f"{path}: the joints are not in MANO's order")
    tips = _integers(arrays, "tip_vertices", count, path) if "tip_vertices" in arrays else None
    if tips is not None and tips.shape != (TIPS,):
        raise FileFormatError(f"{path}: tip_vertices have shape {tips.shape}; expected ({TIPS},)")
    side = _text(arrays, "side", path)
    if side not in HANDS:
        raise FileFormatError(f"{path}: the side is {side!r}; expected 'left' or 'right'")
    return Hand(
        side=side,
        faces=faces,
        tip_vertices=None if tips is None else tuple(tips.tolist()),
        name=_text(arrays, "name", path),
        licence=_text(arrays, "licence", path),
        **{**floats, **optional},  # type: ignore[arg-type]
    )


def load_hand(path: str | Path) -> Hand:
    """Read a hand that `save_hand` wrote.

    Raises:
        FileFormatError: if the file is missing, damaged, of another format, or holds no usable hand.
    """
    return _unpack(_read(path), str(path))


def load_hands(path: str | Path) -> tuple[Hand, Hand]:
    """Read the left and the right hand that `save_hands` wrote; raises as `load_hand`."""
    arrays = _read(path)
    left, right = (
        _unpack(
            {key[len(side) + 1 :]: arrays[key] for key in arrays if key.startswith(side + "_")}, str(path)
        )
        for side in HANDS
    )
    if (left.side, right.side) != HANDS:
        raise FileFormatError(f"{path}: holds a {left.side} and a {right.side} hand; expected left and right")
    return left, right
