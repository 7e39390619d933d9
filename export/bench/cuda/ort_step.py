"""A motion step under ONNX Runtime: with copies at every step, bound, and as a CUDA graph of fixed shapes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import torch
from clutch_rt.captured import FIXED, Captured, CapturedLoop
from clutch_rt.device import create_session
from clutch_rt.engine import Engine
from clutch_rt.grammar import UNKNOWN
from clutch_rt.layout import Float32Array, IntArray
from clutch_rt.loops import DeviceLoop, HostLoop, Loop
from clutch_rt.ports import Ports, memory_length
from clutch_rt.sampling import sampling
from clutch_rt.sessions import Sessions

from export.bench.cuda.subject import Case

_GRAPH: Final = "motion_step"
_CAPTURED: Final[WeakKeyDictionary[Sessions, Captured]] = WeakKeyDictionary()


class BundleSteps:
    """A step of a bundle, run as the runtime runs it.

    Args:
        case: whose motions are drawn.
        sessions: where.
        ports: of the graph that is run.
        rhythm: whether ``step`` gives the rhythm, too, before the codes.
    """

    def __init__(self, case: Case, sessions: Sessions, ports: Ports, rhythm: bool) -> None:
        engine = Engine(case.subject.bundle.manifest, sessions)
        self._sessions = sessions
        self._ports = ports
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
            **ports.start(self.memories),
        }
        self._loop: Loop

    def step(self, position: int, noise: Float32Array) -> IntArray:
        """The codes ``(B, K)`` of a step, under ``noise (B, C, rows)``; the rhythm first, if wanted."""
        parts = self._loop.run({"position": np.asarray([position], np.int64), "noise": noise})
        return np.concatenate(parts, axis=1)


class GrowingSteps(BundleSteps):
    """The graph whose caches grow; arguments but the last two as of ``BundleSteps``.

    Args:
        memory: what the past stays in, such as ``cuda``; None hands it on in arrays of the host.
        rhythm: as of ``BundleSteps``.
    """

    def __init__(self, case: Case, sessions: Sessions, memory: str | None, rhythm: bool = False) -> None:
        super().__init__(case, sessions, Ports(sessions.own_inputs(_GRAPH)), rhythm)
        self._memory = memory
        self.begin()

    def begin(self) -> None:
        common = (self._sessions, _GRAPH, self._wanted, self._ports.carried, self._start)
        self._loop = HostLoop(*common) if self._memory is None else DeviceLoop(*common, self._memory)


class CapturedSteps(BundleSteps):
    """The step of fixed shapes of one motion, as the runtime replays it.

    Args:
        case: of one motion.
        sessions: where.
        memory: what the past stays in; on ``cuda`` the step is a CUDA graph.
        rhythm: as of ``GrowingSteps``.

    Raises:
        DeviceError, or what ONNX Runtime raises: it cannot be captured there.
    """

    def __init__(self, case: Case, sessions: Sessions, memory: str, rhythm: bool = False) -> None:
        self._captured = _captured(case, sessions, memory)
        super().__init__(case, sessions, Ports(self._captured.inputs), rhythm)
        self._length = memory_length(self._start)
        self.begin()

    def begin(self) -> None:
        if hasattr(self, "_loop"):
            del self._loop  # which gives its place back
        place = self._captured.free(self._length) or self._captured.capture(self._length)
        guard = partial(self._sessions.guarded, _GRAPH)
        self._loop = CapturedLoop(self._captured, guard, place, self._wanted, self._start)


def _captured(case: Case, sessions: Sessions, memory: str) -> Captured:
    """One for all motions of the same sessions."""
    if sessions not in _CAPTURED:
        path = case.subject.bundle.path / f"{FIXED[_GRAPH]}.onnx"
        placement = replace(sessions.placement, captures=True)
        _CAPTURED[sessions] = Captured(
            lambda: create_session(path, placement, torch.get_num_threads()), memory
        )
    return _CAPTURED[sessions]
