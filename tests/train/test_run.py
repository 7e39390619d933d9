"""The run folder: settings that stand, numbers that survive a crash, stages that are done once."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clutch_rt.errors import FileFormatError, InputError
from safetensors import SafetensorError

from models.files import appearing
from train import all as pipeline
from train.command import FAILURE, INTERRUPTED, MISTAKE, guarded
from train.config import MachineConfig, RunConfig, apply
from train.plots import plot_stage
from train.presets import preset
from train.run import RunFolder, open_run, run_stage, stage_main


def quiet(**machine: Any) -> RunConfig:
    return replace(preset("smoke"), machine=MachineConfig(progress=False, tensorboard=False, **machine))


def test_a_folder_goes_on_under_its_own_settings(tmp_path: Path) -> None:
    first = open_run([f"run={tmp_path}", "preset=smoke", "shift.steps=7"])
    again = open_run([f"run={tmp_path}"])
    assert again.config == first.config and again.config.shift.steps == 7


def test_a_folder_refuses_other_settings_and_says_which(tmp_path: Path) -> None:
    open_run([f"run={tmp_path}", "preset=smoke"])
    with pytest.raises(InputError, match=r"shift\.steps: \d+ -> 8"):
        open_run([f"run={tmp_path}", "shift.steps=8"])
    with pytest.raises(InputError, match="preset"):
        open_run([f"run={tmp_path}", "preset=default"])


def test_the_machine_may_change(tmp_path: Path) -> None:
    open_run([f"run={tmp_path}", "preset=smoke"])
    assert open_run([f"run={tmp_path}", "machine.threads=3"]).config.machine.threads == 3


def test_folders_that_are_no_runs_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run=FOLDER"):
        open_run(["preset=smoke"])
    with pytest.raises(FileFormatError, match="not a run folder"):
        RunFolder.read_config(tmp_path)
    for damaged in ("{", "[]", "3"):
        (tmp_path / "config.json").write_text(damaged)
        with pytest.raises(FileFormatError, match="cannot be read"):
            open_run([f"run={tmp_path}"])


def test_settings_newer_than_the_folder_are_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = open_run([f"run={tmp_path}", "preset=smoke"]).config
    old = json.loads((tmp_path / "config.json").read_text())
    del old["lm"]["hide_share"], old["machine"]["plots"], old["evaluate"]
    (tmp_path / "config.json").write_text(json.dumps(old))
    capsys.readouterr()
    again = open_run([f"run={tmp_path}", f"evaluate.clips={RunConfig().evaluate.clips}"]).config
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{tmp_path}: ")
    assert f"lm.hide_share={first.lm.hide_share}," in lines[0] and "machine.plots=True" in lines[0]
    assert "evaluate.clips=" in lines[0] and "shift.steps" not in lines[0]
    assert again.lm == first.lm
    open_run([f"run={tmp_path}"])
    assert capsys.readouterr().out == ""


def test_metrics_survive_a_torn_line_and_a_step_done_twice(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path, quiet())
    run.log("a", 1, {"loss": torch.tensor(2.0), "parts": np.arange(2)})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "a", "st')
    run.log("a", 2, {"loss": 1.0})
    run.log("b", 1, {"loss": 9.0})
    run.log("a", 2, {"loss": 0.5})
    assert [(m["step"], m["loss"]) for m in run.metrics("a")] == [(1, 2.0), (2, 0.5)]
    assert run.metrics("a")[0]["parts"] == [0, 1]
    assert len(run.metrics()) == 3


def test_numbers_reach_tensorboard(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path, replace(preset("smoke"), machine=MachineConfig(tensorboard=True)))
    run.log("a", 1, {"loss": 2.0})
    run.close()
    assert any(p.stat().st_size > 0 for p in (tmp_path / "tensorboard").iterdir())


def test_curves_are_drawn(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path, quiet())
    assert plot_stage(run, "a") is None
    for step in range(20):
        run.log("a", step, {"loss": 2.0 ** (-step), "error": step})
    path = plot_stage(run, "a")
    assert path is not None and path.read_bytes()[:4] == b"\x89PNG"


def test_a_stage_runs_once_and_reports(tmp_path: Path) -> None:
    run, calls = RunFolder.open(tmp_path, quiet()), []

    def stage(folder: RunFolder) -> Mapping[str, Any]:
        calls.append(folder)
        return {"mpjpe": torch.tensor(1.5)}

    run_stage(run, "toy", stage)
    run_stage(run, "toy", stage)
    assert len(calls) == 1 and run.report("toy")["mpjpe"] == 1.5
    with pytest.raises(InputError, match=r"python -m train\.other"):
        run.report("other")


def test_mistakes_and_stops_become_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    assert guarded(stopped) == INTERRUPTED
    assert stage_main("corpus", lambda folder: None, [f"run={tmp_path}", "shift.stepz=1"]) == MISTAKE
    error = capsys.readouterr().err
    assert "did you mean shift.steps" in error and "Traceback" not in error
    assert not (tmp_path / "config.json").exists()


@pytest.mark.parametrize("settings", [[], ["preset=smoke"]])
def test_a_later_stage_begins_no_run(
    tmp_path: Path, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[RunFolder] = []
    run, slip = tmp_path / "default", tmp_path / "defualt"
    (tmp_path / "defaults").mkdir()  # no run: not to be named
    start = [f"run={run}", "preset=smoke", "machine.plots=no"]
    assert stage_main("corpus", lambda folder: ran.append(folder), start) == 0
    assert stage_main("pretrain", lambda folder: ran.append(folder), [f"run={slip}", *settings]) == MISTAKE
    assert len(ran) == 1 and not slip.exists()
    error = capsys.readouterr().err
    assert f"no run in {slip}; did you mean run={run}?" in error and "python -m train.all" in error
    assert stage_main("pretrain", lambda folder: ran.append(folder), [f"run={run}"]) == 0
    assert stage_main("pretrain", lambda folder: None, [f"run={tmp_path / 'far' / 'away'}"]) == MISTAKE
    assert not (tmp_path / "far").exists()


def test_a_file_takes_no_other_things_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (pipe, tmp_path):
        with pytest.raises(FileExistsError, match="no plain file"), appearing(place) as part:
            part.write_text("what is there would be lost")
    assert pipe.is_fifo() and sorted(tmp_path.iterdir()) == [pipe]


def test_files_that_cannot_be_had_become_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def full(error: Exception) -> None:
        with appearing(tmp_path / "weights") as part:
            part.write_bytes(b"some")
            raise error

    def missing() -> None:
        (tmp_path / "none").read_text()

    def under_a_file() -> None:
        (tmp_path / "file").write_text("")
        open_run([f"run={tmp_path / 'file' / 'run'}", "preset=smoke"])

    closed = PermissionError(errno.EACCES, "Permission denied", "/closed/run")
    said = SafetensorError("I/O error: No space left on device (os error 28)")
    for work, wanted in (
        (lambda: full(OSError(errno.ENOSPC, "No space left on device")), (str(tmp_path / "weights"), "free")),
        (lambda: full(said), ("No space left", "free some space")),
        (lambda: full(closed), ("/closed/run", "Permission denied", "get the right")),
        (lambda: full(OSError(errno.EROFS, "Read-only file system")), ("Read-only", "can be written")),
        (lambda: full(OSError("pipe\nbroken")), ("pipe broken", "mend that", "run the same command again")),
        (missing, ("none", "check the path")),
        (under_a_file, ("file", "Not a directory", "give a folder")),
    ):
        assert guarded(work) == FAILURE
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1
        assert all(part in error for part in wanted), error
    assert [p.name for p in tmp_path.iterdir()] == ["file"], "nothing half written is left"


def test_the_pipeline_runs_its_stages_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(pipeline, "load_stage", lambda name: lambda folder: ran.append(name))
    run = RunFolder.open(tmp_path, apply(quiet(), ["machine.plots=no"]))
    pipeline.run_all(run)
    assert tuple(ran) == pipeline.STAGES
    pipeline.run_all(run)
    assert tuple(ran) == pipeline.STAGES


def test_a_checkpoint_that_is_not_there_is_missed_before_the_first_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(pipeline, "load_stage", lambda name: lambda folder: ran.append(name))
    (tmp_path / "t5").mkdir()
    run = RunFolder.open(tmp_path / "run", apply(quiet(), [f"lm.init={tmp_path / 't5'}"]))
    with pytest.raises(InputError, match=r"holds no config\.json"):
        pipeline.run_all(run)
    assert ran == []


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert pipeline.main(["--help"]) == 0
    assert "preset=smoke|default|paper" in capsys.readouterr().out
