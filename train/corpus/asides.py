"""Words that change nothing about the hands: which knife it is, where all this happens.

People say them all the time, so the model must learn to pay them no heed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .inflect import indefinite
from .wordings import many, mass_nouns, nouns, plural_nouns

Rng = np.random.Generator

_OBJECTS = "@container | @kitchenware | @garment | @toy | @utility | @tool | @bedding | @stationery"
_FOODS = "@fruit | @vegetable"
_LIQUIDS = "@drink | @sauce | @soup"
_LOOKS = many(
    "red | blue | green | yellow | black | white | brown | orange | grey | pink | wooden | plastic | metal "
    "| small | big | large | little | old | new | clean | dirty | empty | heavy"
)
_TASTES = many(
    "fresh | whole | big | small | large | red | green | ripe | washed | frozen | raw | peeled | chopped"
)
_WARMTH = many("hot | cold | warm | fresh | leftover | remaining")
_WHICH = many(
    "this | that | another | one | the other | the first | the last | the same | the next | a different"
)
_SHARE = 0.10  # of things with a word before them

_PLACES = many(
    "in the kitchen | at home | at the table | at the counter | at the desk | in the room | while sitting "
    "| while standing | in front of the camera | in this video | here | in the air | in vr | today | like "
    "this | outside | in the garden | in the workshop | at the sink | for me"
)


@lru_cache(maxsize=1)
def _qualities() -> dict[str, tuple[str, ...]]:
    """Thing -> the words it may be told from others by."""
    found: dict[str, tuple[str, ...]] = {}
    for things, words in ((_OBJECTS, _LOOKS), (_FOODS, _TASTES), (_LIQUIDS, _WARMTH)):
        found.update(dict.fromkeys(nouns(things), words))
    return found


def told_apart(rng: Rng, thing: str, named: str) -> str:
    """A thing as it is named, sometimes told from others: "the red cup", "another onion"."""
    if rng.random() >= _SHARE:
        return named
    several = thing in mass_nouns() or thing in plural_nouns()
    words = _qualities().get(thing, ())
    if not several and named.split()[0] in ("the", "a", "an") and (not words or rng.random() < 0.4):
        return f"{_choose(rng, _WHICH)} {thing}"
    if not words:
        return named
    quality = _choose(rng, words)
    article, _, rest = named.partition(" ")
    if article in ("a", "an") and rest:
        return f"{indefinite(quality)} {quality} {rest}"
    return f"{article} {quality} {rest}" if article in ("the", "some") and rest else f"{quality} {named}"


def placed(rng: Rng, sentence: str) -> str:
    """The sentence with where it happens behind it."""
    return f"{sentence} {_choose(rng, _PLACES)}"


def _choose(rng: Rng, options: tuple[str, ...]) -> str:
    return options[int(rng.random() * len(options))]
