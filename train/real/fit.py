"""Points of a hand to our parameters: the wrist by Kabsch on the palm, the joints by damped least squares.

The hand that is fitted is the neutral hand, so bones keep its proportions. A recording is first brought to
its size, each frame about the centre of its own palm (the palm's path stays in metres), then every
frame is solved by itself: 22 joint angles inside anatomical limits, the rotation and place of the wrist.
What is left over is reported, in millimetres at the neutral hand's size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.hand import flexion_axes, forward, neutral_hand
from clutch_rt.layout import HAND_SIZE, LEFT, POSE, POSE_JOINTS, ROTATION, TRANSLATION, mirror_hand
from clutch_rt.rotations import matrix_from_axis_angle, sixd_from_matrix
from numpy.typing import NDArray

from train.corpus.anatomy import joint_limits
from train.real.recording import MEDIAPIPE_JOINTS, Recording, resample

Array = NDArray[np.floating]

# Our joint for each of MediaPipe's 21 (hand-model order: 16 joints, then 5 tips).
TO_MEDIAPIPE: Final = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)
PALM: Final = (0, 1, 5, 9, 13, 17)
# The thumb's base slides over the wrist bones and trackers place it loosely.
_PALM_WEIGHT: Final = np.asarray([1.0, 0.3, 1.0, 1.0, 1.0, 1.0])
_BONES: Final = tuple((0 if j % 4 == 1 else j - 1, j) for j in range(1, MEDIAPIPE_JOINTS))
_FINGER_BONES: Final = tuple(b for b in _BONES if b[0] != 0)

# (joint 0-14 in our order, axis 0 flex, 1 abduct, 2 twist) of each angle that is solved.
ANGLES: Final = (
    *((j, axis) for j in (0, 3, 6, 9) for axis in (0, 1)),
    *((j + k, 0) for j in (0, 3, 6, 9) for k in (1, 2)),
    *((12, axis) for axis in (0, 1, 2)),
    *((13, axis) for axis in (0, 1)),
    (14, 0),
)
# Trackers and other people's proportions need a little more room than the corpus's limits leave.
MARGIN: Final = np.radians(10.0)
START: Final = np.radians(20.0)
_WEIGHT_REST: Final = 2e-3  # metres of residual that one radian away from the start costs: a tie-break
_STEP: Final = 1e-4


@dataclass(frozen=True)
class HandFit:
    """One fitted hand.

    Attributes:
        params: ``(T, 99)`` float32.
        residual: ``(T, 21)`` mm between the fitted and the recorded points, MediaPipe order, NaN where none.
        scale: recorded size over the neutral hand's.
        target: ``(T, 21, 3)`` the points that were fitted, at the neutral hand's size.
    """

    params: NDArray[np.float32]
    residual: Array
    scale: float
    target: Array


@lru_cache(maxsize=1)
def _rest() -> Array:
    hand = neutral_hand("right")
    return np.concatenate([hand.rest_joints, hand.rest_tips]).astype(np.float64)[list(TO_MEDIAPIPE)]


@lru_cache(maxsize=1)
def _axes() -> Array:
    return np.asarray(flexion_axes(neutral_hand("right")), np.float64)


def _limits() -> tuple[Array, Array]:
    low, high = joint_limits()
    rows = tuple(np.asarray(ANGLES).T)
    return low[rows] - MARGIN, high[rows] + MARGIN


def parameters(rotation: Array, wrist: Array, angles: Array) -> Array:
    """A right hand's ``(T, 99)`` from wrist rotation ``(T, 3, 3)``, place ``(T, 3)`` and angles ``(T, 22)``.

    The angles of one joint are the components of its rotation vector along its flex, abduct and twist axes.
    """
    vectors = np.zeros((len(angles), POSE_JOINTS, 3))
    for column, (joint, axis) in enumerate(ANGLES):
        vectors[:, joint] += angles[:, column, None] * _axes()[joint, axis]
    out = np.empty((len(angles), HAND_SIZE))
    out[:, ROTATION] = sixd_from_matrix(rotation)
    out[:, TRANSLATION] = wrist
    out[:, POSE] = sixd_from_matrix(matrix_from_axis_angle(vectors)).reshape(len(angles), -1)
    return out


def points(params: Array) -> Array:
    """A right hand's 21 points in MediaPipe order: ``(..., 99)`` -> ``(..., 21, 3)`` metres."""
    return np.asarray(forward(neutral_hand("right"), params).joints)[..., list(TO_MEDIAPIPE), :]


