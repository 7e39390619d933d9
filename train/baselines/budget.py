"""As many steps as fit into so many processor-minutes: found once by a few trial steps, then kept.

The learning rate falls over the whole of the steps, so their number must be known before the first. It is
kept with the run, so a stage that was stopped goes on to the same end; but another run on another machine
will have another number.
"""

from __future__ import annotations

import copy
import json
import time
from typing import Final, TypeVar

import torch
from torch import nn

from train.config import FitConfig
from train.loop import Batch, Loss, default_groups, forked_random
from train.optim import make_optimizer, to_device
from train.run import RunFolder, is_main, synchronise, write_text

_TRIAL: Final = 6  # steps that are timed
_WARM: Final = 2  # steps before them

S = TypeVar("S", bound=FitConfig)


def steps_within(
    folder: RunFolder, stage: str, minutes: float, model: nn.Module, batch: Batch, loss: Loss, settings: S
) -> int:
    """Steps of a stage that ``minutes`` of processor time allow, or those of the settings where it is 0."""
    if minutes <= 0.0:
        return settings.steps
    path = folder.folder("baselines") / f"{stage}-budget.json"
    if is_main() and not path.exists():
        seconds = _seconds_a_step(model, batch, loss, settings)
        steps = max(1, int(minutes * 60.0 / seconds))
        kept = {"minutes": minutes, "seconds_a_step": round(seconds, 4), "steps": steps}
        write_text(path, json.dumps(kept, indent=2) + "\n")
    synchronise()
    return int(json.loads(path.read_text(encoding="utf-8"))["steps"])


def _seconds_a_step(model: nn.Module, batch: Batch, loss: Loss, settings: FitConfig) -> float:
    """Mean processor time of a step, on a copy of the model, batches and all."""
    trial = copy.deepcopy(model).train()
    device = next(trial.parameters()).device
    optimizer = make_optimizer(default_groups(trial), settings)
    started = 0.0
    with forked_random(device, "trial"):
        for step in range(_WARM + _TRIAL):
            if step == _WARM:
                started = time.process_time()
            value, _ = loss(trial, to_device(batch(step, 0, 1), device), step)
            value.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            torch.cuda.synchronize() if device.type == "cuda" else None
    return max((time.process_time() - started) / _TRIAL, 1e-4)
