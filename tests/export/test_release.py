"""What ships is made by one command: steps that go on where they stopped, pages that say what was found."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import ClutchError, InputError

from export import pages, release
from export.release import Sources, Step
from tests.tiny_bundle import tiny_bundle, tiny_run


class Commands:
    """Takes the place of running commands: remembers modules, and fails the one named ``fails``."""

    def __init__(self) -> None:
        self.run: list[str] = []
        self.fails = ""

    def __call__(self, command: Sequence[str]) -> int:
        self.run.append(command[2])
        return int(command[2] == self.fails)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    made = Commands()
    monkeypatch.setattr(release, "_status_of", made)
    return made


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """A run, and all that can be measured of it."""
    run = Path(shutil.copytree(tiny_run("step"), tmp_path / "run"))
    hands, sentences = tmp_path / "hands", tmp_path / "hands" / "sentences.csv"
    hands.mkdir()
    sentences.write_text("")
    return Sources(run, tmp_path / "work", hands, sentences)


STEPS = [Step("one", ("first", "x")), Step("two", ("second",)), Step("three", ("third",))]


def test_it_goes_on_where_it_stopped(sources: Sources, commands: Commands) -> None:
    commands.fails = "second"
    with pytest.raises(ClutchError, match="`python -m second` ended with status 1"):
        release.carry_out(STEPS, sources)
    commands.fails = ""
    release.carry_out(STEPS, sources)
    release.carry_out(STEPS, sources)
    assert commands.run == ["first", "second", "second", "third"]


def test_what_follows_a_step_is_done_anew_with_it(sources: Sources, commands: Commands) -> None:
    """Also where it stopped in between: the marks of what follows are gone by then."""
    release.carry_out(STEPS, sources)
    commands.fails = "second"
    with pytest.raises(ClutchError):
        release.carry_out([Step("one", ("first", "y")), *STEPS[1:]], sources)
    commands.fails = ""
    release.carry_out([Step("one", ("first", "y")), *STEPS[1:]], sources)
    assert commands.run[3:] == ["first", "second", "second", "third"]


@pytest.mark.parametrize("name", ["lm/model.safetensors", "config.json", "words.txt"])
def test_another_run_is_made_from_the_beginning(sources: Sources, commands: Commands, name: str) -> None:
    """Its sampling and its words travel with a bundle as its weights do."""
    release.carry_out(STEPS, sources)
    with (sources.run / name).open("ab") as file:
        file.write(b" ")
    release.carry_out(STEPS, sources)
    assert commands.run == ["first", "second", "third"] * 2


def test_a_report_is_kept_as_it_was_when_its_step_ended(sources: Sources, commands: Commands) -> None:
    written = sources.run / "report.md"
    written.write_text("of this bundle")
    steps = [Step("one", ("first",), written)]
    release.carry_out(steps, sources)
    written.write_text("of another, judged by hand")
    release.carry_out(steps, sources)
    assert sources.report("one").read_text() == "of this bundle"


def test_every_command_of_the_plan_takes_its_arguments(sources: Sources) -> None:
    for step in release.plan(sources, precisions=True):
        module, *arguments = step.command
        package = release.ROOT.joinpath(*module.split(".")).is_dir()
        found = importlib.import_module(f"{module}.__main__" if package else module)
        if hasattr(found, "_arguments"):
            found._arguments(arguments)
            continue
        usage = getattr(found, "USAGE", "") + (found.__doc__ or "")
        for argument in arguments:
            assert f"{argument.partition('=')[0]}=" in usage, f"{module} {argument}"
    less = release.plan(Sources(sources.run, sources.work), precisions=False)
    assert not {step.name for step in less} & {"real", "narrations", "precisions"}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the pages alone, its bundle's place free."""
    root = tmp_path / "checkout"
    (root / "docs").mkdir(parents=True)
    texts = {
        "README.md": f"# Name\n\n{pages.BEGIN}\nold 0.11\n{pages.END}\n\nProse.\n",
        "docs/evaluation.md": "# Evaluation\nold\n\n# Real hands through SHIFT\n\nkept\n",
        "docs/narrations.md": "# Narrations\n\nOf whom.\n\nMade by:\n\n    old\n\nold rows\n",
        "docs/precisions.md": "# Precisions\n\nold\n",
    }
    for name, text in texts.items():
        (root / name).write_text(text)
    monkeypatch.setattr(release, "ROOT", root)

    def block(manifest: dict[str, Any], size: int) -> str:
        return f"{pages.BEGIN}\nfigures of {manifest['name']}\n{pages.END}"

    monkeypatch.setattr(pages, "figures_block", block)
    return root


