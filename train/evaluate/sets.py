"""The held-out clips that are judged, and the train clips the judges learn from."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from clutch_rt.errors import InputError

from train.corpus import Clip, CorpusConfig, draw_clip, draw_plan, make_clip
from train.corpus.plan import ActionPlan, ClipPlan, schedule, vary, verbs_of
from train.corpus.verbs import TABLE
from train.run import RunFolder
from train.store import read_clips

SPEEDS = ("slow", "normal", "fast")
# Draws of the judged sets start here, so that none is a clip of the store, nor of another set.
FIRST_INDEX = 10_000_000
_SPEED_INDEX, _COUNT_INDEX, _DIRECTION_INDEX, _REFERENCE_INDEX = (k * FIRST_INDEX for k in (2, 3, 4, 5))
_TRIES = 50_000


@dataclass(frozen=True)
class Sets:
    """Clips of a held-out split.

    Attributes:
        all: as the corpus has them, one to three actions.
        single: one action each.
        speed: one action each, its speed said in every text, the three speeds equally often.
        count: one action each, its count said in every text, the counts of a verb equally likely.
        direction: one action each, its direction said in every text, those of a verb equally often.
    """

    all: tuple[Clip, ...]
    single: tuple[Clip, ...]
    speed: tuple[Clip, ...]
    count: tuple[Clip, ...]
    direction: tuple[Clip, ...]


def test_sets(folder: RunFolder, clips: int) -> Sets:
    """``held_out_sets`` of the test split."""
    return held_out_sets(folder, clips, "test")


def held_out_sets(folder: RunFolder, clips: int, split: str) -> Sets:
    """``clips`` from the run's store, half as many drawn for each of the other sets.

    Args:
        folder: the run.
        clips: of ``all``.
        split: ``test``, which figures are reported of, or ``val``, which settings may be chosen on.

    Raises:
        InputError: the run has no clips of the split.
    """
    config, seed = folder.config.corpus, folder.config.corpus.seed
    single = replace(config, max_actions=1)
    half = max(1, clips // 2)
    stored = stored_clips(folder, clips, split)
    drawn = (draw_clip(seed, FIRST_INDEX + i, split, single) for i in range(half))
    return Sets(
        stored,
        tuple(drawn),
        tuple(itertools.islice(_told_speed(seed, single, split), half)),
        tuple(itertools.islice(_told_count(seed, single, split), half)),
        tuple(itertools.islice(told_direction(seed, single, split), half)),
    )


def stored_clips(folder: RunFolder, clips: int, split: str) -> tuple[Clip, ...]:
    """Up to ``clips`` of a split of the run's store, the first.

    Raises:
        InputError: there are none.
    """
    stored = tuple(itertools.islice(read_clips(folder.path / "corpus", split=split), clips))
    if not stored:
        raise InputError(
            f"{folder.path} has no clips of the {split} split; run `python -m train.corpus` first"
        )
    return stored


def reference_clips(folder: RunFolder, clips: int, split: str = "test") -> Iterator[Clip]:
    """``clips`` of the kind of ``Sets.all``, none of them in the store: what distributions are held against.

    A motion and what was made from its sentence are no independent samples, so the judged clips themselves
    cannot serve.
    """
    config = folder.config.corpus
    return (draw_clip(config.seed, _REFERENCE_INDEX + i, split, config) for i in range(clips))


def _plans(seed: int, first: int, config: CorpusConfig, split: str) -> Iterator[tuple[ClipPlan, ActionPlan]]:
    # Ends, for a corpus may have no verb that is timed or counted.
    for index in range(first, first + _TRIES):
        plan = draw_plan(seed, index, split, config)
        yield plan, plan.actions[0]


def _fits(plan: ClipPlan, config: CorpusConfig) -> bool:
    return schedule(plan.actions).frames <= config.max_frames


def _told_speed(seed: int, config: CorpusConfig, split: str) -> Iterator[Clip]:
    wanted = itertools.cycle(SPEEDS)
    for plan, action in _plans(seed, _SPEED_INDEX, config, split):
        if action.spec.timed:
            # Only plans that fit at every speed, so that slow clips are not a choice of few cycles.
            versions = {speed: vary(plan, "speed", speed) for speed in SPEEDS}
            if all(_fits(version, config) for version in versions.values()):
                yield make_clip(versions[next(wanted)], config, told="speed")


def _told_count(seed: int, config: CorpusConfig, split: str) -> Iterator[Clip]:
    for number, (plan, action) in enumerate(_plans(seed, _COUNT_INDEX, config, split)):
        if action.spec.counts is None or not action.spec.counted:
            continue
        low, high = action.spec.counts
        versions = [vary(plan, "count", count) for count in range(low, high + 1)]
        fitting = [version for version in versions if _fits(version, config)]
        if len(fitting) > 1:
            yield make_clip(fitting[number % len(fitting)], config, told="count")


def told_direction(seed: int, config: CorpusConfig, split: str) -> Iterator[Clip]:
    """Clips of one action that all say their direction, the directions of a verb in turn."""
    if not any(TABLE[verb].steered and len(TABLE[verb].directions) > 1 for verb in verbs_of(config)):
        return
    drawn: Counter[str] = Counter()
    for plan, action in _plans(seed, _DIRECTION_INDEX, config, split):
        directions = action.spec.directions if action.spec.steered else ()
        if action.hand == "both":  # the hands go apart there, or together
            directions = tuple(d for d in directions if d not in ("left", "right"))
        if len(directions) > 1:
            version = vary(plan, "direction", directions[drawn[action.verb] % len(directions)])
            drawn[action.verb] += 1
            yield make_clip(version, config, told="direction")


def train_directions(folder: RunFolder, clips: int) -> list[Clip]:
    """``clips`` of the train split's kind, none of them in the store, that go in the directions they say."""
    config = replace(folder.config.corpus, max_actions=1)
    return list(itertools.islice(told_direction(config.seed, config, "train"), clips))


def train_clips(folder: RunFolder, clips: int) -> list[Clip]:
    """Up to ``clips`` of the store's train split.

    Raises:
        InputError: there are none.
    """
    return list(stored_clips(folder, clips, "train"))
