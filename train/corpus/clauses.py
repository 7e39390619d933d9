"""The words of one action: what is done, to what, how, how often, which way, with which hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .asides import told_apart
from .inflect import NUMBERS, inflect, plural, with_article
from .modifiers import AMPLITUDE, DEGREES, DIRECTION, EARLY, GRIPS, REPEATED, SPEED, count_phrases
from .plan import ActionPlan
from .wordings import WORDINGS, many, mass_nouns, nouns, things_of

Rng = np.random.Generator

_GRIP_VERBS = frozenset(("grasp", "pick_up"))
# Verbs whose things may be several: "peel potatoes".
_PLURAL_VERBS = frozenset(("cut", "peel", "wash", "put_down"))
_BOTH = many("with both hands | with both hands | using both hands | with two hands")
_ONE = many("with the {} | with the {} | with the {} | using the {} | with the {} | using the {}")
_ONLY = many("with only the {} | using just the {} | using only the {} | only with the {} | with just the {}")
# The hand that rests, left out of it; where no other is named, the first is meant.
_NOT = many(
    "with the {one} and not the {other} | with the {one} and not with the {other} | with the {one}, not "
    "the {other} | without the {other} | without using the {other} | without the {other} | not with the "
    "{other} | not using the {other} | with the {one} instead of the {other}"
)
_NORMAL = 0.06  # of the clauses whose speed is the normal one, those that say so
_NAMED = 3  # of these, those that name the hand that acts come first
# Parts of the body in a phrase; the first kind can be named by its side ("the fist", "the left fist").
_SIDED = re.compile(r"\bthe (hand|fist|wrist|arm|palm|thumb|index finger)\b(?! cream)")
_PAIRED = re.compile(r"\bthe (hand|fist|wrist|arm|palm)\b(?! cream)")
_PARTICLE = re.compile(r"\b(in|into|off|on|out|away|aside|across|down)\b")
BODY = re.compile(r"\b(hands?|fists?|wrists?|arms?|palms?|thumbs?|fingers?)\b")


@dataclass(frozen=True)
class Clause:
    """What one action is said with, before the form of the sentence is known.

    Attributes:
        action: what is done.
        phrase: the verb with its object.
        early: an adverb before it, or "".
        late: what follows it, apart from the hand.
        hand: the phrase for the hand, or "" where it is not said or the phrase says it.
        place: where among `late` the hand stands.
        meanwhile: what the other hand does, or "".
        counted: whether it says how often.
    """

    action: ActionPlan
    phrase: str
    early: str
    late: tuple[str, ...]
    hand: str = ""
    place: int = 9
    meanwhile: str = ""
    counted: bool = False

    def text(self, form: str, hand: bool = True) -> str:
        """The clause with its verb in the "base", "third" or "ing" form, with or without its hand."""
        said = self.hand if hand else ""
        late = (*self.late[: self.place], said, *self.late[self.place :])
        parts = (self.early, inflect(self.phrase, form), *late, self.meanwhile)
        return " ".join(part for part in parts if part)

    @property
    def goes_on(self) -> bool:
        """Whether one may say that it keeps being done."""
        repeats = self.action.spec.counts is not None and self.action.cycles > 1
        return repeats and not self.counted and self.action.verb != "count"


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


@lru_cache(maxsize=16384)
def _phrases(verb: str, kind: str, thing: str | None, direction: str | None = None) -> tuple[str, ...]:
    """The phrases of a kind that can be said of a thing, or without one."""
    wording = WORDINGS[verb]
    texts = [dict(wording.towards).get(direction or "", "") if kind == "towards" else getattr(wording, kind)]
    if thing is None:
        return tuple(p for p in many(texts[0]) if "{o}" not in p)
    if thing not in nouns(wording.things):
        texts = []
    if kind == "phrases":
        texts += [phrases for phrases, things in wording.more if thing in nouns(things)]
    return tuple(p for text in texts for p in many(text) if "{o}" in p)


def _phrase(rng: Rng, action: ActionPlan, thing: str | None, held_out: bool, must: bool) -> tuple[str, bool]:
    """The phrase, and whether it says the direction already."""
    if thing is not None and _phrases(action.verb, "plain", None) and rng.random() < 0.12:
        thing = None
    towards = _phrases(action.verb, "towards", thing, action.direction)
    unseen = _phrases(action.verb, "unseen", thing)
    says = bool(towards) and not must and rng.random() < 0.45
    if held_out and unseen and not says and rng.random() < 0.5:
        options = unseen
    elif says:
        options = towards
    else:
        options = _phrases(action.verb, "plain" if thing is None else "phrases", thing)
    if action.verb == "count" and action.count == 1:
        options = tuple(p for p in options if "one to" not in p)
    # The keyword by itself ("wave") is what people type first.
    short = thing is None and not says and rng.random() < 0.25
    phrase = min(options, key=lambda p: p.count(" ")) if short else choose(rng, options)
    if "{n}" in phrase and action.count is not None:
        phrase = phrase.replace("{n}", choose(rng, (str(action.count), NUMBERS[action.count])))
    if thing is not None:
        phrase = phrase.replace("{o}", _named(rng, action.verb, phrase, thing))
    return phrase, says


def _named(rng: Rng, verb: str, phrase: str, thing: str) -> str:
    """A thing as the phrase can name it: with an article, or several of it."""
    words = ("some", "of", "flying", "falling", "with", "glass")
    bare = any(f" {word} {{o}}" in phrase for word in words) and " a " in phrase
    if bare or " some {o}" in phrase:
        return thing
    counts = thing in nouns("@fruit | @vegetable") and thing not in mass_nouns()
    if verb in _PLURAL_VERBS and counts and rng.random() < 0.15:
        return choose(rng, ("", "the ", "the ", "some ")) + plural(thing)
    named = with_article(thing, rng.random())
    return named if "of {o}" in phrase else told_apart(rng, thing, named)


def _with_hand(rng: Rng, action: ActionPlan, phrase: str, told: bool) -> tuple[str, str, str]:
    """The phrase, the hand and what the other hand does; a hand not expected of the verb is always said."""
    usual = action.spec.hands[0][0]
    share = 0.3 if len(action.spec.hands) == 1 else 0.5
    if not told and action.hand == usual and rng.random() > share:
        return phrase, "", ""
    if action.hand == "both":
        if _PAIRED.search(phrase):
            return _PAIRED.sub(r"both \1s", phrase).replace(" a fist", " fists"), "", ""
        if len(action.spec.hands) == 1 and re.search(r"\b(hands|palms)\b", phrase):
            return phrase, "", ""
        return phrase, choose(rng, _BOTH), ""
    if _SIDED.search(phrase):
        return _SIDED.sub(rf"the {action.hand} \1", phrase), "", ""
    meanwhile = ""
    if action.support and rng.random() < 0.4:
        meanwhile = f"while the {sides(action)[1]} hand {choose(rng, many(WORDINGS[action.verb].support))}"
    elif action.direction not in ("left", "right") and rng.random() < 0.05:
        return phrase, f"{action.hand}-handed", ""
    return phrase, _one_hand(rng, action, told), meanwhile


def _one_hand(rng: Rng, action: ActionPlan, told: bool) -> str:
    """One hand by its name, or, where the other rests, by the name of that."""
    one, other = (f"{side} hand" for side in sides(action))
    kind = rng.random()
    if action.support or kind < 0.72:
        return choose(rng, _ONE).format(one)
    if kind < 0.88:
        return choose(rng, _ONLY).format(one)
    return choose(rng, _NOT[:_NAMED] if told else _NOT).format(one=one, other=other)


def sides(action: ActionPlan) -> tuple[str, str]:
    """The hand of an action of one hand, and the other."""
    return (action.hand, "left" if action.hand == "right" else "right")


def chances_told(action: ActionPlan, mention: float) -> tuple[float, float]:
    """How likely a sentence tells an action's speed, and its count, when `mention` of modifiers are named."""
    speed = _NORMAL if action.speed == "normal" else mention
    count = 1.0 if action.verb == "count" else mention
    return speed if action.spec.timed else 0.0, count if action.count is not None else 0.0


