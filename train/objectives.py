"""What the language model is trained towards: cross-entropies of codes, lengths and text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from clutch_rt.grammar import UNKNOWN
from torch import Tensor
from torch.nn import functional as F

from models.flat_stream import flat_ids
from models.lm import Encoded, MotionLM
from models.quantizer import sum_over_processes
from models.rhythm import following
from train.examples import IGNORE, LMBatch, MotionRows, Rows, TextRows, real_steps, told_rows
from train.probes import Probes
from train.whole import StepModel


class LMObjective(StepModel):
    """A language model and the weights of its losses; called with a batch it gives the numbers of each.

    Args:
        lm: the model.
        length_weight: of the length's cross-entropy (``step`` form).
        text_weight: of the text's.
        rhythm_weight: of the rhythm's, where the model draws one.
        probes: what the sentence alone must tell; None leaves that out.
        own_share: of the motions, in training, how many have some of the model's own codes for a past.
    """

    def __init__(
        self,
        lm: MotionLM,
        length_weight: float,
        text_weight: float,
        rhythm_weight: float,
        probes: Probes | None = None,
        own_share: float = 0.0,
    ) -> None:
        super().__init__()
        self.lm = lm
        self.probes = probes
        self.own_share = own_share
        self._whole: Tensor | None = None
        self.weights = {
            "motion": 1.0,
            "length": length_weight,
            "text": text_weight,
            "rhythm": rhythm_weight,
        }
        if probes is not None:
            self.weights |= probes.weights

    def forward(self, batch: LMBatch) -> dict[str, Tensor]:
        """Losses by name, nats per slot, motion or piece; ``total`` is the one to minimise."""
        losses: dict[str, Tensor] = {}
        if batch.motion is not None:
            losses.update(self._motion(batch.motion))
        if batch.text is not None:
            losses.update(self._text(batch.text))
        return {**losses, "total": self.total(losses, self.shares(batch))}

    def _motion(self, rows: MotionRows) -> dict[str, Tensor]:
        """Losses of the rows answered by motion, those of the probes included."""
        read = encode_rows(self.lm, rows)
        encoded = under_plan(self.lm, read, rows)
        past = None
        if self.lm.config.form == "step" and self.training:
            past = own_past(self.lm, encoded, rows, self.own_share)
        losses = motion_predictions(self.lm, encoded, rows, past)[1]
        return losses if self.probes is None else losses | self.probes(read, rows, self.lm.plan)

    def _text(self, rows: TextRows) -> dict[str, Tensor]:
        """Losses of the rows answered by text."""
        read = encode_rows(self.lm, rows)
        losses = {"text": text_loss(self.lm, seen_under_plan(self.lm, read, rows), rows)}
        return losses if self.probes is None else losses | self.probes.of_motion(read, rows, self.lm.plan)

    def total(self, losses: dict[str, Tensor], shares: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum of whatever a batch held; ``shares`` are those of the batch."""
        weighted = [
            self.weights[k] * (v * shares.get(k, 1.0)) for k, v in losses.items() if k in self.weights
        ]
        return torch.stack(weighted).sum()

    def begin(self, parts: Sequence[Any]) -> None:
        """Count what a step's LMBatches hold, in every process."""
        counts = torch.stack([_counts(self.lm, part) for part in parts]).sum(0)
        self._whole = sum_over_processes(torch.cat([counts, counts.new_full((1,), float(len(parts)))]))

    def shares(self, batch: LMBatch) -> dict[str, Tensor]:
        """What a part's losses count, so that the mean over a step's parts is the mean over the whole batch.

        They hold as many rows each, but not as many steps, motions or pieces. A batch that no ``begin`` made
        part of a step is a whole one. In evaluation mode there are no shares, for one process judges alone.
        """
        if not self.training or self._whole is None:
            return {}
        whole, parts = self._whole[:-1], self._whole[-1]
        share = _counts(self.lm, batch) * parts / whole.clamp(min=1.0)
        steps, codes, motions, told, pieces, seen = share.unbind()
        return {
            "motion": codes,
            "length": motions,
            "bag": told,
            "labels": told,
            "rhythm": steps,
            "text": pieces,
            "seen": seen,
            "rebuilt": steps,
        }

    def flops(self, part: Any) -> float:
        """Of an LMBatch; tables, heads, attention's own products and the drawing of pasts are left out."""
        read, told = self._weights
        return sum(
            6.0 * (read * _positions_read(rows) + told * _positions_told(self.lm, rows))
            for rows in (part.motion, part.text)
            if rows is not None
        )

    @cached_property
    def _weights(self) -> tuple[int, int]:
        """Numbers in the layers of the encoder, and in those of the decoder."""
        named = [(name, p.numel()) for name, p in self.lm.named_parameters() if p.ndim > 1]
        told = ("decoder.block", "depth_mlp")
        return (
            sum(n for name, n in named if "encoder.block" in name),
            sum(n for name, n in named if any(part in name for part in told)),
        )


