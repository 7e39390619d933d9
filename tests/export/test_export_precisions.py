"""The table of precisions: every bundle judged beside PyTorch, and the command that made it."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from export import precisions
from tests.tiny_bundle import tiny_run, write_metrics
from train.command import MISTAKE
from train.evaluate.judged import files_of_bundle
from train.evaluate.samplers import Sampler
from train.run import RunFolder


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the bundles that were judged, by what ``train.evaluate`` leaves: its judges want an hour."""
    names: list[str] = []

    def judge(folder: RunFolder, sampler: Sampler, out: Path, command: str) -> None:
        name = out.name.removeprefix("bundle-")
        names.append(name)
        bundle = Path(shlex.split(command)[-1].removeprefix("bundle="))
        write_metrics(out / "metrics.json", files_of_bundle(bundle), verb={"fp32": 0.96, "int4": 0.5}[name])

    monkeypatch.setattr(precisions, "evaluate", judge)
    monkeypatch.setattr(precisions, "ROUNDS", 1)
    return names


def test_a_table_of_two_precisions(tmp_path: Path, judged: list[str]) -> None:
    run, work = shutil.copytree(tiny_run(), tmp_path / "a run"), tmp_path / "work"
    out = tmp_path / "table.md"
    arguments = [str(run), "-o", str(out), "--work", str(work), "--precision", "fp32", "--precision", "int4"]
    assert precisions.main(arguments) == 0
    table = out.read_text(encoding="utf-8")
    assert f"    python -m export.precisions {shlex.join(arguments)}\n" in table
    rows = {
        line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in table.splitlines() if "|" in line
    }
    assert rows["PyTorch"][1] == "0.96 [0.93, 0.98]"
    assert (rows["fp32"][1], rows["int4"][1]) == ("0.96 [0.96, 0.96]", "0.50 [0.50, 0.50]")
    assert float(rows["fp32"][0]) > float(rows["int4"][0]) > 0  # megabytes
    record = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert all(row["times_real_time"]["median"] > 0 for row in record["rows"].values())
    assert record["rows"]["fp32"]["parity"]["token_agreement"] == 1.0
    assert precisions.main(arguments) == 0
    assert judged == ["fp32", "int4"], "what was judged is not judged again"


@pytest.mark.parametrize(
    ("out", "said"),
    [("table.json", "ends in '.json'; give a name that ends in .md"), ("no/table.md", "there is no folder")],
)
def test_what_cannot_be_written_is_said_at_once(
    tmp_path: Path, judged: list[str], out: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tiny_run()), "-o", str(tmp_path / out), "--work", str(tmp_path / "w")]
    assert precisions.main(arguments) == MISTAKE
    assert said in capsys.readouterr().err
    assert not judged


def test_a_run_that_was_not_judged_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Path(shutil.copytree(tiny_run(), tmp_path / "run"))
    (run / "evaluate" / "metrics.json").unlink()
    arguments = [str(run), "-o", str(tmp_path / "table.md"), "--work", str(tmp_path / "w")]
    assert precisions.main(arguments) == MISTAKE
    assert "run `python -m train.evaluate run=" in capsys.readouterr().err
