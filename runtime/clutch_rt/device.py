"""Where the graphs run: an honest choice of ONNX Runtime's execution provider.

ONNX Runtime answers a request for a provider it cannot start with a warning and runs on the CPU. Here a
device asked for by name is had, or is an error with the mending command, and ``auto`` says what it took and
why nothing better.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from clutch_rt import attempts, nvidia, ort, tensorrt
from clutch_rt.diagnosis import diagnose, is_memory, one_line
from clutch_rt.engines import ENGINES
from clutch_rt.errors import BundleError, ClutchError, DeviceError
from clutch_rt.plugin import rtx_options
from clutch_rt.providers import CPU, DEVICES, PROVIDERS, is_available, not_there, tried, why_unavailable

_NVIDIA: Final = ("cuda", "tensorrt", "tensorrt-rtx")
_MEMORY: Final[Mapping[str, str]] = {"cuda": "cuda"}
CUDA_OPTIONS: Final[Mapping[str, str]] = {"use_tf32": "0"}
"""Unless told so, CUDA rounds what float32 products take to 10 bits (TF32): other codes than on a CPU, and
nothing is won where a step waits for its weights."""
# How a device's engines are built; the others have none.
_ENGINES: Final[Mapping[str, str]] = {
    "tensorrt-rtx": "`python -m export.tensorrt BUNDLE --target rtx` in a checkout",
    "tensorrt": "`clutch-rt engine build`",
}
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {PROVIDERS["cuda"]: CUDA_OPTIONS}
_CAPTURING: Final[Mapping[str, Mapping[str, str]]] = {PROVIDERS["cuda"]: {"enable_cuda_graph": "1"}}
# Where the work of a graph is; shapes and indices may well be left to the CPU.
_PACKED: Final = ("MatMulInteger", "MatMulNBits", "QLinearMatMul", "DynamicQuantizeMatMul")
_PRODUCTS: Final = ("MatMul", "Gemm", "Conv", "FusedMatMul", *_PACKED)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Placement:
    """Where sessions run.

    Attributes:
        name: from ``DEVICES`` but never ``auto``.
        provider: ONNX Runtime's name.
        passed_over: why ``auto`` did not take what it would rather have had, a reason for each.
        captures: whether its sessions capture what they run, to replay it; see ``captured``.
    """

    name: str
    provider: str
    passed_over: tuple[str, ...] = field(default=(), compare=False)
    captures: bool = False

    @property
    def providers(self) -> list[str]:
        """Providers for a session: the chosen one, and the CPU for nodes it has no kernel for."""
        return [self.provider] if self.provider == CPU else [self.provider, CPU]

    @property
    def provider_options(self) -> list[dict[str, str]]:
        """Options for each of ``providers``."""
        capturing = _CAPTURING if self.captures else {}
        return [{**_OPTIONS.get(name, {}), **capturing.get(name, {})} for name in self.providers]

    @property
    def memory(self) -> str | None:
        """ONNX Runtime's name of the memory that a motion's past stays in between steps; None: the host's."""
        return _MEMORY.get(self.name)


def candidates(device: str) -> list[Placement]:
    """Placements to try for ``device``, best first.

    Raises:
        DeviceError: the name is unknown, or the installed ONNX Runtime has no such provider.
    """
    if device == "auto":
        return [Placement(name, PROVIDERS[name]) for name in (*tried(), "cpu")]
    if device not in PROVIDERS:
        raise DeviceError(f"there is no device {device!r}; choose one of {', '.join(DEVICES)}")
    if device != "cpu" and not is_available(device):
        raise DeviceError(why_unavailable(device))
    return [Placement(device, PROVIDERS[device])]


def session_options(threads: int) -> ort.onnxruntime.SessionOptions:
    """Options for one session: few threads, quiet."""
    options = ort.onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options


