"""A corpus as the codes of a VQ-VAE with one code per step, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array, IntArray
from torch import Tensor

from models.shift import Shift
from train.baselines.data import Batch, Batches, TextMotions
from train.baselines.gpt import CodeBatch
from train.windows import whole_steps


@torch.no_grad()
def encode(tokenizer: Shift, motion: Tensor, limit: int) -> IntArray:
    """A motion ``(T, 2, 99)`` to codes ``(S,)``, at most ``limit``; alone, so that no padding is seen."""
    frames = whole_steps(motion)[None].to(tokenizer.mean.device)
    found: IntArray = tokenizer.encode(frames)[0, :limit, 0].cpu().numpy()
    return found


@torch.no_grad()
def decode(tokenizer: Shift, motions: Sequence[IntArray], batch_size: int) -> list[Float32Array]:
    """Codes ``(S_i,)`` to motions ``(8 S_i, 2, 99)``; the decoder is causal, so padding changes nothing."""
    out: list[Float32Array] = []
    for first in range(0, len(motions), batch_size):
        part = motions[first : first + batch_size]
        padded = torch.from_numpy(_padded(part)).unsqueeze(-1).to(tokenizer.mean.device)
        frames = tokenizer.decode(padded).cpu().numpy()
        out += [frames[row, : len(motion) * FRAMES_PER_STEP] for row, motion in enumerate(part)]
    return out


def _padded(motions: Sequence[IntArray]) -> IntArray:
    """``(B, S)``, zeros behind each end."""
    out = np.zeros((len(motions), max(map(len, motions))), np.int64)
    for row, motion in enumerate(motions):
        out[row, : len(motion)] = motion
    return out


class Coded:
    """The motions of a corpus as codes, all encoded at the start."""

    def __init__(self, tokenizer: Shift, data: TextMotions, limit: int) -> None:
        self._codes = [encode(tokenizer, data.motions[clip], limit) for clip in range(len(data))]

    def batch(self, batch: Batch) -> CodeBatch:
        """A batch of motions as codes."""
        found = [self._codes[clip] for clip in batch.clips.tolist()]
        steps = torch.as_tensor([len(codes) for codes in found])
        return CodeBatch(torch.from_numpy(_padded(found)), steps, batch.ids, batch.ids_mask)


class CodeBatches:
    """``(step, rank, world)`` to a process's share of the codes of a step."""

    def __init__(self, batches: Batches, coded: Coded) -> None:
        self._batches, self._coded = batches, coded

    def __call__(self, step: int, rank: int, world: int) -> CodeBatch:
        return self._coded.batch(self._batches(step, rank, world))
