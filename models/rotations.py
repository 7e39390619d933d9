"""Rotations in torch: the twin of ``clutch_rt.rotations``, same names, same conventions, differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-12


def normalize(vectors: Tensor) -> Tensor:
    """Scale ``(..., n)`` vectors to length one; a zero vector stays zero, with a finite gradient."""
    return torch.nn.functional.normalize(vectors, dim=-1, eps=_TINY)


def matrix_from_6d(sixd: Tensor) -> Tensor:
    """Gram-Schmidt ``(..., 6)`` columns into ``(..., 3, 3)`` rotation matrices."""
    first = normalize(sixd[..., 0:3])
    second = sixd[..., 3:6]
    second = normalize(second - (first * second).sum(dim=-1, keepdim=True) * first)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def sixd_from_matrix(matrix: Tensor) -> Tensor:
    """The first two columns of ``(..., 3, 3)`` matrices, as ``(..., 6)``."""
    return torch.cat([matrix[..., :, 0], matrix[..., :, 1]], dim=-1)


def matrix_from_axis_angle(axis_angle: Tensor) -> Tensor:
    """``(..., 3)`` rotation vectors in radians to ``(..., 3, 3)`` matrices."""
    # The tiny term keeps the gradient of the norm finite at zero; it is far below float32 resolution.
    half = 0.5 * torch.sqrt((axis_angle * axis_angle).sum(dim=-1, keepdim=True) + _TINY**2)
    scale = 0.5 * torch.sinc(half / torch.pi)
    return matrix_from_quaternion(torch.cat([axis_angle * scale, torch.cos(half)], dim=-1))


def axis_angle_from_matrix(matrix: Tensor) -> Tensor:
    """``(..., 3, 3)`` rotation matrices to ``(..., 3)`` rotation vectors of at most pi radians."""
    quaternion = quaternion_from_matrix(matrix)
    vector, scalar = quaternion[..., :3], quaternion[..., 3:]
    length = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    angle = 2.0 * torch.atan2(length, scalar)
    ratio = torch.where(length > _TINY, angle / length.clamp_min(_TINY), torch.full_like(length, 2.0))
    return vector * ratio


def quaternion_from_matrix(matrix: Tensor) -> Tensor:
    """``(..., 3, 3)`` rotation matrices to ``(..., 4)`` unit quaternions x, y, z, w with w >= 0."""
    m = matrix
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    x_w, y_w, z_w = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    x_y, x_z, y_z = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    candidates = torch.stack(
        [
            torch.stack([1 + xx - yy - zz, x_y, x_z, x_w], dim=-1),
            torch.stack([x_y, 1 - xx + yy - zz, y_z, y_w], dim=-1),
            torch.stack([x_z, y_z, 1 - xx - yy + zz, z_w], dim=-1),
            torch.stack([x_w, y_w, z_w, 1 + xx + yy + zz], dim=-1),
        ],
        dim=-2,
    )
    best = torch.diagonal(candidates, dim1=-2, dim2=-1).argmax(dim=-1)
    index = best[..., None, None].expand(*best.shape, 1, 4)
    chosen = normalize(torch.gather(candidates, -2, index)[..., 0, :])
    return torch.where(chosen[..., 3:] < 0, -chosen, chosen)


def matrix_from_quaternion(quaternion: Tensor) -> Tensor:
    """``(..., 4)`` quaternions x, y, z, w (any length but zero) to ``(..., 3, 3)`` rotation matrices."""
    x, y, z, w = normalize(quaternion).unbind(dim=-1)
    return torch.stack(
        [
            torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], dim=-1),
            torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], dim=-1),
            torch.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], dim=-1),
        ],
        dim=-2,
    )


def slerp(start: Tensor, stop: Tensor, t: Tensor | float) -> Tensor:
    """Turn from one ``(..., 4)`` unit quaternion to another, the shorter way; ``t`` is ``(...)`` or 0-D."""
    fraction = torch.as_tensor(t, dtype=start.dtype, device=start.device)[..., None]
    dot = (start * stop).sum(dim=-1, keepdim=True)
    stop = torch.where(dot < 0, -stop, stop)
    half = torch.atan2(
        torch.linalg.vector_norm(stop - start, dim=-1, keepdim=True),
        torch.linalg.vector_norm(stop + start, dim=-1, keepdim=True),
    )
    angle = 2.0 * half
    near = torch.sin(angle) < 1e-6
    divisor = torch.where(near, torch.ones_like(angle), torch.sin(angle))
    weight_start = torch.where(near, 1.0 - fraction, torch.sin((1.0 - fraction) * angle) / divisor)
    weight_stop = torch.where(near, fraction, torch.sin(fraction * angle) / divisor)
    return normalize(weight_start * start + weight_stop * stop)
