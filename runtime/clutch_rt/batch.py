"""Several motions decoded together: a step's weights are read once for all of them.

Every motion is exactly what it is alone: its noise is its own, its numbers are rounded by themselves (see
``export.row_graph``), and memories are filled up to the same length in both ways. Motions that stand at the
same step go together, the longest first, so that those that end leave from the end of the batch. The compiled
library makes a step in one thread, so there the threads of a model share the motions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np

from clutch_rt.engine import Engine, Memory, check
from clutch_rt.flesh import parted
from clutch_rt.grammar import UNKNOWN
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array, IntArray
from clutch_rt.options import Request
from clutch_rt.ports import padded_length
from clutch_rt.providers import CPU
from clutch_rt.sampling import Noise, sampling
from clutch_rt.sessions import Sessions

_GRAPHS: Final = ("motion_batch", "motion_step")
ROWS: Final = 32
"""Motions decoded together: more gain little and take more memory."""

_WINDOW: Final = 4 * ROWS
"""Motions in memory at once; they are sorted by length within it."""


@dataclass(frozen=True)
class Wish:
    """One motion wanted: prompt ids ``(1, L)`` and the checked request."""

    ids: IntArray
    request: Request


@dataclass(frozen=True)
class _Task:
    """A motion about to be decoded: where it stands among the others, its memory and its steps."""

    index: int
    memory: Memory
    request: Request
    steps: int


class Batches:
    """Decodes many motions.

    Args:
        engine, sessions: of one bundle.
        graphs: names of the graphs that the bundle has.
        threads: that share the motions, where the compiled library makes their steps.
    """

    def __init__(self, engine: Engine, sessions: Sessions, graphs: Sequence[str], threads: int = 1) -> None:
        self._engine = engine
        self._sessions = sessions
        self._graphs = graphs
        self._threads = threads

    def motions(
        self, wishes: Sequence[Wish], cancel: threading.Event | None = None
    ) -> Iterator[Float32Array]:
        """Frames ``(T, 2, 99)``, not yet orthonormal, of each wish, in their order.

        Raises:
            Cancelled: ``cancel`` was set; it is looked at before every engine call.
        """
        for first in range(0, len(wishes), _WINDOW):
            window = wishes[first : first + _WINDOW]
            graph = self.graph() if len(window) > 1 else None
            if graph is not None:
                yield from self._window(graph, window, cancel)
            else:
                for wish in window:
                    yield self._engine.whole(wish.ids, wish.request, cancel)

    def graph(self) -> str | None:
        """The graph that decodes several motions at once; None where there is none.

        On other devices than the CPU sums may change with the size of a batch, so it is one by one there.
        """
        if self._engine.grammar.form != "step" or self._sessions.placement.provider != CPU:
            return None
        able = (name for name in _GRAPHS if name in self._graphs and self._engine.ports(name).batched)
        return next(able, None)

    def _window(
        self, graph: str, wishes: Sequence[Wish], cancel: threading.Event | None
    ) -> Iterator[Float32Array]:
        alike: dict[tuple[int, float, int], list[_Task]] = {}
        for task in self._tasks(wishes, cancel):
            request = task.request
            key = (padded_length(task.memory.keys_values), request.temperature, request.top_k)
            alike.setdefault(key, []).append(task)
        threads = 1 if self._sessions.native(graph) is None else self._threads
        rows = min(ROWS, -(-len(wishes) // threads))
        batches: list[list[_Task]] = []
        for tasks in alike.values():
            tasks.sort(key=lambda task: -task.steps)
            batches += [tasks[first : first + rows] for first in range(0, len(tasks), rows)]
        made: dict[int, Float32Array] = {}
        with ThreadPoolExecutor(threads, "clutch-rt batch") as pool:
            work = (pool.map if threads > 1 else map)(
                lambda tasks: self._decode(graph, tasks, cancel), batches
            )
            for tasks, motions in zip(batches, work, strict=True):
                made.update(zip((task.index for task in tasks), motions, strict=True))
        return (made.pop(index) for index in range(len(wishes)))

    def _tasks(self, wishes: Sequence[Wish], cancel: threading.Event | None) -> Iterator[_Task]:
        """Each prompt is encoded by itself, and once, but where its plan is drawn anew for each seed."""
        memories: dict[Any, Memory] = {}
        plans = self._engine.plans
        for index, wish in enumerate(wishes):
            check(cancel)
            drawn = (wish.request.seed, wish.request.temperature) if plans else ()
            prompt = wish.ids.tobytes(), drawn
            if prompt not in memories:
                memories[prompt] = self._engine.remember(wish.ids, wish.request)
            memory = memories[prompt]
            steps = self._engine.length(memory, wish.request)
            assert steps is not None  # only the flat form, which has no batches, leaves it open
            yield _Task(index, memory, wish.request, steps)

    def _decode(
        self, graph: str, tasks: Sequence[_Task], cancel: threading.Event | None
    ) -> list[Float32Array]:
        """Frames of tasks of falling length, all under one temperature and top-k."""
        decoder, left = self._engine.block_decoder(len(tasks)), self._codes(graph, tasks, cancel)
        parts: list[list[Float32Array]] = [[] for _ in tasks]
        while steps := list(islice(left, decoder.steps)):
            block = np.zeros((len(steps[0]), len(steps), steps[0].shape[1]), np.int64)
            for i, codes in enumerate(steps):  # motions that have ended are filled up
                block[: len(codes), i] = codes
            decoder.keep(len(block))
            for part, frames in zip(parts, decoder.decode_block(block), strict=False):
                part.append(frames)
        wanted = [task.request.frames or task.steps * FRAMES_PER_STEP for task in tasks]
        return [parted(np.concatenate(part)[:frames]) for part, frames in zip(parts, wanted, strict=True)]

    def _codes(
        self, graph: str, tasks: Sequence[_Task], cancel: threading.Event | None
    ) -> Iterator[IntArray]:
        """Codes ``(b, K)`` of each step, of those of the tasks that are still on."""
        ports, grammar = self._engine.ports(graph), self._engine.grammar
        noises = [Noise(task.request, grammar.drawn.tolist()) for task in tasks]
        steps = np.asarray([task.steps for task in tasks], np.int64)
        position = np.zeros(1, np.int64)
        start: dict[str, Any] = {
            **sampling(tasks[0].request),
            "codes": np.zeros((len(tasks), grammar.slots), np.int64),
            "given": np.full((len(tasks), grammar.slots), UNKNOWN, np.int64),
            "steps": steps,
            **ports.start([task.memory.keys_values for task in tasks]),
        }
        draw, before = self._engine.loop(graph, ["next_codes"], ports.carried, start), len(tasks)
        for step in range(int(steps[0])):
            check(cancel)
            rows = int((steps > step).sum())
            if rows < before:
                draw.keep(rows)
                before = rows
            position[0] = step
            drawn = np.stack([noise.of(step) for noise in noises[:rows]])
            (codes,) = draw.run({"position": position, "noise": drawn})
            yield codes
