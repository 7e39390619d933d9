"""Multimodality: how different the motions are that one sentence gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.corpus import Clip
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
    embedded = []
    for draw in range(draws):
        first = _FIRST_SEED + draw * len(texts)
        made = sampler.generate(texts, list(range(first, first + len(texts))))
        embedded.append(judge_motions(judge, [features(motion) for motion in made]).embeddings)
    return bootstrap(modality_distances(np.stack(embedded)), rng)
