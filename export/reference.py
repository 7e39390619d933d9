"""PyTorch's side of a comparison: what the networks that a bundle was written from say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from clutch_rt.layout import Float32Array, IntArray

from export.agreement import millimetres
from models import generation
from models.lm import Encoded, MotionLM
from models.shift import Shift


class Reference:
    """The networks of a run, asked as the checks of ``export.parity`` ask them.

    Args:
        model, shift: in evaluation mode, on the CPU.
    """

    def __init__(self, model: MotionLM, shift: Shift) -> None:
        self.model = model
        self.shift = shift

    @torch.no_grad()
    def encoded(self, ids: Sequence[int], codes: IntArray | None = None) -> Encoded:
        """A prompt's memory, and that of codes ``(S, K)`` with it; without a plan."""
        batch, mask = generation.pad_prompts([ids])
        return self.model.encode(batch, mask, None if codes is None else torch.from_numpy(codes)[None])

    @torch.no_grad()
    def memory(self, encoded: Encoded) -> Float32Array:
        """Cross-attention keys and values as the contract lays them out: ``(2 N, 1, H, M, D)``."""
        config, parts = self.model.config, []
        blocks: Any = self.model.t5.decoder.block
        for block in blocks:
            attention = block.layer[1].EncDecAttention
            for project in (attention.k, attention.v):
                parts.append(
                    project(encoded.memory).unflatten(-1, (config.heads, config.d_kv)).transpose(1, 2)
                )
        return torch.stack(parts).numpy()

    @torch.no_grad()
    def forced(self, encoded: Encoded, drawn: IntArray) -> list[Float32Array]:
        """Logits of each choice of each step when ``drawn (S, C)`` is: C arrays ``(S, values)``."""
        steps = torch.tensor([len(drawn)])
        return [x[0].numpy() for x in self.model.slot_logits(encoded, torch.from_numpy(drawn)[None], steps)]

    @torch.no_grad()
    def code_gap(self, frames: torch.Tensor, step: int, slot: int, chosen: IntArray) -> float:
        """How much farther than PyTorch's the sum of codes ``chosen (K,)`` is, against the latent's length.

        Args:
            frames: ``(1, T, 2, 99)``.
            step, slot: of the code that differs.
            chosen: the step's codes.
        """
        which, hand = self.shift.slots[slot].branch, self.shift.slots[slot].hand
        plan = self.shift.plans[which]
        branch = self.shift.branch(plan.name)
        rows = self.shift._rows(self.shift.normalise(frames), plan)
        latent = branch.latents(rows)[hand, step]
        mine = self.shift.slots_of(which, hand=hand)
        both = torch.stack([branch.quantizer.nearest(latent[None])[0], torch.from_numpy(chosen[mine])])
        nearest, found = torch.linalg.norm(branch.quantizer.lookup(both) - latent, dim=1).tolist()
        return (found - nearest) / (1.0 + float(latent.norm()))

    @torch.no_grad()
    def distance(self, a: IntArray, b: IntArray) -> float:
        """Mean joint distance of two draws ``(S, C)`` of equal length, both decoded by PyTorch, mm."""
        codes = np.stack([a, b])[..., -self.model.slots :]
        frames = self.shift.decode(torch.from_numpy(codes)).numpy()
        return millimetres(frames[0], frames[1])
