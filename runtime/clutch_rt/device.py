"""Where the graphs run: an honest choice of ONNX Runtime's execution provider.

ONNX Runtime answers a request for a provider it cannot start with a warning and runs on the CPU. Here a
device asked for by name is had, or is an error with the mending command, and ``auto`` says what it took.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from clutch_rt.errors import BundleError, DeviceError
from clutch_rt.ort import onnxruntime
from clutch_rt.ort import state as _ort_state

CPU: Final = "CPUExecutionProvider"

PROVIDERS: Final[Mapping[str, str]] = {
    "cpu": CPU,
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
}
DEVICES: Final = ("auto", *PROVIDERS)

# The packages share a folder: both must go before one comes.
_GPU_PACKAGE: Final = "run `pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu`"
_MEND: Final[Mapping[str, str]] = {
    "cuda": _GPU_PACKAGE,
    "tensorrt": _GPU_PACKAGE,
    "coreml": "on macOS run `pip install --force-reinstall --no-deps onnxruntime`",
    "directml": "on Windows run `pip uninstall -y onnxruntime && pip install onnxruntime-directml`",
    "openvino": "run `pip uninstall -y onnxruntime && pip install onnxruntime-openvino`",
    "migraphx": "install AMD's onnxruntime-migraphx wheel in place of onnxruntime",
}
# What `auto` tries, best first; the rest is had by name only.
_AUTO: Final = ("cuda",)
_NVIDIA: Final = ("cuda", "tensorrt")

# ONNX Runtime's errors share no base class but Exception.
ORT_ERRORS: Final[tuple[type[Exception], ...]] = (
    *(v for v in vars(_ort_state).values() if isinstance(v, type) and issubclass(v, Exception)),
    RuntimeError,
    ValueError,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Placement:
    """Where sessions run: ``name`` from ``DEVICES`` but never ``auto``, ``provider`` ONNX Runtime's name."""

    name: str
    provider: str

    @property
    def providers(self) -> list[str]:
        """Providers for a session: the chosen one, and the CPU for nodes it has no kernel for."""
        return [self.provider] if self.provider == CPU else [self.provider, CPU]


def installed_runtimes() -> dict[str, str]:
    """Versions of the installed ONNX Runtime packages, by name; more than one is a broken installation."""
    names = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def candidates(device: str) -> list[Placement]:
    """Placements to try for ``device``, best first.

    Raises:
        DeviceError: the name is unknown, or the installed ONNX Runtime was built without that provider.
    """
    if device == "auto":
        have = onnxruntime.get_available_providers()
        return [Placement(n, PROVIDERS[n]) for n in (*_AUTO, "cpu") if PROVIDERS[n] in have]
    if device not in PROVIDERS:
        raise DeviceError(f"there is no device {device!r}; choose one of {', '.join(DEVICES)}")
    placement = Placement(device, PROVIDERS[device])
    if placement.provider not in onnxruntime.get_available_providers():
        raise DeviceError(
            f"device {device!r} needs {placement.provider}, which the installed {_installed()} lacks; "
            f"{_MEND[device]}, or use --device cpu"
        )
    return [placement]


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Options for one session: few threads, quiet."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options


def create_session(path: Path, placement: Placement, threads: int) -> onnxruntime.InferenceSession:
    """A session that truly runs where it was asked to.

    Raises:
        DeviceError: the provider did not start on this machine.
        BundleError: the graph itself cannot be loaded.
    """
    said = _preload() if placement.name in _NVIDIA else ""
    try:
        session = onnxruntime.InferenceSession(
            str(path), session_options(threads), providers=placement.providers, enable_fallback=0
        )
    except ORT_ERRORS as error:
        if placement.provider != CPU and not _is_graph_error(error):
            raise DeviceError(_not_started(placement, one_line(error))) from None
        raise BundleError(f"{path} cannot be loaded: {one_line(error)}; export the bundle again") from None
    if session.get_providers()[0] != placement.provider:
        raise DeviceError(_not_started(placement, said or "its driver or libraries are missing"))
    return session


def choose(path: Path, device: str, threads: int) -> tuple[Placement, onnxruntime.InferenceSession]:
    """Create the first session on the best placement for ``device``; what it took is logged."""
    options = candidates(device)
    for placement in options[:-1]:
        try:
            session = create_session(path, placement, threads)
        except DeviceError as error:
            log.info("device auto passes over %s: %s", placement.name, error)
            continue
        log.info("device %s took %s", device, placement.provider)
        return placement, session
    session = create_session(path, options[-1], threads)
    log.info("device %s took %s", device, options[-1].provider)
    return options[-1], session


def one_line(error: BaseException, width: int = 300) -> str:
    """An error's text on one line, shortened."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= width else text[: width - 3] + "..."


def _installed() -> str:
    found = installed_runtimes()
    named = " and ".join(f"{name} {version}" for name, version in found.items())
    return named or f"onnxruntime {onnxruntime.__version__}"


def _is_graph_error(error: Exception) -> bool:
    kinds: tuple[Any, ...] = tuple(
        getattr(_ort_state, name)
        for name in ("InvalidProtobuf", "InvalidGraph", "NoSuchFile", "NoModel")
        if hasattr(_ort_state, name)
    )
    return isinstance(error, kinds)


def _preload() -> str:
    """Load CUDA and cuDNN from NVIDIA's Python packages where they are installed; what could not be loaded.

    ONNX Runtime prints what it misses; stdout may be carrying a file, so that is caught and returned.
    """
    if not hasattr(onnxruntime, "preload_dlls"):  # before 1.21
        return ""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        onnxruntime.preload_dlls()
    text = " ".join(said.getvalue().split())
    log.debug("preloading CUDA: %s", text or "done")
    return text if len(text) <= 300 else text[:297] + "..."


def _not_started(placement: Placement, reason: str) -> str:
    if placement.name in _NVIDIA:
        mend = "check `nvidia-smi`, then run `pip install --upgrade 'onnxruntime-gpu[cuda,cudnn]'`"
    else:
        mend = "check its driver"
    return f"{placement.provider} did not start on this machine ({reason}); {mend}, or use --device cpu"
