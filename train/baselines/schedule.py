"""The arithmetic of diffusion: a noise schedule, its forward process and its posterior. No network here.

Ho, Jain and Abbeel, "Denoising diffusion probabilistic models" (NeurIPS 2020), equations 4, 6 and 7; the
cosine schedule and sampling over some of its steps after Nichol and Dhariwal, "Improved denoising diffusion
probabilistic models" (ICML 2021), sections 3.2 and 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from clutch_rt.errors import InputError
from torch import Tensor

_OFFSET = 0.008
_MOST_NOISE = 0.999


@dataclass(frozen=True)
class Posterior:
    """``q(x[i-1] | x[i], x[0])``: its mean, shaped as ``x``, and its variance, which broadcasts to it."""

    mean: Tensor
    variance: Tensor


@dataclass(frozen=True)
class NoiseSchedule:
    """How much of the signal is left after each step.

    Attributes:
        kept: ``(N,)`` float64, alpha-bar: the share of the signal's variance after step i.
        times: ``(N,)`` int64, the number of step i in the schedule that the network was trained with.
    """

    kept: Tensor
    times: Tensor

    @classmethod
    def cosine(cls, steps: int) -> NoiseSchedule:
        """The cosine schedule of ``steps`` steps."""

        def f(i: int) -> float:
            return math.cos((i / steps + _OFFSET) / (1.0 + _OFFSET) * math.pi / 2.0) ** 2

        noise = [min(1.0 - f(i + 1) / f(i), _MOST_NOISE) for i in range(steps)]
        return cls(torch.cumprod(1.0 - torch.tensor(noise, dtype=torch.float64), 0), torch.arange(steps))

    def __len__(self) -> int:
        return len(self.kept)

    def spaced(self, steps: int) -> NoiseSchedule:
        """The same process seen at ``steps`` of its steps, evenly apart, the last among them.

        Raises:
            InputError: there are not so many.
        """
        if not 1 <= steps <= len(self):
            raise InputError(f"noise_steps={steps} is asked for of a schedule of {len(self)}; give 1 to that")
        chosen = torch.linspace(len(self) - 1, 0, steps, dtype=torch.float64).round().long().flip(0)
        return NoiseSchedule(self.kept[chosen], self.times[chosen])

    @property
    def before(self) -> Tensor:
        """``(N,)``: alpha-bar of the step before each; 1 before the first."""
        return torch.cat([self.kept.new_ones(1), self.kept[:-1]])

    def noised(self, x0: Tensor, step: Tensor, noise: Tensor) -> Tensor:
        """A draw of ``q(x[i] | x[0])``: ``sqrt(kept) x0 + sqrt(1 - kept) noise``.

        Args:
            x0: ``(B, ...)``.
            step: ``(B,)`` int64, i of each row.
            noise: as ``x0``, standard normal.
        """
        kept = _rows(self.kept, step, x0)
        return kept.sqrt() * x0 + (1.0 - kept).sqrt() * noise

    def posterior(self, x0: Tensor, x: Tensor, step: Tensor) -> Posterior:
        """Where the step before lies, given the clean and the noisy; ``(B, ...)`` twice, ``step (B,)``.

        At the first step it is ``x0`` itself, without variance.
        """
        alpha = self.kept / self.before
        share = (1.0 - alpha) / (1.0 - self.kept)
        clean = _rows(self.before.sqrt() * share, step, x0)
        noisy = _rows(alpha.sqrt() * (1.0 - self.before) / (1.0 - self.kept), step, x0)
        return Posterior(clean * x0 + noisy * x, _rows((1.0 - self.before) * share, step, x0))


def _rows(values: Tensor, step: Tensor, like: Tensor) -> Tensor:
    """``values[step]`` as a column for each row of ``like``, in its precision."""
    picked = values.to(step.device)[step].to(like.dtype)
    return picked.reshape(-1, *(1,) * (like.ndim - 1))
