"""Which room may import which, as the README's table of rooms says; and what the runtime needs at all."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = {"runtime": "clutch_rt", "models": "models", "train": "train", "export": "export"}


def imports(folder: Path) -> Iterator[tuple[str, Path]]:
    """Top-level names that the files of a folder import from outside it, with the file."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], path) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module.partition(".")[0], path


def allowed(room: str) -> set[str]:
    """The rooms that the README's table lets a room import."""
    row = next(line for line in README.splitlines() if line.startswith(f"| `{room}/"))
    return {name for name in re.findall(r"`(\w+)`", row.split("|")[3]) if name in FOLDERS}


@pytest.mark.parametrize("room", FOLDERS)
def test_rooms_import_what_the_readme_says(room: str) -> None:
    packages = {package: name for name, package in FOLDERS.items()}
    found: dict[str, Path] = {}
    for name, path in imports(ROOT / ("runtime/clutch_rt" if room == "runtime" else room)):
        other = packages.get(name)
        if other is not None and other != room:
            found[other] = path
    assert set(found) == allowed(room), found


def test_the_runtime_needs_what_it_is_said_to_need() -> None:
    wanted = {"numpy", "onnxruntime", "sentencepiece", "click"}
    preview = {"PIL", "imageio_ffmpeg"}
    found = {
        name for name, _ in imports(ROOT / "runtime" / "clutch_rt") if name not in sys.stdlib_module_names
    }
    assert found - {"clutch_rt"} - preview == wanted


def test_onnx_runtime_is_imported_in_one_place() -> None:
    """There its telemetry is switched off, which must be before the library is loaded.

    The benchmark's peers run in an environment of their own, without clutch_rt, and switch it off themselves.
    """
    rooms = (ROOT / room for room in ("runtime", "models", "train", "export"))
    found = {path for room in rooms for name, path in imports(room) if name == "onnxruntime"}
    peers = ROOT / "export" / "bench" / "peers.py"
    assert found == {ROOT / "runtime" / "clutch_rt" / "ort.py", peers}
    assert '"ORT_DISABLE_TELEMETRY"' in peers.read_text(encoding="utf-8")
