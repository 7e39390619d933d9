"""The run folder: one place for what a training run was told, did and made; and the stages' entry point.

RUN/config.json      the whole configuration; a run does not go on under another
RUN/metrics.jsonl    one JSON object per line: stage, step, time, numbers
RUN/tensorboard/     the same numbers for TensorBoard
RUN/plots/           a PNG of curves per stage
RUN/checkpoints/     the newest checkpoints per stage, while it runs
RUN/done/            a marker per finished stage, with what it reported
RUN/STAGE/           what a stage made
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from clutch_rt.errors import FileFormatError, InputError
from torch import distributed as dist

from models.files import appearing
from train.command import command_main
from train.config import RunConfig, apply, what_is_learnt
from train.optim import device_type, make_accelerator
from train.overrides import absent, build, differences
from train.presets import preset

T = TypeVar("T")

# That oneDNN may keep. Measured in pre-training: with 6,000 a process held 8 GB, with 30,000 it grew to 14.
_KERNELS: Final = 4_000
FIRST_STAGE: Final = "corpus"  # it may begin a run, as train.all may; later stages go on with one


def process_index() -> int:
    """This process's index in a run of several, 0 if alone; as ``torchrun`` and ``accelerate`` set it."""
    return int(os.environ.get("RANK", "0"))


def process_count() -> int:
    """Processes of the run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this process writes the files and the messages."""
    return process_index() == 0


def write_text(path: Path, text: str) -> None:
    """Write a small file by rename, so that it is whole or absent."""
    with appearing(path) as part:
        part.write_text(text, encoding="utf-8")


def plain(value: Any) -> Any:
    """Numbers and arrays of torch and numpy as JSON has them."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


class RunFolder:
    """A run on disk.

    Attributes:
        path: the folder.
        config: the settings in force.
    """

    def __init__(self, path: Path | str, config: RunConfig) -> None:
        self.path = Path(path)
        self.config = config
        self._writer: Any = None

    @classmethod
    def open(cls, path: Path | str, config: RunConfig) -> RunFolder:
        """Make the folder, or go on with it; settings it was made before take their defaults, and are told.

        Raises:
            InputError: if it holds a run of another configuration; the message names what differs.
        """
        path = Path(path)
        added: list[str] = []
        if (path / "config.json").exists():
            old, added = cls.read_config(path), _read(path, lambda values: absent(config, values))
            changed = differences(what_is_learnt(old), what_is_learnt(config))
            if changed:
                raise InputError(
                    f"{path} holds a run with other settings ({'; '.join(changed[:5])}); "
                    "go on without them, or give another folder with run=FOLDER"
                )
        if is_main():
            if added:
                print(f"{path}: made before these settings were, goes on with {', '.join(added)}", flush=True)
            path.mkdir(parents=True, exist_ok=True)
            write_text(path / "config.json", json.dumps(asdict(config), indent=2) + "\n")
        return cls(path, config)

    @staticmethod
    def read_config(path: Path | str) -> RunConfig:
        """The configuration a run folder holds.

        Raises:
            FileFormatError: if there is none, or it is damaged.
        """
        return _read(path, lambda values: build(RunConfig, values))

    # ---- what was done -------------------------------------------------------------------------

    def folder(self, name: str) -> Path:
        """A folder of the run, made if it is not there."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def is_done(self, stage: str) -> bool:
        """Whether a stage has finished."""
        return (self.path / "done" / f"{stage}.json").exists()

    def mark_done(self, stage: str, report: Mapping[str, Any] | None = None) -> None:
        """Note that a stage has finished, and what it reports."""
        if is_main():
            write_text(
                self.folder("done") / f"{stage}.json", json.dumps(plain(report or {}), indent=2) + "\n"
            )

    def report(self, stage: str) -> dict[str, Any]:
        """What a finished stage reported."""
        path = self.path / "done" / f"{stage}.json"
        if not path.exists():
            raise InputError(f"{self.path} has no {stage} yet; run `python -m train.{stage} run={self.path}`")
        return dict(json.loads(path.read_text(encoding="utf-8")))

    # ---- numbers -------------------------------------------------------------------------------

    def log(self, stage: str, step: int, numbers: Mapping[str, Any]) -> None:
        """Append one line to ``metrics.jsonl`` and the same to TensorBoard."""
        if not is_main():
            return
        line = {"stage": stage, "step": step, "time": round(time.time(), 3), **plain(numbers)}
        self._append(json.dumps(line))
        if self.config.machine.tensorboard:
            for name, value in line.items():
                if isinstance(value, (int, float)) and name not in ("step", "time"):
                    self._events().add_scalar(f"{stage}/{name}", value, step)

    def _append(self, line: str) -> None:
        path = self.path / "metrics.jsonl"
        # A line torn by a crash must not swallow the next one.
        with path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(end - 1, 0))
            torn = end > 0 and file.read(1) != b"\n"
            file.write((b"\n" if torn else b"") + line.encode() + b"\n")

    def _events(self) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder("tensorboard")))
        return self._writer

    def metrics(self, stage: str | None = None) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``, of one stage or of all; torn lines are left out.

        Where a resumed stage went over a step again, the later line stands.
        """
        path = self.path / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept: dict[tuple[Any, ...], dict[str, Any]] = {}
        for text in lines:
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                continue
            if stage is None or line.get("stage") == stage:
                kept[(line.get("stage"), line.get("step"), tuple(sorted(line)))] = line
        return list(kept.values())

    def close(self) -> None:
        """Flush the event files."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def clear_checkpoints(self, stage: str) -> None:
        """Drop the checkpoints of a stage that has finished."""
        if is_main():
            shutil.rmtree(self.path / "checkpoints" / stage, ignore_errors=True)


