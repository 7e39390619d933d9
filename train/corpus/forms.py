"""The forms of a sentence: what people type and narrators speak, of one action or several."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .clauses import Clause, choose
from .inflect import inflect
from .speakers import ANYONE, figure, hands, person
from .wordings import many

Rng = np.random.Generator
Said = Sequence[Clause]

_OPENINGS = many(
    "i want to | i would like to | let me | i have to | please | please | can you | could you | you should | "
    "show how to | how to | show me how to | try to | let us | now | it is time to | learn how to"
)
_ENDINGS = ("please", "now", "please")
_FUTURES = many("will | will | will | going to | going to | about to | should")
_TWO = many(
    "{}, then {} | {} and then {} | first {}, then {} | {}, and after that {} | {} then {} | {} and {} | "
    "{}, {} | {}. then {} | {}; then {} | {}. after that, {} | {}, next {} | {}, and when done {}"
)
_TWICE = many("{}, then {} | {} and then {} | first {}, then {} | {}. then {} | {}. after that, {}")
_THREE = many(
    "{}, then {}, and finally {} | first {}, then {}, and finally {} | {}, then {}, then {} | "
    "{}, {} and then {} | {}, {} and {} | {}. then {}. finally {} | {} and then {} and then {}"
)
_STARTING = ("start", "begin")
_KEEPING = ("continue", "keep", "continue", "keep on", "go on", "carry on")
_REQUESTS = many(
    "animation of | animation of | an animation of | a video of | a clip of | show | show me | we see | "
    "i see | we can see | i want to see | generate | create | there should be"
)
_ARTICLES = re.compile(r"\b(the|an?|some) ")
# Phrases that are no English without their article.
_FIXED = re.compile(r"^(give|have|take|make|do|form|clench) |\ba (little|peeler|spoon|knife|break)\b")


@dataclass(frozen=True)
class Line:
    """A sentence, and whose hands it speaks of: "my", "his", or "" for anyone's."""

    text: str
    owner: str = ""


def _join(rng: Rng, clauses: Sequence[str], form: str = "base") -> str:
    if len(clauses) == 1:
        return clauses[0]
    two = _TWO[:-1] if form == "ing" else _TWO  # "when done cutting" would say the opposite
    return choose(rng, two if len(clauses) == 2 else _THREE).format(*clauses)


def _all(rng: Rng, said: Said, form: str, hand: bool = True) -> str:
    return _join(rng, [clause.text(form, hand) for clause in said], form)


# ---- forms; each None where the clauses have no such sentence ---------------------------------------


def imperative(rng: Rng, said: Said) -> Line:
    text = _all(rng, said, "base")
    return Line(f"{text} {choose(rng, _ENDINGS)}" if rng.random() < 0.04 else text)


def _present(rng: Rng, said: Said) -> Line:
    who = person(rng)
    return Line(f"{who.text} {_all(rng, said, who.present)}", who.owner)


def _progressive(rng: Rng, said: Said) -> Line:
    who = person(rng)
    return Line(f"{who.text} {who.be} {_all(rng, said, 'ing')}", who.owner)


def _gerund(rng: Rng, said: Said) -> Line:
    return Line(_all(rng, said, "ing"))


def _opening(rng: Rng, said: Said) -> Line | None:
    words = choose(rng, _OPENINGS)
    if words == "try to" and said[0].phrase.startswith("try "):
        return None
    owner = "my" if words.startswith(("i ", "let me")) else "our" if words == "let us" else "your"
    return Line(f"{words} {_all(rng, said, 'base')}", owner)


def _future(rng: Rng, said: Said) -> Line:
    who, words = person(rng), choose(rng, _FUTURES)
    be = f"{who.be} " if words.endswith(" to") else ""
    return Line(f"{who.text} {be}{words} {_all(rng, said, 'base')}", who.owner)


def _going(rng: Rng, said: Said) -> Line | None:
    """Starting, or going on: "keep kneading the dough", "he is still kneading the dough"."""
    clause, kind = said[0], rng.random()
    if clause.counted or clause.phrase.startswith(("try ", "keep ", "hold still", "be ", "wait")):
        return None
    ongoing = clause.goes_on and rng.random() < 0.8
    who, ing, base = person(rng), clause.text("ing"), clause.text("base")
    verb = choose(rng, _KEEPING if ongoing else _STARTING)
    if ongoing and kind < 0.2:
        return Line(choose(rng, (f"still {ing}", f"{who.text} {who.be} still {ing}")), who.owner)
    if kind < 0.4:
        verb = "continue" if ongoing else verb
        return Line(f"{who.text} {who.be} {inflect(verb, 'ing')} to {base}", who.owner)
    rest = f"to {base}" if verb in ("continue", *_STARTING) and rng.random() < 0.5 else ing
    if kind < 0.75:
        return Line(f"{verb} {rest}")
    return Line(f"{who.text} {inflect(verb, who.present)} {rest}", who.owner)


