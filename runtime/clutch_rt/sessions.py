"""What one bundle runs on: ONNX Runtime's sessions, the compiled networks where the CPU has them, and on CUDA
the step as a CUDA graph.

Created when first needed, shared by threads, closed with care.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from clutch_rt import ort
from clutch_rt.bundle import Bundle
from clutch_rt.captured import FIXED, Captured, Place
from clutch_rt.device import Placement, certain, choose, create_session, run_error, warn_of_cpu_work
from clutch_rt.diagnosis import one_line
from clutch_rt.engine_choice import EngineChoice
from clutch_rt.errors import BundleError, ClutchError
from clutch_rt.fields import Fields
from clutch_rt.gate import Gate
from clutch_rt.layout import Float32Array
from clutch_rt.manifest import MANIFEST
from clutch_rt.native_encoder import GRAPH as ENCODER_GRAPH
from clutch_rt.native_encoder import SECTION as ENCODER
from clutch_rt.native_encoder import NativeEncoder
from clutch_rt.native_library import Absence, Library, library
from clutch_rt.native_shift import GRAPHS as SHIFT_GRAPHS
from clutch_rt.native_shift import NativeShift
from clutch_rt.native_step import GRAPHS as STEP_GRAPHS
from clutch_rt.native_step import NativeStep, refusal
from clutch_rt.native_weights import SECTION, Network
from clutch_rt.ports import zeros
from clutch_rt.providers import CPU

_Found = TypeVar("_Found")
_PACKED: Final = ("int8", "int4")  # precisions whose products other devices than the CPU lack
log = logging.getLogger(__name__)


class Sessions:
    """Lazily created sessions. ``run`` may be called from any thread; ``close`` waits for runs in flight.

    A session of ONNX Runtime may run in several threads at once, so there is one per graph; whatever belongs
    to a single motion (caches, states) is passed in and handed back by the caller. What is captured is the
    exception: see ``captured``.

    Args:
        bundle: verified.
        device, threads: as ``clutch_rt.load`` takes them.
        compiled: the library that makes motions on the CPU; None takes what there is.
    """

    def __init__(
        self, bundle: Bundle, device: str, threads: int, compiled: Library | Absence | None = None
    ) -> None:
        self._bundle = bundle
        self._engines = EngineChoice(bundle)
        self._device = device
        self._threads = threads
        # An unknown device is an error now, not at the first sentence.
        self._placement: Placement | None = certain(device)
        self._sessions: dict[str, ort.onnxruntime.InferenceSession] = {}
        why_not = refusal(bundle)
        self._library: Library | Absence = Absence(why_not) if why_not else compiled or library()
        self._stand_ins = {} if isinstance(self._library, Absence) else _stand_ins(bundle)
        self._native: dict[type[Network], Network] = {}
        self._captured: dict[str, Captured | None] = {}
        self._creating = threading.RLock()
        self._gate = Gate()

    @property
    def placement(self) -> Placement:
        """Where the sessions run; where that is not certain beforehand, the first one is created."""
        if self._placement is not None:
            return self._placement
        with self._creating:
            if self._placement is None:
                self.get(ENCODER_GRAPH)
            assert self._placement is not None
            if self._placement.provider == CPU and ENCODER_GRAPH in self._stand_ins:
                del self._sessions[ENCODER_GRAPH]  # which only served to find out
            return self._placement

    def get(self, name: str) -> ort.onnxruntime.InferenceSession:
        """The session of graph ``name``, created at the first call.

        Raises:
            DeviceError: the asked device cannot be had. BundleError: the graph cannot be loaded.
        """
        session = self._sessions.get(name)
        if session is not None:
            return session
        with self._creating:
            if name not in self._sessions:
                self._gate.check_open()
                self._sessions[name] = self._create(name)
            return self._sessions[name]

    def native(self, name: str) -> Network | None:
        """What stands for graph ``name`` in the compiled library; None where the graph itself is run.

        Raises:
            BundleError: the bundle's weights are not as its manifest tells. DeviceError: memory is used up.
        """
        kind, found = self._stand_ins.get(name), self._library
        if kind is None or isinstance(found, Absence) or self.placement.provider != CPU:
            return None
        if network := self._native.get(kind):
            return network
        with self._creating:
            self._gate.check_open()
            if kind not in self._native:
                self._native[kind] = kind(found, self._bundle)
            return self._native[kind]

    def captured(self, name: str) -> Captured | None:
        """What replays graph ``name`` on the device; None where it is run itself.

        Raises:
            ClutchError: the sessions were closed. DeviceError: there is no such device.
        """
        fixed = FIXED.get(name, "")
        if fixed not in self._bundle.manifest.graphs or self.placement.memory is None:
            return None
        if found := self._captured.get(name):
            return found
        with self._creating:
            if name not in self._captured:
                self._gate.check_open()
                path = self._bundle.file(self._bundle.manifest.graphs[fixed])
                placement, memory = replace(self.placement, captures=True), self.placement.memory
                self._captured[name] = self._alone(
                    fixed,
                    lambda: Captured(lambda: create_session(path, placement, self._threads), memory),
                )
            return self._captured[name]

    def place(self, name: str, length: int) -> Place | None:
        """A place for a motion of graph ``name``, which is captured; None where it must be run itself.

        Args:
            name: of the graph.
            length: of the motion's memory.

        Raises:
            ClutchError: the sessions were closed.
        """
        captured = self.captured(name)
        if captured is None:
            return None
        if found := captured.free(length):
            return found
        if captured.full(length):
            return None
        with self._creating:
            return self._alone(FIXED[name], lambda: captured.capture(length))

    def _alone(self, name: str, capture: Callable[[], _Found]) -> _Found | None:
        """What ``capture`` gives while nothing else runs; a warning and None where it fails."""
        expected: tuple[type[Exception], ...] = (ClutchError, *ort.ORT_ERRORS)
        with self._gate.alone():
            try:
                return capture()
            except expected as error:
                log.warning(
                    "steps are run node by node, which takes longer, for graph %r cannot be captured: %s",
                    *(name, one_line(error)),
                )
                return None

    @property
    def kernels(self) -> str:
        """Kernels of the compiled library that make the steps of motions, or ``none`` and why."""
        if self.placement.provider != CPU:
            return Absence(f"steps run on {self.placement.name}").kernels
        return self._library.kernels

    def inputs(self, name: str) -> dict[str, list[Any]]:
        """Shapes of the inputs of graph ``name``, or of what stands for it; errors as of ``get``."""
        if step := self.native(name):
            return step.inputs(name)
        if captured := self.captured(name):
            return dict(captured.inputs)
        return self.own_inputs(name)

    def own_inputs(self, name: str) -> dict[str, list[Any]]:
        """Shapes of the inputs of graph ``name`` itself; errors as of ``get``."""
        return {entry.name: entry.shape for entry in self.get(name).get_inputs()}

    def prepare(self, names: Sequence[str]) -> None:
        """Create several sessions, on the CPU side by side: the time of the slowest, where there are cores.

        Raises:
            DeviceError: the asked device cannot be had. BundleError: a graph cannot be loaded.
        """
        with self._creating:
            placement = self.placement
            missing = [name for name in names if name not in self._sessions and self.native(name) is None]
            if placement.provider == CPU and len(missing) > 1:
                self._gate.check_open()
                self._sessions.update(zip(missing, _side_by_side(self._create, missing), strict=True))
            for name in missing:
                if self.captured(name) is None:
                    self.get(name)

    def run(self, name: str, outputs: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Any]:
        """Run a graph once.

        Args:
            name: of the graph.
            outputs: names wanted, or None for all in the graph's order.
            feeds: input arrays by name.

        Raises:
            ClutchError: the sessions were closed. BundleError: the graph refused its inputs.
            DeviceError: the device failed, or its memory is used up.
        """
        if isinstance(network := self.native(name), NativeEncoder):
            with self.in_use():
                return network.run(outputs, feeds)
        return self.run_with(name, lambda session: list(session.run(outputs, feeds)))

    def run_with(self, name: str, work: Callable[[ort.onnxruntime.InferenceSession], _Found]) -> _Found:
        """What ``work`` gives, which runs graph ``name`` in its own way; errors as of ``run``."""
        session = self.get(name)
        with self.guarded(name):
            return work(session)

    @contextmanager
    def guarded(self, name: str) -> Iterator[None]:
        """A run of graph ``name`` that ``close`` waits for; errors as of ``run``."""
        with self.in_use():
            try:
                yield
            except ort.ORT_ERRORS as error:
                raise run_error(self._placement, name, error) from error

    def in_use(self) -> AbstractContextManager[None]:
        """A run that ``close`` waits for; ClutchError where it was closed before."""
        return self._gate.in_use()

    def zeros(self, name: str, entry: str) -> Float32Array:
        """``ports.zeros`` of an input of a graph, for one motion.

        Raises:
            BundleError: the graph has no input ``entry``.
        """
        shapes = self.inputs(name)
        if entry not in shapes:
            raise BundleError(f"graph {name!r} has no input {entry!r}; export the bundle again")
        return zeros(shapes[entry])

    def close(self) -> None:
        """Refuse new runs, wait for those in flight, and give the memory back. Closing twice is harmless."""
        self._gate.close()
        with self._creating:
            for captured in self._captured.values():
                if captured is not None:
                    captured.close()
            self._sessions.clear()
            self._native.clear()
            self._captured.clear()

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._gate.closed

    def _create(self, name: str) -> ort.onnxruntime.InferenceSession:
        if self._placement is None and name == ENCODER_GRAPH:
            graph = partial(self._engines.graph, name)
            self._placement, session = choose(graph, self._device, self._threads)
            warn_of_cpu_work(name, self._placement, session)
            return session
        placement = self.placement  # which may create the first session
        path = self._engines.graph(name, placement.name)
        if self._engines.lacks(name, placement.name) and self._bundle.manifest.precision in _PACKED:
            log.warning(
                "graph %r has no engine, and %s no kernels for weights in %s: it runs on the CPU",
                *(name, placement.provider, self._bundle.manifest.precision),
            )
            placement = Placement("cpu", CPU)
        session = create_session(path, placement, self._threads)
        warn_of_cpu_work(name, placement, session)
        return session


def _stand_ins(bundle: Bundle) -> Mapping[str, type[Network]]:
    """What stands for which graph of a bundle that it takes, in the compiled library."""
    told = Fields(bundle.manifest.raw, str(bundle.path / MANIFEST)).child(SECTION).raw
    shift = SHIFT_GRAPHS if "shift" in told else {}
    return {
        **({ENCODER_GRAPH: NativeEncoder} if ENCODER in told else {}),
        **dict.fromkeys(STEP_GRAPHS, NativeStep),
        **{name: NativeShift for name in shift if name in bundle.manifest.graphs},
    }


def _side_by_side(
    make: Callable[[str], ort.onnxruntime.InferenceSession], names: Sequence[str]
) -> list[ort.onnxruntime.InferenceSession]:
    """What ``make`` gives for each name, each made in a thread; the first error is raised at the end."""
    made: dict[str, ort.onnxruntime.InferenceSession] = {}
    errors: list[Exception] = []
    expected: tuple[type[Exception], ...] = (ClutchError, *ort.ORT_ERRORS)

    def work(name: str) -> None:
        try:
            made[name] = make(name)
        except expected as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,), name=f"clutch-rt {name}") for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [made[name] for name in names]
