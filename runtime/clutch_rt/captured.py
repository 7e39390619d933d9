"""The motion step as a CUDA graph: captured once for each length of memory, and replayed at every step.

Run node by node, a step is some three hundred launches, and the GPU waits between them; replayed, it is one.
That wants shapes that never change, which the graph ``motion_fixed`` of a bundle has, and one address for
every input and output. A *place* has those addresses for one length of memory; what a step hands on is
written where the next one reads it. ONNX Runtime lets one thread at a time run a session that captures, so a
*seat* is a session with its places, and each motion has one to itself while it is drawn: motions drawn side
by side take as many, which stay for those that come after them.

On a GPU this has not been run: where it was written there was none. The same code runs on the CPU, which
captures nothing.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt import ort
from clutch_rt.errors import BundleError
from clutch_rt.ports import MEMORY_LENGTH

Array = NDArray[Any]
Guard = Callable[[], AbstractContextManager[None]]

FIXED: Final[Mapping[str, str]] = {"motion_step": "motion_fixed"}
"""The graph that is captured, by that which it stands for."""

_TYPES: Final[Mapping[str, Any]] = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
_CAPTURE: Final = "gpu_graph_id"


class Place:
    """Addresses of all inputs and outputs for memories of one length, and the step captured there.

    Args:
        session: that captures.
        memory: ONNX Runtime's name of the device's memory.
        length: of the memories.
        number: of the capture, unlike all others of the session.

    Raises:
        BundleError: an output is no input of the next step.
    """

    def __init__(
        self, session: ort.onnxruntime.InferenceSession, memory: str, length: int, number: int
    ) -> None:
        self._session = session
        inputs, outputs = session.get_inputs(), [entry.name for entry in session.get_outputs()]
        if {entry.type for entry in inputs} - set(_TYPES) or (
            {_input_of(name) for name in outputs} - {entry.name for entry in inputs}
        ):
            raise BundleError("the step to be captured does not take what it gives; export the bundle again")
        self._empty = {
            entry.name: np.zeros(
                [n if isinstance(n, int) else length for n in entry.shape], _TYPES[entry.type]
            )
            for entry in inputs
        }
        value = ort.onnxruntime.OrtValue.ortvalue_from_numpy
        self._values = {name: value(array, memory, 0) for name, array in self._empty.items()}
        self._binding = session.io_binding()
        for name, bound in self._values.items():
            self._binding.bind_ortvalue_input(name, bound)
        for name in outputs:
            self._binding.bind_ortvalue_output(name, self._values[_input_of(name)])
        self._options = ort.onnxruntime.RunOptions()
        self._options.add_run_config_entry(_CAPTURE, str(number))
        self._run()  # it is captured now, on what is in no motion

    def begin(self, start: Mapping[str, Array]) -> None:
        """Inputs before the first step; one that is shorter than its place is filled up with zeros."""
        for name, empty in self._empty.items():
            whole = empty
            if name in start:
                given = np.asarray(start[name], empty.dtype)
                whole = empty.copy()
                whole[tuple(slice(n) for n in given.shape)] = given
            self._values[name].update_inplace(whole)

    def step(self, feeds: Mapping[str, Array], wanted: Sequence[str]) -> list[Array]:
        """Run once more; inputs that are not given keep their values. What was wanted, as arrays."""
        for name, given in feeds.items():
            array = np.asarray(given, self._empty[name].dtype)
            if array.shape != self._empty[name].shape:  # the address would take it, or a part of it
                raise ValueError(f"input {name} is {array.shape}; {self._empty[name].shape} was wanted")
            self._values[name].update_inplace(array)
        self._run()
        return [np.array(self._values[_input_of(name)].numpy()) for name in wanted]

    def _run(self) -> None:
        self._session.run_with_iobinding(self._binding, self._options)


class Seat:
    """A session that captures, and its places, made when they are first wanted. For one motion at a time."""

    def __init__(self, session: ort.onnxruntime.InferenceSession, memory: str) -> None:
        self._session = session
        self._memory = memory
        self._places: dict[int, Place] = {}

    def place(self, length: int) -> Place:
        """That of memories of one length."""
        if length not in self._places:
            self._places[length] = Place(self._session, self._memory, length, len(self._places) + 1)
        return self._places[length]

    @property
    def inputs(self) -> dict[str, list[Any]]:
        """Shapes of the graph's inputs."""
        return {entry.name: entry.shape for entry in self._session.get_inputs()}


class Seats:
    """The seats of one bundle's step. Threads may share it.

    Args:
        create: a session that captures.
        memory: ONNX Runtime's name of the device's memory.

    Raises:
        ClutchError, or what ONNX Runtime raises: the step cannot be captured; the usual length of memory is
            tried at once, so that one that cannot is known before the first motion.
    """

    def __init__(self, create: Callable[[], ort.onnxruntime.InferenceSession], memory: str) -> None:
        self._create = create
        self._memory = memory
        self._lock = threading.Lock()
        first = self._made()
        first.place(MEMORY_LENGTH)
        self.inputs: Mapping[str, list[Any]] = first.inputs
        self._free = [first]

    def take(self) -> Seat:
        """One that nobody has, made if there is none."""
        with self._lock:
            if self._free:
                return self._free.pop()
        return self._made()

    def give_back(self, seat: Seat) -> None:
        """For the next."""
        with self._lock:
            self._free.append(seat)

    def _made(self) -> Seat:
        return Seat(self._create(), self._memory)


class CapturedLoop:
    """One motion's steps on a seat, as ``loops.Loop`` has it; the seat is given back with the last reference.

    Args:
        seats: of the bundle.
        guard: a context that keeps the bundle open, and turns what ONNX Runtime raises into errors of ours.
        wanted: outputs that ``run`` gives.
        start: inputs before the first step, ``padding`` among them; caches may be empty.
    """

    def __init__(self, seats: Seats, guard: Guard, wanted: Sequence[str], start: Mapping[str, Array]) -> None:
        self._guard = guard
        self._wanted = tuple(wanted)
        with guard():
            seat = seats.take()
            weakref.finalize(self, seats.give_back, seat)
            self._place = seat.place(start["padding"].shape[-1])
            self._place.begin(start)

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        """Run once more; inputs that are not given keep their values. What was wanted, as arrays."""
        with self._guard():
            return self._place.step(feeds, self._wanted)

    def keep(self, rows: int) -> None:
        """As of ``Loop``; there is one motion."""
        assert rows == 1


def _input_of(output: str) -> str:
    """The input that an output becomes, at whose address it is written."""
    return output.removeprefix("next_")
