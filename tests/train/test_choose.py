"""The sampling is chosen on validation clips alone, by what it says it is chosen by; and sheets are drawn."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tiny_bundle import tiny_bundle, tiny_run
from train.config import apply
from train.corpus import draw_clip
from train.corpus.preview import verb_clip
from train.evaluate import choose as choosing
from train.evaluate.choose import MEASURES, Tried, best, choose, score
from train.evaluate.notes import CHOICE, _chosen
from train.evaluate.sets import held_out_sets, reference_clips
from train.evaluate.sheet import STILLS, Shown, draw_sheet, main
from train.run import RunFolder
from train.store import read_clips, write_shard

SETTINGS = (
    "evaluate.choice_clips=2",
    "evaluate.clips=2",
    "evaluate.retrieval_steps=2",
    "evaluate.meter_clips=30",
    "machine.progress=no",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with models of random weights, a few train clips and validation clips, and no test clips."""
    path = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(tiny_run(), path)
    folder = RunFolder(path, apply(RunFolder.read_config(path), SETTINGS))
    for split, clips in (("train", 40), ("val", 2)):
        drawn = [draw_clip(0, i, split, folder.config.corpus) for i in range(clips)]
        write_shard(folder.folder("corpus") / f"{split}-00000.parquet", drawn)
    return folder


def test_the_choice_is_made_without_a_test_clip(finished: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "TEMPERATURES", (0.5, 0.9))
    monkeypatch.setattr(choosing, "TOP_KS", (16,))
    chosen = choose(finished)
    written = json.loads((finished.path / CHOICE).read_text(encoding="utf-8"))
    assert (written["temperature"], written["top_k"]) == (chosen.temperature, chosen.top_k)
    assert written["split"] == "val" and written["files"]["lm/model.safetensors"]
    assert [(row["temperature"], row["top_k"]) for row in written["table"]] == [(0.5, 16), (0.9, 16)]
    assert chosen.score == max(row["score"] for row in written["table"])
    assert set(written["table"][0]["values"]) == {*MEASURES, "duration"}
    # The report says whether its sampling is the one chosen, for these weights.
    setting = [f"evaluate.temperature={chosen.temperature}", "evaluate.top_k=16"]
    same = RunFolder(finished.path, apply(finished.config, setting))
    other = RunFolder(finished.path, apply(finished.config, ["evaluate.top_k=7"]))
    assert _chosen(same).startswith("Chosen on the validation split")
    assert "chose another" in _chosen(other)
    (finished.path / CHOICE).write_text(json.dumps({**written, "files": {"lm/model.safetensors": "0"}}))
    assert "other weights" in _chosen(same)
    (finished.path / CHOICE).write_text("{")
    assert "cannot be read" in _chosen(same)
    (finished.path / CHOICE).unlink()
    assert _chosen(same).startswith("Not chosen")


def test_a_setting_that_freezes_the_hands_is_not_chosen() -> None:
    values = dict.fromkeys(MEASURES, 0.8)
    assert score(values, 1.2) == score(values, 0.9) == pytest.approx(0.8)
    assert score(values, 0.6) == pytest.approx(0.5)
    assert score({**values, "count": float("nan")}, 1.0) == pytest.approx(0.8)  # a corpus that counts nothing
    frozen = Tried(0.3, 0, {**values, "verb": 1.0}, 0.6, score({**values, "verb": 1.0}, 0.6))
    lively = Tried(0.5, 20, values, 1.0, score(values, 1.0))
    assert best([frozen, lively]) == lively
    assert best([Tried(0.9, 20, values, 1.0, lively.score), lively]) == lively  # of equals the surer


def test_held_out_sets_are_of_their_split_and_the_reference_of_no_set(finished: RunFolder) -> None:
    sets = held_out_sets(finished, 2, "val")
    clips = [*sets.all, *sets.single, *sets.speed, *sets.count, *sets.direction]
    assert {clip.split for clip in clips} == {"val"}
    reference = list(reference_clips(finished, 3, "val"))
    stored = list(read_clips(finished.path / "corpus", split="val"))
    assert not {c.id for c in reference} & {c.id for c in (*clips, *stored)}


def test_a_sheet_shows_sentence_stills_and_faults(tmp_path: Path) -> None:
    clap = verb_clip("clap")
    torn = clap.frames.copy()
    torn[:, 1, 6] -= 0.03
    assert Shown("clap", clap.frames).marks == "" and "inside" in Shown("clap", torn).marks
    whole, broken = (np.asarray(draw_sheet([Shown("clap", f)])) for f in (clap.frames, torn))
    red = [int((bar[:20, :, 0].astype(int) - bar[:20, :, 1] > 50).sum()) for bar in (whole, broken)]
    assert red[0] == 0 and red[1] > 30
    stills = np.split(whole[22:126, : STILLS * 130], STILLS, axis=1)
    assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(stills))


def test_the_command_draws_what_a_bundle_makes(finished: RunFolder, tmp_path: Path) -> None:
    test = [draw_clip(0, i, "test", finished.config.corpus) for i in range(2)]
    run = tmp_path / "run"
    shutil.copytree(finished.path, run)
    write_shard(run / "corpus" / "test-00000.parquet", test)
    out = tmp_path / "sheet.png"
    assert main([f"run={run}", f"bundle={tiny_bundle()}", f"out={out}", "clips=2", *SETTINGS[-1:]]) == 0
    with Image.open(out) as sheet:
        assert sheet.width > sheet.height > 100
    assert (
        main([f"run={run}", "out=sheet.gif"]) == 2 and main([f"run={run}", f"out={out}", "clips=none"]) == 2
    )
