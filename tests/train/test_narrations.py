"""Spoken sentences: their verbs map to the corpus's, and every one of them leaves a line and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.motion import Motion

from train import narration_table
from train.corpus import VERBS
from train.corpus.wordings import WORDINGS, many, nouns
from train.evaluate import meters
from train.evaluate.features import features, joints_of
from train.evaluate.retrieval import Judge, JudgeConfig, judge_motions
from train.narration_table import Judged, Narration, judge_all
from train.narration_verbs import BY_NOUN, CORPUS_VERB, corpus_verb
from train.narrations import choose, describe, main, make, markdown, read_narrations, sheet
from train.real.place import resting


def test_the_map_ends_in_verbs_of_the_corpus() -> None:
    assert set(CORPUS_VERB.values()) <= set(VERBS)
    assert {verb for things in BY_NOUN.values() for verb in things.values()} <= set(VERBS)
    assert corpus_verb("put-into") == "put_down" and corpus_verb("bite") is None


@pytest.mark.parametrize(
    ("verb", "noun", "wanted"),
    [
        ("open", "drawer:spice", "pull"),
        ("close", "door:microwave", "push"),
        ("close", "machine:washing", "push"),
        ("open", "bottle", "twist"),
        ("close", "lid", "twist"),
        ("open", "hand", "open"),
        ("close", "fist", "close"),
        ("open", "bin", None),
        ("close", "bag", None),
        ("turn-on", "tap", "twist"),
        ("turn-on", "lamp", "tap"),
        ("turn-off", "switch", "tap"),
        ("turn", "knob", "twist"),
        ("turn", "omelette", None),
        ("turn-over", "omelette", None),
        ("adjust", "heat", "twist"),
        ("adjust", "clothes", None),
        ("add-into", "chicken", "put_down"),
        ("add", "oil:olive", "pour"),
        ("add", "salt", "sprinkle"),
        ("remove", "skin", "peel"),
        ("remove", "lid", "pull"),
        ("turn", "page", "turn_page"),
        ("brush", "teeth", "brush_teeth"),
        ("whisk", "egg", "whisk"),
        ("grate", "cheese", "grate"),
        ("spread", "butter", "spread"),
        ("play", "violin", "bow"),
        ("roll-up", "sleeve", None),
        ("cover", "bowl", None),
    ],
)
def test_the_noun_decides_where_the_hands_do(verb: str, noun: str, wanted: str | None) -> None:
    assert corpus_verb(verb, noun) == wanted


def said(verb: str, noun: str) -> set[str]:
    """The corpus verbs whose own sentences say it, the narrator's verb and the noun."""
    phrase = f"{verb.replace('-', ' ')} {{o}}"
    found = set()
    for name, wording in WORDINGS.items():
        pairs = [(wording.phrases, wording.things), *wording.more]
        pairs += [(text, wording.things) for _, text in wording.towards]
        if any(phrase in many(text) and noun in nouns(things) for text, things in pairs):
            found.add(name)
        if f"{verb} the {noun}" in many(wording.plain):
            found.add(name)
    return found


def test_the_map_says_of_a_verb_and_a_noun_what_the_corpus_says() -> None:
    checked = 0
    for verb, things in BY_NOUN.items():
        for noun, found in things.items():
            taught = said(verb, noun)
            checked += bool(taught)
            assert not taught or found in taught, (verb, noun, found, taught)
    # The rest is not said in the corpus in those very words, and rests on judgement.
    assert checked > 40


def rows(path: Path) -> Path:
    file = path / "narrations.csv"
    file.write_text("narration,verb,noun\nstir it,stir,it\nstir/more,stir,it\nbite,bite,it\nopen,open,door\n")
    return file


def test_the_choice_is_varied_and_keeps_strangers(tmp_path: Path) -> None:
    chosen = choose(read_narrations(rows(tmp_path)), 3, strangers=1)
    assert [n.text for n in chosen] == ["stir it", "open", "bite"]
    assert [n.text for n in choose(read_narrations(rows(tmp_path)), 4, strangers=1)][2] == "stir/more"
    (tmp_path / "bad.csv").write_text("text\nhello\n")
    with pytest.raises(FileFormatError, match="no column narration, noun, verb"):
        read_narrations(tmp_path / "bad.csv")
    (tmp_path / "bad.csv").write_bytes(b"narration,verb,noun\n\xff\xfe,stir,it\n")
    with pytest.raises(FileFormatError, match="no CSV in UTF-8"):
        read_narrations(tmp_path / "bad.csv")


