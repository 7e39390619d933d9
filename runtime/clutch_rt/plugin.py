"""TensorRT-RTX in ONNX Runtime: a plugin provider in a wheel of its own, registered when first wanted.

The wheel brings TensorRT-RTX and a CUDA runtime, but does not load the latter; and without a driver the
loader only says that a library is missing. Both are seen to here.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from clutch_rt import nvidia, ort
from clutch_rt.bundle import cache_dir
from clutch_rt.diagnosis import NO_DRIVER, RTX_PACKAGE, diagnose, one_line
from clutch_rt.errors import DeviceError

RTX_PROVIDER: Final = "NvTensorRTRTXExecutionProvider"
RTX_MODULE: Final = "onnxruntime_ep_nv_tensorrt_rtx"
RTX_PACKAGES: Final = ("onnxruntime-ep-nv-tensorrt-rtx-cu13", "onnxruntime-ep-nv-tensorrt-rtx-cu12")

_OR_CPU: Final = "or use --device cpu"
_lock = threading.Lock()
_devices: list[Any] = []  # of the registered provider: a library may be registered only once in a process


def rtx_installed() -> bool:
    """Whether the plugin's wheel is installed; imports nothing of it."""
    return find_spec(RTX_MODULE) is not None


def rtx_version() -> str | None:
    """Package and version of the plugin's wheel, or None."""
    from importlib import metadata

    for name in RTX_PACKAGES:
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return None


def rtx_devices() -> list[Any]:
    """The GPUs the plugin offers; the first call loads and registers it.

    Raises:
        DeviceError: the plugin is not installed, there is no driver, or it does not load or sees no GPU.
    """
    with _lock:
        if not _devices:
            _check_possible()
            _register()
            _devices.extend(d for d in ort.onnxruntime.get_ep_devices() if d.ep_name == RTX_PROVIDER)
        if not _devices:
            raise DeviceError(
                f"{RTX_PROVIDER} loads, but finds no GPU it supports (GeForce RTX 30 and later); "
                f"check `nvidia-smi`, {_OR_CPU}"
            )
        return _devices


def rtx_options(options: ort.onnxruntime.SessionOptions) -> ort.onnxruntime.SessionOptions:
    """Session options that run on TensorRT-RTX; what it compiles for this GPU is kept in the user's cache.

    Raises:
        DeviceError: as ``rtx_devices``.
    """
    devices = rtx_devices()
    settings = {}
    if root := cache_dir():
        settings["nv_runtime_cache_path"] = str(root / "tensorrt-rtx")
    options.add_provider_for_devices(devices[:1], settings)
    return options


def _check_possible() -> None:
    if not rtx_installed():
        raise DeviceError(f"device 'tensorrt-rtx' needs its plugin; {RTX_PACKAGE}, {_OR_CPU}")
    if not hasattr(ort.onnxruntime, "register_execution_provider_library"):
        raise DeviceError(
            f"device 'tensorrt-rtx' needs onnxruntime 1.24 or later, this is {ort.onnxruntime.__version__}; "
            f"run `pip install --upgrade onnxruntime`, {_OR_CPU}"
        )
    if nvidia.driver_library() is None:
        raise DeviceError(
            f"{RTX_PROVIDER} cannot start: no NVIDIA driver is installed "
            f"({nvidia.DRIVER_LIBRARY} is missing); {NO_DRIVER}, {_OR_CPU}"
        )


def _register() -> None:
    """Load and register the plugin. On import, its wheel puts links beside its libraries."""
    spec = find_spec(RTX_MODULE)
    expected: tuple[type[Exception], ...] = (ImportError, OSError, AttributeError, *ort.ORT_ERRORS)
    try:
        if spec is not None and spec.origin is not None:
            preload_cudart(Path(spec.origin).parent)
        module = import_module(RTX_MODULE)
        ort.onnxruntime.register_execution_provider_library(RTX_PROVIDER, module.get_library_path())
    except expected as error:
        said = one_line(error)
        found = diagnose(said)
        cause = f"{found.cause}: " if found.cause else ""
        raise DeviceError(f"{RTX_PROVIDER} does not load ({cause}{said}); {found.mend}, {_OR_CPU}") from None


def preload_cudart(folder: Path) -> list[str]:
    """Load the CUDA runtime that lies in the plugin's folder, for the plugin to find; what was loaded."""
    if sys.platform == "win32":
        os.add_dll_directory(str(folder))
        return []
    loaded = []
    for path in sorted(folder.glob("libcudart.so*")):
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        loaded.append(path.name)
    return loaded