def kabsch(source: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    """Rotation and shift that best lay ``source`` on ``target`` (Kabsch 1976, weighted).

    Args:
        source: ``(N, 3)``.
        target: ``(T, N, 3)``; a point with a NaN counts nothing in its frame.
        weights: ``(N,)``.

    Returns:
        ``(T, 3, 3)`` rotations R and ``(T, 3)`` shifts t with ``target ~ R source + t``.
    """
    known = np.asarray(np.isfinite(target).all(-1))
    weight = np.where(known, weights, 0.0)
    if (known.sum(1) < 3).any():
        raise InputError("fewer than three palm points are known in some frame; the wrist cannot be solved")
    weight = weight / weight.sum(1, keepdims=True)
    filled = np.where(known[..., None], target, 0.0)
    middle_source = np.einsum("tn,nc->tc", weight, source)
    middle_target = np.einsum("tn,tnc->tc", weight, filled)
    a = source[None] - middle_source[:, None]
    b = np.where(known[..., None], filled - middle_target[:, None], 0.0)
    u, _, vt = np.linalg.svd(np.einsum("tn,tni,tnj->tij", weight, b, a))
    flip = np.ones((len(target), 3))
    flip[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = u @ (flip[..., None] * vt)
    return rotation, middle_target - np.einsum("tij,tj->ti", rotation, middle_source)


def hand_scale(target: Array) -> float:
    """Size of recorded points ``(T, 21, 3)`` over the neutral hand's: the median over finger bones."""
    start, stop = np.asarray(_FINGER_BONES).T
    rest = np.linalg.norm(_rest()[stop] - _rest()[start], axis=-1)
    recorded = np.nanmedian(np.linalg.norm(target[:, stop] - target[:, start], axis=-1), axis=0)
    return float(np.nanmedian(recorded / rest))


def to_neutral_size(target: Array, scale: float) -> Array:
    """Points scaled by 1 / ``scale`` about each frame's palm centre, ``(T, 21, 3)``."""
    centre = np.nanmean(target[:, list(PALM)[1:]], axis=1, keepdims=True)
    return centre + (target - centre) / scale


def _residuals(rotation: Array, wrist: Array, angles: Array, target: Array) -> Array:
    """``(T, 85)``: point errors in metres (0 where unknown), then the pull towards the start."""
    gap = points(parameters(rotation, wrist, angles)) - target
    gap = np.where(np.isfinite(gap), gap, 0.0).reshape(len(target), -1)
    return np.concatenate([gap, _WEIGHT_REST * (angles - START)], axis=1)


def _moved(rotation: Array, wrist: Array, angles: Array, step: Array) -> tuple[Array, Array, Array]:
    low, high = _limits()
    turned = matrix_from_axis_angle(step[:, :3]) @ rotation
    return turned, wrist + step[:, 3:6], np.clip(angles + step[:, 6:], low, high)


def solve(target: Array, iterations: int = 25) -> Array:
    """Fit a right hand to points of the neutral hand's size, every frame by itself.

    Levenberg-Marquardt with a numerical Jacobian, all frames at once; a frame keeps a step only if it
    improves.

    Args:
        target: ``(T, 21, 3)`` metres, MediaPipe order, NaN where unknown.
        iterations: steps of the solver.

    Returns:
        ``(T, 99)`` parameters.
    """
    rotation, wrist = kabsch(_rest()[list(PALM)], target[:, list(PALM)], _PALM_WEIGHT)
    angles = np.full((len(target), len(ANGLES)), START)
    size = 6 + len(ANGLES)
    damping = np.full(len(target), 1e-3)
    now = _residuals(rotation, wrist, angles, target)
    for _ in range(iterations):
        jacobian = np.empty((*now.shape, size))
        for column in range(size):
            step = np.zeros((len(target), size))
            step[:, column] = _STEP
            # Not clipped: at a limit the slope inwards is wanted.
            turned = matrix_from_axis_angle(step[:, :3]) @ rotation
            moved = _residuals(turned, wrist + step[:, 3:6], angles + step[:, 6:], target)
            jacobian[..., column] = (moved - now) / _STEP
        normal = np.einsum("tri,trj->tij", jacobian, jacobian)
        gradient = np.einsum("tri,tr->ti", jacobian, now)
        normal += damping[:, None, None] * (np.eye(size) * 1e-2 + normal * np.eye(size))
        step = -np.linalg.solve(normal, gradient[..., None])[..., 0]
        tried = _moved(rotation, wrist, angles, np.clip(step, -0.5, 0.5))
        after = _residuals(*tried, target)
        better = (after**2).sum(1) < (now**2).sum(1)
        damping = np.clip(np.where(better, damping * 0.3, damping * 5.0), 1e-7, 1e3)
        rotation[better], wrist[better], angles[better] = (part[better] for part in tried)
        now[better] = after[better]
    return parameters(rotation, wrist, angles)


def fit_hand(recorded: Array, side: int, scale: float) -> HandFit:
    """Fit one hand of a recording.

    Args:
        recorded: ``(T, 21, 3)`` metres, MediaPipe order, ``openxr`` axes.
        side: 0 left, 1 right; a left hand is fitted as its mirror image.
        scale: recorded size over the neutral hand's.
    """
    mirror = np.asarray([-1.0 if side == LEFT else 1.0, 1.0, 1.0])
    target = to_neutral_size(recorded * mirror, scale)
    params = solve(target)
    residual = np.linalg.norm(points(params) - target, axis=-1) * 1000.0
    out = mirror_hand(params) if side == LEFT else params
    return HandFit(out.astype(np.float32), residual, scale, target * mirror)


def fit_recording(recording: Recording) -> tuple[HandFit | None, HandFit | None]:
    """Resample to 30 fps and fit the hands that are present; None for a hand that is not."""
    _, values = resample(recording.times, recording.points)
    scales = [hand_scale(values[:, side]) for side in (0, 1) if recording.present[side]]
    if not scales:
        raise InputError(f"{recording.name} shows no hand in half of its frames; another recording is needed")
    scale = float(np.mean(scales))
    if not recording.metric:
        # Without a unit the whole scene takes its scale from the hand.
        values, scale = values / scale, 1.0
    left, right = (
        fit_hand(values[:, side], side, scale) if recording.present[side] else None for side in (0, 1)
    )
    return left, right
