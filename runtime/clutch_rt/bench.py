"""How fast a bundle is on this machine: load, first frames, throughput, a paced stream, memory.

What is timed and how is said beside each figure. Cold figures come from fresh processes; everything else is
measured in this one, after warm-up, with medians and their spread. Nothing here is tuned to look well: the
stream is paced in real time, with text encoding and changes of sentence inside, and no chunk is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from clutch_rt.cold import Cold, cold_start
from clutch_rt.errors import InputError
from clutch_rt.layout import FPS, FRAMES_PER_STEP
from clutch_rt.machine import Machine, this_machine
from clutch_rt.model import Model, load
from clutch_rt.spread import Float64Array, Spread

STEP_SECONDS: Final = FRAMES_PER_STEP / FPS
SENTENCES: Final = (
    "wave with the right hand",
    "knead the dough with both hands",
    "tap the table with the left hand three times",
    "clap slowly",
)

_BUSY: Final = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100000))\n"

Note = Callable[[str, int, int], None]
"""Called with what is being measured, how much of it is done, and of how much."""


@dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes:
        seconds: length of each motion; None takes the longest the model makes.
        rounds: of the cold start and of the throughput. firsts: times the first frames are waited for.
        steps: of the paced stream, 8 frames (0.27 s) each. load: busy processes beside it.
        warm_up: motions made before anything is timed.
    """

    seconds: float | None = None
    rounds: int = 7
    firsts: int = 40
    steps: int = 1000
    load: int = 1
    warm_up: int = 3

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be."""
        least = {"rounds": 1, "firsts": 1, "steps": 2, "load": 0, "warm_up": 1}
        for name, low in least.items():
            if not low <= getattr(self, name) <= 1_000_000:
                raise InputError(
                    f"{name} is {getattr(self, name)}; a whole number of {low} or more is wanted"
                )


QUICK: Final = Settings(seconds=1.0, rounds=1, firsts=3, steps=4, warm_up=1)


@dataclass(frozen=True)
class Paced:
    """A stream taken step by step in real time.

    Attributes:
        made: seconds each step took from its due time until its 8 frames were there, ``(steps,)``.
        gaps: seconds between the arrivals of successive chunks, ``(steps - 1,)``; 0.267 is even.
        late: steps that took longer than the 0.267 s they last. steps: all of them.
        motions: sentences in the stream. load: busy processes beside it.
    """

    made: Float64Array
    gaps: Float64Array
    late: int
    steps: int
    motions: int
    load: int


@dataclass(frozen=True)
class Result:
    """All measurements of a run, and on what.

    ``load_average`` counts the processes that wanted a processor in the minute before; None if unknown.
    """

    machine: Machine
    load_average: float | None
    versions: dict[str, str]
    model: dict[str, Any]
    settings: Settings
    cold: Cold
    first_frames: Spread
    steps_per_second: Spread
    times_real_time: Spread
    paced: Paced

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON takes it; of the stream the tail, and each step's milliseconds."""
        paced = self.paced
        return {
            **{name: asdict(getattr(self, name)) for name in ("machine", "settings", "cold", "first_frames")},
            **{name: asdict(getattr(self, name)) for name in ("steps_per_second", "times_real_time")},
            "load_average": self.load_average,
            "versions": self.versions,
            "model": self.model,
            "paced": {
                "steps": paced.steps,
                "motions": paced.motions,
                "busy_processes": paced.load,
                "late": paced.late,
                "made": asdict(Spread.of(paced.made)),
                "gaps": asdict(Spread.of(paced.gaps)),
                "made_ms": np.round(1000 * paced.made, 3).tolist(),
            },
        }


