"""What ships, made anew of a finished run: ``python -m export.release RUN --work DIR``.

The run is exported, the bundle and its PyTorch model are judged, each precision is weighed, and all that the
README, ``docs/`` and the model card say of the model follows from that. Each step is a command that one may
run alone; what was done of the same weights is not done again, so the command goes on where it stopped (where
the exporter or a judge changed, give another DIR). The checkout is changed last, when everything is there.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clutch_rt.bundle import open_bundle
from clutch_rt.errors import ClutchError, InputError

from export import pages
from export.bundle_writer import appearing
from export.run_folder import read_json
from train.command import guarded
from train.evaluate.judged import files_of_run
from train.run import write_text

NAME: Final = "tiny"
ROOT: Final = Path(__file__).resolve().parents[1]

_BUNDLE: Final = Path("runtime", "clutch_rt", "bundles", NAME)
_DONE: Final = "done"


@dataclass(frozen=True)
class Sources:
    """Where all of it comes from.

    Attributes:
        run: a finished run.
        work: folder for the bundle, the reports and the marks of what is done.
        recordings: of real hands, see ``train.real``; None measures none.
        narrations: a table of them, see ``train.narrations``; None makes none.
    """

    run: Path
    work: Path
    recordings: Path | None = None
    narrations: Path | None = None

    @property
    def bundle(self) -> Path:
        """The bundle that will ship."""
        return self.work / NAME


@dataclass(frozen=True)
class Step:
    """A command of this project, by the name of its mark."""

    name: str
    command: tuple[str, ...]


def plan(sources: Sources, precisions: bool) -> list[Step]:
    """The steps in their order; the longest last."""
    run, work, bundle = sources.run, sources.work, sources.bundle
    of_run, of_bundle = f"run={run}", f"bundle={bundle}"
    steps = [
        Step("export", ("export.onnx", f"{run}", "-o", f"{bundle}", "--precision", "int8", "--force")),
        Step("bundle", ("train.evaluate", of_run, of_bundle)),
        Step(
            "pytorch",
            (
                "train.evaluate",
                of_run,
            ),
        ),
        Step("complete", ("train.evaluate.complete", of_run, of_bundle, "clips=24")),
        Step("sheet", ("train.evaluate.sheet", of_run, of_bundle, f"out={work / 'sheet.png'}")),
    ]
    if sources.recordings is not None:
        steps.append(Step("real", ("train.real", of_run, f"data={sources.recordings}")))
    if sources.narrations is not None:
        given = (f"data={sources.narrations}", of_run, of_bundle, f"out={work / 'narrations'}", "count=all")
        steps.append(Step("narrations", ("train.narrations", *given)))
    table: tuple[str, ...] = ()
    if precisions:
        out, bundles = work / "precisions.md", work / "precisions"
        steps.append(
            Step("precisions", ("export.precisions", f"{run}", "-o", f"{out}", "--work", f"{bundles}"))
        )
        table = ("--precisions", f"{out.with_suffix('.json')}")
    return [*steps, Step("card", ("export.card", f"{run}", f"{bundle}", *table))]


def carry_out(steps: Iterable[Step], work: Path, made_from: Mapping[str, str]) -> None:
    """Run each command that was not run of these weights before.

    Raises:
        ClutchError: one failed.
    """
    for step in steps:
        mark = work / _DONE / f"{step.name}.json"
        state = {"command": list(step.command), "made_from": dict(made_from)}
        shown = shlex.join(["python", "-m", *step.command])
        if mark.is_file() and read_json(mark) == state:
            print(f"done before: {shown}", flush=True)
            continue
        print(f"$ {shown}", flush=True)
        status = subprocess.run([sys.executable, "-m", *step.command], check=False).returncode
        if status:
            raise ClutchError(f"`{shown}` ended with status {status}; mend that, then the same command again")
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_text(mark, json.dumps(state, indent=1) + "\n")


def pages_of(sources: Sources, precisions: bool) -> dict[Path, str]:
    """The pages of the checkout that the reports change, by their place in it.

    Raises:
        InputError: a report is missing, or the README has no place for the figures.
    """

    def report(path: Path) -> str:
        text = _read(path)
        for given, name in ((sources.recordings, "RECORDINGS"), (sources.narrations, "NARRATIONS")):
            text = text if given is None else text.replace(f"data={given}", f"data={name}")
        return text

    evaluate, docs, bundle = sources.run / "evaluate", Path("docs"), open_bundle(sources.bundle)
    real = None if sources.recordings is None else report(evaluate / "report_real.md")
    found = {
        docs / "evaluation.md": pages.evaluation(
            report(evaluate / f"bundle-{NAME}" / "report.md"), real, _read(ROOT / docs / "evaluation.md")
        ),
        docs / "completion.md": report(sources.run / f"complete-{NAME}.md"),
        Path("README.md"): pages.with_figures(
            _read(ROOT / "README.md"), pages.figures_block(bundle.manifest.raw, bundle.size)
        ),
    }
    if sources.narrations is not None:
        page = docs / "narrations.md"
        found[page] = pages.introduced(report(sources.work / "narrations" / "verbs.md"), _read(ROOT / page))
    if precisions:
        found[docs / "precisions.md"] = report(sources.work / "precisions.md")
    return found


def release(sources: Sources, precisions: bool = True) -> list[Path]:
    """Make all of it; the files of the checkout that changed.

    Args:
        sources: of what ships.
        precisions: whether to weigh each precision, which takes longer than all else.

    Raises:
        InputError: the run is not finished. ClutchError: a step failed.
    """
    made_from = files_of_run(sources.run)
    for folder in (sources.recordings, sources.narrations):
        if folder is not None and not folder.exists():
            raise InputError(f"there is no {folder}; give another, or leave that out")
    carry_out(plan(sources, precisions), sources.work, made_from)
    texts = pages_of(sources, precisions)
    with appearing(ROOT / _BUNDLE, replace=True) as folder:
        shutil.copytree(sources.bundle, folder, dirs_exist_ok=True)
    for path, text in texts.items():
        write_text(ROOT / path, text)
    return [_BUNDLE, *texts]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"there is no {path}, which one of the steps writes; run it again") from error


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.release",
        description="Export and judge a finished run; bundle, figures and reports go into this checkout.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="finished run, as train.all makes it")
    parser.add_argument("--work", metavar="DIR", type=Path, required=True, help="for bundles and reports")
    parser.add_argument(
        "--recordings", metavar="DIR", type=Path, help="of real hands (default: none measured)"
    )
    parser.add_argument("--narrations", metavar="CSV", type=Path, help="table of them (default: none made)")
    parser.add_argument(
        "--no-precisions",
        action="store_true",
        help="leave the table of precisions, half of the time, to another call; the page keeps the old one",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    args = _arguments(argv)

    def work() -> None:
        sources = Sources(args.run, args.work, args.recordings, args.narrations)
        for path in release(sources, not args.no_precisions):
            print(f"{path} is of {args.run} now")
        print("read the README once more: its prose is a person's")

    return guarded(work, "release", "the checkout is as it was; the same command goes on")


if __name__ == "__main__":
    sys.exit(main())
