"""The shape of a frame, a step and a slot: the numbers every room of the house shares.

A *frame* is ``(2, 99)`` float32, left hand then right hand, at 30 frames per second. The 99 numbers of
a hand are 9 of trajectory (6D global rotation, then the wrist position in metres) and 90 of pose
(15 joints x 6D, MANO joint order without the wrist). A *step* is 8 frames, written as one code per *slot*; a
model with residual levels writes the four slots once more for each level. Space is ``openxr``: metres,
right-handed, +Y up, -Z forward, origin at the viewer's head.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]

FPS: Final = 30.0
FRAMES_PER_STEP: Final = 8

HANDS: Final = ("left", "right")
LEFT: Final = 0
RIGHT: Final = 1

TRAJECTORY_SIZE: Final = 9
POSE_JOINTS: Final = 15
POSE_SIZE: Final = POSE_JOINTS * 6
HAND_SIZE: Final = TRAJECTORY_SIZE + POSE_SIZE

ROTATION: Final = slice(0, 6)
TRANSLATION: Final = slice(6, 9)
TRAJECTORY: Final = slice(0, TRAJECTORY_SIZE)
POSE: Final = slice(TRAJECTORY_SIZE, HAND_SIZE)

SLOTS: Final = ("left_trajectory", "left_pose", "right_trajectory", "right_pose")
SLOT_CODEBOOK: Final = ("trajectory", "pose", "trajectory", "pose")

# Reflecting a rotation in the plane x = 0 is M R M with M = diag(-1, 1, 1). In the 6D form (the first
# two columns of R, one after the other) that negates y and z of the first column and x of the second.
_MIRROR_6D: Final = (1.0, -1.0, -1.0, -1.0, 1.0, 1.0)
MIRROR_SIGNS: Final[Float32Array] = np.asarray(
    [*_MIRROR_6D, -1.0, 1.0, 1.0, *(_MIRROR_6D * POSE_JOINTS)], dtype=np.float32
)


def mirror_hand(hand: FloatArray) -> FloatArray:
    """Reflect hand parameters in the plane x = 0, which turns a left hand into a right hand and back.

    Args:
        hand: ``(..., 99)`` parameters of one hand, ``openxr`` space.

    Returns:
        ``(..., 99)``, the same dtype.
    """
    return hand * MIRROR_SIGNS.astype(hand.dtype)


def mirror_frames(frames: FloatArray) -> FloatArray:
    """Reflect a two-hand motion ``(..., 2, 99)`` in the plane x = 0; the hands change places."""
    return mirror_hand(frames)[..., ::-1, :]
