"""Trains a small SHIFT for a few steps and writes each process's weights; run by test_two_processes."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from models.shift import Shift, ShiftConfig
from train.config import MachineConfig, ShiftTrainConfig
from train.loop import fit, generator, share
from train.presets import preset
from train.run import RunFolder, prepare_machine, process_index, synchronise
from train.shift_loss import Objective


def main(path: Path, stop: int | None = None) -> None:
    """Train in ``path``; with ``stop`` the last process is sent SIGINT in that step."""
    machine = MachineConfig(device="cpu", progress=False, tensorboard=False)
    config = replace(preset("smoke"), machine=machine)
    model_config = ShiftConfig(
        widths=(8, 8, 8, 8), depth=1, trajectory_codes=32, pose_codes=32, code_size=4, start_steps=2
    )
    settings = ShiftTrainConfig(model=model_config, steps=6, warmup=2, window=16, batch_size=8)
    prepare_machine(config)
    folder = RunFolder.open(path, config)
    synchronise()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Shift(model_config)

    def batch(step: int, rank: int, world: int) -> Tensor:
        if step == stop and rank == world - 1:
            os.kill(os.getpid(), signal.SIGINT)
        x = generator(0, "two", step).normal(size=(8, 16, 2, 99))
        return torch.from_numpy(x[share(8, rank, world)]).float()

    fit(folder, "shift", model, batch, Objective(model, settings), settings)
    save_file(dict(model.state_dict()), path / f"rank-{process_index()}.safetensors")
    folder.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
