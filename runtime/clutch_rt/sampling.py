"""How codes are drawn: what a request says of it, as the step graphs take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from clutch_rt.layout import Float32Array
from clutch_rt.noise import block_noise
from clutch_rt.options import Request

# Steps of noise drawn at once. Fewer cost more calls of numpy, more leave the cache of a core.
_NOISE_BLOCK: Final = 4


class Noise:
    """Gumbel noise ``(C, most rows)`` of each step, drawn in blocks; zeros where the likeliest is wanted.

    Args:
        request: its seed and temperature count.
        rows: values that each of the C choices of a step is drawn from.
    """

    def __init__(self, request: Request, rows: Sequence[int]) -> None:
        self._seed = request.seed
        self._rows = rows
        self._first = 0
        self._silent = request.temperature == 0
        self._block = np.zeros((0, len(rows), max(rows)), np.float32)

    def of(self, step: int) -> Float32Array:
        if self._silent:
            return np.zeros(self._block.shape[1:], np.float32)
        if not self._first <= step < self._first + len(self._block):
            self._first = step
            # The first block is one step: nothing should delay the first frame.
            block = _NOISE_BLOCK if step else 1
            self._block = block_noise(self._seed, step, block, self._rows)
        return self._block[step - self._first]


def sampling(request: Request) -> dict[str, Any]:
    """The sampling inputs; temperature 0 is temperature 1 without noise, since a graph divides by it."""
    return {
        "temperature": np.asarray([request.temperature or 1.0], np.float32),
        "top_k": np.asarray([request.top_k], np.int64),
    }
