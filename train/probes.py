"""What must be told besides the codes and the captions, by the reading of the sentence or of the motion.

A decoder that is fed with the truth can do nearly without its prompt, and then nothing teaches the encoder.
Probes do: small heads on the encoder's memory, which are training's alone and no part of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from clutch_rt.errors import InputError
from clutch_rt.layout import SLOTS
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from models.files import appearing
from models.lm import Encoded, MotionLM
from models.plan import LabelReader, Plan, Reader
from train.examples import MotionRows, TextRows, real_steps, told_rows

QUARTERS: Final = 4


class Probes(nn.Module):
    """All probes, each with the weight of its loss; a weight of 0 leaves one out.

    A caption leaves out some of what its clip is labelled with, so the labels' loss has a floor.

    Args:
        lm: the model whose memory is read; its sizes and grammar are all that is kept of it.
        bag_weight: of ``BagOfCodes``.
        label_weight: of the labels, which the model's plan reads, or where it has none a ``LabelReader``.
        label_sizes: numbers of each label, as ``LabelVocabulary.sizes``.
    """

    def __init__(
        self,
        lm: MotionLM,
        bag_weight: float,
        label_weight: float = 0.0,
        label_sizes: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.weights = {"bag": bag_weight, "labels": label_weight, "seen": label_weight}
        self.bag = BagOfCodes(lm) if bag_weight else None
        self.labels = _reader(lm, label_sizes) if label_weight and lm.plan is None else None
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for p in self.parameters():
                p.zero_() if p.ndim < 2 else p.normal_(std=p.shape[-1] ** -0.5, generator=generator)

    def forward(
        self,
        encoded: Encoded,
        rows: MotionRows,
        plan: Plan | None = None,
    ) -> dict[str, Tensor]:
        """Losses by name, over the rows whose prompt tells the whole motion.

        ``encoded`` is without a plan; the model's own ``plan``, where it has one, reads the labels. A loss
        over no rows is 0; the logged means count such a 0 too, in batches of instructions that hold no told
        motion.
        """
        told = told_rows(rows)
        memory, mask = encoded.memory[told], encoded.text_mask[told]
        losses = {}
        if self.bag is not None:
            losses["bag"] = self.bag(memory, mask, rows.codes[told], real_steps(rows)[told])
        reader = self._label_reader(plan)
        if reader is not None:
            losses["labels"] = label_loss(reader.scores(memory, mask), rows.labels[told])
        return losses

    def of_motion(self, encoded: Encoded, rows: TextRows, plan: Plan | None = None) -> dict[str, Tensor]:
        """Losses by name, over the rows whose motion is seen whole: its labels, as a sentence's are told.

        What a caption must say, the verb above all, is little of its cross-entropy.
        """
        told, reader = told_rows(rows), self._label_reader(plan)
        if reader is None:
            return {}
        return {
            "seen": label_loss(reader.scores(encoded.memory[told], encoded.mask[told]), rows.labels[told])
        }

    def _label_reader(self, plan: Plan | None) -> LabelReader | None:
        """Who reads the labels, if anyone: the model's own plan, or the probe."""
        if not self.weights["labels"]:
            return None
        return self.labels if plan is None else plan.reader

    def save(self, path: Path) -> None:
        """Write the weights, for the next stage."""
        weights = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        with appearing(path) as part:
            save_file(weights, part)

    def load(self, path: Path) -> None:
        """Read what ``save`` wrote; where that is missing they start afresh.

        Raises:
            InputError: the file is damaged, or of other probes.
        """
        if not path.exists():
            print(f"{path} is missing; the probes of the sentence start afresh", flush=True)
            return
        try:
            self.load_state_dict(load_file(path))
        except (SafetensorError, RuntimeError, OSError) as e:
            reason = str(e).splitlines()[0]
            raise InputError(
                f"{path} does not fit this run ({reason}); delete it, and the probes start afresh"
            ) from e


def _reader(lm: MotionLM, sizes: Sequence[int]) -> LabelReader:
    return LabelReader(lm.config.d_model, lm.config.heads, sizes)


class BagOfCodes(nn.Module):
    """Predicts which codes each quarter of a motion holds, in whatever order; of the coarsest level only.

    The bag-of-words loss of Zhao et al., "Learning Discourse-level Diversity for Neural Dialog Models", ACL
    2017, over codes. It needs no labels. Measured after 400 steps: the text gain is .58 nats with one bag for
    the whole motion and .34 without, the codes' own cross-entropy 2.36 and 2.41. A bag for each quarter also
    teaches order: on the encoder alone after 200 steps, the verbs of two actions are read right in .58 and
    .58 (one bag: .47, .49), their hands in .86 and .92 (.74, .78).
    """

    def __init__(self, lm: MotionLM) -> None:
        super().__init__()
        d = lm.config.d_model
        self.read = Reader(d, lm.config.heads, QUARTERS)
        self.heads = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, lm.grammar.size(k)))
                for k in range(len(SLOTS))
            ]
        )

    def forward(self, memory: Tensor, mask: Tensor, codes: Tensor, real: Tensor) -> Tensor:
        """Mean cross-entropy of a motion's codes, those of a quarter told the same, over slots and motions.

        Args:
            memory: ``(B, L, d_model)``.
            mask: ``(B, L)`` true at words.
            codes: ``(B, S, K)``.
            real: ``(B, S)`` true where a step is not padding.
        """
        read, steps = self.read(memory, mask), real.sum(1, keepdim=True)
        positions = torch.arange(codes.shape[1], device=codes.device)
        quarters = (positions * QUARTERS // steps).clamp(max=QUARTERS - 1)
        share = real / steps
        each = []
        for k, head in enumerate(self.heads):
            scores = F.log_softmax(head(read), dim=-1)
            said = scores.gather(1, quarters.unsqueeze(-1).expand(-1, -1, scores.shape[-1]))
            each.append(-(said.gather(2, codes[..., k : k + 1]).squeeze(-1) * share).sum())
        return torch.stack(each).mean() / max(len(memory), 1)


def label_loss(scores: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy of labels ``(B, ACTIONS, fields)`` under a reader's scores, summed over the fields."""
    each = [
        F.cross_entropy(x.flatten(0, 1), labels[..., k].flatten(), reduction="sum")
        for k, x in enumerate(scores)
    ]
    return torch.stack(each).sum() / max(labels[..., 0].numel(), 1)
