"""Clips and sentences that the tests of the corpus look at, drawn once."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from clutch_rt.text import words_of

from train.corpus import Clip, CorpusConfig, draw_clip, draw_plan
from train.corpus.sentences import describe

CONFIG = CorpusConfig()
SMOKE = CorpusConfig.smoke()


@lru_cache(maxsize=1)
def clips() -> tuple[Clip, ...]:
    return tuple(draw_clip(0, i, ("train", "val", "test")[i % 3], CONFIG) for i in range(240))


@lru_cache(maxsize=4)
def sentences(split: str, clips: int) -> tuple[str, ...]:
    plans = (draw_plan(0, index, split, CONFIG) for index in range(clips))
    return tuple(text for plan in plans for text in describe(plan, CONFIG).sentences)


@lru_cache(maxsize=2)
def vocabulary(split: str, clips: int) -> Counter[str]:
    return Counter(word for text in sentences(split, clips) for word in words_of(text))
