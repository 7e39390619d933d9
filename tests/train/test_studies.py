"""Studies: their arms, equal time, what is done once, and the tables."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clutch_rt.errors import InputError
from torch import Tensor

from models.shift import Shift
from tests.train.lm_run import tiny
from train import corpus, shift
from train.config import RunConfig, apply
from train.presets import preset
from train.run import RunFolder
from train.studies import lab
from train.studies.__main__ import STUDIES, main
from train.studies.arms import Arm, Study, Training
from train.studies.config import StudyConfig
from train.studies.judging import ShiftJudge
from train.studies.lab import Trained
from train.studies.table import Report, Result, over_seeds

SETTINGS = (
    "corpus.clips=48",
    "shift.batch_size=4",
    "shift.window=16",
    "shift.validation_clips=2",
    "machine.device=cpu",
    "evaluate.choice_clips=4",
    "evaluate.pool=4",
    "evaluate.retrieval_steps=3",
    "evaluate.retrieval_clips=16",
    "evaluate.meter_clips=30",
    "evaluate.modality_texts=2",
    "evaluate.modality_draws=2",
    "evaluate.captions=3",
    "lm.validation_clips=4",
)
SECOND = 1.0 / 60.0  # of minutes


@pytest.fixture(scope="module")
def lent(materials_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with corpus, SHIFT, tokens and vocabulary."""
    folder = RunFolder.open(tmp_path_factory.mktemp("lent"), tiny(*SETTINGS))
    corpus.stage(folder)
    for name in ("shift", "tokens", "tokenizer.model"):
        (folder.path / name).symlink_to(materials_folder / name)
    return folder.path


def paced(out: Path, *arms: str) -> None:
    """As if a step of each of these had been found to take a second."""
    (out / "pace").mkdir(parents=True)
    for arm in arms:
        (out / "pace" / f"{arm}.json").write_text('{"seconds_a_step": 1.0, "steps": 1}')


# ---- the arms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(STUDIES))
@pytest.mark.parametrize("config", [preset("default"), preset("smoke"), RunConfig()])
def test_every_arm_is_a_setting_of_the_run_behind_what_it_goes_on_from(name: str, config: RunConfig) -> None:
    study = STUDIES[name](config, StudyConfig())
    names = [arm.name for arm in study.arms]
    assert study.name == name and len(set(names)) == len(names)
    for number, arm in enumerate(study.arms):
        assert isinstance(apply(config, arm.settings), RunConfig)
        assert not arm.after or arm.after in names[:number]
        assert not arm.against or arm.against in names


def test_rows_of_the_stages_and_their_controls_have_the_same_time() -> None:
    study = STUDIES["stages"](preset("default"), StudyConfig(minutes=40))

    def minutes(arm: Arm) -> float:
        return sum(link.trains.minutes for link in study.chain(arm) if link.trains)

    assert minutes(study.arm("pt+gr+ift")) == pytest.approx(40)
    compared = [arm for arm in study.arms if arm.against]
    assert len(compared) == 4
    for arm in compared:
        assert minutes(arm) == pytest.approx(minutes(study.arm(arm.against))), arm.name


def test_tokens_of_the_rows_are_what_their_names_say() -> None:
    config = preset("default")
    for arm in STUDIES["shift"](config, StudyConfig()).arms:
        model = apply(config, arm.settings).shift.model
        tokens = Shift(model).tokens_per_step
        kind, _, number = arm.name.rpartition("-")
        assert not number.isdigit() or (kind and tokens == int(number)), arm.name


# ---- tables ------------------------------------------------------------------------------------


def test_the_interval_over_seeds_is_students() -> None:
    found = over_seeds([1.0, 2.0, 3.0, math.nan])
    half = 4.302653 / math.sqrt(3)  # t of 2 degrees of freedom; the standard deviation is 1
    assert (found.value, found.count, found.between) == (2.0, 3, 1.0)
    assert (found.low, found.high) == pytest.approx((2.0 - half, 2.0 + half), rel=1e-6)
    alone = over_seeds([5.0])
    assert alone.value == 5.0 and math.isnan(alone.low) and math.isnan(over_seeds([]).value)


