"""``python -m train.real.naturalness data=RECORDINGS out=FOLDER``: is what SHIFT learns from like real hands?

The corpus and free motion are set beside recordings of people by distributions of single quantities and by
how near the nearest posture and wrist turn are to the recorded ones; `synergies` says how joints go together.
Recordings are only measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.layout import HANDS, Float32Array
from numpy.typing import NDArray

from models.files import appearing
from train.command import command_main
from train.corpus import draw_clip, free_clips
from train.evaluate.report import table
from train.real.measure import read_folder
from train.real.place import RealClip
from train.real.quantities import (
    QUANTITIES,
    HandMotion,
    Quantity,
    joined,
    measure_hand,
    nearest_posture,
    nearest_turn,
)
from train.real.synergies import Synergies, find_synergies
from train.run import write_text

Array = NDArray[np.float64]

USAGE = """usage: python -m train.real.naturalness data=PATH out=FOLDER [clips=400]

Compares clips of the corpus and of free motion with the recordings under PATH (leap/, dexterous_video/,
sign_pose/, hot3d_sample/) and writes naturalness.md, naturalness.json and naturalness.png into FOLDER."""

# What recordings do not measure: sources whose fingers, or wrists, are made up or lack a scale.
_NO_FINGERS: Final = {"HOT3D (wrists)"}
_NO_WRIST: Final = {"dexterous video", "sign (image landmarks)"}
_SAMPLES: Final = {"known": 8000, "asked": 2000}


@dataclass(frozen=True)
class Compared:
    """A quantity of recordings and how far the generated sets are from it.

    Attributes:
        name, unit: of the quantity.
        low, median, high: of the recordings: 5 %, half, 95 %.
        corpus, free: Wasserstein distance to the recordings over their standard deviation.
        corpus_reach, free_reach: part of the recorded values inside the set's middle 98 %.
    """

    name: str
    unit: str
    low: float
    median: float
    high: float
    corpus: float
    free: float
    corpus_reach: float
    free_reach: float


@dataclass(frozen=True)
class Nearest:
    """How near a set comes to recorded hands of a source: median and 95 %, of 8000 frames a set."""

    source: str
    what: str
    unit: str
    corpus: tuple[float, float]
    free: tuple[float, float]


def hands_of(clips: Iterable[Float32Array]) -> list[HandMotion]:
    """Both hands of generated clips."""
    return [measure_hand(clip[:, side], side) for clip in clips for side in range(len(HANDS))]


def recorded_hands(clips: Iterable[RealClip]) -> dict[str, list[HandMotion]]:
    """The hands that were recorded, by source."""
    found: dict[str, list[HandMotion]] = {}
    for clip in clips:
        for side in range(len(HANDS)):
            if clip.present[side]:
                found.setdefault(clip.source, []).append(measure_hand(clip.frames[:, side], side))
    return found


def measured(real: dict[str, list[HandMotion]], quantity: Quantity) -> Array:
    """A quantity over the recordings that have it, each source as weighty as its frames are many."""
    without = _NO_FINGERS if quantity.of_fingers else _NO_WRIST
    return np.concatenate([joined(hands, quantity.name) for s, hands in real.items() if s not in without])


def compare(
    quantity: Quantity, real: Array, corpus: Sequence[HandMotion], free: Sequence[HandMotion]
) -> Compared:
    """Distances of one quantity's distributions."""
    from scipy.stats import wasserstein_distance

    spread = max(float(real.std()), 1e-9)
    sets = [joined(hands, quantity.name) for hands in (corpus, free)]
    away = [float(wasserstein_distance(real, values)) / spread for values in sets]
    edges = [np.quantile(values, (0.01, 0.99)) for values in sets]
    reach = [float(((real >= low) & (real <= high)).mean()) for low, high in edges]
    low, median, high = (float(q) for q in np.quantile(real, (0.05, 0.5, 0.95)))
    return Compared(quantity.name, quantity.unit, low, median, high, *away, *reach)


