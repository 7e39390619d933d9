"""``python -m train.baselines run=FOLDER [baselines.key=value ...] [evaluate.key=value ...]``."""

from __future__ import annotations

from collections.abc import Sequence

from clutch_rt.errors import InputError

from train.baselines.config import PREFIX, BaselinesConfig, open_settings
from train.baselines.table import compare, write
from train.baselines.training import DIFFUSION, GPT, TOKENIZER, Trainer
from train.command import command_main
from train.evaluate.__main__ import open_finished, split_arguments
from train.run import RunFolder, is_main, prepare_machine, run_stage, synchronise

USAGE = """usage: python -m train.baselines run=FOLDER [baselines.KEY=VALUE ...] [evaluate.KEY=VALUE ...]

Trains a HumanMDM-style and a T2M-GPT-style model on the corpus of a run, unless they are there, judges them
beside the run's own model by the same judges, and writes FOLDER/baselines.md. The run needs its corpus and
its vocabulary; its own model gets a row where it is trained.
Steps are those of the run's own models unless given; baselines.minutes=N gives each baseline N minutes of
processor time instead. Settings (train/baselines/config.py): clips, minutes, tokenizer.steps,
tokenizer.codes, gpt.steps, gpt.width, diffusion.steps, judging.guidance, ...
The same command again goes on where it stopped."""


def train_missing(folder: RunFolder, config: BaselinesConfig) -> None:
    """Run the stages of the baselines that are not done."""
    if all(folder.is_done(name) for name in (TOKENIZER, GPT, DIFFUSION)):
        return
    trainer = Trainer.open(folder, config)
    stages = {TOKENIZER: trainer.tokenizer, GPT: trainer.gpt, DIFFUSION: trainer.diffusion}
    for name, stage in stages.items():
        run_stage(folder, name, stage)


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments)
    for setting in settings:
        if not setting.startswith((PREFIX, "evaluate.", "machine.")):
            raise InputError(f"{setting!r} is no setting of the comparison; did you mean {PREFIX}{setting}?")
    own = [setting for setting in settings if setting.startswith(PREFIX)]
    folder = open_finished(special, [setting for setting in settings if setting not in own])
    prepare_machine(folder.config)
    config = open_settings(folder, own)
    synchronise()
    try:
        train_missing(folder, config)
    finally:
        folder.close()
    if is_main():
        found = compare(folder, config, " ".join(["python -m train.baselines", *arguments]))
        print(f"written: {write(found, folder)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
