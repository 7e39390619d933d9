"""From a trained run to a bundle: ``python -m export.onnx RUN -o BUNDLE [--precision int8|fp32|fp16|int4]``.

Each graph is checked against PyTorch before the bundle appears; see ``export.parity``.
(Run it with ``-m``: as a script, this file would hide the onnx package behind itself.)
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import InputError

from export.agreement import Report
from export.bundle_writer import About, appearing, write_graphs, write_rest
from export.driver import Draw, Driver
from export.figures import FIGURES, Figures, read_figures
from export.graph import PRECISIONS, Precision
from export.lm_graphs import lm_graphs
from export.model_card import TRAINING_DATA
from export.native import check_native
from export.parity import SENTENCES, Parity
from export.run_folder import Run, read_run
from export.shift_graphs import ShiftGraphs
from export.weights import WeightStore
from models.generation import DEFAULT_TEMPERATURE, DEFAULT_TOP_K
from train.command import guarded
from train.evaluate.judged import files_of_run

Log = Callable[[str], None]


def quiet(line: str) -> None:
    """Take a line of progress and say nothing."""


def export_bundle(
    run: Path | str,
    out: Path | str,
    precision: Precision = "fp32",
    name: str | None = None,
    replace: bool = False,
    training_data: str = TRAINING_DATA,
    log: Log = quiet,
) -> Report:
    """Write the bundle of a trained run.

    Args:
        run: the run folder: ``shift/``, ``lm/``, ``tokenizer.model``, and for the card ``config.json`` and
            ``evaluate/metrics.json``.
        out: the bundle's folder; it appears whole or not at all.
        precision: see ``export.graph``.
        name: of the bundle; the folder's name by default.
        replace: whether a bundle in ``out`` may be replaced.
        training_data: what the run learnt from, in a phrase for the card; say it if it was not our corpus.
        log: takes a line of progress.

    Returns:
        What the comparison with PyTorch measured.

    Raises:
        ParityError: a graph disagrees with PyTorch. ClutchError: the run or the place cannot be used.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision is {precision!r}; it must be one of {', '.join(PRECISIONS)}")
    out = Path(out).absolute()
    with appearing(out, replace) as folder:
        loaded = read_run(Path(run))
        log(f"run {loaded.path}: form {loaded.model.config.form}, precision {precision}")
        store = WeightStore()
        graphs = {
            **lm_graphs(loaded.model, store, precision),
            **ShiftGraphs(loaded.shift, store, precision).all(),
        }
        write_graphs(folder, graphs, store)
        for graph in graphs:
            log(f"  {graph:14} {_size(folder / f'{graph}.onnx')}")
        log(f"  weights        {store.bytes / 1e6:.1f} MB, {len(store)} tensors, each stored once")
        draw = _draw(loaded)
        report = _compare(folder, loaded, precision, draw, log)
        files = files_of_run(loaded.path)
        figures = _figures(loaded.path, files, draw, log)
        about = About(name or out.name, precision, draw, files, figures, training_data)
        write_rest(folder, loaded, graphs, about, report)
        check_native(open_bundle(folder), [loaded.prompt(text) for text in SENTENCES], draw, log)
        total = sum(path.stat().st_size for path in folder.iterdir())
    log(f"{out}: {total / 1e6:.1f} MB")
    return report


def _draw(run: Run) -> Draw:
    return Draw(
        float(run.setting("evaluate", "temperature", default=DEFAULT_TEMPERATURE)),
        int(run.setting("evaluate", "top_k", default=DEFAULT_TOP_K)),
    )


def _figures(run: Path, files: Mapping[str, str], draw: Draw, log: Log) -> Figures | None:
    """Those of the PyTorch model; a bundle can be written without them, but not with those of another."""
    try:
        return read_figures(run / FIGURES, files, draw, f"python -m train.evaluate run={run}")
    except InputError as error:
        log(f"no figures go into the card: {error}")
        return None


def _compare(folder: Path, run: Run, precision: Precision, draw: Draw, log: Log) -> Report:
    log(f"beside PyTorch, on {len(SENTENCES)} sentences:")
    started = time.monotonic()
    driver = Driver(folder, run.model.grammar, torch.get_num_threads())
    prompts = [run.prompt(text) for text in SENTENCES]
    parity = Parity(driver, run.model, run.shift, precision, prompts, run.caption_prompt(), draw, log)
    try:
        report = parity.run()
    finally:
        driver.close()
    log(f"  agreed, {time.monotonic() - started:.0f} s")
    return report


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e3:.0f} kB"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.onnx",
        description="Write the bundle of a trained run, after checking each graph against PyTorch.",
    )
    parser.add_argument("run", metavar="RUN", help="run folder, as train.all makes it")
    parser.add_argument("-o", "--out", metavar="BUNDLE", required=True, help="folder to write")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="int8", help="of the weights (default: int8)"
    )
    parser.add_argument("--name", help="the bundle's name (default: the folder's)")
    parser.add_argument(
        "--training-data",
        metavar="PHRASE",
        default=TRAINING_DATA,
        help="what the run learnt from, for the model card, if it was not this project's own corpus",
    )
    parser.add_argument("--force", action="store_true", help="replace the bundle that is there")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    args = _arguments(argv)

    def work() -> None:
        export_bundle(args.run, args.out, args.precision, args.name, args.force, args.training_data, print)

    return guarded(work, "export", "nothing was written")


if __name__ == "__main__":
    sys.exit(main())
