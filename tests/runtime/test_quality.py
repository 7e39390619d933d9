"""A precision that loses more than a hundredth of a figure says so when the bundle is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import clutch_rt
import pytest
from click.testing import CliRunner
from clutch_rt import quality
from clutch_rt.cli.commands import command_line
from hypothesis import given
from hypothesis import strategies as st

VERB, PYTORCH = "generated.verb", quality.PYTORCH


def figure(value: float, half: float = 0.0) -> dict[str, Any]:
    return {"value": value, "interval": [value - half, value + half], "count": 100}


def both(name: str, own: float, pytorch: float, half: float = 0.0) -> dict[str, Any]:
    return {name: figure(own, half), f"pytorch.{name}": figure(pytorch, half)}


@pytest.mark.parametrize(
    ("name", "own", "pytorch", "half", "said"),
    [
        ("generated.verb", 0.90, 0.96, 0.01, "6.2% of the verb as asked (0.9, in PyTorch 0.96)"),
        ("generated.verb", 0.955, 0.96, 0.0, ""),  # half a hundredth
        ("generated.verb", 0.90, 0.96, 0.05, "(0.9, in PyTorch 0.96), within the spread of its clips"),
        ("generated.verb", 0.98, 0.96, 0.0, ""),  # better
        ("shift.mpjpe", 16.0, 15.0, 0.2, "6.7% of SHIFT's MPJPE (16, in PyTorch 15)"),
        ("shift.mpjpe", 14.0, 15.0, 0.2, ""),
        ("generated.kid", 0.5, 0.1, 0.0, ""),  # near 0, so that no part of it means anything
    ],
)
def test_what_is_lost_is_said(name: str, own: float, pytorch: float, half: float, said: str) -> None:
    found = quality.quality_warning("int4", both(name, own, pytorch, half))
    assert (said in found and "--precision fp32" in found) if found else not said


numbers = st.one_of(st.floats(), st.integers(-(10**300), 10**300), st.none(), st.booleans())
shapes = st.one_of(
    numbers,
    st.text(max_size=3),
    st.fixed_dictionaries({}, optional={"value": numbers, "interval": st.lists(numbers, max_size=3)}),
)


@given(
    st.fixed_dictionaries({}, optional={f"{p}{n}": shapes for n in quality.FIGURES for p in ("", "pytorch.")})
)
def test_figures_of_any_shape_are_passed_over(metrics: dict[str, Any]) -> None:
    quality.quality_warning("int8", metrics)
    assert all(loss.pytorch > 0 for loss in quality.degradations(metrics))


@pytest.mark.parametrize("metrics", [{}, {f"{PYTORCH}.{VERB}": figure(0.9)}, {VERB: figure(0.9)}])
def test_a_bundle_whose_loss_nobody_measured_says_so(
    toy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, metrics: dict[str, Any]
) -> None:
    """It takes figures of both, the bundle and its PyTorch model."""
    folder = Path(shutil.copytree(toy, tmp_path / "bundle"))
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "metrics": metrics}))
    with caplog.at_level("INFO", logger="clutch_rt"), clutch_rt.load(folder):
        assert "weights cost this bundle was not measured" in caplog.text
    told = CliRunner().invoke(command_line, ["info", "--bundle", str(folder)])
    assert told.exit_code == 0 and "weights cost this bundle was not measured" in told.stdout


def test_loading_says_it(toy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(shutil.copytree(toy, tmp_path / "bundle"))
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "metrics": both("generated.hand", 0.5, 1.0)}))
    with clutch_rt.load(folder):
        assert "weights cost this bundle 50.0% of the hand as asked" in caplog.text
    caplog.clear()
    with clutch_rt.load(toy):
        assert "cost" not in caplog.text
