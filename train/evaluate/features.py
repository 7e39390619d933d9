"""What the judges see of a motion: features per frame, and batches of motions of unequal length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from clutch_rt.hand import neutral_hands, two_hand_joints
from clutch_rt.layout import FRAMES_PER_STEP, ROTATION, Float32Array, FloatArray
from clutch_rt.rotations import matrix_from_6d, sixd_from_matrix
from torch import Tensor

_TIPS: Final = slice(16, 21)
_PER_HAND: Final = 3 + 3 + 6 + 15 + 15
SIZE: Final = 2 * _PER_HAND


def joints_of(frames: FloatArray) -> FloatArray:
    """Joint positions of a motion by the neutral hands: ``(T, 2, 99)`` -> ``(T, 2, 21, 3)`` metres."""
    return np.asarray(two_hand_joints(np.asarray(frames, np.float32), neutral_hands()))


def features(frames: Float32Array, joints: FloatArray | None = None) -> Float32Array:
    """Features of a motion ``(T, 2, 99)`` -> ``(T, 84)`` float32; ``joints`` are ``joints_of`` it, if known.

    Per hand: wrist place (m), wrist velocity (m per frame), wrist rotation (6D, orthonormal), fingertips in
    the wrist's own frame (m), and their velocity (m per frame).
    """
    joints = joints_of(frames) if joints is None else joints
    rotation = matrix_from_6d(frames[..., ROTATION])
    wrist = joints[:, :, 0]
    tips = np.einsum("thji,thkj->thki", rotation, joints[:, :, _TIPS] - wrist[:, :, None])
    tips = tips.reshape(len(frames), 2, -1)
    parts = (wrist, _velocity(wrist), sixd_from_matrix(rotation), tips, _velocity(tips))
    return np.concatenate(parts, axis=-1).reshape(len(frames), SIZE).astype(np.float32)


def _velocity(values: FloatArray) -> FloatArray:
    return np.diff(values, axis=0, prepend=values[:1])


@dataclass(frozen=True)
class MotionBatch:
    """Motions of unequal length: ``values (B, T, 84)``, zeros behind the end; ``steps (B,)`` of 8 frames."""

    values: Tensor
    steps: Tensor


@dataclass(frozen=True)
class Normaliser:
    """Mean and deviation of every feature over the train split, ``(84,)`` each."""

    mean: Float32Array
    deviation: Float32Array

    @staticmethod
    def fit(motions: Sequence[Float32Array]) -> Normaliser:
        """From feature arrays ``(T, 84)``."""
        rows = np.concatenate(list(motions))
        deviation = rows.std(0)
        return Normaliser(rows.mean(0), np.maximum(deviation, 0.05 * deviation.mean()))

    def batch(self, motions: Sequence[Float32Array], device: torch.device) -> MotionBatch:
        """Normalise and pad to the longest, in whole steps (the last frame held to fill one)."""
        steps = [-(-len(m) // FRAMES_PER_STEP) for m in motions]
        out = np.zeros((len(motions), max(steps) * FRAMES_PER_STEP, SIZE), np.float32)
        for row, (motion, count) in enumerate(zip(motions, steps, strict=True)):
            frames = count * FRAMES_PER_STEP
            out[row, : len(motion)] = (motion - self.mean) / self.deviation
            out[row, len(motion) : frames] = out[row, len(motion) - 1]
        return MotionBatch(torch.from_numpy(out).to(device), torch.as_tensor(steps, device=device))
