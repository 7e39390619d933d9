"""The model that ships, and what the README says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from clutch_rt.bundle import BUNDLES, open_bundle, shipped_bundles

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REPORT = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bundle() -> Path:
    (name,) = shipped_bundles()
    return BUNDLES / name


def test_one_small_bundle_ships_with_its_card(bundle: Path) -> None:
    manifest = open_bundle(bundle).manifest  # also checks every hash
    assert manifest.precision == "int8" and manifest.form == "step"
    size = sum(path.stat().st_size for path in bundle.iterdir())
    assert size <= 25e6
    assert f"{size / 1e6:.1f} MB" in README
    card = (bundle / "README.md").read_text(encoding="utf-8")
    for words in ("python -m train.all preset=default", "procedural", "Seed", "## Limits", "Apache-2.0"):
        assert words in card, words


def test_shift_is_as_exact_as_the_design_asks(bundle: Path) -> None:
    metrics = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["metrics"]
    errors = [figure["value"] for name, figure in metrics.items() if name.endswith("shift.mpjpe")]
    assert errors and max(errors) < 25.0


def test_the_figures_of_the_readme_are_those_of_the_bundle(bundle: Path) -> None:
    """`python -m export.release` writes both."""
    figures_block = pytest.importorskip("export.pages", reason="needs the extra `train`").figures_block
    opened = open_bundle(bundle)
    assert figures_block(opened.manifest.raw, opened.size) in README


def test_what_is_said_of_precisions_is_what_the_bundle_knows(bundle: Path) -> None:
    """Or the page says that it is of an older one."""
    tables = pytest.importorskip("export.precision_table", reason="needs the extra `train`")
    record = open_bundle(bundle).manifest.raw.get("precisions")
    page = (ROOT / "docs" / "precisions.md").read_text(encoding="utf-8")
    if record is None:
        assert "*Of the bundle that shipped before" in page
    else:
        assert tables.precision_table(record) in page and tables.what_is_lost(record) in page


def test_every_figure_of_the_first_table_is_in_the_report() -> None:
    """Which names the command that made it; a number that no command makes again has no place there."""
    table = " ".join(README.split("## What it is")[0].split())
    cells = re.findall(r"-?\d+\.\d+ \[-?\d+\.\d+, -?\d+\.\d+\]", table)
    assert len(cells) >= 24
    assert [cell for cell in cells if cell not in REPORT] == []
