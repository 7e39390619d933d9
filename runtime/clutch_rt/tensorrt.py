"""TensorRT's shared libraries: loaded for ONNX Runtime to find, and asked for their version.

ONNX Runtime's provider is linked against them by name alone. Those of NVIDIA's Python packages, with which
``clutch-rt engine build`` builds, lie where the loader does not look, and are loaded here first; where there
are none, the system's are.
"""

from __future__ import annotations

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from clutch_rt.diagnosis import one_line

# In the order of their needs; ONNX Runtime's provider wants all three.
SHARED: Final = (
    ("nvinfer_10.dll", "nvinfer_plugin_10.dll", "nvonnxparser_10.dll")
    if sys.platform == "win32"
    else ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10")
)
_PACKAGE: Final = "tensorrt_libs"  # what `pip install tensorrt-cu12` puts them in
_NUMBERS: Final = ("Major", "Minor", "Patch", "Build")


def load() -> list[str]:
    """Load the libraries; for each that cannot be, its name and what the loader said."""
    failed = []
    for name in SHARED:
        try:
            _load(name)
        except OSError as error:
            failed.append(f"{name}: {one_line(error)}")
    return failed


def version() -> str | None:
    """The version of TensorRT on this machine, such as ``10.13.3.9``; None where it cannot be loaded."""
    try:
        return version_of(_load(SHARED[0]))
    except OSError:
        return None


def version_of(library: ctypes.CDLL) -> str | None:
    """What a library says of itself: as many of its four numbers as it tells; None if it tells none."""
    told = []
    for name in _NUMBERS:
        try:
            told.append(str(getattr(library, f"getInferLib{name}Version")()))
        except AttributeError:
            break
    return ".".join(told) or None


def _load(name: str) -> ctypes.CDLL:
    spec = find_spec(_PACKAGE)
    packaged = None if spec is None or spec.origin is None else Path(spec.origin).parent / name
    if packaged is None or not packaged.is_file():
        return ctypes.CDLL(name)
    if sys.platform == "win32":
        os.add_dll_directory(str(packaged.parent))
    return ctypes.CDLL(str(packaged))
