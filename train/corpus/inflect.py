"""English forms the grammar needs: a verb's endings, a noun's article, a number's name."""

from __future__ import annotations

import re
from functools import lru_cache

from .wordings import mass_nouns, plural_nouns

_DOUBLED = frozenset(("unzip", "begin", "unplug"))
_ONE_SYLLABLE = re.compile(r"^[^aeiou]*[aeiou][^aeiouwxy]$")
_THIRD = {"do": "does", "have": "has", "be": "is", "go": "goes", "undo": "undoes"}
# A second verb of a phrase ("raise the hand and wave") has the form of the first.
_SECOND = re.compile(r"\band (wave|let|rest|do|turn|knead)\b")
# Things of which a home has one.
_UNIQUE = frozenset(("volume", "temperature", "brightness", "flame", "floor", "kitchen"))
_PLURALS = {"knife": "knives", "leaf": "leaves", "loaf": "loaves", "scarf": "scarves"}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


@lru_cache(maxsize=4096)
def inflect(phrase: str, form: str) -> str:
    """A phrase with its first word, the verb, in the "base", "third" or "ing" form."""
    verb, _, rest = phrase.partition(" ")
    change = {"base": lambda v: v, "third": _third, "ing": _ing}[form]
    rest = _SECOND.sub(lambda found: f"and {change(found[1])}", rest)
    return f"{change(verb)} {rest}" if rest else change(verb)


def _third(verb: str) -> str:
    if verb in _THIRD:
        return _THIRD[verb]
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"


def base(phrase: str) -> str:
    """The other way: a phrase whose verb is in the third person, with the verb as it is after "to"."""
    verb, _, rest = phrase.partition(" ")
    known = {third: plain for plain, third in _THIRD.items()}
    if verb in known:
        verb = known[verb]
    elif verb.endswith("ies"):
        verb = verb[:-3] + "y"
    else:
        verb = verb[:-2] if verb.endswith(("sses", "shes", "ches", "xes", "zzes")) else verb[:-1]
    return f"{verb} {rest}" if rest else verb


def _ing(verb: str) -> str:
    if verb in _DOUBLED or _ONE_SYLLABLE.match(verb):
        return f"{verb}{verb[-1]}ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    return (
        verb[:-1] + "ing" if verb.endswith("e") and not verb.endswith("ee") and verb != "be" else verb + "ing"
    )


def plural(noun: str) -> str:
    """Several of a noun: "potatoes", "tea towels"."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith(("s", "sh", "ch", "x", "z", "mango", "potato", "tomato")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"


def with_article(noun: str, choice: float) -> str:
    """The noun with "the", "a", "some" or, where English allows it, nothing, by `choice` from 0 to 1."""
    if noun in mass_nouns() or noun in plural_nouns():
        if choice < 0.22:
            return noun
        return f"the {noun}" if choice < 0.72 else f"some {noun}"
    if choice < 0.58 or noun in _UNIQUE:
        return f"the {noun}"
    return f"{indefinite(noun)} {noun}"


def indefinite(noun: str) -> str:
    """Its indefinite article."""
    spoken_vowel = noun[0] in "aeio" or noun.startswith(("um", "un", "up", "ur"))
    return "an" if spoken_vowel and not noun.startswith("uni") else "a"
