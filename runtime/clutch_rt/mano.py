"""A user's own MANO files: read without chumpy, scipy or running their code, and converted both ways.

MANO is licence-gated and never ships with this package; who has ``MANO_RIGHT.pkl`` and ``MANO_LEFT.pkl``
can use them in place of the neutral hands. Three conventions to know:

* **Translation.** Ours is the position of the wrist. MANO's moves the model's origin, and its wrist lies at
  J0 from there, whatever the global rotation: ``transl = wrist - hand.wrist_offset``.
* **Mean pose.** Zero pose in our parameters is the flat rest pose, and rotations are the true rotations of
  the joints. ``smplx.MANO`` adds the file's mean pose to the rotation vectors unless
  ``flat_hand_mean=True``; ``MANOLayer`` never adds it. Say which when converting; mixing the two bends every
  finger.
* **Tips.** The five tips are the vertices 744, 320, 443, 554, 671 (thumb to pinky), as smplx and HaMeR have
  it. (manopth and manotorch take 745, 317, 444 or 445, 556, 673.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import JOINTS, PARENTS
from .errors import FileFormatError, InputError, UnsafeFileError
from .hand import BETAS, Hand, local_rotations, neutral_hand
from .handfile import load_hand, load_hands, save_hand, save_hands
from .layout import HANDS, POSE_JOINTS, TRANSLATION
from .rotations import axis_angle_from_matrix, matrix_from_axis_angle, sixd_from_matrix
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
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table", "hands_mean")
_LICENCE = "MANO licence (https://mano.is.tue.mpg.de/license.html): not to be redistributed"


@dataclass(frozen=True, eq=False)
class ManoParameters:
    """One hand in MANO's own parameters, rotation vectors in radians.

    Attributes:
        global_orient: ``(..., 3)``.
        hand_pose: ``(..., 45)``.
        transl: ``(..., 3)`` metres, added to MANO's vertices.
    """

    global_orient: Array
    hand_pose: Array
    transl: Array


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise FileFormatError(f"no file at {path}; name MANO_RIGHT.pkl or MANO_LEFT.pkl") from error
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror or error}; check the path") from error
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


def _mean_pose(hand: Hand, flat_hand_mean: bool) -> Array | float:
    if flat_hand_mean:
        return 0.0
    if hand.hands_mean is None:
        raise InputError(f"{hand.name or 'this hand'} has no mean pose; use flat_hand_mean=True")
    return hand.hands_mean.reshape(POSE_JOINTS * 3)


def params_from_mano(
    hand: Hand,
    global_orient: ArrayLike,
    hand_pose: ArrayLike,
    transl: ArrayLike,
    flat_hand_mean: bool = True,
) -> Array:
    """MANO's parameters to ours.

    Args:
        hand: the hand they are for (its ``wrist_offset`` and, for ``flat_hand_mean=False``, its mean pose).
        global_orient: ``(..., 3)`` rotation vector.
        hand_pose: ``(..., 45)`` rotation vectors.
        transl: ``(..., 3)`` metres.
        flat_hand_mean: as in ``smplx.MANO``: False if the mean pose is to be added to ``hand_pose``.

    Returns:
        ``(..., 99)`` float32.

    Raises:
        InputError: if shapes do not fit, or a mean pose is asked for and the hand has none.
    """
    root, pose, moved = (np.asarray(value, np.float64) for value in (global_orient, hand_pose, transl))
    if root.shape[-1:] != (3,) or pose.shape[-1:] != (POSE_JOINTS * 3,) or moved.shape[-1:] != (3,):
        raise InputError(
            f"MANO parameters have shapes {root.shape}, {pose.shape}, {moved.shape}; "
            "they must end in 3, 45 and 3 (full rotation vectors, not PCA components)"
        )
    full = np.concatenate([root, pose + _mean_pose(hand, flat_hand_mean)], axis=-1)
    matrices = matrix_from_axis_angle(full.reshape(*full.shape[:-1], JOINTS, 3))
    sixd = sixd_from_matrix(matrices)
    wrist = moved + hand.wrist_offset
    pose6d = sixd[..., 1:, :].reshape(*full.shape[:-1], POSE_JOINTS * 6)
    return np.concatenate([sixd[..., 0, :], wrist, pose6d], axis=-1).astype(np.float32)


def params_to_mano(hand: Hand, params: ArrayLike, flat_hand_mean: bool = True) -> ManoParameters:
    """Our parameters to MANO's, float32; the inverse of `params_from_mano`.

    Args:
        hand: the hand they are for.
        params: ``(..., 99)``.
        flat_hand_mean: False if the reader will add the mean pose, which is then taken off here.

    Raises:
        InputError: if the last axis is not 99, or the mean pose is asked for and the hand has none.
    """
    values = np.asarray(params, np.float64)
    vectors = axis_angle_from_matrix(local_rotations(values))
    pose = vectors[..., 1:, :].reshape(*vectors.shape[:-2], POSE_JOINTS * 3)
    return ManoParameters(
        global_orient=vectors[..., 0, :].astype(np.float32),
        hand_pose=(pose - _mean_pose(hand, flat_hand_mean)).astype(np.float32),
        transl=(values[..., TRANSLATION] - hand.wrist_offset).astype(np.float32),
    )
