"""What the README shows is run, as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clutch_rt.diagnosis import GPU_PACKAGE
from clutch_rt.plugin import RTX_PACKAGES

from tests.runtime.test_mano import mano_data, write
from train.config import apply
from train.presets import preset

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
FIRST, COMMANDS, TRAINING = blocks("sh")  # the first and the third are run by .ci/run


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of shell as a newcomer would, with this interpreter's scripts first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all commands: later ones read what earlier ones wrote."""
    return tmp_path_factory.mktemp("readme")


@pytest.mark.parametrize("command", COMMANDS.splitlines())
def test_command_works(command: str, folder: Path) -> None:
    done = run(command, folder)
    assert done.returncode == 0, done.stderr
    target = re.search(r"(?:-o|>) (\w+)\.(\w+)", command)
    if target:
        name, suffix = target.groups()
        made = sorted(folder.glob(f"{name}*.{suffix}"))
        assert made and all(f.stat().st_size > 0 for f in made)


@pytest.fixture(scope="module")
def files(folder: Path) -> Path:
    """The files of one's own that the text speaks of."""
    (folder / "sentences.txt").write_text("wave\ntap the table\n")
    write(folder / "MANO_RIGHT.pkl", mano_data("right"))
    return folder


@pytest.mark.parametrize("command", re.findall(r"`(clutch-rt [^`]*)`", PROSE))
def test_command_in_the_text_works(command: str, files: Path) -> None:
    done = run(command, files)
    assert done.returncode == 0, done.stderr


def test_modules_and_settings_in_the_text_exist() -> None:
    modules = set(re.findall(r"python -m ([\w.]+)", README + CI))
    ours = {m for m in modules if m.partition(".")[0] in ("train", "export")}
    assert {"train.all", "train.corpus", "export.onnx", "export.card"} <= ours
    for module in ours:
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each loads PyTorch
        for module, done in zip(
            ours, pool.map(lambda m: run(f"python -m {m} --help", ROOT), ours), strict=True
        ):
            assert done.returncode == 0 and done.stdout, f"{module} --help: {done.stderr}"
    settings = re.findall(r"`((?:shift|lm|corpus|tokens|evaluate)\.[\w.]+=[^`\s]+)`", PROSE)
    assert "lm.form=flat" in settings
    config = apply(preset("default"), settings)
    named = re.findall(r"`(shift|lm|corpus|tokens|refine|instruct|evaluate)\.(\w+)`", PROSE)
    assert ("lm", "bag_weight") in named
    for group, name in named:
        assert hasattr(getattr(config, group), name), f"{group}.{name}"


def test_the_way_to_the_gpu_is_the_one_that_errors_name() -> None:
    assert GPU_PACKAGE.removeprefix("run ") in " ".join(README.split())


def test_no_extra_brings_a_second_onnx_runtime() -> None:
    """`onnxruntime` is always there; the packages that bring other builds of it overwrite its files."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads TOML")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    names = {re.split(r"[^\w.-]", one)[0] for one in wanted}
    assert {name for name in names if name.startswith("onnxruntime")} == {"onnxruntime", RTX_PACKAGES[1]}
    assert extras["gpu"] and '`pip install ".[gpu]"`' in PROSE


@pytest.mark.parametrize("code", blocks("python"))
def test_python_works(code: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_ci_runs_the_other_blocks() -> None:
    for block in ("readme_block 1 | sed -n 1p", "readme_block 1 | sed -n 2p", "readme_block 3"):
        assert block in CI
    assert FIRST.count("\n") == 2 and "preset=smoke" in TRAINING


def test_links_and_pictures_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-")
        for h in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert (ROOT / target).exists(), target
