"""Where arms are trained: a run folder for each arm and seed, with links to what it shares with the run.

OUT/pace/ARM.json        seconds that a step of the arm takes, measured once
OUT/arms/ARM/seed-N/     a run folder, but for what it has from the run or from the arm it goes on from
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from clutch_rt.errors import InputError

from train.all import load_stage
from train.checkpoint import Progress, checkpoints, read_progress
from train.command import Interrupted
from train.config import MachineConfig, RunConfig, apply
from train.optim import device_type
from train.run import RunFolder, write_text
from train.studies.arms import GROUPS, Arm, Study
from train.studies.config import StudyConfig

_MODELS: Final = ("lm-pretrain", "lm-refine", "lm-instruct")  # of a run or an arm that others go on from
_WARM: Final = 4  # steps before those that are timed
_TRIALS: Final = 3  # the middle one counts: what else the machine does may make one dear
# What a step costs needs no clips, no validation and no unquantised start.
_TRIAL: Final = (
    "machine.progress=no",
    "shift.clips=200",
    "shift.validation_clips=1",
    "shift.model.start_steps=1",
    "lm.validation_clips=4",
)
# An arm is judged at its end; validations on the way would only take time.
_QUIET: Final = (
    "machine.tensorboard=no",
    "machine.plots=no",
    "shift.validate_every=0",
    "lm.validate_every=0",
    "refine.validate_every=0",
    "instruct.validate_every=0",
)


@dataclass(frozen=True)
class Trained:
    """What an arm's own stage took: steps, and seconds of ``spent``."""

    steps: int
    seconds: float


def spent(progress: Progress, machine: MachineConfig) -> float:
    """Processor seconds of the steps so far; on a GPU those of the clock, for the processor waits there."""
    return progress.seconds if device_type(machine) == "cuda" else progress.processor