def test_differences_are_of_the_seeds_and_times_of_the_whole_chain() -> None:
    first, more = Training("pretrain", 2), Training("refine", 1)
    arms = (
        Arm("pt", "first", trains=first),
        Arm("ce", "control", trains=more, after="pt"),
        Arm("gr", "refined", trains=more, after="pt", against="ce"),
    )
    study = Study("toy", "A toy", "lm", (), arms, ("a note",))
    figures = {"pt": (0.1, 0.5), "ce": (0.2, 0.6), "gr": (0.3, 0.7)}
    results = [
        Result(arm, (Trained(10, 60.0), Trained(10, 120.0)), tuple({"r3": v} for v in figures[arm.name]))
        for arm in arms
    ]
    report = Report(study, "python -m x", 2, {"ground truth": {"r3": 0.9}}, results, 1)
    assert report.steps(arms[2]) == "10 + 10" and report.minutes(arms[2]) == pytest.approx(3.0)
    # However far the seeds lie apart, the difference is the same in both.
    assert "| gr less ce | 0.10 [0.10, 0.10] |" in report.against()
    assert "| gr | 2 | 10 + 10 | 3.0 | 0.50 [" in report.main() and "| ground truth |" in report.main()
    assert report.plain()["arms"]["gr"]["figures"]["r3"]["mean"] == pytest.approx(0.5)


# ---- a study, end to end -----------------------------------------------------------------------


