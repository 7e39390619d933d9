"""A motion step under ONNX Runtime: with copies at every step, bound, and as a CUDA graph of fixed shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from clutch_rt.device import CUDA_OPTIONS, session_options
from clutch_rt.engine import Engine
from clutch_rt.grammar import UNKNOWN
from clutch_rt.layout import Float32Array, IntArray
from clutch_rt.loops import DeviceLoop, HostLoop, Loop
from clutch_rt.ort import onnxruntime
from clutch_rt.providers import CPU, PROVIDERS
from clutch_rt.sampling import sampling
from clutch_rt.sessions import Sessions

from export.bench.cuda.subject import NETWORK, Case

_GRAPH: Final = "motion_step"


class GrowingSteps:
    """The graph of a bundle, run as the runtime runs it.

    Args:
        case: whose motions are drawn.
        sessions: where.
        memory: what the past stays in, such as ``cuda``; None hands it on in arrays of the host.
        rhythm: whether ``step`` gives the rhythm, too, before the codes.
    """

    def __init__(self, case: Case, sessions: Sessions, memory: str | None, rhythm: bool = False) -> None:
        engine = Engine(case.subject.bundle.manifest, sessions)
        self._sessions = sessions
        self._memory = memory
        self._ports = engine.ports(_GRAPH)
        shown = ["next_rhythm"] if rhythm and case.subject.model.grammar.rhythm else []
        self._wanted = [*shown, "next_codes"]
        self.memories = [
            engine.remember(np.asarray([case.prompt(row)], np.int64), case.request(row)).keys_values
            for row in range(case.batch)
        ]
        shape = (case.batch, engine.grammar.slots)
        self._start: dict[str, Any] = {
            **sampling(case.request(0)),
            "codes": np.zeros(shape, np.int64),
            "given": np.full(shape, UNKNOWN, np.int64),
            "steps": np.full(case.batch, case.steps, np.int64),
            **self._ports.start(self.memories),
        }
        self.begin()

    def begin(self) -> None:
        common = (self._sessions, _GRAPH, self._wanted, self._ports.carried, self._start)
        self._loop: Loop = HostLoop(*common) if self._memory is None else DeviceLoop(*common, self._memory)

    def step(self, position: int, noise: Float32Array) -> IntArray:
        """The codes ``(B, K)`` of a step, under ``noise (B, C, rows)``; the rhythm first, if wanted."""
        parts = self._loop.run({"position": np.asarray([position], np.int64), "noise": noise})
        return np.concatenate(parts, axis=1)


class FixedSteps:
    """The step of fixed shapes, which an engine is built of, of one motion; products in float16.

    Every input and output has one address. What is carried has the same for both: the graph reads it whole
    before it writes.

    Args:
        case: of one motion.
        memory: of that motion, ``(2N, 1, H, M, D)``.
        device: ONNX Runtime's name of the device; on ``cuda`` the step is captured as a CUDA graph.
    """

    def __init__(self, case: Case, memory: Float32Array, device: str) -> None:
        session = _session(case.subject.network / f"{NETWORK}.onnx", device)
        self._session, self._binding = session, session.io_binding()
        self._first = _first_inputs(session, case, memory)
        self._values = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(value, device, 0)
            for name, value in self._first.items()
        }
        for name, value in self._values.items():
            self._binding.bind_ortvalue_input(name, value)
        carried = [output.name for output in session.get_outputs()]
        self._carried = [name.removeprefix("next_") for name in carried]
        for output, name in zip(carried, self._carried, strict=True):
            self._binding.bind_ortvalue_output(output, self._values[name])
        self._session.run_with_iobinding(self._binding)  # where a graph is captured, it is now
        self.begin()

    def begin(self) -> None:
        for name in self._carried:
            self._values[name].update_inplace(np.zeros_like(self._first[name]))

    def step(self, position: int, noise: Float32Array) -> IntArray:
        """The codes ``(1, K)`` of a step, under ``noise (1, C, rows)``."""
        self._values["position"].update_inplace(np.asarray([position], np.int64))
        self._values["noise"].update_inplace(noise)
        self._session.run_with_iobinding(self._binding)
        return np.array(self._values["codes"].numpy())


def _session(path: Path, device: str) -> onnxruntime.InferenceSession:
    if device == "cpu":
        return onnxruntime.InferenceSession(str(path), session_options(1), providers=[CPU])
    options = [{**CUDA_OPTIONS, "enable_cuda_graph": "1"}]
    return onnxruntime.InferenceSession(
        str(path), session_options(1), providers=[PROVIDERS["cuda"]], provider_options=options
    )


def _first_inputs(
    session: onnxruntime.InferenceSession, case: Case, memory: Float32Array
) -> dict[str, np.ndarray[Any, Any]]:
    slots = case.subject.model.slots
    known: dict[str, Any] = {
        **sampling(case.request(0)),
        "given": np.full((1, slots), UNKNOWN, np.int64),
        "steps": np.full(1, case.steps, np.int64),
        "memory": np.array(memory),
    }
    empty = {
        entry.name: np.zeros(entry.shape, np.int64 if "int64" in entry.type else np.float32)
        for entry in session.get_inputs()
        if entry.name not in known
    }
    return {**known, **empty}
