"""What studies of the language model have in common."""

from __future__ import annotations

from typing import Final

NEEDS: Final = ("corpus", "shift", "tokens", "tokenizer.model")

NOTES: Final = (
    "Motions are of validation clips (evaluate.choice_clips, half as many for each set of speed, count and "
    "direction), one draw to a seed, judged as `python -m train.evaluate` judges the test split.",
    "All arms are sampled alike, at the run's evaluate.temperature and evaluate.top_k, which were chosen for "
    "its own model if for any.",
    "decoding: processor-milliseconds of PyTorch to a second of motion, one sentence at a time, text and "
    "SHIFT's decoder included.",
)
