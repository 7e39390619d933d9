"""``python -m export.bench.cuda RUN``: a motion step on an NVIDIA GPU, every way beside the others.

Says whether CUDA draws the CPU's tokens, bound and captured, how long a step takes and what share of the
memory bandwidth that is, and how it scales from 1 motion to 256: ONNX Runtime with its past bound to the
device and without, as a CUDA graph of the step of fixed shapes, PyTorch eager, compiled, and as a CUDA graph.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from clutch_rt.diagnosis import one_line
from clutch_rt.errors import ClutchError, InputError
from clutch_rt.formats.files import write_bytes
from clutch_rt.ort import ORT_ERRORS
from clutch_rt.sessions import Sessions

from export.bench.cuda import gpu, report, tokens, ways
from export.bench.cuda.ort_step import BundleSteps, CapturedSteps, GrowingSteps
from export.bench.cuda.subject import Case, Subject, of_run, of_size, sessions
from export.bench.machine import machine
from models.t5 import SIZES
from train.command import FAILURE, guarded

BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_COPIED: Final = 2**30
_LARGE: Final = 16  # from here on fewer rounds do: a step is long, and noise of 256 motions is large
_LARGE_ROUNDS: Final = 3


def run(args: argparse.Namespace, log: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure what the arguments say; the record."""
    device = torch.device("cpu" if args.rehearse else "cuda")
    size = 2**22 if args.rehearse else _COPIED
    record: dict[str, Any] = {
        "rehearsal": args.rehearse,
        "machine": machine(),
        "gpu": gpu.describe(device),
        "bandwidth": gpu.copy_bandwidth(device, size),
        "bandwidth_bytes": size,
        "rounds": args.rounds,
        "command": args.command,
        "subjects": [],
    }
    with tempfile.TemporaryDirectory(prefix="clutch-rt-cuda-") as work:
        if args.run:
            record["subjects"].append(_measured(of_run(args.run, Path(work, "run")), args, device, log))
        for name in args.size:
            record["subjects"].append(_measured(of_size(name, Path(work, name)), args, device, log))
    return record


def _measured(
    subject: Subject, args: argparse.Namespace, device: torch.device, log: Callable[[str], None]
) -> dict[str, Any]:
    log(f"{subject.name}: {subject.bytes / 1e6:.1f} MB of weights a step in float32")
    config = subject.model.config
    cpu, there = sessions(subject, "cpu"), sessions(subject, device.type)
    try:
        found = {
            name: _compared(subject, cpu, there, partial(way, memory=device.type, rhythm=True), args.motions)
            for name, way in ((ways.BOUND, GrowingSteps), (ways.CAPTURED, CapturedSteps))
        }
        for name, one in found.items():
            log(f"  {name}: {one['text']}")
        every = ways.ways(there, device)
        chosen = [way for way in every if args.only in way.name]
        if not chosen:
            names = ", ".join(way.name for way in every)
            raise InputError(f"no way has {args.only!r} in its name; there are {names}")
        steps = min(args.steps, config.grammar.max_steps)
        rows: list[dict[str, Any]] = []
        absent = {}
        for batch in args.batches:
            case = Case.of(subject, range(batch), steps)
            wanted = ways.drawn(GrowingSteps(case, cpu, None), case)
            rounds = args.rounds if batch < _LARGE else min(args.rounds, _LARGE_ROUNDS)
            more, without = ways.measure(chosen, case, wanted, rounds, log)
            rows += more
            if without:
                absent[str(batch)] = without
    finally:
        cpu.close()
        there.close()
    return {
        "name": subject.name,
        "shape": {"d_model": config.d_model, "decoder_layers": config.n_decoder_layers},
        "bytes": subject.bytes,
        "steps": steps,
        "tokens": found,
        "batches": list(args.batches),
        "rows": rows,
        "absent": absent,
    }


def _compared(
    subject: Subject,
    cpu: Sessions,
    other: Sessions,
    way: Callable[[Case, Sessions], BundleSteps],
    motions: int,
) -> dict[str, Any]:
    """``tokens.compare`` as plain values; of a way that does not run, why."""
    expected: tuple[type[Exception], ...] = (ClutchError, *ORT_ERRORS)
    try:
        found = tokens.compare(subject, cpu, other, way, motions)
    except expected as error:
        return {"agreed": False, "text": f"not compared, for it did not run: {one_line(error)}"}
    return {**found.to_dict(), "text": found.text()}


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.bench.cuda",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN", type=Path, nargs="?", help="run folder, as train.all makes it")
    parser.add_argument(
        "--size",
        choices=list(SIZES),
        action="append",
        help="a model of random weights beside RUN, or in its place; may be repeated",
    )
    parser.add_argument("--batches", type=int, nargs="+", metavar="B", help="motions together (1 to 256)")
    parser.add_argument("--steps", type=int, help="of a motion (24, or the longest there is)")
    parser.add_argument("--rounds", type=int, help="motions of each way (7; 3 from a batch of 16 on)")
    parser.add_argument("--motions", type=int, help="whose tokens are held beside the CPU's (27)")
    parser.add_argument("--only", default="", metavar="TEXT", help="ways whose name holds TEXT")
    parser.add_argument(
        "--rehearse", action="store_true", help="run every row's code on the CPU; no time means anything"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("cuda.json"),
        metavar="FILE.json",
        help="the record; a page and a picture are written beside it",
    )
    args = parser.parse_args(argv)
    args.command = shlex.join(["python", "-m", "export.bench.cuda", *argv])
    args.size = list(dict.fromkeys(args.size or []))
    if args.run is None and not args.size:
        parser.error("give a RUN, or a --size")
    quick = args.rehearse
    args.batches = sorted(set(args.batches or ((1, 2) if quick else BATCHES)))
    args.steps = args.steps or (3 if quick else 24)
    args.rounds = args.rounds or (1 if quick else 7)
    args.motions = args.motions or (2 if quick else 27)
    if min(args.batches) < 1 or args.steps < 2 or min(args.rounds, args.motions) < 1:
        parser.error("--batches, --rounds and --motions want 1 or more, --steps 2 or more")
    if args.out.suffix != ".json":
        parser.error(
            f"-o {args.out} ends in {args.out.suffix or 'nothing'!r}; give a name that ends in .json"
        )
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 1 too where a way draws other tokens, or none."""
    args = _arguments(list(sys.argv[1:] if argv is None else argv))
    why = None if args.rehearse else gpu.lacking()
    if why:
        print(f"cuda: {why}", file=sys.stderr)
        return FAILURE
    agreed: list[bool] = []

    def work() -> None:
        report.require_matplotlib()
        record = run(args)
        text = report.page(record)
        paths = [args.out.with_suffix(suffix) for suffix in (".json", ".md", ".png")]
        contents = (json.dumps(record, indent=1) + "\n").encode(), text.encode(), report.picture(record)
        for path, content in zip(paths, contents, strict=True):
            write_bytes(path, content)
        print(f"\n{text}\n{', '.join(map(str, paths))} written")
        agreed.extend(one["agreed"] for subject in record["subjects"] for one in subject["tokens"].values())

    status = guarded(work, "cuda", "nothing was written")
    return status or (0 if all(agreed) else FAILURE)


if __name__ == "__main__":
    sys.exit(main())
