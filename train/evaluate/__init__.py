"""Judging a trained run: reconstruction, retrieval, classifiers and signal meters, as one table.

``python -m train.evaluate run=FOLDER [bundle=PATH] [evaluate.clips=...]``. The measures are pure functions
that other stages use too, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from train.run import RunFolder


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """Judge the run's own models, by the first process alone; the last stage of ``train.all``."""
    from train.run import is_main

    if not is_main():
        return {}
    from train.evaluate.judging import device_of, evaluate, summary
    from train.evaluate.samplers import TorchSampler

    settings = folder.config.evaluate
    sampler = TorchSampler(folder.path, settings.temperature, settings.top_k, device_of(folder))
    command = f"python -m train.evaluate run={folder.path}"
    return summary(evaluate(folder, sampler, folder.folder("evaluate"), command))