def _sample(parts: Sequence[Array], count: int, rng: np.random.Generator) -> Array:
    values = np.concatenate(parts)
    return values[rng.permutation(len(values))[:count]]


def nearest(
    real: dict[str, list[HandMotion]], corpus: Sequence[HandMotion], free: Sequence[HandMotion]
) -> list[Nearest]:
    """How near the sets come to each source's postures and turns."""
    rng = np.random.default_rng(0)
    rows = []
    for what, unit, ask, without in (
        ("posture", "mm", nearest_posture, _NO_FINGERS),
        ("wrist turn", "degrees", nearest_turn, frozenset({"dexterous video"})),
    ):
        field = {"posture": "postures", "wrist turn": "turns"}[what]
        known = [
            _sample([getattr(h, field) for h in hands], _SAMPLES["known"], rng) for hands in (corpus, free)
        ]
        for source, hands in real.items():
            if source in without:
                continue
            asked = _sample([getattr(h, field) for h in hands], _SAMPLES["asked"], rng)
            far = [np.quantile(ask(asked, of), (0.5, 0.95)) for of in known]
            rows.append(Nearest(source, what, unit, *((float(a), float(b)) for a, b in far)))
    return rows


def synergies_of(
    real: dict[str, list[HandMotion]], corpus: Sequence[HandMotion], free: Sequence[HandMotion]
) -> dict[str, Synergies]:
    """Synergies of all recorded fingers, of the generated sets, and of each source."""
    fingers = {source: hands for source, hands in real.items() if source not in _NO_FINGERS}
    together = [hand for hands in fingers.values() for hand in hands]
    sets = {"recordings": together, "corpus": corpus, "free motion": free, **fingers}
    return {name: find_synergies(hands) for name, hands in sets.items()}


def synergies_table(found: dict[str, Synergies]) -> str:
    """What a person reads of them."""
    rows = [
        ["variance in the first synergy, %", *(f"{100 * s.explained[0]:.0f}" for s in found.values())],
        ["in the first two", *(f"{100 * s.explained[1]:.0f}" for s in found.values())],
        ["in the first three", *(f"{100 * s.explained[2]:.0f}" for s in found.values())],
        ["neighbouring knuckles, r", *(f"{s.neighbours:.2f}" for s in found.values())],
        ["knuckle and middle joint, r", *(f"{s.in_finger:.2f}" for s in found.values())],
        ["last joint per middle joint", *(f"{s.last_per_middle:.2f}" for s in found.values())],
        ["correlations, off by", *(f"{s.unlike(found['recordings']):.2f}" for s in found.values())],
    ]
    return table(["", *found], rows)


def markdown(
    command: str, compared: Sequence[Compared], near: Sequence[Nearest], synergies: dict[str, Synergies]
) -> str:
    """The report a person reads."""
    body = [
        [
            f"{c.name}, {c.unit}",
            f"{c.median:.2g} [{c.low:.2g}, {c.high:.2g}]",
            f"{c.corpus:.2f}",
            f"{c.free:.2f}",
            f"{100 * c.corpus_reach:.0f} %",
            f"{100 * c.free_reach:.0f} %",
        ]
        for c in compared
    ]
    headings = ["", "recorded, median [5 %, 95 %]", "corpus", "free motion", "corpus reaches", "free reaches"]
    mean = ["mean", "", *(f"{np.mean([getattr(c, n) for c in compared]):.2f}" for n in ("corpus", "free"))]
    found = [[f"{n.what}, {n.unit}", n.source, _pair(n.corpus), _pair(n.free)] for n in near]
    parts = [
        "# How natural the training motion is",
        "Distances between distributions of recorded and generated hands (Wasserstein, over the standard "
        "deviation of the recordings: 0 is alike), and how many of the recorded values lie inside the "
        "middle 98 % of the generated ones. Recordings are measured, never trained on. Made by:",
        f"    {command}",
        table(headings, [*body, [*mean, "", ""]]),
        "![Cumulative distributions of every quantity](naturalness.png)",
        "## The nearest generated frame of 8000 to a recorded one, median and 95 %",
        table(["", "recordings", "corpus", "free motion"], found),
        "## How the twelve finger joints go together",
        "Principal components of their bends and correlations (r) between them; the last row is the mean "
        "difference of all correlations from the recordings'.",
        synergies_table(synergies),
    ]
    return "\n\n".join(parts) + "\n"


