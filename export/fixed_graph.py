"""Graphs whose shapes depend on no value and no position: for engines, and for what captures a step once.

What differs from the graphs that every bundle has:

* the cache has a place for every position from the start. The step writes its keys and values at
  ``position`` and masks what lies behind it; a cache of zeros is an empty one. So a step has one shape, which
  a CUDA graph can capture, and nothing is copied to a longer buffer.
* top-k counts for every code how many score better, and sorts nothing: the shape of nothing depends on a
  value, and the choice is the same to the last tie.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from clutch_rt.manifest import MOTION_FIXED
from clutch_rt.ports import BATCH
from onnx import TensorProto

from export import t5_graph
from export.flat_graph import FlatGraph
from export.graph import GraphBuilder, Value
from export.lm_parts import LMGraph, LMParts
from export.sampler import Sampler
from export.step_graph import StepGraph

_MASKED: Final = -1e9


class FixedParts(LMParts):
    """The parts of a language model, for graphs of one motion whose caches have all its places."""

    @property
    def max_positions(self) -> int:
        """Those of a motion: captions have no such graph."""
        return self.motion_positions

    @property
    def fixed(self) -> Mapping[str, int]:
        """The sizes of what is open in other graphs; the length of the memory stays so here too."""
        return dict.fromkeys(("t", "t+1", f"t+{self.slots}"), self.max_positions) | {BATCH: 1}

    def graph(self, name: str) -> GraphBuilder:
        """An empty graph that writes into the store."""
        return GraphBuilder(name, self.store, self.precision, self.fixed)


class FixedShapes(LMGraph):
    """What makes a step's shapes depend on no value and no position."""

    def _caching(self) -> FixedCache:
        return FixedCache()

    def _sampler(self, g: GraphBuilder, temperature: Value, top_k: Value) -> Sampler:
        return FixedSampler(g, temperature, top_k)


class FixedStep(FixedShapes, StepGraph):
    """The motion step of the form ``step``; its parts are ``FixedParts``."""

    name = MOTION_FIXED


class FixedStream(FixedShapes, FlatGraph):
    """The motion step of the form ``flat``, a whole step of tokens; its parts are ``FixedParts``."""

    name = MOTION_FIXED


class FixedCache(t5_graph.GrowingCache):
    """A cache ``(2 N, 1, H, P, D)`` with a place for each of P positions."""

    def bias(
        self, g: GraphBuilder, spec: t5_graph.T5Spec, weights: t5_graph.Weights, position: Value, length: int
    ) -> Value:
        """``(1, 1, H, 1, P)``: position bias and mask, in one look-up by key minus query."""
        relative = np.arange(1 - length, length)
        table = t5_graph.decoder_bias(spec, weights, np.minimum(relative, 0))
        table = np.where(relative[:, None] > 0, np.float32(_MASKED), table)
        first = g.sub(g.ints(length - 1), position)
        index = g.add(g.weight("decoder.places", np.arange(length)), first)
        rows = g.transpose(g.gather(g.weight("decoder.position_bias", table), index), 1, 0)
        return g.reshape(rows, 1, 1, spec.heads, 1, length)

    def extend(self, g: GraphBuilder, cache: Value, new: Value, position: Value, length: int) -> Value:
        """``new (1, 1, H, 1, D)`` at its place in ``cache (1, 1, H, P, D)``."""
        places = g.weight("decoder.column", np.arange(length).reshape(1, 1, 1, length, 1))
        return g.node("Where", g.node("Equal", places, position), new, cache)


class FixedSampler(Sampler):
    """Chooses one row of logits; the cut counts, for each row, those that score better."""

    def __init__(self, g: GraphBuilder, temperature: Value, top_k: Value) -> None:
        self._g = g
        self._temperature = temperature
        none = g.node("LessOrEqual", top_k, g.ints(0))
        most = g.scalar(float("inf"))
        self._allowed = g.node("Where", none, most, g.cast(top_k, TensorProto.FLOAT))

    def _below(self, scores: Value, size: int | None) -> Value:
        g = self._g
        others, own = (g.node("Unsqueeze", scores, g.ints(axis)) for axis in (-2, -1))
        better = g.cast(g.node("Greater", others, own), TensorProto.FLOAT)  # (..., rows, rows)
        rank = g.node("ReduceSum", better, g.ints(-1), keepdims=0)
        return g.node("GreaterOrEqual", rank, self._allowed)
