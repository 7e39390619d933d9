"""Where the time of a motion goes, part by part: ``python -m export.bench.parts [BUNDLE]``.

The parts of ``Model.generate`` are run one after another on the same motion, in turns, and timed by
themselves; each row is the median over the turns, and the least, which is nearest to a machine to itself.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import clutch_rt
import numpy as np
from clutch_rt.flesh import parted
from clutch_rt.layout import FPS, FRAMES_PER_STEP
from clutch_rt.machine import this_machine
from clutch_rt.motion import Motion
from clutch_rt.sampling import Noise

from train.command import guarded

SENTENCES: Final = ("wave with the right hand", "knead the dough with both hands", "clap three times")
SECONDS: Final = 6.4
TURNS: Final = 100


@dataclass(frozen=True)
class Part:
    """Milliseconds that a part of a motion takes.

    Attributes:
        name: of the part. median, least: over the turns. inside: whether the part before contains it.
    """

    name: str
    median: float
    least: float
    inside: bool = False


def measure(model: clutch_rt.Model, sentence: str, seconds: float, turns: int) -> list[Part]:
    """The parts of one motion."""
    engine, took = model._engine, dict[str, list[float]]()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        found = work()
        took.setdefault(name, []).append(1000.0 * (time.perf_counter() - began))
        return found

    for turn in range(turns):
        prompt, request = timed("prompt", lambda: model._ask(sentence, seconds, turn, None, None))  # noqa: B023
        memory = timed("text encoder", lambda: engine.remember(prompt.ids, request))  # noqa: B023
        steps = engine.length(memory, request) or 0
        codes = timed("steps", lambda: list(engine.steps(memory, request, steps)))  # noqa: B023
        noise = Noise(request, engine.grammar.drawn.tolist())
        timed("their noise", lambda: [noise.of(step).sum() for step in range(steps)])  # noqa: B023
        raw = timed("SHIFT", lambda: engine.decode(codes))  # noqa: B023
        apart = timed("hands parted", lambda: parted(raw))  # noqa: B023
        timed("rotations, checks", lambda: Motion(apart, FPS, sentence, turn))  # noqa: B023
        timed("all, by generate", lambda: model.generate(sentence, seconds, turn))  # noqa: B023
    return [
        Part(name, float(np.median(values)), min(values), inside=name == "their noise")
        for name, values in took.items()
    ]


def table(parts: Sequence[Part], seconds: float) -> list[str]:
    """Rows of a table in Markdown."""
    steps = seconds * FPS / FRAMES_PER_STEP
    lines = ["| part | ms, median | least | us a step |", "|---|---|---|---|"]
    for part in parts:
        name = f"of these: {part.name}" if part.inside else part.name
        lines.append(f"| {name} | {part.median:.2f} | {part.least:.2f} | {1000 * part.median / steps:.0f} |")
    whole = parts[-1]
    lines.append(
        f"| times real time | {1000 * seconds / whole.median:.0f} | {1000 * seconds / whole.least:.0f} | |"
    )
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m export.bench.parts", description=__doc__)
    parser.add_argument("bundle", nargs="?", help="folder of a bundle, or the name of a shipped one")
    parser.add_argument(
        "--turns", type=int, default=TURNS, help=f"motions of each sentence (default: {TURNS})"
    )
    args = parser.parse_args(argv)

    def work() -> None:
        with clutch_rt.load(args.bundle, device="cpu", threads=1) as model:
            model.warm_up()
            info = model.info
            print(f"{info.name}, {info.form} form, {info.precision}; kernels {info.kernels}; 1 thread")
            print(this_machine().line())
            for sentence in SENTENCES:
                model.generate(sentence, SECONDS)
                print(f"\n{sentence!r}, {SECONDS} s\n")
                print("\n".join(table(measure(model, sentence, SECONDS, max(1, args.turns)), SECONDS)))

    return guarded(work, "parts", "nothing was written")


if __name__ == "__main__":
    sys.exit(main())
