"""What each precision of the weights costs and brings: one table.

``python -m export.precisions RUN -o FILE.md --work DIR`` exports a bundle of every precision into DIR, judges
it on the held-out clips as ``train.evaluate`` does, with the same seeds, and times it beside the others, one
round of each after the other. The same command again goes on with the bundles that were not judged yet.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import clutch_rt
from clutch_rt import bench
from clutch_rt.bundle import Bundle, open_bundle
from clutch_rt.errors import BundleError, InputError
from clutch_rt.formats.files import write_bytes
from clutch_rt.machine import this_machine
from clutch_rt.quality import FIGURES, PYTORCH
from clutch_rt.spread import Spread

from export.card import rewrite_card
from export.figures import FIGURES as OF_PYTORCH
from export.figures import is_judged
from export.graph import PRECISIONS, Precision
from export.onnx import export_bundle
from export.precision_table import PARITY, precision_table, what_is_lost, what_it_tells
from train.command import guarded
from train.evaluate.__main__ import open_finished
from train.evaluate.judged import files_of_run
from train.evaluate.judging import evaluate
from train.evaluate.samplers import BundleSampler
from train.run import prepare_machine

ROUNDS: Final = 9
SECONDS: Final = 8.0


def compare(run: Path, work: Path, precisions: Sequence[Precision]) -> dict[str, Any]:
    """Export, judge and time bundles of ``run``; a record to be written as JSON.

    Args:
        run: a finished run, judged.
        work: folder for the bundles, each under its precision; those that are judged are not made again.
        precisions: which.

    Raises:
        InputError: the run was not judged. ClutchError: as of the export and of the evaluation.
    """
    if not (run / OF_PYTORCH).is_file():
        raise InputError(f"there is no {run / OF_PYTORCH}; run `python -m train.evaluate run={run}` first")
    bundles = [judged_bundle(run, work / name, name) for name in precisions]
    seconds, took = timed([bundle.path for bundle in bundles])
    shown = [f"{before}{name}" for name in FIGURES for before in ("", f"{PYTORCH}.")]
    rows = {}
    for precision, bundle, spread in zip(precisions, bundles, took, strict=True):
        metrics, parity = bundle.manifest.metrics, bundle.manifest.raw["parity"]
        rows[precision] = {
            "bytes": bundle.size,
            "figures": {name: metrics[name] for name in shown if name in metrics},
            "parity": {name: parity[name] for name in PARITY},
            "times_real_time": asdict(spread),
        }
    return {
        "made_from": files_of_run(run),
        "machine": asdict(this_machine()),
        "versions": bench.versions(),
        "seconds": seconds,
        "rounds": ROUNDS,
        "rows": rows,
    }


def judged_bundle(run: Path, path: Path, precision: Precision) -> Bundle:
    """The bundle of a run in one precision, with its own figures; what is at ``path`` already is kept."""
    try:
        bundle = open_bundle(path)
        if bundle.manifest.raw.get("made_from") == files_of_run(run) and is_judged(bundle.manifest.metrics):
            print(f"{path}: judged before")
            return bundle
    except BundleError:
        pass
    export_bundle(run, path, precision, replace=True, log=print)
    folder = open_finished({"run": str(run)}, [])
    prepare_machine(folder.config)
    wanted = folder.config.evaluate
    sampler = BundleSampler(path, wanted.temperature, wanted.top_k)
    out = folder.folder("evaluate") / f"bundle-{path.name}"
    evaluate(
        folder, sampler, out, shlex.join(["python", "-m", "train.evaluate", f"run={run}", f"bundle={path}"])
    )
    return rewrite_card(run, path)


def timed(bundles: Sequence[Path]) -> tuple[float, list[Spread]]:
    """Seconds of the motions, and times real time of each bundle: one thread of the CPU, rounds in turn."""
    models = [clutch_rt.load(path, device="cpu", threads=1) for path in bundles]
    took: list[list[float]] = [[] for _ in models]
    seconds = min(SECONDS, *(model.info.max_seconds for model in models))
    try:
        for number in range(-1, ROUNDS):  # the first warms up
            for model, times in zip(models, took, strict=True):
                started = time.perf_counter()
                for sentence in bench.SENTENCES:
                    model.generate(sentence, seconds, seed=number + 1)
                if number >= 0:
                    made = seconds * len(bench.SENTENCES)
                    times.append(made / (time.perf_counter() - started))
    finally:
        for model in models:
            model.close()
    return seconds, [Spread.of(times) for times in took]


def markdown(record: Mapping[str, Any], command: str) -> str:
    """The page: what the table tells, the command that made it, the table."""
    return f"""\
# Precisions

What the weights of a bundle lose by their precision, and what they gain.
{what_it_tells(record)} Made by:

    {command}

{precision_table(record)}

{what_is_lost(record)}
"""


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.precisions",
        description="Export, judge and time a bundle of each precision; a table and, beside it, its JSON.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="finished run, judged by train.evaluate")
    parser.add_argument("-o", "--out", metavar="FILE.md", type=Path, required=True, help="table to write")
    parser.add_argument("--work", metavar="DIR", type=Path, required=True, help="where the bundles go")
    parser.add_argument(
        "--precision", choices=PRECISIONS, action="append", help="one of them; may be repeated (default: all)"
    )
    return parser.parse_args(argv)


def _check_target(out: Path) -> None:
    """What is wrong with a file name is better said now than an hour later."""
    if out.suffix != ".md":
        raise InputError(f"-o {out} ends in {out.suffix or 'nothing'!r}; give a name that ends in .md")
    if not out.absolute().parent.is_dir():
        raise InputError(f"there is no folder {out.absolute().parent}; make it, or choose another -o")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    args = _arguments(given)

    def work() -> None:
        _check_target(args.out)
        record = compare(args.run, args.work, args.precision or PRECISIONS)
        text = markdown(record, shlex.join(["python", "-m", "export.precisions", *given]))
        write_bytes(args.out.with_suffix(".json"), (json.dumps(record, indent=1) + "\n").encode())
        write_bytes(args.out, text.encode())
        print(f"\n{text}\n{args.out} and {args.out.with_suffix('.json')} written")

    return guarded(work, "precisions")


if __name__ == "__main__":
    sys.exit(main())
