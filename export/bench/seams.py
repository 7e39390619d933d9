"""How smooth a change of sentence is: ``python -m export.bench.seams [BUNDLE]``.

A live stream is told another sentence in mid-motion. At the seam the joint that moves farthest from one
frame to the next, and the one whose velocity changes most, are set beside those of motions that go on
undisturbed, and of the same two motions put behind each other without a blend.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import permutations
from typing import Final

import clutch_rt
import numpy as np
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array
from clutch_rt.motion import Motion

from train.command import guarded

SENTENCES: Final = (
    "wave with the right hand",
    "knead the dough with both hands",
    "clap three times",
    "stir slowly with the left hand",
    "play the piano with both hands",
    "point up with the right hand",
)
DRAWS: Final = 4
STEPS: Final = (3, 8)  # of the first sentence before the second is said, at least and at most
AFTER: Final = 3.0  # seconds of the second
AROUND: Final = 2  # frames before the seam that count, and one after


def jumps(frames: Float32Array, seam: int) -> tuple[float, float]:
    """How far a joint moves in a frame around frame ``seam``, and how much that changes, at most; mm.

    ``frames`` are ``(T, 2, 99)``.
    """
    near = Motion(frames[seam - AROUND - 1 : seam + 2]).joints("mano").positions.astype(np.float64)
    steps = np.diff(1000.0 * near, axis=0)
    step, change = (float(np.linalg.norm(x, axis=-1).max()) for x in (steps, np.diff(steps, axis=0)))
    return step, change


def measure(model: clutch_rt.Model) -> dict[str, list[tuple[float, float]]]:
    """Row -> ``jumps`` of every pair of sentences and draw."""
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple[float, float]]] = {"undisturbed": [], "at a seam": [], "without a blend": []}
    for draw in range(DRAWS):
        for first, second in permutations(SENTENCES, 2):
            seam = FRAMES_PER_STEP * int(rng.integers(*STEPS))
            with model.live(first, seed=draw) as live:
                live.say(second, at=seam, seconds=AFTER)
                told = np.concatenate([played.frames for played in live])
            alone = model.generate(first, seconds=AFTER, seed=draw).frames
            other = model.generate(second, seconds=AFTER, seed=draw).frames
            found["undisturbed"].append(jumps(alone, seam))
            found["at a seam"].append(jumps(told, seam))
            found["without a blend"].append(jumps(np.concatenate([alone[:seam], other]), seam))
    return found


def table(found: dict[str, list[tuple[float, float]]]) -> list[str]:
    """Rows of a table in Markdown: median, 95th percentile and most."""
    lines = [
        "|  | mm a frame: median | 95 % | most | change of it, mm: median | 95 % | most |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, pairs in found.items():
        columns = np.asarray(pairs).T
        cells = [f"{x:.1f}" for c in columns for x in (np.median(c), np.quantile(c, 0.95), c.max())]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m export.bench.seams", description=__doc__)
    parser.add_argument("bundle", nargs="?", help="folder of a bundle, or the name of a shipped one")
    args = parser.parse_args(argv)

    def work() -> None:
        with clutch_rt.load(args.bundle, device="cpu", threads=1) as model:
            found = measure(model)
            print(
                f"{model.info.name}, {model.info.precision}; {len(found['at a seam'])} changes of sentence\n"
            )
        print("\n".join(table(found)))

    return guarded(work, "seams", "nothing was written")


if __name__ == "__main__":
    sys.exit(main())
