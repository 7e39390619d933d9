"""One row of the table: how motions fare before the judges, beside the clips they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from clutch_rt.layout import Float32Array, FloatArray
from numpy.typing import NDArray

from train.corpus import Action, Clip
from train.evaluate import meters
from train.evaluate.directions import DirectionMeter
from train.evaluate.features import features, joints_of
from train.evaluate.metrics import (
    Measured,
    bootstrap,
    diversity,
    kernel_distance,
    mean_acceleration,
    multimodality,
    retrieval_hits,
)
from train.evaluate.retrieval import Judge, judge_motions
from train.evaluate.sequences import in_turn
from train.evaluate.sets import Sets
from train.evaluate.timing import Bands, Timed, count_of

Motions = Sequence[Float32Array]


@dataclass(frozen=True)
class Draw:
    """One motion for every clip of every set, in the order of the sets."""

    all: Motions
    single: Motions
    speed: Motions
    count: Motions
    direction: Motions


@dataclass(frozen=True)
class Context:
    """What every row is judged by.

    Attributes:
        sets: the clips.
        judge: the retrieval model and classifiers.
        bands: what is slow and fast.
        directions: which way is which.
        texts: ``(N, E)`` embeddings of the text of each clip of ``sets.all``.
        pool: texts that R-precision chooses among.
        seed: of pools and bootstraps; every row has the same pools.
        truth: ``(N, E)`` embeddings of the clips' own motions, for KID.
    """

    sets: Sets
    judge: Judge
    bands: Bands
    directions: DirectionMeter
    texts: Float32Array
    pool: int
    seed: int
    truth: Float32Array


@dataclass(frozen=True)
class Row:
    """A named row.

    Attributes:
        name: ground truth, SHIFT reconstruction, generated, or shuffled.
        values: measure -> mean and interval.
        speed: (asked, read) for each clip of the speed set.
        count: (asked, read) for each clip of the count set.
    """

    name: str
    values: Mapping[str, Measured]
    speed: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    count: tuple[tuple[int, int], ...] = field(default=(), repr=False)


class _Views:
    """Joints of the motions of a row, each found once; the row's draws keep the motions alive."""

    def __init__(self) -> None:
        self._joints: dict[int, FloatArray] = {}

    def joints(self, motion: Float32Array) -> FloatArray:
        """``(T, 2, 21, 3)`` metres."""
        if id(motion) not in self._joints:
            self._joints[id(motion)] = joints_of(motion)
        return self._joints[id(motion)]

    def features(self, motions: Motions) -> list[Float32Array]:
        """What the judge sees."""
        return [features(m, self.joints(m)) for m in motions]

    def timed(self, motion: Float32Array) -> Timed:
        """What the meter reads."""
        return Timed(meters.read(self.joints(motion)), len(motion))


def measure_row(name: str, draws: Sequence[Draw], context: Context) -> Row:
    """Judge one or more draws of motions; a clip's draws are averaged before the interval is taken."""
    rng, views = np.random.default_rng([context.seed, 1]), _Views()
    values = _retrieval(draws, context, views, rng)
    values |= _labels(draws, context, views, rng)
    turns = [in_turn(context.judge, draw.all, context.sets.all) for draw in draws]
    values["sequence"] = bootstrap(np.mean(turns, axis=0), rng)
    speed = [_speeds(draw, context, views) for draw in draws]
    count = [_counts(draw, context, views) for draw in draws]
    values["speed"] = _share(speed, lambda pair: pair[0] == pair[1], rng)
    values["count"] = _share(count, lambda pair: pair[0] == pair[1], rng)
    directions = [_directions(draw, context) for draw in draws]
    values["direction"] = _share(directions, lambda pair: pair[0] == pair[1], rng)
    values["count_off"] = _share(count, lambda pair: abs(pair[0] - pair[1]), rng)
    values |= _motion(draws, views, rng)
    return Row(name, values, tuple(p for row in speed for p in row), tuple(p for row in count for p in row))


def _retrieval(
    draws: Sequence[Draw], context: Context, views: _Views, rng: np.random.Generator
) -> dict[str, Measured]:
    embedded = [judge_motions(context.judge, views.features(d.all)).embeddings for d in draws]
    out = {}
    actions = np.asarray([len(clip.actions) for clip in context.sets.all])
    for top in (1, 2, 3):
        # The same pools for every row and draw: differences are then of the motions alone.
        hits = [
            retrieval_hits(context.texts, e, context.pool, top, np.random.default_rng([context.seed, 2]))
            for e in embedded
        ]
        mean = np.mean(hits, axis=0)
        out[f"r{top}"] = bootstrap(mean[np.isfinite(mean)], rng)
        if top == 3:
            for count in (1, 2, 3):
                of_count = mean[(actions == count) & np.isfinite(mean)]
                out[f"r3_of_{count}"] = bootstrap(of_count, rng)
    distance = np.mean([np.linalg.norm(context.texts - e, axis=-1) for e in embedded], axis=0)
    out["mm_distance"] = bootstrap(distance, rng)
    spread = [diversity(e, 300, np.random.default_rng([context.seed, 3])) for e in embedded]
    out["diversity"] = _constant(float(np.mean(spread)), len(context.texts))
    if not any(_same_motions(e, context.truth) for e in embedded):
        kid = float(np.mean([_kid(e, context.truth) for e in embedded]))
        out["kid"] = _constant(kid, len(context.texts))
    if len(draws) > 1:
        out["multimodality"] = _constant(multimodality(np.stack(embedded)), len(context.texts))
    return out


