"""The flesh of two hands, and what keeps it apart: hands may touch, never pass through each other.

A hand is a set of spheres inside its flesh, at its joints and between them. A model that draws codes can put
hands a little into each other. Then each frame's hands are moved apart, half of the way each, and each frame
by itself, so that a stream shows what the whole motion has. Completions and reconstructions are left alone:
there something was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.anatomy import PARENTS, TIP_PARENTS
from clutch_rt.hand import levels, local_rotations, neutral_hand
from clutch_rt.layout import HAND_SIZE, HANDS, LEFT, MIRROR_SIGNS, RIGHT, TRANSLATION, Float32Array
from clutch_rt.native_library import Library, library
from clutch_rt.native_structures import Flesh
from clutch_rt.rotations import dot, normalize

Array = NDArray[np.float64]

_CENTRE: Final = 0.075  # metres from the wrist along the palm: the middle of a hand
_EXTENT: Final = 0.125  # metres: all of a hand is within this of its middle
_SOFT: Final = 0.94  # flesh gives a little where hands touch
_GIVE: Final = 0.004  # metres that it gives at most: what is 5 mm deep is seen
_DONE: Final = 1e-5  # metres
_ROUNDS: Final = 12
_STRIDE: Final = 1.4  # of the mean way of what overlaps, which is less than the deepest needs

# Radii in metres, the distance from the bone to the nearest skin of the neutral hand, by MANO joint.
_RADII = (
    0.0170,
    *(0.0105, 0.0078, 0.0070),
    *(0.0110, 0.0080, 0.0070),
    *(0.0090, 0.0064, 0.0058),
    *(0.0105, 0.0072, 0.0065),
    *(0.0115, 0.0105, 0.0068),
    *(0.0060, 0.0060, 0.0061, 0.0062, 0.0056),
)
# Between a joint and its parent: (joint, share of the way from the parent, radius).
_BETWEEN = (
    *((joint, 0.35, 0.0140) for joint in (1, 4, 7, 10)),
    *((joint, 0.70, 0.0125) for joint in (1, 4, 7, 10)),
    *((joint, 0.5, radius) for joint, radius in ((2, 0.0086), (5, 0.0082), (8, 0.0070), (11, 0.0079))),
    *((joint, 0.5, radius) for joint, radius in ((3, 0.0072), (6, 0.0075), (9, 0.0062), (12, 0.0070))),
    *((joint, 0.5, radius) for joint, radius in ((13, 0.0130), (14, 0.0120), (15, 0.0085))),
)
_ALL_PARENTS = (*PARENTS, *TIP_PARENTS)


@lru_cache(maxsize=1)
def _rest() -> Array:
    hand = neutral_hand("right")
    return np.concatenate([hand.rest_joints, hand.rest_tips]).astype(np.float64)


@lru_cache(maxsize=1)
def sphere_radii() -> Array:
    """Radii ``(40,)`` of a hand's spheres, metres."""
    return _SOFT * np.array([*_RADII, *(radius for _, _, radius in _BETWEEN)])


def sphere_centres(wrist: Array, joints: Array, place: Array) -> Array:
    """Centres ``(..., 40, 3)`` of a right hand's spheres, world space.

    Args:
        wrist: ``(..., 3, 3)`` global rotation.
        joints: ``(..., 15, 3, 3)`` local rotations.
        place: ``(..., 3)`` wrist position.
    """
    rest = _rest()
    turned = np.empty((*wrist.shape[:-2], 16, 3, 3))
    points = np.empty((*wrist.shape[:-2], 21 + len(_BETWEEN), 3))
    turned[..., 0, :, :], points[..., 0, :] = wrist, place
    for level in levels(PARENTS):
        above = [PARENTS[j] for j in level]
        points[..., level, :] = _hang(
            turned[..., above, :, :], rest[level] - rest[above], points[..., above, :]
        )
        turned[..., level, :, :] = turned[..., above, :, :] @ joints[..., [j - 1 for j in level], :, :]
    tips, ends = list(range(16, 21)), list(TIP_PARENTS)
    points[..., tips, :] = _hang(turned[..., ends, :, :], rest[tips] - rest[ends], points[..., ends, :])
    lower = [joint for joint, _, _ in _BETWEEN]
    upper = [_ALL_PARENTS[joint] for joint in lower]
    share = np.array([part for _, part, _ in _BETWEEN])[:, None]
    points[..., 21:, :] = points[..., upper, :] * (1.0 - share) + points[..., lower, :] * share
    return points


def _hang(rotation: Array, offset: Array, origin: Array) -> Array:
    return (rotation @ offset[..., None])[..., 0] + origin


def parted(frames: Float32Array) -> Float32Array:
    """Motion ``(T, 2, 99)`` with hands that are deeper in each other than flesh gives moved apart.

    Rotations need not be orthonormal, and stay as they are; frames without fault stay bit for bit. A
    small change of the pose changes the way by little.
    """
    if isinstance(found := library(), Library) and frames.shape[1:] == (len(HANDS), HAND_SIZE):
        moved, told = np.array(frames, np.float32, order="C"), _told()
        return moved if found.part_hands(told.flesh, moved) else frames
    return _parted(frames)


