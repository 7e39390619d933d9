"""What becomes of a user's text: a prompt, a prompt with a warning, or one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import BundleError, InputError
from clutch_rt.manifest import TextSettings
from clutch_rt.text import Tokenizer, clean, quote, words_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def settings(toy: Path) -> TextSettings:
    return open_bundle(toy).manifest.text


@pytest.fixture(scope="module")
def tokenizer(toy: Path, settings: TextSettings) -> Tokenizer:
    return Tokenizer(toy / "tokenizer.model", settings, 64, toy / "words.txt")


@pytest.fixture(scope="module")
def wordless(toy: Path, settings: TextSettings) -> Tokenizer:
    """A tokenizer of a bundle without a list of words, such as one that grew from a pretrained T5."""
    return Tokenizer(toy / "tokenizer.model", settings, 64)


def test_a_prompt_is_folded_and_closed(tokenizer: Tokenizer, settings: TextSettings) -> None:
    prompt = tokenizer.motion_prompt("  Wave with the RIGHT hand!! ")
    assert prompt.text == "wave with the right hand"
    assert prompt.ids.shape[0] == 1 and prompt.ids.dtype == "int64"
    assert prompt.ids[0, -1] == settings.eos
    assert tokenizer.decode(prompt.ids[0].tolist()) == "generate hand motion: wave with the right hand"
    assert prompt.unknown == ()


def test_braces_are_only_braces(tokenizer: Tokenizer) -> None:
    assert "{text}" in tokenizer.motion_prompt("wave {text} {0} {").text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is empty"),
        (" \t\n ", "the text is blank"),
        ("\u200b\u2028...", "the text is without words"),
        ("wave \udcff", "bytes that are not UTF-8"),
        (None, "the text is a NoneType"),
        (b"wave", "the text is a bytes"),
        ("wave " * 2000, "the text is too long"),
        ("😀 👋🏽 ❤️", "the text is without words"),
        ("揉面团", "holds no word this model knows"),
        ("ондатра", "holds no word this model knows"),
        ("pétrir avec les deux mains", "holds no word this model knows"),
        ("12 34", "holds no word this model knows"),
    ],
)
def test_text_that_cannot_be_used(tokenizer: Tokenizer, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        tokenizer.motion_prompt(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_too_long_text_says_how_long_and_the_limit(tokenizer: Tokenizer) -> None:
    with pytest.raises(InputError, match=r"\d+ tokens with the prompt; this model reads 64; shorten it"):
        tokenizer.motion_prompt("x" * 10_000)


def test_words_it_did_not_learn_are_named(tokenizer: Tokenizer) -> None:
    prompt = tokenizer.motion_prompt("Julienne the dough, julienne 👋 with both hands")
    assert prompt.unknown == ("julienne",)


def test_emoji_change_nothing(tokenizer: Tokenizer) -> None:
    plain, adorned = (tokenizer.motion_prompt(t) for t in ("wave slowly", "👋🏽 wave ❤️ slowly 😀!"))
    assert adorned.ids.tolist() == plain.ids.tolist()
    assert adorned.unknown == ()


def test_without_a_list_only_strange_letters_count(wordless: Tokenizer) -> None:
    assert wordless.motion_prompt("woht the hand").unknown == ()
    assert wordless.motion_prompt("wave 揉面团").unknown == ("揉面团",)
    with pytest.raises(InputError, match="no word this model knows"):
        wordless.motion_prompt("揉面团")


def test_words_of() -> None:
    assert words_of('Tap "the" Table, 3 times (don\'t stop)!') == [
        "tap",
        "the",
        "table",
        "times",
        "don't",
        "stop",
    ]


def test_quote_keeps_to_one_line() -> None:
    assert quote("a\nb\x1b[31m") == '"a b [31m"'
    assert quote("x" * 100, 20) == '"' + "x" * 17 + '..."'


def test_rows_that_are_no_piece_are_left_out(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([10**6]) == ""


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_is_a_prompt_or_an_input_error(tokenizer: Tokenizer, text: str) -> None:
    try:
        prompt = tokenizer.motion_prompt(text)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert prompt.readings or prompt.text == clean(text)


def test_a_damaged_vocabulary(tmp_path: Path, settings: TextSettings, toy: Path) -> None:
    (tmp_path / "t.model").write_bytes(b"not a model")
    with pytest.raises(BundleError, match="is not a SentencePiece model"):
        Tokenizer(tmp_path / "t.model", settings, 64)
    (tmp_path / "words.txt").write_bytes(b"\xff\xff")
    with pytest.raises(BundleError, match="is not a list of words"):
        Tokenizer(toy / "tokenizer.model", settings, 64, tmp_path / "words.txt")