def _positions_read(rows: Rows) -> int:
    """Positions of the encoder, padding included."""
    return rows.ids.numel() + (0 if rows.given_mask is None else rows.given_mask.numel())


def _positions_told(lm: MotionLM, rows: MotionRows | TextRows) -> int:
    """Positions of the decoder, padding included."""
    if isinstance(rows, TextRows):
        return rows.inputs.numel()
    return rows.codes.numel() if lm.config.form == "flat" else rows.steps.numel() * rows.codes.shape[1]


def _counts(lm: MotionLM, batch: LMBatch) -> Tensor:
    """What the means of a batch run over: steps, codes, motions, motions told, pieces, motions seen whole.

    ``(6,)``; the flat form's ``<eom>`` counts as a code.
    """
    counts = torch.zeros(6, device=lm.device)
    if batch.motion is not None:
        steps, motions = batch.motion.steps.sum(), len(batch.motion.steps)
        endings = motions if lm.config.form == "flat" else 0
        codes = (code_targets(batch.motion) != IGNORE).sum()
        counts[0], counts[1], counts[2] = steps, codes + endings, motions
        counts[3] = told_rows(batch.motion).sum()
    if batch.text is not None:
        counts[4] = (batch.text.targets != IGNORE).sum()
        counts[5] = told_rows(batch.text).sum()
    return counts


def encode_rows(lm: MotionLM, rows: Rows) -> Encoded:
    """The encoder over a batch."""
    return lm.encode(rows.ids, rows.mask, rows.given, rows.given_mask)


def under_plan(lm: MotionLM, encoded: Encoded, rows: MotionRows) -> Encoded:
    """The memory as the decoder has it: under the clips' labels, where these are told and nothing is given.

    What is given of a motion to complete says more than a plan, and may speak against it.
    """
    if lm.plan is None:
        return encoded
    planned = told_rows(rows) if rows.given_mask is None else told_rows(rows) & ~rows.given_mask.any(1)
    return lm.with_plan(encoded, rows.labels, planned)


def seen_under_plan(lm: MotionLM, encoded: Encoded, rows: TextRows) -> Encoded:
    """The memory of motions as captions are told from it: under the clips' labels, where these are told."""
    if lm.caption_plan is None:
        return encoded
    return lm.with_plan(encoded, rows.labels, told_rows(rows))


def motion_losses(lm: MotionLM, rows: MotionRows) -> dict[str, Tensor]:
    """Cross-entropy of the codes (mean over real slots), per codebook, and of the length."""
    return motion_predictions(lm, under_plan(lm, encode_rows(lm, rows), rows), rows)[1]


