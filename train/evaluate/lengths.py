"""How long: a length that was asked for is kept, and one that was not is near the clip's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array, IntArray
from numpy.typing import NDArray

from train.corpus import Clip, CorpusConfig, draw_plan
from train.corpus.clauses import chances_told
from train.corpus.plan import schedule
from train.evaluate.samplers import AsksLength, Sampler

# A motion is as long as its clip when it is within this part of the clip's length.
NEAR: Final = 0.15
_FIRST_INDEX: Final = 60_000_000  # of plans that no judged clip has


def length_errors(motions: Sequence[Float32Array], clips: Sequence[Clip]) -> NDArray[np.float64]:
    """By what part each motion is longer or shorter than the clip's own, ``(N,)``."""
    made = np.asarray([len(motion) for motion in motions], np.float64)
    return np.asarray(np.abs(made / [len(clip.frames) for clip in clips] - 1.0))


def near(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for each of ``length_errors`` that is within ``NEAR``, else 0."""
    return np.asarray(errors <= NEAR + 1e-9, np.float64)  # 68 for 80 is 15 %, whatever its last bit says


@dataclass(frozen=True)
class Ceiling:
    """How often a length can be ``near`` at all that is told by the sentence alone.

    Attributes:
        best: by naming, for each verb, tempo and count that a sentence tells, the length most often near.
        drawn: by drawing a length as the corpus has them where it tells the same.
    """

    best: float
    drawn: float


def length_ceiling(config: CorpusConfig, seed: int, plans: int) -> Ceiling:
    """What a sentence of one action leaves open of its length, over ``plans`` of the corpus.

    A sentence names the verb; tempo and count it tells as often as the corpus does. Lengths are those of the
    plans, so that few plans make the ceiling too high: what is told has then few lengths to be told of.
    """
    alone = replace(config, max_actions=1)
    lengths: defaultdict[tuple[object, ...], defaultdict[int, float]]
    lengths = defaultdict(lambda: defaultdict(float))
    for index in range(_FIRST_INDEX, _FIRST_INDEX + plans):
        actions = draw_plan(seed, index, "test", alone).actions
        action, frames = actions[0], max(schedule(actions).frames, config.min_frames)
        speed, count = chances_told(action, config.mention)
        for tells_speed, tells_count in product((True, False), repeat=2):
            weight = (speed if tells_speed else 1.0 - speed) * (count if tells_count else 1.0 - count)
            told = (action.verb, action.speed if tells_speed else None, action.count if tells_count else None)
            lengths[told][frames] += weight
    best = drawn = 0.0
    for found in lengths.values():
        named, weights = np.asarray(list(found), np.float64), np.asarray(list(found.values()), np.float64)
        hits = near(np.abs(named[:, None] / named - 1.0)) @ weights  # of each length, were it named
        best += float(np.max(hits))
        drawn += float(np.dot(hits, weights)) / max(float(np.sum(weights)), 1e-12)
    return Ceiling(best / plans, drawn / plans)


def asked_lengths(count: int, max_steps: int, rng: np.random.Generator) -> IntArray:
    """``count`` lengths in frames, from a step to ``max_steps`` of them, most of them no whole steps."""
    return rng.integers(FRAMES_PER_STEP, max_steps * FRAMES_PER_STEP + 1, count)


def lengths_kept(
    sampler: Sampler, clips: Sequence[Clip], max_steps: int, rng: np.random.Generator
) -> list[float]:
    """1 for each clip whose sentence is given a motion of just the length asked for, else 0.

    Empty where the sampler cannot be asked.
    """
    if not isinstance(sampler, AsksLength) or not clips:
        return []
    frames = asked_lengths(len(clips), max_steps, rng)
    seeds = [int(seed) for seed in rng.integers(0, 2**31, len(clips))]
    made = sampler.generate_frames([clip.texts[0] for clip in clips], seeds, frames.tolist())
    return [float(len(motion) == asked) for motion, asked in zip(made, frames, strict=True)]