def _read(path: Path | str, use: Callable[[Any], T]) -> T:
    """What ``use`` makes of a run's ``config.json``."""
    file = Path(path) / "config.json"
    try:
        return use(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise FileFormatError(f"{path} is not a run folder: it has no config.json") from error
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{file} cannot be read ({error}); restore it or start another run") from error


Stage = Callable[[RunFolder], Mapping[str, Any] | None]


def open_run(arguments: Sequence[str], create: bool = True) -> RunFolder:
    """The run that ``run=FOLDER [preset=NAME] [key=value ...]`` means.

    A folder that holds a run already lends its settings unless a preset is given.

    Raises:
        InputError: if ``run`` is missing, a setting is unknown or bad, the folder holds another run, or
            none and ``create`` is false.
    """
    special: dict[str, str] = {}
    settings = []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if key in ("run", "preset"):
            special[key] = value
        else:
            settings.append(argument)
    if not special.get("run"):
        raise InputError("no run folder given; add run=FOLDER, such as run=runs/default")
    path = Path(special["run"])
    if not create and not (path / "config.json").exists():
        raise InputError(_no_run(path))
    if "preset" not in special and (path / "config.json").exists():
        base = RunFolder.read_config(path)
    else:
        base = preset(special.get("preset", "default"))
    return RunFolder.open(path, apply(base, settings))


def _no_run(path: Path) -> str:
    """Says so, with the runs beside it whose names come near."""
    beside = [p.parent.name for p in path.parent.glob("*/config.json")]
    near = [str(path.parent / name) for name in difflib.get_close_matches(path.name, beside)]
    meant = f"did you mean run={' or run='.join(near)}? To start one there" if near else "to start one"
    return f"there is no run in {path}; {meant}: `python -m train.all run={path}`"


def run_stage(folder: RunFolder, name: str, stage: Stage) -> None:
    """Run a stage unless it is done, time it, draw its curves and mark it done."""
    from train.plots import plot_stage

    synchronise()
    done = folder.is_done(name)
    synchronise()
    if done:
        if is_main():
            print(f"{name}: done before, in {folder.path}")
        return
    started = time.monotonic()
    report = stage(folder)
    synchronise()
    seconds = round(time.monotonic() - started, 1)
    plot_stage(folder, name)
    folder.mark_done(name, {**(report or {}), "seconds": seconds})
    folder.clear_checkpoints(name)
    if is_main():
        print(f"{name}: done in {seconds} s", flush=True)


def stage_main(name: str, stage: Stage, arguments: Sequence[str] | None = None) -> int:
    """The ``main`` of a stage's own command; returns its exit status."""
    usage = f"usage: python -m train.{name} run=FOLDER [preset=NAME] [key=value ...]"
    return command_main(usage, lambda given: _one_stage(name, stage, given), arguments)


def _one_stage(name: str, stage: Stage, arguments: Sequence[str]) -> None:
    folder = open_run(arguments, create=name == FIRST_STAGE)
    prepare_machine(folder.config)
    try:
        run_stage(folder, name, stage)
    finally:
        folder.close()


def prepare_machine(config: RunConfig) -> None:
    """Set PyTorch's threads as the run asks, say which device it took, and let its processes meet.

    Raises:
        DeviceError: the device asked for is absent.
    """
    if device_type(config.machine) == "cuda" and config.machine.device == "auto" and is_main():
        print(f"machine.device=auto takes CUDA: {torch.cuda.get_device_name()}", flush=True)
    # Batches come in hundreds of shapes, and oneDNN forgets all but the last 1024 kernels it made for them:
    # making them anew took a fifth of a bfloat16 step of the language model (1.2 s and .98 s on one core).
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, str(_KERNELS))
    # A unit that has died leaves a momentum that halves every 14 steps, and a CPU is slow with numbers too
    # small to be normal: after 4,300 steps of SHIFT a step took .95 s, and .36 s with such numbers as zeros.
    torch.set_flush_denormal(True)
    if config.machine.threads > 0:
        torch.set_num_threads(config.machine.threads)
    if process_count() > 1:
        make_accelerator(config.machine)


def synchronise() -> None:
    """Wait for the other processes, so that files one of them writes are there for all."""
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
