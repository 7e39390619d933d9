"""A bundle's own figures into its card and its manifest: ``python -m export.card RUN BUNDLE``.

Comes after ``python -m train.evaluate run=RUN bundle=BUNDLE``; no weight and no graph is touched. With
``--precisions FILE.json`` the card also has the table of ``export.precisions``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clutch_rt.bundle import Bundle, open_bundle
from clutch_rt.errors import InputError
from clutch_rt.manifest import CARD

from export.bundle_writer import appearing, measured, trained, write_card
from export.driver import Draw
from export.figures import FIGURES, Figures, read_figures
from export.precision_table import precision_table, what_it_tells
from export.run_folder import read_json
from export.training import training_of
from train.command import guarded
from train.evaluate.judged import files_of_bundle, files_of_run


def rewrite_card(run: Path | str, bundle: Path | str, precisions: Path | None = None) -> Bundle:
    """Put what the evaluation found of a bundle into its card and manifest; the bundle as it is then.

    Args:
        run: the run folder it was exported from, where it was judged.
        bundle: its folder, or the name of a shipped one; replaced by rename.
        precisions: what ``export.precisions`` wrote of the run; None leaves what the card has of it.

    Raises:
        InputError: the bundle is not of this run, was not judged, or figures are of other weights.
        BundleError: the bundle is damaged, or cannot be written.
    """
    run, opened = Path(run), open_bundle(bundle)
    manifest = dict(opened.manifest.raw)
    training = training_of(read_json(run / "config.json"))
    manifest.update(trained(training, opened.manifest.training_data))
    manifest.update(measured(training, *_figures(run, opened)))
    manifest["files"] = {name: entry for name, entry in manifest["files"].items() if name != CARD}
    if precisions is not None:
        manifest["precisions"] = _precisions(precisions, run)
    with appearing(opened.path, replace=True) as folder:
        shutil.copytree(opened.path, folder, dirs_exist_ok=True)
        write_card(folder, manifest, run.resolve().name)
    return open_bundle(opened.path)


def _figures(run: Path, bundle: Bundle) -> tuple[Figures, Figures | None]:
    """The bundle's own figures and those of the PyTorch model, found in the same way, where there are any."""
    files = files_of_run(run)
    _check_origin(run, files, bundle)
    sampling = bundle.manifest.sampling
    draw = Draw(sampling.temperature, sampling.top_k)
    judge = f"python -m train.evaluate run={run}"
    own = run / "evaluate" / f"bundle-{bundle.path.name}" / "metrics.json"
    found = read_figures(own, files_of_bundle(bundle.path), draw, f"{judge} bundle={bundle.path}")
    if not (run / FIGURES).is_file():
        return found, None
    pytorch = read_figures(run / FIGURES, files, draw, judge)
    other = sorted(key for key, value in found.settings.items() if pytorch.settings.get(key) != value)
    if other:
        raise InputError(
            f"{own} and {run / FIGURES} were found under other settings of the evaluation "
            f"({', '.join(other)}) and cannot stand in one table; run `{judge}` again with the same"
        )
    return found, pytorch


def _precisions(path: Path, run: Path) -> Mapping[str, Any]:
    """The record of ``export.precisions``, of these weights."""
    again = f"run `python -m export.precisions {run} -o {path.with_suffix('.md')} --work FOLDER`"
    if not path.is_file():
        raise InputError(f"there is no {path}; {again}")
    record = read_json(path)
    try:
        precision_table(record), what_it_tells(record)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise InputError(f"{path} is no record of precisions ({error!r}); {again}") from error
    if record.get("made_from") != files_of_run(run):
        raise InputError(f"{path} is of other weights than those of {run}; {again}")
    return record


def _check_origin(run: Path, files: dict[str, str], bundle: Bundle) -> None:
    """The commands on the card are the run's: it must be the one the bundle was written from."""
    made_from = bundle.manifest.raw.get("made_from")
    if made_from is None:
        raise InputError(f"{bundle.path} does not say which run it was written from; export it again")
    if made_from != files:
        raise InputError(
            f"{bundle.path} was not written from the weights of {run}; name its run, or export again"
        )


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.card",
        description="Write what `python -m train.evaluate run=RUN bundle=BUNDLE` found into the card.",
    )
    parser.add_argument("run", metavar="RUN", help="run folder the bundle was exported from")
    parser.add_argument("bundle", metavar="BUNDLE", help="folder of the bundle, or the name of a shipped one")
    parser.add_argument(
        "--precisions", metavar="FILE.json", type=Path, help="what export.precisions wrote beside its table"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    args = _arguments(argv)

    def work() -> None:
        bundle = rewrite_card(args.run, args.bundle, args.precisions)
        print(f"{bundle.path / CARD}: {len(bundle.manifest.metrics)} figures")

    return guarded(work, "card", "the bundle is as it was")


if __name__ == "__main__":
    sys.exit(main())
