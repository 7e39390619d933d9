"""Sentences for a plan: a small grammar with many wordings, all of it true of the motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from clutch_rt.prompts import normalise

from .config import CorpusConfig
from .lexicon import LISTS, MASS, PLURAL, WORDINGS
from .plan import ActionPlan, ClipPlan
from .verbs import TABLE

Rng = np.random.Generator

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
_SPEED = {
    "slow": (
        "slowly",
        "slowly",
        "very slowly",
        "at a slow pace",
        "in slow motion",
        "unhurriedly",
        "in no hurry",
    ),
    "fast": ("quickly", "quickly", "fast", "rapidly", "at a fast pace", "in a hurry", "very fast"),
}
_ADVERBS = frozenset(("slowly", "very slowly", "quickly", "rapidly", "unhurriedly"))
_AMPLITUDE = {
    "small": ("with small movements", "with a small motion", "a little", "slightly"),
    "large": ("with big movements", "with a wide motion", "with large movements", "widely"),
}
_DIRECTION = {
    "forward": ("forward", "to the front", "straight ahead"),
    "back": ("back", "towards the body", "towards the chest"),
    "left": ("to the left", "leftwards", "towards the left"),
    "right": ("to the right", "rightwards", "towards the right"),
    "up": ("up", "upwards"),
    "down": ("down", "downwards"),
    "clockwise": ("clockwise", "in a clockwise direction"),
    "anticlockwise": ("anticlockwise", "counterclockwise", "in an anticlockwise direction"),
}
_BOTH = ("with both hands", "using both hands", "with two hands")
_PEOPLE = ("a person", "a person", "the person", "someone", "a man", "a woman", "the user", "somebody")
_GRIPS = {
    "power": "with a power grip",
    "precision": "with a precision grip",
    "lateral": "with a key grip",
    "hook": "with a hook grip",
    "tripod": "with three fingers",
    "ball": "with a round grip",
}


@dataclass(frozen=True)
class Texts:
    """A clip's sentences, and the thing each action is done to (None where none is named)."""

    sentences: tuple[str, ...]
    objects: tuple[str | None, ...]


