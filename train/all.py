"""The whole training, stage after stage: ``python -m train.all preset=default run=runs/default``.

Each stage is a command of its own too, ``python -m train.STAGE run=FOLDER``. Stages that are done are
passed over, and a stage that was stopped goes on from its last checkpoint, so the same command again
finishes a run that was interrupted anywhere. After each stage ``RUN/report.html`` shows how far it is.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

from clutch_rt.errors import InputError

from models.t5 import find_pretrained
from train.command import command_main
from train.config import FitConfig
from train.presets import PRESETS
from train.report import after_stage
from train.run import RunFolder, Stage, is_main, open_run, prepare_machine, process_count, run_stage

STAGES: Final = (
    "corpus",  # draw clips with text into RUN/corpus
    "shift",  # the tokenizer of motion into RUN/shift
    "tokenizer",  # the tokenizer of text, RUN/tokenizer.model
    "tokens",  # the corpus as codes into RUN/tokens
    "pretrain",  # the language model, text to motion and back
    "refine",  # a loss in motion space through soft tokens
    "instruct",  # many tasks as instructions; the final model in RUN/lm
    "evaluate",  # the table of measures in RUN/evaluate
)

USAGE: Final = f"""usage: python -m train.all run=FOLDER [preset={"|".join(PRESETS)}] [key=value ...]

Runs {", ".join(STAGES)}.
Any setting of train/config.py can be given, such as shift.steps=100 or machine.threads=4.
The same command again goes on where it stopped."""


def load_stage(name: str) -> Stage:
    """The ``stage`` function of ``train.NAME``."""
    stage: Stage = importlib.import_module(f"train.{name}").stage
    return stage


def check_batches(folder: RunFolder, stages: Sequence[str]) -> None:
    """InputError where the batch of a stage that is not done does not divide into equal parts."""
    processes, accumulate = process_count(), folder.config.machine.accumulate
    for name in stages:
        key = "lm" if name == "pretrain" else name
        settings = getattr(folder.config, key, None)
        if not isinstance(settings, FitConfig) or not settings.steps or folder.is_done(name):
            continue
        if settings.batch_size % (processes * accumulate):
            raise InputError(
                f"{key}.batch_size={settings.batch_size} does not divide into {processes * accumulate} parts "
                f"({processes} processes with machine.accumulate={accumulate}); choose a multiple"
            )


def run_all(folder: RunFolder, stages: Sequence[str] = STAGES) -> None:
    """Run the stages of a run that are not done, in order."""
    prepare_machine(folder.config)
    check_batches(folder, stages)
    if folder.config.lm.init and not folder.is_done("pretrain"):
        find_pretrained(folder.config.lm.init)  # what is not there is better missed now than hours later
    try:
        for i, name in enumerate(stages):
            if is_main():
                print(f"[{i + 1}/{len(stages)}] {name}", flush=True)
            run_stage(folder, name, load_stage(name))
            after_stage(folder, name)
    finally:
        folder.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m train.all``."""
    return command_main(USAGE, lambda given: run_all(open_run(given)), arguments)


if __name__ == "__main__":
    sys.exit(main())