def motion_predictions(
    lm: MotionLM, encoded: Encoded, rows: MotionRows, past: Tensor | None = None
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Logits of each slot, K of ``(B, S, K_slot)``, and ``motion_losses``, the ending's included.

    ``past (B, S, C)`` is what the decoder sees drawn before each step, where that is not the truth; ``step``
    form only.
    """
    if lm.config.form == "flat":
        stream = lm.flat_logits(encoded, rows.codes, rows.hidden)
        return _slots(lm, stream), {"motion": _flat_loss(lm, stream, rows)}
    true = true_choices(lm, rows)
    contexts = lm.contexts(encoded, true if past is None else past, rows.steps, rows.hidden)
    choices = lm.depth_logits(contexts, true)
    logits = choices[-lm.slots :]
    length = F.cross_entropy(lm.length_logits(encoded), rows.steps - 1)
    losses = {**slot_losses(lm, logits, rows), "length": length}
    if lm.grammar.rhythm:
        losses["rhythm"] = rhythm_loss(choices[0], rows.rhythm)
    return logits, losses


def true_choices(lm: MotionLM, rows: MotionRows) -> Tensor:
    """What the model should draw, ``(B, S, C)``; a rhythm that is not known stands as none."""
    if not lm.grammar.rhythm:
        return rows.codes
    return torch.cat([rows.rhythm.clamp(min=0).unsqueeze(-1), rows.codes], -1)


def rhythm_loss(logits: Tensor, rhythm: Tensor) -> Tensor:
    """Mean cross-entropy of ``rhythm (B, S)`` over the steps where it is known, 0 where there are none."""
    told = F.cross_entropy(logits.flatten(0, 1), rhythm.flatten(), ignore_index=IGNORE, reduction="sum")
    return told / (rhythm != IGNORE).sum().clamp(min=1)


@torch.no_grad()
def own_past(lm: MotionLM, encoded: Encoded, rows: MotionRows, share: float) -> Tensor:
    """What the decoder sees drawn, ``(B, S, C)``; in about ``share`` of the rows some is the model's own.

    A decoder that has only seen true pasts goes on from its own slips as if they were meant: a cycle drawn
    too long moves all those that follow. From a past of its own it learns that the step's place and the plan
    say where the motion should be. All steps are drawn at once, each from the true past but slot by slot, and
    the part of a row that is taken is drawn too, up to the whole: parallel scheduled sampling (Duckworth et
    al., 2019). What is given stays. ``step`` form only.
    """
    whole = true_choices(lm, rows)
    chosen = (torch.rand(len(whole), device=whole.device) < share).nonzero().squeeze(-1)
    if not len(chosen):
        return whole
    true, hidden = whole[chosen], None if rows.hidden is None else rows.hidden[chosen]
    follows = torch.from_numpy(following()).to(true.device) if lm.grammar.rhythm else None
    known = rows.codes[chosen].masked_fill(code_targets(rows)[chosen] != IGNORE, UNKNOWN)

    def pick(choice: int, logits: Tensor) -> Tensor:
        scores = logits.float()
        drawn = (scores - torch.empty_like(scores).exponential_().log()).argmax(-1)
        return drawn if choice or follows is None else _between(drawn, true[..., 0], follows)

    own = lm.draw_depth(lm.contexts(encoded.rows(chosen), true, rows.steps[chosen], hidden), pick, known)
    rate = torch.rand(len(chosen), 1, device=true.device)
    taken = (torch.rand(true.shape[:2], device=true.device) < rate).unsqueeze(-1)
    whole = whole.clone()
    whole[chosen] = torch.where(taken, own, true)
    return whole


def _between(drawn: Tensor, true: Tensor, follows: Tensor) -> Tensor:
    """Rhythms ``(B, S)`` that were drawn, where they may stand between the true ones; elsewhere the true.

    What may not follow is never drawn when a motion is made, and so no slip that the truth contradicts.
    """
    before, after = F.pad(true[:, :-1], (1, 0)), torch.cat([true[:, 1:], drawn[:, -1:]], 1)
    return torch.where(follows[before, drawn] & follows[drawn, after], drawn, true)


def _slots(lm: MotionLM, stream: Tensor) -> list[Tensor]:
    """The codes' part of ``flat_logits``, slot by slot."""
    g = lm.grammar
    return [stream[:, k : -1 : g.slots, g.base(k) : g.base(k) + g.size(k)] for k in range(g.slots)]


def slot_losses(lm: MotionLM, logits: list[Tensor], rows: MotionRows) -> dict[str, Tensor]:
    """Mean cross-entropy over all codes, and over those of each codebook; what was given does not count."""
    targets = code_targets(rows).unbind(-1)
    sums = torch.stack(
        [
            F.cross_entropy(x.flatten(0, 1), t.flatten(), ignore_index=IGNORE, reduction="sum")
            for x, t in zip(logits, targets, strict=True)
        ]
    )
    counts = torch.stack([(t != IGNORE).sum() for t in targets])
    losses = {"motion": sums.sum() / counts.sum().clamp(min=1)}
    books = [name.partition("_")[2] for name in lm.grammar.slot_names]
    for book in dict.fromkeys(books):
        part = [k for k, name in enumerate(books) if name == book]
        losses[book] = sums[part].sum() / counts[part].sum().clamp(min=1)
    return losses


def code_targets(rows: MotionRows) -> Tensor:
    """The codes to be told, ``(B, S, K)``; ``IGNORE`` where they are padding, or given."""
    targets = rows.codes.masked_fill(~real_steps(rows).unsqueeze(-1), IGNORE)
    if rows.given is None or rows.given_mask is None:
        return targets
    width = min(rows.given.shape[1], targets.shape[1])
    known = (rows.given != UNKNOWN) & rows.given_mask.unsqueeze(-1)
    targets[:, :width].masked_fill_(known[:, :width], IGNORE)
    return targets


def _flat_loss(lm: MotionLM, logits: Tensor, rows: MotionRows) -> Tensor:
    """Cross-entropy over the whole vocabulary of the paper's stream, ``<eom>`` included."""
    targets = F.pad(flat_ids(lm.grammar, rows.codes), (0, 1), value=IGNORE)
    positions = torch.arange(targets.shape[1], device=targets.device)
    ends = (lm.slots * rows.steps).unsqueeze(1)
    targets = torch.where(positions == ends, lm.grammar.eom, targets)
    targets = torch.where(positions > ends, IGNORE, targets)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)


