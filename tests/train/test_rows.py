"""What a row of the table makes of embeddings."""

from __future__ import annotations

import numpy as np
from clutch_rt.layout import Float32Array

from train.evaluate.rows import _kid, _same_motions


def units(spread: float, seed: int) -> Float32Array:
    """Unit vectors about the same mean, the more alike the smaller ``spread``, ``(400, 128)``."""
    values = np.random.default_rng(seed).normal(size=(400, 128))
    values[:, 1:] *= spread
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def test_kid_sees_a_collapse_that_leaves_the_mean_where_it_was() -> None:
    even, same, narrow = units(1.0, 0), units(1.0, 1), units(0.1, 2)
    # Two draws of one law differ by chance alone; a law that fell to a line does not.
    assert abs(_kid(same, even)) < 0.01
    assert _kid(narrow, even) > 0.1


def test_a_set_is_known_in_any_order() -> None:
    even = units(1.0, 0)
    assert _same_motions(even[::-1], even) and not _same_motions(units(1.0, 1), even)
