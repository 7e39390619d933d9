"""How a motion step takes the sentence and the past: the graphs of a bundle say it by their inputs.

What a step gives to the next is carried from output to input: the codes, the cache and, where the model draws
one, the rhythm.

* Bundles of the ``step`` form have an input and an output for the keys, and for the values, of each layer:
  nothing is cut or joined in a step. Memories are filled up to a round length with entries that nothing
  attends to, so that sentences of different lengths can be decoded together, and alone in the same way.
* Older ones, those of the ``flat`` form, and networks that engines are built from, have ``memory`` and
  ``cache`` in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from clutch_rt.layout import Float32Array

BATCH: Final = "B"
"""The name of a graph's axis of motions, where it takes several at once."""

MEMORY_LENGTH: Final = 32
"""Memories are filled up to a multiple of this, which holds nearly every sentence."""

_PADDED: Final = -1e9
_RHYTHM: Final = "rhythm"


def zeros(shape: Sequence[int | str | None], rows: int = 1) -> Float32Array:
    """Zeros shaped after a graph's input for ``rows`` motions: the past of motions that begin.

    Other axes without a fixed size are empty.
    """
    return np.zeros([rows if n == BATCH else n if isinstance(n, int) else 0 for n in shape], np.float32)


class Ports:
    """The inputs of a step graph that carry memory and past, and the outputs that carry the past on.

    Args:
        shapes: of the graph's inputs, by name.
    """

    def __init__(self, shapes: dict[str, list[Any]]) -> None:
        self._shapes = shapes
        self._carried = [name for name in shapes if name.split(".")[0] in ("cache", _RHYTHM)]
        self._memories = [name for name in shapes if name.split(".")[0] == "memory"]
        self.outputs = ("next_codes", *(f"next_{name}" for name in self._carried))

    def __contains__(self, name: str) -> bool:
        """Whether the graph has this input."""
        return name in self._shapes

    @property
    def carried(self) -> dict[str, str]:
        """The input that an output becomes in the next step, by output: codes, cache and rhythm."""
        return dict(zip(self.outputs, ("codes", *self._carried), strict=True))

    @property
    def batched(self) -> bool:
        """Whether the graph takes several motions at once."""
        return bool(self._shapes["codes"][0] == BATCH)

    @property
    def batched_noise(self) -> bool:
        """Whether noise is ``(B, C, rows)``, and not ``(C, rows)``."""
        return len(self._shapes["noise"]) == 3

    def start(self, memories: list[Float32Array]) -> dict[str, Any]:
        """What is fed before the first step.

        Args:
            memories: of each motion, ``(2N, 1, H, M, D)``; of one M if the graph cannot pad.
        """
        feeds: dict[str, Any] = {name: self._empty(name, len(memories)) for name in self._carried}
        if "padding" not in self:
            return {**feeds, "memory": np.concatenate(memories, axis=1)}
        longest = max(memory.shape[3] for memory in memories)
        length = -(-longest // MEMORY_LENGTH) * MEMORY_LENGTH
        padding = np.full((len(memories), 1, 1, 1, length), _PADDED, np.float32)
        layers, _, heads, _, width = memories[0].shape
        whole = np.zeros((layers, len(memories), 1, heads, length, width), np.float32)
        for row, memory in enumerate(memories):
            padding[row, ..., : memory.shape[3]] = 0.0
            whole[:, row, 0, :, : memory.shape[3]] = memory[:, 0]
        return {**feeds, "padding": padding, **dict(zip(self._memories, whole, strict=True))}

    def advance(self, feeds: dict[str, Any], carried: list[Any]) -> None:
        """Feed what the step gave behind its codes."""
        feeds.update(zip(self._carried, carried, strict=True))

    def _empty(self, name: str, rows: int) -> np.ndarray[Any, Any]:
        sizes = [rows if n == BATCH else n if isinstance(n, int) else 0 for n in self._shapes[name]]
        return np.zeros(sizes, np.int64 if name == _RHYTHM else np.float32)


def memory_length(start: Mapping[str, Any]) -> int:
    """The length of the memory, with what it is filled up by, that ``Ports.start`` feeds."""
    return int(start["padding"].shape[4] if "padding" in start else start["memory"].shape[3])


def padded_length(memory: Float32Array) -> int:
    """The length that a memory ``(2N, 1, H, M, D)`` is filled up to; such as agree are decoded together."""
    return -(-memory.shape[3] // MEMORY_LENGTH) * MEMORY_LENGTH