def run(
    bundle: str | None,
    device: str = "auto",
    threads: int | None = None,
    settings: Settings | None = None,
    note: Note | None = None,
) -> Result:
    """Measure a bundle.

    Args:
        bundle, device, threads: as in ``clutch_rt.load``.
        settings: what to measure; None is all of it, which takes about five minutes.
        note: told how far it is.

    Raises:
        InputError: a setting that cannot be, or a model that knows none of the sentences.
        ClutchError: the model cannot be loaded.
    """
    plan = settings or Settings()
    tell = note or (lambda what, done, total: None)
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with load(bundle, device, threads) as model:
        model.warm_up()
        info = model.info
        sentences = _known(model)
        seconds = info.max_seconds if plan.seconds is None else plan.seconds
        model.check(sentences[0], seconds)
        cold = cold_start(info.path, info.device, info.threads, plan.rounds, sentences[0], tell)
        for number in range(plan.warm_up):
            model.generate(sentences[number % len(sentences)], seconds)
        firsts = _firsts(model, sentences, plan.firsts, tell)
        took, steps = _throughput(model, sentences, seconds, plan.rounds, tell)
        with busy(plan.load):
            paced = _paced(model, sentences, seconds, plan, tell)
    return Result(
        machine=this_machine(),
        load_average=load_average,
        versions=versions(),
        model={
            name: getattr(info, name)
            for name in (
                *("name", "form", "precision", "bytes"),
                *("device", "provider", "kernels", "threads", "passed_over"),
            )
        },
        settings=plan,
        cold=cold,
        first_frames=Spread.of(firsts),
        steps_per_second=Spread.of([steps / t for t in took]),
        times_real_time=Spread.of([seconds / t for t in took]),
        paced=paced,
    )


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep ``count`` processes busy beside this one; they end with the block, or with this process."""
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            workers.append(subprocess.Popen([sys.executable, "-c", _BUSY], stdin=subprocess.DEVNULL))
        yield
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


def _known(model: Model) -> list[str]:
    """The sentences the model knows words of."""
    known = []
    for sentence in SENTENCES:
        try:
            model.check(sentence)
        except InputError:
            continue
        known.append(sentence)
    if not known:
        raise InputError(f"this model knows no word of {', '.join(map(repr, SENTENCES))}; nothing to measure")
    return known


def _firsts(model: Model, sentences: Sequence[str], count: int, tell: Note) -> list[float]:
    """Seconds from a sentence to its first 8 frames, warm, each with a seed of its own."""
    took = []
    for number in range(count):
        tell("first frames", number, count)
        started = time.perf_counter()
        stream = model.stream(sentences[number % len(sentences)], seed=number)
        next(stream)
        took.append(time.perf_counter() - started)
    return took


def _throughput(
    model: Model, sentences: Sequence[str], seconds: float, rounds: int, tell: Note
) -> tuple[list[float], int]:
    """Seconds to make a motion of ``seconds`` as fast as can be, each round; and the steps it has."""
    took, frames = [], 0
    for number in range(rounds):
        tell("throughput", number, rounds)
        started = time.perf_counter()
        frames = len(model.generate(sentences[number % len(sentences)], seconds, seed=number))
        took.append(time.perf_counter() - started)
    return took, -(-frames // FRAMES_PER_STEP)


def _paced(model: Model, sentences: Sequence[str], seconds: float, plan: Settings, tell: Note) -> Paced:
    """Take a chunk every 8/30 s, motion after motion. A late chunk delays none of the later due times."""
    made, arrivals = np.empty(plan.steps), np.empty(plan.steps)
    motions = 0
    stream: Iterator[Any] = iter(())
    origin = time.perf_counter()
    for step in range(plan.steps):
        tell("paced stream", step, plan.steps)
        due = origin + step * STEP_SECONDS
        time.sleep(max(0.0, due - time.perf_counter()))
        if next(stream, None) is None:
            stream = model.stream(sentences[motions % len(sentences)], seconds, seed=motions)
            next(stream)
            motions += 1
        arrivals[step] = time.perf_counter() - origin
        made[step] = arrivals[step] - step * STEP_SECONDS
    late = int((made > STEP_SECONDS).sum())
    return Paced(made, np.diff(arrivals), late, plan.steps, motions, plan.load)


def versions() -> dict[str, str]:
    """Of what a measurement hangs on."""
    import platform

    import clutch_rt
    from clutch_rt.ort import onnxruntime

    return {
        "clutch-rt": clutch_rt.__version__,
        "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
