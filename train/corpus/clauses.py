"""The words of one action: what is done, to what, how, how often, which way, with which hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .inflect import NUMBERS, inflect, with_article
from .plan import ActionPlan
from .wordings import WORDINGS, many, things_of

Rng = np.random.Generator

SPEED = {
    "slow": many(
        "slowly | slowly | very slowly | at a slow pace | in slow motion | unhurriedly | in no hurry "
        "| slowly and "
        "carefully | at a leisurely pace | at low speed"
    ),
    "normal": many("at a normal pace | at a steady pace | at normal speed"),
    "fast": many(
        "quickly | quickly | fast | rapidly | at a fast pace | in a hurry | very fast | very quickly "
        "| at high speed | "
        "swiftly | hastily"
    ),
}
EARLY = frozenset(
    many("slowly | very slowly | quickly | very quickly | rapidly | unhurriedly | swiftly | hastily")
)
AMPLITUDE = {
    "small": many("with small movements | gently | a little | slightly | lightly | with a small motion"),
    "large": many(
        "with big movements | with large movements | vigorously | with a big motion | with wide movements"
    ),
}
DIRECTION = {
    "forward": many("forward | to the front | straight ahead"),
    "back": many("back | towards the body | backwards"),
    "left": many("to the left | leftwards | towards the left | left"),
    "right": many("to the right | rightwards | towards the right | right"),
    "up": many("up | upwards"),
    "down": many("down | downwards"),
    "clockwise": many("clockwise | in a clockwise direction"),
    "anticlockwise": many("anticlockwise | counterclockwise | in an anticlockwise direction"),
}
GRIPS = {
    "power": "with a power grip",
    "precision": "with a precision grip",
    "lateral": "with a key grip",
    "hook": "with a hook grip",
    "tripod": "with three fingers",
    "ball": "with a round grip",
}
_GRIP_VERBS = frozenset(("grasp", "pick_up"))
_BOTH = many("with both hands | using both hands | with two hands")
_REPEATED = many("repeatedly | again and again | over and over")


@dataclass(frozen=True)
class Clause:
    """What one action is said with, before the form of the sentence is known.

    `hand` is the phrase for the hand, or "": it stands last unless the sentence moves it.
    """

    phrase: str
    early: str
    late: tuple[str, ...]
    hand: str

    def text(self, form: str, hand: bool = True) -> str:
        """The clause with its verb in the "base", "third" or "ing" form."""
        parts = (self.early, inflect(self.phrase, form), *self.late, self.hand if hand else "")
        return " ".join(part for part in parts if part)


def choose(rng: Rng, options: tuple[str, ...]) -> str:
    """One of the options."""
    return options[int(rng.random() * len(options))]


def fingerprint(text: str) -> int:
    """A hash that is the same everywhere (FNV-1a, 32 bits)."""
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


@lru_cache(maxsize=1)
def pairs() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The things of each verb that training sees, and those kept for validation and test.

    About a fifth of the pairs is kept back, never the first verb that has a thing, so that every noun
    of a held-out pair is in training with another verb.
    """
    seen: dict[str, tuple[str, ...]] = {}
    unseen: dict[str, tuple[str, ...]] = {}
    owned: set[str] = set()
    for verb in WORDINGS:
        things = things_of(verb)
        kept = {t for t in things if t in owned and fingerprint(f"{verb}/{t}") % 4 == 0}
        seen[verb] = tuple(t for t in things if t not in kept)
        unseen[verb] = tuple(t for t in things if t in kept)
        owned.update(things)
    return seen, unseen


def draw_thing(rng: Rng, action: ActionPlan, held_out: bool) -> str | None:
    """What the action is done to, or None for nothing named."""
    seen, unseen = pairs()
    options = seen[action.verb]
    if not options or (rng.random() < 0.25 and WORDINGS[action.verb].plain):
        return None
    if held_out and unseen[action.verb] and rng.random() < 0.5:
        options = unseen[action.verb]
    return choose(rng, options)


@lru_cache(maxsize=1024)
def _phrases(verb: str, kind: str, thing: bool, direction: str | None = None) -> tuple[str, ...]:
    """The phrases of a kind that need a thing, or that do not."""
    wording = WORDINGS[verb]
    text = dict(wording.towards).get(direction or "", "") if kind == "towards" else getattr(wording, kind)
    return tuple(p for p in many(text) if ("{o}" in p) == thing)


