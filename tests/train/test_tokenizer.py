"""The text vocabulary: any text goes in and comes back, and the same text makes the same file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from clutch_rt import prompts
from clutch_rt.errors import InputError
from clutch_rt.text import words_of
from hypothesis import given
from hypothesis import strategies as st

from train.config import TokenizerConfig
from train.corpus import draw_clip
from train.presets import smoke
from train.run import RunFolder
from train.store import write_shard
from train.templates import TEMPLATES
from train.tokenizer import (
    SYNONYMS_FILE,
    TOKENIZER_FILE,
    WORDS_FILE,
    corpus_sentences,
    decode,
    encode,
    load_tokenizer,
    stage,
    template_sentences,
    train_tokenizer,
)

SENTENCES = [
    f"{verb} the {thing} {manner} with the {hand} hand"
    for verb in ("stir", "knead", "wave at", "hammer", "wipe", "pour")
    for thing in ("dough", "soup", "table", "nail", "glass")
    for manner in ("slowly", "quickly", "twice")
    for hand in ("left", "right")
]


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "tokenizer.model"
    train_tokenizer(SENTENCES, path, TokenizerConfig(vocab=330, kind=request.param))
    return path


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back(model: Path, text: str) -> None:
    processor = load_tokenizer(model)
    # The vocabulary marks spaces by U+2581, which therefore reads as a space.
    text = prompts.normalise(text.replace("▁", " "))
    ids = encode(processor, text)
    assert ids[-1] == 1 and 2 not in ids
    assert decode(processor, ids) == text


@pytest.mark.parametrize("text", ["🤘 rock on", "разомни тесто", "パン生地をこねる", "a\tb\u200bc", ""])
def test_other_languages_and_emoji_encode(model: Path, text: str) -> None:
    processor = load_tokenizer(model)
    assert decode(processor, encode(processor, prompts.normalise(text))) == prompts.normalise(text)


def test_the_default_keeps_corpus_words_whole(tmp_path: Path) -> None:
    train_tokenizer(SENTENCES, tmp_path / "t", TokenizerConfig(vocab=400))
    sentence = "knead the dough slowly with the left hand"
    assert len(encode(load_tokenizer(tmp_path / "t"), sentence)) == len(sentence.split()) + 1


def test_limits_keep_the_end(model: Path) -> None:
    processor = load_tokenizer(model)
    ids = encode(processor, "hammer " * 100, limit=12)
    assert len(ids) == 12 and ids[-1] == 1


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_the_same_text_makes_the_same_file(kind: Literal["unigram", "bpe"], tmp_path: Path) -> None:
    for name in ("a", "b"):
        train_tokenizer(iter(SENTENCES), tmp_path / name, TokenizerConfig(vocab=330, kind=kind))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_rows_that_are_no_piece_are_left_out(model: Path) -> None:
    processor = load_tokenizer(model)
    ids = encode(processor, "stir the soup")
    assert decode(processor, [0, *ids, 0, 0, 99_999]) == "stir the soup"


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokenizer\.vocab"):
        letters = " ".join(chr(0x3B1 + k) * 9 for k in range(80))  # more than the 41 there is room for
        train_tokenizer([*SENTENCES, *[letters] * 50], tmp_path / "t", TokenizerConfig(vocab=300))
    with pytest.raises(InputError, match=r"train\.tokenizer"):
        load_tokenizer(tmp_path / "absent")
    (tmp_path / "torn").write_bytes(b"not a vocabulary")
    with pytest.raises(InputError, match="not a SentencePiece model"):
        load_tokenizer(tmp_path / "torn")


def test_the_stage_reads_the_training_split_of_the_store(tmp_path: Path) -> None:
    config = replace(smoke(), tokenizer=TokenizerConfig(vocab=420))
    for split in ("train", "val"):
        clips = [draw_clip(0, i, split, config.corpus) for i in range(8)]
        write_shard(tmp_path / "corpus" / f"{split}-00000.parquet", clips)
    wanted = [prompts.normalise(t) for i in range(8) for t in draw_clip(0, i, "train", config.corpus).texts]
    assert list(corpus_sentences(tmp_path / "corpus")) == wanted
    report = stage(RunFolder.open(tmp_path, config))
    assert report == {"pieces": load_tokenizer(tmp_path / TOKENIZER_FILE).get_piece_size()}
    words = (tmp_path / WORDS_FILE).read_text().split()
    assert words == sorted({word for sentence in wanted for word in words_of(sentence)})
    lines = (tmp_path / SYNONYMS_FILE).read_text().splitlines()
    read = dict(line.split() for line in lines if " " in line and line[0] != "#")
    assert read and set(read.values()) <= set(words) and not set(read) & set(words)
    assert "Copyright 2006 by Princeton University" in lines[1]
    with pytest.raises(InputError):
        list(corpus_sentences(tmp_path / "empty"))


def test_there_are_enough_templates_and_they_are_normal() -> None:
    assert len(TEMPLATES) >= 20
    assert len({(t.prompt, t.given) for t in TEMPLATES}) == len(TEMPLATES)
    tasks = {t.task for t in TEMPLATES}
    assert {"text-to-motion", "motion-to-text", "continuation", "text-and-length-to-motion"} <= tasks
    for template in TEMPLATES:
        filled = dict.fromkeys(template.fields, "7")
        assert template.prompt.format(**filled).islower() or template.prompt == "{text}"
        assert template.answer or template.given != "whole", "a whole motion is not answered by motion"
    assert all("{" not in s for s in template_sentences())
