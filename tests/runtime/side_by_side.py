"""Motions made in threads side by side, beside the same made one after another."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from clutch_rt import Model
from clutch_rt.layout import Float32Array


def assert_alike_in_threads(model: Model, texts: Sequence[str]) -> None:
    """Each text by a thread of its own, its place the seed: the frames that it has alone."""
    wanted = [model.generate(text, seed=seed).frames for seed, text in enumerate(texts)]
    found: dict[int, Float32Array] = {}

    def work(seed: int) -> None:
        found[seed] = model.generate(texts[seed], seed=seed).frames

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, frames in enumerate(wanted):
        assert np.array_equal(found[seed], frames)
