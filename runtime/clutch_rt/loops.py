"""A graph that is run again and again on what it gave before: a decoder's cache, a stream's state.

On the CPU that is handed on in arrays. On a device with memory of its own it stays there, and so does what
never changes, a sentence's memory above all: through ONNX Runtime's IO binding only what the caller gives for
a step goes in, and what he wants to see comes out. Both ways run the same graph on the same numbers. A step
that the compiled library makes keeps what is carried for itself, and so does a captured one (``captured``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clutch_rt import ort
from clutch_rt.captured import FIXED, CapturedLoop
from clutch_rt.native_loop import native_loop
from clutch_rt.ports import memory_length, zeros
from clutch_rt.sessions import Sessions

Array = NDArray[Any]


class Loop(Protocol):
    """A graph with what it carries from run to run. Of one motion, or one batch: not for several threads."""

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        """Run once more; inputs that are not given keep their values. What was wanted, as arrays."""

    def keep(self, rows: int) -> None:
        """Go on with the first ``rows`` motions only: of every input, if axis 0 is the motions."""


class Resumable(Loop, Protocol):
    """A loop that can go back to what it carried before."""

    @property
    def past(self) -> Mapping[str, Any]:
        """What is carried into the next run, by input; it stays where it is, and as it is."""

    def go_on_from(self, past: Mapping[str, Any]) -> None:
        """Carry into the next run what was ``past`` at any time before."""


def loop(
    sessions: Sessions,
    graph: str,
    wanted: Sequence[str],
    carried: Mapping[str, str],
    start: Mapping[str, Array],
) -> Loop:
    """The loop that suits where the sessions run: of what stands for the graph, if anything does.

    Args:
        sessions: of a bundle.
        graph: which is run.
        wanted: outputs that ``run`` gives.
        carried: the input of the next run that an output becomes, by output; it may be wanted as well.
        start: inputs before the first run.
    """
    if network := sessions.native(graph):
        return native_loop(network, sessions.in_use, start)
    if captured := sessions.captured(graph):
        if place := sessions.place(graph, memory_length(start)):
            return CapturedLoop(captured, partial(sessions.guarded, FIXED[graph]), place, wanted, start)
        # Of what is carried, caches are the floats; those of the graph itself begin empty.
        shapes = sessions.own_inputs(graph)
        start = {**start, **{n: zeros(shapes[n]) for n in carried.values() if start[n].dtype == np.float32}}
    return resumable(sessions, graph, wanted, carried, start)


def resumable(
    sessions: Sessions,
    graph: str,
    wanted: Sequence[str],
    carried: Mapping[str, str],
    start: Mapping[str, Array],
) -> Resumable:
    """A loop of the graph itself, which can go back; arguments as of ``loop``."""
    memory = sessions.placement.memory
    if memory is None:
        return HostLoop(sessions, graph, wanted, carried, start)
    return DeviceLoop(sessions, graph, wanted, carried, start, memory)


class HostLoop:
    """Hands on in arrays; arguments as of ``loop``."""

    def __init__(
        self,
        sessions: Sessions,
        graph: str,
        wanted: Sequence[str],
        carried: Mapping[str, str],
        start: Mapping[str, Array],
    ) -> None:
        self._sessions = sessions
        self._graph = graph
        self._count = len(wanted)
        self._outputs = tuple(dict.fromkeys((*wanted, *carried)))
        self._carried = [(carried[name], i) for i, name in enumerate(self._outputs) if name in carried]
        self._feeds: dict[str, Any] = dict(start)

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        self._feeds.update(feeds)
        found = self._sessions.run(self._graph, self._outputs, self._feeds)
        for name, i in self._carried:
            self._feeds[name] = found[i]
        return found[: self._count]

    def keep(self, rows: int) -> None:
        self._feeds = {name: value[:rows] for name, value in self._feeds.items()}

    @property
    def past(self) -> Mapping[str, Any]:
        return {name: self._feeds[name] for name, _ in self._carried}

    def go_on_from(self, past: Mapping[str, Any]) -> None:
        self._feeds.update(past)


class DeviceLoop:
    """Leaves on the device what is carried; arguments as of ``loop``.

    ONNX Runtime copies an input to the device when it is bound, not when it runs, and a bound output keeps
    the buffer of its last run: so inputs that change are bound anew, and so is every output.

    Args:
        memory: ONNX Runtime's name of the device's memory, such as ``cuda``.
    """

    def __init__(
        self,
        sessions: Sessions,
        graph: str,
        wanted: Sequence[str],
        carried: Mapping[str, str],
        start: Mapping[str, Array],
        memory: str,
    ) -> None:
        self._sessions = sessions
        self._graph = graph
        self._memory = memory
        self._wanted = tuple(wanted)
        self._carried = dict(carried)
        self._outputs = tuple(dict.fromkeys((*wanted, *carried)))
        self._held: dict[str, Any] = {}  # arrays, and values on the device
        self._binding = sessions.run_with(graph, lambda session: session.io_binding())
        sessions.run_with(graph, lambda _: self._bind(start))

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        return self._sessions.run_with(self._graph, lambda session: self._run(session, feeds))

    def _run(self, session: ort.onnxruntime.InferenceSession, feeds: Mapping[str, Array]) -> list[Any]:
        self._bind(feeds)
        for name in self._outputs:
            self._binding.bind_output(name, self._memory)
        self._binding.synchronize_inputs()
        session.run_with_iobinding(self._binding)
        found = dict(zip(self._outputs, self._binding.get_outputs(), strict=True))
        seen = [found[name].numpy() for name in self._wanted]
        self._bind({name: found[output] for output, name in self._carried.items()})
        return seen

    def keep(self, rows: int) -> None:
        """As of ``Loop``; for this once what is carried goes through the host."""

        def through_the_host(_: ort.onnxruntime.InferenceSession) -> None:
            arrays = {n: v if isinstance(v, np.ndarray) else v.numpy() for n, v in self._held.items()}
            self._bind({name: array[:rows] for name, array in arrays.items()})

        self._sessions.run_with(self._graph, through_the_host)

    @property
    def past(self) -> Mapping[str, Any]:
        return {name: self._held[name] for name in self._carried.values()}

    def go_on_from(self, past: Mapping[str, Any]) -> None:
        self._sessions.run_with(self._graph, lambda _: self._bind(past))

    def _bind(self, feeds: Mapping[str, Any]) -> None:
        """Bind inputs: values on the device as they are, and arrays, which are copied there."""
        for name, value in feeds.items():
            if isinstance(value, ort.onnxruntime.OrtValue):
                self._held[name] = value
                self._binding.bind_ortvalue_input(name, value)
            else:
                self._held[name] = np.ascontiguousarray(value)
                self._binding.bind_cpu_input(name, self._held[name])
