"""What the command line does where a person watches: no binary on a terminal, and a bar for slow drawing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="needs POSIX terminals")

TEXT = "wave with the right hand"


def _on_a_terminal(toy: Path, folder: Path, stream: str, *args: str) -> tuple[int, str, str]:
    """Exit code, what the terminal at ``stream`` was shown, and what the other stream carried."""
    inner, outer = pty.openpty()
    other = "stderr" if stream == "stdout" else "stdout"
    with subprocess.Popen(
        [sys.executable, "-m", "clutch_rt", "generate", TEXT, "--seconds", "1", *args],
        cwd=folder,
        env={**os.environ, "CLUTCH_RT_BUNDLE": str(toy), "TERM": "xterm", "COLUMNS": "80"},
        **{stream: outer, other: subprocess.PIPE},  # type: ignore[call-overload]
    ) as process:
        os.close(outer)
        shown = b""
        while True:
            try:
                part = os.read(inner, 65536)
            except OSError:  # Linux says that nobody holds the other end any more
                break
            if not part:
                break
            shown += part
        os.close(inner)
        carried = getattr(process, other).read()
        code = process.wait(60)
    return code, shown.decode(), carried.decode()


@pytest.mark.parametrize("kind", ["npz", "glb", ".PNG"])
def test_binary_is_kept_off_a_terminal(toy: Path, tmp_path: Path, kind: str) -> None:
    code, shown, said = _on_a_terminal(toy, tmp_path, "stdout", "-o", "-", "--format", kind)
    assert (code, shown) == (1, "")
    assert said.startswith("error: stdout is a terminal") and said.count("\n") == 1
    assert "`> hands." in said and "-o" in said


def test_text_may_go_to_a_terminal(toy: Path, tmp_path: Path) -> None:
    code, shown, _ = _on_a_terminal(toy, tmp_path, "stdout", "-o", "-", "--format", "bvh")
    assert code == 0 and shown.startswith("HIERARCHY")


def test_drawing_shows_its_progress_to_a_person_only(toy: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="needs the preview packages")
    code, shown, said = _on_a_terminal(toy, tmp_path, "stderr", "-o", "wave.png")
    assert code == 0 and said.startswith("wave.png\n")
    assert "wave.png  [" in shown and "100%" in shown
    code, shown, _ = _on_a_terminal(toy, tmp_path, "stderr", "-o", "wave.png", "--json")
    assert (code, shown) == (0, "")
    code, _, said = _on_a_terminal(toy, tmp_path, "stdout", "-o", "wave.png")  # stderr is a pipe
    assert (code, said) == (0, "")


def test_quick_formats_show_no_progress(toy: Path, tmp_path: Path) -> None:
    code, shown, _ = _on_a_terminal(toy, tmp_path, "stderr", "-o", "wave.glb")
    assert (code, shown) == (0, "")
