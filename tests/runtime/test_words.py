"""A word the model did not learn is read as one it did, where it is clear which, and not otherwise."""

from __future__ import annotations

import logging
import string
from pathlib import Path

import clutch_rt
import pytest
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import BundleError
from clutch_rt.model import Model
from clutch_rt.spelling import LONG, SHORTEST, Speller, distance, plain_forms, shorter, slips
from clutch_rt.text import Tokenizer, clean
from clutch_rt.words import Words
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.toy_bundle import make_toy_bundle, write_manifest

WORDS = """
a both clap cook cut dough eat half hand hands hook kneading knead knife left lid look pour quickly right
screwdriver slice spoon squash stir strumming take the then tightening together wash with
"""
KNOWN = WORDS.split()
NEAR = {"scoop": "take", "squish": "squash", "took": "take", "book": "", "leaf": "", "turn": ""}

letters = st.text(string.ascii_lowercase, min_size=1, max_size=12)


@pytest.fixture(scope="module")
def words() -> Words:
    return Words(frozenset(KNOWN), NEAR)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("knead", "knead"),
        *(
            ("kneed", "knead"),
            ("knaed", "knead"),
            ("neading", "kneading"),
            ("stirr", "stir"),
            ("washh", "wash"),
        ),
        *(("qiuckly", "quickly"), ("scredriver", "screwdriver"), ("tigthenning", "tightening")),
        *(
            ("kneads", "knead"),
            ("kneaded", "knead"),
            ("stirred", "stir"),
            ("slicing", "slice"),
            ("sliced", "slice"),
        ),
        *(
            ("washes", "wash"),
            ("knives", "knife"),
            ("spoons", "spoon"),
            ("cook's", "cook"),
            ("halves", "half"),
        ),
        *(("scoop", "take"), ("scooping", "take"), ("squished", "squash"), ("took", "take")),
        *(("lefthand", "left hand"), ("bothhands", "both hands"), ("clap-together", "clap together")),
        # Too short, no word, or as near to one as to another.
        *(("lud", None), ("3", None), ("cu7", None), ("wook", None), ("xylophone", None), ("", None)),
        # English, so no misspelling of "look", "left" or "cook".
        *(("book", None), ("books", None), ("leaf", None)),
    ],
)
def test_what_a_word_is_read_as(words: Words, said: str, read: str | None) -> None:
    assert words.read(said) == read


@given(st.sampled_from([word for word in KNOWN if len(word) > SHORTEST]), st.data())
def test_a_slip_of_one_letter_never_leads_to_a_word_further_away(
    words: Words, word: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    typed = data.draw(
        st.sampled_from(
            (
                word[:place] + word[place + 1 :],
                word[:place] + letter + word[place:],
                word[:place] + letter + word[place + 1 :],
            )
        )
    )
    assert distance(typed, word) <= 1
    found = Speller(KNOWN).meant(typed)
    assert found is None or distance(typed, found) <= 1
    alone = Speller([word]).meant(typed)
    assert alone == word or len(typed) < SHORTEST


@given(letters, letters)
def test_the_distance_is_one(one: str, other: str) -> None:
    apart = distance(one, other)
    assert apart == distance(other, one) and (apart == 0) == (one == other)
    assert abs(len(one) - len(other)) <= apart <= max(len(one), len(other))
    if apart <= min(slips(one), slips(other)):
        assert shorter(one) & shorter(other)


@given(st.sampled_from(KNOWN), st.integers(0, 10))
def test_two_neighbours_exchanged_are_one_slip(word: str, place: int) -> None:
    if place + 1 < len(word) and word[place] != word[place + 1]:
        typed = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        assert distance(typed, word) == 1


@given(st.text(max_size=40))
def test_any_word_is_read_in_words_that_are_known(words: Words, word: str) -> None:
    read = words.read(word)
    assert read is None or any(part in words.known for part in read.split())


def test_without_a_list_of_other_english_no_misspelling_is_guessed() -> None:
    alone = Words(frozenset(KNOWN))
    assert alone.read("kneed") is None and alone.read("book") is None
    assert alone.read("kneaded") == "knead" and alone.read("clap-together") == "clap together"


def test_two_slips_are_forgiven_in_long_words_alone(words: Words) -> None:
    assert len("screwdriver") >= LONG > len("spoon")
    assert words.read("scrwdrver") == "screwdriver" and words.read("sprn") is None


def test_an_endless_word_is_not_pondered(words: Words) -> None:
    assert words.read("x" * 10_000) is None


def test_forms_come_likeliest_first() -> None:
    assert next(plain_forms("stirred")) == "stir" and "wipe" in plain_forms("wiping")
    assert list(plain_forms("thing")) == []


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy bundle that says what other words are read as."""
    folder = make_toy_bundle(tmp_path_factory.mktemp("near") / "toy")
    (folder / "synonyms.txt").write_text("# a remark\nsquish knead\ndragon\n", encoding="utf-8")
    manifest = dict(open_bundle(folder).manifest.raw)
    write_manifest(folder, {**manifest, "text": {**manifest["text"], "synonyms": "synonyms.txt"}})
    return folder


@pytest.fixture(scope="module")
def model(bundle: Path) -> Model:
    return clutch_rt.load(bundle, device="cpu")


def test_a_note_says_what_was_read(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = model.generate("Kneed the dough, squish the dragon", seconds=1, seed=3)
    told = [record.getMessage() for record in caplog.records]
    assert told[:2] == ['"kneed" was read as "knead"', '"squish" was read as "knead"']
    assert "did not learn" in told[2] and '"dragon"' in told[2]
    plain = model.generate("knead the dough, knead the dragon", seconds=1, seed=3)
    assert (made.frames == plain.frames).all()


def test_a_sentence_keeps_its_punctuation(bundle: Path) -> None:
    open_ = open_bundle(bundle)
    tokenizer = Tokenizer(
        bundle / "tokenizer.model", open_.manifest.text, 64, bundle / "words.txt", bundle / "synonyms.txt"
    )
    prompt = tokenizer.motion_prompt("kneed; (the dough), with BOTH hands!")
    assert prompt.text == "knead; (the dough), with both hands"
    assert [str(reading) for reading in prompt.readings] == ['"kneed" was read as "knead"']


def test_words_that_only_punctuation_parts_are_parted() -> None:
    assert clean("stir,then wave") == "stir, then wave"
    assert clean("I\u2019m waving...then I rest") == "i'm waving... then i rest"
    assert clean("1.5 times, 3x") == "1.5 times, 3x"


def test_a_damaged_list_is_an_error(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "synonyms.txt").write_bytes(b"\xff\xff")
    settings = open_bundle(bundle).manifest.text
    with pytest.raises(BundleError, match=r"synonyms\.txt is not a list of words"):
        Tokenizer(bundle / "tokenizer.model", settings, 64, bundle / "words.txt", tmp_path / "synonyms.txt")
