"""How the verbs are said, and the nouns they are said with."""

from __future__ import annotations

from functools import lru_cache

from train.corpus.wordnet import word_lists

from . import gestures, handling, kitchen, tools
from .spec import Wording, many

WORDINGS: dict[str, Wording] = {
    **gestures.WORDINGS,
    **handling.WORDINGS,
    **kitchen.WORDINGS,
    **tools.WORDINGS,
}

# Common words that WordNet does not know, or not as such.
EXTRA = {
    "container": "saucer",
    "kitchenware": "mug | ladle | colander | strainer | sieve | chopping board | frying pan | measuring cup",
    "device": "tablet | remote control | smartphone",
    "drink": "juice | orange juice | hot chocolate | green tea",
    "sauce": "honey | soy sauce | tomato sauce | olive oil",
    "vegetable": "garlic | sweet potato | bell pepper | spring onion",
    "tool": "broom | mop | tongs",
    "spice": "cumin | chilli | black pepper",
    "garment": "hoodie | jeans | trousers",
    "material": "steel | timber | plywood",
    "furniture": "shelf | cupboard | bedside table",
    "toy": "dart | teddy bear | tennis ball",
    "text": "number | sentence | shopping list",
    "music": "chord | scale",
    "hardware": "stake",
    "bedding": "pillowcase | napkin | tea towel",
    "person": "boy | girl | neighbour",
}

_MASS_LISTS = ("drink", "sauce", "soup", "spice", "material")
_MASS = """rice cereal flour oil pasta porridge salt sugar cheese sand glitter sawdust bread clay dough pastry
putty meat garlic ginger lotion cream wool cloth paper code thread batter paint gel soap hair skin spinach
broccoli lettuce cauliflower celery kale asparagus cabbage fennel poker music chicken wallpaper"""
_MASS_PHRASES = "pizza dough | pasta dough | cookie dough | bread dough"
_PLURAL = """dice knees thighs legs herbs cards chips tickets tokens trousers pliers jeans shorts pants
scissors
tongs chives letters coins"""


@lru_cache(maxsize=1)
def noun_lists() -> dict[str, tuple[str, ...]]:
    """The nouns of each list, WordNet's and ours."""
    return {
        name: tuple(dict.fromkeys((*words, *many(EXTRA.get(name, "")))))
        for name, words in word_lists().items()
    }


@lru_cache(maxsize=1)
def mass_nouns() -> frozenset[str]:
    """Nouns without a plural: no "a", but "some"."""
    lists = noun_lists()
    listed = (noun for name in _MASS_LISTS for noun in lists[name])
    return frozenset((*listed, *_MASS.split(), *many(_MASS_PHRASES)))


@lru_cache(maxsize=1)
def plural_nouns() -> frozenset[str]:
    """Nouns that are already plural."""
    return frozenset((*_PLURAL.split(), *many("playing cards")))


@lru_cache(maxsize=64)
def things_of(verb: str) -> tuple[str, ...]:
    """The nouns of a verb, its lists spelt out."""
    nouns: list[str] = []
    for name in many(WORDINGS[verb].things):
        nouns.extend(noun_lists()[name[1:]] if name.startswith("@") else (name,))
    return tuple(dict.fromkeys(nouns))


__all__ = ["WORDINGS", "Wording", "many", "mass_nouns", "noun_lists", "plural_nouns", "things_of"]
