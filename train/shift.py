"""Train SHIFT, the tokenizer of motion: ``python -m train.shift run=FOLDER``.

Reads ``RUN/corpus``, writes ``RUN/shift`` (the model, and ``metrics.json`` measured on held-out clips).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from clutch_rt.layout import Float32Array
from torch import Tensor, nn

from models.kinematics import HandKinematics
from models.shift import Shift, ShiftOutput
from train.config import ShiftTrainConfig
from train.evaluate.metrics import acceleration_error, code_usage, mpjpe, wrist_aligned_mpjpe
from train.loop import fit, generator, share
from train.run import RunFolder, is_main, stage_main, write_text
from train.store import read_clips
from train.windows import Motions, first, whole_steps

STAGE: Final = "shift"


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """Train on the corpus of the run, save the model, and report held-out errors."""
    settings = folder.config.shift
    train = Motions.gather(first(_frames(folder, "train"), settings.clips))
    held_out = first(_frames(folder, "val"), settings.validation_clips)
    model = Shift(settings.model)
    model.fit_normaliser(train.frames)
    objective = Objective(model, settings)
    report = fit(
        folder,
        STAGE,
        model,
        batch=lambda step, rank, world: draw(train, settings, folder.config.seed, step, rank, world),
        loss=objective,
        settings=settings,
        validate=lambda m, step: measure(m, held_out),
    )
    if is_main():
        model.save(folder.folder("shift"))
        write_text(folder.path / "shift" / "metrics.json", json.dumps(report.validation, indent=2) + "\n")
    return report.validation


def _frames(folder: RunFolder, split: str) -> Iterator[Float32Array]:
    return (clip.frames for clip in read_clips(folder.path / "corpus", split=split))


def draw(motions: Motions, settings: ShiftTrainConfig, seed: int, step: int, rank: int, world: int) -> Tensor:
    """A process's share of a step's windows, ``(batch_size / world, window, 2, 99)``."""
    rng = generator(seed, STAGE, "windows", step)
    windows = motions.windows(settings.window, settings.batch_size, rng)
    return windows[share(settings.batch_size, rank, world)]


class Objective:
    """The loss of SHIFT: parameters, joints, their motion, and commitment.

    Joints count twice, in the world and from the wrist: either alone hurts the other. Differences over
    time keep jitter down, which neither parameters nor joints see.
    """

    def __init__(self, model: Shift, settings: ShiftTrainConfig) -> None:
        self.shift, self.settings = model, settings
        self.kinematics = HandKinematics()

    def __call__(self, model: nn.Module, frames: Tensor, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        """``(model, frames (B, T, 2, 99), step)`` to the loss and its parts."""
        s, out = self.settings, model(frames)
        world, relative = self._joints(out, frames, step % s.joint_stride)
        velocity, acceleration = self._differences(out, frames)
        loss = (
            s.parameter_weight * (out.trajectory + out.pose)
            + s.commitment_weight * out.commitment
            + s.world_weight * world
            + s.relative_weight * relative
            + s.velocity_weight * velocity
            + s.acceleration_weight * acceleration
        )
        return loss, {
            "trajectory": out.trajectory,
            "pose": out.pose,
            "commitment": out.commitment,
            "world_mm": world * 1000.0,
            "relative_mm": relative * 1000.0,
            "velocity": velocity,
            "acceleration": acceleration,
        }

    def _joints(self, out: ShiftOutput, frames: Tensor, offset: int) -> tuple[Tensor, Tensor]:
        """L1 distances in metres of world joints and of wrist-relative joints, at every n-th frame."""
        every = slice(offset, None, self.settings.joint_stride)
        kinematics = self.kinematics.to(frames.device)
        made, true = kinematics(out.frames[:, every].float()), kinematics(frames[:, every])
        error = made - true
        return error.abs().mean(), (error - error[..., :1, :]).abs().mean()

    def _differences(self, out: ShiftOutput, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared errors of first and second differences of the normalised parameters."""
        error = self.shift.normalise(out.frames) - self.shift.normalise(frames)
        velocity = error.diff(dim=1)
        return velocity.square().mean(), velocity.diff(dim=1).square().mean()


@torch.no_grad()
def measure(model: nn.Module, clips: Sequence[Float32Array]) -> dict[str, float]:
    """Errors of whole clips through the codes and back.

    Returns:
        ``mpjpe`` and ``wrist_aligned`` in mm, ``accel`` in mm per frame squared (clip means averaged by
        frames), and per codebook ``NAME_used`` (entries) and ``NAME_perplexity``.
    """
    assert isinstance(model, Shift)
    device = model.mean.device
    kinematics = HandKinematics().to(device)
    errors, weights, codes = [], [], []
    for clip in clips:
        frames = whole_steps(torch.from_numpy(clip))[None].to(device)
        code = model.encode(frames)
        made = kinematics(model.decode(code))[0, : len(clip)].cpu().numpy()
        true = kinematics(frames)[0, : len(clip)].cpu().numpy()
        errors.append((mpjpe(made, true), wrist_aligned_mpjpe(made, true), acceleration_error(made, true)))
        weights.append(len(clip))
        codes.append(code[0].cpu().numpy())
    means = np.average(np.asarray(errors), axis=0, weights=weights)
    named = dict(zip(("mpjpe", "wrist_aligned", "accel"), means.tolist(), strict=True))
    return {**named, **_usage(model, np.concatenate(codes))}


def _usage(model: Shift, codes: np.ndarray) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for i, p in enumerate(model.plans):
        usage = code_usage(codes[:, i :: len(model.plans)], p.codes)
        numbers[f"{p.name}_used"] = float(usage.used)
        numbers[f"{p.name}_perplexity"] = usage.perplexity
    return numbers


def main() -> int:
    """``python -m train.shift``."""
    return stage_main(STAGE, stage)


if __name__ == "__main__":
    sys.exit(main())
