"""A user's own MANO files: read without chumpy, scipy or running their code, and converted both ways.

MANO is licence-gated and never ships with this package; who has ``MANO_RIGHT.pkl`` and ``MANO_LEFT.pkl``
can use them in place of the neutral hands. The five tips are the vertices 744, 320, 443, 554, 671 (thumb to
pinky), as smplx and HaMeR have it. (manopth and manotorch take 745, 317, 444 or 445, 556, 673.) Translation
and mean pose have conventions of their own: see ``mano_parameters``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import JOINTS, PARENTS
from .errors import FileFormatError, InputError, UnsafeFileError
from .handfile import load_hand, load_hands, save_hand, save_hands
from .layout import HANDS, POSE_JOINTS
from .mano_parameters import ManoParameters, params_from_mano, params_to_mano
from .resthand import BETAS, Hand, neutral_hand
from .unpickle import load_arrays

__all__ = [
    "MANO_TIPS",
    "ManoParameters",
    "import_mano",
    "load_hand",
    "load_hands",
    "params_from_mano",
    "params_to_mano",
    "save_hand",
    "save_hands",
]

Array = NDArray[Any]

MANO_TIPS = (744, 320, 443, 554, 671)
_VERTICES = 778
_ZIP = b"PK"
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table", "hands_mean")
_LICENCE = "MANO licence (https://mano.is.tue.mpg.de/license.html): not to be redistributed"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise FileFormatError(f"no file at {path}; name MANO_RIGHT.pkl or MANO_LEFT.pkl") from error
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    if data.startswith(_ZIP):
        raise FileFormatError(
            f"{path} is a zip archive, such as an .npz, not a pickle; name MANO_RIGHT.pkl or MANO_LEFT.pkl, "
            "and give an .npz that `hand import` wrote to `clutch-rt generate --hand`"
        )
    try:
        return load_arrays(data, _KEYS)
    except UnsafeFileError as error:
        raise UnsafeFileError(f"{path}: {error}") from error
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}; name MANO_RIGHT.pkl or MANO_LEFT.pkl") from error


def _numbers(data: dict[str, Any], key: str, shape: tuple[int, ...], path: Path) -> Array:
    """One array of the file as float64; -1 in the shape fits any size."""
    if key not in data:
        raise FileFormatError(f"{path} is not a MANO hand: it has no {key}")
    value = data[key]
    fits = isinstance(value, np.ndarray) and value.ndim == len(shape)
    if not fits or any(want not in (-1, size) for want, size in zip(shape, value.shape, strict=True)):
        found = getattr(value, "shape", type(value).__name__)
        raise FileFormatError(f"{path} is not a MANO hand: its {key} is {found}, expected {shape}")
    numbers = value.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise FileFormatError(f"{path}: its {key} holds values that are not finite")
    return numbers


def _side(path: Path, joints: Array, asked: str | None) -> str:
    """Which hand it is: as asked, else by where its fingers point (a right hand's towards -X)."""
    if asked is not None:
        if asked not in HANDS:
            raise InputError(f"no side called {asked!r}; 'left' or 'right'")
        return asked
    seen = "right" if joints[[1, 4, 7, 10], 0].mean() < joints[0, 0] else "left"
    other = "left" if seen == "right" else "right"
    if other.upper() in path.name.upper() and seen.upper() not in path.name.upper():
        raise FileFormatError(
            f"{path} is named {other} but its fingers point as a {seen} hand's do; say side=..."
        )
    return seen


def _same_x(path: Path, left: Array) -> bool:
    """Whether a left file's shape directions have the x of the right file beside it, sign and all."""
    sibling = path.with_name(path.name.replace("LEFT", "RIGHT").replace("left", "right"))
    if sibling == path or not sibling.is_file():
        raise InputError(
            f"left_shape='auto' compares {path.name} with the right hand beside it, which is not there; "
            "say left_shape='flip' for the file as MANO distributes it, or 'keep'"
        )
    right = _numbers(_read(sibling), "shapedirs", left.shape, sibling)
    return float(np.abs(left[:, 0] - right[:, 0]).sum()) < 1.0


def import_mano(
    path: str | Path,
    shape: ArrayLike | None = None,
    side: str | None = None,
    left_shape: str = "keep",
) -> Hand:
    """Read ``MANO_RIGHT.pkl`` or ``MANO_LEFT.pkl``.

    Args:
        path: the file. It is never allowed to run code.
        shape: up to 10 shape parameters (betas); the mean hand by default.
        side: ``"left"`` or ``"right"``; by default seen from where the fingers point.
        left_shape: the left file as MANO distributes it has shape directions whose x was not mirrored, so
            that the same betas make different hands (vchoutas/smplx#48). ``"keep"`` uses the file as it is,
            as smplx does; ``"flip"`` negates x, as HaWoR does; ``"auto"`` negates x if the directions equal
            those of the right file beside it. It matters only together with ``shape``, never to a right hand.

    Returns:
        The hand, its wrist moved to the origin; the skin's pose correctives and the mean pose come along.

    Raises:
        UnsafeFileError: if the file asks for anything but arrays.
        FileFormatError: if it is missing, damaged, or not a MANO hand.
        InputError: if an argument cannot be used.
    """
    source = Path(path)
    data = _read(source)
    template = _numbers(data, "v_template", (_VERTICES, 3), source)
    regressor = _numbers(data, "J_regressor", (JOINTS, _VERTICES), source)
    weights = _numbers(data, "weights", (_VERTICES, JOINTS), source)
    faces = _numbers(data, "f", (-1, 3), source).astype(np.int64)
    pose_dirs = _numbers(data, "posedirs", (_VERTICES, 3, POSE_JOINTS * 9), source)
    mean = _numbers(data, "hands_mean", (POSE_JOINTS * 3,), source)
    tree = _numbers(data, "kintree_table", (2, JOINTS), source)[0].astype(np.int64)
    if tuple(tree[1:].tolist()) != PARENTS[1:]:
        raise FileFormatError(f"{source} is not a MANO hand: its joints hang together differently")
    if faces.size and (faces.min() < 0 or faces.max() >= _VERTICES):
        raise FileFormatError(f"{source}: its faces point outside the {_VERTICES} vertices")
    which = _side(source, regressor @ template, side)
    vertices = template + _shape_offset(data, source, which, shape, left_shape)
    joints = regressor @ vertices
    wrist = joints[0]
    return Hand(
        side=which,
        rest_joints=(joints - wrist).astype(np.float32),
        rest_tips=(vertices[list(MANO_TIPS)] - wrist).astype(np.float32),
        vertices=(vertices - wrist).astype(np.float32),
        faces=faces,
        weights=weights.astype(np.float32),
        hinges=neutral_hand(which).hinges,
        wrist_offset=wrist.astype(np.float32),
        pose_dirs=pose_dirs.astype(np.float32),
        tip_vertices=MANO_TIPS,
        hands_mean=mean.reshape(POSE_JOINTS, 3).astype(np.float32),
        betas=_padded(shape),
        name=f"MANO {which}",
        licence=_LICENCE,
    )


def _padded(shape: ArrayLike | None) -> Array | None:
    """Shape numbers filled up with zeros, ``(10,)`` float32; how many there are is already checked."""
    if shape is None:
        return None
    given = np.asarray(shape, np.float32)
    return np.pad(given, (0, BETAS - len(given)))


def _shape_offset(
    data: dict[str, Any], path: Path, side: str, shape: ArrayLike | None, left_shape: str
) -> Array:
    """How the shape parameters move the vertices, ``(778, 3)`` metres."""
    if left_shape not in ("keep", "flip", "auto"):
        raise InputError(f"left_shape is {left_shape!r}; it must be 'keep', 'flip' or 'auto'")
    directions = _numbers(data, "shapedirs", (_VERTICES, 3, -1), path)
    betas = np.zeros(1) if shape is None else np.asarray(shape, np.float64)
    count = min(directions.shape[-1], BETAS)
    if betas.ndim != 1 or not 0 < len(betas) <= count or not np.isfinite(betas).all():
        raise InputError(f"shape must be 1 to {count} finite numbers; it is {betas.shape}")
    if not betas.any() or side == "right":
        return directions[..., : len(betas)] @ betas
    if left_shape == "flip" or (left_shape == "auto" and _same_x(path, directions)):
        directions = directions * np.array([-1.0, 1.0, 1.0])[:, None]
    return directions[..., : len(betas)] @ betas
