"""Hand parameters and MANO's, converted both ways. Two conventions to know:

* **Translation.** Ours is the position of the wrist. MANO's moves the model's origin, and its wrist lies at
  J0 from there, whatever the global rotation: ``transl = wrist - hand.wrist_offset``.
* **Mean pose.** Zero pose in our parameters is the flat rest pose, and rotations are the true rotations of
  the joints. ``smplx.MANO`` adds the file's mean pose to the rotation vectors unless
  ``flat_hand_mean=True``; ``MANOLayer`` never adds it. Say which when converting; mixing the two bends every
  finger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .anatomy import JOINTS
from .errors import InputError
from .hand import Hand, local_rotations
from .layout import POSE_JOINTS, TRANSLATION
from .rotations import axis_angle_from_matrix, matrix_from_axis_angle, sixd_from_matrix

Array = NDArray[Any]


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