def _pair(values: tuple[float, float]) -> str:
    return f"{values[0]:.1f}, {values[1]:.1f}"


def plot(
    path: Path,
    real: dict[str, list[HandMotion]],
    corpus: Sequence[HandMotion],
    free: Sequence[HandMotion],
    synergies: dict[str, Synergies],
) -> None:
    """Draw every quantity's cumulative distributions, and what synergies explain, into a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 9), layout="constrained")
    FigureCanvasAgg(figure)
    for i, quantity in enumerate(QUANTITIES):
        axes = figure.add_subplot(3, 4, i + 1)
        sets = {
            "recordings": measured(real, quantity),
            "corpus": joined(corpus, quantity.name),
            "free motion": joined(free, quantity.name),
        }
        for name, values in sets.items():
            share = np.linspace(0.0, 1.0, 201)
            axes.plot(np.quantile(values, share), share, label=name)
        low, high = np.quantile(np.concatenate(list(sets.values())), (0.002, 0.99))
        axes.set_xlim(low, high)
        axes.set_title(f"{quantity.name}, {quantity.unit}", fontsize=9)
        axes.grid(alpha=0.3)
        if i == 0:
            axes.legend(fontsize=8)
    axes = figure.add_subplot(3, 4, len(QUANTITIES) + 1)
    for name in ("recordings", "corpus", "free motion"):
        axes.plot(range(1, 13), synergies[name].explained, marker=".", label=name)
    axes.set_title("variance in the first n synergies", fontsize=9)
    axes.grid(alpha=0.3)
    with appearing(path) as part:
        figure.savefig(part, dpi=90, format="png")


def run(data: Path, out: Path, clips: int, command: str) -> Path:
    """Compare, write, and return the report's path.

    Raises:
        InputError: there are no recordings under ``data``.
    """
    real = recorded_hands(clip for fitted in read_folder(data) for clip in fitted.clips)
    corpus = hands_of(draw_clip(0, index, "val").frames for index in range(clips))
    free = hands_of(free_clips(0, "val", clips))
    compared = [compare(q, measured(real, q), corpus, free) for q in QUANTITIES]
    near = nearest(real, corpus, free)
    synergies = synergies_of(real, corpus, free)
    out.mkdir(parents=True, exist_ok=True)
    text = markdown(command, compared, near, synergies)
    write_text(out / "naturalness.md", text)
    found = {
        "quantities": [asdict(c) for c in compared],
        "nearest": [asdict(n) for n in near],
        "synergies": {name: s.explained.tolist() for name, s in synergies.items()},
    }
    write_text(out / "naturalness.json", json.dumps(found, indent=2) + "\n")
    plot(out / "naturalness.png", real, corpus, free, synergies)
    print(text)
    return out / "naturalness.md"


def _run(arguments: Sequence[str]) -> None:
    given = dict(argument.partition("=")[::2] for argument in arguments)
    unknown = sorted(set(given) - {"data", "out", "clips"})
    if unknown or not given.get("data") or not given.get("out"):
        found = f"{unknown[0]!r} is no argument" if unknown else "data= or out= is missing"
        raise InputError(f"{found}; give data=FOLDER_OF_RECORDINGS out=FOLDER and, at will, clips=400")
    clips = given.get("clips", "400")
    if not clips.isdecimal() or int(clips) < 1:
        raise InputError(f"clips={clips} is asked for; give a number of 1 or more")
    command = " ".join(["python -m train.real.naturalness", *arguments])
    print(f"written: {run(Path(given['data']), Path(given['out']), int(clips), command)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
