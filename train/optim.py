"""What an optimisation is made of: parameter groups, learning rate, processes and device, stopping."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
from clutch_rt.errors import DeviceError
from torch import distributed as dist
from torch import nn

from train.config import FitConfig, MachineConfig
from train.muon import MuonAdamW

_PATIENCE: Final = timedelta(days=1)


@dataclass(frozen=True)
class Group:
    """Parameters that learn at ``scale`` times the rate, with weight decay or without.

    With ``blocks`` they are matrices and learn by Muon, each cut into so many blocks of rows and of columns;
    without, by AdamW.
    """

    parameters: Sequence[nn.Parameter]
    scale: float = 1.0
    decay: bool = True
    blocks: tuple[int, int] | None = None


def rate_at(step: int, settings: FitConfig) -> float:
    """Part of the peak learning rate at a step: linear warm-up, then a cosine to ``final_rate``."""
    warm = min(1.0, (step + 1) / max(settings.warmup, 1))
    along = (step - settings.warmup) / max(settings.steps - settings.warmup, 1)
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(max(along, 0.0), 1.0)))
    return warm * (settings.final_rate + (1.0 - settings.final_rate) * cosine)


def default_groups(model: nn.Module) -> list[Group]:
    """Matrices and kernels with weight decay; biases, scales and other vectors without."""
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    return [g for g in (Group(matrices), Group(vectors, decay=False)) if g.parameters]


def make_optimizer(groups: Sequence[Group], settings: FitConfig) -> MuonAdamW:
    """Muon or AdamW over each group; their scales are kept beside the learning rate."""
    entries = [
        {
            "params": list(g.parameters),
            "weight_decay": settings.weight_decay if g.decay else 0.0,
            "scale": g.scale,
            **dict(zip(("rows", "columns"), g.blocks or (0, 0), strict=True)),
        }
        for g in groups
        if g.parameters
    ]
    return MuonAdamW(entries, settings.learning_rate, (0.9, 0.99))


def device_type(machine: MachineConfig) -> Literal["cpu", "cuda"]:
    """Where a run computes.

    Raises:
        DeviceError: if CUDA is asked for and absent.
    """
    has_cuda = torch.cuda.is_available()
    if machine.device == "cuda" and not has_cuda:
        raise DeviceError(
            "machine.device=cuda, but PyTorch finds no CUDA device; "
            "install a CUDA build of PyTorch, or use machine.device=cpu"
        )
    return "cuda" if has_cuda and machine.device != "cpu" else "cpu"


def make_accelerator(machine: MachineConfig) -> Accelerator:
    """The processes and the device of this run; raises as ``device_type``."""
    cpu = device_type(machine) == "cpu"
    # Parameters of tasks that a batch does not hold get no gradient; buffers are kept equal by their owners.
    kwargs = DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
    # The corpus and the evaluation are one process's work, and take longer than the others wait by default.
    patience = InitProcessGroupKwargs(timeout=_PATIENCE)
    return Accelerator(cpu=cpu, mixed_precision="no", kwargs_handlers=[kwargs, patience])


def to_device(value: Any, device: torch.device) -> Any:
    """Tensors, and lists, tuples and mappings of them, on a device; other things unchanged."""
    if hasattr(value, "to"):
        return value.to(device)
    if isinstance(value, Mapping):
        return {k: to_device(v, device) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(to_device(v, device) for v in value)
    return value


class StopRequest:
    """Turns the first SIGINT or SIGTERM into a flag; the second acts as usual."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def agreed(self, device: torch.device) -> bool:
        """Whether any process was asked to stop: the same answer everywhere."""
        if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return self.asked
        flag = torch.tensor(float(self.asked), device=device)
        dist.all_reduce(flag)
        return bool(flag > 0)
