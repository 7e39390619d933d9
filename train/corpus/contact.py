"""Hands that meet: they may touch, never pass through each other.

Each hand is a set of spheres inside its flesh (``clutch_rt.flesh``). Where spheres of the two hands would
overlap, the hands are moved apart along one axis by just what is missing, smoothed over time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from clutch_rt.flesh import could_touch, sphere_centres, sphere_radii
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .anatomy import Posed

FloatArray = NDArray[np.float64]

_SMOOTH = 5  # frames the correction looks to either side
_CLEAR = 1e-4  # metres beyond what is missing, more than float32 loses


def two_hand_spheres(posed: Posed) -> FloatArray:
    """Sphere centres `(T, 2, 40, 3)` in world space; the left hand is mirrored to where it belongs."""
    points = sphere_centres(posed.wrist, posed.joints, posed.place)
    points[:, 0, :, 0] *= -1.0
    return points


def missing_room(points: FloatArray, axis: int) -> FloatArray:
    """How far the right hand must move along `axis` to be clear of the left, `(T,)` metres, 0 and up.

    Args:
        points: `(T, 2, 40, 3)` sphere centres.
        axis: 0 to clear to the right, 1 to clear upwards.
    """
    need = np.zeros(len(points))
    left, right = points[:, 0].astype(np.float32), points[:, 1].astype(np.float32)
    thick = float(sphere_radii().max())
    apart = np.maximum(left.min(1) - right.max(1), right.min(1) - left.max(1)).max(axis=1)
    close = np.flatnonzero(apart < 2.0 * thick)  # the boxes around the hands touch
    if not len(close):
        return need
    radii = sphere_radii().astype(np.float32)
    least = np.square(radii[:, None] + radii[None, :])
    first, second = [k for k in range(3) if k != axis]
    across = np.square(right[close, :, None, first] - left[close, None, :, first])
    across += np.square(right[close, :, None, second] - left[close, None, :, second])
    frame, i, j = np.nonzero(across < least)
    room = np.sqrt(least[i, j] - across[frame, i, j])
    frames = close[frame]
    np.maximum.at(need, frames, room - (right[frames, i, axis] - left[frames, j, axis]))
    return need


def smooth_cover(values: FloatArray) -> FloatArray:
    """A smooth curve nowhere below `values` `(T,)`: a running maximum, then a Hann-weighted mean."""
    wide = 2 * _SMOOTH + 1
    padded = np.pad(values, 2 * _SMOOTH, mode="edge")
    highest = sliding_window_view(padded, wide).max(axis=1)
    weights = np.hanning(wide + 2)[1:-1]
    return np.convolve(highest, weights / weights.sum(), mode="valid")


def keep_apart(posed: Posed, axes: NDArray[np.int64], shares: FloatArray) -> Posed:
    """Move hands that would overlap apart.

    Args:
        posed: both hands.
        axes: `(T,)` along which axis each frame's hands part: 0 sideways, 1 the right hand upwards,
            2 the left hand upwards.
        shares: `(T, 2)` how much of the way each hand moves, left and right, summing to 1.
    """
    near = _near(posed)
    if not len(near):
        return posed
    points = two_hand_spheres(_at(posed, near))
    place = posed.place.copy()
    for axis in range(3):
        chosen = axes[near] == axis
        if not chosen.any():
            continue
        some = points[chosen] if axis < 2 else points[chosen][:, ::-1]
        need = np.zeros(len(place))
        need[near[chosen]] = missing_room(some, min(axis, 1))
        if need.any():
            _part(place, smooth_cover(need), axis, shares)
    return Posed(posed.wrist, posed.joints, place)


def set_apart(posed: Posed, axis: int) -> Posed:
    """Move both hands by one and the same way in all frames, as far as it takes that they never overlap.

    Movements stay exactly as they were; hands that would have crossed keep to their sides.

    Args:
        posed: both hands.
        axis: 0 parts them sideways, 1 lifts the right hand, 2 the left.
    """
    place = posed.place.copy()
    # A way that clears some frames can bring others together, but no more once the hands are far apart.
    while True:
        now = Posed(posed.wrist, posed.joints, place)
        points = two_hand_spheres(_at(now, _near(now)))
        need = missing_room(points if axis < 2 else points[:, ::-1], min(axis, 1)).max(initial=0.0)
        if need <= 0.0:
            return now
        _part(place, np.full(len(place), need + _CLEAR), axis, np.full((len(place), 2), 0.5))


def _near(posed: Posed) -> NDArray[np.int64]:
    """The frames in which the hands could touch."""
    world = np.array([[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    return could_touch(posed.place * world, -posed.wrist[..., 0] * world)


def _at(posed: Posed, frames: NDArray[np.int64]) -> Posed:
    return Posed(posed.wrist[frames], posed.joints[frames], posed.place[frames])


def _part(place: FloatArray, need: FloatArray, axis: int, shares: FloatArray) -> None:
    """Move both hands, in right-hand form, where outward is +x for either."""
    moves = need[:, None] * shares
    if axis == 0:
        place[:, :, 0] += moves
    else:
        up = np.array([-1.0, 1.0]) if axis == 1 else np.array([1.0, -1.0])
        place[:, :, 1] += moves * up


def per_frame(values: Sequence[float], edges: Sequence[int], frames: int) -> FloatArray:
    """Spread one value per action over the frames: action i holds up to `edges[i]`; the last to the end."""
    out = np.empty(frames)
    start = 0
    for value, edge in zip(values, (*edges, frames), strict=True):
        out[start:edge] = value
        start = edge
    return out
