"""What ships is made by one command: steps that go on where they stopped, pages that say what was found."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import ClutchError, InputError

from export import pages, release
from export.release import Sources, Step
from tests.tiny_bundle import tiny_bundle, tiny_run

WEIGHTS = {"lm/model.safetensors": "a" * 64}


class Commands:
    """Takes the place of ``subprocess.run``; remembers modules, and fails the one named ``fails``."""

    def __init__(self) -> None:
        self.run: list[str] = []
        self.fails = ""

    def __call__(self, command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        self.run.append(command[2])
        return subprocess.CompletedProcess(command, int(command[2] == self.fails))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    made = Commands()
    monkeypatch.setattr(release.subprocess, "run", made)
    return made


STEPS = [Step("one", ("first", "x")), Step("two", ("second",)), Step("three", ("third",))]


def test_it_goes_on_where_it_stopped(tmp_path: Path, commands: Commands) -> None:
    commands.fails = "second"
    with pytest.raises(ClutchError, match="`python -m second` ended with status 1"):
        release.carry_out(STEPS, tmp_path, WEIGHTS)
    commands.fails = ""
    release.carry_out(STEPS, tmp_path, WEIGHTS)
    release.carry_out(STEPS, tmp_path, WEIGHTS)
    assert commands.run == ["first", "second", "second", "third"]


def test_other_weights_or_another_command_are_done_anew(tmp_path: Path, commands: Commands) -> None:
    release.carry_out(STEPS, tmp_path, WEIGHTS)
    release.carry_out([Step("one", ("first", "y")), *STEPS[1:]], tmp_path, WEIGHTS)
    assert commands.run == ["first", "second", "third", "first"]
    release.carry_out(STEPS[1:], tmp_path, {**WEIGHTS, "lm/model.safetensors": "b" * 64})
    assert commands.run[4:] == ["second", "third"]


def test_every_command_of_the_plan_exists(tmp_path: Path) -> None:
    sources = Sources(Path("runs/x"), tmp_path, tmp_path / "hands", tmp_path / "sentences.csv")
    for step in release.plan(sources, precisions=True):
        path = release.ROOT.joinpath(*step.command[0].split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), step.command[0]
    without = {step.name for step in release.plan(Sources(sources.run, tmp_path), precisions=False)}
    assert not without & {"real", "narrations", "precisions"}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the pages alone, its bundle's place free."""
    root = tmp_path / "checkout"
    (root / "docs").mkdir(parents=True)
    (root / "README.md").write_text(f"# Name\n\n{pages.BEGIN}\nold 0.11\n{pages.END}\n\nProse.\n")
    (root / "docs" / "evaluation.md").write_text("# Evaluation\nold\n\n# Real hands through SHIFT\n\nkept\n")
    (root / "docs" / "narrations.md").write_text(
        "# Narrations\n\nOf whom.\n\nMade by:\n\n    old\n\nold rows\n"
    )
    monkeypatch.setattr(release, "ROOT", root)
    return root


def _reports(sources: Sources) -> None:
    """What the steps would have left."""
    bundle = sources.run / "evaluate" / f"bundle-{release.NAME}"
    bundle.mkdir(parents=True, exist_ok=True)
    (bundle / "report.md").write_text("# Evaluation\nnew\n")
    (sources.run / "evaluate" / "report_real.md").write_text("# Real hands through SHIFT\n\nnew\n")
    (sources.run / f"complete-{release.NAME}.md").write_text("# Completing motions\n")
    (sources.work / "narrations").mkdir(parents=True)
    command = f"python -m train.narrations data={sources.narrations} run=r"
    (sources.work / "narrations" / "verbs.md").write_text(f"# X\n\nMade by:\n\n    {command}\n\nnew rows\n")


def test_the_checkout_has_all_of_it_in_the_end(
    tmp_path: Path, checkout: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "figures_block", lambda manifest, size: f"figures of {manifest['name']}")
    hands, sentences = tmp_path / "hands", tmp_path / "sentences.csv"
    hands.mkdir()
    sentences.write_text("")
    sources = Sources(tiny_run("step"), tmp_path / "work", hands, sentences)
    _reports(sources)
    sources.bundle.symlink_to(tiny_bundle("step", "int8"))
    assert Path("docs/narrations.md") in release.release(sources, precisions=False)
    assert commands.run[0] == "export.onnx" and commands.run[-1] == "export.card"
    assert open_bundle(checkout / "runtime" / "clutch_rt" / "bundles" / "tiny").manifest.precision == "int8"
    readme = (checkout / "README.md").read_text()
    assert "figures of bundle-step-int8" in readme and "old" not in readme and "Prose." in readme
    evaluation = (checkout / "docs" / "evaluation.md").read_text()
    assert evaluation == "# Evaluation\nnew\n\n# Real hands through SHIFT\n\nnew\n"
    narrations = (checkout / "docs" / "narrations.md").read_text()
    assert narrations.startswith("# Narrations\n\nOf whom.\n\nMade by:\n") and "new rows" in narrations
    assert "data=NARRATIONS" in narrations and str(tmp_path) not in narrations


def test_a_step_that_fails_leaves_the_checkout_as_it_was(
    tmp_path: Path, checkout: Path, commands: Commands
) -> None:
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}
    commands.fails = "train.evaluate"
    with pytest.raises(ClutchError):
        release.release(Sources(tiny_run("step"), tmp_path / "work"))
    assert {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()} == before


def test_what_cannot_be_had_is_said_before_anything_is_done(tmp_path: Path, commands: Commands) -> None:
    with pytest.raises(InputError, match="its training is not finished"):
        release.release(Sources(tmp_path, tmp_path / "work"))
    with pytest.raises(InputError, match="give another, or leave that out"):
        release.release(Sources(tiny_run("step"), tmp_path / "work", tmp_path / "none"))
    assert not commands.run


def test_without_recordings_their_page_keeps_what_it_had() -> None:
    page = "# Evaluation\nold\n\n# Real hands through SHIFT\n\nkept\n"
    assert pages.evaluation("# Evaluation\nnew\n", None, page) == (
        "# Evaluation\nnew\n\n# Real hands through SHIFT\n\nkept\n"
    )


def test_figures_that_are_not_there_are_not_made_up() -> None:
    manifest: dict[str, Any] = json.loads((tiny_bundle("step", "int8") / "manifest.json").read_text())
    with pytest.raises(InputError, match=r"has no figure \w+\.verb; judge it"):
        pages.figures_block(manifest, 1)
    with pytest.raises(InputError, match="no place for figures"):
        pages.with_figures("# Name\n", "block")
