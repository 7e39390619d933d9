"""``python -m train.studies run=FOLDER study=NAME [seeds=N] [minutes=M] [out=DIR] [key=value ...]``."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import torch
from clutch_rt.errors import InputError

from train.command import command_main
from train.config import RunConfig, apply
from train.overrides import override
from train.run import RunFolder, plain, prepare_machine, process_count, write_text
from train.studies import form, refine, shift, stages
from train.studies.arms import Arm, Study
from train.studies.config import StudyConfig
from train.studies.judging import Judge, LMJudge, ShiftJudge, Values
from train.studies.lab import Lab, Trained
from train.studies.table import Report, Result, write

STUDIES: Final[Mapping[str, Callable[[RunConfig, StudyConfig], Study]]] = {
    "shift": shift.study,
    "form": form.study,
    "stages": stages.study,
    "refine": refine.study,
}

USAGE = f"""usage: python -m train.studies run=FOLDER study={"|".join(STUDIES)} [seeds=N] [minutes=M]
                                [out=DIR] [arms=A,B] [data=RECORDINGS] [keep=yes] [trial=N] [KEY=VALUE ...]

Trains the arms of a study, N times each, for M processor-minutes (all threads together), judges them on
validation clips, and writes DIR/NAME/study.md and study.json after each; DIR is FOLDER/studies unless given.
shift   SHIFT against one code a hand, one codebook, MotionGPT's shape, other codes and levels
form    one decoder position a step against one a token
stages  pre-training, geometric refinement and instruction tuning, each beside a control of its time
refine  a grid of alpha and lambda from the run's own pre-trained model
data=RECORDINGS, for study=shift, judges it on recordings of people too, as train.real does.
FOLDER lends corpus, SHIFT, tokens and settings, and nothing in it is changed but the studies. Any setting of
train/config.py changes all arms, such as lm.precision=bf16.
The same command again goes on where it stopped."""

_PATHS: Final = ("run", "study", "out", "data")


def _parse(arguments: Sequence[str]) -> tuple[dict[str, str], StudyConfig, list[str]]:
    """Paths and the study's name, the study's settings, and those of all arms."""
    named: dict[str, str] = {}
    config, rest = StudyConfig(), []
    own = {field.name for field in fields(StudyConfig)}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and key in _PATHS:
            named[key] = value
        elif equals and key in own:
            config = override(config, key, value)
        else:
            rest.append(argument)
    if not named.get("run"):
        raise InputError("no run folder given; add run=FOLDER, such as run=runs/default")
    if named.get("study") not in STUDIES:
        raise InputError(f"study={named.get('study', '')}: one of {', '.join(STUDIES)} is wanted")
    return named, config, rest


def _judges_folder(lab: Lab) -> RunFolder:
    """A run folder of its own for the judges; they are the run's where it has some of the same settings."""
    folder = RunFolder(lab.out / "judges", lab.base)
    own, found = folder.folder("evaluate") / "judge", lab.run / "evaluate" / "judge"
    if found.is_dir() and not own.exists():
        shutil.copytree(found, own)
    for name in lab.study.needs:
        if not (folder.path / name).exists():
            (folder.path / name).symlink_to((lab.run / name).resolve())
    return folder


def _kept(path: Path, stamp: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """What a file keeps if it was made under the same ``stamp``, else made anew and kept."""
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["stamp"] == json.loads(json.dumps(stamp)):
            return found["values"]
    values = json.loads(json.dumps(_without_nan(plain(make()))))
    write_text(path, json.dumps({"stamp": stamp, "values": values}, indent=1) + "\n")
    return values


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: null stands for it."""
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_nan(values: Mapping[str, float | None]) -> Values:
    return {k: math.nan if v is None else v for k, v in values.items()}


def run_study(lab: Lab, data: Path | None, command: str) -> Path:
    """Train and judge what is not done yet, seed after seed, and write the tables after each arm."""
    judge: Judge = (
        ShiftJudge(_judges_folder(lab), data) if lab.study.judges == "shift" else LMJudge(_judges_folder(lab))
    )
    stamp = {"evaluate": asdict(lab.base.evaluate), "data": str(data or "")}
    above = _kept(lab.out / "references.json", stamp, judge.references)
    references = {name: _with_nan(values) for name, values in above.items()}
    arms = lab.study.chosen(lab.settings.arms)
    done: dict[str, list[tuple[Trained, Values]]] = {arm.name: [] for arm in arms}
    path = lab.out / "study.md"
    for seed in range(lab.settings.seeds):
        for arm in arms:
            values = _one(lab, judge, arm, seed, stamp)
            done[arm.name].append((lab.trained(arm, seed), values))
            path = write(_report(lab, arms, done, references, command), lab.out)
    return path


def _one(lab: Lab, judge: Judge, arm: Arm, seed: int, stamp: Mapping[str, Any]) -> Values:
    """Train and judge an arm, or read what came of it."""
    folder = lab.train(arm, seed)
    values = _kept(folder.path / "judged.json", stamp, lambda: judge.arm(folder, seed))
    lab.drop(arm, seed)
    print(f"{lab.study.name}: {arm.name}, seed {seed}: judged", flush=True)
    return _with_nan(values)


def _report(
    lab: Lab,
    arms: Sequence[Arm],
    done: Mapping[str, Sequence[tuple[Trained, Values]]],
    references: Mapping[str, Values],
    command: str,
) -> Report:
    results = [
        Result(arm, tuple(t for t, _ in done[arm.name]), tuple(v for _, v in done[arm.name]))
        for arm in arms
        if done[arm.name]
    ]
    return Report(lab.study, command, lab.settings.seeds, references, results, torch.get_num_threads())


def _run(arguments: Sequence[str]) -> None:
    if process_count() > 1:
        raise InputError("a study is one process's work; start it without torchrun")
    named, settings, given = _parse(arguments)
    run = Path(named["run"])
    base = apply(RunFolder.read_config(run), given)
    study = STUDIES[named["study"]](base, settings)
    study.chosen(settings.arms)  # refuses unknown arms before anything is written
    out = Path(named.get("out") or run / "studies") / study.name
    lab = Lab(run, base, study, settings, out)
    lab.check()
    prepare_machine(base)
    data = Path(named["data"]) if named.get("data") else None
    if data is not None and study.judges != "shift":
        raise InputError(f"data={data} is for study=shift alone; recordings have no sentences")
    path = run_study(lab, data, " ".join(["python -m train.studies", *arguments]))
    print(f"written: {path}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
