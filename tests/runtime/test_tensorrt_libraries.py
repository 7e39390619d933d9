"""TensorRT's libraries are found where NVIDIA's Python packages put them, and tell their version.

TensorRT itself is not needed: a library with its functions is compiled; TensorRT-RTX, where it is installed,
has them too. What a process loads stays in it, so each question is asked in a process of its own.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from clutch_rt import device, tensorrt
from clutch_rt.device import Placement, create_session
from clutch_rt.errors import DeviceError
from clutch_rt.providers import PROVIDERS, is_available

COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(
    COMPILER is None or sys.platform != "linux", reason="there is no C compiler, or its libraries are not ELF"
)
SOURCE = "int getInferLibMajorVersion(void) { return 10; } int getInferLibMinorVersion(void) { return 13; }\n"
PATCH = "int getInferLibPatchVersion(void) { return 3; } int getInferLibBuildVersion(void) { return 9; }\n"
PROVIDER = "int getInferLibMinorVersion(void); int minor(void) { return getInferLibMinorVersion(); }\n"


def _library(path: Path, source: str, *options: str | Path) -> Path:
    """A shared library compiled from C."""
    path.with_suffix(".c").write_text(source)
    command = [str(COMPILER), "-shared", "-fPIC", "-o", path, path.with_suffix(".c"), *options]
    subprocess.run(command, check=True)
    return path


def _package(root: Path, source: str) -> Path:
    """A package as `pip install 'tensorrt-cu12<11'` leaves it, with one of the three libraries in it."""
    folder = root / "tensorrt_libs"
    folder.mkdir()
    (folder / "__init__.py").touch()
    name = tensorrt.SHARED[0]
    return _library(folder / name, source, f"-Wl,-soname,{name}")


def _ask(root: Path, question: str) -> str:
    """What a process with the package prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    script = f"import ctypes; from clutch_rt import tensorrt; {question}"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip()


@needs_compiler
@pytest.mark.parametrize(("source", "told"), [(SOURCE + PATCH, "10.13.3.9"), (SOURCE, "10.13"), ("", "None")])
def test_the_version_is_what_the_library_says(tmp_path: Path, source: str, told: str) -> None:
    _package(tmp_path, source)
    assert _ask(tmp_path, "print(tensorrt.version())") == told


@needs_compiler
def test_what_is_linked_against_a_library_finds_the_one_that_was_loaded(tmp_path: Path) -> None:
    """As ONNX Runtime's provider is: by name, in no folder the loader knows."""
    provider = _library(tmp_path / "provider.so", PROVIDER, _package(tmp_path, SOURCE))
    use = f"print(ctypes.CDLL({str(provider)!r}).minor())"
    assert f"{tensorrt.SHARED[0]}: cannot open" in _ask(tmp_path, use)
    assert _ask(tmp_path, f"tensorrt.load(); {use}") == "13"


@needs_compiler
def test_what_cannot_be_loaded_is_named_with_what_the_loader_said(tmp_path: Path) -> None:
    _package(tmp_path, SOURCE)
    broken = tmp_path / "tensorrt_libs" / tensorrt.SHARED[1]
    broken.write_bytes(b"no library")
    said = _ask(tmp_path, "print(tensorrt.load())")
    assert tensorrt.SHARED[0] not in said
    assert f"{tensorrt.SHARED[1]}: " in said and "file too short" in said
    assert f"{tensorrt.SHARED[2]}: " in said and "No such file" in said


@pytest.mark.skipif(is_available("tensorrt"), reason="this ONNX Runtime has TensorRT's provider")
def test_a_provider_that_does_not_start_says_which_library_it_misses(
    monkeypatch: pytest.MonkeyPatch, toy: Path
) -> None:
    """ONNX Runtime leaves a provider out in silence, one it lacks or one that does not start."""
    monkeypatch.setattr(tensorrt, "load", lambda: ["libnvinfer.so.10: cannot open shared object file"])
    monkeypatch.setattr(device.nvidia, "driver_library", object)
    with pytest.raises(DeviceError, match=r"libraries are not found.*libnvinfer.*'tensorrt-cu12<11'"):
        create_session(toy / "text_encoder.onnx", Placement("tensorrt", PROVIDERS["tensorrt"]), 1)


def test_tensorrt_rtx_tells_its_version_the_same_way() -> None:
    spec = importlib.util.find_spec("tensorrt_rtx_libs")
    if spec is None or spec.origin is None or sys.platform == "win32":
        pytest.skip("tensorrt_rtx_cu12_libs is not installed")
    path = next(Path(spec.origin).parent.glob("libtensorrt_rtx.so*"))
    assert tensorrt.version_of(ctypes.CDLL(str(path))) == metadata.version("tensorrt_rtx_cu12_libs")
