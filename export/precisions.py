"""What each precision of the weights costs and brings: ``python -m export.precisions RUN -o FILE.md``.

A bundle of every precision is exported, judged on the held-out clips as ``train.evaluate`` does, with the
same seeds, and timed beside the others, one round of each after the other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import clutch_rt
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import InputError
from clutch_rt.formats.files import write_bytes
from clutch_rt.machine import this_machine

from export.card import rewrite_card
from export.command import guarded
from export.figures import PYTORCH
from export.graph import PRECISIONS, Precision
from export.onnx import export_bundle
from train.evaluate.__main__ import main as evaluate

ROUNDS: Final = 9
SECONDS: Final = 8.0
SENTENCES: Final = ("wave with the right hand", "knead the dough with both hands", "clap slowly")

# figure -> (heading, digits)
_FIGURES: Final = {
    "generated.verb": ("verb", 3),
    "generated.hand": ("hand", 3),
    "generated.speed": ("speed", 2),
    "generated.count": ("count", 2),
    "generated.r3": ("R@3", 3),
    "shift.mpjpe": ("SHIFT MPJPE mm", 2),
}
_PARITY: Final = {
    "token_agreement": ("tokens alike", 3),
    "generated_mm": ("joints apart mm", 2),
}


def compare(run: Path, work: Path, precisions: Sequence[Precision]) -> dict[str, Any]:
    """Export, judge and time bundles of ``run``; a record to be written as JSON.

    Args:
        run: a finished run.
        work: folder for the bundles, each under its precision; those in it are replaced.
        precisions: which.

    Raises:
        ClutchError: as of the export and of the evaluation.
    """
    rows: dict[str, dict[str, Any]] = {}
    for precision in precisions:
        bundle = work / precision
        export_bundle(run, bundle, precision, replace=True, log=print)
        if status := evaluate([f"run={run}", f"bundle={bundle}"]):
            raise InputError(f"{bundle} could not be judged (exit status {status}); see above")
        manifest = rewrite_card(run, bundle).manifest
        wanted = {name for figure in _FIGURES for name in (figure, f"{PYTORCH}.{figure}")}
        rows[precision] = {
            "bytes": open_bundle(bundle).size,
            "figures": {k: v for k, v in manifest.metrics.items() if k in wanted},
            "parity": {k: manifest.raw["parity"][k] for k in _PARITY},
        }
    for precision, seconds in timed([work / name for name in precisions]).items():
        rows[precision]["times_real_time"] = SECONDS / seconds
    return {"machine": asdict(this_machine()), "rows": rows}


def timed(bundles: Sequence[Path]) -> dict[str, float]:
    """Median seconds that each bundle takes for a motion of ``SECONDS`` on one thread, rounds interleaved."""
    models = {path.name: clutch_rt.load(path, device="cpu", threads=1) for path in bundles}
    took: dict[str, list[float]] = {name: [] for name in models}
    try:
        for number in range(-1, ROUNDS):  # the first warms up
            for name, model in models.items():
                for sentence in SENTENCES:
                    started = time.perf_counter()
                    model.generate(sentence, SECONDS, seed=number + 1)
                    if number >= 0:
                        took[name].append(time.perf_counter() - started)
    finally:
        for model in models.values():
            model.close()
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def markdown(record: Mapping[str, Any], command: str) -> str:
    """The table, the PyTorch model's figures in its first row."""
    rows = record["rows"]
    heads = [h for h, _ in (*_FIGURES.values(), *_PARITY.values())]
    lines = [
        "# Precisions",
        "",
        "What the weights of a bundle lose by their precision, and what they gain. The figures are of the",
        "held-out clips, with the same seeds, each with half the width of its 95 % interval. *Tokens alike*",
        "and *joints apart*: motion drawn freely, beside PyTorch's under the same noise. Times real time:",
        f"one thread, motions of {SECONDS:g} s, median of {ROUNDS} interleaved rounds, on",
        f"{record['machine']['cpu']}. A bundle that clearly loses more than 1 % of a figure says so",
        "when it is loaded. Made by:",
        "",
        f"    {command}",
        "",
        "| | " + " | ".join(["MB", *heads, "times real time"]) + " |",
        "|---" * (len(heads) + 3) + "|",
    ]
    first = next(iter(rows.values()))["figures"]
    pytorch = [_cell(first.get(f"{PYTORCH}.{name}"), digits) for name, (_, digits) in _FIGURES.items()]
    lines.append("| " + " | ".join(["PyTorch", "", *pytorch, *([""] * len(_PARITY)), ""]) + " |")
    for name, row in rows.items():
        cells = [_cell(row["figures"].get(key), digits) for key, (_, digits) in _FIGURES.items()]
        cells += [f"{row['parity'][key]:.{digits}f}" for key, (_, digits) in _PARITY.items()]
        lines.append(
            f"| {name} | {row['bytes'] / 1e6:.1f} | {' | '.join(cells)} | {row['times_real_time']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def _cell(figure: Mapping[str, Any] | None, digits: int) -> str:
    if figure is None:
        return ""
    low, high = figure["interval"] or (figure["value"], figure["value"])
    return f"{figure['value']:.{digits}f} ± {(high - low) / 2:.{digits}f}"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.precisions",
        description="Export, judge and time a bundle of each precision; a table and, beside it, its JSON.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="finished run, judged by train.evaluate")
    parser.add_argument("-o", "--out", metavar="FILE.md", type=Path, required=True, help="table to write")
    parser.add_argument("--work", metavar="FOLDER", type=Path, required=True, help="where the bundles go")
    parser.add_argument(
        "--precision", choices=PRECISIONS, action="append", help="one of them; may be repeated (default: all)"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    args = _arguments(given)

    def work() -> None:
        record = compare(args.run, args.work, args.precision or PRECISIONS)
        text = markdown(record, " ".join(["python -m export.precisions", *given]))
        write_bytes(args.out.with_suffix(".json"), (json.dumps(record, indent=1) + "\n").encode())
        write_bytes(args.out, text.encode())
        print(f"\n{text}\n{args.out} and {args.out.with_suffix('.json')} written")

    return guarded("precisions", "the table is as it was", work)


if __name__ == "__main__":
    sys.exit(main())
