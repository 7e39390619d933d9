"""The run folder: settings that stand, numbers that survive a crash, stages that are done once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clutch_rt.errors import FileFormatError, InputError

from train import all as pipeline
from train.config import MachineConfig, RunConfig, apply, preset
from train.plots import plot_stage
from train.run import INTERRUPTED, RunFolder, guarded, open_run, run_stage, stage_main


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
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(FileFormatError, match="cannot be read"):
        open_run([f"run={tmp_path}"])


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
    assert stage_main("toy", lambda folder: None, [f"run={tmp_path}", "shift.stepz=1"]) == 2
    error = capsys.readouterr().err
    assert "did you mean shift.steps" in error and "Traceback" not in error
    assert not (tmp_path / "config.json").exists()


def test_the_pipeline_runs_its_stages_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(pipeline, "load_stage", lambda name: lambda folder: ran.append(name))
    run = RunFolder.open(tmp_path, apply(quiet(), ["machine.plots=no"]))
    pipeline.run_all(run)
    assert tuple(ran) == pipeline.STAGES
    pipeline.run_all(run)
    assert tuple(ran) == pipeline.STAGES


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert pipeline.main(["--help"]) == 0
    assert "preset=smoke|default|paper" in capsys.readouterr().out
