"""The motion step as a CUDA graph: captured once, replayed at every step.

Run node by node, a step is some three hundred launches, and the GPU waits between them; replayed, it is one.
That wants shapes that never change, which the graph ``motion_fixed`` of a bundle has, and one address for
every input and output. A *place* has those addresses for one motion and one length of memory; what a step
hands on is written where the next one reads it. A place is left to the next motion of its length. Memories of
the form ``step`` are filled up to a few lengths; those of the form ``flat`` have the length of their prompt.

ONNX Runtime keeps what it captured by thread, and on any other thread it would capture anew in the middle of
a motion. So one thread, which belongs to the session, does all that is done with it.

None of this has been run on a GPU: where it was written there was none. The same code runs on the CPU, which
captures nothing. Therefore a replay is held against the run that it captured before it is used.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from clutch_rt import ort
from clutch_rt.errors import BundleError, DeviceError
from clutch_rt.grammar import UNKNOWN
from clutch_rt.manifest import MOTION_FIXED
from clutch_rt.ports import MEMORY_LENGTH
from clutch_rt.worker import Worker

Array = NDArray[Any]
Guard = Callable[[], AbstractContextManager[None]]
_Found = TypeVar("_Found")

FIXED: Final[Mapping[str, str]] = {"motion_step": MOTION_FIXED}
"""The graph that is captured, by that which it stands for."""

_TYPES: Final[Mapping[str, Any]] = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
_GRAPH_ID: Final = "gpu_graph_id"
_UNCAPTURED: Final = -1
_SINCE: Final = (1, 21)  # CUDA has a kernel for each node of the step, and graphs have ids
_TRIED: Final = 3
_MOST: Final = 64  # places of a session: each holds a whole past, and they are never let go


class Place:
    """Addresses of all inputs and outputs of one motion at a time, and the step captured there.

    The output ``next_NAME`` is written at the address of the input ``NAME``.

    Args:
        session: that captures; all calls come from one thread.
        memory: ONNX Runtime's name of the device's memory.
        length: of the motion's memory.
        number: of the capture, 1 or more and unlike all others of the session.

    Raises:
        BundleError: an output is no input of the next step, or an input of a type that no step has.
    """

    def __init__(
        self, session: ort.onnxruntime.InferenceSession, memory: str, length: int, number: int
    ) -> None:
        self._session = session
        self.length = length
        inputs, self._outputs = session.get_inputs(), [entry.name for entry in session.get_outputs()]
        unknown = {entry.type for entry in inputs} - set(_TYPES)
        carried = {_input_of(name) for name in self._outputs} | {"position", "codes"}
        if unknown or carried - {entry.name for entry in inputs} or "next_codes" not in self._outputs:
            raise BundleError("the step to be captured does not take what it gives; export the bundle again")
        self._kinds = {
            entry.name: (tuple(n if isinstance(n, int) else length for n in entry.shape), _TYPES[entry.type])
            for entry in inputs
        }
        # While it is captured, whole numbers are 0, which are rows, and others 1: nothing is divided by 0.
        start = {
            name: np.full(shape, dtype is np.float32, dtype) for name, (shape, dtype) in self._kinds.items()
        }
        value = ort.onnxruntime.OrtValue.ortvalue_from_numpy
        self._values = {name: value(array, memory, 0) for name, array in start.items()}
        self._binding = session.io_binding()
        for name, bound in self._values.items():
            self._binding.bind_ortvalue_input(name, bound)
        for name in self._outputs:
            self._binding.bind_ortvalue_output(name, self._values[_input_of(name)])
        self._options = _options(number)
        self._run()  # ONNX Runtime captures now, on what is in no motion

    def put(self, feeds: Mapping[str, Array]) -> None:
        """Inputs at their addresses; those that are not given keep their values.

        Raises:
            ValueError: one of another shape.
        """
        for name, given in feeds.items():
            shape, dtype = self._kinds[name]
            array = np.ascontiguousarray(given, dtype)
            if array.shape != shape:
                raise ValueError(f"input {name} is {array.shape}; {shape} was wanted")
            self._values[name].update_inplace(array)

    def step(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> list[Array]:
        """Replay once more; inputs that are not given keep their values. What was wanted, as arrays."""
        self.put(feeds)
        self._run()
        return [np.array(self._values[_input_of(name)].numpy()) for name in wanted]

    def check(self) -> None:
        """Hold a few replayed steps against the same steps run node by node, with arrays of their own.

        Raises:
            DeviceError: they differ.
        """
        rng = np.random.default_rng(0)
        feeds = {
            name: np.zeros(shape, dtype) if dtype is np.int64 else rng.random(shape).astype(dtype)
            for name, (shape, dtype) in self._kinds.items()
        }
        if "given" in feeds:
            feeds["given"] += UNKNOWN
        self.put(feeds)
        for position in range(_TRIED):
            feeds["position"] = np.asarray([position], np.int64)
            found = self.step({"position": feeds["position"]}, ["next_codes"])[0]
            outputs = self._session.run(self._outputs, feeds, _options(_UNCAPTURED))
            feeds |= {_input_of(name): value for name, value in zip(self._outputs, outputs, strict=True)}
            if not np.array_equal(found, feeds["codes"]):
                raise DeviceError("what is replayed is not what was captured")

    def _run(self) -> None:
        self._session.run_with_iobinding(self._binding, self._options)


class Captured:
    """The captured step of one bundle: its session, the thread that runs it, and its places.

    Threads may share it. ``capture`` wants that nothing else uses the device meanwhile: CUDA gives up a
    capture when another thread does, and fails that thread's call. Of one model ``Sessions`` sees to it; of
    other models and libraries in the process nobody does.

    Args:
        create: the session, which captures.
        memory: ONNX Runtime's name of the device's memory.

    Raises:
        ClutchError, or what ONNX Runtime raises: the step cannot be captured; the usual length of memory is
            tried at once.
    """

    def __init__(self, create: Callable[[], ort.onnxruntime.InferenceSession], memory: str) -> None:
        version = ort.onnxruntime.__version__
        if tuple(int(n) for n in version.split(".")[:2]) < _SINCE:
            raise DeviceError(
                f"ONNX Runtime is {version}; {'.'.join(map(str, _SINCE))} or newer is wanted for that"
            )
        self._memory = memory
        self._numbers = count(1)
        self._free: dict[int, deque[Place]] = {}
        self._full: set[int] = set()
        self._made = 0
        self._closed = False
        self._thread = Worker("clutch-rt captured")
        try:
            self._session = self.do(create)
            self.inputs = {entry.name: list[Any](entry.shape) for entry in self._session.get_inputs()}
            self.give_back(self.capture(MEMORY_LENGTH))
        except BaseException:
            self.close()
            raise

    def do(self, work: Callable[[], _Found]) -> _Found:
        """What ``work`` gives, done by the session's own thread."""
        return self._thread.do(work)

    def free(self, length: int) -> Place | None:
        """A place for memories of a length that no motion has, if there is one."""
        try:
            return self._free[length].pop()
        except (KeyError, IndexError):
            return None

    def full(self, length: int) -> bool:
        """Whether the last ``capture`` of this length failed, and none was given back since."""
        return length in self._full

    def capture(self, length: int) -> Place:
        """One more place, which was tried; raises as the constructor does, and where there are many."""
        self._full.add(length)
        if self._made >= _MOST:
            raise DeviceError(f"there are {_MOST} places for motions already")
        self._made += 1
        place = self.do(lambda: Place(self._session, self._memory, length, next(self._numbers)))
        self.do(place.check)
        self._full.discard(length)
        return place

    def give_back(self, place: Place) -> None:
        """For the next motion; may be called from a finaliser."""
        if not self._closed:
            self._free.setdefault(place.length, deque()).append(place)
            self._full.discard(place.length)

    def close(self) -> None:
        """Let go of the thread, and of the places that no motion has."""
        self._closed = True
        self._thread.close()
        self._free.clear()


