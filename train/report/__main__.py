"""``python -m train.report run=FOLDER``."""

from __future__ import annotations

from collections.abc import Sequence

from train.command import command_main
from train.evaluate.__main__ import open_finished, split_arguments
from train.report import write_report
from train.run import prepare_machine

USAGE = """usage: python -m train.report run=FOLDER [machine.KEY=VALUE ...]

Writes FOLDER/report.html, a page to watch a run learn: curves, tables, the use of the codebooks, verbs that
are taken for others, and moving hands of the same held-out sentences after every stage. It is one file and
loads nothing else. train.all writes it after each stage."""


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments)
    folder = open_finished(special, settings)
    prepare_machine(folder.config)
    print(f"written: {write_report(folder)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
