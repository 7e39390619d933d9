"""What SHIFT is trained towards."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from models.kinematics import HandKinematics
from models.shift import Shift, ShiftOutput
from train.config import ShiftTrainConfig


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
