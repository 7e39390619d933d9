"""Words outside the corpus are read as words of it that mean what hands do for them."""

from __future__ import annotations

import pytest

from train.corpus import wordnet
from train.corpus.modifiers import AMPLITUDE, SPEED
from train.corpus.synonyms import corpus_words, for_runtime, near, picked, readings
from train.corpus.wordnet import read_dictionary


def _modifiers() -> list[str]:
    return [phrase for table in (SPEED, AMPLITUDE) for phrases in table.values() for phrase in phrases]


KNOWN = ("take", "pour", "squash", "throw", "sausage", "cheese", "pasta", "jacket", "swing", "cook")


def test_every_reading_picked_by_hand_ends_in_a_word_of_the_corpus() -> None:
    # Words of modifiers and of the sentence are not among the wordings.
    known = set().union(
        *corpus_words().values(), *map(str.split, _modifiers()), ("person", "guy", "man", "somebody")
    )
    for word, candidates in picked().items():
        assert known & set(candidates) or not candidates, word


@pytest.mark.parametrize(
    ("word", "read"),
    [
        *(("scoop", "take"), ("drizzle", "pour"), ("squish", "squash"), ("lob", "throw")),
        *(("chorizo", "sausage"), ("mozzarella", "cheese"), ("spaghetti", "pasta"), ("parka", "jacket")),
        *(("took", "take"), ("swung", "swing")),
        *(("could", ""), ("look", "")),
    ],
)
def test_what_words_are_read_as(word: str, read: str) -> None:
    assert readings(KNOWN)[word] == read


def test_the_first_candidate_that_is_known_is_taken() -> None:
    assert readings({"taste"})["bite"] == "taste"
    assert readings({"taste", "eat"})["bite"] == "eat"
    assert "bite" not in readings({"taste", "bite"})
    assert readings(())["bite"] == ""


def test_the_licence_travels_with_the_words() -> None:
    text = for_runtime({"take"})
    assert "Princeton University" in text.split("scoop")[0]
    assert "\nscoop take\n" in text and "\nbite\n" in text


def test_wordnet_gives_what_is_committed() -> None:
    if not (wordnet.DICTIONARY / "data.noun").exists():
        pytest.skip("no WordNet here; apt-get install wordnet-base")
    dictionary = read_dictionary()
    assert near(dictionary, "chorizo")[0] == "sausage"
    assert near(dictionary, "think") == () and near(dictionary, "democracy") == ()
