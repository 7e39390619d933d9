"""Checkpoints: model, optimizer and counters in a folder that appears by rename, without pickle."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from clutch_rt.errors import FileFormatError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

_PREFIX: Final = "step-"


@dataclass(frozen=True)
class Progress:
    """How far a stage is.

    Attributes:
        step: optimizer steps done.
        seconds: time they took, over all sittings.
        processor: processor time of it, of all threads, in seconds.
        numbers: the training numbers of the last line of the log.
        validation: the numbers of the last validation.
    """

    step: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    numbers: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)


def _address(tensor: Tensor) -> tuple[int, int]:
    return tensor.untyped_storage().data_ptr(), int(tensor.storage_offset())


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """The state of a model on the CPU; of tensors that share memory (tied tables) the first name only."""
    seen: set[tuple[int, int]] = set()
    weights = {}
    for name, value in model.state_dict().items():
        if value.numel() and _address(value) in seen:
            continue
        seen.add(_address(value))
        weights[name] = value.detach().cpu().contiguous()
    return weights


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put back what ``weights_of`` took; RuntimeError where names or shapes do not fit."""
    result = model.load_state_dict(dict(weights), strict=False)
    missing = set(result.missing_keys) & set(weights_of(model))
    if missing or result.unexpected_keys:
        names = sorted(missing) + result.unexpected_keys
        raise RuntimeError(f"{len(names)} tensors do not fit, the first is {names[0]}")


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value).detach().cpu().contiguous()
        for index, entry in state.items()
        for name, value in entry.items()
    }


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    parameters = [(g, p) for g in optimizer.param_groups for p in g["params"]]
    for number, entry in state.items():
        group, p = parameters[number] if number < len(parameters) else ({}, torch.empty(0))
        kept = {"momentum_buffer"} if group.get("rows") else {"exp_avg", "exp_avg_sq"}
        if set(entry) != kept | {"step"} or any(entry[name].shape != p.shape for name in kept):
            raise RuntimeError("the optimizer's state is of another version or another model")
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    return sorted(p for p in folder.glob(f"{_PREFIX}*") if (p / "progress.json").exists())


def save_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress, keep: int
) -> Path:
    """Write a checkpoint and drop all but the newest ``keep``; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{_PREFIX}{progress.step:08d}"
    part = folder / f".part-{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    save_file(weights_of(model), part / "model.safetensors")
    save_file(_optimizer_tensors(optimizer), part / "optimizer.safetensors")
    (part / "progress.json").write_text(json.dumps(vars(progress)) + "\n", encoding="utf-8")
    shutil.rmtree(final, ignore_errors=True)
    part.rename(final)
    for old in checkpoints(folder)[: -max(keep, 1)]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def read_progress(path: Path) -> Progress:
    """How far a checkpoint is; OSError or ValueError where it does not say."""
    values: dict[str, Any] = json.loads((path / "progress.json").read_text(encoding="utf-8"))
    return Progress(**values)


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Put the newest state back.

    Raises:
        FileFormatError: if the checkpoint is damaged or of another model.
    """
    try:
        load_weights(model, load_file(path / "model.safetensors"))
        _load_optimizer(optimizer, load_file(path / "optimizer.safetensors"))
        return read_progress(path)
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise FileFormatError(
            f"checkpoint {path} cannot be read ({reason}); delete that folder to go on from the one before"
        ) from error