def _phrase(rng: Rng, action: ActionPlan, thing: str | None, held_out: bool, must: bool) -> tuple[str, bool]:
    """The phrase, and whether it says the direction already."""
    named = thing is not None and not (_phrases(action.verb, "plain", False) and rng.random() < 0.12)
    towards = _phrases(action.verb, "towards", named, action.direction)
    unseen = _phrases(action.verb, "unseen", named)
    says = bool(towards) and not must and rng.random() < 0.45
    if held_out and unseen and not says and rng.random() < 0.5:
        options = unseen
    elif says:
        options = towards
    else:
        options = _phrases(action.verb, "phrases" if named else "plain", named)
    phrase = choose(rng, options)
    if "{n}" in phrase and action.count is not None:
        phrase = phrase.replace("{n}", choose(rng, (str(action.count), NUMBERS[action.count])))
    if "{o}" in phrase:
        bare = any(
            f" {word} {{o}}" in phrase for word in ("some", "of", "flying", "falling", "with", "glass")
        )
        article = 0.0 if (bare and " a " in phrase + " ") or " some {o}" in phrase else rng.random()
        phrase = phrase.replace("{o}", with_article(thing or "", article))
    return phrase, says


def count_phrase(rng: Rng, count: int) -> str:
    """How often, in words or digits."""
    if count == 1:
        return choose(rng, ("once", "one time", "a single time", "1 time", "just once"))
    if count == 2:
        return choose(rng, ("twice", "two times", "2 times", "twice"))
    return choose(rng, (f"{NUMBERS[count]} times", f"{count} times"))


def _hand(rng: Rng, action: ActionPlan, told: bool) -> str:
    """Which hand does it: always said when it is not the one expected of the verb."""
    usual = action.spec.hands[0][0]
    share = 0.3 if len(action.spec.hands) == 1 else 0.5
    if not told and action.hand == usual and rng.random() > share:
        return ""
    if action.hand == "both":
        return choose(rng, _BOTH)
    other = "left" if action.hand == "right" else "right"
    if action.support and rng.random() < 0.4:
        held = choose(rng, many(WORDINGS[action.verb].support))
        return f"with the {action.hand} hand while the {other} hand {held}"
    form = choose(
        rng,
        (
            "with the {}",
            "with the {}",
            "using the {}",
            "with the {}" if action.support else "with only the {}",
        ),
    )
    return form.format(f"{action.hand} hand")


def _manner(rng: Rng, action: ActionPlan, mention: float, told: str | None) -> tuple[str, list[str]]:
    """An adverb before the verb, and what follows it: speed, size, count, grip."""
    early, late = "", []
    if action.amplitude != "normal" and (told == "amplitude" or rng.random() < mention):
        late.append(choose(rng, AMPLITUDE[action.amplitude]))
    if action.verb != "count" and action.spec.counted and action.spec.counts is not None:
        if action.count is not None and (told == "count" or rng.random() < mention):
            late.append(count_phrase(rng, action.count))
        elif action.count is None and rng.random() < 0.1:
            late.append(choose(rng, _REPEATED))
    if told == "speed" or (
        action.spec.timed and rng.random() < (0.06 if action.speed == "normal" else mention)
    ):
        word = choose(rng, SPEED[action.speed])
        if word in EARLY and rng.random() < 0.4:
            early = word
        else:
            late.append(word)
    if action.verb in _GRIP_VERBS and action.shape in GRIPS and rng.random() < 0.35:
        late.append(GRIPS[action.shape])
    if len(late) > 1:
        late = [late[i] for i in rng.permutation(len(late))]
    return early, late


def draw_clause(
    rng: Rng, action: ActionPlan, thing: str | None, mention: float, held_out: bool, told: str | None
) -> Clause:
    """Choose the words of one action.

    Args:
        rng: the clip's generator of words.
        action: what is done.
        thing: to what.
        mention: how often a modifier that is not the default is named.
        held_out: whether wordings kept from training may be used.
        told: a modifier that must be named.
    """
    phrase, said = _phrase(rng, action, thing, held_out, told == "direction")
    which = []
    if action.direction is not None and not said:
        default = action.direction == action.spec.directions[0]
        if told == "direction" or rng.random() < (0.35 if default else mention + 0.2):
            which.append(choose(rng, DIRECTION[action.direction]))
    early, late = _manner(rng, action, mention, told)
    hand = _hand(rng, action, told == "hand")
    if hand and " while " not in hand and late and rng.random() < 0.35:
        return Clause(phrase, early, (*which, hand, *late), "")
    return Clause(phrase, early, (*which, *late), hand)
