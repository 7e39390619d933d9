"""Fresh tables of codes that begin near each other where SHIFT's codes are."""

from __future__ import annotations

from typing import Any

import torch
from clutch_rt.layout import HANDS
from torch import Tensor

from models.lm import MotionLM
from models.shift import Shift


@torch.no_grad()
def take_geometry(model: MotionLM, shift: Shift, seed: int = 0) -> None:
    """Let a fresh model of the ``step`` form know which codes are alike.

    Half of the variance of what is read of a code, and of what scores it, becomes a random projection of its
    vector in SHIFT's codebook; the other half stays what it was. What is read of a hand's levels is of one
    projection: their sum is that of the latent which they stand for.

    Args:
        model: as it was initialised.
        shift: whose codes the model's grammar has.
        seed: of the projections.
    """
    generator = torch.Generator().manual_seed(seed)
    ahead = model.choices - model.slots  # the rhythm is no code
    for branch, plan in enumerate(shift.plans):
        quantizer = shift.branch(plan.name).quantizer
        books = [quantizer.level(i).codebook for i in range(plan.levels)]
        books = [book - book.mean(dim=0) for book in books]
        spread = torch.stack([book.square().mean() for book in books])
        for hand in range(len(HANDS)):
            shape = (books[0].shape[1], model.config.d_model)
            reads, sums, scores = (
                torch.randn(shape, generator=generator) * shape[0] ** -0.5 for _ in range(3)
            )
            for k, slot in enumerate(shift.slots):
                if (slot.branch, slot.hand) != (branch, hand):
                    continue
                book = books[slot.level]
                read = book * (plan.levels / spread.sum()).sqrt()
                _mix(model.slot_embedding[k], read @ reads)
                _mix(model.depth_head[ahead + k], book * spread[slot.level].rsqrt() @ scores)
                if ahead + k < len(model.depth_embedding):
                    _mix(model.depth_embedding[ahead + k], read @ sums)


def _mix(layer: Any, other: Tensor) -> None:
    """Half of the variance of a layer's rows from themselves, half from ``other``, whose own is about 1."""
    table: Tensor = layer.weight
    table.copy_((table + other * table.std()) * 0.5**0.5)
