"""How far one pose of two hands is from another, as a vector: what blends are made of.

An *offset* is ``(..., 2, 17, 3)`` float64, left hand then right: row 0 moves the wrist (metres), rows 1 to 16
turn the wrist and the 15 finger joints (rotation vectors, radians, in the joint's own axes): the logarithm of
what takes one to the other. A part of it goes a part of the shortest way, and a small one is a velocity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clutch_rt.hand import local_rotations
from clutch_rt.layout import HANDS, POSE, POSE_SIZE, ROTATION, TRANSLATION, Float32Array
from clutch_rt.rotations import axis_angle_from_matrix, matrix_from_axis_angle, sixd_from_matrix

Offset = NDArray[np.float64]

ROWS = 17


def offset_between(start: Float32Array, stop: Float32Array) -> Offset:
    """The offset that takes frames ``start (..., 2, 99)`` to ``stop``, each turn by the shorter way."""
    first, second = (np.asarray(frames, dtype=np.float64) for frames in (start, stop))
    turns = np.swapaxes(local_rotations(first), -1, -2) @ local_rotations(second)
    moves = second[..., TRANSLATION] - first[..., TRANSLATION]
    return np.concatenate([moves[..., None, :], axis_angle_from_matrix(turns)], axis=-2)


def moved(frames: Float32Array, offset: Offset) -> Float32Array:
    """Frames ``(..., 2, 99)`` moved by an offset: ``moved(a, offset_between(a, b))`` is b."""
    values = np.asarray(frames, dtype=np.float64)
    result = values.copy()
    result[..., TRANSLATION] += offset[..., 0, :]
    turned = local_rotations(values) @ matrix_from_axis_angle(offset[..., 1:, :])
    sixd = sixd_from_matrix(turned)
    result[..., ROTATION] = sixd[..., 0, :]
    result[..., POSE] = sixd[..., 1:, :].reshape(*values.shape[:-1], POSE_SIZE)
    return result.astype(np.float32)


def near(offset: Offset, reference: Offset) -> Offset:
    """The same offset, each turn written the way that is nearest to ``reference``.

    A turn by a is a turn by 2 pi - a the other way round. Beside a turn of almost pi the shorter way can
    change sides from one frame to the next, which must not be taken for a velocity.
    """
    turns = offset[..., 1:, :]
    angle = np.linalg.norm(turns, axis=-1, keepdims=True)
    other = turns - turns * (2.0 * np.pi / np.where(angle > 1e-9, angle, np.inf))
    wanted = reference[..., 1:, :]
    far, close = (np.linalg.norm(way - wanted, axis=-1, keepdims=True) for way in (turns, other))
    return np.concatenate([offset[..., :1, :], np.where(close < far, other, turns)], axis=-2)


def no_offset() -> Offset:
    """The offset that moves nothing, ``(2, 17, 3)``."""
    return np.zeros((len(HANDS), ROWS, 3))
