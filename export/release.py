"""What ships, made anew of a finished run: ``python -m export.release RUN --work DIR``.

The run is exported, the bundle and its PyTorch model are judged, each precision is weighed. The bundle with
its card, the reports in ``docs/`` and the figures in the README follow from that. Each step is a command that
one may run alone. What was done before of the same files is not done again, so the command goes on where it
stopped (where the exporter or a judge changed, give another DIR). The checkout is changed last, when
everything is there.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clutch_rt.bundle import open_bundle
from clutch_rt.errors import ClutchError, InputError
from clutch_rt.manifest import sha256_of

from export import pages
from export.bundle_writer import appearing
from export.run_folder import WORDS, read_json
from train.command import guarded
from train.evaluate.judged import files_of_run
from train.run import write_text
from train.tokenizer import SYNONYMS_FILE

NAME: Final = "tiny"
ROOT: Final = Path(__file__).resolve().parents[1]

_BUNDLE: Final = Path("runtime", "clutch_rt", "bundles", NAME)
_CONFIG: Final = "config.json"
_README: Final = Path("README.md")
_EVALUATION, _COMPLETION, _NARRATIONS, _PRECISIONS = (
    Path("docs", f"{name}.md") for name in ("evaluation", "completion", "narrations", "precisions")
)


@dataclass(frozen=True)
class Sources:
    """Where all of it comes from. Paths stand in the reports as they are given here.

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

    def report(self, step: str) -> Path:
        """A step's report, as it was when the step ended."""
        return self.work / "reports" / f"{step}.md"

    def mark(self, step: str) -> Path:
        """What says that a step is done, and of what."""
        return self.work / "done" / f"{step}.json"

    def files(self) -> dict[str, str]:
        """SHA-256 of all files that the outcome hangs on, by name.

        Raises:
            InputError: the run is not finished.
        """
        found = files_of_run(self.run)
        others = [self.run / name for name in (_CONFIG, WORDS, SYNONYMS_FILE)]
        return found | {str(p): sha256_of(p) for p in [*others, self.narrations] if p and p.is_file()}


@dataclass(frozen=True)
class Step:
    """A command of this project.

    Attributes:
        name: of its mark and its report.
        command: module and arguments.
        writes: its report; None where it has none.
    """

    name: str
    command: tuple[str, ...]
    writes: Path | None = None


def plan(sources: Sources, precisions: bool) -> list[Step]:
    """The steps in their order."""
    run, work, bundle = sources.run, sources.work, sources.bundle
    of_run, of_bundle = f"run={run}", f"bundle={bundle}"
    judged, completed = run / "evaluate", run / f"complete-{NAME}.md"
    sheet = (of_run, of_bundle, f"out={work / 'sheet.png'}")
    steps = [
        Step("export", ("export.onnx", f"{run}", "-o", f"{bundle}", "--precision", "int8", "--force")),
        Step("bundle", ("train.evaluate", of_run, of_bundle), judged / f"bundle-{NAME}" / "report.md"),
        Step("pytorch", ("train.evaluate", of_run)),
        Step("complete", ("train.evaluate.complete", of_run, of_bundle, "clips=24"), completed),
        Step("sheet", ("train.evaluate.sheet", *sheet)),
    ]
    if sources.recordings is not None:
        given = (of_run, f"data={sources.recordings}")
        steps.append(Step("real", ("train.real", *given), judged / "report_real.md"))
    if sources.narrations is not None:
        out = work / "narrations"
        told = (f"data={sources.narrations}", of_run, of_bundle, f"out={out}", "count=all")
        steps.append(Step("narrations", ("train.narrations", *told), out / "verbs.md"))
    table: tuple[str, ...] = ()
    if precisions:
        page = work / "precisions.md"
        weighed = (f"{run}", "-o", f"{page}", "--work", f"{work / 'precisions'}")
        steps.append(Step("precisions", ("export.precisions", *weighed), page))
        table = ("--precisions", f"{page.with_suffix('.json')}")
    return [*steps, Step("card", ("export.card", f"{run}", f"{bundle}", *table))]


