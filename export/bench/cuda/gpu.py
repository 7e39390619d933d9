"""What a run ran on: GPU, driver, libraries, how fast memory copies; or why there is nothing to run on."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import torch
from clutch_rt.diagnosis import GPU_PACKAGE
from clutch_rt.nvidia import Nvidia, find_nvidia
from clutch_rt.ort import onnxruntime
from clutch_rt.providers import PROVIDERS, installed_runtimes, is_available

_REPEATS: Final = 20
_PACKAGES: Final = ("torch", "transformers", "numpy", "clutch-rt", "triton")


def lacking() -> str | None:
    """What keeps CUDA from running here, and what to do; None where PyTorch and ONNX Runtime both have it."""
    sees = torch.cuda.is_available()
    if sees and is_available("cuda"):
        return None
    runtimes = " and ".join(f"{name} {number}" for name, number in installed_runtimes().items())
    has = "with" if is_available("cuda") else "without"
    found = [
        _hardware(find_nvidia()),
        f"PyTorch {torch.__version__}, {_torch_cuda(sees)}",
        f"{runtimes or onnxruntime.__version__}, {has} {PROVIDERS['cuda']}",
    ]
    return (
        f"an NVIDIA GPU is wanted that PyTorch and ONNX Runtime both run on; found: {'; '.join(found)}. On a "
        "machine with such a GPU install PyTorch's build for CUDA, `pip install torch==2.13.0`, then "
        f"{GPU_PACKAGE}, and run the same command again; --rehearse runs every row's code on the CPU, where "
        "times mean nothing"
    )


def describe(device: torch.device) -> dict[str, Any]:
    """The device and the software, in plain values."""
    found = find_nvidia()
    record: dict[str, Any] = {
        "device": device.type,
        "gpus": [asdict(gpu) for gpu in found.gpus],
        "driver_cuda": found.cuda_version,
        "torch_cuda": torch.version.cuda,
        "versions": {**_versions(), **installed_runtimes()},
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        record |= {
            "name": properties.name,
            "memory_gb": round(properties.total_memory / 2**30, 1),
            "compute": f"{properties.major}.{properties.minor}",
            "processors": properties.multi_processor_count,
            "l2_mb": round(getattr(properties, "L2_cache_size", 0) / 2**20, 1),
            "cudnn": torch.backends.cudnn.version(),
        }
    return record


def copy_bandwidth(device: torch.device, size: int) -> float:
    """Bytes per second that a copy of ``size`` bytes within the device reads and writes, median of 20."""
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    for _ in range(3):
        target.copy_(source)
    seconds = [_timed_copy(source, target) for _ in range(_REPEATS)]
    return 2 * source.nbytes / statistics.median(seconds)


def _timed_copy(source: torch.Tensor, target: torch.Tensor) -> float:
    if source.device.type != "cuda":
        began = time.perf_counter()
        target.copy_(source)
        return time.perf_counter() - began
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    target.copy_(source)
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3


def _hardware(found: Nvidia) -> str:
    if not found.driver:
        return "no NVIDIA driver"
    names = ", ".join(f"{gpu.name} (driver {gpu.driver})" for gpu in found.gpus)
    return names or "an NVIDIA driver, but no GPU that nvidia-smi lists"


def _torch_cuda(sees: bool) -> str:
    if torch.version.cuda is None:
        return "a build without CUDA"
    return f"built for CUDA {torch.version.cuda}, which sees {'a GPU' if sees else 'no GPU'}"


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
