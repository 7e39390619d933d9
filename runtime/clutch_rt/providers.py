"""The devices a user may name, ONNX Runtime's providers for them, and which of them are installed here.

Whether a provider that is installed also starts is found out in ``device``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clutch_rt import nvidia, ort
from clutch_rt.diagnosis import GPU_PACKAGE, RTX_PACKAGE, TENSORRT_PACKAGE
from clutch_rt.plugin import RTX_PROVIDER, rtx_installed

CPU: Final = "CPUExecutionProvider"

PROVIDERS: Final[Mapping[str, str]] = {
    "cpu": CPU,
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "tensorrt-rtx": RTX_PROVIDER,
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
}
DEVICES: Final = ("auto", *PROVIDERS)

_MEND: Final[Mapping[str, str]] = {
    "cuda": GPU_PACKAGE,  # the packages share a folder: both must go before one comes
    "tensorrt": f"{GPU_PACKAGE} and {TENSORRT_PACKAGE}",
    "coreml": "on macOS run `pip install --force-reinstall --no-deps onnxruntime`",
    "directml": "on Windows run `pip uninstall -y onnxruntime && pip install onnxruntime-directml`",
    "openvino": "run `pip uninstall -y onnxruntime && pip install onnxruntime-openvino`",
    "migraphx": "install AMD's onnxruntime-migraphx wheel in place of onnxruntime",
}
# What `auto` tries, best first; the rest is had by name only.
AUTO: Final = ("tensorrt-rtx", "cuda")


def installed_runtimes() -> dict[str, str]:
    """Versions of the installed ONNX Runtime packages, by name; more than one is a broken installation."""
    from importlib import metadata  # here, because it takes long to import and is for messages only

    names = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def is_available(name: str) -> bool:
    """Whether the installed ONNX Runtime has a device's provider; whether it starts is another matter."""
    if name == "tensorrt-rtx":
        return rtx_installed()
    return PROVIDERS[name] in ort.providers()


def why_unavailable(name: str) -> str:
    """Why a device's provider is not there, and the command that brings it."""
    mend = RTX_PACKAGE if name == "tensorrt-rtx" else _MEND.get(name, GPU_PACKAGE)
    return (
        f"device {name!r} needs {PROVIDERS[name]}, which the installed {_installed()} lacks; "
        f"{mend}, or use --device cpu"
    )


def tried() -> list[str]:
    """What ``auto`` tries before the CPU. Without NVIDIA's driver nothing, and nobody need be asked."""
    return [name for name in AUTO if nvidia.driver_library() is not None and is_available(name)]


def not_there() -> list[str]:
    """Why ``auto`` does not even try some devices."""
    there = tried()
    return [_missing(name) for name in AUTO if name not in there]


def _missing(name: str) -> str:
    if nvidia.driver_library() is None:
        return f"{name}: no NVIDIA driver ({nvidia.DRIVER_LIBRARY} is missing)"
    return f"{name}: {why_unavailable(name)}"


def _installed() -> str:
    found = installed_runtimes()
    named = " and ".join(f"{name} {version}" for name, version in found.items())
    return named or "ONNX Runtime"
