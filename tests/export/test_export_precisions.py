"""The table of precisions: every bundle judged beside PyTorch, and the command that made it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from export import precisions
from tests.tiny_bundle import tiny_run, write_metrics
from train.evaluate.judged import files_of_bundle


def test_a_table_of_two_precisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, work, out = shutil.copytree(tiny_run(), tmp_path / "run"), tmp_path / "work", tmp_path / "table.md"

    def judge(arguments: list[str]) -> int:
        """What ``train.evaluate`` leaves; its judges want an hour of training."""
        bundle = Path(arguments[1].removeprefix("bundle="))
        verb = {"fp32": 0.96, "int4": 0.5}[bundle.name]
        where = Path(run) / "evaluate" / f"bundle-{bundle.name}" / "metrics.json"
        write_metrics(where, files_of_bundle(bundle), verb=verb)
        return 0

    monkeypatch.setattr(precisions, "evaluate", judge)
    monkeypatch.setattr(precisions, "ROUNDS", 1)
    monkeypatch.setattr(precisions, "SECONDS", 0.5)
    arguments = [str(run), "-o", str(out), "--work", str(work), "--precision", "fp32", "--precision", "int4"]
    assert precisions.main(arguments) == 0
    table = out.read_text(encoding="utf-8")
    assert f"python -m export.precisions {' '.join(arguments)}" in table
    rows = {
        line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in table.splitlines() if "|" in line
    }
    assert rows["PyTorch"][1] == "0.960 ± 0.025"
    assert (rows["fp32"][1], rows["int4"][1]) == ("0.960 ± 0.000", "0.500 ± 0.000")
    assert float(rows["fp32"][0]) > float(rows["int4"][0]) > 0  # megabytes
    record = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert all(row["times_real_time"] > 0 for row in record["rows"].values())
    assert record["rows"]["fp32"]["parity"]["token_agreement"] == 1.0


def test_a_bundle_that_cannot_be_judged_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(precisions, "evaluate", lambda arguments: 2)
    out = tmp_path / "table.md"
    arguments = [str(tiny_run()), "-o", str(out), "--work", str(tmp_path / "w"), "--precision", "int8"]
    assert precisions.main(arguments) == 1
    assert "could not be judged (exit status 2)" in capsys.readouterr().err
    assert not out.exists()
