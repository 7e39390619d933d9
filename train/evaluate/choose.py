"""``python -m train.evaluate.choose run=FOLDER``: which sampling is best, on validation clips alone.

Every setting of a small grid makes a motion of the same validation sentences with the same seeds, and is
judged as ``train.evaluate`` judges the test split, which is never looked at here. The choice and the whole
table go into ``RUN/sampling.json``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from train.command import command_main
from train.evaluate.__main__ import open_finished, split_arguments
from train.evaluate.features import joints_of
from train.evaluate.judging import device_of, generated, make_context
from train.evaluate.metrics import mean_acceleration
from train.evaluate.notes import CHOICE
from train.evaluate.report import table
from train.evaluate.rows import Context, Row, measure_row
from train.evaluate.samplers import Sampler, TorchSampler
from train.run import RunFolder, prepare_machine, write_text

USAGE = """usage: python -m train.evaluate.choose run=FOLDER [evaluate.choice_clips=...]

Makes motions of validation sentences at every temperature and top-k of a small grid, judges them, and
writes the best setting with the whole table into FOLDER/sampling.json."""

TEMPERATURES: Final = (0.3, 0.5, 0.7, 0.9)
TOP_KS: Final = (0, 20)  # 0 does not cut
MEASURES: Final = ("verb", "hand", "speed", "count", "direction", "r3")
# Hands may be this much calmer than what SHIFT makes of the clips' own motions before it counts against them.
LIVELY: Final = 0.9
CRITERION: Final = (
    f"the mean of {', '.join(MEASURES)}, less the part by which the mean acceleration falls short of "
    f"{LIVELY:.0%} of that of SHIFT's reconstructions of the same clips"
)
SPLIT: Final = "val"


@dataclass(frozen=True)
class Tried:
    """One setting and how it fared.

    Attributes:
        temperature, top_k: of sampling.
        values: each of ``MEASURES``, and ``duration``.
        lively: mean acceleration over that of the reconstructions.
        score: by ``CRITERION``.
    """

    temperature: float
    top_k: int
    values: Mapping[str, float]
    lively: float
    score: float


def score(values: Mapping[str, float], lively: float) -> float:
    """What ``CRITERION`` says; a measure that the corpus has no clips for is left out."""
    known = [values[name] for name in MEASURES if np.isfinite(values[name])]
    return float(np.mean(known)) - max(0.0, LIVELY - lively)


def tried(row: Row, temperature: float, top_k: int, liveliness: float) -> Tried:
    """A setting's row, weighed; ``liveliness`` is the reconstructions' mean acceleration."""
    values = {name: row.values[name].value for name in (*MEASURES, "duration")}
    lively = row.values["acceleration"].value / liveliness
    return Tried(temperature, top_k, values, lively, score(values, lively))


def try_all(
    make: Callable[[float, int], Sampler], context: Context, say: Callable[[Tried], None]
) -> list[Tried]:
    """Every setting of the grid, in order.

    Args:
        make: a sampler of a temperature and a top-k.
        context: of validation clips.
        say: told each as it is found.
    """
    out: list[Tried] = []
    liveliness = 0.0
    for temperature, top_k in itertools.product(TEMPERATURES, TOP_KS):
        sampler = make(temperature, top_k)
        if not out:
            rebuilt = sampler.reconstruct([clip.frames for clip in context.sets.all]).motions
            liveliness = float(np.mean([mean_acceleration(joints_of(motion)) for motion in rebuilt]))
        row = measure_row("generated", [generated(sampler, context.sets, 0)], context)
        out.append(tried(row, temperature, top_k, liveliness))
        say(out[-1])
    return out


def best(rows: Sequence[Tried]) -> Tried:
    """The highest score; of equal ones the surer."""
    return max(rows, key=lambda row: (row.score, -row.temperature))


def tried_table(rows: Sequence[Tried]) -> str:
    """The settings as Markdown."""
    names = (*MEASURES, "duration")
    body = [
        [
            f"{r.temperature:g}",
            str(r.top_k),
            *(f"{r.values[name]:.3f}" for name in names),
            f"{r.lively:.2f}",
            f"{r.score:.4f}",
        ]
        for r in rows
    ]
    return table(["temperature", "top-k", *names, "acceleration, part", "score"], body)


def record(rows: Sequence[Tried], context: Context, files: Mapping[str, str]) -> dict[str, Any]:
    """What ``sampling.json`` holds."""
    chosen = best(rows)
    return {
        "temperature": chosen.temperature,
        "top_k": chosen.top_k,
        "criterion": CRITERION,
        "split": SPLIT,
        "clips": {"all": len(context.sets.all), "each other set": len(context.sets.single)},
        "files": dict(files),
        "table": [{**asdict(row), "values": _known(row.values)} for row in rows],
    }


def _known(values: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: a measure that the corpus has no clips for is null."""
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def choose(folder: RunFolder) -> Tried:
    """Try the grid, write ``RUN/sampling.json``, and give the best setting."""
    context = make_context(folder, folder.config.evaluate.choice_clips, SPLIT)
    device = device_of(folder)

    def make(temperature: float, top_k: int) -> TorchSampler:
        return TorchSampler(folder.path, temperature, top_k, device)

    rows = try_all(make, context, lambda row: print(tried_table([row]).splitlines()[-1], flush=True))
    files = make(TEMPERATURES[0], TOP_KS[0]).files
    write_text(folder.path / CHOICE, json.dumps(record(rows, context, files), indent=1) + "\n")
    return best(rows)


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments)
    folder = open_finished(special, settings)
    prepare_machine(folder.config)
    print("\n".join(tried_table([]).splitlines()[:2]), flush=True)
    found = choose(folder)
    print(f"chosen by {CRITERION}; written: {folder.path / CHOICE}")
    print(
        f"python -m train.evaluate run={folder.path} evaluate.temperature={found.temperature:g} "
        f"evaluate.top_k={found.top_k}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
