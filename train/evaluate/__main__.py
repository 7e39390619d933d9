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
repeats, modality_texts, modality_draws, asked, retrieval_steps, retrieval_clips, meter_clips.

python -m train.evaluate.choose run=FOLDER chooses temperature and top_k on validation clips;
python -m train.evaluate.sheet run=FOLDER out=FILE.png draws generated motions to look at."""


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


def make_sampler(folder: RunFolder, bundle: str | None) -> Sampler:
    """The models of the run, or the exported bundle of that path, under the evaluation's sampling."""
    wanted = folder.config.evaluate
    if bundle is None:
        return TorchSampler(folder.path, wanted.temperature, wanted.top_k, device_of(folder))
    return BundleSampler(Path(bundle), wanted.temperature, wanted.top_k)


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments, "bundle")
    folder = open_finished(special, settings)
    prepare_machine(folder.config)
    out = folder.folder("evaluate")
    sampler = make_sampler(folder, special.get("bundle"))
    if "bundle" in special:
        out = out / f"bundle-{Path(special['bundle']).resolve().name}"
    found = evaluate(folder, sampler, out, " ".join(["python -m train.evaluate", *arguments]))
    if "bundle" not in special:
        folder.mark_done("evaluate", summary(found))
    print(f"written: {out / 'report.md'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