@dataclass(frozen=True)
class _Told:
    """What the compiled library is told of flesh, and the arrays that it looks into."""

    flesh: Flesh
    arrays: tuple[NDArray[Any], ...]


@lru_cache(maxsize=1)
def _told() -> _Told:
    kinds = (np.float64, np.int32, np.int32, np.float64, np.float64, np.float64)
    told = (
        _rest(),
        _ALL_PARENTS,
        [joint for joint, _, _ in _BETWEEN],
        [share for _, share, _ in _BETWEEN],
        sphere_radii(),
        MIRROR_SIGNS,
    )
    arrays = tuple(np.ascontiguousarray(part, kind) for part, kind in zip(told, kinds, strict=True))
    numbers = (_CENTRE, _EXTENT, _GIVE, _DONE, _STRIDE, _ROUNDS)
    return _Told(Flesh(len(sphere_radii()), *(array.ctypes.data for array in arrays), *numbers), arrays)


def _parted(frames: Float32Array) -> Float32Array:
    """``parted`` without the compiled library."""
    values = frames.astype(np.float64)
    # A right hand's fingers lie on the negative x axis of its wrist, a left hand's on the positive one.
    near = could_touch(values[..., TRANSLATION], normalize(values[..., :3]) * [[1.0], [-1.0]])
    if not len(near):
        return frames
    points = two_hand_spheres(frames[near])
    # Most hands that are near are not so near that the boxes around them overlap.
    meet = _boxes_meet(points[:, LEFT], points[:, RIGHT])
    near, points = near[meet], points[meet]
    if not len(near):
        return frames
    away = points[:, RIGHT, None] - points[:, LEFT, :, None]  # (n, 40, 40, 3), from each left to each right
    reach = np.maximum(sphere_radii()[:, None] + sphere_radii() - _GIVE, 0.0)
    deep = np.flatnonzero((dot(away, away) < np.square(reach)).any(axis=(1, 2)))
    if not len(deep):
        return frames
    half = 0.5 * _way_out(away[deep].reshape(len(deep), -1, 3), reach.reshape(-1))
    found = frames.copy()
    found[near[deep], LEFT, TRANSLATION] -= half.astype(np.float32)
    found[near[deep], RIGHT, TRANSLATION] += half.astype(np.float32)
    return found


def _way_out(away: Array, reach: Array) -> Array:
    """How the right hand must move against the left, ``(n, 3)``, so that no pair is nearer than its reach.

    Every pair pushes along the line between its two, by its depth and as strongly; the hand goes by their
    mean, and again. No choice is made, so the way changes as smoothly as the pose. Fingers that are locked
    into each other push against one another and stay: to pull them out would be a jump.

    Args:
        away: from sphere to sphere of each pair, ``(n, pairs, 3)`` metres.
        reach: of the pairs, ``(pairs,)`` metres.
    """
    moved = np.zeros((len(away), 3))
    for _ in range(_ROUNDS):
        now = away + moved[:, None]
        distance = np.sqrt(dot(now, now))
        depth = np.maximum(reach - distance, 0.0)
        push = np.square(depth) / np.maximum(distance, _DONE)
        mean = (push[..., None] * now).sum(axis=1) / np.maximum(depth.sum(axis=1), _DONE)[:, None]
        moved += _STRIDE * mean
    return moved


def could_touch(wrists: Array, fingers: Array) -> NDArray[np.int64]:
    """The frames in which the hands are near enough to touch, whatever their fingers do.

    Args:
        wrists: ``(T, 2, 3)`` metres, world space.
        fingers: ``(T, 2, 3)`` unit vectors from the wrist to where the fingers begin, world space.
    """
    middle = wrists + _CENTRE * fingers
    between = middle[:, RIGHT] - middle[:, LEFT]
    return np.flatnonzero(dot(between, between) < (2 * _EXTENT) ** 2)


def _boxes_meet(left: Array, right: Array) -> NDArray[np.bool_]:
    """Whether spheres ``(n, 40, 3)`` of two hands could overlap, ``(n,)``."""
    gap = np.maximum(left.min(axis=1) - right.max(axis=1), right.min(axis=1) - left.max(axis=1))
    return gap.max(axis=1) < 2.0 * sphere_radii().max()


def two_hand_spheres(frames: Float32Array) -> Array:
    """Sphere centres ``(T, 2, 40, 3)`` of a motion ``(T, 2, 99)``, metres, in the motion's own space."""
    signs = np.ones((len(HANDS), MIRROR_SIGNS.size))
    signs[LEFT] = MIRROR_SIGNS
    right_form = frames * signs
    local = local_rotations(right_form)
    points = sphere_centres(local[..., 0, :, :], local[..., 1:, :, :], right_form[..., TRANSLATION])
    points[:, LEFT, :, 0] *= -1.0
    return points
