"""What the language model is trained towards: cross-entropies of codes, lengths and text."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from clutch_rt.layout import SLOT_CODEBOOK
from torch import Tensor, nn
from torch.nn import functional as F

from models.lm import N_SLOTS, Encoded, MotionLM
from train.examples import IGNORE, LMBatch, MotionRows, Rows, TextRows


class LMObjective(nn.Module):
    """A language model and the weights of its losses; called with a batch it gives the numbers of each.

    Args:
        lm: the model.
        length_weight: of the length's cross-entropy (``step`` form).
        text_weight: of the text's.
    """

    def __init__(self, lm: MotionLM, length_weight: float, text_weight: float) -> None:
        super().__init__()
        self.lm = lm
        self.length_weight = length_weight
        self.text_weight = text_weight

    def forward(self, batch: LMBatch) -> dict[str, Tensor]:
        """Losses by name, nats per slot, motion or piece; ``total`` is the one to minimise."""
        losses: dict[str, Tensor] = {}
        if batch.motion is not None:
            losses.update(motion_losses(self.lm, batch.motion))
        if batch.text is not None:
            losses["text"] = text_loss(self.lm, batch.text)
        return {**losses, "total": self.total(losses)}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """The weighted sum of whatever a batch held."""
        weights = {"motion": 1.0, "length": self.length_weight, "text": self.text_weight}
        return torch.stack([weights[k] * v for k, v in losses.items() if k in weights]).sum()


def encode_rows(lm: MotionLM, rows: Rows) -> Encoded:
    """The encoder over a batch."""
    return lm.encode(rows.ids, rows.mask, rows.given, rows.given_mask)


def real_steps(rows: MotionRows) -> Tensor:
    """``(B, S)`` true where a step is not padding."""
    positions = torch.arange(rows.codes.shape[1], device=rows.codes.device)
    return positions < rows.steps.unsqueeze(1)


def motion_losses(lm: MotionLM, rows: MotionRows) -> dict[str, Tensor]:
    """Cross-entropy of the codes (mean over real slots), per codebook, and of the length."""
    encoded = encode_rows(lm, rows)
    if lm.config.form == "flat":
        return {"motion": _flat_loss(lm, encoded, rows)}
    losses = slot_losses(lm.slot_logits(encoded, rows.codes, rows.steps, rows.hidden), rows)
    return {**losses, "length": F.cross_entropy(lm.length_logits(encoded), rows.steps - 1)}


def slot_losses(logits: list[Tensor], rows: MotionRows) -> dict[str, Tensor]:
    """Mean cross-entropy over slots, and over those of each codebook."""
    real = real_steps(rows)
    each = [F.cross_entropy(logits[k][real], rows.codes[..., k][real]) for k in range(N_SLOTS)]
    losses = {"motion": torch.stack(each).mean()}
    for name in sorted(set(SLOT_CODEBOOK)):
        part = [each[k] for k in range(N_SLOTS) if SLOT_CODEBOOK[k] == name]
        losses[name] = torch.stack(part).mean()
    return losses


def _flat_loss(lm: MotionLM, encoded: Encoded, rows: MotionRows) -> Tensor:
    """Cross-entropy over the whole vocabulary of the paper's stream, ``<eom>`` included."""
    logits = lm.flat_logits(encoded, rows.codes, rows.hidden)
    targets = F.pad(lm.flat_ids(rows.codes), (0, 1), value=IGNORE)
    positions = torch.arange(targets.shape[1], device=targets.device)
    ends = (N_SLOTS * rows.steps).unsqueeze(1)
    targets = torch.where(positions == ends, lm.grammar.eom, targets)
    targets = torch.where(positions > ends, IGNORE, targets)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)


def text_loss(lm: MotionLM, rows: TextRows) -> Tensor:
    """Cross-entropy of the answer's pieces."""
    logits = lm.text_logits(encode_rows(lm, rows), rows.inputs)
    return F.cross_entropy(logits.flatten(0, 1), rows.targets.flatten(), ignore_index=IGNORE)


@torch.no_grad()
def validation_losses(objective: LMObjective, batches: Iterable[LMBatch]) -> dict[str, float]:
    """Mean of each loss over batches, the model in evaluation mode."""
    device = objective.lm.device
    sums: dict[str, list[float]] = {}
    for batch in batches:
        for name, value in objective(batch.to(device)).items():
            if name != "total":
                sums.setdefault(name, []).append(float(value))
    return {name: sum(values) / len(values) for name, values in sums.items()}