def text_loss(lm: MotionLM, encoded: Encoded, rows: TextRows) -> Tensor:
    """Cross-entropy of the answer's pieces."""
    logits = lm.text_logits(encoded, rows.inputs)
    return F.cross_entropy(logits.flatten(0, 1), rows.targets.flatten(), ignore_index=IGNORE)


def text_measures(lm: MotionLM, rows: MotionRows, motion: Tensor) -> dict[str, Tensor]:
    """How much the codes' cross-entropy ``motion`` of these rows hangs on their sentences.

    ``motion_shuffled`` is what it becomes when each motion has the sentence of the row before, and
    ``text_gain`` the difference: 0 where the encoder says the same of every sentence. A plan and a rhythm
    come with the sentence, the clip's own or the other's, as if they had been read from it: whether they are
    is for their own losses to say. ``motion_blind`` has the right sentence, and of the past the rhythm alone.
    A batch of one has no other sentence, and gives the last only.
    """
    hidden = torch.ones_like(rows.codes[..., 0], dtype=torch.bool)
    measures = {"motion_blind": motion_losses(lm, replace(rows, hidden=hidden))["motion"]}
    if len(rows.ids) > 1:
        told = {name: getattr(rows, name).roll(1, 0) for name in ("ids", "mask", "labels", "rhythm")}
        other = replace(rows, **told)
        shuffled = motion_losses(lm, other)["motion"]
        measures |= {"motion_shuffled": shuffled, "text_gain": shuffled - motion}
    return measures


@torch.no_grad()
def validation_losses(objective: LMObjective, batches: Iterable[LMBatch]) -> dict[str, float]:
    """Mean of each loss, and of ``text_measures``, over batches; the model in evaluation mode."""
    sums: dict[str, list[float]] = {}
    for here in batches:
        batch = here.to(objective.lm.device)
        losses = objective(batch)
        if batch.motion is not None:
            losses |= text_measures(objective.lm, batch.motion, losses["motion"])
        for name, value in losses.items():
            if name != "total":
                sums.setdefault(name, []).append(float(value))
    return {name: sum(values) / len(values) for name, values in sums.items()}
