"""``python -m train.evaluate run=FOLDER [bundle=PATH] [evaluate.key=value ...]``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clutch_rt.errors import InputError

from train.command import command_main
from train.config import apply
from train.evaluate.judging import device_of, evaluate, summary
from train.evaluate.samplers import BundleSampler, Sampler, TorchSampler
from train.run import RunFolder, prepare_machine

USAGE = """usage: python -m train.evaluate run=FOLDER [bundle=PATH] [evaluate.KEY=VALUE ...]

Judges the models of a run on its held-out clips and writes metrics.json, report.md and report.png
into FOLDER/evaluate; with bundle=PATH the exported bundle is judged instead, by the same judges, and
the report goes into FOLDER/evaluate/bundle-NAME. Settings: clips, pool, captions, temperature, top_k,
repeats, retrieval_steps, retrieval_clips, meter_clips."""


def split_arguments(arguments: Sequence[str], *names: str) -> tuple[dict[str, str], list[str]]:
    """``run=`` and the others of ``names`` apart from the settings."""
    special: dict[str, str] = {}
    settings = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key in ("run", *names) and equals:
            special[key] = value
        else:
            settings.append(argument)
    return special, settings


def open_finished(special: dict[str, str], settings: Sequence[str]) -> RunFolder:
    """A run as it is, under other settings of evaluation than it may have been trained with.

    Raises:
        InputError: there is no ``run=``, or a setting is not one of evaluation or of the machine.
    """
    if not special.get("run"):
        raise InputError("no run folder given; add run=FOLDER, such as run=runs/default")
    for setting in settings:
        if not setting.startswith(("evaluate.", "machine.")):
            raise InputError(f"{setting!r} is no setting of the evaluation; try evaluate.clips=128")
    path = Path(special["run"])
    return RunFolder(path, apply(RunFolder.read_config(path), settings))


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments, "bundle")
    folder = open_finished(special, settings)
    prepare_machine(folder.config)
    wanted = folder.config.evaluate
    out = folder.folder("evaluate")
    sampler: Sampler
    if "bundle" in special:
        bundle = Path(special["bundle"])
        sampler = BundleSampler(bundle, wanted.temperature, wanted.top_k)
        out = out / f"bundle-{bundle.resolve().name}"
    else:
        sampler = TorchSampler(folder.path, wanted.temperature, wanted.top_k, device_of(folder))
    found = evaluate(folder, sampler, out, " ".join(["python -m train.evaluate", *arguments]))
    if "bundle" not in special:
        folder.mark_done("evaluate", summary(found))
    print(f"written: {out / 'report.md'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
