"""The directions in which the joints of a hand turn: OpenXR's axes, and flexion, spreading and twist."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .anatomy import JOINTS, TIP_PARENTS
from .resthand import Hand
from .rotations import normalize

Array = NDArray[Any]


def bind_rotations(hand: Hand) -> Array:
    """OpenXR axes of each joint at rest, as columns, in the hand's rest axes: ``(16, 3, 3)``.

    Column 0 is +X, the axis the joint bends about (positive lifts the finger, by the right-hand rule);
    column 1 is +Y, the nail side; column 2 is +Z, backwards along the bone, so that -Z hits the next joint.
    The wrist aims at the knuckle of the middle finger. A global rotation times a bind rotation is the
    orientation OpenXR wants: ``R_openxr(j) = G(j) @ B(j)``.
    """
    joints = np.concatenate([hand.rest_joints, hand.rest_tips]).astype(np.float64)
    following = [4, *range(2, 17)]
    for tip, parent in enumerate(TIP_PARENTS):
        following[parent] = JOINTS + tip
    back = normalize(joints[:JOINTS] - joints[following])
    # The back of the hand is +Y on both sides, and +X = +Y x +Z.
    hinge = np.concatenate([np.cross([[0.0, 1.0, 0.0]], back[:1]), hand.hinges.astype(np.float64)])
    hinge = normalize(hinge - (hinge * back).sum(axis=-1, keepdims=True) * back)
    return np.stack([hinge, np.cross(back, hinge), back], axis=-1)


def flexion_axes(hand: Hand) -> Array:
    """Anatomical axes of joints 1..15 at rest, for composing a pose by hand: ``(15, 3, 3)`` unit rows.

    ``matrix_from_axis_angle(angle * axes[j - 1, k])`` is a local rotation of joint j.

    * row 0, *flex*: positive curls a finger towards the palm; for the thumb it folds it across the palm.
    * row 1, *abduct*: positive spreads a finger away from the middle finger; the middle finger itself goes
      towards the thumb side. For the thumb it lifts the thumb out of the plane of the palm, away from it on
      the palm side.
    * row 2, *twist*: about the bone; positive turns the nail towards the thumb side of the hand.

    The same numbers pose both hands alike: the axes of a left hand are the mirror image of a right hand's.
    """
    bind = bind_rotations(hand)[1:]
    sign = 1.0 if hand.side == "right" else -1.0
    # About +Y (the nail) a positive angle leads a right hand's finger towards its thumb side.
    spread = np.repeat([1.0, 1.0, -1.0, -1.0, 1.0], 3)[:, None]
    return np.stack([-bind[..., 0], sign * spread * bind[..., 1], sign * bind[..., 2]], axis=1)