def create_session(path: Path, placement: Placement, threads: int) -> ort.onnxruntime.InferenceSession:
    """A session that truly runs where it was asked to.

    Raises:
        DeviceError: the provider did not start on this machine, or has no kernel for any of the work.
        BundleError: the graph itself cannot be loaded.
    """
    expected = ort.ORT_ERRORS  # imports ONNX Runtime, which should not be tried again below
    said = ""
    # Any session may be the one in whose libraries the process ends.
    marked = contextlib.nullcontext() if placement.provider == CPU else attempts.attempt(placement.name)
    try:
        with marked:
            if placement.name in ("cuda", "tensorrt"):
                said = _preload(placement.name)
            session = _start(path, placement, threads)
    except expected as error:
        if isinstance(error, ClutchError):
            raise
        if placement.captures:
            raise DeviceError(one_line(error)) from None  # the provider itself did start
        if placement.provider != CPU and not ort.is_graph_error(error):
            raise DeviceError(_not_started(placement, one_line(error))) from None
        again = "export the bundle again"
        if ENGINES in path.parts:
            again = "build it again: `clutch-rt engine build --force`, or `python -m export.tensorrt`"
        raise BundleError(f"{path} cannot be loaded: {one_line(error)}; {again}") from None
    if placement.provider not in session.get_providers()[:1]:
        raise DeviceError(_not_started(placement, said or "its driver or libraries are missing"))
    if placement.provider != CPU:
        work = work_on_cpu(session)
        if work.products and work.left == work.products:
            raise DeviceError(_no_kernels(placement, path, work))
    return session


def certain(device: str) -> Placement | None:
    """The CPU, where ``device`` leaves nothing else to try; None where only trying can tell.

    Raises:
        DeviceError: as ``candidates``.
    """
    best = candidates(device)[0]
    if best.provider != CPU:
        return None
    passed = not_there() if device == "auto" else ()
    log.info("device %s took %s%s", device, CPU, f" ({'; '.join(passed)})" if passed else "")
    return replace(best, passed_over=tuple(passed))


def choose(
    graph: Path | Callable[[str], Path], device: str, threads: int
) -> tuple[Placement, ort.onnxruntime.InferenceSession]:
    """Create the first session on the best placement for ``device``; what it took, and why, is logged.

    Args:
        graph: the file, or a function that says which file a device loads; one that holds weights as the
            bundle has them, for what runs here is taken to run of the others too.
        device: from ``DEVICES``.
        threads: of the session.

    Raises:
        DeviceError: the device named cannot be had, or has no kernels for weights in 8 or 4 bits.
        BundleError: the graph, or the engine that fits it on the device named, cannot be loaded.
    """

    def path_on(name: str) -> Path:
        return graph if isinstance(graph, Path) else graph(name)

    if settled := certain(device):
        return settled, create_session(path_on(settled.name), settled, threads)
    options = candidates(device)
    if device != "auto":
        (named,) = options
        session = _first_session(path_on, named, threads)
        work = work_on_cpu(session)
        if work.packed and named.provider != CPU:
            raise DeviceError(_no_kernels(named, path_on(named.name), work))
        log.info("device %s took %s", device, named.provider)
        return named, session
    passed = not_there()
    for placement in options[:-1]:
        try:
            session = _first_session(path_on, placement, threads)
            work = work_on_cpu(session)
        except (DeviceError, BundleError) as error:  # an engine may be damaged where the graphs are whole
            log.info("device auto passes over %s: %s", placement.name, error)
            passed.append(f"{placement.name}: {error}")
            continue
        if work.left:
            reason = f"{work.left} of {work.products} matrix products would run on the CPU all the same"
            log.info("device auto passes over %s: %s", placement.name, reason)
            passed.append(f"{placement.name}: {reason}")
            continue
        log.info("device auto took %s", placement.provider)
        return replace(placement, passed_over=tuple(passed)), session
    session = create_session(path_on(options[-1].name), options[-1], threads)
    log.info("device auto took %s (%s)", options[-1].provider, "; ".join(passed))
    return replace(options[-1], passed_over=tuple(passed)), session


@dataclass(frozen=True)
class Work:
    """Matrix products of a session: all, those on the CPU, and of these those of weights in 8 or 4 bits."""

    products: int = 0
    left: int = 0
    packed: int = 0


def work_on_cpu(session: ort.onnxruntime.InferenceSession) -> Work:
    """What of a session's work runs on the CPU; none of it where ONNX Runtime cannot tell."""
    if not hasattr(session, "get_provider_graph_assignment_info"):  # older versions
        return Work()
    try:
        parts = session.get_provider_graph_assignment_info()
    except ort.ORT_ERRORS:
        return Work()
    products = [
        (part.ep_name, node.op_type)
        for part in parts
        for node in part.get_nodes()
        if node.op_type.startswith(_PRODUCTS)
    ]
    left = [kind for name, kind in products if name == CPU]
    return Work(len(products), len(left), sum(kind in _PACKED for kind in left))


