"""TensorRT and TensorRT-RTX through their common Python interface: from one network file to one engine.

The two libraries share their classes. TensorRT-RTX compiles ahead of time for architectures it is told, with
no GPU; TensorRT tunes on the GPU it finds. Neither is imported before it is asked for.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clutch_rt import nvidia
from clutch_rt.engines import Target
from clutch_rt.errors import BundleError, DeviceError, InputError, MissingExtraError

Log = Callable[[str], None]
Shapes = Sequence[Sequence[int]]

# Weight-only products of integers start with Ampere.
_FIRST_INTEGER_SM: Final = 80
_TURING: Final = 75
_TYPES: Final = {"FLOAT": "float32", "HALF": "float16", "INT64": "int64", "INT32": "int32", "BOOL": "bool"}
_SAY_EVERY_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Library:
    """An imported library.

    Attributes:
        target: what it builds for.
        module: the Python module.
        version: of it.
    """

    target: Target
    module: Any
    version: str

    @property
    def sms(self) -> tuple[int, ...]:
        """The architectures it compiles for ahead of time; empty where it builds on the GPU itself."""
        if not self.target.ahead:
            return ()
        names = self.module.ComputeCapability.__members__
        return tuple(sorted(int(name[2:]) for name in names if name.startswith("SM") and name[2:].isdigit()))


def import_library(target: Target) -> Library:
    """Import the library of a target; MissingExtraError says what to install, and where."""
    failures = []
    for name in target.modules:
        try:
            module = importlib.import_module(name)
        except (ImportError, OSError) as error:  # OSError: a shared library of it is missing
            failures.append(f"{name}: {error}")
            continue
        return Library(target, module, str(module.__version__))
    place = (
        "" if target.ahead else "; engines for it are built on the device itself, by `clutch-rt engine build`"
    )
    raise MissingExtraError(
        f"{target.library} is not installed here ({'; '.join(failures)}): {target.install}{place}"
    )


def groups_of_sms(library: Library, asked: Sequence[int], precision: str) -> list[tuple[int, ...]]:
    """The architectures asked for, in groups of one engine each.

    Turing stands alone: an engine that must run there too is slower on everything newer.

    Args:
        library: knows what it can build for.
        asked: architectures, or none for all but SM 121, a board with its own operating system image.
        precision: of the weights; int8 and int4 leave Turing out, which cannot multiply them.

    Raises:
        InputError: an architecture is not known to the library, or not able to the precision.
    """
    known = library.sms
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise InputError(
            f"{library.target.library} {library.version} cannot build for SM {', '.join(map(str, unknown))}; "
            f"it knows {', '.join(map(str, known))} (SM 90, the H100 and H200, is not among them: run those "
            "with --device cuda)"
        )
    integer = precision != "fp16"
    unable = [sm for sm in asked if integer and sm < _FIRST_INTEGER_SM]
    if unable:
        raise InputError(
            f"SM {unable[0]} has no products with {precision} weights; build --precision fp16 for it, and "
            f"{precision} for SM {', '.join(str(sm) for sm in known if sm >= _FIRST_INTEGER_SM)}"
        )
    wanted = sorted(set(asked)) or [
        sm for sm in known if sm != 121 and not (integer and sm < _FIRST_INTEGER_SM)
    ]
    turing, newer = [sm for sm in wanted if sm == _TURING], [sm for sm in wanted if sm != _TURING]
    return [tuple(group) for group in (turing, newer) if group]


def sm_of_gpu() -> int:
    """Architecture of the first GPU, asked of the driver; DeviceError where there is no driver or no GPU."""
    if nvidia.driver_library() is None:
        raise DeviceError(
            f"there is no NVIDIA driver here ({nvidia.DRIVER_LIBRARY} is missing); build on the machine "
            "whose GPU will run the engine"
        )
    found = nvidia.compute_capability()
    if found is None:
        raise DeviceError("the NVIDIA driver finds no usable GPU; check `nvidia-smi`")
    return found


@dataclass(frozen=True)
class Built:
    """An engine and what is known of it.

    Attributes:
        data: what the library will load.
        seconds: spent building.
        layers: of the network as parsed.
        inputs, outputs: ``{"name", "type", "shape"}``; open shapes have ``"smallest", "usual", "largest"``.
        checked: what the library said of the finished engine here.
        warnings: of parser and builder, each once.
    """

    data: bytes
    seconds: float
    layers: int
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    checked: str
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """What a key file says of the engine."""
        return {
            "seconds": round(self.seconds, 1),
            "layers": self.layers,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "checked": self.checked,
            "warnings": self.warnings,
        }


def build_engine(
    library: Library, network_file: Path, shapes: Mapping[str, Shapes], sms: Sequence[int], log: Log
) -> Built:
    """Compile one network.

    Args:
        library: builds it.
        network_file: ONNX; its weights lie beside it.
        shapes: smallest, usual and largest shape of every input that has an open dimension.
        sms: architectures to build for; ignored where the library builds on the GPU it finds.
        log: takes lines of progress.

    Raises:
        BundleError: the network does not parse; the message names the node.
        DeviceError: the library would not build it, or finds no GPU where it needs one.
    """
    trt, started = library.module, time.monotonic()
    notes = _listener(trt)
    builder = _made(library, lambda: trt.Builder(notes), notes)
    network = builder.create_network(_typed(trt))
    _parse(trt, network, notes, network_file)
    config = builder.create_builder_config()
    config.progress_monitor = _progress(trt, log)
    config.clear_flag(trt.BuilderFlag.TF32)  # float32 is kept for what needs it
    if library.target.ahead:
        config.num_compute_capabilities = len(sms)
        for i, sm in enumerate(sms):
            config.set_compute_capability(trt.ComputeCapability.__members__[f"SM{sm}"], i)
    if shapes:
        profile = builder.create_optimization_profile()
        for name, (smallest, usual, largest) in shapes.items():
            profile.set_shape(name, tuple(smallest), tuple(usual), tuple(largest))
        config.add_optimization_profile(profile)
    data = builder.build_serialized_network(network, config)
    if data is None:
        raise DeviceError(
            f"{library.target.library} {library.version} did not build {network_file.name}: "
            f"{notes.last_error()}"
        )
    blob = bytes(data)
    return Built(
        blob,
        time.monotonic() - started,
        network.num_layers,
        [_binding(network.get_input(i), shapes) for i in range(network.num_inputs)],
        [_binding(network.get_output(i), {}) for i in range(network.num_outputs)],
        _check(trt, blob),
        notes.warnings,
    )


def _made(library: Library, make: Callable[[], Any], notes: Any) -> Any:
    """A library's object; where it cannot be made (no driver, no GPU), DeviceError says why."""
    try:
        found = make()
    except (
        RuntimeError,
        TypeError,
    ) as error:  # pybind11 raises TypeError for a constructor that gave nothing
        reason = notes.last_error() or str(error)
        raise DeviceError(
            f"{library.target.library} {library.version} does not start here: {reason}; "
            "build where the GPU and its driver are (see `nvidia-smi`)"
        ) from error
    return found


