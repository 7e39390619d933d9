"""Fresh tables of codes that begin near each other where SHIFT's codes are."""

from __future__ import annotations

from typing import Any, Final

import torch
from clutch_rt.layout import HANDS
from torch import Tensor

from models.lm import MotionLM
from models.shift import Shift

_SMALLEST: Final = 1e-12  # spread of a book whose codes are all one


@torch.no_grad()
def take_geometry(model: MotionLM, shift: Shift, seed: int) -> None:
    """Let a fresh model of the ``step`` form know which codes are alike.

    Half of the variance of what scores a code becomes a random projection of its vector in SHIFT's codebook;
    the other half stays what it was. So does half of what is read of a hand's levels together, by one
    projection for all: their sum is that of the latent which they stand for, and the coarse have most of it.

    Args:
        model: as it was initialised.
        shift: whose codes the model's grammar has.
        seed: of the projections; not the model's own, whose first numbers are its words'.
    """
    generator = torch.Generator().manual_seed(seed)
    ahead = model.choices - model.slots  # the rhythm is no code
    for branch, plan in enumerate(shift.plans):
        quantizer = shift.branch(plan.name).quantizer
        books = [quantizer.level(i).codebook for i in range(plan.levels)]
        books = [book - book.mean(dim=0) for book in books]
        spread = torch.stack([book.square().mean() for book in books]).clamp_min(_SMALLEST)
        for hand in range(len(HANDS)):
            shape = (books[0].shape[1], model.config.d_model)
            reads, sums, scores = (
                torch.randn(shape, generator=generator) * shape[0] ** -0.5 for _ in range(3)
            )
            for k in shift.slots_of(branch, hand=hand):
                level = shift.slots[k].level
                book = books[level]
                read = book * (plan.levels / spread.sum()).sqrt()
                _mix(model.slot_embedding[k], read @ reads)
                _mix(model.depth_head[ahead + k], book * spread[level].rsqrt() @ scores)
                if ahead + k < len(model.depth_embedding):
                    _mix(model.depth_embedding[ahead + k], read @ sums)


def _mix(layer: Any, other: Tensor) -> None:
    """Add ``other``, in units of the spread of a layer's rows, to these; both lose half of their variance."""
    table: Tensor = layer.weight
    table.copy_((table + other * table.std()) * 0.5**0.5)
