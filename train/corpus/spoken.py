"""Further forms of a sentence: each hand its part, tempo as an adjective, mime, steps in a list."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from .clauses import BODY, Clause, choose, sides
from .inflect import base, inflect
from .lines import Line, Said, bare
from .modifiers import SPEED
from .speakers import person
from .wordings import WORDINGS, many

Rng = np.random.Generator

_TEMPI = {
    "slow": many("slow | slow | very slow | really slow"),
    "fast": many("fast | quick | fast | very fast | quick"),
}
_MIMED = many("mime | mime | simulate | imitate | act out | do | perform | practise")
_PRETEND = many(
    "pretend to | pretend to | act as if you are | pretend that you are | make the motion of | imagine "
    "that you are"
)
_MOVES = many(
    "a {} motion | a {} gesture | {} motion | {} movement | do a {} motion | make a {} movement | make a "
    "{} gesture"
)
_OF = re.compile(r"^(\w+) (the|an?|some) ")


def _support(rng: Rng, clause: Clause) -> str | None:
    """What the other hand does, in the third person; None where it does nothing one could ask for."""
    if not clause.action.support or BODY.search(clause.phrase) or clause.action.hand == "both":
        return None
    support = choose(rng, many(WORDINGS[clause.action.verb].support))
    return None if support.startswith("rests") else support


def roles(rng: Rng, said: Said) -> Line | None:
    """Each hand its part: "hold the bowl with the left hand and stir with the right"."""
    holds = _support(rng, said[0])
    if holds is None:
        return None
    clause, hold = replace(said[0], hand="", meanwhile=""), base(holds)
    one, other = sides(clause.action)
    kind, do = rng.random(), clause.text("base")
    right = choose(rng, (f"the {one}", f"the {one}", f"the {one} hand", f"the {one} one"))
    if kind < 0.25:
        return Line(f"{hold} with the {other} hand and {do} with {right}", "your")
    if kind < 0.31:
        return Line(f"{do} with the {one} hand and {hold} with the {other}", "your")
    if kind < 0.35:
        last = choose(rng, (f"the {other}", f"the {other} hand"))
        return Line(f"{do} with the {one} hand while {inflect(hold, 'ing')} with {last}", "your")
    if kind < 0.45:
        return Line(f"{hold} with the {other} hand while {clause.text('ing')} with {right}", "your")
    if kind < 0.55:
        return Line(f"{inflect(hold, 'ing')} with the {other} hand, {clause.text('ing')} with {right}")
    if kind < 0.70:
        who = person(rng)
        stirs = clause.text(who.present)
        holds = inflect(hold, who.present)
        return Line(f"{who.text} {holds} with the {other} hand and {stirs} with {right}", who.owner)
    if kind < 0.85:
        joint = choose(rng, (" and", ",", " while"))
        return Line(f"the {other} hand {holds}{joint} the {one} hand {clause.text('third')}")
    if kind < 0.93:
        return Line(f"{other} hand {holds}, {one} hand {clause.text('third')}")
    return Line(f"with the {other} hand {hold}, and with the {one} hand {do}", "your")


def roles_first(rng: Rng, clause: Clause) -> Line:
    """Kept for validation and test: "while the left hand holds the bowl, stir with the right hand"."""
    one, other = sides(clause.action)
    support = choose(rng, many(WORDINGS[clause.action.verb].support))
    does = replace(clause, meanwhile="").text("base", hand=False)
    return Line(f"while the {other} hand {support}, {does} with the {one} hand", "your")


def tempo_first(rng: Rng, said: Said) -> Line | None:
    """The tempo as an adjective: "slow stirring of the soup", "quick clapping with both hands"."""
    clause = said[0]
    words = SPEED[clause.action.speed]
    late = tuple(part for part in clause.late if part not in words)
    early = "" if clause.early in words else clause.early
    if (
        clause.action.speed == "normal"
        or early
        or any(word in part.split() for part in late for word in words)
    ):
        return None
    text = replace(clause, late=late, early="").text("ing")
    text = _OF.sub(r"\1 of \2 ", text) if rng.random() < 0.6 else text
    return Line(f"{choose(rng, _TEMPI[clause.action.speed])} {text}")


def mimed(rng: Rng, said: Said) -> Line | None:
    """For show: "mime stirring the soup", "pretend to stir", "a stirring motion"."""
    clause, kind = said[0], rng.random()
    if clause.phrase.startswith(("do ", "make ", "mime ", "pretend ", "perform ", "practi", "try ", "act ")):
        return None
    if kind < 0.4:
        return Line(f"{choose(rng, _MIMED)} {clause.text('ing')}", "your")
    if kind < 0.7:
        words = choose(rng, _PRETEND)
        return Line(f"{words} {clause.text('base' if words.endswith(' to') else 'ing')}", "your")
    if " " in clause.phrase or clause.early:
        return None
    short = replace(clause, phrase="")
    return Line(
        f"{choose(rng, _MOVES).format(inflect(clause.phrase, 'ing'))} {short.text('base')}".strip(), "your"
    )


def followed(rng: Rng, said: Said) -> Line:
    """Two actions told as one after the other: "washing followed by drying", "start by washing, then dry"."""
    first, last = said
    kind = rng.random()
    if kind < 0.35:
        return Line(f"{first.text('ing')} followed by {last.text('ing')}")
    if kind < 0.65:
        start = choose(rng, ("start by", "begin by", "start with", "begin with", "start off by"))
        joint = choose(rng, (", then", " and then", ", and then"))
        return Line(f"{start} {first.text('ing')}{joint} {last.text('base')}")
    if kind < 0.8:
        return Line(f"{first.text('base')} and follow up by {last.text('ing')}")
    return Line(f"{last.text('base')}, but first {first.text('base')}")


def steps(rng: Rng, said: Said) -> Line:
    """A list: "1. wash the cup 2. put it down", "step one: wash the cup, step two: ..."."""
    form, kind = choose(rng, ("base", "base", "ing")), rng.random()
    texts = [(bare(clause) if kind < 0.4 else clause).text(form) for clause in said]
    style = choose(rng, ("{n}. {text}", "{n}) {text}", "step {n}: {text}", "{text}", "{name}: {text}"))
    names = ("first", "second", "third")
    listed = [style.format(n=i + 1, text=t, name=names[i]) for i, t in enumerate(texts)]
    joint = choose(rng, (" -> ", " / ", " + ", "; ")) if style == "{text}" else choose(rng, (" ", ", ", "; "))
    return Line(joint.join(listed))
