"""What of NVIDIA's is on this machine, found without starting any of it: driver, GPUs, CUDA, TensorRT."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DRIVER_LIBRARY: Final = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"

# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
_COMPUTE_CAPABILITY: Final = (75, 76)
_NAME_BYTES: Final = 256
_SMI: Final = (
    "nvidia-smi",
    "--query-gpu=name,driver_version,memory.total,compute_cap",
    "--format=csv,noheader,nounits",
)
_SMI_SECONDS: Final = 20
_CUDA_PACKAGES: Final = ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu13", "nvidia-cuda-runtime-cu12")
_TENSORRT_PACKAGES: Final = ("tensorrt", "tensorrt-cu13", "tensorrt-cu12", "tensorrt-rtx")
_FOLDERS: Final = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/cuda/lib64",
    "/usr/local/tensorrt/lib",
)


@dataclass(frozen=True)
class Gpu:
    """A GPU as ``nvidia-smi`` names it; memory in MiB, ``compute`` such as ``8.9`` for SM 89."""

    name: str
    driver: str
    memory_mib: int | None
    compute: str


@dataclass(frozen=True)
class Nvidia:
    """NVIDIA's software on this machine.

    Attributes:
        driver: whether the driver's library can be loaded. cuda_version: the newest CUDA it knows, ``12.8``.
        gpus: as ``nvidia-smi`` lists them; empty where it is missing or sees none.
        cuda: CUDA runtimes found, by where. tensorrt: likewise TensorRT and TensorRT-RTX.
    """

    driver: bool
    cuda_version: str | None
    gpus: tuple[Gpu, ...]
    cuda: dict[str, str]
    tensorrt: dict[str, str]


def find_nvidia() -> Nvidia:
    """Look for NVIDIA's software: asks ``nvidia-smi``, and loads no library but the driver's."""
    library = driver_library()
    return Nvidia(
        driver=library is not None,
        cuda_version=None if library is None else _cuda_version(library),
        gpus=_gpus(),
        cuda=_packages(_CUDA_PACKAGES) | _libraries("libcudart.so.*"),
        tensorrt=_packages(_TENSORRT_PACKAGES) | _libraries("libnvinfer.so.*"),
    )


def driver_library() -> ctypes.CDLL | None:
    """The driver's library, or None where no driver is installed."""
    if sys.platform == "darwin":
        return None
    try:
        return ctypes.CDLL(DRIVER_LIBRARY)
    except OSError:
        return None


def compute_capability() -> int | None:
    """The architecture of the first GPU, 89 for 8.9, as the driver says; None without a driver or a GPU."""
    found = _first_gpu()
    if found is None:
        return None
    library, device = found
    numbers = [ctypes.c_int(), ctypes.c_int()]
    for number, attribute in zip(numbers, _COMPUTE_CAPABILITY, strict=True):
        if library.cuDeviceGetAttribute(ctypes.byref(number), attribute, device):
            return None
    return 10 * numbers[0].value + numbers[1].value


def gpu_name() -> str | None:
    """The name of the first GPU, as the driver says; None without a driver or a GPU."""
    found = _first_gpu()
    if found is None:
        return None
    library, device = found
    name = ctypes.create_string_buffer(_NAME_BYTES)
    return None if library.cuDeviceGetName(name, _NAME_BYTES, device) else name.value.decode(errors="replace")


def host() -> str:
    """What TensorRT's engines are bound to: system and GPU, ``linux-x86_64-NVIDIA-GeForce-RTX-4090``."""
    import platform
    import re

    words = (sys.platform, platform.machine(), gpu_name() or "no GPU")
    return re.sub(r"[^A-Za-z0-9_.+]+", "-", "-".join(words)).strip("-")


def _first_gpu() -> tuple[ctypes.CDLL, ctypes.c_int] | None:
    """The driver, started, and its number of the first GPU; None where either is missing."""
    library, device = driver_library(), ctypes.c_int()
    if library is None or library.cuInit(0) or library.cuDeviceGet(ctypes.byref(device), 0):
        return None
    return library, device


def parse_smi(text: str) -> tuple[Gpu, ...]:
    """GPUs of ``nvidia-smi``'s comma-separated answer; lines that are none are skipped."""
    import csv

    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines())]
    return tuple(
        Gpu(name, driver, int(memory) if memory.isdigit() else None, compute)
        for name, driver, memory, compute in (row for row in rows if len(row) == 4)
    )


def _gpus() -> tuple[Gpu, ...]:
    import subprocess  # here, like csv and re: every start of the engine imports this module

    try:
        done = subprocess.run(_SMI, capture_output=True, text=True, timeout=_SMI_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return parse_smi(done.stdout) if done.returncode == 0 else ()


def _cuda_version(library: ctypes.CDLL) -> str | None:
    """The newest CUDA the driver knows. The one call of the driver's that needs no GPU and starts nothing."""
    number = ctypes.c_int(0)
    try:
        failed = library.cuDriverGetVersion(ctypes.byref(number))
    except AttributeError:
        return None
    return None if failed else f"{number.value // 1000}.{number.value % 1000 // 10}"


def _packages(names: Iterable[str]) -> dict[str, str]:
    from importlib import metadata

    found = {}
    for name in names:
        try:
            found[f"pip {name}"] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _libraries(pattern: str) -> dict[str, str]:
    """Shared libraries in the usual folders, by path, each with the version its name ends in."""
    import re

    if sys.platform in ("win32", "darwin"):
        return {}
    asked = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if folder]
    found = {}
    for folder in dict.fromkeys((*asked, *_FOLDERS)):
        for path in sorted(Path(folder).glob(pattern)):
            version = re.search(r"\.so\.([\d.]+)$", path.name)
            if version and not path.is_symlink():
                found[str(path)] = version[1]
    return found