def carry_out(steps: Sequence[Step], sources: Sources) -> None:
    """Run the commands that were not run of these files before, and all that follow the first of them.

    Raises:
        InputError: the run is not finished. ClutchError: a command failed.
    """
    files, anew = sources.files(), False
    for number, step in enumerate(steps):
        state = {"command": list(step.command), "files": files}
        mark, shown = sources.mark(step.name), shlex.join(["python", "-m", *step.command])
        if not anew and mark.is_file() and read_json(mark) == state:
            print(f"done before: {shown}", flush=True)
            continue
        anew = True
        for later in steps[number:]:
            sources.mark(later.name).unlink(missing_ok=True)
        print(f"$ {shown}", flush=True)
        if status := _status_of([sys.executable, "-m", *step.command]):
            raise ClutchError(f"`{shown}` ended with status {status}; mend that, then the same command again")
        if step.writes is not None:
            sources.report(step.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(step.writes, sources.report(step.name))
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_text(mark, json.dumps(state, indent=1) + "\n")


def _status_of(command: Sequence[str]) -> int:
    """Run a command to its end, also when Ctrl-C is pressed, which it hears itself."""
    with subprocess.Popen(command) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.wait()
            raise


def pages_of(sources: Sources, precisions: bool) -> dict[Path, str]:
    """The pages of the checkout as they shall be, by their place in it; of what was left out, with a note.

    Raises:
        InputError: a page or its report is missing, or the README has no place for the figures.
    """
    bundle = open_bundle(sources.bundle)
    real = None if sources.recordings is None else _report(sources, "real")
    before = {page: _read(ROOT / page) for page in (_README, _EVALUATION, _NARRATIONS, _PRECISIONS)}
    return {
        _README: pages.with_figures(before[_README], pages.figures_block(bundle.manifest.raw, bundle.size)),
        _EVALUATION: pages.evaluation(_report(sources, "bundle"), real, before[_EVALUATION]),
        _COMPLETION: _report(sources, "complete"),
        _NARRATIONS: pages.aged(before[_NARRATIONS])
        if sources.narrations is None
        else pages.introduced(_report(sources, "narrations"), before[_NARRATIONS]),
        _PRECISIONS: _report(sources, "precisions") if precisions else pages.aged(before[_PRECISIONS]),
    }


def _report(sources: Sources, step: str) -> str:
    """A report without the places of what lies on this machine alone."""
    text = _read(sources.report(step))
    for given, name in ((sources.recordings, "RECORDINGS"), (sources.narrations, "NARRATIONS.csv")):
        if given is not None:
            text = re.sub(rf"data={re.escape(str(given))}(?=\s|$)", f"data={name}", text)
    return text


def release(sources: Sources, precisions: bool = True) -> list[Path]:
    """Make all of it; what of the checkout was written.

    Args:
        sources: of what ships.
        precisions: whether to weigh each precision, which takes about as long as all else.

    Raises:
        InputError: the run is not finished, or something is not there. ClutchError: a step failed.
    """
    for given in (sources.recordings, sources.narrations):
        if given is not None and not given.exists():
            raise InputError(f"there is no {given}; give another, or leave that out")
    for page in (_EVALUATION, _NARRATIONS, _PRECISIONS):
        _read(ROOT / page)
    pages.with_figures(_read(ROOT / _README), "")
    carry_out(plan(sources, precisions), sources)
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
        raise InputError(f"there is no {path}; restore it, or give another --work") from error


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.release",
        description="Export and judge a finished run; bundle, figures and reports go into this checkout. "
        "Paths stand in the reports as they are given.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="finished run, as train.all makes it")
    parser.add_argument("--work", metavar="DIR", type=Path, required=True, help="for bundles and reports")
    parser.add_argument(
        "--recordings", metavar="DIR", type=Path, help="of real hands; without, none are measured"
    )
    parser.add_argument("--narrations", metavar="CSV", type=Path, help="a table; without, none are made")
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
            print(f"written: {path}")
        print(f"look at {args.work / 'sheet.png'}, and read the README's prose, which nothing writes anew")

    return guarded(work, "release")


if __name__ == "__main__":
    sys.exit(main())
