"""Words the corpus does not say, and which of its words comes nearest: hand-picked, then WordNet's.

`python -m train.corpus.synonyms` writes `data/synonyms.txt`, committed with WordNet's licence beside it: one
word a line and behind it up to four words it may be read as, nearest first; a word alone on its line has no
near one and is only known to be English, so that nobody takes it for a misspelling of another. What a corpus
really says is known once it is written; `readings` then takes the first candidate that it says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from clutch_rt.spelling import plain_forms, shorter
from clutch_rt.text import words_of

from models.files import appearing

from .config import CorpusConfig
from .plan import draw_plan
from .sentences import describe
from .wordings import WORDINGS, many, noun_lists, things_of
from .wordnet import DICTIONARY, Dictionary, read_dictionary

SYNONYMS = Path(__file__).parent / "data" / "synonyms.txt"
LICENCE = SYNONYMS.with_name("WORDNET-LICENSE.txt")
_CLIPS = 6_000  # drawn to see what the corpus says
_MOST = 4  # candidates of a word

# What hands do for a verb that the corpus lacks, and other words that WordNet would read otherwise or not at
# all: word, then what it may be read as, nearest first.
PICKED = """
scoop take get | drizzle pour sprinkle | dump pour tip | gather collect | eat taste drink | bite eat taste |
chew eat taste | lick eat taste | nibble eat taste | devour eat taste | swallow drink | slurp sip | swig sip
| guzzle drink | quaff drink | imbibe drink | dip put | dunk put | flip turn | overturn turn | grind twist |
separate pull | tear pull | rip tear pull | yank pull | haul pull | detach pull | strip pull | serve put |
load put | unload take | stack put | store put | pack put | stuff push | cram push | hang put | arrange put
| rearrange arrange put | organise arrange put | organize arrange put | sort arrange put | tidy put |
replace put | install put | mount put | assemble put | transfer move | shift move | relocate move |
transport carry | lug carry | deliver give | offer give | lower put | soak wash | rinse wash | pat tap | dab
tap | knock tap | bump push | slap strike | smack strike | punch hit | thump pound | whack hit | smash hit |
bash hit | swat hit | crack tap | jab poke | prod poke | nudge push | thrust push | ram push | spray squeeze
| spritz squeeze | squirt squeeze | stroke rub | caress rub | pet stroke rub | scratch scrape | smear spread
| sand rub | scour scrub | buff polish | smooth rub | iron push | stamp press | staple press | whip whisk |
swirl stir | mash squash | smoosh squash | squish squash | squidge squeeze | crumple crush | scrunch crush |
crumble crush | compress squeeze | hack chop | slash cut | snip cut | shear cut | prune trim | julienne
slice | shred grate | shave peel | pare peel | shuck peel | husk peel | unpeel peel | halve cut | split cut
| slit cut | sever cut | divide cut | fillet cut | deseed scrape | unwrap unfold | untie undo | unlock turn
| lock turn | crank turn | wind turn | spin rotate | swivel rotate | revolve rotate | coil wrap | plug push
| connect push | attach push | slot insert | clutch grip | cling hold | cradle hold | hug hold | embrace
hold | dangle hold | snag grab | nab grab | capture catch | intercept catch | lob throw | chuck throw | cast
throw | sling throw | launch throw | elevate raise | uplift lift | gesture wave | salute wave | hail wave |
flap wave | flutter wave | sway wave | fan wave | cheer clap | aim point | doodle draw | paint draw | trace
draw | scrawl scribble | compose write | inscribe write | copy write | edit type | program type | sew knit |
stitch knit | crochet knit | weave knit | navigate steer | ride steer | park steer | pilot steer | pummel
knead | sow sprinkle | strew scatter | douse pour | splash pour | spill pour | decant pour | wiggle shake |
jiggle shake | rattle shake | vibrate shake | tremble shake | wag shake | unclench open | drill screw | fry
stir | saute stir | simmer stir | cook stir | bake put | roast put | find take | select pick | choose pick |
obtain get | acquire get | shovel scrape | seal press | activate press | deactivate press | toggle press |
trigger press | dial tap | zoom pinch | mop wipe | grapple grip | unbutton undo | unhook undo | fasten
tighten | hurl throw | rest stay | posthaste quickly | tenderly gently | furiously frantically | violently
forcefully | feebly lightly | weakly lightly | firmly strongly | hard forcefully | speedy fast | rapid fast
| swift fast | brisk fast | hasty quick | unhurried slow | sluggish slow | lazy slow | gradual slow | faster
fast | slower slow | quicker quick | huge big | giant big | enormous big | gigantic big | massive big |
bigger big | larger large | smaller small | minuscule tiny | miniature tiny | teeny tiny | wee tiny | subtle
slight | gentleman man | dude guy | fella guy | bloke guy | kid child | mom mother | mum mother | mommy
mother | dad father | individual person | people person | chef cook | tupperware container box | dustbin bin
| garbage rubbish | trash rubbish | refrigerator fridge | silverware cutlery | pc computer | tv television |
telly television | cellphone phone | mobile phone | yoghurt yogurt | everyone somebody | nobody | fellow guy
| adult person | tuna fish | omelette egg | cob cereal | powder salt | liquid water | slicer knife |
 spork spoon | pestle hammer | film foil
