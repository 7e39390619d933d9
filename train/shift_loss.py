"""What SHIFT is trained towards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from models.kinematics import HandKinematics
from models.shift import Shift, ShiftOutput
from train.config import ShiftTrainConfig

_MOVEMENT: Final = 2  # frames
_TOUCH_STRIDE: Final = 4  # frames between those in which hands near each other are looked at
_REACH: Final = 0.35  # metres between wrists beyond which no fingers meet
_NEAR: Final = 0.06  # metres between two joints of which neither is far from the other's flesh
_APART: Final = 0.3  # what a gap too wide counts, where one too narrow counts 1


@dataclass(frozen=True)
class _Joints:
    """Mean L1 distances in metres: of joints in the world and from the wrist, of what they move in two
    frames, of their second differences, and of what they move before the last frame; and how far gaps between
    the two hands are off."""

    world: Tensor
    relative: Tensor
    movement: Tensor
    jitter: Tensor
    rest: Tensor
    touch: Tensor


class Objective:
    """The loss of SHIFT: parameters, joints, their movement, and commitment.

    Joints count twice, in the world and from the wrist: either alone hurts the other. Differences of the
    parameters over time keep jitter down, which neither parameters nor joints see. What joints move within
    two frames counts once more, in metres: a stirring of two centimetres is little beside where the hand
    is, and a codebook that spells places alone leaves it out. Measured after 500 steps, movement_weight 0
    and 100: speed read right .77 and .83, MPJPE 19.4 and 18.2 mm, wrist-aligned 8.5 and 9.2. Their second
    differences over the same frames are what jitter is, and what ACCEL measures. What joints move before the
    last frame of a window counts again, for windows that end a clip end at rest; and so do gaps between hands
    that are near each other, for either hand may be a centimetre off, and both together pass through each
    other.
    """

    def __init__(self, model: Shift, settings: ShiftTrainConfig) -> None:
        self.shift, self.settings = model, settings
        self.kinematics = HandKinematics()

    def __call__(self, model: nn.Module, frames: Tensor, step: int) -> tuple[Tensor, Mapping[str, Tensor]]:
        """``(model, frames (B, T, 2, 99), step)`` to the loss and its parts."""
        s, out = self.settings, model(frames)
        joints = self._joints(out, frames)
        velocity, acceleration = self._differences(out, frames)
        loss = (
            s.parameter_weight * (out.trajectory + out.pose)
            + s.commitment_weight * out.commitment
            + s.world_weight * joints.world
            + s.relative_weight * joints.relative
            + s.movement_weight * joints.movement
            + s.jitter_weight * joints.jitter
            + s.rest_weight * joints.rest
            + s.touch_weight * joints.touch
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
            "rest_mm": joints.rest * 1000.0,
            "touch_mm": joints.touch * 1000.0,
            "velocity": velocity,
            "acceleration": acceleration,
        }

    def _joints(self, out: ShiftOutput, frames: Tensor) -> _Joints:
        """How far joints are off, in every frame of ``(B, T, 2, 99)``."""
        kinematics = self.kinematics.to(frames.device)
        made, true = kinematics(out.frames.float()), kinematics(frames)
        error = made - true
        return _Joints(
            world=error.abs().mean(),
            relative=(error - error[..., :1, :]).abs().mean(),
            movement=(error[:, _MOVEMENT:] - error[:, :-_MOVEMENT]).abs().mean(),
            jitter=error.diff(n=2, dim=1).abs().mean(),
            rest=(error[:, -1] - error[:, -2]).abs().mean(),
            touch=gap_error(made[:, ::_TOUCH_STRIDE].flatten(0, 1), true[:, ::_TOUCH_STRIDE].flatten(0, 1)),
        )

    def _differences(self, out: ShiftOutput, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared errors of first and second differences of the normalised parameters."""
        error = self.shift.normalise(out.frames) - self.shift.normalise(frames)
        velocity = error.diff(dim=1)
        return velocity.square().mean(), velocity.diff(dim=1).square().mean()


def gap_error(made: Tensor, true: Tensor) -> Tensor:
    """How far the distances between joints of the two hands are off, where those of the truth are near.

    What comes too near counts more than what stays away: hands that touch should not pass through each other.

    Args:
        made, true: joints ``(N, 2, 21, 3)``, metres.

    Returns:
        Scalar, metres: the errors summed over the pairs that are near, by frame and joint of a hand.
    """
    rows = ((true[:, 0, 0] - true[:, 1, 0]).norm(dim=-1) < _REACH).nonzero()[:, 0]
    found, wanted = _gaps(made[rows]), _gaps(true[rows])
    off = found - wanted
    cost = torch.where(wanted < _NEAR, torch.relu(-off) + _APART * torch.relu(off), 0.0)
    return cost.sum() / made[:, 0, :, 0].numel()


def _gaps(joints: Tensor) -> Tensor:
    """Distances from each joint of one hand to each of the other, ``(N, 2, 21, 3)`` to ``(N, 21, 21)``."""
    squares = (joints[:, 0, :, None] - joints[:, 1, None]).square().sum(dim=-1)
    return squares.clamp_min(1e-12).sqrt()
