"""What the runtime must not do: load PyTorch, open a socket, import the engine before it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