def _no_kernels(placement: Placement, path: Path, work: Work) -> str:
    how = _ENGINES.get(placement.name)
    engines = f", build engines for it with {how}" if how else ""
    return (
        f"{placement.provider} starts, but has no kernel for {work.left} of the {work.products} matrix "
        f"products of {path.name}, which would run on the CPU at every step; take a bundle of another "
        f"precision (fp32 or fp16){engines}, or use --device cpu"
    )


def warn_of_cpu_work(graph: str, placement: Placement, session: ort.onnxruntime.InferenceSession) -> None:
    """Say where a provider does only a part of a graph's work."""
    if placement.provider == CPU:
        return
    work = work_on_cpu(session)
    if work.left:
        log.warning(
            "graph %r: %d of %d matrix products run on the CPU, for %s has no kernel for them; "
            "a bundle in fp32 or fp16 would run on it as a whole",
            *(graph, work.left, work.products, placement.provider),
        )


def run_error(placement: Placement | None, graph: str, error: Exception) -> ClutchError:
    """The error a user meets where a graph failed while it ran."""
    said = one_line(error)
    if placement is None or placement.provider == CPU:
        if is_memory(said):
            return DeviceError(
                f"the machine's memory is used up in graph {graph!r} ({said}); close other programs"
            )
        return BundleError(f"graph {graph!r} failed: {said}; export the bundle again")
    found = diagnose(said, placement.name in _NVIDIA)
    cause = f"{found.cause}: " if found.cause else ""
    return DeviceError(
        f"{placement.provider} failed in graph {graph!r} ({cause}{said}); {found.mend}, or use --device cpu"
    )


def _first_session(
    path_on: Callable[[str], Path], placement: Placement, threads: int
) -> ort.onnxruntime.InferenceSession:
    """The session that starts a provider, in whose library the process may end.

    So it may in ``path_on``, which says the file a device loads: the driver is asked which engine fits.
    """
    if placement.provider == CPU:
        return create_session(path_on(placement.name), placement, threads)
    if attempts.crashed(placement.name):
        raise DeviceError(
            f"{placement.provider} ended the process the last time it was started; update the driver and the "
            "provider's package, then let `clutch-rt doctor` try it again, or use --device cpu"
        )
    with attempts.attempt(placement.name):
        path = path_on(placement.name)
    return create_session(path, placement, threads)


def _start(path: Path, placement: Placement, threads: int) -> ort.onnxruntime.InferenceSession:
    options = session_options(threads)
    if placement.provider != CPU:
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if placement.name == "tensorrt-rtx":
        return ort.onnxruntime.InferenceSession(str(path), rtx_options(options), enable_fallback=0)
    return ort.onnxruntime.InferenceSession(
        str(path),
        options,
        providers=placement.providers,
        provider_options=placement.provider_options,
        enable_fallback=0,
    )


def _preload(device: str) -> str:
    """Load what NVIDIA's Python packages hold of CUDA, cuDNN and TensorRT; what could not be loaded.

    ONNX Runtime prints what it misses; stdout may be carrying a file, so that is caught and returned.
    """
    failed = []
    if hasattr(ort.onnxruntime, "preload_dlls"):  # since 1.21
        with contextlib.redirect_stdout(io.StringIO()) as said:
            ort.onnxruntime.preload_dlls()
        failed += [one_line(said.getvalue())] if said.getvalue().strip() else []
    if device == "tensorrt":
        failed += tensorrt.load()
    log.debug("preloading for %s: %s", device, "; ".join(failed) or "done")
    return "; ".join(failed)


def _not_started(placement: Placement, reason: str) -> str:
    found = diagnose(reason, placement.name in _NVIDIA)
    if placement.name in ("cuda", "tensorrt") and nvidia.driver_library() is None:
        found = diagnose(nvidia.DRIVER_LIBRARY)
    cause = f"{found.cause}: " if found.cause else ""
    return (
        f"{placement.provider} did not start on this machine ({cause}{reason}); {found.mend}, "
        "or use --device cpu"
    )
