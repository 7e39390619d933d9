"""Nouns from WordNet: `python -m train.corpus.wordnet` checks the hand-picked words below against it.

Reads the dictionary of Debian's `wordnet-base` (WordNet 3.0, `wndb(5WN)`), keeps of each list the words
that WordNet knows as kinds of its root, and writes `data/words.json`, which is committed with WordNet's
licence beside it. So a machine without WordNet draws the same corpus.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clutch_rt.errors import InputError

from models.files import appearing

DICTIONARY = Path("/usr/share/wordnet")
_FIRST_VERB_FILE = 29  # of the lexicographer files, `lexnames(5WN)`
WORDS = Path(__file__).parent / "data" / "words.json"

# List -> its roots, as lemma.sense, and the words to look for.
PICKS: dict[str, tuple[str, str]] = {
    "container": (
        "container.1 vessel.3 dish.1",
        "cup bottle jar box glass mug can bowl basket jug bag bucket carton tin crate flask pitcher "
        "vase pot carafe "
        "pail barrel canteen tub urn beaker goblet thermos decanter tumbler saucer",
    ),
    "kitchenware": (
        "kitchen_utensil.1 tableware.1 cutlery.2 cooking_utensil.1 utensil.1 tray.1 spoon.1 knife.1 "
        "dish.1 cup.1 lid.2",
        "plate pan knife fork spoon pot spatula ladle tray lid mug kettle teapot saucepan skillet "
        "wok grater whisk "
        "colander sieve chopstick platter saucer teaspoon tablespoon cup bowl dish corkscrew "
        "strainer frypan griddle",
    ),
    "device": (
        "device.1 equipment.1 computer.1 machine.1",
        "phone tablet laptop camera keyboard mouse lamp radio telephone calculator microphone clock "
        "watch television "
        "computer speaker printer switch remote thermostat doorbell flashlight stapler",
    ),
    "animal": (
        "animal.1",
        "dog cat bird horse rabbit puppy kitten parrot chicken duck goat sheep pig hamster turtle "
        "lamb monkey "
        "squirrel owl fox deer cow donkey",
    ),
    "tool": (
        "tool.1 brush.2 hand_tool.1 drill.1",
        "hammer screwdriver saw wrench pliers brush drill shovel rake spade axe chisel file clamp "
        "trowel mallet "
        "scraper spanner hacksaw sledgehammer hoe paintbrush broom mop scissors tongs crowbar",
    ),
    "fruit": (
        "edible_fruit.1 fruit.1",
        "apple orange banana lemon pear peach mango kiwi plum lime avocado melon grapefruit apricot "
        "pineapple papaya "
        "fig pomegranate tangerine nectarine cherry strawberry grape coconut cantaloupe persimmon guava",
    ),
    "vegetable": (
        "vegetable.1 produce.1 root_vegetable.1 squash.2 mushroom.5 herb.2",
        "carrot onion potato tomato cucumber pepper celery leek cabbage zucchini eggplant mushroom "
        "broccoli cauliflower "
        "radish turnip beet lettuce pumpkin squash shallot asparagus artichoke parsnip courgette "
        "aubergine yam spinach "
        "garlic ginger kale fennel",
    ),
    "drink": (
        "beverage.1 water.1 milk.1 fluid.1",
        "water milk juice tea coffee wine beer lemonade cocoa soda cider champagne cola whisky rum "
        "espresso smoothie "
        "brandy vodka punch ale buttermilk",
    ),
    "sauce": (
        "condiment.1 sauce.1 syrup.1 cream.2",
        "sauce gravy ketchup mustard vinegar dressing mayonnaise salsa pesto chutney syrup "
        "vinaigrette marinade "
        "guacamole hummus honey relish",
    ),
    "soup": (
        "soup.1 stew.2 dish.2 porridge.1",
        "soup stew broth curry chowder chili porridge bisque goulash gumbo",
    ),
    "spice": (
        "flavorer.1 spice.1 herb.2 seasoner.1",
        "pepper cinnamon oregano basil paprika parsley thyme nutmeg cumin ginger turmeric rosemary "
        "salt sage mint dill "
        "coriander saffron chives cardamom vanilla",
    ),
    "garment": (
        "garment.1 clothing.1 footwear.1",
        "shirt jacket coat sweater dress hoodie trousers skirt vest cardigan blouse robe scarf jeans "
        "shorts pants "
        "raincoat overcoat sweatshirt blazer uniform apron kimono gown tunic",
    ),
    "material": (
        "wood.1 material.1 metal.1 plastic.1 wood.2 board.2",
        "wood metal timber plastic plywood oak pine bamboo lumber steel aluminum copper",
    ),
    "furniture": (
        "furniture.1",
        "table desk chair bench stool sofa couch armchair bookcase cabinet dresser wardrobe counter "
        "cupboard shelf bed "
        "workbench nightstand",
    ),
    "instrument": (
        "stringed_instrument.1 guitar.1",
        "guitar ukulele banjo lute mandolin harp lyre zither balalaika sitar",
    ),
    "vehicle": (
        "vehicle.1 craft.2",
        "car bus truck boat van tractor lorry taxi ambulance jeep tram ship yacht ferry minivan limousine",
    ),
    "toy": (
        "toy.1 plaything.1 ball.1 game_equipment.1",
        "ball doll balloon top kite football basketball baseball dart puck",
    ),
    "person": (
        "person.1",
        "friend child neighbor teacher driver pilot player waiter singer pianist baby nurse doctor "
        "sailor farmer "
        "student sister brother mother father uncle aunt grandmother grandfather cook guard guest boss",
    ),
    "text": (
        "writing.2 message.2 document.1 written_communication.1 signature.1",
        "letter note message list word sentence number address report poem essay diary novel article "
        "story recipe "
        "memo speech document password review invitation",
    ),
    "music": (
        "music.1 musical_composition.1",
        "song tune melody waltz scale chord sonata march ballad hymn lullaby serenade anthem "
        "concerto nocturne",
    ),
    "bedding": (
        "bedclothes.1 cloth.1 linen.1 towel.1 fabric.1 paper.1",
        "towel napkin blanket sheet tablecloth quilt handkerchief cloth pillowcase flag canvas washcloth",
    ),
    "hardware": (
        "fastener.1 hardware.3 restraint.6",
        "nail screw bolt peg tack rivet hook pin spike stake staple nut",
    ),
}

_Synsets = dict[str, tuple[list[str], list[str]]]


def _read_index(folder: Path) -> dict[str, list[str]]:
    """Lemma -> offsets of its noun synsets, commonest sense first."""
    index = {}
    for line in (folder / "index.noun").read_text(encoding="ascii").splitlines():
        if not line.startswith(" "):
            fields = line.split()
            index[fields[0]] = fields[-int(fields[2]) :]
    return index


def _read_synsets(folder: Path) -> _Synsets:
    """Offset -> (words, offsets of its hyponyms)."""
    synsets: _Synsets = {}
    for line in (folder / "data.noun").read_text(encoding="ascii").splitlines():
        if line.startswith(" "):
            continue
        fields = line.split()
        count = int(fields[3], 16)
        start = 5 + 2 * count
        pointers = [fields[start + 4 * i : start + 4 * i + 4] for i in range(int(fields[start - 1]))]
        below = [p[1] for p in pointers if p[0] == "~" and p[2] == "n"]
        synsets[fields[0]] = ([fields[4 + 2 * i].lower() for i in range(count)], below)
    return synsets


def _kinds_of(roots: list[str], synsets: _Synsets) -> set[str]:
    """Every word of the roots and of all below them."""
    waiting, seen = list(roots), set(roots)
    words: set[str] = set()
    while waiting:
        names, below = synsets[waiting.pop()]
        words.update(names)
        waiting.extend(offset for offset in below if offset not in seen)
        seen.update(below)
    return words


def lookup(folder: Path = DICTIONARY) -> dict[str, list[str]]:
    """The picked words that WordNet confirms, per list.

    Raises:
        InputError: when the dictionary is not there.
    """
    _check(folder)
    index, synsets = _read_index(folder), _read_synsets(folder)
    found = {}
    for name, (roots, words) in PICKS.items():
        offsets = [index[lemma][int(sense) - 1] for lemma, sense in (r.split(".") for r in roots.split())]
        kinds = _kinds_of(offsets, synsets)
        found[name] = [word for word in dict.fromkeys(words.split()) if word in kinds]
    return found


@dataclass(frozen=True)
class Sense:
    """A synset: its lexicographer file, its words, the offsets of the kinds it is of."""

    topic: int
    words: tuple[str, ...]
    above: tuple[str, ...]


@dataclass(frozen=True)
class Dictionary:
    """What `synonyms` asks of WordNet; parts of speech are "n", "v", "a" and "r".

    Attributes:
        index: part -> lemma -> offsets, commonest sense first.
        tagged: part -> lemma -> how many of its senses occur in the tagged texts.
        synsets: part -> offset -> sense.
        irregular: form -> lemma, of verbs and nouns.
    """

    index: dict[str, dict[str, list[str]]]
    tagged: dict[str, dict[str, int]]
    synsets: dict[str, dict[str, Sense]]
    irregular: dict[str, str]

    def words(self) -> list[str]:
        """Every lemma of one word in lower case letters, sorted."""
        found = {
            w for part in self.index.values() for w in part if w.isascii() and w.isalpha() and len(w) > 2
        }
        return sorted(found)

    def knows(self, word: str) -> bool:
        """Whether it is a word by itself: "clove", which is a form of a verb besides."""
        return any(word in part for part in self.index.values())

    def used(self, word: str) -> bool:
        """Whether the tagged texts have it."""
        return any(part.get(word, 0) for part in self.tagged.values())

    def part_of_speech(self, word: str) -> str:
        """The one in which most senses are in use, nouns before verbs before the rest."""
        parts = [part for part in "nvar" if word in self.index[part]]
        return max(parts, key=lambda part: self.tagged[part].get(word, 0), default="n")

    def topic(self, word: str) -> int:
        """The lexicographer file of its commonest sense as a noun, -1 for no noun."""
        return next((sense.topic for sense in self.senses(word, "n")), -1)

    def senses(self, word: str, part: str) -> list[Sense]:
        """Its senses, the commonest first."""
        return [self.synsets[part][offset] for offset in self.index[part].get(word, ())]

    def upwards(self, sense: Sense, steps: int) -> Iterator[tuple[str, ...]]:
        """The words of a sense, then of the kinds it is of, then of theirs: `steps` times at most."""
        level = [sense]
        part = "v" if sense.topic >= _FIRST_VERB_FILE else "n"
        for _ in range(steps):
            yield tuple(word for found in level for word in found.words)
            level = [self.synsets[part][offset] for found in level for offset in found.above]


def read_dictionary(folder: Path = DICTIONARY) -> Dictionary:
    """Read WordNet whole.

    Raises:
        InputError: when the dictionary is not there.
    """
    _check(folder)
    index: dict[str, dict[str, list[str]]] = {}
    tagged: dict[str, dict[str, int]] = {}
    synsets: dict[str, dict[str, Sense]] = {}
    for part, name in (("n", "noun"), ("v", "verb"), ("a", "adj"), ("r", "adv")):
        rows = [line.split() for line in _lines(folder / f"index.{name}")]
        index[part] = {row[0]: row[-int(row[2]) :] for row in rows}
        tagged[part] = {row[0]: int(row[-int(row[2]) - 1]) for row in rows}
        synsets[part] = dict(_sense(line.split(), part) for line in _lines(folder / f"data.{name}"))
    irregular = {}
    for name in ("noun", "verb"):
        for line in _lines(folder / f"{name}.exc"):
            form, lemma = line.split()[:2]
            irregular[form] = lemma
    return Dictionary(index, tagged, synsets, irregular)


def _sense(fields: list[str], part: str) -> tuple[str, Sense]:
    count = int(fields[3], 16)
    start = 5 + 2 * count
    pointers = [fields[start + 4 * i : start + 4 * i + 4] for i in range(int(fields[start - 1]))]
    above = tuple(p[1] for p in pointers if p[0] == "@" and p[2] == part)
    words = tuple(fields[4 + 2 * i].lower() for i in range(count))
    return fields[0], Sense(int(fields[1]), words, above)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="ascii").splitlines() if not line.startswith(" ")]


def _check(folder: Path) -> None:
    if not (folder / "data.noun").exists():
        raise InputError(
            f"no WordNet in {folder}; install Debian's wordnet-base, or keep {WORDS.parent} as it is"
        )


@lru_cache(maxsize=1)
def word_lists() -> dict[str, tuple[str, ...]]:
    """The committed lists, name -> words."""
    content = WORDS.read_text(encoding="utf-8")
    return {name: tuple(words) for name, words in json.loads(content)["lists"].items()}


def _run() -> None:
    found = lookup()
    for name, (_, words) in PICKS.items():
        dropped = sorted(set(words.split()) - set(found[name]))
        print(
            f"{name}: {len(found[name])} words"
            + (f", not in WordNet: {' '.join(dropped)}" if dropped else "")
        )
    content = {"source": "WordNet 3.0, Princeton University; see WORDNET-LICENSE.txt", "lists": found}
    with appearing(WORDS) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Write `data/words.json` anew and say which picks WordNet does not confirm."""
    from train.command import guarded  # here, for drawing a corpus needs no training stack

    return guarded(_run)


if __name__ == "__main__":
    sys.exit(main())
