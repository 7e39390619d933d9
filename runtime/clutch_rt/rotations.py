"""Rotations in numpy: matrices, the 6D form, axis-angle and quaternions, all vectorised over leading axes.

The 6D form is the first two *columns* of the matrix, one after the other (Zhou et al., "On the Continuity
of Rotation Representations in Neural Networks", CVPR 2019). Quaternions are ``(x, y, z, w)`` with w >= 0.
``models/kinematics.py`` has what it needs of them in torch. The input's dtype is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

_TINY = 1e-12


def _floating(values: ArrayLike) -> Array:
    """The values as a float array: float32 stays float32, anything that is not floating becomes float64."""
    array = np.asarray(values)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)


def normalize(vectors: Array) -> Array:
    """Scale ``(..., n)`` vectors to length one; a zero vector stays zero."""
    return vectors / np.maximum(np.sqrt(dot(vectors, vectors)), _TINY)[..., None]


def dot(a: Array, b: Array) -> Array:
    """Scalar products of vectors ``(..., n)``, ``(...,)``; for a few numbers each far sooner than a sum."""
    return np.einsum("...i,...i->...", a, b)


def orthonormal_6d(sixd: Array) -> Array:
    """Gram-Schmidt of the two columns ``(..., 6)`` of a rotation, again as ``(..., 6)``."""
    found = np.empty_like(sixd)
    first = found[..., 0:3] = normalize(sixd[..., 0:3])
    second = sixd[..., 3:6]
    found[..., 3:6] = normalize(second - dot(first, second)[..., None] * first)
    return found


def matrix_from_6d(sixd: ArrayLike) -> Array:
    """Gram-Schmidt two columns into a rotation matrix.

    Args:
        sixd: ``(..., 6)``; the columns need not be orthogonal or of unit length.

    Returns:
        ``(..., 3, 3)`` rotation matrices. Parallel or zero columns give a degenerate, finite matrix.
    """
    columns = orthonormal_6d(_floating(sixd))
    first, second = columns[..., 0:3], columns[..., 3:6]
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def sixd_from_matrix(matrix: ArrayLike) -> Array:
    """The first two columns of ``(..., 3, 3)`` matrices, as ``(..., 6)``."""
    values = _floating(matrix)
    return np.concatenate([values[..., :, 0], values[..., :, 1]], axis=-1)


def matrix_from_axis_angle(axis_angle: ArrayLike) -> Array:
    """Rodrigues' formula: ``(..., 3)`` rotation vectors in radians to ``(..., 3, 3)`` matrices."""
    vectors = _floating(axis_angle)
    half = 0.5 * np.linalg.norm(vectors, axis=-1, keepdims=True)
    # sin(a/2)/a, exact at zero because numpy's sinc is; sinc takes its argument in units of pi.
    scale = 0.5 * np.sinc(half / np.pi).astype(vectors.dtype)
    return matrix_from_quaternion(np.concatenate([vectors * scale, np.cos(half)], axis=-1))


def axis_angle_from_matrix(matrix: ArrayLike) -> Array:
    """``(..., 3, 3)`` rotation matrices to ``(..., 3)`` rotation vectors of at most pi radians."""
    quaternion = quaternion_from_matrix(matrix)
    vector, scalar = quaternion[..., :3], quaternion[..., 3:]
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(length, scalar)
    # Near zero angle/length tends to 2/w, which is 2.
    return vector * np.where(length > _TINY, angle / np.maximum(length, _TINY), 2.0).astype(vector.dtype)


def quaternion_from_matrix(matrix: ArrayLike) -> Array:
    """Rotation matrices to unit quaternions by Shepperd's method, sound at every angle.

    Args:
        matrix: ``(..., 3, 3)`` rotation matrices.

    Returns:
        ``(..., 4)`` as x, y, z, w with w >= 0.
    """
    m = _floating(matrix)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    x_w, y_w, z_w = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    x_y, x_z, y_z = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    # Row i is 4 q_i (x, y, z, w): four versions of the same quaternion, of which the longest is the soundest.
    candidates = np.stack(
        [
            np.stack([1 + xx - yy - zz, x_y, x_z, x_w], axis=-1),
            np.stack([x_y, 1 - xx + yy - zz, y_z, y_w], axis=-1),
            np.stack([x_z, y_z, 1 - xx - yy + zz, z_w], axis=-1),
            np.stack([x_w, y_w, z_w, 1 + xx + yy + zz], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(np.diagonal(candidates, axis1=-2, axis2=-1), axis=-1)
    chosen = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    chosen = normalize(chosen)
    return np.where(chosen[..., 3:] < 0, -chosen, chosen)


def matrix_from_quaternion(quaternion: ArrayLike) -> Array:
    """``(..., 4)`` quaternions x, y, z, w (any length but zero) to ``(..., 3, 3)`` rotation matrices."""
    q = normalize(_floating(quaternion))
    x, y, z, w = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], axis=-1),
            np.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], axis=-1),
            np.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], axis=-1),
        ],
        axis=-2,
    )


def slerp(start: ArrayLike, stop: ArrayLike, t: ArrayLike) -> Array:
    """Turn from one quaternion to another along the shorter arc, at constant speed.

    Args:
        start, stop: ``(..., 4)`` unit quaternions x, y, z, w.
        t: ``(...)`` or scalar, 0 at start and 1 at stop.

    Returns:
        ``(..., 4)`` unit quaternions.
    """
    first, second = _floating(start), _floating(stop)
    fraction = np.asarray(t, dtype=first.dtype)[..., None]
    dot = (first * second).sum(axis=-1, keepdims=True)
    second = np.where(dot < 0, -second, second)
    # atan2 of the chord lengths keeps its precision where arccos(dot) loses it, near 0.
    half = np.arctan2(
        np.linalg.norm(second - first, axis=-1, keepdims=True),
        np.linalg.norm(second + first, axis=-1, keepdims=True),
    )
    angle = 2.0 * half
    near = np.sin(angle) < 1e-6
    divisor = np.where(near, 1.0, np.sin(angle))
    weight_first = np.where(near, 1.0 - fraction, np.sin((1.0 - fraction) * angle) / divisor)
    weight_second = np.where(near, fraction, np.sin(fraction * angle) / divisor)
    return normalize(weight_first * first + weight_second * second).astype(first.dtype)
