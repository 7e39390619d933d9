"""Multimodality: how different the motions are that one sentence gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from clutch_rt.layout import Float32Array

from train.corpus import Clip, CorpusConfig, draw_plan, make_clip
from train.evaluate.features import features
from train.evaluate.metrics import Measured, bootstrap, modality_distances
from train.evaluate.retrieval import Judge, judge_motions
from train.evaluate.samplers import Sampler

# Seeds from here on, so that no motion is one of the table's.
_FIRST_SEED = 2_000_000_000


def measure_modality(
    sampler: Sampler, judge: Judge, clips: Sequence[Clip], draws: int, rng: np.random.Generator
) -> Measured | None:
    """``modality_distances`` of ``draws`` motions of each clip's first text, or None without clips.

    The interval is of the texts.
    """
    if not clips:
        return None
    texts = [clip.texts[0] for clip in clips]
    first = range(_FIRST_SEED, _FIRST_SEED + draws * len(texts), len(texts))
    made = [sampler.generate(texts, list(range(seed, seed + len(texts)))) for seed in first]
    return _spread(judge, made, rng)


def corpus_modality(
    config: CorpusConfig, judge: Judge, clips: Sequence[Clip], draws: int, rng: np.random.Generator
) -> Measured | None:
    """The same of the corpus: each clip acted ``draws`` times by other people, or None without clips.

    They do what the clip does, its hands, tempo, counts, ways and grasps: what sentences leave open of these
    is not drawn anew, so that a model that heeds sentences may well have more.

    Args:
        config: of the corpus that the clips are of.
        judge: the retrieval model.
        clips: as the corpus drew them; their ids tell their seeds.
        draws: of each.
        rng: draws the people, and the interval, which is of the clips.
    """
    if not clips:
        return None
    return _spread(judge, [[_acted_anew(clip, config, rng) for clip in clips] for _ in range(draws)], rng)


def _acted_anew(clip: Clip, config: CorpusConfig, rng: np.random.Generator) -> Float32Array:
    split, seed, index = clip.id.rsplit("-", 2)
    plan = draw_plan(int(seed), int(index), split, config)
    actions = tuple(replace(action, noise=int(rng.integers(2**31))) for action in plan.actions)
    return make_clip(replace(plan, actions=actions), config).frames


def _spread(judge: Judge, draws: Sequence[Sequence[Float32Array]], rng: np.random.Generator) -> Measured:
    embedded = [judge_motions(judge, [features(motion) for motion in made]).embeddings for made in draws]
    return bootstrap(modality_distances(np.stack(embedded)), rng)