"""
# Words of grammar, which WordNet has not; known to be English.
_GRAMMAR = """
about above across against along among around because been before behind being below beneath beside between
beyond both but can cannot could did does doing don't each either else ever every everything few for from had
has have he her here hers herself him himself his how however if into its itself me mine more most much must
myself never nor nothing of off onto or ought our ours ourselves out own per quite rather shall she should
since so such than that their theirs them then there these they this those though through till too toward
under until unto upon us very was we were what whatever when where whether which while who whom whose why
will with within without would zero nine ten eleven twelve dozen half hundred yet you your yours yourself
"""
# Corpus words too general, or of too many senses, to be what WordNet may read a word as.
_VAGUE = """
be do have make get go let use try start begin keep continue come give show act move change say call feel work
set leave stay take bring hold put place raise return enter play draw count stick turn pass lay position nail
lather mark form heave drop remove extend switch touch ring drive carry roll zip browse record skin drag cut
thing object part food dish something top home back way one two piece person number word end side time
player line spot star bed counter ruler book code fan file body bone board beam plant student drawer
"""
# Lexicographer files, and how far from a word its reading may be: verbs of consumption and of contact,
# animals, things made, food, persons.
_REACH = {34: 1.0, 35: 1.0, 5: 3.0, 6: 2.0, 13: 3.0, 18: 2.0}
_SURE = 1.0  # a word that the tagged texts do not have must be as near as this, or food
_FOOD = 13
_COMMON = (6, _FOOD)  # things made and food, of which narrators name the rarest


@lru_cache(maxsize=1)
def corpus_words() -> dict[str, frozenset[str]]:
    """The verbs ("v"), nouns ("n") and all other words of the wordings ("r"), each a single word."""
    verbs, others = set(), set()
    for wording in WORDINGS.values():
        texts = (
            wording.phrases,
            wording.plain,
            *(t for _, t in wording.towards),
            *(t for t, _ in wording.more),
        )
        for phrase in (phrase for text in texts for phrase in many(text)):
            verbs.add(phrase.split()[0])
            others.update(phrase.split()[1:])
    nouns = {thing for verb in WORDINGS for thing in things_of(verb) if " " not in thing}
    nouns |= {thing for things in noun_lists().values() for thing in things if " " not in thing}
    return {"v": frozenset(verbs), "n": frozenset(nouns), "r": frozenset(others)}


def readings(words: Iterable[str]) -> dict[str, str]:
    """Word -> the first candidate among `words`, or "" for a word that is only known to be English.

    Words that the corpus says are left out: they need no reading.
    """
    known, found = frozenset(words), {}
    for line in SYNONYMS.read_text(encoding="utf-8").splitlines():
        word, *candidates = line.split()
        if word not in known:
            found[word] = next((c for c in candidates if c in known), "")
    return found


def for_runtime(words: Iterable[str]) -> str:
    """The readings for a corpus of `words` as a bundle has them: WordNet's licence, then `word reading`."""
    licence = "".join(
        f"# {line}".rstrip() + "\n" for line in LICENCE.read_text(encoding="utf-8").splitlines()
    )
    return licence + "".join(
        f"{word} {read}".rstrip() + "\n" for word, read in sorted(readings(words).items())
    )


