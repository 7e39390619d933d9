"""A sentence as one vector: the run's own pieces through a small transformer, learnt with the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from clutch_rt import prompts
from clutch_rt.errors import InputError
from sentencepiece import SentencePieceProcessor
from torch import Tensor, nn

from models.generation import pad_prompts
from train.baselines.config import TextConfig
from train.tokenizer import encode


def waves(positions: Tensor, width: int) -> Tensor:
    """Sines and cosines of numbers ``(...)``: ``(..., width)`` (Vaswani et al., 2017, section 3.5)."""
    half = torch.arange(width // 2, device=positions.device, dtype=torch.float32)
    angles = positions.float().unsqueeze(-1) * torch.exp(-math.log(10_000.0) / (width // 2) * half)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def encoder_stack(width: int, layers: int, heads: int, dropout: float = 0.0) -> nn.TransformerEncoder:
    """PyTorch's own transformer encoder, normalised first, batch first, with a norm at its end."""
    layer = nn.TransformerEncoderLayer(
        width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
    )
    stack = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
    for matrix in stack.parameters():  # PyTorch makes every layer a copy of the first
        if matrix.ndim > 1:
            nn.init.xavier_uniform_(matrix)
    return stack


class TextEncoder(nn.Module):
    """Pieces to one vector: an embedding, transformer layers, the mean over the pieces, a linear layer.

    The published models take one vector of CLIP instead.
    """

    def __init__(self, pieces: int, size: int, config: TextConfig) -> None:
        super().__init__()
        self.width = config.width
        self.embedding = nn.Embedding(pieces, config.width)
        # As large as the waves of positions, lest these drown the words: their mean square is a half.
        nn.init.normal_(self.embedding.weight, std=0.7)
        self.layers = encoder_stack(config.width, config.layers, config.heads)
        self.out = nn.Linear(config.width, size)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """``(B, L)`` ids and ``(B, L)`` bool, true at real ones, to ``(B, size)``."""
        x = self.embedding(ids) + waves(torch.arange(ids.shape[1], device=ids.device), self.width)
        x = self.layers(x, src_key_padding_mask=~mask)
        weight = mask.to(x.dtype).unsqueeze(-1)
        return self.out((x * weight).sum(1) / weight.sum(1))


class Sentences:
    """Texts to padded ids."""

    def __init__(self, processor: SentencePieceProcessor, limit: int) -> None:
        self._processor, self._limit = processor, limit

    @property
    def pieces(self) -> int:
        """Rows of an embedding."""
        return int(self._processor.get_piece_size())

    def ids(self, text: str) -> tuple[int, ...]:
        """Ids of a text, normalised as the runtime does, ``<eos>`` behind."""
        return tuple(encode(self._processor, prompts.normalise(text), self._limit))

    def padded(self, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor]:
        """``ids (B, L)`` and ``mask (B, L)``; InputError where there are no texts."""
        if not texts:
            raise InputError("there are no sentences to make motions of")
        return pad_prompts([self.ids(text) for text in texts], device)
