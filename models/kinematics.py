"""Forward kinematics of two hands in torch: the differentiable twin of ``clutch_rt.hand.forward``."""

from __future__ import annotations

import torch
from clutch_rt.anatomy import JOINTS, TIP_PARENTS
from clutch_rt.hand import Hand, levels, neutral_hands
from clutch_rt.layout import HAND_SIZE, POSE, POSE_JOINTS, ROTATION, TRANSLATION
from torch import Tensor, nn

from .rotations import matrix_from_6d


class HandKinematics(nn.Module):
    """Joint positions from frames, for both hands at once.

    The hands are buffers that no checkpoint stores: they follow the module to its device and come from the
    package, not from the weights.
    """

    offsets: Tensor  # (2, 16, 3) each joint from its parent, metres; zero for the wrist
    tip_offsets: Tensor  # (2, 5, 3) each tip from the joint it hangs from, metres

    def __init__(self, hands: tuple[Hand, Hand] | None = None) -> None:
        """Take the two hands, left then right; the neutral hands by default."""
        super().__init__()
        pair = hands or neutral_hands()
        if any(hand.tip_vertices is not None for hand in pair):
            raise ValueError(
                "HandKinematics follows bones only, and the tips of these hands are vertices of a skin; "
                "use the neutral hands, or clutch_rt.hand.forward"
            )
        self._parents = pair[0].parents
        rest = torch.stack([torch.from_numpy(hand.rest_joints.copy()) for hand in pair])
        tips = torch.stack([torch.from_numpy(hand.rest_tips.copy()) for hand in pair])
        offsets = rest - rest[:, [max(parent, 0) for parent in self._parents]]
        self.register_buffer("offsets", offsets, persistent=False)
        self.register_buffer("tip_offsets", tips - rest[:, list(TIP_PARENTS)], persistent=False)

    def pose(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Global joint rotations and positions.

        Args:
            frames: ``(..., 2, 99)``, left then right.

        Returns:
            rotations ``(..., 2, 16, 3, 3)`` and positions ``(..., 2, 21, 3)`` in metres, MANO order.

        Raises:
            ValueError: if the frames do not end in (2, 99).
        """
        if frames.ndim < 2 or tuple(frames.shape[-2:]) != (2, HAND_SIZE):
            raise ValueError(f"frames have shape {tuple(frames.shape)}; they must end in (2, {HAND_SIZE})")
        fingers = frames[..., POSE].unflatten(-1, (POSE_JOINTS, 6))
        local = matrix_from_6d(torch.cat([frames[..., None, ROTATION], fingers], dim=-2))
        offsets, tip_offsets = self.offsets.to(local.dtype), self.tip_offsets.to(local.dtype)
        rotations: list[Tensor] = [local[..., 0, :, :]] + [local[..., 0, :, :]] * (JOINTS - 1)
        positions: list[Tensor] = [frames[..., TRANSLATION]] * JOINTS
        for level in levels(self._parents):
            above = [self._parents[joint] for joint in level]
            turned = torch.stack([rotations[joint] for joint in above], dim=-3)
            placed = torch.stack([positions[joint] for joint in above], dim=-2)
            placed = placed + (turned @ offsets[:, level, :, None])[..., 0]
            turned = turned @ local[..., level, :, :]
            for k, joint in enumerate(level):
                rotations[joint], positions[joint] = turned[..., k, :, :], placed[..., k, :]
        stacked, joints = torch.stack(rotations, dim=-3), torch.stack(positions, dim=-2)
        above = list(TIP_PARENTS)
        tips = joints[..., above, :] + (stacked[..., above, :, :] @ tip_offsets[..., None])[..., 0]
        return stacked, torch.cat([joints, tips], dim=-2)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames ``(..., 2, 99)`` to joint positions ``(..., 2, 21, 3)``, metres, MANO order."""
        return self.pose(frames)[1]
