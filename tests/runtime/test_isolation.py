"""What the runtime must not do: load PyTorch, open a socket, import the engine before it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_GUARD = """
import socket, sys

class Forbidden(Exception): pass

def refuse(*args, **kwargs):
    raise Forbidden("a socket was opened")

socket.socket.__init__ = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers", "onnx", "safetensors"):
            raise Forbidden(f"{name} was imported")
        return None

sys.meta_path.insert(0, NoTorch())
"""


def _run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _GUARD + code],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
        timeout=120,
    )


def test_generate_loads_no_torch_and_opens_no_socket(toy: Path, tmp_path: Path) -> None:
    code = """
import clutch_rt
with clutch_rt.load() as model:
    motion = model.generate("wave with the right hand", seconds=1)
    motion.save("wave.npz")
    motion.save("wave.bvh")
    for chunk in model.stream("clap slowly"):
        chunk.joints()
    model.caption(motion)
    model.info
assert "torch" not in sys.modules and "onnx" not in sys.modules
"""
    done = _run(code, tmp_path, CLUTCH_RT_BUNDLE=str(toy))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["wave.bvh", "wave.npz"]


def test_the_command_line_does_neither(toy: Path, tmp_path: Path) -> None:
    code = """
from clutch_rt.cli import main
sys.argv = ["clutch-rt", "generate", "wave with the right hand", "-o", "wave.glb"]
try:
    main()
finally:
    assert "torch" not in sys.modules
"""
    done = _run(code, tmp_path, CLUTCH_RT_BUNDLE=str(toy))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "wave.glb").read_bytes().startswith(b"glTF")


_OUTSIDE = """
import sys
sys.argv = ["clutch-rt", "generate", "wave with the right hand", "-o", "wave.npz"]
from clutch_rt.cli import main
main()
"""


def _as_a_user(folder: Path, toy: Path) -> dict[str, str]:
    """An environment in which ONNX Runtime does what it does to users: it is quiet where it sees a CI."""
    kept = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    home = {name: str(folder) for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME")}
    return {**own, **home, "CLUTCH_RT_BUNDLE": str(toy), "CLUTCH_RT_CACHE": str(folder / "own")}


def test_nothing_is_kept_about_the_user(toy: Path, tmp_path: Path) -> None:
    """ONNX Runtime writes a device id for its telemetry into the home of its user, unless told not to."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    command = [sys.executable, "-c", _OUTSIDE]
    done = subprocess.run(command, cwd=work, env=_as_a_user(home, toy), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in home.iterdir()] == ["own"]


def test_no_library_opens_a_socket_either(toy: Path, tmp_path: Path) -> None:
    """Python's sockets are watched above; those of machine code only the system sees."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    command = [strace, "-f", "-qq", "-e", "trace=socket", "-o", str(trace), sys.executable, "-c", _OUTSIDE]
    done = subprocess.run(
        command, cwd=tmp_path, env=_as_a_user(tmp_path, toy), capture_output=True, timeout=300
    )
    if not trace.exists() or b"ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    assert "AF_INET" not in trace.read_text(encoding="utf-8")


def test_who_wants_the_telemetry_has_it() -> None:
    code = "import os, clutch_rt.ort; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    for wish, found in ((None, "1"), ("0", "0")):
        environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
        environment |= {} if wish is None else {"ORT_DISABLE_TELEMETRY": wish}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.stdout.strip() == found, done.stderr


def test_a_missing_onnx_runtime_is_one_line(toy: Path, tmp_path: Path) -> None:
    code = f"import sys\nsys.modules['onnxruntime'] = None\n{_OUTSIDE}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "CLUTCH_RT_BUNDLE": str(toy)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ONNX Runtime cannot be imported") and done.stderr.count("\n") == 1
    assert "pip install onnxruntime" in done.stderr


def test_importing_the_package_imports_no_engine(tmp_path: Path) -> None:
    code = """
import clutch_rt
clutch_rt.ClutchError, clutch_rt.__version__, dir(clutch_rt)
heavy = {"numpy", "onnxruntime", "sentencepiece", "click"} & set(sys.modules)
assert not heavy, heavy
clutch_rt.Motion
assert "onnxruntime" not in sys.modules
"""
    done = _run(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_help_imports_no_engine(tmp_path: Path) -> None:
    code = """
from clutch_rt.cli import main
sys.argv = ["clutch-rt", "generate", "--help"]
try:
    main()
finally:
    assert not {"onnxruntime", "sentencepiece"} & set(sys.modules)
"""
    done = _run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Examples:" in done.stdout
