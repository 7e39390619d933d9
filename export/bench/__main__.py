"""``python -m export.bench``: this project beside its peers, interleaved, on the same random weights."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from clutch_rt.errors import InputError
from clutch_rt.formats.files import write_bytes

from export.bench import artefacts, session, systems
from export.bench.machine import machine
from export.bench.report import report
from export.bench.systems import PRECISIONS, Candidate
from train.command import guarded

SIZES: Final = ("small", "base")
LEAST_ROUNDS: Final = 7


def run(args: argparse.Namespace, log: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure what the arguments say; the record."""
    threads = sorted({1, *args.threads})
    record: dict[str, Any] = {"machine": machine(), "rounds": args.rounds, "sizes": {}}
    for size in () if args.bundle_only else args.size:
        folder = Path(args.work).absolute() / size
        folder.mkdir(parents=True, exist_ok=True)
        log(f"t5-{size}: weights, graphs and checkpoints in {folder}")
        artefacts.build(folder, size, PRECISIONS, record["machine"]["commit"], log)
        chosen = _candidates(folder, size, args.peers, args.only, log)
        record["sizes"][size] = session.compare(folder, size, chosen, threads, args.rounds, log)
        if not args.peers:
            record["sizes"][size]["absent"]["optimum-onnx, CTranslate2"] = "no --peers was given"
    if not args.no_bundle:
        record["bundle"] = session.shipped(args.bundle, args.rounds, log)
    return record


def _candidates(
    folder: Path, size: str, python: str | None, only: str, log: Callable[[str], None]
) -> list[tuple[Candidate, str]]:
    found = [(c, sys.executable) for c in systems.own(folder, size, PRECISIONS)]
    found += [(c, sys.executable) for c in systems.transformers(folder, size)]
    if python:
        systems.convert(folder, python, log)
        found += [(c, python) for c in systems.peers(folder, size)]
    kept = [(c, p) for c, p in found if only in c.name]
    if not kept:
        names = ", ".join(candidate.name for candidate, _ in found)
        raise InputError(f"no system has {only!r} in its name; there are {names}")
    return kept


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m export.bench", description=__doc__)
    parser.add_argument(
        "--size", choices=SIZES, action="append", help="of the T5; may be given twice (default: small)"
    )
    parser.add_argument(
        "--peers",
        metavar="PYTHON",
        help="interpreter of an environment with export/bench/peers.txt installed; without it, "
        "transformers is the only peer",
    )
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help="at least 7 (default)")
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=[os.cpu_count() or 1],
        help="to try beside 1 (default: all cores)",
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="run systems whose name holds TEXT")
    parser.add_argument("--bundle", help="to time whole (default: the shipped one)")
    parser.add_argument("--no-bundle", action="store_true", help="leave the bundle out")
    parser.add_argument("--bundle-only", action="store_true", help="time the bundle and no other engine")
    parser.add_argument(
        "--work", default="runs/bench", metavar="FOLDER", help="for weights and checkpoints; kept"
    )
    parser.add_argument(
        "-o", "--out", default="bench.json", metavar="FILE", help="the record; a page is written beside it"
    )
    args = parser.parse_args(argv)
    if args.no_bundle and args.bundle_only:
        parser.error("--no-bundle and --bundle-only leave nothing to measure; drop one of them")
    if args.bundle_only and (args.size or args.peers or args.only):
        parser.error("--bundle-only times no other engine; drop --size, --peers and --only, or it")
    args.size = list(dict.fromkeys(args.size or ["small"]))
    if args.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds is {args.rounds}; a median of less than {LEAST_ROUNDS} says little")
    if min(args.threads) < 1:
        parser.error(f"--threads holds {min(args.threads)}; 1 or more is wanted")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    args = _arguments(argv)

    def work() -> None:
        record = run(args)
        text = report(record)
        out = Path(args.out)
        write_bytes(out, (json.dumps(record, indent=1) + "\n").encode())
        write_bytes(out.with_suffix(".md"), text.encode())
        print(f"\n{text}\n{out} and {out.with_suffix('.md')} written")

    return guarded(work, "bench", "nothing was written")


if __name__ == "__main__":
    sys.exit(main())
