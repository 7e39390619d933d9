"""The training loop of every stage: deterministic, resumable, on one process or several.

What a step computes depends on ``(seed, stage, step)``, on the parts that its batch is cut into, and on the
state before it, never on the clock or on earlier sittings, so a stage that was stopped ends with the weights
of one that was not. There are ``machine.accumulate`` parts, micro-batches, in each process, and micro-batch
``a`` of process ``r`` is part ``r * accumulate + a``: it does not matter which process computes a part, and a
stage may be taken on by another number of them.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from clutch_rt.errors import ClutchError
from torch import Tensor, nn
from tqdm import tqdm

from models.quantizer import learn_once_in
from train.checkpoint import Progress, checkpoints, load_checkpoint, save_checkpoint
from train.command import Interrupted
from train.config import FitConfig
from train.optim import (
    Group,
    StopRequest,
    default_groups,
    make_accelerator,
    make_optimizer,
    rate_at,
    to_device,
)
from train.run import RunFolder
from train.seeding import derive_seed, forked_random, generator, share
from train.throughput import Throughput
from train.whole import StepModel

__all__ = ["FitReport", "Group", "derive_seed", "fit", "forked_random", "generator", "share"]

Batch = Callable[[int, int, int], Any]
Loss = Callable[[nn.Module, Any, int], tuple[Tensor, Mapping[str, Any]]]
Validate = Callable[[nn.Module, int], Mapping[str, float]]


@dataclass(frozen=True)
class FitReport:
    """What an optimisation ended with.

    Attributes:
        steps: optimizer steps done, over all sittings.
        seconds: time they took.
        numbers: the training numbers of the last line of the log.
        validation: the numbers of the last validation.
    """

    steps: int
    seconds: float
    numbers: dict[str, float]
    validation: dict[str, float] = field(default_factory=dict)


class _Averages:
    """Means of numbers since they were last taken; tensors are not waited for before."""

    def __init__(self) -> None:
        self._values: dict[str, list[Any]] = {}

    def add(self, numbers: Mapping[str, Any]) -> None:
        for name, value in numbers.items():
            self._values.setdefault(name, []).append(value.detach() if isinstance(value, Tensor) else value)

    def peek(self) -> dict[str, float]:
        return {name: sum(float(v) for v in values) / len(values) for name, values in self._values.items()}

    def take(self) -> dict[str, float]:
        means = self.peek()
        self._values = {}
        return means


class _Fit:
    """One stage's optimisation under way."""

    def __init__(
        self, folder: RunFolder, stage: str, model: nn.Module, settings: FitConfig, groups: Sequence[Group]
    ) -> None:
        self.folder, self.stage, self.settings = folder, stage, settings
        self.machine, self.seed = folder.config.machine, folder.config.seed
        self.accelerator = make_accelerator(self.machine)
        self.device = self.accelerator.device
        self.model = model.to(self.device)
        self.optimizer = make_optimizer(groups, settings)
        self.progress = self._resume()
        self.wrapped = self.accelerator.prepare_model(self.model)
        learn_once_in(self.model, self.machine.accumulate)
        self.averages = _Averages()
        self.throughput = Throughput(self.device, settings.batch_size, settings.precision == "bf16")
        self.saved = time.monotonic()

    @property
    def _checkpoints(self) -> Any:
        return self.folder.path / "checkpoints" / self.stage

    def _resume(self) -> Progress:
        found = checkpoints(self._checkpoints)
        if not found:
            return Progress()
        progress = load_checkpoint(found[-1], self.model, self.optimizer)
        if self.accelerator.is_main_process:
            print(f"{self.stage}: going on from step {progress.step} of {self.settings.steps}")
        return progress

    def save(self) -> None:
        self._check(self.averages.peek())
        if self.accelerator.is_main_process:
            save_checkpoint(
                self._checkpoints, self.model, self.optimizer, self.progress, self.machine.keep_checkpoints
            )
        self.saved = time.monotonic()

    def _check(self, numbers: Mapping[str, float]) -> None:
        bad = [name for name, value in numbers.items() if not math.isfinite(value)]
        if bad:
            raise ClutchError(
                f"{self.stage}: {bad[0]} is no longer a finite number near step {self.progress.step}; "
                "lower learning_rate or clip and start the stage again"
            )

    def step(self, batch: Batch, loss: Loss) -> float:
        """One optimizer step, over all parts of its batch; returns its operations, 0 if not counted."""
        step, count = self.progress.step, self.machine.accumulate
        first, all_parts = self.accelerator.process_index * count, self.accelerator.num_processes * count
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * group["scale"] * rate_at(step, self.settings)
        parts = [to_device(batch(step, first + i, all_parts), self.device) for i in range(count)]
        if isinstance(self.model, StepModel):
            self.model.begin(parts)
        for i, part in enumerate(parts):
            # Processes share the gradients of all their parts at once, in the backward pass of the last.
            alone = self.accelerator.no_sync(self.wrapped) if i + 1 < count else nullcontext()
            with alone, forked_random(self.device, self.seed, self.stage, step, first + i):
                self._learn(part, loss)
        if self.settings.clip > 0:
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
            self.averages.add({"gradient": norm})
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if isinstance(self.model, StepModel) and self.throughput.counts_flops:
            return sum(self.model.flops(part) for part in parts)
        return 0.0

    def _learn(self, part: Any, loss: Loss) -> None:
        """Add a part's gradients to those of the parts before: their mean is that of the whole batch."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
            value, numbers = loss(self.wrapped, part, self.progress.step)
        (value / self.machine.accumulate).backward()
        self.averages.add({"loss": value, **numbers})

    def advance(self, seconds: float, processor: float, flops: float) -> None:
        """Count a step that is done."""
        p = self.progress
        self.progress = replace(
            p, step=p.step + 1, seconds=p.seconds + seconds, processor=p.processor + processor
        )
        self.throughput.add(seconds, flops)

    def log(self) -> None:
        """Write the means since the last line."""
        numbers = self.averages.take()
        self._check(numbers)
        self.progress = replace(self.progress, numbers=numbers)
        rate = self.settings.learning_rate * rate_at(self.progress.step - 1, self.settings)
        self.folder.log(self.stage, self.progress.step, {**numbers, "rate": rate, **self.throughput.take()})

    def validate(self, validate: Validate) -> None:
        """Measure on held-out data, on the main process."""
        if self.accelerator.is_main_process:
            self.model.eval()
            with torch.no_grad(), forked_random(self.device, self.seed, self.stage, "validate"):
                numbers = {k: float(v) for k, v in validate(self.model, self.progress.step).items()}
            self.progress = replace(self.progress, validation=numbers)
            self.folder.log(self.stage, self.progress.step, {f"val_{k}": v for k, v in numbers.items()})
        self.model.train()
        self.accelerator.wait_for_everyone()


def fit(
    folder: RunFolder,
    stage: str,
    model: nn.Module,
    batch: Batch,
    loss: Loss,
    settings: FitConfig,
    groups: Sequence[Group] | None = None,
    validate: Validate | None = None,
) -> FitReport:
    """Optimise ``model`` in place for ``settings.steps`` steps, going on from the stage's last checkpoint.

    Args:
        folder: where checkpoints and numbers go; its config gives the seed and the machine.
        stage: name of the checkpoints and of the lines in the log.
        model: put into training mode, moved to the run's device, and left there. A ``StepModel`` hears of
            all parts of a step before the first.
        batch: ``(step, rank, world)`` to part ``rank`` of the ``world`` parts of that step's batch, of which
            each process computes ``machine.accumulate``; must depend on nothing else. ``generator`` and
            ``share`` help.
        loss: ``(model, batch, step)`` to a scalar and numbers to log. Must call the model it is given
            itself (``model(...)``), not its methods, or several processes would not share gradients.
            May use PyTorch's own random state, which is set for each part of a step. The mean over the
            parts is learnt from.
        settings: steps, rates and so on.
        groups: parameters by rate and decay; ``default_groups`` if None.
        validate: ``(model, step)`` to numbers, in evaluation mode without gradients, on one process.

    Raises:
        Interrupted: after SIGINT or SIGTERM; the state is saved and the message says how to go on.
        ClutchError: if the loss is no longer finite.
    """
    run = _Fit(folder, stage, model, settings, groups or default_groups(model))
    model.train()
    with StopRequest() as stop, _bar(run) as bar:
        while run.progress.step < settings.steps:
            _one(run, batch, loss, validate)
            bar.update()
            if stop.agreed(run.device):
                run.save()
                run.accelerator.wait_for_everyone()  # torchrun ends the others as soon as one is gone
                raise Interrupted(_stopped(folder, stage, run.progress.step, settings.steps))
            if time.monotonic() - run.saved > folder.config.machine.checkpoint_seconds:
                run.save()
            if run.progress.numbers:
                bar.set_postfix_str(f"loss {run.progress.numbers['loss']:.4g}", refresh=False)
    run.save()
    model.eval()
    done = run.progress
    return FitReport(done.step, done.seconds, done.numbers, done.validation)


def _one(run: _Fit, batch: Batch, loss: Loss, validate: Validate | None) -> None:
    """A step, and what falls due after it."""
    step = run.progress.step + 1
    last = step == run.settings.steps
    logged = last or step % max(run.machine.log_every, 1) == 0
    started, worked = time.monotonic(), time.process_time()
    flops = run.step(batch, loss)
    if logged:
        run.throughput.settle()
    run.advance(time.monotonic() - started, time.process_time() - worked, flops)
    if logged:
        run.log()
    every = run.settings.validate_every
    if validate is not None and (last or (every > 0 and step % every == 0)):
        run.validate(validate)


def _bar(run: _Fit) -> tqdm[Any]:
    shown = run.machine.progress and run.accelerator.is_main_process
    return tqdm(
        total=run.settings.steps,
        initial=run.progress.step,
        desc=run.stage,
        disable=not shown,
        mininterval=0.5 if sys.stderr.isatty() else 15.0,
        dynamic_ncols=True,
    )


def _stopped(folder: RunFolder, stage: str, step: int, steps: int) -> str:
    return (
        f"{stage}: stopped after step {step} of {steps} and saved; "
        f"run the same command again, or `python -m train.all run={folder.path}`, to go on"
    )
