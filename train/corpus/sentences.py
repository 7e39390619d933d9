"""Sentences for a plan: its actions put into words, in one of many forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from clutch_rt.prompts import normalise

from .asides import placed
from .clauses import choose, draw_clause, draw_thing
from .config import CorpusConfig
from .forms import FORMS, imperative, unseen
from .lines import Line, Said
from .plan import ClipPlan
from .speakers import ANYONE, owned

Rng = np.random.Generator

_PLACED = 0.04  # of sentences of one action, those that say where it happens


@dataclass(frozen=True)
class Texts:
    """A clip's sentences, and the thing each action is done to (None where none is named)."""

    sentences: tuple[str, ...]
    objects: tuple[str | None, ...]


def _line(rng: Rng, said: Said, held_out: bool) -> Line:
    if held_out and rng.random() < 0.5:
        return unseen(rng, said)
    left = rng.random()
    for share, form in FORMS[len(said)]:
        left -= share
        if left < 0.0:
            return form(rng, said) or imperative(rng, said)
    return imperative(rng, said)


def _sentence(rng: Rng, said: Said, held_out: bool) -> str:
    line = _line(rng, said, held_out)
    text = line.text
    if rng.random() < 0.25:
        text = owned(rng, text, line.owner or choose(rng, ANYONE[:2]))
    return placed(rng, text) if len(said) == 1 and rng.random() < _PLACED else text


def describe(plan: ClipPlan, config: CorpusConfig, told: str | None = None) -> Texts:
    """Write a plan's sentences; deterministic by `plan.words`.

    Those of validation and test take held-out things, phrases and forms, each about half of the time. No
    clip is in two splits, but a short sentence may be: there are few ways to say "clap twice". Of the test
    sentences about 1 % also occur among 16,000 training clips, word for word, with another motion.

    Args:
        plan: the clip.
        config: `captions` of them, naming modifiers as often as `mention`.
        told: a modifier of the first action that every sentence must name.
    """
    rng = np.random.default_rng(plan.words)
    held_out = plan.split != "train"
    things = tuple(draw_thing(rng, action, held_out) for action in plan.actions)
    sentences: dict[str, None] = {}
    for _ in range(4 * config.captions):
        said = [
            draw_clause(rng, action, thing, config.mention, held_out, told if i == 0 else None)
            for i, (action, thing) in enumerate(zip(plan.actions, things, strict=True))
        ]
        sentences[normalise(_sentence(rng, said, held_out))] = None
        if len(sentences) >= config.captions:
            break
    return Texts(tuple(sentences), things)
