"""The words of the corpus are true of its motions, many, and kept apart between the splits."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from clutch_rt.beams import Beams, search
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import InputError
from clutch_rt.prompts import normalise

from tests.train.corpus_clips import CONFIG, clips, sentences, vocabulary
from train.corpus import VERBS, draw_contrast, draw_plan
from train.corpus.clauses import pairs
from train.corpus.inflect import inflect, plural, with_article
from train.corpus.modifiers import AMPLITUDE, DIRECTION, REPEATED, SPEED, count_phrases
from train.corpus.plan import vary
from train.corpus.sentences import describe
from train.corpus.wordings import WORDINGS, many, noun_lists, things_of
from train.tokenizer import load_tokenizer


def names_hand(text: str, hand: str) -> bool:
    """Whether a sentence says which hand; one hand also by leaving the other out."""
    if hand == "both":
        return "both" in text or "two" in text
    other = "left" if hand == "right" else "right"
    left_out = (
        rf"\b(without|without using|not with|not using) (the|my|your|his|her|their|our|one's|)? ?{other} hand"
    )
    return hand in text or re.search(left_out, text) is not None


def test_captions_name_the_hand_unless_it_is_the_usual_one():
    for index in range(400):
        plan = draw_plan(0, index, "train", CONFIG)
        for text in describe(plan, CONFIG).sentences:
            for action in plan.actions:
                if action.hand != action.spec.hands[0][0]:
                    assert names_hand(text, action.hand), text


def test_no_caption_says_what_the_search_for_captions_blocks():
    """In the pieces of the shipped vocabulary, of which short words and spelt ones have several."""
    pieces = load_tokenizer(open_bundle("tiny").path / "tokenizer.model")
    for index in range(500):
        for text in describe(draw_plan(0, index, "test", CONFIG), CONFIG).sentences:
            # Of this alone the search is sure, so it finds it, unless a token of it is blocked.
            ids = [*pieces.encode(normalise(text)), pieces.eos_id()]
            sure = np.where(np.eye(pieces.get_piece_size())[ids] > 0, 0.0, -50.0).astype(np.float32)
            beams = Beams(1, pieces.pad_id(), pieces.eos_id(), len(ids))
            found = search(lambda token, position, _, sure=sure: (sure[position], _), None, beams)
            assert found[0] == ids[:-1]


def test_only_a_hand_that_rests_is_left_out():
    """ "Without the left hand" would be false of one that holds the bowl."""
    config, found = replace(CONFIG, max_actions=1), 0
    left_out = re.compile(r"\b(not|without)( with| using)?( \w+)? (left|right) hand")
    for index in range(3000):
        plan = draw_plan(0, index, "train", config)
        for text in describe(plan, config).sentences:
            if told := left_out.search(text):
                found += 1
                assert not plan.actions[0].support and plan.actions[0].hand not in ("both", told[4]), text
    assert found > 50


def test_modifiers_are_named_in_most_captions():
    named: Counter[str] = Counter()
    total: Counter[str] = Counter()
    config = replace(CONFIG, max_actions=1)
    for index in range(1500):
        plan = draw_plan(1, index, "train", config)
        action = plan.actions[0]
        for text in describe(plan, config).sentences:
            if action.speed != "normal":
                total["speed"] += 1
                named["speed"] += any(word in text for word in SPEED[action.speed])
            if action.count is not None and action.verb != "count":
                total["count"] += 1
                named["count"] += any(words in text for words in count_phrases(action.verb, action.count))
    assert named["speed"] > 0.6 * total["speed"]
    assert named["count"] > 0.6 * total["count"]


def test_a_contrast_pair_differs_in_one_modifier_and_says_so():
    config = replace(CONFIG, max_actions=1, verbs=("stir",))
    slow, fast = draw_contrast(0, 3, "train", "speed", ("slow", "fast"), config)
    assert (slow.actions[0].speed, fast.actions[0].speed) == ("slow", "fast")
    assert replace(slow.actions[0], speed="", frequency_hz=0.0, start=0, stop=0) == replace(
        fast.actions[0], speed="", frequency_hz=0.0, start=0, stop=0
    )
    assert len(slow.frames) > len(fast.frames)
    two, five = draw_contrast(0, 3, "train", "count", (2, 5), config)
    assert all("tw" in text or "2" in text or "couple" in text for text in two.texts)
    assert all("five" in text or "5" in text for text in five.texts)
    with pytest.raises(InputError, match="clockwise"):
        vary(draw_plan(0, 3, "train", config), "direction", "sideways")


def test_texts_are_normal_and_different():
    for clip in clips():
        assert len(clip.texts) >= 2
        assert len(set(clip.texts)) == len(clip.texts)
        for text in clip.texts:
            assert text == normalise(text) and "{" not in text and "  " not in text


def test_the_corpus_speaks_many_words():
    # The tokenizer has 2000 pieces, so that most words can be one.
    assert 1700 < len(vocabulary("train", 11_000)) < 2600
    assert min(len(words) for words in noun_lists().values()) >= 7


def test_held_out_texts_use_no_new_words_but_new_sentences():
    train, test = vocabulary("train", 11_000), vocabulary("test", 1500)
    # Single rare nouns have not come up yet in a corpus this small.
    assert sum(count for word, count in test.items() if word not in train) < 1e-3 * sum(test.values())
    wordings = {p for w in WORDINGS.values() for p in many(w.unseen)}
    known = {
        word
        for w in WORDINGS.values()
        for text in (w.phrases, w.plain, *(t for _, t in w.towards), *(t for t, _ in w.more))
        for word in text.split()
    }
    known |= {word for verb in VERBS for thing in things_of(verb) for word in thing.split()}
    grammar = {"after", "will", "with", "the", "from"}
    for phrase in wordings:
        missing = set(phrase.replace("{o}", "").replace("{n}", "").split()) - known - grammar
        assert not missing, (phrase, missing)


def test_held_out_pairs_never_meet_in_training():
    seen, unseen = pairs()
    assert sum(map(len, unseen.values())) > 60
    elsewhere = {thing for things in seen.values() for thing in things}
    for verb in VERBS:
        assert not set(seen[verb]) & set(unseen[verb])
        assert set(unseen[verb]) <= elsewhere
    for index in range(1500):
        plan = draw_plan(0, index, "train", CONFIG)
        for action, thing in zip(plan.actions, describe(plan, CONFIG).objects, strict=True):
            assert thing is None or thing in seen[action.verb]
    test_things = [
        (action.verb, thing)
        for index in range(400)
        for plan in [draw_plan(0, index, "test", CONFIG)]
        for action, thing in zip(plan.actions, describe(plan, CONFIG).objects, strict=True)
    ]
    assert any(thing in unseen[verb] for verb, thing in test_things if thing)


def test_held_out_phrases_are_not_said_in_training():
    for verb, wording in WORDINGS.items():
        said = {
            phrase
            for text in (wording.phrases, wording.plain, *(t for t, _ in wording.more))
            for phrase in many(text)
        }
        assert not said & set(many(wording.unseen)), verb
    train = " / ".join(sentences("train", 6000))
    for phrase in ("uncurl the hand", "tap a finger on", "clap the palms together"):
        assert phrase not in train
    assert ", and finally" in train


SHAPES_OF_TRAINING = (
    r"^with the (left|right) hand,? \w+",
    r"^(using|with) both hands,? \w+",
    r"^(he|she|a person) will \w+",
    r"^(a person|the person|she) is \w+ing",
    r"^i am \w+ing",
    r"^(you|we|they) \w+",
    r"^c \w+s ",
    r"^the camera wearer \w+s",
    r"^after \w+ing [^,]*, \w+",
    r"^[a-z -]+ after \w+ing",
    r"^before \w+ing [^,]*, \w+",
    r"^(keep|continue|carry on|go on) \w+ing",
    r"^(start|begin) (to )?\w+",
    r" is continuing to \w+",
    r"^still \w+ing",
    r"^two hands \w+",
    r"^hands \w+ing",
    r"^a hand \w+s",
    r"^can you \w+",
    r"^(make|let) (the|both|two) \w*",
    r"(animation|video|clip) of ([a-z]+ )*hands? \w+ing",
    r"hands that \w+",
    r"with my (left|right) hand",
    r"(his|her|their) left hand",
    r"left-handed",
    r"with both my hands",
    r"[a-z]\. then \w+",
    r"^(clap|wave|stir|knead|tap|shake|pull|drum|write|type)$",
    r"^i'm \w+ing",
    r"^(he|she)'s \w+ing",
    r"^#c c \w+s ",
    r"^(person|man|woman) \w+(s|ing) ",
    r"^how do (i|you) \w+",
    r"without (using )?the (left|right) hand",
    r"with the (left|right) hand,? (and )?not the (left|right)",
    r"using only (the|your|my|his|her) (left|right) hand",
    r"^hold [a-z ]+ with the left hand and \w+ .*with the right",
    r"^the left hand holds .* the right hand \w+s",
    r"^(very )?(slow|fast|quick) \w+ing",
    r"^(mime|pretend to) \w+",
    r"a \w+ing (motion|gesture)",
    r"ing .* followed by \w+ing",
    r"^step 1: .*step 2: ",
    r", but first \w+",
    r"\bthrice\b",
    r"\b(3 times|three times) in a row",
    r"towards me\b",
    r"(in slow motion|unhurriedly|at a fast pace|rapidly)",
    r"the (red|small|wooden|other) (cup|knife|spoon|bowl|plate|pan)",
    r" (in the kitchen|at home|at the table)$",
    r"^continue (\w+ing|to \w+) (?!the |an? |some )\w+",
    r"^(cut|chop|slice|stir|wash|peel|hold|get|take) (?!the |an? |some )\w+",
)


@pytest.mark.parametrize("shape", SHAPES_OF_TRAINING)
def test_training_has_the_sentences_people_type(shape):
    assert any(re.search(shape, text) for text in sentences("train", 6000)), shape


def test_held_out_forms_are_in_test_alone():
    someone = (
        "(he|she|i|you|we|they|(#c )?c|one|somebody|someone|(a|the|this)? ?(person|man|woman|user|"
        "camera wearer|lady|guy|boy|girl|subject|cook|human))"
    )
    shapes = (
        r" can be seen \w+ing",
        r" will be \w+ing",
        r"^when done ",
        rf"^before [^,]*ing[^,]*, {someone} ",
        r"^(with|using) (the|only|both|two)[a-z ]* hands?, (he|she|a person|the person) ",
        rf"^{someone} [a-z0-9 -]+ after ",
        r"^finish [^,]* before ",
        r"^while the (left|right) hand ",
    )
    test, train = sentences("test", 1500), sentences("train", 6000)
    for shape in shapes:
        assert any(re.search(shape, text) for text in test), shape
        assert not any(re.search(shape, text) for text in train), shape
    held_out = sum(any(re.search(shape, text) for shape in shapes) for text in test)
    assert 0.35 < held_out / len(test) < 0.6


def test_no_words_mean_two_modifiers():
    tables = [*SPEED.values(), *AMPLITUDE.values(), *DIRECTION.values(), REPEATED]
    tables += [count_phrases("pull", count) for count in range(1, 9)]
    for i, words in enumerate(tables):
        for other in tables[i + 1 :]:
            assert not set(words) & set(other)


@pytest.mark.parametrize("modifier", ["speed", "count", "amplitude", "direction", "hand"])
def test_a_told_modifier_is_in_every_sentence(modifier):
    config = replace(CONFIG, max_actions=1)
    for split in ("train", "test"):
        for index in range(400):
            plan = draw_plan(7, index, split, config)
            action = plan.actions[0]
            wanted: tuple[str, ...] = ()
            if modifier == "speed" and action.spec.timed:
                wanted = SPEED[action.speed]
            elif modifier == "count" and action.count and action.verb != "count":
                wanted = count_phrases(action.verb, action.count)
            elif modifier == "amplitude" and action.amplitude != "normal":
                wanted = AMPLITUDE[action.amplitude]
            elif modifier == "direction" and action.direction:
                wanted = DIRECTION[action.direction]
            elif modifier == "hand":
                wanted = ("both", "two", "hands", "palms") if action.hand == "both" else (action.hand,)
            for text in describe(plan, config, modifier).sentences if wanted else ():
                mine = re.sub(r"(my|your|his|her|their|our) (?=left|right|body)", "the ", text)
                assert any(word in mine for word in wanted), (text, wanted)


@pytest.mark.parametrize(
    ("phrase", "third", "ing"),
    [
        ("stir the soup", "stirs the soup", "stirring the soup"),
        ("scroll", "scrolls", "scrolling"),
        ("clap", "claps", "clapping"),
        ("catch it", "catches it", "catching it"),
        ("carry it", "carries it", "carrying it"),
        ("tie", "ties", "tying"),
        ("make a fist", "makes a fist", "making a fist"),
        ("unzip the bag", "unzips the bag", "unzipping the bag"),
        ("play", "plays", "playing"),
        ("throw", "throws", "throwing"),
        ("take off the lid", "takes off the lid", "taking off the lid"),
        ("turn on the tap", "turns on the tap", "turning on the tap"),
        ("raise the hand and wave", "raises the hand and waves", "raising the hand and waving"),
        ("undo the zip", "undoes the zip", "undoing the zip"),
        ("go on", "goes on", "going on"),
        ("begin", "begins", "beginning"),
    ],
)
def test_inflection(phrase, third, ing):
    assert inflect(phrase, "third") == third
    assert inflect(phrase, "ing") == ing


def test_articles():
    assert with_article("apple", 0.9) == "an apple"
    assert with_article("uniform", 0.9) == "a uniform"
    assert with_article("urn", 0.9) == "an urn"
    assert with_article("water", 0.9) == "some water"
    assert with_article("scissors", 0.9) == "some scissors"
    assert with_article("dough", 0.1) == "dough" and with_article("onion", 0.1) == "the onion"
    assert [plural(noun) for noun in ("potato", "knife", "berry", "peach")] == [
        *("potatoes", "knives", "berries", "peaches")
    ]


@pytest.mark.parametrize("verb", ["drink", "eat", "brush_teeth", "climb", "row"])
def test_people_eat_and_climb_not_their_hands(verb):
    config = replace(CONFIG, verbs=(verb,), max_actions=1)
    plans = (draw_plan(0, index, "train", config) for index in range(150))
    texts = [text for plan in plans for text in describe(plan, config).sentences]
    subject = re.compile(r"(only )?(the|a|one) ((left|right) )?hands?\b")
    assert not [text for text in texts if subject.match(text)]
    assert any(" hand" in text for text in texts), "they do it with a hand"
