"""The T2M-GPT-style baseline: a decoder-only transformer over the codes of a VQ-VAE.

Zhang et al., "T2M-GPT: generating human motion from textual descriptions with discrete representations"
(CVPR 2023): the sentence's vector goes first, then one code per step, then an end token; in training a part
of the codes it sees is replaced by others, for in sampling it sees its own mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from clutch_rt import noise
from clutch_rt.errors import InputError
from clutch_rt.layout import IntArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2Model
from transformers.cache_utils import DynamicCache

from models.generation import choose
from train.baselines.config import GPTConfig, TextConfig
from train.baselines.text import TextEncoder

_IGNORED = -100
_FORBID = -1e9


@dataclass(frozen=True)
class CodeBatch:
    """Motions as codes, with a sentence each.

    Attributes:
        codes: ``(B, S)`` int64, zeros behind the end.
        steps: ``(B,)`` int64, how many are real.
        ids: ``(B, L)`` int64.
        ids_mask: ``(B, L)`` bool.
    """

    codes: Tensor
    steps: Tensor
    ids: Tensor
    ids_mask: Tensor

    def to(self, device: torch.device | str) -> CodeBatch:
        """The same on a device."""
        return replace(self, **{name: value.to(device) for name, value in vars(self).items()})


class MotionGPT(nn.Module):
    """Codes after a sentence.

    Args:
        pieces: rows of the text embedding.
        codes: K, entries of the codebook; row K of the output is the end of the motion.
        config: size.
        text: size of the text encoder.
    """

    def __init__(self, pieces: int, codes: int, config: GPTConfig, text: TextConfig) -> None:
        super().__init__()
        self.end, self.max_steps = codes, config.max_steps
        self.text = TextEncoder(pieces, config.width, text)
        self.embedding = nn.Embedding(codes, config.width)
        self.decoder = GPT2Model(_shape(config))
        self.decoder.wte.requires_grad_(False)  # its table of words; what goes in is embedded here
        self.head = nn.Linear(config.width, codes + 1)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, sentence_ids: Tensor, ids_mask: Tensor, codes: Tensor) -> Tensor:
        """Teacher-forced logits ``(B, S + 1, K + 1)``; place s has seen the sentence and s codes."""
        first = self.text(sentence_ids, ids_mask).unsqueeze(1)
        return self.logits(torch.cat([first, self.embedding(codes)], dim=1))

    def logits(self, x: Tensor, cache: DynamicCache | None = None) -> Tensor:
        """``(B, N, width)`` after what lies in ``cache``, to ``(B, N, K + 1)``."""
        out = self.decoder(inputs_embeds=x, past_key_values=cache, use_cache=cache is not None)
        return self.head(out.last_hidden_state)


def _shape(config: GPTConfig) -> GPT2Config:
    return GPT2Config(
        vocab_size=1,
        n_positions=config.max_steps + 1,
        n_embd=config.width,
        n_layer=config.layers,
        n_head=config.heads,
        resid_pdrop=config.dropout,
        embd_pdrop=config.dropout,
        attn_pdrop=config.dropout,
        bos_token_id=None,
        eos_token_id=None,
    )


def targets(batch: CodeBatch, end: int) -> Tensor:
    """What each place must tell, ``(B, S + 1)``: its code, then the end, then nothing."""
    wanted = F.pad(batch.codes, (0, 1))
    places = torch.arange(wanted.shape[1], device=wanted.device)
    wanted = wanted.masked_fill(places == batch.steps.unsqueeze(1), end)
    return wanted.masked_fill(places > batch.steps.unsqueeze(1), _IGNORED)


class GPTObjective:
    """Cross-entropy of codes and end, some of the codes that are seen being wrong."""

    def __init__(self, end: int, corruption: float) -> None:
        self._end, self._corruption = end, corruption

    def __call__(self, model: nn.Module, batch: CodeBatch, step: int) -> tuple[Tensor, Mapping[str, Any]]:
        """``(model, batch, step)`` to the loss and its parts; noise from PyTorch's own state."""
        wrong = torch.rand(batch.codes.shape, device=batch.codes.device) < self._corruption
        others = torch.randint(self._end, batch.codes.shape, device=batch.codes.device)
        logits = model(batch.ids, batch.ids_mask, torch.where(wrong, others, batch.codes))
        return code_loss(logits, batch, self._end), {}


def code_loss(logits: Tensor, batch: CodeBatch, end: int) -> Tensor:
    """Mean cross-entropy of ``(B, S + 1, K + 1)``, nats a code."""
    return F.cross_entropy(logits.flatten(0, 1).float(), targets(batch, end).flatten(), ignore_index=_IGNORED)


@torch.no_grad()
def sample(
    model: MotionGPT, ids: Tensor, ids_mask: Tensor, seeds: Sequence[int], temperature: float, top_k: int
) -> list[IntArray]:
    """Draw codes for each sentence until the end token, at least one and at most ``max_steps``.

    Args:
        model: in evaluation mode.
        ids, ids_mask: ``(B, L)`` sentences.
        seeds: one each; alone decides the noise.
        temperature, top_k: see ``models.generation.choose``.

    Returns:
        B arrays ``(S,)`` int64 of codes, without the end.

    Raises:
        InputError: the seeds are not as many as the sentences.
    """
    if len(seeds) != len(ids):
        raise InputError(f"{len(seeds)} seeds came with {len(ids)} sentences; give one seed each")
    cache, x = DynamicCache(), model.text(ids, ids_mask).unsqueeze(1)
    lengths = torch.full((len(ids),), model.max_steps, device=ids.device)
    rows: list[Tensor] = []
    for step in range(model.max_steps):
        logits = model.logits(x, cache)[:, -1]
        if step == 0:
            logits[:, model.end] = _FORBID
        gumbel = np.stack([noise.gumbel(s, noise.STREAM_MOTION, step, 0, model.end + 1) for s in seeds])
        code = choose(logits, torch.from_numpy(gumbel).to(logits), temperature, top_k)
        lengths = torch.where((code == model.end) & (lengths == model.max_steps), step, lengths)
        if bool((lengths <= step).all()):
            break
        rows.append(code.clamp(max=model.end - 1))  # what follows an end is read by nobody
        x = model.embedding(rows[-1]).unsqueeze(1)
    drawn = torch.stack(rows, 1).cpu().numpy()
    return [drawn[row, :length] for row, length in enumerate(lengths.tolist())]
