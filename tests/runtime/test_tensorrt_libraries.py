"""TensorRT's libraries are found where NVIDIA's Python packages put them, and tell their version.

TensorRT itself is not needed: a library with its functions is compiled; TensorRT-RTX, where it is installed,
has them too.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clutch_rt import tensorrt
from clutch_rt.device import Placement, create_session
from clutch_rt.errors import DeviceError
from clutch_rt.providers import PROVIDERS, is_available

COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(
    COMPILER is None or sys.platform != "linux", reason="there is no C compiler, or its libraries are not ELF"
)
SOURCE = "int getInferLibMajorVersion(void) { return 10; } int getInferLibMinorVersion(void) { return 13; }\n"
PATCH = "int getInferLibPatchVersion(void) { return 3; } int getInferLibBuildVersion(void) { return 9; }\n"


def _package(root: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """A package as `pip install tensorrt-cu12` leaves it, with one of the three libraries in it."""
    folder = root / "tensorrt_libs"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (root / "nvinfer.c").write_text(source)
    command = [str(COMPILER), "-shared", "-fPIC", "-o", folder / tensorrt.LIBRARIES[0], root / "nvinfer.c"]
    subprocess.run(command, check=True)
    monkeypatch.syspath_prepend(root)


@needs_compiler
@pytest.mark.parametrize(("source", "told"), [(SOURCE + PATCH, "10.13.3.9"), (SOURCE, "10.13"), ("", None)])
def test_the_version_is_what_the_library_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, told: str | None
) -> None:
    _package(tmp_path, monkeypatch, source)
    assert tensorrt.version() == told


@needs_compiler
def test_what_is_missing_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: Path
) -> None:
    if tensorrt.load() != list(tensorrt.LIBRARIES):
        pytest.skip("TensorRT is installed here")
    _package(tmp_path, monkeypatch, SOURCE)
    assert tensorrt.load() == list(tensorrt.LIBRARIES[1:])
    if not is_available("tensorrt"):
        # This ONNX Runtime leaves the provider out in silence, as one does whose provider does not start.
        monkeypatch.setattr("clutch_rt.nvidia.driver_library", object)
        with pytest.raises(DeviceError, match=r"libraries are not found.*libnvinfer_plugin.*tensorrt-cu12"):
            create_session(toy / "text_encoder.onnx", Placement("tensorrt", PROVIDERS["tensorrt"]), 1)


def test_tensorrt_rtx_tells_its_version_the_same_way() -> None:
    spec = importlib.util.find_spec("tensorrt_rtx_libs")
    if spec is None or spec.origin is None or sys.platform == "win32":
        pytest.skip("tensorrt_rtx_cu12_libs is not installed")
    path = next(Path(spec.origin).parent.glob("libtensorrt_rtx.so*"))
    told = tensorrt.version_of(ctypes.CDLL(str(path)))
    assert (
        told is not None and path.name.removeprefix("libtensorrt_rtx.so.").split(".")[0] == told.split(".")[0]
    )
