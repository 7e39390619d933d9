"""``python -m train.real run=FOLDER data=PATH``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from clutch_rt.errors import InputError

from train.evaluate.__main__ import open_finished, split_arguments
from train.real.measure import run
from train.run import guarded, prepare_machine

USAGE = """usage: python -m train.real run=FOLDER data=PATH [evaluate.clips=...]

Measures the SHIFT of a run on recordings of real hands under PATH (leap/, dexterous_video/, sign_pose/,
hot3d_sample/) and writes report_real.md and real.json into FOLDER/evaluate."""


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments)
    folder = open_finished(special, settings)
    if not special.get("data"):
        raise InputError("no recordings given; add data=PATH, the folder that holds leap/ and its like")
    prepare_machine(folder.config)
    path = run(folder, Path(special["data"]), " ".join(["python -m train.real", *arguments]))
    print(f"written: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0 if given else 2
    return guarded(lambda: _run(given))


if __name__ == "__main__":
    raise SystemExit(main())
