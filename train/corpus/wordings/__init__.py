"""How the verbs are said, and the nouns they are said with."""

from __future__ import annotations

from functools import lru_cache

from train.corpus.wordnet import word_lists

from . import chores, everyday, fingers, gestures, handling, kitchen, tools
from .spec import Wording, many

WORDINGS: dict[str, Wording] = {
    **gestures.WORDINGS,
    **handling.WORDINGS,
    **kitchen.WORDINGS,
    **tools.WORDINGS,
    **fingers.WORDINGS,
    **everyday.WORDINGS,
    **chores.WORDINGS,
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
    "utility": "sponge | cloth | napkin | tea towel | peeler | rolling pin | cutting board | foil | packet | "
    "paper towel | tin | rag | bread knife | can opener | place mat | rack | detergent | oven glove | "
    "cutlery",
    "produce": "bread | egg | meat | chicken | cheese | butter | sausage | fish | bacon | salmon | ham "
    "| tofu | tortilla | sandwich | berries | herbs",
    "machine": "oven | stove | hob | kettle | radio | television | computer | dishwasher | microwave | fan | "
    "toaster | blender | washing machine | coffee machine | heater | mixer | grill | dryer",
    "openable": "drawer | door | fridge | cupboard | oven | dishwasher | microwave | freezer | cabinet | "
    "wardrobe | window | washing machine",
    "stationery": "pen | pencil | ruler | eraser | marker | notebook | envelope | stapler | tape",
}

_MASS_LISTS = ("drink", "sauce", "soup", "spice", "material")
_MASS = """rice cereal flour oil pasta porridge salt sugar cheese sand glitter sawdust bread clay dough pastry
putty meat garlic ginger lotion cream wool cloth paper code thread batter paint gel soap hair skin spinach
broccoli lettuce cauliflower celery kale asparagus cabbage fennel poker music chicken wallpaper
butter fish bacon salmon ham tofu foil packaging rubbish trash detergent cutlery tape toothpaste shampoo
water milk heat gas soil dust yogurt jam paste glue yeast chocolate turkey luck peace dirt
snow fur laundry air"""
_MASS_PHRASES = "hand cream | pizza dough | pasta dough | cookie dough | bread dough"
_PLURAL = """teeth dice knees thighs legs herbs cards chips tickets tokens trousers pliers jeans shorts pants
scissors
tongs chives letters coins berries noodles beans potatoes vegetables crumbs"""


@lru_cache(maxsize=1)
def noun_lists() -> dict[str, tuple[str, ...]]:
    """The nouns of each list, WordNet's and ours."""
    found = word_lists()
    return {
        name: tuple(dict.fromkeys((*found.get(name, ()), *many(EXTRA.get(name, "")))))
        for name in dict.fromkeys((*found, *EXTRA))
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


@lru_cache(maxsize=512)
def nouns(things: str) -> dict[str, None]:
    """The nouns of a text of nouns and lists, in order and each once."""
    found: dict[str, None] = {}
    for name in many(things):
        found.update(dict.fromkeys(noun_lists()[name[1:]] if name.startswith("@") else (name,)))
    return found


@lru_cache(maxsize=64)
def things_of(verb: str) -> tuple[str, ...]:
    """The nouns of a verb, its lists spelt out."""
    wording = WORDINGS[verb]
    return tuple(
        dict.fromkeys(
            noun for text in (wording.things, *(t for _, t in wording.more)) for noun in nouns(text)
        )
    )


__all__ = ["WORDINGS", "Wording", "many", "mass_nouns", "noun_lists", "nouns", "plural_nouns", "things_of"]