def picked() -> dict[str, tuple[str, ...]]:
    """The hand-picked part."""
    return {words[0]: tuple(words[1:]) for words in (entry.split() for entry in many(PICKED))}


@lru_cache(maxsize=1)
def said() -> frozenset[str]:
    """Nearly all words of the corpus, forms of verbs and words of grammar among them."""
    config = CorpusConfig()
    plans = (draw_plan(0, index, "train", config) for index in range(_CLIPS))
    return frozenset(
        word for plan in plans for text in describe(plan, config).sentences for word in words_of(text)
    )


def near(dictionary: Dictionary, word: str) -> tuple[str, ...]:
    """What WordNet would read a word as among the corpus's words, nearest first.

    Of the part of speech in which the word is used most; a synonym costs nothing, a kind that it is of one
    step each, a rarer sense half a step.
    """
    part = dictionary.part_of_speech(word)
    wanted = corpus_words().get(part, frozenset()) - frozenset(_VAGUE.split())
    cost: dict[str, float] = {}
    for rank, sense in enumerate(dictionary.senses(word, part)[:2]):
        reach = _REACH.get(sense.topic, -1.0)
        if not dictionary.used(word) and sense.topic != _FOOD:
            reach = min(reach, _SURE)
        for step, names in enumerate(dictionary.upwards(sense, 4)):
            price = step + 0.5 * rank
            for name in wanted.intersection(names) if price <= reach else ():
                cost[name] = min(price, cost.get(name, price))
    cost.pop(word, None)
    return tuple(sorted(cost, key=lambda name: (cost[name], name)))[:_MOST]


def lookup(folder: Path = DICTIONARY) -> dict[str, tuple[str, ...]]:
    """All readings: the picked, WordNet's for its words that have one, irregular forms, plain English words.

    Raises:
        InputError: when the dictionary is not there.
    """
    dictionary = read_dictionary(folder)
    own = frozenset().union(*corpus_words().values())
    spelt = {part for word in said() for part in shorter(word)}
    found: dict[str, tuple[str, ...]] = {}
    for word in dictionary.words():
        candidates = near(dictionary, word) if word not in own else ()
        common = dictionary.used(word) or dictionary.topic(word) in _COMMON
        if candidates or (common and not spelt.isdisjoint(shorter(word))):
            found[word] = candidates
    found.update(dict.fromkeys(_GRAMMAR.split(), ()))
    found.update(picked())
    for form, word in dictionary.irregular.items():
        regular = word in set(plain_forms(form))
        if not regular and not dictionary.knows(form) and (word in own or found.get(word)):
            found[form] = (word, *found.get(word, ()))[:_MOST]
    return found


def _run() -> None:
    found = lookup()
    with appearing(SYNONYMS) as part:
        part.write_text(
            "".join(f"{' '.join((word, *found[word]))}\n" for word in sorted(found)), encoding="utf-8"
        )
    print(f"{len(found)} words, {sum(map(bool, found.values()))} with a reading")


def main() -> int:
    """Write `data/synonyms.txt` anew."""
    from train.command import guarded  # here, for drawing a corpus needs no training stack

    return guarded(_run)


if __name__ == "__main__":
    sys.exit(main())
