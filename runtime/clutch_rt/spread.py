"""Several measurements of one thing, in a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing: median, smallest and largest, and the tail."""

    median: float
    low: float
    high: float
    p95: float
    p99: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float] | Float64Array) -> Spread:
        """The spread of at least one value."""
        array = np.asarray(values, np.float64)
        p95, p99 = np.percentile(array, [95, 99])
        return cls(
            float(np.median(array)),
            float(array.min()),
            float(array.max()),
            float(p95),
            float(p99),
            array.size,
        )
