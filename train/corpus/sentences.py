"""Sentences for a plan: imperative, third person, progressive, first person, one action or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from clutch_rt.prompts import normalise

from .clauses import Clause, choose, draw_clause, draw_thing
from .config import CorpusConfig
from .plan import ClipPlan
from .wordings import many

Rng = np.random.Generator

_PEOPLE = many(
    "a person | a person | the person | someone | a man | a woman | the user | somebody | he | she"
)
_OPENINGS = many("i | i will | i want to | please | let me | show how to | try to")
_TWO = many(
    "{}, then {} | {} and then {} | first {}, then {} | {}, and after that {} | {} then {} | {} and "
    "{} | {}, {}"
)
_THREE = many(
    "{}, then {}, and finally {} | first {}, then {}, and finally {} | {}, then {}, then {} | {}, {} "
    "and then {} | "
    "{}, {} and {}"
)


@dataclass(frozen=True)
class Texts:
    """A clip's sentences, and the thing each action is done to (None where none is named)."""

    sentences: tuple[str, ...]
    objects: tuple[str | None, ...]


def _join(rng: Rng, clauses: Sequence[str]) -> str:
    if len(clauses) == 1:
        return clauses[0]
    return choose(rng, _TWO if len(clauses) == 2 else _THREE).format(*clauses)


def _all(rng: Rng, said: Sequence[Clause], form: str) -> str:
    return _join(rng, [clause.text(form) for clause in said])


def _by_hand(clause: Clause) -> str | None:
    """The sentence with the hand as its subject ("the left hand stirs ..."), if its phrase allows it."""
    for lead in ("with the ", "using the ", "with only the "):
        if clause.hand.startswith(lead) and not clause.phrase.startswith(("use ", "take a ", "have ")):
            subject, _, rest = clause.hand.removeprefix(lead).partition(" while ")
            return f"the {subject} {clause.text('third', hand=False)}" + (f" while {rest}" if rest else "")
    if clause.hand in ("with both hands", "using both hands", "with two hands"):
        return f"{clause.hand.split(' ', 1)[1]} {clause.text('base', hand=False)}"
    return None


def _unseen(rng: Rng, said: Sequence[Clause]) -> str:
    """Forms kept for validation and test; their words are all in training."""
    if len(said) == 2 and rng.random() < 0.6:
        return f"after {said[0].text('ing')}, {said[1].text('base')}"
    if len(said) == 1 and said[0].hand and rng.random() < 0.7:
        return f"{said[0].hand.replace(' while ', ', while ', 1)}, {said[0].text('base', hand=False)}"
    return f"{choose(rng, _PEOPLE)} will {_all(rng, said, 'base')}"


def _sentence(rng: Rng, said: Sequence[Clause], held_out: bool) -> str:
    if held_out and rng.random() < 0.5:
        return _unseen(rng, said)
    form = rng.random()
    if form < 0.36:
        return _all(rng, said, "base")
    if form < 0.52:
        return f"{choose(rng, _PEOPLE)} {_all(rng, said, 'third')}"
    if form < 0.64:
        return f"{choose(rng, _PEOPLE)} is {_all(rng, said, 'ing')}"
    if form < 0.74:
        return _all(rng, said, "ing")
    if form < 0.88 and len(said) == 1:
        return _by_hand(said[0]) or said[0].text("base")
    if form < 0.88 and len(said) == 2:
        return f"{said[0].text('base')} before {said[1].text('ing')}"
    return f"{choose(rng, _OPENINGS)} {_all(rng, said, 'base')}"


def describe(plan: ClipPlan, config: CorpusConfig, told: str | None = None) -> Texts:
    """Write a plan's sentences; deterministic by `plan.words`.

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
