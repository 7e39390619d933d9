"""What a row of the table makes of embeddings."""

from __future__ import annotations

import numpy as np
from clutch_rt.layout import Float32Array

from train.evaluate.metrics import kernel_distance
from train.evaluate.rows import _spread


def units(spread: float, seed: int) -> Float32Array:
    """Unit vectors about the same mean, the more alike the smaller ``spread``, ``(400, 128)``."""
    values = np.random.default_rng(seed).normal(size=(400, 128))
    values[:, 1:] *= spread
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def test_kid_sees_a_collapse_that_leaves_the_mean_where_it_was() -> None:
    even, same, narrow = (_spread(units(s, n)) for n, s in enumerate((1.0, 1.0, 0.1)))
    # Two draws of one law differ by chance alone; a law that fell to a line does not.
    assert abs(kernel_distance(same, even)) < 0.01
    assert kernel_distance(narrow, even) > 0.1
