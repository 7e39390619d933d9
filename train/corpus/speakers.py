"""Who does it: people, hands, and whose hands they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .clauses import BODY, Clause, choose
from .wordings import many

Rng = np.random.Generator

_SINGULAR = many(
    "a person | a person | the person | the person | someone | a man | a woman | the user | somebody | he "
    "| she | he | she | the camera wearer | c | the man | the woman | c | #c c | #c c | person | man | "
    "woman | the lady | a guy | a lady | the boy | the girl | one | this person | the subject | a cook | "
    "the guy | a human"
)
_PLURAL = many("you | we | they")
_NOUNS = many("a person | a person | someone | somebody | a man | a woman | a lady | a guy | a human")
_OWNERS = {"a man": "his", "the man": "his", "he": "his", "a woman": "her", "the woman": "her", "she": "her"}
_OWNERS |= {f"{a} {name}": "his" for a in ("a", "the") for name in ("guy", "boy")}
_OWNERS |= {f"{a} {name}": "her" for a in ("a", "the") for name in ("lady", "girl")}
_OWNERS |= {"c": "his", "#c c": "his", "man": "his", "woman": "her", "one": "one's"}
_SHORT = {"he": "he's", "she": "she's", "i": "i'm", "you": "you're", "we": "we're", "they": "they're"}
_SHORT |= {"someone": "someone's", "somebody": "somebody's"}
_OWNERS |= {"i": "my", "you": "your", "we": "our"}
ANYONE = ("my", "your", "his", "her", "their")
_OWNED = re.compile(
    r"\bthe (?=((left|right|other) )?(hands?|palms?|wrist|arm|fingers?|index finger|fists?|thumb|body)\b)"
)
# What a hand by itself does not do.
_NOT_OF_HANDS = frozenset(("drink", "eat", "brush_teeth", "climb", "row", "rest", "steer", "count"))
_NOT_HAND_LIKE = re.compile(
    r"^(use|have|do|say|greet|practi[sc]e|perform|work|call|ask|sip|taste|take a|make bread|signal|"
    r"play the|carry)\b"
)


@dataclass(frozen=True)
class Speaker:
    """A grammatical subject; `number` is "s" (he), "p" (they) or "i" (I)."""

    text: str
    number: str

    @property
    def present(self) -> str:
        """The form of a verb after it."""
        return "third" if self.number == "s" else "base"

    @property
    def be(self) -> str:
        """Its form of "be"."""
        return {"s": "is", "p": "are", "i": "am"}[self.number]

    def being(self, rng: Rng) -> str:
        """It with its form of "be", run together as people write: "i'm", "she is"."""
        if self.text in _SHORT and rng.random() < 0.4:
            return _SHORT[self.text]
        return f"{self.text} {self.be}"

    @property
    def owner(self) -> str:
        """Whose its hands are."""
        return _OWNERS.get(self.text, "their")


def person(rng: Rng) -> Speaker:
    """Anyone who may do something."""
    kind = rng.random()
    if kind < 0.80:
        return Speaker(choose(rng, _SINGULAR), "s")
    return Speaker("i", "i") if kind < 0.91 else Speaker(choose(rng, _PLURAL), "p")


def figure(rng: Rng) -> Speaker:
    """Someone one can show or see: no pronoun."""
    return Speaker(choose(rng, _NOUNS), "s")


def hands(rng: Rng, said: Sequence[Clause]) -> Speaker | None:
    """The hands as subject, true to the clauses; None where hands are no subject for them."""
    sides = {clause.action.hand for clause in said}
    if len(sides) > 1 or (len(said) > 1 and any(c.meanwhile for c in said)):
        return None
    if any(
        c.action.verb in _NOT_OF_HANDS or BODY.search(c.phrase) or _NOT_HAND_LIKE.match(c.phrase)
        for c in said
    ):
        return None
    side, named = sides.pop(), any(clause.hand for clause in said)
    if side == "both":
        return Speaker(
            choose(rng, many("both hands | two hands" if named else "hands | two hands | the hands")), "p"
        )
    if named:
        only = any(word in clause.hand.split() for clause in said for word in ("only", "just"))
        return Speaker(
            choose(rng, ("only the {}",) if only else ("the {}", "the {}", "a {}")).format(f"{side} hand"),
            "s",
        )
    if any(clause.action.support for clause in said):
        return Speaker(choose(rng, ("hands", "the hands")), "p")
    return Speaker(choose(rng, ("a hand", "one hand", "a hand")), "s")


def owned(rng: Rng, sentence: str, owner: str) -> str:
    """The sentence with "the left hand" as "my left hand"."""
    if rng.random() < 0.6:
        sentence = re.sub(
            r"\b(with|using) both hands", rf"\1 both {choose(rng, ('', 'of '))}{owner} hands", sentence
        )
    return _OWNED.sub(f"{owner} ", sentence)
