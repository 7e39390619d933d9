"""What a model may be told of a step before it learns from the first part of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn


class StepModel(nn.Module):
    """A model whose losses are means over a whole step, though it sees the step part by part.

    A part is what one process computes at once: its share of the batch, or one of the micro-batches of that.
    """

    def begin(self, parts: Sequence[Any]) -> None:
        """Hear of all parts of this process, before the first; called once a step in every process."""
        raise NotImplementedError

    def flops(self, part: Any) -> float:
        """Operations of learning from a part: 6 for each weight of a layer and each position it works on."""
        raise NotImplementedError
