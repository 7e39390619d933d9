"""English forms the grammar needs: a verb's endings, a noun's article, a number's name."""

from __future__ import annotations

import re
from functools import lru_cache

from .wordings import mass_nouns, plural_nouns

_DOUBLED = frozenset(("unzip",))
_ONE_SYLLABLE = re.compile(r"^[^aeiou]*[aeiou][^aeiouwxy]$")
_THIRD = {"do": "does", "have": "has", "be": "is"}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


@lru_cache(maxsize=4096)
def inflect(phrase: str, form: str) -> str:
    """A phrase with its first word, the verb, in the "base", "third" or "ing" form."""
    verb, _, rest = phrase.partition(" ")
    new = {"base": lambda v: v, "third": _third, "ing": _ing}[form](verb)
    return f"{new} {rest}" if rest else new


def _third(verb: str) -> str:
    if verb in _THIRD:
        return _THIRD[verb]
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"


def _ing(verb: str) -> str:
    if verb in _DOUBLED or _ONE_SYLLABLE.match(verb):
        return f"{verb}{verb[-1]}ing"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    return (
        verb[:-1] + "ing" if verb.endswith("e") and not verb.endswith("ee") and verb != "be" else verb + "ing"
    )


def with_article(noun: str, choice: float) -> str:
    """The noun with "the", "a", "some" or nothing, by `choice` from 0 to 1."""
    if choice < 0.10:
        return noun
    if noun in mass_nouns() or noun in plural_nouns():
        return f"the {noun}" if choice < 0.68 else f"some {noun}"
    if choice < 0.56:
        return f"the {noun}"
    return f"{_indefinite(noun)} {noun}"


def _indefinite(noun: str) -> str:
    spoken_vowel = noun[0] in "aeio" or noun.startswith(("um", "un", "up", "ur"))
    return "an" if spoken_vowel and not noun.startswith("uni") else "a"