def _manner(rng: Rng, action: ActionPlan, mention: float, told: str | None) -> tuple[str, list[str], bool]:
    """An adverb before the verb, what follows it (speed, size, count, grip), and whether it counts."""
    early, late, counted = "", [], False
    if action.amplitude != "normal" and (told == "amplitude" or rng.random() < mention):
        late.append(choose(rng, AMPLITUDE[action.amplitude]))
    if action.verb != "count" and action.spec.counted and action.spec.counts is not None:
        if action.count is not None and (told == "count" or rng.random() < mention):
            late.append(choose(rng, count_phrases(action.verb, action.count)))
            counted = True
        elif action.count is None and rng.random() < 0.1:
            late.append(choose(rng, REPEATED))
    if told == "speed" or (action.spec.timed and rng.random() < chances_told(action, mention)[0]):
        late.append(choose(rng, SPEED[action.speed]))
    movable = [word for word in late if word in EARLY]
    if movable and rng.random() < 0.4:
        early = movable[-1]
        late.remove(early)
    if action.verb in _GRIP_VERBS and action.shape in GRIPS and rng.random() < 0.35:
        late.append(GRIPS[action.shape])
    if len(late) > 1:
        late = _ordered([late[i] for i in rng.permutation(len(late))])
    return early, late, counted


def _ordered(late: list[str]) -> list[str]:
    """Adverbs that do not run together: "slowly and forcefully"; a "slightly" qualifies none of them."""
    late = sorted(late, key=lambda words: words in DEGREES)
    merged = late[:1]
    for words in late[1:]:
        if words.endswith("ly") and merged[-1].endswith("ly") and " and " not in merged[-1]:
            merged[-1] = f"{merged[-1]} and {words}"
        else:
            merged.append(words)
    return merged


def _which_way(rng: Rng, action: ActionPlan, mention: float, told: bool, sided: bool) -> list[str]:
    """The direction; never a bare "left" beside the name of a hand."""
    if action.direction is None:
        return []
    default = action.direction == action.spec.directions[0]
    if not told and rng.random() >= (0.35 if default else mention + 0.2):
        return []
    options = DIRECTION[action.direction]
    return [choose(rng, options[:-1] if sided and action.direction in ("left", "right") else options)]


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
    phrase, hand, meanwhile = _with_hand(rng, action, phrase, told == "hand")
    sided = "left" in phrase + hand or "right" in phrase + hand
    special = thing is not None and thing not in nouns(WORDINGS[action.verb].things)
    if special and told != "direction":
        said = said or bool(_PARTICLE.search(phrase)) or rng.random() < 0.4  # not "push in the card down"
    which = [] if said else _which_way(rng, action, mention, told == "direction", sided)
    early, late, counted = _manner(rng, action, mention, told)
    inner = hand and late and not meanwhile and " not " not in f" {hand} "
    place = len(which) if inner and rng.random() < 0.35 else 9
    return Clause(action, phrase, early, (*which, *late), hand, place, meanwhile, counted)