@pytest.fixture
def reports(sources: Sources) -> None:
    """What the steps would have left."""
    sources.bundle.parent.mkdir()
    sources.bundle.symlink_to(tiny_bundle("step", "int8"))
    texts = {
        "bundle": "# Evaluation\nnew\n",
        "complete": "# Completing motions\n",
        "real": f"# Real hands through SHIFT\n\n    data={sources.recordings}\n",
        "narrations": f"# X\n\nMade by:\n\n    data={sources.narrations} run=r\n\nnew rows\n",
    }
    for step in release.plan(sources, precisions=False):
        if step.writes is not None:
            step.writes.parent.mkdir(parents=True, exist_ok=True)
            step.writes.write_text(texts[step.name])


@pytest.mark.usefixtures("reports")
def test_the_checkout_has_all_of_it_in_the_end(sources: Sources, checkout: Path, commands: Commands) -> None:
    assert Path("docs/narrations.md") in release.release(sources, precisions=False)
    assert commands.run[0] == "export.onnx" and commands.run[-1] == "export.card"
    assert open_bundle(checkout / "runtime" / "clutch_rt" / "bundles" / "tiny").manifest.precision == "int8"
    readme = (checkout / "README.md").read_text()
    assert "figures of bundle-step-int8" in readme and "old" not in readme and "Prose." in readme
    evaluation = (checkout / "docs" / "evaluation.md").read_text()
    assert evaluation == "# Evaluation\nnew\n\n# Real hands through SHIFT\n\n    data=RECORDINGS\n"
    narrations = (checkout / "docs" / "narrations.md").read_text()
    assert narrations.startswith("# Narrations\n\nOf whom.\n\nMade by:\n") and "new rows" in narrations
    assert "data=NARRATIONS.csv run=r" in narrations


@pytest.mark.usefixtures("reports", "commands")
def test_what_was_left_out_says_that_it_is_older(sources: Sources, checkout: Path) -> None:
    for _ in range(2):  # once
        release.release(Sources(sources.run, sources.work), precisions=False)
    for page in ("evaluation", "narrations", "precisions"):
        text = (checkout / "docs" / f"{page}.md").read_text()
        assert text.count("*Of the bundle that shipped before") == 1, page
    evaluation = (checkout / "docs" / "evaluation.md").read_text()
    assert evaluation.startswith("# Evaluation\nnew\n\n# Real hands through SHIFT\n\n*Of the bundle")
    assert evaluation.endswith("kept\n")
    release.release(sources, precisions=False)
    for page in ("evaluation", "narrations"):
        assert "*Of the bundle" not in (checkout / "docs" / f"{page}.md").read_text()


def test_a_step_that_fails_leaves_the_checkout_as_it_was(
    sources: Sources, checkout: Path, commands: Commands
) -> None:
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}
    commands.fails = "export.onnx"
    with pytest.raises(ClutchError):
        release.release(sources)
    assert {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()} == before


def test_what_cannot_be_had_is_said_before_anything_is_done(
    sources: Sources, checkout: Path, commands: Commands, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="its training is not finished"):
        release.release(Sources(tmp_path, sources.work))
    with pytest.raises(InputError, match="give another, or leave that out"):
        release.release(Sources(sources.run, sources.work, tmp_path / "none"))
    (checkout / "README.md").write_text("# Name\n")
    with pytest.raises(InputError, match="no place for figures"):
        release.release(sources)
    (checkout / "docs" / "precisions.md").unlink()
    with pytest.raises(InputError, match=r"no .*precisions\.md"):
        release.release(sources)
    assert not commands.run


@pytest.mark.parametrize("value", [None, {"value": None, "interval": None, "count": 0}])
def test_figures_that_are_not_there_are_not_made_up(value: Any) -> None:
    manifest: dict[str, Any] = json.loads((tiny_bundle("step", "int8") / "manifest.json").read_text())
    manifest["metrics"] = {} if value is None else {**manifest["metrics"], "truth.verb": value}
    with pytest.raises(InputError, match=r"has no figure truth\.verb; judge it"):
        pages.figures_block(manifest, 1)
