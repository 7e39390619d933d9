"""Forward kinematics of two hands in torch: the differentiable twin of ``clutch_rt.hand.forward``."""

from __future__ import annotations

from typing import Final

import torch
from clutch_rt.anatomy import JOINTS, TIP_PARENTS
from clutch_rt.hand import Hand, levels, neutral_hands
from clutch_rt.layout import HAND_SIZE, HANDS, POSE, POSE_JOINTS, ROTATION, TRANSLATION
from torch import Tensor, nn

_TINY: Final = 1e-12


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
        turned, joints = self._chain(frames.reshape(-1, len(HANDS), HAND_SIZE).permute(1, 2, 0))
        leading = frames.shape[:-2]
        return (
            turned.movedim(-1, 0).reshape(*leading, *turned.shape[:-1]),
            joints.movedim(-1, 0).reshape(*leading, *joints.shape[:-1]),
        )

    def _chain(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """``(2, 99, N)`` to rotations ``(2, 16, 3, 3, N)`` and joints ``(2, 21, 3, N)``.

        The frames come last: a product of 3 x 3 matrices is then a few long products of rows, half the time
        of as many small matrices on a CPU.
        """
        local = _matrices(frames)
        offsets, tips = self.offsets.to(local.dtype), self.tip_offsets.to(local.dtype)
        turned, placed = local[:, :1], frames[:, None, TRANSLATION]
        rotations, positions, order = [turned], [placed], [0]
        above = [0]
        for level in levels(self._parents):
            parents = [above.index(self._parents[joint]) for joint in level]
            turned, placed = turned[:, parents], placed[:, parents]
            placed = placed + _turn(turned, offsets[:, level])
            turned = _product(turned, local[:, level])
            rotations.append(turned)
            positions.append(placed)
            order += level
            above = level
        back = [order.index(joint) for joint in range(JOINTS)]
        stacked, joints = torch.cat(rotations, dim=1)[:, back], torch.cat(positions, dim=1)[:, back]
        hung = list(TIP_PARENTS)
        return stacked, torch.cat([joints, joints[:, hung] + _turn(stacked[:, hung], tips)], dim=1)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames ``(..., 2, 99)`` to joint positions ``(..., 2, 21, 3)``, metres, MANO order."""
        return self.pose(frames)[1]


def _matrices(frames: Tensor) -> Tensor:
    """``matrix_from_6d`` of wrist and finger joints, frames last: ``(2, 99, N)`` to ``(2, 16, 3, 3, N)``."""
    fingers = frames[:, POSE].unflatten(1, (POSE_JOINTS, 6))
    sixd = torch.cat([frames[:, None, ROTATION], fingers], dim=1)
    first, second = _unit(sixd[:, :, :3]), sixd[:, :, 3:]
    second = _unit(second - (first * second).sum(dim=2, keepdim=True) * first)
    return torch.stack([first, second, torch.linalg.cross(first, second, dim=2)], dim=3)


def _unit(x: Tensor) -> Tensor:
    """``(2, J, 3, N)`` at length one; zero stays zero."""
    return x * torch.rsqrt(x.square().sum(dim=2, keepdim=True).clamp_min(_TINY**2))


def _turn(rotations: Tensor, offsets: Tensor) -> Tensor:
    """``(2, J, 3, 3, N)`` times ``(2, J, 3)``: ``(2, J, 3, N)``."""
    return (rotations * offsets[:, :, None, :, None]).sum(dim=3)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix products of ``(2, J, 3, 3, N)``."""
    first, second, third = (a[:, :, :, k, None] * b[:, :, k, None] for k in range(3))
    return first + second + third
