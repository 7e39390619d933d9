"""Watch it learn: ``RUN/report.html``, written after every stage, and by ``python -m train.report run=RUN``.

One file, no network: curves, tables with intervals, the use of the codebooks, which verbs are taken for
which, and the same held-out sentences as moving hands, a column for each stage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from clutch_rt.errors import ClutchError
from safetensors import SafetensorError

from train.command import file_trouble
from train.report.page import render
from train.report.previews import make_previews
from train.run import RunFolder, is_main, write_text

__all__ = ["REPORT_FILE", "after_stage", "write_report"]

REPORT_FILE: Final = "report.html"
# RuntimeError: among others, of a GPU without memory to spare.
_NO_PREVIEWS: Final = (ClutchError, SafetensorError, RuntimeError)


def write_report(folder: RunFolder) -> Path:
    """Write the report of a run as it stands, and the previews it lacks; what cannot be made is told.

    Raises:
        OSError: the file cannot be written.
    """
    try:
        make_previews(folder)
    except _NO_PREVIEWS as error:
        print(f"report: no new previews: {error}", flush=True)
    path = folder.path / REPORT_FILE
    write_text(path, render(folder))
    return path


def after_stage(folder: RunFolder, stage: str) -> None:
    """Bring the report up to a stage that has just finished; a report that fails ends no training."""
    if not (is_main() and folder.config.machine.plots) or _is_newer(folder, stage):
        return
    try:
        write_report(folder)
    except (ClutchError, OSError, LookupError, TypeError, ValueError) as error:
        said = file_trouble(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        print(f"report: not written: {said}", flush=True)


def _is_newer(folder: RunFolder, stage: str) -> bool:
    """Whether the report was written after the stage had finished."""
    report, done = folder.path / REPORT_FILE, folder.path / "done" / f"{stage}.json"
    if not (report.exists() and done.exists()):
        return False
    return report.stat().st_mtime_ns >= done.stat().st_mtime_ns