def _typed(trt: Any) -> int:
    """The flag for a network that runs in the types it states; a library that knows no other has none."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _parse(trt: Any, network: Any, notes: Any, path: Path) -> None:
    parser = trt.OnnxParser(network, notes)
    if parser.parse_from_file(os.fspath(path)):
        return
    errors = [parser.get_error(i) for i in range(parser.num_errors)]
    said = "; ".join(_parse_error(error) for error in errors) or notes.last_error()
    raise BundleError(
        f"{path.name} does not parse: {said}; an engine is built from networks that "
        "`python -m export.tensorrt` wrote: write them again"
    )


def _parse_error(error: Any) -> str:
    node = f"node {error.node_name()!r} ({error.node_operator()})" if error.node_name() else "the graph"
    return f"{node}: {' '.join(error.desc().split())}"


def _binding(tensor: Any, shapes: Mapping[str, Shapes]) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": tensor.name,
        "type": _TYPES.get(str(tensor.dtype).rpartition(".")[2], str(tensor.dtype)),
        "shape": [int(n) for n in tensor.shape],
    }
    if tensor.name in shapes:
        names = ("smallest", "usual", "largest")
        about.update(zip(names, (list(s) for s in shapes[tensor.name]), strict=True))
    return about


def _check(trt: Any, blob: bytes) -> str:
    """Load the engine, where there is a GPU; else say that it was not loaded."""
    notes = _listener(trt)
    try:
        engine = trt.Runtime(notes).deserialize_cuda_engine(blob)
    except (RuntimeError, TypeError) as error:
        return _not_loaded(notes.last_error() or str(error))
    if engine is None:
        return _not_loaded(notes.last_error())
    return f"loaded: {engine.num_io_tensors} bindings, {engine.num_layers} layers after fusion"


def _not_loaded(reason: str) -> str:
    """The library's reason without its source lines."""
    inner = reason.rpartition("(cudaError")[2]
    return (
        f"not loaded: {'CUDA error' + inner.rstrip(')') if inner != reason else reason or 'no reason given'}"
    )


def _listener(trt: Any) -> Any:
    """A logger that keeps what was said."""

    class Listener(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []
            self.warnings: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            line = " ".join(message.split())
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(line)
            elif severity == trt.ILogger.Severity.WARNING and line not in self.warnings:
                self.warnings.append(line)

        def last_error(self) -> str:
            return self.errors[-1] if self.errors else ""

    return Listener()


def _progress(trt: Any, log: Log) -> Any:
    """Says, no more often than every few seconds, how far the outermost phase of a build has come."""

    class Progress(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.steps: dict[str, int] = {}
            self.said = time.monotonic()

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self.steps[phase] = steps

        def step_complete(self, phase: str, step: int) -> bool:
            now = time.monotonic()
            if now - self.said >= _SAY_EVERY_SECONDS:
                self.said = now
                log(f"    {phase}: {step + 1} of {self.steps.get(phase, step + 1)}")
            return True

        def phase_finish(self, phase: str) -> None:
            self.steps.pop(phase, None)

    return Progress()
