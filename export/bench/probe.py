"""How fast one core, or several, can read as many bytes as a system reads: the limit of its speed.

The buffer has the size of the weights in question, so that a cache which could hold them holds the buffer.
Of two ways to read it, a maximum and a product of matrix and vector, the faster one counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import numpy as np
from clutch_rt.layout import Float32Array

_WIDTH = 1024


class Probe:
    """Reads with ``threads`` threads from a buffer of ``most`` bytes."""

    def __init__(self, most: int, threads: int) -> None:
        rows = max(threads, most // 4 // _WIDTH + 1)
        self._buffer = np.random.default_rng(0).standard_normal((rows, _WIDTH), dtype=np.float32)
        self._vector = np.ones(_WIDTH, np.float32)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)

    def versions(self) -> dict[str, str]:
        return {"numpy": version("numpy")}

    def run(self, steps: int) -> list[float]:
        """Nothing to time: ask for ``bandwidth``."""
        return []

    def bandwidth(self, size: int, repeats: int = 5) -> float:
        """Bytes per second over a buffer of ``size`` bytes, the best of ``repeats``."""
        rows = max(self._threads, size // 4 // _WIDTH)
        parts = np.array_split(self._buffer[:rows], self._threads)
        return max(self._once(parts, way) for _ in range(repeats) for way in (self._largest, self._product))

    def _once(self, parts: list[Float32Array], way: Callable[[Float32Array], Any]) -> float:
        began = time.perf_counter()
        list(self._pool.map(way, parts))
        return sum(part.nbytes for part in parts) / (time.perf_counter() - began)

    def _largest(self, part: Float32Array) -> Any:
        return part.max()

    def _product(self, part: Float32Array) -> Any:
        return part @ self._vector