def _fronted(rng: Rng, said: Said) -> Line | None:
    hand = said[0].hand
    if not hand or hand.endswith("-handed"):
        return None
    return Line(f"{hand}{choose(rng, (',', ',', ''))} {said[0].text('base', hand=False)}")


def _by_hand(rng: Rng, said: Said) -> Line | None:
    """The hands as the subject: "the left hand stirs", "two hands kneading dough", "a hand waves"."""
    who = hands(rng, said)
    if who is None:
        return None
    owner = choose(rng, ANYONE)
    kind = rng.random()
    if kind < 0.50:
        return Line(f"{who.text} {_all(rng, said, who.present, hand=False)}", owner)
    if kind < 0.68:
        return Line(f"{who.text} {who.be} {_all(rng, said, 'ing', hand=False)}", owner)
    if kind < 0.84:
        return Line(f"{who.text} {_all(rng, said, 'ing', hand=False)}", owner)
    make = choose(rng, ("make", "let", "have"))
    the = {"hands": "the hands", "a hand": "the hand"}.get(who.text, who.text)
    return Line(f"{make} {the} {_all(rng, said, 'base', hand=False)}", "your")


def _request(rng: Rng, said: Said) -> Line:
    """What one asks a program for: "animation of hands kneading dough", "someone who waves"."""
    who = hands(rng, said) if rng.random() < 0.6 else None
    hand = who is None
    who = who or figure(rng)
    said = [_bare(clause) for clause in said] if rng.random() < 0.4 else said
    lead, kind = choose(rng, _REQUESTS[:-3] if hand else _REQUESTS), rng.random()
    text = f"{who.text} {'seen ' if kind > 0.9 else ''}{_all(rng, said, 'ing', hand)}"
    if kind < 0.15:
        relative = "who" if hand else "that"
        text = f"{who.text} {relative} {_all(rng, said, who.present, hand)}"
    return Line(f"{lead} {text}" if kind < 0.9 and rng.random() < 0.8 else text, who.owner)


def _bare(clause: Clause) -> Clause:
    """The clause without the articles that a note leaves out."""
    phrase = clause.phrase
    if not _FIXED.search(phrase):
        phrase = _ARTICLES.sub("", phrase)
    return replace(clause, phrase=phrase, hand=clause.hand.replace("the ", ""))


def _terse(rng: Rng, said: Said) -> Line:
    """A note: "cut onion", "kneading dough both hands", "wave, left hand"."""
    short = [_bare(clause) for clause in said]
    form = choose(rng, ("base", "base", "ing"))
    hand = short[0].hand
    if len(short) == 1 and hand.startswith("with ") and "only" not in hand and rng.random() < 0.5:
        words = hand.removeprefix("with ")
        text = short[0].text(form, hand=False)
        return Line(choose(rng, (f"{text}, {words}", f"{text} {words}", f"{words} {text}")))
    if len(short) == 1:
        return Line(short[0].text(form))
    return Line(choose(rng, (", ", " then ", ", then ", ". ")).join(clause.text(form) for clause in short))


def _repeated(rng: Rng, said: Said) -> Line:
    """The subject before each action: "he stirs the soup. then he cuts an onion"."""
    who = person(rng)
    again = who.text.replace("a ", "the ", 1) if who.text.startswith("a ") else who.text
    names = (who.text, *(again for _ in said[1:]))
    clauses = [f"{name} {clause.text(who.present)}" for name, clause in zip(names, said, strict=True)]
    if len(said) == 2:
        return Line(choose(rng, _TWICE).format(*clauses), who.owner)
    return Line(_join(rng, clauses), who.owner)


def _before(rng: Rng, said: Said) -> Line:
    later = said[1].text("ing")
    if rng.random() < 0.6:
        return Line(f"{said[0].text('base')} before {later}")
    who = person(rng)
    return Line(f"{who.text} {said[0].text(who.present)} before {later}", who.owner)