def _choose(rng: Rng, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


_DOUBLED = frozenset(
    [
        "tap",
        "grab",
        "grip",
        "put",
        "set",
        "cut",
        "chop",
        "skin",
        "rub",
        "drum",
        "knit",
        "zip",
        "tug",
        "hit",
        "pat",
        "strum",
        "jot",
        "dig",
        "step",
        "sip",
        "grip",
        "get",
        "let",
    ]
)
_IRREGULAR = {"do": "does", "have": "has", "be": "is"}


@lru_cache(maxsize=2048)
def inflect(verb: str, form: str) -> str:
    """`verb` in the "base", "third" or "ing" form."""
    if form == "third":
        if verb in _IRREGULAR:
            return _IRREGULAR[verb]
        if verb.endswith(("s", "sh", "ch", "x", "z")):
            return verb + "es"
        return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"
    if form == "ing":
        if verb in _DOUBLED:
            return verb + verb[-1] + "ing"
        return verb[:-1] + "ing" if verb.endswith("e") and not verb.endswith("ee") else verb + "ing"
    return verb


@lru_cache(maxsize=1)
def pairs() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The things of each verb that training sees, and those kept for validation and test.

    A pair is kept back only if another verb shows the thing in training.
    """
    things = {verb: _expand(wording.things) for verb, wording in WORDINGS.items()}
    seen: dict[str, list[str]] = {verb: [] for verb in things}
    unseen: dict[str, list[str]] = {verb: [] for verb in things}
    owners: dict[str, list[str]] = {}
    for verb, nouns in things.items():
        for noun in nouns:
            owners.setdefault(noun, []).append(verb)
    for verb, nouns in things.items():
        for i, noun in enumerate(nouns):
            first = owners[noun][0] == verb  # the first owner always keeps it
            keep = first or (_fingerprint(verb + noun) % 5 != 0) or i == 0
            (seen if keep else unseen)[verb].append(noun)
    return {v: tuple(n) for v, n in seen.items()}, {v: tuple(n) for v, n in unseen.items()}


def _fingerprint(text: str) -> int:
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def _expand(names: tuple[str, ...]) -> tuple[str, ...]:
    nouns: list[str] = []
    for name in names:
        nouns.extend(LISTS[name[1:]] if name.startswith("@") else (name,))
    return tuple(dict.fromkeys(nouns))


def _article(rng: Rng, noun: str) -> str:
    roll = rng.random()
    if roll < 0.12:
        return noun
    if noun in MASS:
        return f"the {noun}" if roll < 0.65 else f"some {noun}"
    if noun in PLURAL:
        return f"the {noun}" if roll < 0.75 else f"some {noun}"
    if roll < 0.58:
        return f"the {noun}"
    return f"an {noun}" if noun[0] in "aeio" or noun.startswith("um") else f"a {noun}"


@dataclass(frozen=True)
class _Said:
    """What one clause is made of, before its form is known."""

    phrase: str
    early: str  # an adverb before the verb, or ""
    late: tuple[str, ...]


def _count_phrase(rng: Rng, count: int) -> str:
    if count == 1:
        return _choose(rng, ("once", "one time", "a single time", "1 time"))
    if count == 2:
        return _choose(rng, ("twice", "two times", "2 times"))
    return _choose(rng, (f"{_DIGITS[count]} times", f"{count} times"))


def _phrase(rng: Rng, action: ActionPlan, thing: str | None, held_out: bool) -> str:
    words = WORDINGS[action.verb]
    options = (
        words.plain
        if thing is None
        else (words.phrases if rng.random() < 0.85 or not words.plain else words.plain)
    )
    if held_out and rng.random() < 0.5:
        fitting = tuple(p for p in words.unseen if thing is not None or "{o}" not in p)
        options = fitting or options
    phrase = _choose(rng, options)
    if action.count is not None:
        phrase = phrase.replace("{n}", _choose(rng, (str(action.count), _DIGITS[action.count])))
    if phrase.startswith("sprinkle some "):
        return phrase.replace("{o}", thing or "")
    return phrase.replace("{o}", _article(rng, thing)) if thing else phrase


def _hand_phrase(rng: Rng, action: ActionPlan, told: bool, mention: float) -> str:
    """Who does it: always said when it is not what one would expect of the verb."""
    usual = action.spec.hands[0][0]
    if not told and rng.random() > (0.95 if action.hand != usual else mention):
        return ""
    if action.hand == "both":
        return _choose(rng, _BOTH) if len(action.spec.hands) > 1 or rng.random() < 0.5 else ""
    other = "left" if action.hand == "right" else "right"
    if action.support and rng.random() < 0.45:
        held = _choose(rng, WORDINGS[action.verb].support)
        return f"with the {action.hand} hand while the {other} hand {held}"
    side = _choose(
        rng,
        (
            "with the {}",
            "with the {}",
            "using the {}",
            "with only the {}" if not action.support else "with the {}",
        ),
    )
    return side.format(f"{action.hand} hand")


def _say(
    rng: Rng, action: ActionPlan, thing: str | None, config: CorpusConfig, held_out: bool, told: str | None
) -> _Said:
    """Choose the words of one action."""
    mention = config.mention
    phrase = _phrase(rng, action, thing, held_out)
    early, late = "", []

    def named(modifier: str, default: bool) -> bool:
        return modifier == told or (not default and rng.random() < mention)

    if action.direction is not None:
        first = action.direction == action.spec.directions[0]
        if told == "direction" or rng.random() < (0.4 if first else mention + 0.15):
            late.append(_choose(rng, _DIRECTION[action.direction]))
    rest: list[str] = []
    if action.amplitude != "normal" and named("amplitude", False):
        rest.append(_choose(rng, _AMPLITUDE[action.amplitude]))
    if action.count is not None and action.verb != "count" and named("count", False):
        rest.append(_count_phrase(rng, action.count))
    if action.speed != "normal" and named("speed", False):
        word = _choose(rng, _SPEED[action.speed])
        if word in _ADVERBS and rng.random() < 0.45:
            early = word
        else:
            rest.append(word)
    elif told == "speed" and action.speed == "normal":
        rest.append("at a normal pace")
    if action.shape in _GRIPS and action.verb in ("grasp", "pick_up", "lift") and rng.random() < 0.35:
        rest.append(_GRIPS[action.shape])
    hand = _hand_phrase(rng, action, told == "hand", 0.5)
    if len(rest) > 1:
        rest = [rest[i] for i in rng.permutation(len(rest))]
    if hand and " while " not in hand and rest and rng.random() < 0.4:
        late += [hand, *rest]
    else:
        late += [*rest, hand] if hand else rest
    return _Said(phrase, early, tuple(late))


def _clause(said: _Said, form: str) -> str:
    verb, _, rest = said.phrase.partition(" ")
    parts = (said.early, inflect(verb, form), rest, *said.late)
    return " ".join(p for p in parts if p)


def _join(rng: Rng, clauses: list[str]) -> str:
    if len(clauses) == 1:
        return clauses[0]
    if len(clauses) == 2:
        pattern = _choose(
            rng, ("{}, then {}", "{} and then {}", "first {}, then {}", "{}, and after that {}", "{} then {}")
        )
    else:
        pattern = _choose(
            rng,
            (
                "{}, then {}, and finally {}",
                "first {}, then {}, and finally {}",
                "{}, then {}, then {}",
                "{}, {} and then {}",
            ),
        )
    return pattern.format(*clauses)


def _sentence(rng: Rng, said: list[_Said], held_out: bool) -> str:
    """One sentence in one of the forms; the first two in the list are kept for validation and test."""
    if held_out and rng.random() < 0.5:
        if len(said) == 2 and rng.random() < 0.6:
            return f"after {_clause(said[0], 'ing')}, {_clause(said[1], 'base')}"
        front = said[0].late[-1] if said[0].late else ""
        moved = _Said(said[0].phrase, said[0].early, said[0].late[:-1])
        body = _join(rng, [_clause(s, "base") for s in (moved, *said[1:])])
        return f"{front}, {body}" if front and len(said) == 1 else f"the person will {body}"
    form = int(rng.integers(10))
    if form < 4:
        return _join(rng, [_clause(s, "base") for s in said])
    if form < 6:
        return f"{_choose(rng, _PEOPLE)} {_join(rng, [_clause(s, 'third') for s in said])}".replace(
            "person first ", "person first "
        )
    if form == 6:
        return f"{_choose(rng, _PEOPLE)} is {_join(rng, [_clause(s, 'ing') for s in said])}"
    if form == 7:
        return _join(rng, [_clause(s, "ing") for s in said])
    if form == 8:
        return f"i {_join(rng, [_clause(s, 'base') for s in said])}"
    if len(said) == 2 and rng.random() < 0.7:
        return f"{_clause(said[0], 'base')} before {_clause(said[1], 'ing')}"
    return f"{_choose(rng, ('please', 'i want to', 'i will', 'the hands'))} {_join(rng, [_clause(s, 'base') for s in said])}"


def _thing(rng: Rng, action: ActionPlan, held_out: bool) -> str | None:
    seen, unseen = pairs()
    options = seen[action.verb]
    if not options or (rng.random() < 0.22 and WORDINGS[action.verb].plain):
        return None
    if held_out and unseen[action.verb] and rng.random() < 0.5:
        options = unseen[action.verb]
    return _choose(rng, options)


def describe(plan: ClipPlan, config: CorpusConfig, told: str | None = None) -> Texts:
    """Write a plan's sentences; deterministic by `plan.words`.

    Args:
        plan: the clip.
        config: `captions` of them, naming modifiers as often as `mention`.
        told: a modifier every sentence must name.
    """
    rng = np.random.default_rng(plan.words)
    held_out = plan.split != "train"
    things = tuple(_thing(rng, action, held_out) for action in plan.actions)
    sentences: dict[str, None] = {}
    for _ in range(4 * config.captions):
        said = [
            _say(rng, action, thing, config, held_out, told if i == 0 else None)
            for i, (action, thing) in enumerate(zip(plan.actions, things, strict=True))
        ]
        sentences[normalise(_sentence(rng, said, held_out))] = None
        if len(sentences) == config.captions:
            break
    return Texts(tuple(sentences), things)


assert set(WORDINGS) == set(TABLE)
