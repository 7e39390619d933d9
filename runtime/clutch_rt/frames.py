"""A motion's frames as one array: checked and orthonormalised, and read off between two frames."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clutch_rt.errors import InputError
from clutch_rt.hand import local_rotations, sixd_rotations
from clutch_rt.layout import HAND_SIZE, HANDS, POSE, POSE_JOINTS, ROTATION, TRANSLATION, Float32Array
from clutch_rt.rotations import (
    dot,
    matrix_from_quaternion,
    orthonormal_6d,
    quaternion_from_matrix,
    sixd_from_matrix,
    slerp,
)

# A column shorter than this, or two columns closer to parallel than this, carry no rotation.
_DEGENERATE: Final = 1e-6
# Columns this close to orthonormal are float32 rounding already and stay as they are, which makes
# construction idempotent: a motion read back from a file is bit for bit the one that was written.
_ROUNDING: Final = 1e-6


def clean_frames(frames: ArrayLike) -> Float32Array:
    """Validated, orthonormalised, read-only copy ``(T, 2, 99)`` float32."""
    try:
        values = np.array(frames, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"frames are not numbers ({error}). Wanted (T, 2, {HAND_SIZE}) floats.") from error
    if values.ndim != 3 or values.shape[1:] != (2, HAND_SIZE) or values.shape[0] < 1:
        raise InputError(
            f"frames have shape {values.shape}. Wanted (T, 2, {HAND_SIZE}) with at least one frame: "
            "left hand, right hand, 99 numbers each."
        )
    bad = ~np.isfinite(values)
    # Beyond float32 (and far beyond any room) a number would turn into infinity below.
    bad |= np.abs(values) > np.finfo(np.float32).max
    if bad.any():
        where = int(np.argwhere(bad)[0][0])
        raise InputError(
            f"frames hold {int(bad.sum())} numbers that are not finite, the first in frame {where}. "
            "Wanted finite numbers; check what made them."
        )
    sixd = _sixd(values)
    values[..., ROTATION] = sixd[..., 0, :]
    values[..., POSE] = sixd[..., 1:, :].reshape(*values.shape[:2], POSE_JOINTS * 6)
    clean = values.astype(np.float32)
    clean.setflags(write=False)
    return clean


def _sixd(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal 6D rotations ``(T, 2, 16, 6)`` of float64 frames."""
    sixd = sixd_rotations(values)
    first, second = sixd[..., :3], sixd[..., 3:]
    length, reach, inner = np.sqrt(dot(first, first)), np.sqrt(dot(second, second)), dot(first, second)
    whole = np.square(length * reach)  # less the square of ``inner`` it is that of the area they span
    bad = (length < _DEGENERATE) | (reach < _DEGENERATE)
    bad |= whole - np.square(inner) < _DEGENERATE**2 * whole
    if bad.any():
        frame, side, joint = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"frame {frame}, {HANDS[side]} hand, joint {joint}: the six numbers of a rotation are "
            f"{sixd[frame, side, joint].tolist()}, which is no rotation. Wanted two columns that are "
            "neither zero nor parallel; check what made the frames."
        )
    fine = (np.abs(length - 1) < _ROUNDING) & (np.abs(reach - 1) < _ROUNDING) & (np.abs(inner) < _ROUNDING)
    return np.where(fine[..., None], sixd, orthonormal_6d(sixd))


def frames_at(frames: Float32Array, times: NDArray[np.float64]) -> Float32Array:
    """Frames ``(N, 2, 99)`` at fractional frame numbers ``(N,)``; whole numbers give their frame exactly."""
    before = np.minimum(np.floor(times + 1e-9).astype(np.int64), len(frames) - 1)
    after = np.minimum(before + 1, len(frames) - 1)
    fraction = np.clip(times - before, 0.0, 1.0)
    fraction[fraction < 1e-9] = 0.0
    quaternions = quaternion_from_matrix(local_rotations(frames.astype(np.float64)))
    turned = slerp(quaternions[before], quaternions[after], fraction[:, None, None])
    sixd = sixd_from_matrix(matrix_from_quaternion(turned)).astype(np.float32)
    result = frames[before]
    moving = fraction > 0
    result[moving, :, ROTATION] = sixd[moving, :, 0]
    result[moving, :, POSE] = sixd[moving, :, 1:].reshape(-1, 2, POSE_JOINTS * 6)
    weight = fraction[:, None, None].astype(np.float32)
    start, stop = frames[before][..., TRANSLATION], frames[after][..., TRANSLATION]
    result[..., TRANSLATION] = start + weight * (stop - start)
    return result
