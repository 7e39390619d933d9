"""``python -m train.real run=FOLDER data=PATH``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clutch_rt.errors import InputError

from train.command import command_main
from train.evaluate.__main__ import open_finished, split_arguments
from train.real.measure import run
from train.run import prepare_machine

USAGE = """usage: python -m train.real run=FOLDER data=PATH [evaluate.clips=...]

Measures the SHIFT of a run on recordings of real hands under PATH (leap/, dexterous_video/, sign_pose/,
hot3d_sample/) and writes report_real.md and real.json into FOLDER/evaluate."""


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments, "data")
    folder = open_finished(special, settings)
    if not special.get("data"):
        raise InputError("no recordings given; add data=PATH, the folder that holds leap/ and its like")
    prepare_machine(folder.config)
    path = run(folder, Path(special["data"]), " ".join(["python -m train.real", *arguments]))
    print(f"written: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
