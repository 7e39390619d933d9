"""Spoken sentences: their verbs map to the corpus's, and every one of them leaves a line and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.motion import Motion

from train.corpus import VERBS
from train.narrations import CORPUS_VERB, choose, corpus_verb, main, make, markdown, read_narrations, sheet
from train.real.place import resting


def test_the_map_ends_in_verbs_of_the_corpus() -> None:
    assert set(CORPUS_VERB.values()) <= set(VERBS)
    assert corpus_verb("put-into") == "put_down" and corpus_verb("turn-on") == "tap"
    assert corpus_verb("turn") == "twist" and corpus_verb("bite") is None


def rows(path: Path) -> Path:
    file = path / "narrations.csv"
    file.write_text("narration,verb,noun\nstir it,stir,it\nstir more,stir,it\nbite,bite,it\nopen,open,it\n")
    return file


def test_the_choice_is_varied_and_keeps_strangers(tmp_path: Path) -> None:
    chosen = choose(read_narrations(rows(tmp_path)), 3, strangers=1)
    assert [n.text for n in chosen] == ["stir it", "open", "bite"]
    assert [n.text for n in choose(read_narrations(rows(tmp_path)), 4, strangers=1)][2] == "stir more"
    (tmp_path / "bad.csv").write_text("text\nhello\n")
    with pytest.raises(FileFormatError, match="no column narration, verb"):
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


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data=x.csv"]) == 2
    assert "give data=CSV out=DIR" in capsys.readouterr().err
    assert main(["data=x.csv", "out=y", "colour=red"]) == 2
    assert "unknown: colour" in capsys.readouterr().err