class Stub:
    """A model that refuses one sentence."""

    def generate(self, text: str, seconds: float | None, seed: int) -> Motion:
        if text == "bite":
            raise InputError("no such thing")
        frames = np.stack([resting(0, 40), resting(1, 40)], axis=1)
        frames[:, 1, 6] += 0.05 * np.sin(np.arange(40))
        return Motion(frames, text=text, seed=seed)

    def unknown_words(self, text: str) -> tuple[str, ...]:
        return ()


def test_every_narration_leaves_a_line_and_those_made_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    results = make(Stub(), None, read_narrations(rows(tmp_path)), tmp_path, 0, None)
    text = markdown(results, "stub", "a command")
    assert text.count("![](") == 3 and "refused: no such thing" in text and "a command" in text
    assert all((tmp_path / r.picture).is_file() for r in results if r.picture)
    page = sheet(results, tmp_path)
    assert page is not None and page.is_file()


def test_a_path_is_as_long_as_the_way() -> None:
    frames = np.stack([resting(0, 41), resting(1, 41)], axis=1)
    frames[:, 1, 6:9] += np.linspace(0.0, 1.0, 41)[:, None] * [0.3, 0.0, 0.4]
    motion = Motion(frames, text="slide", seed=0)
    told = describe(motion, meters.read(joints_of(motion.frames)))
    assert told.startswith("left wrist 0 cm, right wrist 50 cm")


def test_the_command_renders_what_the_shipped_model_makes(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    out = tmp_path / "out"
    strange = tmp_path / "strange.csv"
    strange.write_text(rows(tmp_path).read_text().replace("bite", "vroom"))
    assert main([f"data={strange}", f"out={out}", "count=2", "seconds=1"]) == 0
    text = (out / "index.md").read_text(encoding="utf-8")
    assert text.count("![](") == 1 and "refused: " in text  # "stir it" is made, "vroom" is no word it knows
    assert (out / "sheet.png").is_file()


def judge() -> Judge:
    """A judge that has learnt nothing, of two verbs."""
    torch.manual_seed(0)
    return Judge(JudgeConfig(vocab=8, verbs=("pull", "stir"), width=8, text_width=8, size=8)).eval()


def test_all_narrations_whose_verb_maps_are_judged(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text(
        "narration,verb,noun\nbite,stir,it\nstir it,stir,it\nhum,hum,song\nopen,open,door\n"
    )
    judged = judge_all(Stub(), judge(), read_narrations(tmp_path / "n.csv"), seed=0)
    assert [one.narration.text for one in judged] == ["bite", "stir it", "open"]
    assert judged[0].seen is None and not judged[0].agrees
    alone = judge_motions(judge(), [features(Stub().generate("stir it", None, 0).frames)]).verbs[0]
    assert judged[1].seen == judged[2].seen == alone


def test_the_table_counts_by_narration_verb() -> None:
    def saw(verb: str, expected: str, *seen: str | None) -> list[Judged]:
        return [Judged(Narration("a sentence", verb, expected), one) for one in seen]

    judged = [
        *saw("take", "pick_up", "pick_up", "pull", "pull", "lift", None, "stir"),
        *saw("mix", "stir", "stir"),
    ]
    lines = narration_table.markdown(judged, 9, "a bundle", "a command").splitlines()
    assert (
        "The judge sees the nearest corpus verb in 2 of 7 (28.6 %); 1 were refused, and 9 more"
        in " ".join(lines)
    )
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert ["take", "pick_up", "6", "1", "pull 2, lift 1, refused 1, others 1"] in cells
    assert cells[-1] == ["mix", "stir", "1", "1", "-"]


def test_all_of_them_want_a_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"data={rows(tmp_path)}", f"out={tmp_path / 'out'}", "count=all"]) == 2
    assert "give run=FOLDER" in capsys.readouterr().err


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data=x.csv"]) == 2
    assert "give data=CSV out=DIR" in capsys.readouterr().err
    assert main(["data=x.csv", "out=y", "colour=red"]) == 2
    assert "unknown: colour" in capsys.readouterr().err