def _kid(embedded: Float32Array, truth: Float32Array) -> float:
    """KID of unit vectors ``(N, E)``, brought to one per coordinate, as the kernel expects of its features.

    On unit vectors a.b / E would stay below 1 / E, the cube all but linear, and only the means would count.
    """
    scale = embedded.shape[1] ** 0.5
    return kernel_distance(embedded * scale, truth * scale)


def _same_motions(embedded: Float32Array, truth: Float32Array) -> bool:
    """Whether both hold the same motions, in any order: KID compares two draws, not a set and itself."""
    return bool(np.allclose(np.sort(embedded, axis=0), np.sort(truth, axis=0), atol=1e-4))


def _constant(value: float, count: int) -> Measured:
    """A figure of the set as a whole, without an interval."""
    return Measured(value, float("nan"), float("nan"), count)


def _labels(
    draws: Sequence[Draw], context: Context, views: _Views, rng: np.random.Generator
) -> dict[str, Measured]:
    """Verb and hand over the single, speed and count sets."""
    sets = context.sets
    actions = [clip.actions[0] for clip in (*sets.single, *sets.speed, *sets.count)]
    verbs, hands = [], []
    for draw in draws:
        judged = judge_motions(context.judge, views.features((*draw.single, *draw.speed, *draw.count)))
        verbs.append([v == a.verb for v, a in zip(judged.verbs, actions, strict=True)])
        hands.append([h == a.hand for h, a in zip(judged.hands, actions, strict=True)])
    return {
        "verb": bootstrap(np.mean(verbs, axis=0), rng),
        "hand": bootstrap(np.mean(hands, axis=0), rng),
    }


def _speeds(draw: Draw, context: Context, views: _Views) -> list[tuple[str, str]]:
    chosen = _pairs(context.sets.speed, draw.speed, context.bands.verbs_of_speed)
    return [
        (action.speed, context.bands.speed(action.verb, views.timed(motion))) for action, motion in chosen
    ]


def _counts(draw: Draw, context: Context, views: _Views) -> list[tuple[int, int]]:
    chosen = _pairs(context.sets.count, draw.count, context.bands.verbs_of_count)
    return [(action.count or 1, count_of(views.timed(motion).reading)) for action, motion in chosen]


def _directions(draw: Draw, context: Context) -> list[tuple[str, str]]:
    meter = context.directions
    chosen = _pairs(context.sets.direction, draw.direction, meter.verbs)
    return [(a.direction or "", meter.read(a.verb, motion, a.hand)) for a, motion in chosen]


def _pairs(
    clips: Sequence[Clip], motions: Motions, verbs: Sequence[str]
) -> list[tuple[Action, Float32Array]]:
    """The one action of each clip with its motion, where the verb is among ``verbs``."""
    both = ((clip.actions[0], motion) for clip, motion in zip(clips, motions, strict=True))
    return [(action, motion) for action, motion in both if action.verb in verbs]


def _share(
    rows: Sequence[Sequence[tuple[object, object]]],
    score: Callable[[tuple], float],
    rng: np.random.Generator,
) -> Measured:
    scores: NDArray[np.float64] = np.asarray([[float(score(pair)) for pair in row] for row in rows])
    return bootstrap(scores.mean(0) if scores.size else [], rng)


def _motion(draws: Sequence[Draw], views: _Views, rng: np.random.Generator) -> dict[str, Measured]:
    """Length and liveliness over the clips of ``all``."""
    frames = np.mean([[len(m) for m in draw.all] for draw in draws], axis=0)
    moving = np.mean([[mean_acceleration(views.joints(m)) for m in draw.all] for draw in draws], axis=0)
    return {"frames": bootstrap(frames, rng), "acceleration": bootstrap(moving, rng)}


def shuffled(draw: Draw, rng: np.random.Generator) -> Draw:
    """The same motions given to other clips: what chance scores."""

    def mix(motions: Motions) -> Motions:
        return [motions[i] for i in rng.permutation(len(motions))]

    return Draw(*(mix(getattr(draw, field.name)) for field in fields(draw)))