@dataclass(frozen=True)
class Lab:
    """Trains the arms of a study.

    Attributes:
        run: the run that lends corpus, SHIFT and tokens.
        base: its settings, and what all arms were given besides.
        study: the arms.
        settings: how long each may take.
        out: the study's folder.
    """

    run: Path
    base: RunConfig
    study: Study
    settings: StudyConfig
    out: Path

    def check(self) -> None:
        """InputError where the run lacks what the study needs."""
        for name in self.study.needs:
            if not (self.run / name).exists():
                stage = {"tokenizer.model": "tokenizer", "lm-pretrain": "pretrain"}.get(name, name)
                raise InputError(
                    f"{self.run} has no {name}, which study={self.study.name} needs; "
                    f"run `python -m train.{stage} run={self.run}`"
                )

    def path(self, arm: Arm, seed: int) -> Path:
        """The run folder of an arm."""
        return self.out / "arms" / arm.name / f"seed-{seed}"

    def config(self, arm: Arm, seed: int, extra: Sequence[str] = ()) -> RunConfig:
        """The settings of an arm: the run's, its forebears', its own, ``extra``, and steps for its time."""
        chain = self.study.chain(arm)
        given = [setting for link in chain for setting in link.settings]
        steps = [self._steps(link) for link in chain if link.trains and (link is not arm or not extra)]
        return apply(self.base, [f"seed={self.base.seed + seed}", *given, *steps, *_QUIET, *extra])

    def _steps(self, arm: Arm) -> str:
        assert arm.trains is not None
        seconds = json.loads(self._pace(arm).read_text(encoding="utf-8"))["seconds_a_step"]
        return f"{GROUPS[arm.trains.stage]}.steps={max(1, int(arm.trains.minutes * 60.0 / seconds))}"

    def _pace(self, arm: Arm) -> Path:
        return self.out / "pace" / f"{arm.name}.json"

    def train(self, arm: Arm, seed: int) -> RunFolder:
        """Train an arm that is not trained, after what it goes on from; its folder.

        Raises:
            InputError: the folder holds an arm of other settings.
            Interrupted: it was stopped, and saved.
        """
        if arm.after:
            self.train(self.study.arm(arm.after), seed)
        with _told(f"arm {arm.name}, seed {seed}"):
            if arm.trains and not self._pace(arm).exists():
                self._measure_pace(arm, seed)
            folder = RunFolder.open(self.path(arm, seed), self.config(arm, seed))
            self._link(folder.path, arm, seed)
            if arm.trains and not folder.is_done(arm.trains.stage):
                self._train(folder, arm.trains.stage)
        return folder

    def _train(self, folder: RunFolder, stage: str) -> None:
        report = load_stage(stage)(folder) or {}
        done = read_progress(checkpoints(folder.path / "checkpoints" / stage)[-1])
        seconds = spent(done, folder.config.machine)
        if (folder.path / f"lm-{stage}").is_dir():
            _relink(folder.path / "lm", folder.path / f"lm-{stage}")
        folder.mark_done(stage, {**report, "steps": done.step, "spent": round(seconds, 2)})
        folder.clear_checkpoints(stage)

    def trained(self, arm: Arm, seed: int) -> Trained:
        """What the arm's own stage took; nothing where it has none."""
        if arm.trains is None:
            return Trained(0, 0.0)
        report = RunFolder(self.path(arm, seed), self.base).report(arm.trains.stage)
        return Trained(int(report["steps"]), float(report["spent"]))

    def _measure_pace(self, arm: Arm, seed: int) -> None:
        """Time some steps of an arm, in a folder that is thrown away."""
        assert arm.trains is not None
        stage, path, trial = arm.trains.stage, self.out / "pace" / arm.name, self.settings.trial
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        self._link(path, arm, seed)
        marks = []
        for number in range(_TRIALS + 1):
            given = (*_TRIAL, f"{GROUPS[stage]}.steps={_WARM + number * trial}")
            folder = RunFolder(path, self.config(arm, seed, given))
            load_stage(stage)(folder)
            done = read_progress(checkpoints(path / "checkpoints" / stage)[-1])
            marks.append(spent(done, folder.config.machine))
        seconds = max(float(np.median(np.diff(marks))) / trial, 1e-4)
        write_text(self._pace(arm), json.dumps({"seconds_a_step": round(seconds, 5), "steps": trial}) + "\n")
        shutil.rmtree(path)

    def _link(self, path: Path, arm: Arm, seed: int) -> None:
        """What an arm has from the run and from the arm it goes on from."""
        wanted = {name: self.run / name for name in self.study.needs}
        if arm.after:
            before = self.path(self.study.arm(arm.after), seed)
            wanted |= {name: before / name for name in _MODELS if (before / name).exists()}
        if arm.trains is None:
            models = [target for name, target in wanted.items() if name in _MODELS]
            wanted["lm"] = models[-1]
        for name, target in wanted.items():
            _link(path / name, target)

    def drop(self, arm: Arm, seed: int) -> None:
        """Drop the language model of a judged arm that no other goes on from."""
        if self.study.judges == "lm" and not self.settings.keep and not self.study.goes_on(arm):
            for name in (*_MODELS, "lm"):
                path = self.path(arm, seed) / name
                path.unlink() if path.is_symlink() else shutil.rmtree(path, ignore_errors=True)


def _link(path: Path, target: Path) -> None:
    """A link to a file or folder, unless something is there; InputError where the target is not."""
    if path.exists():
        return
    if not target.exists():
        raise InputError(f"{target} is missing, and {path.parent} is to go on from it; delete both folders")
    path.unlink(missing_ok=True)
    path.symlink_to(target.resolve(), target_is_directory=target.is_dir())


def _relink(path: Path, target: Path) -> None:
    """A link in the place of a folder that holds the same."""
    if not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        path.symlink_to(target.resolve(), target_is_directory=True)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """A stop says where it was, and that the study goes on, not the stage's own command."""
    try:
        yield
    except Interrupted as stop:
        raise Interrupted(f"{where}: stopped and saved; run the same command again to go on") from stop