def _after(rng: Rng, said: Said) -> Line:
    former = f"after {said[0].text('ing')}, "
    if rng.random() < 0.6:
        return Line(f"{former}{said[1].text('base')}")
    who = person(rng)
    return Line(f"{former}{who.text} {said[1].text(who.present)}", who.owner)


def _said_last(rng: Rng, said: Said) -> Line:
    """The second action first: "wash the hands after kneading", "before washing the hands, knead"."""
    first, last = said
    if rng.random() < 0.6:
        return Line(f"{last.text('base')} after {first.text('ing')}")
    return Line(f"before {last.text('ing')}, {first.text('base')}")


def _finish(rng: Rng, said: Said) -> Line:
    joint = choose(rng, (", then ", " and then ", " and "))
    if rng.random() < 0.6:
        return Line(f"finish {said[0].text('ing')}{joint}{said[1].text('base')}")
    who = person(rng)
    ends = inflect("finish", who.present)
    return Line(f"{who.text} {ends} {said[0].text('ing')}{joint}{said[1].text(who.present)}", who.owner)


def _then_start(rng: Rng, said: Said) -> Line:
    verb = choose(rng, _STARTING)
    rest = choose(rng, (said[1].text("ing"), f"to {said[1].text('base')}"))
    joint = choose(rng, (", then ", " and then ", " and "))
    if rng.random() < 0.6:
        return Line(f"{said[0].text('base')}{joint}{verb} {rest}")
    who = person(rng)
    return Line(
        f"{who.text} {said[0].text(who.present)}{joint}{inflect(verb, who.present)} {rest}", who.owner
    )


Form = Callable[[Rng, Said], "Line | None"]
# How often each form is tried, for one, two and three actions; a form that cannot be gives an imperative.
FORMS: dict[int, tuple[tuple[float, Form], ...]] = {
    1: (
        *((0.20, imperative), (0.13, _present), (0.12, _progressive), (0.07, _gerund)),
        *((0.07, _opening), (0.05, _future), (0.07, _going), (0.07, _fronted), (0.10, _by_hand)),
        *((0.06, _terse), (0.06, _request)),
    ),
    2: (
        *((0.24, imperative), (0.11, _present), (0.08, _progressive), (0.05, _gerund), (0.05, _repeated)),
        *((0.06, _opening), (0.05, _future), (0.05, _before), (0.06, _after), (0.10, _said_last)),
        *((0.03, _finish), (0.03, _then_start), (0.03, _by_hand), (0.03, _terse), (0.03, _request)),
    ),
    3: (
        *((0.28, imperative), (0.16, _present), (0.08, _progressive), (0.06, _gerund), (0.08, _repeated)),
        *((0.10, _opening), (0.08, _future), (0.03, _by_hand), (0.07, _terse), (0.06, _request)),
    ),
}


def unseen(rng: Rng, said: Said) -> Line:
    """Forms kept for validation and test: every word of them is in training, their shape is not.

    One action: the hand before a subject ("with the left hand, he stirs"), "can be seen stirring", "will be
    stirring". Two: told in the wrong order, of someone ("he cuts the onion after peeling it", "before cutting
    it, he peels it"), "when done peeling, cut", "finish peeling before cutting". Three: "after peeling, cut
    and finally stir".
    """
    who, kind = person(rng), rng.random()
    hand = said[0].hand
    if len(said) == 1 and hand and not hand.endswith("-handed") and kind < 0.6:
        rest = choose(rng, (f"{who.be} {said[0].text('ing', False)}", said[0].text(who.present, False)))
        return Line(f"{hand}, {who.text} {rest}", who.owner)
    if len(said) == 2 and kind < 0.8:
        first, last = said
        if kind < 0.2:
            return Line(f"{who.text} {last.text(who.present)} after {first.text('ing')}", who.owner)
        if kind < 0.35:
            return Line(f"before {last.text('ing')}, {who.text} {first.text(who.present)}", who.owner)
        if kind < 0.6:
            return Line(f"when done {first.text('ing')}, {last.text('base')}")
        return Line(f"finish {first.text('ing')} before {last.text('ing')}")
    if len(said) == 3 and kind < 0.6:
        first, second, last = said
        return Line(f"after {first.text('ing')}, {second.text('base')} and finally {last.text('base')}")
    return Line(f"{who.text} {choose(rng, ('can be seen', 'will be'))} {_all(rng, said, 'ing')}", who.owner)
