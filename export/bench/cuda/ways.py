"""Every way to run a motion step, by name; and its timing, one motion of each after the other."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import torch
from clutch_rt.layout import Float32Array, IntArray
from clutch_rt.sessions import Sessions

from export.bench.cuda import ort_step, torch_step
from export.bench.cuda.subject import Case
from export.bench.table import Spread

FP32: Final = 4
BOUND: Final = "ONNX Runtime, bound"
CAPTURED: Final = "ONNX Runtime, CUDA graph"


class Steps(Protocol):
    """Motions of one case, drawn step by step."""

    def begin(self) -> None:
        """Stand before the first step again."""

    def step(self, position: int, noise: Float32Array) -> IntArray:
        """The codes ``(B, K)`` of a step, on the host, under ``noise (B, C, rows)`` from the host."""


@dataclass(frozen=True)
class Way:
    """One row of the table.

    Attributes:
        name: of the row.
        make: readies it for a case.
        weight: bytes of a stored weight that it reads.
        most: the largest batch it takes.
    """

    name: str
    make: Callable[[Case], Steps]
    weight: int = FP32
    most: int = 256


def ways(sessions: Sessions, device: torch.device) -> list[Way]:
    """All of them.

    Args:
        sessions: of the subject's graphs on ``device``.
        device: PyTorch's; where it is the CPU this is a rehearsal.
    """

    def module(case: Case, dtype: torch.dtype = torch.float32) -> torch_step.FixedStep:
        return torch_step.FixedStep(case, device, dtype).eval()

    def eager(case: Case) -> Steps:
        return torch_step.FixedSteps(step := module(case), step)

    def compiled(case: Case) -> Steps:
        return torch_step.FixedSteps(step := module(case), torch_step.compiled(step, device))

    def graphed(case: Case) -> Steps:
        return torch_step.FixedSteps(step := module(case), torch_step.captured(step, device))

    def both(case: Case) -> Steps:
        run = torch_step.compiled(step := module(case), device)
        return torch_step.FixedSteps(step, torch_step.captured(run, device))

    def half(case: Case) -> Steps:
        step = module(case, torch.bfloat16)
        return torch_step.FixedSteps(step, torch_step.captured(step, device))

    return [
        Way(BOUND, lambda case: ort_step.GrowingSteps(case, sessions, device.type)),
        Way("ONNX Runtime, copied each step", lambda case: ort_step.GrowingSteps(case, sessions, None)),
        Way(CAPTURED, lambda case: ort_step.CapturedSteps(case, sessions, device.type), most=1),
        Way("PyTorch eager", lambda case: torch_step.GrowingStep(case, device)),
        Way("PyTorch eager, fixed shapes", eager),
        Way("torch.compile, fixed shapes", compiled),
        Way("PyTorch, CUDA graph", graphed),
        Way("torch.compile, CUDA graph", both),
        Way("PyTorch, CUDA graph, bf16", half, weight=2),
    ]


def measure(
    chosen: Sequence[Way], case: Case, wanted: IntArray, rounds: int, log: Callable[[str], None]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Time each way on one case, round by round.

    Args:
        chosen: the ways.
        case: what is drawn.
        wanted: codes ``(S, B, K)`` as the CPU draws them in fp32.
        rounds: motions of each way that are timed; one before is not.
        log: takes lines of progress.

    Returns:
        A row of figures for each way, and for those that did not run, why.
    """
    ready: list[tuple[Way, Steps]] = []
    absent = {}
    for way in chosen:
        if case.batch > way.most:
            continue
        try:
            steps = way.make(case)
            _motion(steps, case)
        except Exception as error:  # noqa: BLE001 - whatever a library raises is why this row is empty
            absent[way.name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            log(f"  batch {case.batch}: {way.name} did not run: {absent[way.name]}")
            continue
        ready.append((way, steps))
    times: list[list[list[float]]] = [[] for _ in ready]
    codes: list[IntArray] = [np.zeros(0, np.int64) for _ in ready]
    for _ in range(rounds):
        for i, (_, steps) in enumerate(ready):
            taken, codes[i] = _motion(steps, case)
            times[i].append(taken)
    rows = [
        _row(way, case, times[i], int((codes[i] == wanted).sum()), wanted.size)
        for i, (way, _) in enumerate(ready)
    ]
    for row in rows:
        log(f"  batch {case.batch}: {row['way']}: {row['ms']['median']:.3f} ms a step")
    ready.clear()
    gc.collect()
    torch.cuda.empty_cache()  # does nothing where there is none
    return rows, absent


def drawn(steps: Steps, case: Case) -> IntArray:
    """Codes ``(S, B, K)``."""
    return _motion(steps, case)[1]


def _motion(steps: Steps, case: Case) -> tuple[list[float], IntArray]:
    """Draw once: the seconds of each step, those of the beginning with the first, and the codes."""
    taken, codes = [], []
    began = time.perf_counter()
    steps.begin()
    for position, noise in enumerate(case.noise):
        codes.append(steps.step(position, noise))
        now = time.perf_counter()
        taken.append(now - began)
        began = now
    return taken, np.stack(codes)


def _row(way: Way, case: Case, times: list[list[float]], equal: int, total: int) -> dict[str, Any]:
    """A step of a round is the median of its steps but the first."""
    steps = Spread.of([1e3 * statistics.median(taken[1:]) for taken in times])
    first = Spread.of([1e3 * taken[0] for taken in times])
    return {
        "way": way.name,
        "batch": case.batch,
        "ms": vars(steps),
        "first_ms": vars(first),
        "bytes": case.subject.bytes * way.weight / FP32,
        "codes_equal": [equal, total],
    }
