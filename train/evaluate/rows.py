"""One row of the table: how motions fare before the judges, beside the clips they belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np
from clutch_rt.layout import Float32Array, FloatArray

from train.corpus import Action, Clip
from train.evaluate import meters
from train.evaluate.body import body
from train.evaluate.directions import DirectionMeter
from train.evaluate.features import features, joints_of
from train.evaluate.lengths import length_errors, near
from train.evaluate.metrics import (
    Measured,
    diversity_distances,
    measured_kernel_distance,
    over_draws,
    retrieval_hits,
)
from train.evaluate.retrieval import Judge, judge_motions
from train.evaluate.sequences import in_turn
from train.evaluate.sets import Sets
from train.evaluate.timing import Bands, Timed, count_of

PAIRS: Final = 300  # of motions, for diversity

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
        truth: ``(N, E)`` embeddings of the clips' own motions.
        reference: ``(M, E)`` embeddings of the motions of other clips, which KID is measured to; without
            them there is no KID.
    """

    sets: Sets
    judge: Judge
    bands: Bands
    directions: DirectionMeter
    texts: Float32Array
    pool: int
    seed: int
    truth: Float32Array
    reference: Float32Array | None = None


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
    """Judge one or more draws of motions; intervals are of clips and draws alike, see ``over_draws``."""
    rng, views = np.random.default_rng([context.seed, 1]), _Views()
    values = _retrieval(draws, context, views, rng)
    values |= _labels(draws, context, views, rng)
    turns = [in_turn(context.judge, draw.all, context.sets.all) for draw in draws]
    values["sequence"] = over_draws(turns, rng)
    speed = [_speeds(draw, context, views) for draw in draws]
    count = [_counts(draw, context, views) for draw in draws]
    values["speed"] = _share(speed, lambda pair: pair[0] == pair[1], rng)
    values["count"] = _share(count, lambda pair: pair[0] == pair[1], rng)
    directions = [_directions(draw, context) for draw in draws]
    values["direction"] = _share(directions, lambda pair: pair[0] == pair[1], rng)
    values["count_off"] = _share(count, lambda pair: abs(pair[0] - pair[1]), rng)
    values["duration_of_1"] = over_draws(
        [near(length_errors(draw.single, context.sets.single)) for draw in draws], rng
    )
    values |= body([draw.all for draw in draws], context.sets.all, views.joints, rng)
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
        out[f"r{top}"] = over_draws(hits, rng)
        if top == 3:
            for count in (1, 2, 3):
                out[f"r3_of_{count}"] = over_draws(np.asarray(hits)[:, actions == count], rng)
    out["mm_distance"] = over_draws([np.linalg.norm(context.texts - e, axis=-1) for e in embedded], rng)
    spread = [diversity_distances(e, PAIRS, np.random.default_rng([context.seed, 3])) for e in embedded]
    out["diversity"] = over_draws(spread, rng)
    if context.reference is not None:
        out["kid"] = measured_kernel_distance([_spread(e) for e in embedded], _spread(context.reference))
    return out


def _spread(embedded: Float32Array) -> Float32Array:
    """Unit vectors ``(N, E)`` brought to one per coordinate, as KID's kernel expects of its features.

    On unit vectors a.b / E would stay below 1 / E, the cube all but linear, and only the means would count.
    """
    return np.asarray(embedded * embedded.shape[1] ** 0.5)


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
        "verb": over_draws(verbs, rng),
        "hand": over_draws(hands, rng),
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
    return over_draws([[float(score(pair)) for pair in row] for row in rows], rng)


def shuffled(draw: Draw, rng: np.random.Generator) -> Draw:
    """The same motions given to other clips: what chance scores."""

    def mix(motions: Motions) -> Motions:
        return [motions[i] for i in rng.permutation(len(motions))]

    return Draw(*(mix(getattr(draw, field.name)) for field in fields(draw)))