def test_a_stopped_study_goes_on_and_does_nothing_twice(
    lent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "shift"
    paced(out, "shift-4", "part-2")
    given = [f"run={lent}", "study=shift", f"out={tmp_path}", "arms=shift-4,part-2", "seeds=2"]
    given += [f"minutes={3.5 * SECOND}"]
    draw, stops = shift.draw, [5]  # in the second step of the second arm

    def watched(*args: Any) -> Tensor:
        stops[0] -= 1
        if stops[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return draw(*args)

    monkeypatch.setattr(shift, "draw", watched)
    assert main(given) == 130
    assert "arm part-2, seed 0: stopped and saved" in capsys.readouterr().err
    first = out / "arms" / "shift-4" / "seed-0"
    kept = [(p, p.stat().st_mtime_ns) for p in (first / "shift" / "model.safetensors", first / "judged.json")]
    assert main(given) == 0
    assert all(path.stat().st_mtime_ns == when for path, when in kept)
    text = (out / "study.md").read_text(encoding="utf-8")
    assert "| shift-4 | 2 | 3 |" in text and "| part-2 less shift-4 |" in text
    found = json.loads((out / "study.json").read_text(encoding="utf-8"))["arms"]
    assert found["part-2"]["steps"] == [3, 3] and found["part-2"]["figures"]["tokens"]["mean"] == 2
    one, two = (seed["mpjpe"] for seed in found["part-2"]["seeds"])
    assert one != two and (first / "corpus").is_symlink()
    assert not (lent / "studies").exists()
    capsys.readouterr()
    assert main([*given, "shift.window=24"]) == 2  # a study does not go on under other settings
    assert "shift.window: 16 -> 24" in capsys.readouterr().err


def test_a_trial_that_was_disturbed_does_not_set_the_pace(
    lent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = iter((1.0, 3.0, 30.0, 33.0))  # at the ends of the warming up and of three trials of a step
    monkeypatch.setattr(lab, "spent", lambda progress, machine: next(took, 33.0))
    given = [f"run={lent}", "study=shift", f"out={tmp_path}", "arms=single-1", "seeds=1", "trial=1"]
    assert main([*given, "minutes=0.11"]) == 0
    assert json.loads((tmp_path / "shift" / "pace" / "single-1.json").read_text())["seconds_a_step"] == 3.0
    assert json.loads((tmp_path / "shift" / "study.json").read_text())["arms"]["single-1"]["steps"] == [2]


def test_the_stages_go_on_from_each_other_and_are_judged(lent: Path, tmp_path: Path) -> None:
    out = tmp_path / "stages"
    paced(out, "pt", "pt+gr")  # the pace of the last is measured
    given = [f"run={lent}", "study=stages", f"out={tmp_path}", "arms=pt+gr+ift", "seeds=1", "trial=1"]
    before = {path: path.stat().st_mtime_ns for path in lent.iterdir()}
    assert main([*given, f"minutes={4 * SECOND}", "refine_share=0.3"]) == 0
    assert {path: path.stat().st_mtime_ns for path in lent.iterdir()} == before
    text = (out / "study.md").read_text(encoding="utf-8")
    for row in ("ground truth", "SHIFT reconstruction", "pt", "pt+gr", "pt+gr+ift"):
        assert f"| {row} |" in text
    found = json.loads((out / "study.json").read_text(encoding="utf-8"))["arms"]
    assert found["pt"]["steps"] == [2] and found["pt+gr"]["steps"] == [1]
    seed = found["pt+gr+ift"]["seeds"][0]
    assert {"r3", "kid", "mm_distance", "diversity", "multimodality", "captions.r3", "decoding"} <= set(seed)
    assert seed["decoding"] > 0
    assert json.loads((out / "pace" / "pt+gr+ift.json").read_text())["seconds_a_step"] > 0
    assert not (out / "pace" / "pt+gr+ift").exists()
    # What others go on from is kept, and once; what none needs is not.
    arms = out / "arms"
    assert (arms / "pt+gr" / "seed-0" / "lm-pretrain").resolve() == arms / "pt" / "seed-0" / "lm-pretrain"
    assert (arms / "pt" / "seed-0" / "lm").is_symlink()
    assert not list((arms / "pt+gr+ift" / "seed-0").glob("lm*"))


def test_shift_is_judged_on_recordings_too(lent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from train.real.measure import Fitted
    from train.real.place import RealClip, resting
    from train.studies import judging

    frames = np.stack([resting(side, 16) for side in (0, 1)], axis=1)
    clip = RealClip("a", "leap", "a note", frames, (True, False))
    read: Callable[[Path], list[Fitted]] = lambda data: [Fitted((clip,), np.zeros(0), None)]  # noqa: E731
    monkeypatch.setattr(judging, "read_folder", read)
    folder = RunFolder(lent, RunFolder.read_config(lent))
    found = ShiftJudge(folder, Path("x")).arm(folder, 0)
    assert math.isfinite(found["leap/aligned"]) and found["tokens"] == 6
    assert found["bits"] == pytest.approx(2 * (2 * math.log2(24) + math.log2(16)))


# ---- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("seeds=1",), "no run folder given"),
        (("run={lent}",), "study=: one of shift, form, stages, refine is wanted"),
        (("run={lent}", "study=forms"), "study=forms: one of"),
        (("run={lent}", "study=form", "arms=flat,stepp"), "arms=stepp: flat, step, step-plain are those"),
        (("run={lent}", "study=form", "seeds=0"), "seeds=0 is asked for"),
        (("run={lent}", "study=form", "minutes=0"), "minutes=0 is asked for"),
        (("run={lent}", "study=form", "lm.stepz=3"), "did you mean"),
        (("run={lent}", "study=refine"), "python -m train.pretrain run="),
        (("run={lent}", "study=form", "data=x"), "for study=shift alone"),
        (("run={lent}/none", "study=form"), "is not a run folder"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(
    given: tuple[str, ...], message: str, lent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([part.format(lent=lent) for part in given]) == 2
    assert message in capsys.readouterr().err
    assert not (lent / "studies").exists()


def test_an_arm_that_none_goes_on_from_brings_what_it_needs() -> None:
    study = STUDIES["stages"](preset("smoke"), StudyConfig())
    assert [arm.name for arm in study.chosen(["pt+gr+ift"])] == ["pt", "pt+gr", "pt+gr+ift"]
    assert study.goes_on(study.arm("pt+gr")) and not study.goes_on(study.arm("pt-long"))
    with pytest.raises(InputError, match=r"arms=pt\+rg"):
        study.chosen(["pt+rg"])
