"""From fits to clips: both hands as frames in the viewer's workspace, cut into whole steps.

A recording's origin (a desk, a room, a camera) says nothing, so it is moved here, not turned: the mean wrist
of a lone hand goes to that hand's home, the middle of two mean wrists to the middle of the homes, so that
the distance between the hands stays. A hand that was not recorded rests at its home and is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from clutch_rt.layout import (
    FRAMES_PER_STEP,
    HAND_SIZE,
    HANDS,
    LEFT,
    RIGHT,
    ROTATION,
    TRANSLATION,
    Float32Array,
    mirror_hand,
)
from clutch_rt.rotations import sixd_from_matrix
from numpy.typing import NDArray

from train.real.fit import ANGLES, START, HandFit, parameters
from train.real.hot3d import WristRecording

# Metres: where hands are held in front of a viewer whose head is the origin.
HOMES: Final = np.asarray([[-0.15, -0.30, -0.40], [0.15, -0.30, -0.40]])
# Palm down, fingers forward: a right hand's rest fingers (-X) turned to -Z.
PALM_DOWN: Final = np.asarray([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
WINDOW: Final = 128


@dataclass(frozen=True)
class RealClip:
    """A window of a recording, ready for SHIFT.

    Attributes:
        name, source, note: where it comes from.
        frames: ``(T, 2, 99)`` float32, 30 fps, T a multiple of 8.
        present: whether the left and the right hand were recorded; the other one rests.
    """

    name: str
    source: str
    note: str
    frames: Float32Array
    present: tuple[bool, bool]


def resting(side: int, frames: int) -> Float32Array:
    """A hand at home, palm down, every joint a little bent: ``(T, 99)``."""
    angles = np.full((1, len(ANGLES)), START)
    right = parameters(PALM_DOWN[None], HOMES[RIGHT][None], angles)[0]
    return np.tile(mirror_hand(right) if side == LEFT else right, (frames, 1)).astype(np.float32)


def shift_home(frames: Float32Array, present: tuple[bool, bool]) -> Float32Array:
    """Move the recorded hands of ``(T, 2, 99)`` to the workspace, keeping the way between them."""
    sides = [side for side in range(len(HANDS)) if present[side]]
    out = frames.copy()
    middle = frames[:, sides, TRANSLATION].mean((0, 1))
    out[:, sides, TRANSLATION] += (HOMES[sides].mean(0) - middle).astype(np.float32)
    return out


def windows(frames: Float32Array, longest: int = WINDOW) -> list[Float32Array]:
    """Consecutive windows of whole steps, at most ``longest`` frames; a rest under a step is dropped."""
    whole = len(frames) // FRAMES_PER_STEP * FRAMES_PER_STEP
    return [frames[i : min(i + longest, whole)] for i in range(0, whole, longest)]


def _clips(
    name: str, source: str, note: str, frames: NDArray[np.float32], present: tuple[bool, bool]
) -> list[RealClip]:
    return [
        RealClip(f"{name}/{index}", source, note, shift_home(window, present), present)
        for index, window in enumerate(windows(frames))
    ]


def clips_from_fit(
    name: str, source: str, note: str, fits: tuple[HandFit | None, HandFit | None]
) -> list[RealClip]:
    """The windows of a fitted recording."""
    length = next(len(fit.params) for fit in fits if fit is not None)
    hands = [fit.params if fit is not None else resting(side, length) for side, fit in enumerate(fits)]
    present = (fits[LEFT] is not None, fits[RIGHT] is not None)
    return _clips(name, source, note, np.stack(hands, axis=1), present)


def clips_from_wrists(recording: WristRecording) -> list[RealClip]:
    """The windows of a wrist recording; each hand goes to its home by itself, since its origin is its own."""
    at = recording.at_fps()
    frames = np.stack([resting(side, len(at.times)) for side in range(len(HANDS))], axis=1)
    frames[..., ROTATION] = sixd_from_matrix(at.rotations)
    frames[..., TRANSLATION] = at.wrists - at.wrists.mean(0) + HOMES
    assert frames.shape[-1] == HAND_SIZE
    return _clips(at.name, at.source, at.note, frames, (True, True))
