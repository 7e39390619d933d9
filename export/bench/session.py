"""One run of the benchmark for one size: choose threads, then rounds, then a record in plain values."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from export.bench import artefacts, task
from export.bench.machine import load
from export.bench.rounds import ROOT, SETTLE_SECONDS, BenchError, Process, Timer
from export.bench.systems import Candidate
from export.bench.task import STEPS

Log = Callable[[str], None]

SENTENCE: Final = "knead the dough with both hands"
TOGETHER: Final = 32
"""Motions of the shipped bundle that are made one after the other, and then together."""

# Enough to tell one thread from two, which differ by far more than two runs of the same.
_TRIES: Final = 3


@dataclass
class Row:
    """A candidate under one number of threads."""

    candidate: Candidate
    timer: Timer
    best: bool = True
    codes: tuple[int, int] | None = None
    bandwidths: list[float] = field(default_factory=list)
    encoders: list[float] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """What was measured, in plain values."""
        runs = self.timer.runs
        return {
            "name": self.candidate.name,
            "ours": self.candidate.ours,
            "threads": self.timer.threads,
            "best": self.best,
            "versions": self.timer.versions,
            "bytes": self.candidate.work.total(STEPS),
            "encoder_bytes": self.candidate.work.total(0),
            "attended_bytes": self.candidate.work.attended(STEPS),
            "encoder": self.encoders,
            "seconds": self.timer.seconds(STEPS),
            "cpu": [run["cpu"] for run in runs.get(STEPS, [])],
            "first": self.timer.seconds(1),
            "long": [run["ends"] for run in runs.get(task.LONG_STEPS, [])],
            "bandwidth": self.bandwidths,
            "memory": self.timer.process.ask("memory"),
            "codes_equal": self.codes,
        }


def fastest_threads(candidate: Candidate, python: str, threads: Sequence[int], log: Log) -> int:
    """The number of threads under which a system is fastest: the least time of a few interleaved runs."""
    if len(threads) == 1:
        return threads[0]
    with ExitStack() as stack:
        timers = [Timer(python, candidate.kind, candidate.options, n) for n in threads]
        for timer in timers:
            stack.callback(timer.process.close)
            timer.warm(STEPS)
        for _ in range(_TRIES):
            for timer in timers:
                timer.time(STEPS)
        least = {timer.threads: min(timer.seconds(STEPS)) for timer in timers}
    log(f"  {candidate.name}: " + ", ".join(f"{n} threads {s * 1e3:.0f} ms" for n, s in least.items()))
    return min(least, key=lambda n: least[n])


def compare(
    folder: Path,
    size: str,
    candidates: Sequence[tuple[Candidate, str]],
    threads: Sequence[int],
    rounds: int,
    log: Log,
) -> dict[str, Any]:
    """Time the candidates, each with the interpreter it is given with, in interleaved rounds.

    Ours run under one thread and, where that is faster, under more; a peer runs under the number of threads
    that suits it best. A candidate that cannot be opened is named in the record, and does not stop the rest.
    """
    rows: list[Row] = []
    absent: dict[str, str] = {}
    before = load()
    with ExitStack() as stack:
        log("threads that suit each best:")
        for candidate, python in candidates:
            try:
                best = fastest_threads(candidate, python, threads, log)
                for n in sorted({1, best}) if candidate.ours else [best]:
                    timer = Timer(python, candidate.kind, candidate.options, n)
                    stack.callback(timer.process.close)
                    timer.warm(STEPS)
                    rows.append(Row(candidate, timer, n == best))
            except BenchError as error:
                absent[candidate.name] = str(error)
                log(f"  {candidate.name} is left out: {error}")
        _check_codes(folder, rows)
        probes = _probes(stack, rows)
        for n in range(rounds):
            log(f"round {n + 1} of {rounds}")
            _round(rows, n, probes)
        records = [row.record() for row in rows]
    loads = {"before": before, "after": load()}
    return {"task": task.describe(size), "load": loads, "absent": absent, "systems": records}


def _round(rows: Sequence[Row], number: int, probes: dict[int, Process]) -> None:
    """Run every system once, another one first in each round."""
    for row in [*rows[number % len(rows) :], *rows[: number % len(rows)]]:
        row.timer.time(STEPS)
        row.timer.time(1)
        if row.candidate.ours and "step" in row.candidate.name:
            row.timer.time(task.LONG_STEPS)
        if row.candidate.kind == "clutch":
            row.encoders.append(row.timer.process.ask("call", name="encoder"))
        time.sleep(SETTLE_SECONDS)
        found = probes[row.timer.threads].ask("call", name="bandwidth", options={"size": _size(row)})
        row.bandwidths.append(found)


def _size(row: Row) -> int:
    """The bytes that one position of the decoder reads: what a cache would have to hold."""
    return int(row.candidate.work.per_position)


def _probes(stack: ExitStack, rows: Sequence[Row]) -> dict[int, Process]:
    found = {}
    for n in sorted({row.timer.threads for row in rows}):
        most = max(_size(row) for row in rows if row.timer.threads == n)
        timer = Timer(sys.executable, "probe", {"most": most}, n)
        stack.callback(timer.process.close)
        found[n] = timer.process
    return found


def _check_codes(folder: Path, rows: Sequence[Row]) -> None:
    """How much of PyTorch's motion ours repeat; in fp32 all of it, or nothing here means anything."""
    for row in rows:
        if row.candidate.kind != "clutch":
            continue
        _, form, precision = row.candidate.name.split()
        codes = row.timer.process.ask("call", name="codes", options={"steps": STEPS})
        row.codes = artefacts.agreement(folder, form, codes)
        if precision == "fp32" and row.codes[0] != row.codes[1]:
            raise BenchError(
                f"{row.candidate.name} draws {row.codes[0]} of PyTorch's {row.codes[1]} codes; "
                "its time means nothing: mend the graphs first"
            )


