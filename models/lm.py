"""The language model: T5 over text and motion, in two forms chosen by ``config.grammar.form``.

``step`` (the form that ships) gives the decoder one position per step of 8 frames: the embeddings of what
was drawn in the previous step summed, with the step's index, the motion's length and the steps that remain.
A small *depth head* then makes the C choices of the step in turn, each seeing the ones before it: the rhythm,
where the grammar has one, and the K codes. The length comes first, from the pooled text. ``flat`` is the
paper's stream: ``<som> t p t p ... <eom>`` over one vocabulary.

A motion that is made from a sentence alone is made under a plan; see ``models.plan``.

Text-to-motion and motion-to-text share everything. A motion given to the encoder follows the prompt, whole to
be told in words, or in part to be completed (``UNKNOWN`` elsewhere, ``step`` form only); captions are decoded
by the same decoder from ``<pad>``, through the text rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from clutch_rt.errors import InputError
from clutch_rt.grammar import UNKNOWN
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.cache_utils import EncoderDecoderCache
from transformers.models.t5.modeling_t5 import T5LayerNorm

from models.files import appearing
from models.flat_stream import flat_ids, flat_inputs, flat_scores
from models.lm_config import LMConfig, read_config
from models.plan import Plan
from models.rhythm import RHYTHMS
from models.t5 import Pretrained, T5Stacks, adopt, initialise

__all__ = ["Encoded", "LMConfig", "MotionLM"]

# Tables must be small beside what they learn in the first hundred steps: 0.5 cost 0.8 nats after 240 steps.
FRESH_TABLE_STD = 0.1
_INPUT_TABLES = (
    "rhythm_embedding",
    "slot_embedding",
    "start",
    "position_embedding",
    "length_embedding",
    "remaining_embedding",
)


@dataclass(frozen=True)
class Encoded:
    """What the decoder attends to.

    Attributes:
        memory: ``(B, M, d_model)`` encoder output.
        mask: ``(B, M)`` bool, true where the memory is real.
        text_mask: ``(B, M)`` bool, true where it comes from text.
    """

    memory: Tensor
    mask: Tensor
    text_mask: Tensor

    def rows(self, index: Tensor) -> Encoded:
        """The same, for the batch rows in ``index``."""
        return Encoded(self.memory[index], self.mask[index], self.text_mask[index])

    def pooled_text(self) -> Tensor:
        """The mean of the memory that comes from text, ``(B, d_model)``."""
        weight = self.text_mask.to(self.memory.dtype).unsqueeze(-1)
        return (self.memory * weight).sum(1) / weight.sum(1).clamp(min=1.0)


class MotionLM(nn.Module):
    """Text and motion in one T5.

    Args:
        config: shape and grammar.
        seed: of the random start.
    """

    def __init__(self, config: LMConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.grammar = config.grammar
        self.slots = config.grammar.slots
        self.t5 = T5Stacks(config.t5(), config.tied_head)
        if config.form == "step":
            self._build_step_form()
        sizes, d = config.plan_sizes, config.d_model
        self.plan = Plan(d, config.heads, sizes, config.layer_norm_epsilon) if sizes else None
        self._initialise(torch.Generator().manual_seed(seed))

    def _build_step_form(self) -> None:
        g, d = self.grammar, self.config.d_model
        hidden = self.config.depth_hidden or 2 * d
        sizes = g.drawn.tolist()
        self.choices = len(sizes)
        self.slot_embedding = nn.ModuleList([nn.Embedding(n, d) for n in g.sizes.tolist()])
        if g.rhythm not in (0, RHYTHMS):
            raise InputError(
                f"the grammar has {g.rhythm} rhythms; this version's models have none, or {RHYTHMS}"
            )
        self.rhythm_embedding = nn.Embedding(g.rhythm, d) if g.rhythm else None
        self.start = nn.Parameter(torch.zeros(d))
        self.position_embedding = nn.Embedding(g.max_steps, d)
        self.length_embedding = nn.Embedding(g.max_steps + 1, d)
        self.remaining_embedding = nn.Embedding(g.max_steps + 1, d)
        self.depth_norm = nn.ModuleList([T5LayerNorm(d, self.config.layer_norm_epsilon) for _ in sizes])
        self.depth_mlp = nn.ModuleList(
            [nn.Sequential(nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, d)) for _ in sizes]
        )
        self.depth_head = nn.ModuleList([nn.Linear(d, n) for n in sizes])
        self.depth_embedding = nn.ModuleList([nn.Embedding(n, d) for n in sizes[:-1]])
        self.length_head = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, g.max_steps))

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        initialise(self.t5, generator)
        for name, p in self.named_parameters():
            if name.startswith("t5.") or "norm" in name:
                continue
            if name.endswith("bias"):
                p.zero_()
            elif "embedding" in name or name == "start":
                p.normal_(std=FRESH_TABLE_STD, generator=generator)
            else:
                p.normal_(std=p.shape[-1] ** -0.5, generator=generator)
        if self.plan is not None:
            self.plan.silence()  # a memory is what it would be without, until it is learnt

    @classmethod
    def from_pretrained(cls, pretrained: Pretrained, config: LMConfig, seed: int = 0) -> MotionLM:
        """A model whose text part is a T5 checkpoint; ``config`` must carry ``pretrained.shape``.

        Motion enters the stacks at the spread that text has there, which the checkpoint's weights expect.
        """
        model = cls(config, seed)
        adopt(model.t5, pretrained)
        spread = float(model.t5.shared.weight.detach()[: config.grammar.text_vocab].std())
        drawn = len(config.grammar.drawn)
        summed = FRESH_TABLE_STD * (drawn + 3) ** 0.5  # what was drawn, index, length, remaining
        with torch.no_grad():
            for name, p in model.named_parameters():
                if name.startswith(_INPUT_TABLES):
                    p.mul_(spread / summed)
        return model

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.t5.shared.weight.device

    # -- encoder

    def encode(
        self, ids: Tensor, ids_mask: Tensor, codes: Tensor | None = None, codes_mask: Tensor | None = None
    ) -> Encoded:
        """Encode prompts, each perhaps followed by a motion.

        Args:
            ids: ``(B, L)`` text ids, padded anywhere.
            ids_mask: ``(B, L)`` true at real ids.
            codes: ``(B, S, K)`` a motion, or None; in the ``step`` form some may be ``UNKNOWN``.
            codes_mask: ``(B, S)`` true at real steps; None means all.
        """
        x, mask = self.t5.shared(ids), ids_mask.bool()
        text = mask
        if codes is not None and codes.shape[1]:
            if codes_mask is None:
                codes_mask = torch.ones(codes.shape[:2], dtype=torch.bool, device=codes.device)
            motion, motion_mask = self._encoder_motion(codes, codes_mask.bool())
            x = torch.cat([x, motion], 1)
            mask = torch.cat([mask, motion_mask], 1)
            text = torch.cat([text, torch.zeros_like(motion_mask)], 1)
            x, mask, text = _close_gaps(x, mask, text)
        memory = self.t5.encoder(inputs_embeds=x, attention_mask=mask.long()).last_hidden_state
        return Encoded(memory, mask, text)

    def _encoder_motion(self, codes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Embed a motion for the encoder: a position per step, or in the flat form K (no markers)."""
        if self.config.form == "step":
            positions = torch.arange(codes.shape[1], device=codes.device)
            return self.embed_known(codes) + self.position_embedding(positions), mask
        return self.t5.shared(flat_ids(self.grammar, codes)), mask.repeat_interleave(self.slots, dim=1)

    def length_logits(self, encoded: Encoded) -> Tensor:
        """Scores of each length, ``(B, max_steps)``; index i means i + 1 steps. ``step`` form only."""
        return self.length_head(encoded.pooled_text())

    @property
    def caption_plan(self) -> Plan | None:
        """The plan that motions are told in words under; None where they are told without."""
        return self.plan if self.config.planned_captions else None

    def with_plan(self, encoded: Encoded, labels: Tensor, planned: Tensor | None = None) -> Encoded:
        """The memory under a plan: see ``models.plan``.

        Args:
            encoded: of prompts.
            labels: ``(B, ACTIONS, fields)``; whatever they are where there is no plan.
            planned: ``(B,)`` true where there is one; None means everywhere.

        Raises:
            ValueError: this model has no plans.
        """
        if self.plan is None:
            raise ValueError("this model makes no plans")
        if planned is None:
            planned = torch.ones_like(labels[:, 0, 0], dtype=torch.bool)
        tokens, common = self.plan(labels.masked_fill(~planned[:, None, None], 0))
        memory = torch.cat([encoded.memory, tokens.to(encoded.memory.dtype)], 1)
        shown = planned.unsqueeze(1).expand(tokens.shape[:2])
        return Encoded(
            memory + (common * planned.unsqueeze(1)).unsqueeze(1),
            torch.cat([encoded.mask, shown], 1),
            torch.cat([encoded.text_mask, torch.zeros_like(shown)], 1),
        )

    # -- decoder

    def decode(
        self,
        x: Tensor,
        encoded: Encoded,
        cache: EncoderDecoderCache | None = None,
        scores: Tensor | None = None,
    ) -> Tensor:
        """Run the decoder over embeddings ``(B, N, d_model)``, after those already in ``cache``.

        ``scores (B, 1, N, N)`` are added to those of self-attention; without them it is causal.
        """
        out = self.t5.decoder(
            inputs_embeds=x,
            attention_mask=scores,
            encoder_hidden_states=encoded.memory,
            encoder_attention_mask=encoded.mask.long(),
            past_key_values=cache,
            use_cache=cache is not None,
        )
        return out.last_hidden_state

    def embed_drawn(self, drawn: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Sum of the embeddings of what was drawn ``(..., C)``: ``(..., d_model)``.

        Where ``hidden (...)`` is true ``start`` stands in for the codes. The rhythm is not hidden: a model
        that has only that to go by learns to go by it.
        """
        codes = drawn[..., self.choices - self.slots :]
        known = torch.stack([table(codes[..., k]) for k, table in enumerate(self.slot_embedding)]).sum(0)
        if hidden is not None:
            known = torch.where(hidden.unsqueeze(-1), self.start, known)
        return known if self.rhythm_embedding is None else known + self.rhythm_embedding(drawn[..., 0])

    def embed_known(self, codes: Tensor) -> Tensor:
        """Sum of the embeddings of codes ``(..., K)``; those that are ``UNKNOWN`` add nothing."""
        known = (codes != UNKNOWN).unsqueeze(-1)
        rows = [table(codes[..., k].clamp(min=0)) for k, table in enumerate(self.slot_embedding)]
        return (torch.stack(rows, dim=-2) * known).sum(dim=-2)

    def place(self, position: Tensor, steps: Tensor) -> Tensor:
        """Embedding of where a step stands: index ``position`` of ``steps`` in all (broadcast together)."""
        remaining = (steps - position).clamp(min=0)
        return (
            self.position_embedding(position)
            + self.length_embedding(steps)
            + self.remaining_embedding(remaining)
        )

    def step_inputs(self, drawn: Tensor, steps: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Teacher-forced decoder inputs of the ``step`` form.

        Args:
            drawn: ``(B, S, C)``, the rhythm, if any, and the codes.
            steps: ``(B,)`` true lengths, at most S.
            hidden: ``(B, S)`` true where the decoder may not see the codes of the step before.

        Returns:
            ``(B, S, d_model)``; position s sees what was drawn in step s - 1.
        """
        batch, length = drawn.shape[:2]
        start = self.start.expand(batch, 1, -1)
        unseen = None if hidden is None else hidden[:, 1:]
        previous = torch.cat([start, self.embed_drawn(drawn[:, :-1], unseen)], 1)
        positions = torch.arange(length, device=drawn.device)
        return previous + self.place(positions.unsqueeze(0), steps.unsqueeze(1))

    def depth(self, choice: int, context: Tensor) -> Tensor:
        """Logits of one choice ``(..., values)`` from its context ``(..., d_model)``."""
        return self.depth_head[choice](context + self.depth_mlp[choice](self.depth_norm[choice](context)))

    def draw_depth(
        self, context: Tensor, pick: Callable[[int, Tensor], Tensor], given: Tensor | None = None
    ) -> Tensor:
        """Make the choices of steps in turn, each seeing the ones before.

        Args:
            context: ``(..., d_model)``.
            pick: which choice, and its logits ``(..., values)``, to what is chosen ``(...)``.
            given: ``(..., K)`` codes that are taken as they are, where they are not ``UNKNOWN``.

        Returns:
            ``(..., C)`` int64.
        """
        chosen: list[Tensor] = []
        for c in range(self.choices):
            value, slot = pick(c, self.depth(c, context)), c - (self.choices - self.slots)
            if given is not None and slot >= 0:
                value = torch.where(given[..., slot] == UNKNOWN, value, given[..., slot])
            chosen.append(value)
            if c + 1 < self.choices:
                context = context + self.depth_embedding[c](value)
        return torch.stack(chosen, -1)

    def _flat_decode(self, encoded: Encoded, codes: Tensor, hidden: Tensor | None) -> Tensor:
        """The decoder over the ``flat`` form's inputs, ``(B, K S + 1, d_model)``."""
        scores = None if hidden is None else flat_scores(hidden, self.slots)
        return self.decode(self.t5.shared(flat_inputs(self.grammar, codes, hidden)), encoded, scores=scores)

    def head(self, hidden: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Logits over rows ``first`` to ``last`` of the output table."""
        if self.config.scale_outputs:
            hidden = hidden * self.config.d_model**-0.5
        return hidden @ self.t5.head_weight[first:last].T

    def slot_logits(
        self, encoded: Encoded, drawn: Tensor, steps: Tensor, hidden: Tensor | None = None
    ) -> list[Tensor]:
        """Teacher-forced logits of each choice of a step, both forms: C of ``(B, S, values)``.

        Arguments as of ``step_inputs``; in the ``flat`` form what is drawn are the codes alone.
        """
        if self.config.form == "step":
            return self.depth_logits(self.contexts(encoded, drawn, steps, hidden), drawn)
        out = self._flat_decode(encoded, drawn, hidden)[:, :-1]
        g = self.grammar
        return [
            self.head(out[:, k :: self.slots], g.base(k), g.base(k) + g.size(k)) for k in range(self.slots)
        ]

    def contexts(
        self, encoded: Encoded, drawn: Tensor, steps: Tensor, hidden: Tensor | None = None
    ) -> Tensor:
        """What the decoder makes of each step's past, before anything is chosen: ``(B, S, d_model)``.

        ``step`` form only; arguments as for ``step_inputs``.
        """
        return self.decode(self.step_inputs(drawn, steps, hidden), encoded)

    def depth_logits(self, context: Tensor, drawn: Tensor) -> list[Tensor]:
        """Teacher-forced logits of each choice, C of ``(B, S, values)``, from the steps' contexts."""
        logits = []
        for c in range(self.choices):
            logits.append(self.depth(c, context))
            if c + 1 < self.choices:
                context = context + self.depth_embedding[c](drawn[..., c])
        return logits

    def flat_logits(self, encoded: Encoded, codes: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Teacher-forced logits over the whole vocabulary, ``(B, K S + 1, vocab)``; ``flat`` form only."""
        return self.head(self._flat_decode(encoded, codes, hidden))

    def text_logits(
        self, encoded: Encoded, inputs: Tensor, cache: EncoderDecoderCache | None = None
    ) -> Tensor:
        """Logits ``(B, N, text_vocab)`` after decoder text ids ``(B, N)``, which begin with pad (0)."""
        hidden = self.decode(self.t5.shared(inputs), encoded, cache)
        return self.head(hidden, 0, self.grammar.text_vocab)

    # -- files

    def save(self, folder: Path | str) -> None:
        """Write ``config.json`` and ``model.safetensors`` into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        with appearing(folder / "model.safetensors") as part:
            save_file(weights, part, {"format": "pt"})
        with appearing(folder / "config.json") as part:
            part.write_text(json.dumps(self.config.to_dict(), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path | str) -> MotionLM:
        """Read what ``save`` wrote, in evaluation mode; InputError where it is missing, damaged or unfit."""
        folder = Path(folder)
        for name in ("config.json", "model.safetensors"):
            if not (folder / name).is_file():
                raise InputError(f"{folder} holds no {name}; give the folder of a trained language model")
        model = cls(read_config(folder / "config.json"))
        try:
            model.load_state_dict(load_file(folder / "model.safetensors"))
        except (SafetensorError, RuntimeError) as e:
            raise InputError(f"the weights in {folder} do not fit its config.json: {e}") from e
        return model.eval()


def _close_gaps(x: Tensor, mask: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Move real positions to the front, in order: padding inside would change T5's relative distances."""
    order = torch.argsort((~mask).long(), dim=1, stable=True)[:, : int(mask.sum(1).max())]
    return (
        x.gather(1, order.unsqueeze(-1).expand(-1, -1, x.shape[-1])),
        mask.gather(1, order),
        text.gather(1, order),
    )
