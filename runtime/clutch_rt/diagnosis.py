"""What the errors of execution providers mean to the person who asked for a device, and how to mend each.

ONNX Runtime hands on what CUDA, TensorRT or the dynamic loader said. The patterns here are pieces of those
texts; each stands with what it comes from and the way on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

GPU_PACKAGE: Final = (
    "run `pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu[cuda,cudnn]'`"
)
RTX_PACKAGE: Final = (
    "run `pip install onnxruntime-ep-nv-tensorrt-rtx-cu12` (CUDA 12 drivers) or "
    "`pip install onnxruntime-ep-nv-tensorrt-rtx-cu13` (580 and later) beside onnxruntime 1.24 or later"
)
# ONNX Runtime's provider is linked against TensorRT 10.
TENSORRT_PACKAGE: Final = "run `pip install 'tensorrt-cu12<11'` (on Jetson it comes with JetPack)"
NO_DRIVER: Final = (
    "install NVIDIA's driver and check it with `nvidia-smi`, "
    "in a container pass the GPU through (`docker run --gpus all`)"
)
_MEMORY: Final = "close other programs that use the GPU (`nvidia-smi` lists them)"


@dataclass(frozen=True)
class Diagnosis:
    """What an error comes from, in a few words, and what to do about it, as an order."""

    cause: str
    mend: str


# The first pattern that is found counts, so the special stands before the general.
_KNOWN: Final[tuple[tuple[str, Diagnosis], ...]] = (
    (
        r"out of memory|cudaErrorMemoryAllocation|CUDA failure 2\b|ALLOC_FAILED|[Ff]ailed to allocate",
        Diagnosis("the GPU's memory is used up", _MEMORY),
    ),
    (
        r"driver version is insufficient|CUDA failure 35\b|INSUFFICIENT_DRIVER|InsufficientDriver",
        Diagnosis("the NVIDIA driver is too old", "update the driver (`nvidia-smi` shows which it is)"),
    ),
    (
        r"no CUDA-capable device|CUDA failure 100\b|NO_DEVICE\b",
        Diagnosis(
            "the driver sees no GPU",
            "check `nvidia-smi` and CUDA_VISIBLE_DEVICES, in a container pass the GPU through",
        ),
    ),
    (r"libcuda\.so|nvcuda\.dll", Diagnosis("no NVIDIA driver is installed", NO_DRIVER)),
    (
        r"no kernel image|CUDA failure 209\b|[Cc]ompute capability|not supported on this (GPU|device)",
        Diagnosis("this provider was not built for this GPU", "update the provider's package"),
    ),
    (
        r"libnvinfer|nvinfer_\d+\.dll|libnvonnxparser",
        Diagnosis(
            "TensorRT's libraries are not found",
            TENSORRT_PACKAGE,
        ),
    ),
    (
        r"libtensorrt|tensorrt_rtx",
        Diagnosis("TensorRT-RTX's libraries are not whole", f"{RTX_PACKAGE}, with --force-reinstall"),
    ),
    (
        r"libcu(dart|dnn|blas|fft|rand)|(cudart|cudnn|cublas|cufft|curand)64",
        Diagnosis(
            "CUDA's libraries are not found",
            "run `pip install --upgrade 'onnxruntime-gpu[cuda,cudnn]'`",
        ),
    ),
)
_UNKNOWN: Final = Diagnosis("", "check `nvidia-smi`, then " + GPU_PACKAGE)


def diagnose(said: str, nvidia: bool = True) -> Diagnosis:
    """What an error text of a provider comes from; ``cause`` is empty where it is not one of the known.

    Args:
        said: by ONNX Runtime, the driver or the loader.
        nvidia: whether the provider is one of NVIDIA's, whose errors these are.
    """
    if nvidia:
        for pattern, diagnosis in _KNOWN:
            if re.search(pattern, said):
                return diagnosis
        return _UNKNOWN
    return Diagnosis("", "check its driver")


def is_memory(said: str) -> bool:
    """Whether an error text says that memory is used up."""
    return re.search(_KNOWN[0][0], said) is not None or "bad_alloc" in said


def one_line(error: BaseException | str, width: int = 300) -> str:
    """An error's text on one line, shortened."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= width else text[: width - 3] + "..."
