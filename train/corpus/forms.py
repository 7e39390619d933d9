"""The forms of a sentence: what people type and narrators speak, of one action or several."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .clauses import choose
from .inflect import inflect
from .lines import TWICE, Line, Said, bare, everything, join, negated
from .speakers import ANYONE, figure, hands, person
from .spoken import followed, mimed, roles, roles_first, steps, tempo_first
from .wordings import many

Rng = np.random.Generator

_OPENINGS = many(
    "i want to | i would like to | let me | i have to | please | please | can you | could you | you should "
    "| show how to | how to | show me how to | try to | let us | now | it is time to | learn how to | i "
    "need to | i'd like to | i want you to | i need you to | you need to | you have to | you must | make "
    "sure to | go ahead and | how do i | how do you | would you | just | let's | we need to | remember to "
    "| don't forget to | help me | could you please | can you please | i will show you how to | okay, | "
    "ok, now | i would like you to | be sure to"
)
_ENDINGS = ("please", "now", "please", "for me", "thanks")
_FUTURES = many("will | will | will | going to | going to | about to | should | has to | needs to | wants to")
_HAVING = {"has to": "have to", "needs to": "need to", "wants to": "want to"}
_STARTING = ("start", "begin")
_KEEPING = ("continue", "keep", "continue", "keep on", "go on", "carry on", "continue", "keep")
_REQUESTS = many(
    "animation of | animation of | an animation of | a video of | a clip of | show | show me | we see | i "
    "see | we can see | i want to see | a motion of | a picture of | a scene of | make an animation of | "
    "footage of | render | animate | generate | create | there should be"
)


# ---- forms; each None where the clauses have no such sentence ---------------------------------------


def imperative(rng: Rng, said: Said) -> Line:
    text = everything(rng, said, "base")
    return Line(f"{text} {choose(rng, _ENDINGS)}" if rng.random() < 0.04 else text)


def _present(rng: Rng, said: Said) -> Line:
    who = person(rng)
    return Line(f"{who.text} {everything(rng, said, who.present)}", who.owner)


def _progressive(rng: Rng, said: Said) -> Line:
    who = person(rng)
    return Line(f"{who.being(rng)} {everything(rng, said, 'ing')}", who.owner)


def _gerund(rng: Rng, said: Said) -> Line:
    return Line(everything(rng, said, "ing"))


def _opening(rng: Rng, said: Said) -> Line | None:
    words = choose(rng, _OPENINGS)
    if words == "try to" and said[0].phrase.startswith("try "):
        return None
    mine = words.startswith(("i ", "i'd", "let me", "how do i")) and " you" not in words
    ours = words.startswith(("let us", "let's", "we "))
    owner = "my" if mine else "our" if ours else "your"
    return Line(f"{words} {everything(rng, said, 'base')}", owner)


def _future(rng: Rng, said: Said) -> Line:
    who, words = person(rng), choose(rng, _FUTURES)
    if words in _HAVING:
        words = words if who.number == "s" else _HAVING[words]
        return Line(f"{who.text} {words} {everything(rng, said, 'base')}", who.owner)
    name = who.being(rng) if words.endswith(" to") else who.text
    return Line(f"{name} {words} {everything(rng, said, 'base')}", who.owner)


def _going(rng: Rng, said: Said) -> Line | None:
    """Starting, or going on: "keep kneading the dough", "he is still kneading the dough"."""
    clause, kind = said[0], rng.random()
    if clause.counted or clause.phrase.startswith(("try ", "keep ", "hold still", "be ", "wait")):
        return None
    ongoing = clause.goes_on and rng.random() < 0.8
    clause = bare(clause) if rng.random() < 0.3 else clause
    who, ing, base = person(rng), clause.text("ing"), clause.text("base")
    verb = choose(rng, _KEEPING if ongoing else _STARTING)
    if ongoing and kind < 0.2:
        return Line(choose(rng, (f"still {ing}", f"{who.being(rng)} still {ing}")), who.owner)
    if kind < 0.4:
        verb = "continue" if ongoing else verb
        return Line(f"{who.being(rng)} {inflect(verb, 'ing')} to {base}", who.owner)
    rest = f"to {base}" if verb in ("continue", *_STARTING) and rng.random() < 0.5 else ing
    if kind < 0.75:
        return Line(f"{verb} {rest}")
    return Line(f"{who.text} {inflect(verb, who.present)} {rest}", who.owner)


def _fronted(rng: Rng, said: Said) -> Line | None:
    hand = said[0].hand
    if not hand or hand.endswith("-handed") or negated(hand):
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
        return Line(f"{who.text} {everything(rng, said, who.present, hand=False)}", owner)
    if kind < 0.68:
        return Line(f"{who.text} {who.be} {everything(rng, said, 'ing', hand=False)}", owner)
    if kind < 0.84:
        return Line(f"{who.text} {everything(rng, said, 'ing', hand=False)}", owner)
    make = choose(rng, ("make", "let", "have"))
    the = {"hands": "the hands", "a hand": "the hand"}.get(who.text, who.text)
    return Line(f"{make} {the} {everything(rng, said, 'base', hand=False)}", "your")


def _request(rng: Rng, said: Said) -> Line:
    """What one asks a program for: "animation of hands kneading dough", "someone who waves"."""
    who = hands(rng, said) if rng.random() < 0.6 else None
    hand = who is None
    who = who or figure(rng)
    said = [bare(clause) for clause in said] if rng.random() < 0.4 else said
    lead, kind = choose(rng, _REQUESTS[:-3] if hand else _REQUESTS), rng.random()
    text = f"{who.text} {'seen ' if kind > 0.9 else ''}{everything(rng, said, 'ing', hand)}"
    if kind < 0.15:
        relative = "who" if hand else "that"
        text = f"{who.text} {relative} {everything(rng, said, who.present, hand)}"
    return Line(f"{lead} {text}" if kind < 0.9 and rng.random() < 0.8 else text, who.owner)


def _terse(rng: Rng, said: Said) -> Line:
    """A note: "cut onion", "kneading dough both hands", "wave, left hand"."""
    short = [bare(clause) for clause in said]
    form = choose(rng, ("base", "base", "ing"))
    hand = short[0].hand
    if len(short) == 1 and hand.startswith("with ") and "only" not in hand and rng.random() < 0.5:
        words = hand.removeprefix("with ")
        text = short[0].text(form, hand=False)
        return Line(choose(rng, (f"{text}, {words}", f"{text} {words}", f"{words} {text}")))
    who = f"{choose(rng, _BARE_FIGURES)} " if rng.random() < 0.2 else ""
    if who and form == "base":
        form = "third"
    if len(short) == 1:
        return Line(f"{who}{short[0].text(form)}")
    return Line(
        who + choose(rng, (", ", " then ", ", then ", ". ")).join(clause.text(form) for clause in short)
    )


def _repeated(rng: Rng, said: Said) -> Line:
    """The subject before each action: "he stirs the soup. then he cuts an onion"."""
    who = person(rng)
    again = who.text.replace("a ", "the ", 1) if who.text.startswith("a ") else who.text
    names = (who.text, *(again for _ in said[1:]))
    clauses = [f"{name} {clause.text(who.present)}" for name, clause in zip(names, said, strict=True)]
    if len(said) == 2:
        return Line(choose(rng, TWICE).format(*clauses), who.owner)
    return Line(join(rng, clauses), who.owner)


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


_BARE_FIGURES = ("person", "man", "woman", "someone", "user", "human")
Form = Callable[[Rng, Said], "Line | None"]
# How often each form is tried, for one, two and three actions; a form that cannot be gives an imperative.
FORMS: dict[int, tuple[tuple[float, Form], ...]] = {
    1: (
        *((0.18, imperative), (0.12, _present), (0.11, _progressive), (0.06, _gerund)),
        *((0.07, _opening), (0.05, _future), (0.06, _going), (0.06, _fronted), (0.09, _by_hand)),
        *((0.06, _terse), (0.06, _request), (0.03, roles), (0.02, tempo_first), (0.03, mimed)),
    ),
    2: (
        *((0.20, imperative), (0.10, _present), (0.08, _progressive), (0.05, _gerund), (0.05, _repeated)),
        *((0.06, _opening), (0.05, _future), (0.05, _before), (0.06, _after), (0.09, _said_last)),
        *((0.03, _finish), (0.03, _then_start), (0.03, _by_hand), (0.03, _terse), (0.03, _request)),
        *((0.03, followed), (0.03, steps)),
    ),
    3: (
        *((0.26, imperative), (0.16, _present), (0.08, _progressive), (0.06, _gerund), (0.08, _repeated)),
        *((0.09, _opening), (0.07, _future), (0.03, _by_hand), (0.07, _terse), (0.06, _request)),
        *((0.04, steps),),
    ),
}


def unseen(rng: Rng, said: Said) -> Line:
    """Forms kept for validation and test: every word of them is in training, their shape is not.

    One action: the hand before a subject ("with the left hand, he stirs"), what the other does first ("while
    the left hand holds the bowl, stir with the right hand"), "can be seen stirring", "will be stirring". Two:
    told in the wrong order, of someone ("he cuts the onion after peeling it", "before cutting it, he peels
    it"), "when done peeling, cut", "finish peeling before cutting". Three: "after peeling, cut and finally
    stir".
    """
    who, kind = person(rng), rng.random()
    hand = said[0].hand
    if len(said) == 1 and said[0].action.support and said[0].hand and kind < 0.4:
        return roles_first(rng, said[0])
    if len(said) == 1 and hand and not hand.endswith("-handed") and not negated(hand) and kind < 0.6:
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
    return Line(
        f"{who.text} {choose(rng, ('can be seen', 'will be'))} {everything(rng, said, 'ing')}", who.owner
    )