def shipped(bundle: str | None, rounds: int, log: Log) -> dict[str, Any]:
    """A bundle through the public interface, one thread: whole motions, first frames, cold processes."""
    log("the shipped bundle:" if bundle is None else f"the bundle {bundle}:")
    timer = Timer(sys.executable, "shipped", {"bundle": bundle, "sentence": SENTENCE}, 1)
    try:
        about = timer.process.ask("call", name="about")
        timer.warm(STEPS, 2)
        cold, many = [], []
        timer.process.ask("call", name="throughput", options={"steps": STEPS, "motions": 1})
        resident = timer.process.ask("memory")  # before the graphs of a batch are opened
        options = {"steps": STEPS, "motions": TOGETHER}
        timer.process.ask("call", name="throughput", options=options)
        for n in range(rounds):
            log(f"round {n + 1} of {rounds}")
            timer.time(STEPS)
            many.append(timer.process.ask("call", name="throughput", options=options))
            cold.append(_cold(bundle))
        return {
            **about,
            "steps": STEPS,
            "motions": TOGETHER,
            "single": [took["single"] for took in many],
            "together": [took["together"] for took in many],
            "first": [run["ends"][0] for run in timer.runs[STEPS]],
            "cold": cold,
            "memory": resident,
            "load": load(),
        }
    finally:
        timer.process.close()


def _cold(bundle: str | None) -> float:
    """Seconds of a whole ``clutch-rt generate`` of one sentence, the start of Python included."""
    time.sleep(SETTLE_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "clutch_rt", "generate", SENTENCE, "-o", f"{folder}/x.npz"]
        command += [] if bundle is None else ["--bundle", str(Path(bundle).absolute())]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "runtime")}
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
        seconds = time.perf_counter() - began
    if done.returncode:
        raise BenchError(f"`clutch-rt generate` failed: {done.stderr.strip()[-200:]}")
    return seconds
