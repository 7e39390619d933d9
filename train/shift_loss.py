"""What SHIFT is trained towards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from models.kinematics import HandKinematics
from models.shift import Shift, ShiftOutput
from train.config import ShiftTrainConfig

_MOVEMENT: Final = 2  # frames


@dataclass(frozen=True)
class _Joints:
    """Mean L1 distances in metres: of joints in the world and from the wrist, of what they move in two
    frames, and of their second differences."""

    world: Tensor
    relative: Tensor
    movement: Tensor
    jitter: Tensor


class Objective:
    """The loss of SHIFT: parameters, joints, their movement, and commitment.

    Joints count twice, in the world and from the wrist: either alone hurts the other. Differences of the
    parameters over time keep jitter down, which neither parameters nor joints see. What joints move within
    two frames counts once more, in metres: a stirring of two centimetres is little beside where the hand
    is, and a codebook that spells places alone leaves it out. Measured after 500 steps, movement_weight 0
    and 100: speed read right .77 and .83, MPJPE 19.4 and 18.2 mm, wrist-aligned 8.5 and 9.2. Their second
    differences over the same frames are what jitter is, and what ACCEL measures.
    """

    def __init__(self, model: Shift, settings: ShiftTrainConfig) -> None:
        self.shift, self.settings = model, settings
        self.kinematics = HandKinematics()

    def __call__(self, model: nn.Module, frames: Tensor, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        """``(model, frames (B, T, 2, 99), step)`` to the loss and its parts."""
        s, out = self.settings, model(frames)
        joints = self._joints(out, frames, step % s.joint_stride)
        velocity, acceleration = self._differences(out, frames)
        loss = (
            s.parameter_weight * (out.trajectory + out.pose)
            + s.commitment_weight * out.commitment
            + s.world_weight * joints.world
            + s.relative_weight * joints.relative
            + s.movement_weight * joints.movement
            + s.jitter_weight * joints.jitter
            + s.velocity_weight * velocity
            + s.acceleration_weight * acceleration
        )
        return loss, {
            "trajectory": out.trajectory,
            "pose": out.pose,
            "commitment": out.commitment,
            "world_mm": joints.world * 1000.0,
            "relative_mm": joints.relative * 1000.0,
            "movement_mm": joints.movement * 1000.0,
            "jitter_mm": joints.jitter * 1000.0,
            "velocity": velocity,
            "acceleration": acceleration,
        }

    def _joints(self, out: ShiftOutput, frames: Tensor, offset: int) -> _Joints:
        """How far joints are off at every n-th frame, and over the two frames after."""
        now = self._error(out, frames, offset)
        later = self._error(out, frames, offset + _MOVEMENT)
        now, world = now[:, : later.shape[1]], now
        between = self._error(out, frames, offset + _MOVEMENT // 2)[:, : later.shape[1]]
        return _Joints(
            world=world.abs().mean(),
            relative=(world - world[..., :1, :]).abs().mean(),
            movement=(later - now).abs().mean(),
            jitter=(later - 2.0 * between + now).abs().mean(),
        )

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
