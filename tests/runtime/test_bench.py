"""The benchmark's mechanics: everything is measured, the figures fit together, nothing stays behind."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from clutch_rt import FileFormatError, InputError
from clutch_rt.bench import QUICK, Settings, busy, run
from clutch_rt.bench_plot import plot_png
from clutch_rt.cli.bench import table
from clutch_rt.cli.commands import command_line
from clutch_rt.spread import Spread


def shell(*args: str) -> Result:
    return CliRunner().invoke(command_line, ["bench", *args])


def test_everything_is_measured_and_fits_together(toy: Path, tmp_path: Path) -> None:
    plot = tmp_path / "plot.png"
    done = shell("--bundle", str(toy), "--quick", "--load", "1", "-o", str(plot), "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    cold = {name: result["cold"][name]["median"] for name in ("imported", "loaded", "first")}
    assert 0 < cold["imported"] < cold["loaded"] < cold["first"]
    assert result["steps_per_second"]["median"] > 0 and result["first_frames"]["count"] == QUICK.firsts
    stream = result["paced"]
    assert (stream["steps"], stream["busy_processes"]) == (QUICK.steps, 1)
    assert stream["motions"] == 1 and 0 <= stream["late"] <= QUICK.steps
    for tail in (stream["made"], stream["gaps"]):
        assert 0 < tail["low"] <= tail["median"] <= tail["p95"] <= tail["p99"] <= tail["high"]
    assert len(stream["made_ms"]) == QUICK.steps and stream["gaps"]["count"] == QUICK.steps - 1
    assert {"clutch-rt", "onnxruntime", "numpy", "python"} <= result["versions"].keys()
    assert result["machine"]["cpu"] and result["model"]["name"] == "toy"
    if sys.platform == "linux":
        assert result["cold"]["peak"]["median"] >= result["cold"]["resident"]["median"] > 10e6
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_table_says_how_each_figure_came_about(toy: Path) -> None:
    result = run(str(toy), settings=QUICK)
    text = "\n".join(table(result))
    for word in ("warm-up", "median [least, most]", "steps/s", "real time", "p99", "worst", "toy, step form"):
        assert word in text
    assert result.machine.cpu in text and "onnxruntime" in text
    # Five steps of real time pass at least: the stream is paced, not raced.
    assert result.paced.gaps.sum() > (QUICK.steps - 1) * 8 / 30 - result.paced.made[0]


def test_the_plot_is_a_picture_of_the_size_it_says(toy: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    picture = image.open(io.BytesIO(plot_png(run(str(toy), settings=QUICK))))
    assert picture.size == (1200, 520)
    assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 10


def test_spread() -> None:
    found = Spread.of(np.arange(101.0))
    assert (found.low, found.median, found.p95, found.p99, found.high, found.count) == (
        0,
        50,
        95,
        99,
        100,
        101,
    )
    assert Spread.of([2.0]).p99 == 2.0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_busy_processes_end_with_the_block() -> None:
    def children() -> int:
        own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        return len(own.read_text().split())

    before = children()
    with pytest.raises(KeyboardInterrupt), busy(2):
        assert children() == before + 2
        raise KeyboardInterrupt
    assert children() == before


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"steps": 1}, {"load": -1}, {"firsts": 0}])
def test_numbers_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["-o", "plot.jpg"], "written as .png"),
        (["-o", "nowhere/plot.png"], "no folder"),
        (["--seconds", "1000"], "at most"),
        (["--steps", "0"], "steps is 0"),
        (["--device", "toaster"], "no device"),
    ],
)
def test_a_wrong_request_is_one_line(
    args: list[str], named: str, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = shell("--bundle", str(toy), "--quick", *args)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ") and named in done.stderr
    assert done.stderr.count("\n") == 1 and not list(tmp_path.iterdir())


def test_a_plot_without_pillow_is_refused_before_anything_is_measured(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr("clutch_rt.bench.run", None)
    done = shell("--bundle", str(toy), "--quick", "-o", str(tmp_path / "plot.png"))
    assert done.exit_code == 1
    assert done.stderr.startswith("error: a plot needs Pillow") and done.stderr.count("\n") == 1


def test_figures_outlive_a_plot_that_cannot_be_written(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(result: object) -> bytes:
        raise FileFormatError("cannot write plot.png: the disk is full")

    pytest.importorskip("PIL", reason="needs the preview packages")
    monkeypatch.setattr("clutch_rt.bench_plot.plot_png", full)
    done = shell("--bundle", str(toy), "--quick", "-o", str(tmp_path / "plot.png"))
    assert done.exit_code == 1 and "error: cannot write plot.png" in done.stderr
    assert "median [least, most]" in done.stdout and "late" in done.stdout


def test_help_has_examples() -> None:
    assert "Examples:" in shell("--help").stdout
