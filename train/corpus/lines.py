"""What the forms of a sentence share: the line they make, clauses in a row, clauses as a note has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .clauses import Clause, choose
from .wordings import many

Rng = np.random.Generator
Said = Sequence[Clause]

# The last says "when done", which before "cutting" would say the opposite.
_TWO = many(
    "{}, then {} | {}, then {} | {} and then {} | {} and then {} | first {}, then {} | first {}, then {} | "
    "{}, and after that {} | {} then {} | {} and {} | {} and {} | {}, {} | {}. then {} | {}; then {} | {}. "
    "after that, {} | {}, next {} | first, {}, and then {} | first {} and then {} | {}. next, {} | {} and "
    "afterwards {} | {}. afterwards {} | {}, afterwards {} | {} & {} | {}, later {} | {} and finally {} | "
    "{}, and when done {}"
)
TWICE = many(
    "{}, then {} | {} and then {} | first {}, then {} | {}. then {} | {}. after that, {} | {}. next, {} | "
    "first, {}, and then {} | {}, and afterwards {}"
)
_THREE = many(
    "{}, then {}, and finally {} | first {}, then {}, and finally {} | {}, then {}, then {} | {}, {} and "
    "then {} | {}, {} and {} | {}. then {}. finally {} | {} and then {} and then {} | {}, {}, {} | {}, "
    "next {}, and last {} | first, {}, second, {}, third, {} | {}, after that {}, and finally {}"
)
_ARTICLES = re.compile(r"\b(the|an?|some) ")
# Phrases that are no English without their article.
_FIXED = re.compile(r"^(give|have|take|make|do|form|clench) |\ba (little|peeler|spoon|knife|break)\b")


@dataclass(frozen=True)
class Line:
    """A sentence, and whose hands it speaks of: "my", "his", or "" for anyone's."""

    text: str
    owner: str = ""


def join(rng: Rng, clauses: Sequence[str], form: str = "base") -> str:
    """One to three clauses as one sentence, in the order in which they happen."""
    if len(clauses) == 1:
        return clauses[0]
    two = _TWO[:-1] if form == "ing" else _TWO
    return choose(rng, two if len(clauses) == 2 else _THREE).format(*clauses)


def everything(rng: Rng, said: Said, form: str, hand: bool = True) -> str:
    """All clauses in one form of the verb, with or without their hands."""
    return join(rng, [clause.text(form, hand) for clause in said], form)


def bare(clause: Clause) -> Clause:
    """The clause without the articles that a note leaves out."""
    phrase = clause.phrase
    if not _FIXED.search(phrase):
        phrase = _ARTICLES.sub("", phrase)
    return replace(clause, phrase=phrase, hand=clause.hand.replace("the ", ""))


def negated(hand: str) -> bool:
    """Whether the phrase for the hand says which one is not used: it cannot stand everywhere."""
    return hand.startswith(("without", "not")) or " not " in hand
