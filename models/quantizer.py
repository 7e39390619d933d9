"""Vector quantisation with a codebook learnt by moving averages, the same on every process.

Codes follow the latents by exponential moving averages (van den Oord et al., "Neural discrete
representation learning", 2017, appendix A); a code that lost its latents is put where latents are.
What decides, measured: an unquantised start, then codes taken from the latents, and a threshold for
lost codes relative to the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn import functional as F


@dataclass(frozen=True)
class Quantized:
    """What latents become.

    Attributes:
        latents: ``(N, D)``, the codes, with the gradient of the input passed straight through.
        codes: ``(N,)`` int64, indices into the codebook.
        commitment: scalar, mean squared distance of the input to its codes; zero during the start.
    """

    latents: Tensor
    codes: Tensor
    commitment: Tensor


def _processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def sum_over_processes(x: Tensor) -> Tensor:
    """The sum of ``x`` over the processes of a run, the same number everywhere; ``x`` itself if alone."""
    if _processes() > 1:
        dist.all_reduce(x)
    return x


def rows_of_processes(rows: Tensor) -> Tensor:
    """The rows ``(N, D)`` of every process, ``(world * N, D)``, in the same order everywhere."""
    if _processes() == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(_processes())]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


class Quantizer(nn.Module):
    """A codebook of K codes of D numbers.

    All that it learns lies in buffers, so a checkpoint resumes exactly, and its random picks come from
    the count of its updates, so the processes of a run keep the same codebook. Where a batch comes in parts
    (``learn_once_in``) it waits for the last, and learns from the latents of all: an update for each part
    would forget faster, and give the later parts other codes than the whole batch would have had.

    Args:
        size: K, entries of the codebook.
        code_size: D, numbers of a code.
        decay: mu of the moving averages.
        restart: a code is lost when its mean count falls under ``restart`` times the fair share, latents / K.
        start_steps: updates that leave latents unquantised before the codebook is filled with latents.
    """

    codebook: Tensor
    counts: Tensor
    sums: Tensor
    updates: Tensor

    def __init__(self, size: int, code_size: int, decay: float, restart: float, start_steps: int) -> None:
        super().__init__()
        self.size, self.decay, self.restart, self.start_steps = size, decay, restart, start_steps
        self._parts = 1
        self._seen: list[tuple[Tensor, Tensor]] = []
        # Small and distinct, so that an untrained model gives varied codes.
        codebook = torch.randn(size, code_size, generator=torch.Generator().manual_seed(0)) * 0.1
        self.register_buffer("codebook", codebook)
        self.register_buffer("counts", torch.ones(size))
        self.register_buffer("sums", codebook.clone())
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def nearest(self, latents: Tensor) -> Tensor:
        """Index of the nearest code, ``(N, D)`` to ``(N,)`` int64; of equals the lowest.

        ``argmin over k of |c_k|^2 / 2 - z . c_k``, which orders codes as the distance does.
        """
        half = self.codebook.square().sum(dim=1) * 0.5
        return torch.argmin(half - latents @ self.codebook.T, dim=1)

    def lookup(self, codes: Tensor) -> Tensor:
        """Indices ``(...)`` int64 to codes ``(..., D)``."""
        return F.embedding(codes, self.codebook)

    def soft(self, weights: Tensor) -> Tensor:
        """Weights ``(..., K)`` to the weighted sum of codes ``(..., D)``; differentiable."""
        return weights @ self.codebook

    @property
    def started(self) -> bool:
        """Whether the codebook has been filled with latents."""
        return int(self.updates) >= self.start_steps

    def learn_in_parts(self, parts: int) -> None:
        """Update once in so many training passes; what passes before have left is forgotten."""
        self._parts, self._seen = parts, []

    def forward(self, latents: Tensor, codes: Tensor | None = None) -> Quantized:
        """Quantise ``(N, D)``, to ``codes (N,)`` or the nearest; in training mode also learn from them."""
        seen = latents.detach().float()
        if codes is None:
            with torch.autocast(latents.device.type, enabled=False):  # distances need every bit
                codes = self.nearest(seen)
        if self.training and not self.started:
            self._keep(seen, codes)
            return Quantized(latents, codes, latents.new_zeros(()))
        chosen = self.lookup(codes).to(latents.dtype)
        if self.training:
            self._keep(seen, codes)
        straight = latents + (chosen - latents).detach()
        return Quantized(straight, codes, F.mse_loss(latents, chosen))

    def _keep(self, latents: Tensor, codes: Tensor) -> None:
        """Learn from these latents, or from those of all parts of the batch once the last has passed."""
        self._seen.append((latents, codes))
        if len(self._seen) < self._parts:
            return
        latents, codes = (torch.cat(each) for each in zip(*self._seen, strict=True))
        self._seen = []
        if self.started:
            self._learn(latents, codes)
        else:
            self._collect(latents)

    @torch.no_grad()
    def _collect(self, latents: Tensor) -> None:
        """Keep the newest K latents in the codebook itself, so the start ends with it full of data."""
        latents = rows_of_processes(latents)
        rows = latents[-self.size :]
        first = int(self.updates) * len(rows)
        self.codebook[torch.arange(first, first + len(rows), device=rows.device) % self.size] = rows
        share = len(latents) / self.size
        self.counts.fill_(share)
        self.sums.copy_(self.codebook * share)
        self.updates += 1

    @torch.no_grad()
    def _learn(self, latents: Tensor, codes: Tensor) -> None:
        """One step of the moving averages, then new places for lost codes."""
        hits = torch.bincount(codes, minlength=self.size).to(self.counts.dtype)
        moved = torch.zeros_like(self.sums).index_add_(0, codes, latents)
        self.counts.lerp_(sum_over_processes(hits), 1.0 - self.decay)
        self.sums.lerp_(sum_over_processes(moved), 1.0 - self.decay)
        share = len(latents) * _processes() / self.size
        lost = (self.counts < self.restart * share).nonzero()[:, 0]
        if len(lost):
            self._revive(lost, rows_of_processes(latents), share)
        self.codebook.copy_(self.sums / self.counts[:, None].clamp_min(1e-12))
        self.updates += 1

    def _revive(self, lost: Tensor, latents: Tensor, share: float) -> None:
        """Put lost codes on latents picked at random, with the count of a fair share."""
        picks = torch.Generator().manual_seed(int(self.updates))
        order = torch.randperm(len(latents), generator=picks).to(latents.device)
        lost = lost[: len(latents)]
        self.counts[lost] = share
        self.sums[lost] = latents[order[: len(lost)]] * share


def learn_once_in(model: nn.Module, parts: int) -> None:
    """Let every codebook in a model learn once in ``parts`` training passes, from the latents of them all."""
    for module in model.modules():
        if isinstance(module, Quantizer):
            module.learn_in_parts(parts)


@dataclass(frozen=True)
class ResidualQuantized:
    """What latents become through every level.

    Attributes:
        latents: ``(N, D)``, the sum of the codes, with the gradient of the input passed straight through.
        codes: ``(N, levels)`` int64.
        commitment: scalar, mean squared distance of what each level is given to its codes, summed.
    """

    latents: Tensor
    codes: Tensor
    commitment: Tensor


TRAINING_BEAM: Final = 4
"""With a wide search coarse codes need not be near, and the wrist's place is lost: a SHIFT that was trained
with 16 errs by 11.7 mm where one with 4 errs by 9.5, both encoding with 16 (docs/studies/shift.md)."""


class ResidualQuantizer(nn.Module):
    """Codebooks one behind the other: each quantises what those before left over.

    Residual vector quantisation as in SoundStream (Zeghidour et al., 2021). With one level it is the plain
    codebook of SHIFT. A level starts to quantise ``start_steps`` updates after the one before, so that it is
    filled with what that one really leaves over; until the last has started, latents pass unquantised.

    Args:
        levels: codebooks.
        size, code_size, decay, restart, start_steps: of each, as for ``Quantizer``.
        beam: sums of codes that the search for the nearest keeps from level to level; in training at most
            ``TRAINING_BEAM``.
    """

    def __init__(
        self,
        levels: int,
        size: int,
        code_size: int,
        decay: float,
        restart: float,
        start_steps: int,
        beam: int = 1,
    ) -> None:
        super().__init__()
        self.beam = beam
        self.levels = nn.ModuleList(
            Quantizer(size, code_size, decay, restart, start_steps * (level + 1)) for level in range(levels)
        )

    def level(self, index: int) -> Quantizer:
        """One of the codebooks, coarse before fine."""
        level = self.levels[index]
        assert isinstance(level, Quantizer)
        return level

    @property
    def _started(self) -> bool:
        return all(self.level(index).started for index in range(len(self.levels)))

    def nearest(self, latents: Tensor, beam: int | None = None) -> Tensor:
        """Codes ``(N, levels)`` int64 of latents ``(N, D)``, whose sum is near: a search with ``beam``.

        Level after level the ``beam`` nearest sums go on (None: the model's own number), and of the last the
        nearest is taken. With a beam of 1 that is the nearest code of each level to what those before left
        over.
        """
        beam = self.beam if beam is None else beam
        kept = latents.new_zeros(len(latents), 1, 0, dtype=torch.int64)  # (N, beam, levels so far)
        for index in range(len(self.levels)):
            codebook = self.level(index).codebook
            left = latents[:, None] - self.lookup(kept)
            away = codebook.square().sum(dim=1) * 0.5 - left @ codebook.T  # (N, beam, K)
            away = (away + left.square().sum(dim=2, keepdim=True) * 0.5).flatten(1)
            width = 1 if index + 1 == len(self.levels) else min(beam, away.shape[1])
            best = away.topk(width, dim=1, largest=False).indices if width > 1 else away.argmin(1, True)
            before = torch.div(best, len(codebook), rounding_mode="floor")[..., None]
            kept = kept.gather(1, before.expand(-1, -1, kept.shape[2]))
            kept = torch.cat([kept, (best % len(codebook))[..., None]], dim=2)
        return kept[:, 0]

    def lookup(self, codes: Tensor) -> Tensor:
        """Codes ``(..., levels)``, or of the first levels alone, to the sum of their entries ``(..., D)``."""
        total = self.level(0).codebook.new_zeros(*codes.shape[:-1], self.level(0).codebook.shape[1])
        for index in range(codes.shape[-1]):
            total = total + self.level(index).lookup(codes[..., index])
        return total

    def forward(self, latents: Tensor) -> ResidualQuantized:
        """Quantise ``(N, D)``; in training mode also learn from them."""
        left, codes, commitment = latents, [], latents.new_zeros(())
        beam = min(self.beam, TRAINING_BEAM)
        with torch.autocast(latents.device.type, enabled=False):
            chosen = self.nearest(latents.detach().float(), beam) if self._started else None
        for index in range(len(self.levels)):
            quantized = self.level(index)(left, None if chosen is None else chosen[:, index])
            codes.append(quantized.codes)
            commitment = commitment + quantized.commitment
            left = left - quantized.latents.detach()
        total = latents - left  # while a level has not started nothing is left, and latents pass as they are
        straight = latents + (total - latents).detach()
        return ResidualQuantized(straight, torch.stack(codes, dim=-1), commitment)
