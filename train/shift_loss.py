"""What SHIFT is trained towards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torch import Tensor, nn

from models.kinematics import HandKinematics
from models.shift import Shift, ShiftOutput
from train.config import ShiftTrainConfig

_MOVEMENT: Final = 2  # frames


class Objective:
    """The loss of SHIFT: parameters, joints, their movement, and commitment.

    Joints count twice, in the world and from the wrist: either alone hurts the other. Differences of the
    parameters over time keep jitter down, which neither parameters nor joints see. What joints move within
    two frames counts once more, in metres: a stirring of two centimetres is little beside where the hand
    is, and a codebook that spells places alone leaves it out. Measured after 500 steps, movement_weight 0
    and 100: speed read right .77 and .83, MPJPE 19.4 and 18.2 mm, wrist-aligned 8.5 and 9.2.
    """

    def __init__(self, model: Shift, settings: ShiftTrainConfig) -> None:
        self.shift, self.settings = model, settings
        self.kinematics = HandKinematics()

    def __call__(self, model: nn.Module, frames: Tensor, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        """``(model, frames (B, T, 2, 99), step)`` to the loss and its parts."""
        s, out = self.settings, model(frames)
        world, relative, movement = self._joints(out, frames, step % s.joint_stride)
        velocity, acceleration = self._differences(out, frames)
        loss = (
            s.parameter_weight * (out.trajectory + out.pose)
            + s.commitment_weight * out.commitment
            + s.world_weight * world
            + s.relative_weight * relative
            + s.movement_weight * movement
            + s.velocity_weight * velocity
            + s.acceleration_weight * acceleration
        )
        return loss, {
            "trajectory": out.trajectory,
            "pose": out.pose,
            "commitment": out.commitment,
            "world_mm": world * 1000.0,
            "relative_mm": relative * 1000.0,
            "movement_mm": movement * 1000.0,
            "velocity": velocity,
            "acceleration": acceleration,
        }

    def _joints(self, out: ShiftOutput, frames: Tensor, offset: int) -> tuple[Tensor, Tensor, Tensor]:
        """L1 distances in metres at every n-th frame: of world joints, of wrist-relative joints, and of
        what world joints move from there to two frames on."""
        now = self._error(out, frames, offset)
        later = self._error(out, frames, offset + _MOVEMENT)
        movement = later - now[:, : later.shape[1]]
        return now.abs().mean(), (now - now[..., :1, :]).abs().mean(), movement.abs().mean()

    def _error(self, out: ShiftOutput, frames: Tensor, offset: int) -> Tensor:
        """How far world joints are off, every n-th frame from ``offset`` on: ``(B, N, 2, 21, 3)`` metres."""
        every = slice(offset, None, self.settings.joint_stride)
        kinematics = self.kinematics.to(frames.device)
        return kinematics(out.frames[:, every].float()) - kinematics(frames[:, every])

    def _differences(self, out: ShiftOutput, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared errors of first and second differences of the normalised parameters."""
        error = self.shift.normalise(out.frames) - self.shift.normalise(frames)
        velocity = error.diff(dim=1)
        return velocity.square().mean(), velocity.diff(dim=1).square().mean()