class CapturedLoop:
    """One motion's steps at a place, as ``loops.Loop`` has it; the last reference gives the place back.

    Args:
        captured: of the bundle.
        guard: a context that keeps the bundle open, and turns what ONNX Runtime raises into errors of ours.
        place: which the motion takes.
        wanted: outputs that ``run`` gives.
        start: inputs before the first step.
    """

    def __init__(
        self,
        captured: Captured,
        guard: Guard,
        place: Place,
        wanted: Sequence[str],
        start: Mapping[str, Array],
    ) -> None:
        self._captured = captured
        self._guard = guard
        self._place = place
        self._wanted = tuple(wanted)
        weakref.finalize(self, captured.give_back, place).atexit = False
        with guard():
            captured.do(lambda: place.put(start))

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        """Run once more; inputs that are not given keep their values. What was wanted, as arrays."""
        with self._guard():
            return self._captured.do(lambda: self._place.step(feeds, self._wanted))

    def keep(self, rows: int) -> None:
        """As of ``Loop``; there is one motion."""
        if rows != 1:
            raise ValueError(f"{rows} motions of one were to be kept")


def _input_of(output: str) -> str:
    return output.removeprefix("next_")


def _options(graph_id: int) -> ort.onnxruntime.RunOptions:
    options = ort.onnxruntime.RunOptions()
    options.add_run_config_entry(_GRAPH_ID, str(graph_id))
    return options
