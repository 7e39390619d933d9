"""Which verbs of the corpus a sentence says: its words held against every wording of every verb.

Whatever varies about a wording is folded away on both sides: whose hand it is and which, articles, plurals of
the hand, the ending of the verb. What is left of a wording are its fixed words in order, with gaps where a
thing stands; the sentence is read from the left, each time by the longest wording that fits.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from clutch_rt.prompts import normalise

from train.corpus.inflect import inflect
from train.corpus.modifiers import AMPLITUDE, GRIPS, SPEED
from train.corpus.wordings import WORDINGS, many, nouns

_WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[.,;]")
_LEFT_OUT: Final = frozenset(
    many("the|a|an|some|my|your|his|her|their|our|left|right|both|two|only|just|of|one")
)
_HAND: Final = {
    "hands": "hand",
    "fists": "fist",
    "palms": "palm",
    "wrists": "wrist",
    "arms": "arm",
    "thumbs": "thumb",
    "fingers": "finger",
}
# Adverbs and the hand may stand between the words of a wording, as in "pick the cup slowly up".
_LONGEST_GAP: Final = 5
_STARTS: Final = frozenset(many("start | starts | starting | begin | begins | beginning"))
_GOES_ON: Final = frozenset(many("carry | carries | carrying | keep | keeps | keeping | go | goes | going"))
_BORDERS: Final = frozenset((".", ",", ";", "then", "before", "after", "finally", "while"))
_FORMS: Final = ("base", "third", "ing")


@dataclass(frozen=True)
class _Pattern:
    """A wording of a verb: runs of fixed words, a hole between one run and the next, maybe one at the end."""

    verb: str
    runs: tuple[tuple[str, ...], ...]
    things: str  # of the hole, as the wordings write them; "" for any

    @property
    def weight(self) -> int:
        """Fixed words: how much a fit says."""
        return sum(map(len, self.runs))


@dataclass(frozen=True)
class _Fit:
    """Where a pattern fits: one past its last word, and whether the thing is one the wording is said of."""

    pattern: _Pattern
    stop: int
    known: bool


def words_of(text: str) -> list[str]:
    """The words of a sentence that tell one wording from another."""
    found = (_HAND.get(word, word) for word in _WORD.findall(normalise(text)))
    return [word for word in found if word not in _LEFT_OUT]


@lru_cache(maxsize=1)
def _patterns() -> dict[str, tuple[_Pattern, ...]]:
    """Every wording, by its first word."""
    found: dict[str, dict[_Pattern, None]] = defaultdict(dict)
    for verb, wording in WORDINGS.items():
        texts = [(text, wording.things) for text in (wording.phrases, wording.plain, wording.unseen)]
        texts += [(text, wording.things) for _, text in wording.towards]
        texts += list(wording.more)
        for text, things in texts:
            for phrase in many(text):
                for form in _FORMS:
                    pattern = _pattern(verb, inflect(phrase, form), things)
                    if pattern is not None:
                        found[pattern.runs[0][0]][pattern] = None
    return {first: tuple(patterns) for first, patterns in found.items()}


def _pattern(verb: str, phrase: str, things: str) -> _Pattern | None:
    parts = [tuple(words_of(part)) for part in re.split(r"\{[on]\}", phrase)]
    runs = tuple(part for part in parts if part)
    if not runs or not parts[0]:
        return None
    return _Pattern(verb, runs, things if "{o}" in phrase else "")


@lru_cache(maxsize=1)
def _beside() -> tuple[tuple[str, ...], ...]:
    """What is said beside an action and may have a verb's words: what the other hand does, grip, tempo, size.

    "Taking your time" is no taking, and "twice in a row" no rowing; but "little" alone may be a finger.
    """
    others = {phrase for wording in WORDINGS.values() for phrase in many(wording.support.replace("{o}", ""))}
    found = {tuple(words_of(f"while the hand {phrase}")) for phrase in others}
    manners = [phrase for kind in (SPEED, AMPLITUDE) for phrases in kind.values() for phrase in phrases]
    found |= {tuple(words_of(phrase)) for phrase in (*GRIPS.values(), *manners, "in a row")}
    found = {run for run in found if len(run) > 1}
    return tuple(sorted(found, key=len, reverse=True))


def _without_beside(words: list[str]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(words):
        run = next((r for r in _beside() if tuple(words[at : at + len(r)]) == r), ())
        if not run:
            out.append(words[at])
        at += max(1, len(run))
    return out


def _only_leads(words: Sequence[str], at: int) -> bool:
    """Whether a word only says that the verb after it begins or goes on: "start to", "carry on"."""
    after = words[at + 1] if at + 1 < len(words) else ""
    if words[at] in _STARTS:
        return after == "to" or after.endswith("ing")
    return words[at] in _GOES_ON and (after == "on" or after.endswith("ing"))


@lru_cache(maxsize=256)
def _heads(things: str) -> frozenset[str]:
    """Words of the things that a hole may hold."""
    return frozenset(word for thing in nouns(things) for word in words_of(thing))


def _fit(pattern: _Pattern, words: Sequence[str], start: int) -> _Fit | None:
    """Where the pattern fits from ``start`` on, or None."""
    at, known, heads = start, not pattern.things, _heads(pattern.things)
    for number, run in enumerate(pattern.runs):
        for gap in range(_LONGEST_GAP + 1 if number else 1):
            here = at + gap
            if any(word in _BORDERS for word in words[at:here]):
                return None
            if tuple(words[here : here + len(run)]) == run:
                known = known or not heads.isdisjoint(words[at:here])
                at = here + len(run)
                break
        else:
            return None
    if pattern.things and not known:
        # The thing stands last: its own words, such as a "whisk", are no further verb.
        last = max((k for k in range(at, at + 3) if words[k : k + 1] and words[k] in heads), default=at - 1)
        known, at = last >= at, last + 1
    return _Fit(pattern, at, known)


def verbs_said(text: str) -> list[frozenset[str]]:
    """The verbs a sentence says, in its order; each as all the verbs that its wording may be of.

    "press the button" may be of two verbs, and both are given, unless the thing tells them apart.
    """
    words, patterns = _without_beside(words_of(text)), _patterns()
    said: list[frozenset[str]] = []
    at = 0
    while at < len(words):
        options = () if _only_leads(words, at) else patterns.get(words[at], ())
        fits = [fit for p in options if (fit := _fit(p, words, at)) is not None]
        if not fits:
            at += 1
            continue
        # A thing the wording is said of outweighs one more fixed word.
        best = max(fit.pattern.weight + 1.5 * fit.known for fit in fits)
        chosen = [fit for fit in fits if fit.pattern.weight + 1.5 * fit.known == best]
        said.append(frozenset(fit.pattern.verb for fit in chosen))
        at = max(fit.stop for fit in chosen)
    return said


def verbs_right(text: str, verbs: Sequence[str]) -> float:
    """How well a sentence says the verbs of a clip, in any order: 1 for all of them and no others.

    The part that can be matched one to one of the larger of two numbers: of the clip's actions, and of the
    verbs the sentence says.
    """
    left = list(verbs)
    said = verbs_said(text)
    matched = 0
    for options in sorted(said, key=len):
        found = next((verb for verb in left if verb in options), None)
        if found is not None:
            left.remove(found)
            matched += 1
    return matched / max(len(verbs), len(said), 1)
