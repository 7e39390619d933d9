"""Is a motion slow or fast, and how often was it done: meter readings judged by the train split's bands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from clutch_rt.errors import InputError
from numpy.typing import NDArray

from train.corpus.clip import Action
from train.evaluate.meters import Reading

SPEEDS: Final = ("slow", "normal", "fast")
FEATURES: Final = ("log period", "log speed", "log peak", "log frames")
# A verb whose repetitions the meter miscounts on the train split itself cannot be judged by it.
RELIABLE: Final = 0.8
_FEWEST: Final = 3
_RIDGE: Final = 0.02**2


@dataclass(frozen=True)
class Timed:
    """A motion's reading and its length in frames."""

    reading: Reading
    frames: int


def timing_features(timed: Timed, repeats: bool) -> NDArray[np.float64]:
    """The ``FEATURES`` of a motion, ``(4,)``; NaN where one does not apply.

    A motion that repeats is timed by its period, any other by its length; for the length of the
    former says how often, not how fast.
    """
    reading = timed.reading
    period = np.log(reading.period) if repeats and reading.period is not None else np.nan
    speed, peak = (np.log(max(v, 1e-4)) for v in (reading.speed, reading.peak))
    return np.asarray([period, speed, peak, np.nan if repeats else np.log(timed.frames)])


@dataclass(frozen=True)
class Bands:
    """What the train split says about time.

    Attributes:
        means: verb -> speed -> the four features' means (NaN as None when written).
        covariance: ``4 x 4``, of the features about their means, all verbs together.
        repeating: the verbs that repeat.
        reliability: verb -> how often the meter counts right on the train split, where texts may say a count.
    """

    means: Mapping[str, Mapping[str, tuple[float, ...]]]
    covariance: tuple[tuple[float, ...], ...]
    repeating: tuple[str, ...]
    reliability: Mapping[str, float]

    @property
    def verbs_of_speed(self) -> tuple[str, ...]:
        """Verbs for which all three speeds are known."""
        return tuple(verb for verb, bands in self.means.items() if len(bands) == len(SPEEDS))

    @property
    def verbs_of_count(self) -> tuple[str, ...]:
        """Verbs whose repetitions the meter can count."""
        return tuple(verb for verb, share in self.reliability.items() if share >= RELIABLE)

    def speed(self, verb: str, timed: Timed) -> str:
        """The likeliest speed of a motion of ``verb``: the nearest band by Mahalanobis distance.

        Raises:
            InputError: the verb has no bands.
        """
        if verb not in self.means:
            raise InputError(f"no speed bands for {verb!r}; the train split has too few of its clips")
        seen = timing_features(timed, verb in self.repeating)
        covariance = np.asarray(self.covariance)
        distances = {}
        for name, mean in self.means[verb].items():
            gap = seen - np.asarray(mean)
            known = np.isfinite(gap)
            inner = covariance[np.ix_(known, known)]
            distances[name] = float(gap[known] @ np.linalg.solve(inner, gap[known])) if known.any() else 0.0
        return min(distances, key=lambda name: distances[name])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


def fit_bands(motions: Sequence[tuple[Action, Timed]]) -> Bands:
    """Bands from single-action clips of the train split."""
    repeating = {a.verb for a, _ in motions if a.frequency_hz is not None}
    groups: dict[str, dict[str, list[NDArray[np.float64]]]] = defaultdict(lambda: defaultdict(list))
    right: dict[str, list[bool]] = defaultdict(list)
    for action, timed in motions:
        groups[action.verb][action.speed].append(timing_features(timed, action.verb in repeating))
        if action.verb in repeating and action.count is not None:
            right[action.verb].append(count_of(timed.reading) == action.count)
    means: dict[str, dict[str, tuple[float, ...]]] = {}
    gaps: list[NDArray[np.float64]] = []
    for verb, speeds in groups.items():
        for name, rows in speeds.items():
            if len(rows) >= _FEWEST:
                stacked = np.stack(rows)
                middle = _median(stacked)
                means.setdefault(verb, {})[name] = tuple(middle.tolist())
                gaps.append(stacked - middle)
    reliability = {verb: float(np.mean(right[verb])) for verb in sorted(right)}
    return Bands(means, _covariance(gaps), tuple(sorted(repeating)), reliability)


def _median(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of each column's known values; NaN where there is none."""
    columns = [column[np.isfinite(column)] for column in rows.T]
    return np.asarray([np.median(c) if len(c) else np.nan for c in columns])


def _covariance(gaps: Sequence[NDArray[np.float64]]) -> tuple[tuple[float, ...], ...]:
    """Pairwise covariance of gaps with NaNs, kept invertible."""
    rows = np.concatenate(list(gaps)) if gaps else np.zeros((1, len(FEATURES)))
    known = np.isfinite(rows)
    filled = np.where(known, rows, 0.0)
    pairs = known.astype(float).T @ known
    covariance = filled.T @ filled / np.maximum(pairs, 1.0)
    # Pairs that never meet are taken as unrelated; the ridge also covers features that hardly vary.
    covariance += _RIDGE * np.eye(len(FEATURES))
    values, vectors = np.linalg.eigh(covariance)
    sound = (vectors * np.maximum(values, _RIDGE)) @ vectors.T
    return tuple(tuple(float(v) for v in row) for row in sound)


def count_of(reading: Reading) -> int:
    """How often a motion was done, as the meter has it."""
    return max(1, round(reading.cycles))
