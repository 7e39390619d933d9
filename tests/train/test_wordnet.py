"""The word lists are made anew whole or not at all, and a machine without WordNet is told so in one line."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from train.corpus import wordnet

LISTS = {name: words.split() for name, (_, words) in wordnet.PICKS.items()}


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The committed lists' place, in a folder of its own."""
    path = tmp_path / "words.json"
    path.write_text("precious")
    monkeypatch.setattr(wordnet, "WORDS", path)
    return path


def test_lists_are_written_whole(words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordnet, "lookup", lambda: LISTS)
    assert wordnet.main() == 0
    assert json.loads(words.read_text())["lists"] == LISTS
    assert list(words.parent.iterdir()) == [words]


def test_a_full_disk_leaves_the_old_lists(
    words: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, *_: object, **__: object) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wordnet, "lookup", lambda: LISTS)
    monkeypatch.setattr(Path, "write_text", full)
    assert wordnet.main() == 1
    said = capsys.readouterr().err
    assert "words.json: No space left on device" in said and said.count("\n") == 1
    assert words.read_text() == "precious" and list(words.parent.iterdir()) == [words]


def test_no_wordnet_is_one_line(
    words: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lookup = wordnet.lookup
    monkeypatch.setattr(wordnet, "lookup", lambda: lookup(words.parent))
    assert wordnet.main() == 2
    said = capsys.readouterr().err
    assert said.startswith("error: no WordNet in") and "wordnet-base" in said and said.count("\n") == 1
