"""Which way did a hand go: the wrist's path judged by that of the train split's clips, verb by verb."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from clutch_rt.layout import LEFT, RIGHT, ROTATION, TRANSLATION, Float32Array
from clutch_rt.rotations import axis_angle_from_matrix, matrix_from_6d
from numpy.typing import NDArray

from train.corpus import Action
from train.evaluate.meters import TRIM

Array = NDArray[np.float64]

# A verb whose directions the meter confuses on clips it has not seen cannot be judged by it.
RELIABLE: Final = 0.9
_FEWEST: Final = 4  # clips of a direction, for its mean
_METRE: Final = 0.05  # of displacement that weighs as much as a whole spread of the path
_RIDGE: Final = 0.05
_SHRINK: Final = 0.02


def path_features(frames: Float32Array, hand: str) -> Array:
    """What tells a direction, ``(24,)``: of a motion ``(T, 2, 99)``, the hand's way and turning.

    Three numbers each, in world axes: where the wrist is on average, from where it began; how far it goes
    beyond its median, up and down each axis; the way of its fast stretches; which end it visits last; the
    area it circles about each axis; the turning of its fast stretches; and how it is turned in the middle.
    """
    side = LEFT if hand == "left" else RIGHT
    place = np.asarray(frames[:, side, TRANSLATION], np.float64)
    turn = matrix_from_6d(np.asarray(frames[:, side, ROTATION], np.float64))
    trim = min(TRIM, max(0, (len(frames) - 16) // 2))
    inner, turns = place[trim : len(frames) - trim], turn[trim : len(frames) - trim]
    centred = inner - inner.mean(0)
    spread = max(float(np.sqrt((centred**2).sum(1).mean())), 1e-3)
    middle = np.median(inner, axis=0)
    circled = np.cross(centred[:-1], centred[1:]).sum(0) / spread**2
    steps = axis_angle_from_matrix(np.swapaxes(turns[:-1], 1, 2) @ turns[1:])
    steps = np.einsum("tij,tj->ti", turns[:-1], steps)  # from the hand's axes to the world's
    return np.concatenate(
        [
            (inner.mean(0) - place[0]) / _METRE,
            (np.quantile(inner, 0.95, axis=0) - middle) / spread,
            (np.quantile(inner, 0.05, axis=0) - middle) / spread,
            2.0 * _fast_way(np.diff(inner, axis=0)),
            (inner.argmax(0) - inner.argmin(0)) / len(inner),
            np.sign(circled) * np.log1p(np.abs(circled)),
            2.0 * _fast_way(steps),
            axis_angle_from_matrix(turns[len(turns) // 2] @ turns[0].T),
        ]
    )


def _fast_way(steps: Array) -> Array:
    """Mean of steps ``(T, 3)`` weighed by their size: a stroke and a slower way back do not cancel."""
    size = np.linalg.norm(steps, axis=1, keepdims=True)
    return np.asarray((steps * size).sum(0) / max(float((size**2).sum()), 1e-9))


@dataclass(frozen=True)
class DirectionMeter:
    """What the train split says about directions.

    Attributes:
        means: verb -> direction -> mean features.
        precision: verb -> inverse covariance of the features about their means.
        reliability: verb -> how often clips that were not learnt from are read right.
    """

    means: Mapping[str, Mapping[str, Array]]
    precision: Mapping[str, Array]
    reliability: Mapping[str, float]

    @property
    def verbs(self) -> tuple[str, ...]:
        """Verbs whose directions can be read."""
        return tuple(verb for verb, share in self.reliability.items() if share >= RELIABLE)

    def read(self, verb: str, frames: Float32Array, hand: str) -> str:
        """The likeliest direction of a motion of ``verb``: the nearest mean by Mahalanobis distance.

        Of both hands the right one tells, as the labels do.
        """
        return _nearest(path_features(frames, hand), self.means[verb], self.precision[verb])


def fit_directions(motions: Sequence[tuple[Action, Float32Array]]) -> DirectionMeter:
    """The meter, of clips of one action; half of a verb's clips test what the others have taught."""
    groups: dict[str, list[tuple[str, Array]]] = defaultdict(list)
    for action, frames in motions:
        if action.direction is not None:
            groups[action.verb].append((action.direction, path_features(frames, action.hand)))
    means: dict[str, Mapping[str, Array]] = {}
    precision: dict[str, Array] = {}
    reliability: dict[str, float] = {}
    for verb, rows in sorted(groups.items()):
        half = len(rows) // 2
        found = _means(rows[:half])
        if len(found) < 2:
            continue
        means[verb], precision[verb] = found, _precision(rows[:half], found)
        right = [_nearest(seen, found, precision[verb]) == direction for direction, seen in rows[half:]]
        reliability[verb] = float(np.mean(right))
    return DirectionMeter(means, precision, reliability)


def _nearest(seen: Array, means: Mapping[str, Array], precision: Array) -> str:
    gaps = {direction: seen - mean for direction, mean in means.items()}
    return min(gaps, key=lambda direction: float(gaps[direction] @ precision @ gaps[direction]))


def _means(rows: Sequence[tuple[str, Array]]) -> dict[str, Array]:
    by_direction: dict[str, list[Array]] = defaultdict(list)
    for direction, seen in rows:
        by_direction[direction].append(seen)
    return {name: np.mean(found, axis=0) for name, found in by_direction.items() if len(found) >= _FEWEST}


def _precision(rows: Sequence[tuple[str, Array]], means: Mapping[str, Array]) -> Array:
    """Inverse covariance about the means, with a ridge: a verb has few clips for so many features."""
    gaps = np.stack([seen - means[direction] for direction, seen in rows if direction in means])
    covariance = gaps.T @ gaps / len(gaps)
    ridge = _RIDGE**2 * np.eye(len(covariance)) + _SHRINK * np.diag(np.diag(covariance))
    return np.asarray(np.linalg.inv(covariance + ridge))
