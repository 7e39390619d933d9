"""TensorRT's shared libraries: loaded for ONNX Runtime to find, and asked for their version.

ONNX Runtime's provider is linked against them by name alone. The loader finds those of a system package;
those of NVIDIA's Python packages lie where it does not look, and are loaded here first.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

# In the order of their needs; ONNX Runtime's provider wants all three.
LIBRARIES: Final = (
    ("nvinfer_10.dll", "nvinfer_plugin_10.dll", "nvonnxparser_10.dll")
    if sys.platform == "win32"
    else ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10")
)
_PACKAGE: Final = "tensorrt_libs"  # what `pip install tensorrt-cu12` puts them in
_NUMBERS: Final = ("Major", "Minor", "Patch", "Build")

log = logging.getLogger(__name__)


def load() -> list[str]:
    """Load the libraries, from where the loader finds them or else from the Python package; those missing."""
    return [name for name in LIBRARIES if _load(name) is None]


def version() -> str | None:
    """The version of TensorRT on this machine, such as ``10.13.3.9``; None where it is not installed."""
    library = _load(LIBRARIES[0])
    return None if library is None else version_of(library)


def version_of(library: ctypes.CDLL) -> str | None:
    """What a library says of itself: as many of its four numbers as it tells; None if it tells none."""
    told = []
    for name in _NUMBERS:
        try:
            told.append(str(getattr(library, f"getInferLib{name}Version")()))
        except AttributeError:
            break
    return ".".join(told) or None


def _load(name: str) -> ctypes.CDLL | None:
    for where in (name, *_packaged(name)):
        try:
            return ctypes.CDLL(where)
        except OSError as error:
            log.debug("%s: %s", where, error)
    return None


def _packaged(name: str) -> list[str]:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent
    if sys.platform == "win32":
        os.add_dll_directory(str(folder))
    return [str(folder / name)] if (folder / name).is_file() else []
