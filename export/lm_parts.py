"""What the graphs of a language model have in common: its weights by name, and its tables and heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from clutch_rt.grammar import UNKNOWN

from export import t5_graph
from export.graph import GraphBuilder, Precision, Value
from export.sampler import Sampler
from export.t5_graph import GrowingCache, Past, T5Spec
from export.weights import Array, WeightStore
from models.lm import MotionLM

CAPTION_TOKENS: Final = 512
"""Positions the decoder's bias table always covers, so that captions have room whatever a motion needs."""


class LMParts:
    """The parts of one model, written into one store.

    Args:
        model: in evaluation mode.
        store: where the weights go.
        precision: see ``export.graph``.
    """

    def __init__(self, model: MotionLM, store: WeightStore, precision: Precision) -> None:
        self.model = model
        self.grammar = model.grammar
        self.slots = model.slots
        self.store = store
        self.precision: Precision = precision
        self.weights: Mapping[str, Array] = {
            key: value.detach().float().cpu().numpy() for key, value in model.state_dict().items()
        }
        self.t5 = {key.removeprefix("t5."): w for key, w in self.weights.items() if key.startswith("t5.")}
        self.spec = T5Spec.of(model.t5.config)

    @property
    def max_positions(self) -> int:
        """The most that a decoder's graph is at."""
        return max(self.motion_positions, CAPTION_TOKENS)

    @property
    def motion_positions(self) -> int:
        """Those of the longest motion: one to a step, or to each of its tokens."""
        return self.grammar.max_steps * (self.slots if self.grammar.form == "flat" else 1)

    def graph(self, name: str) -> GraphBuilder:
        """An empty graph that writes into the store."""
        return GraphBuilder(name, self.store, self.precision)

    def decoder(
        self, g: GraphBuilder, x: Value, position: Value, cross: Value, cache: Value
    ) -> tuple[Value, Value]:
        """One position through the decoder; hidden ``(1, d)`` and the cache with this position."""
        return t5_graph.decoder_step(g, self.spec, self.t5, x, position, cross, cache, self.max_positions)

    def cache_shape(self, length: str) -> list[int | str]:
        """Keys and values of all layers in one piece, of a memory or a past: ``(2 N, 1, H, length, D)``."""
        return [2 * self.spec.decoder_layers, 1, self.spec.heads, length, self.spec.head_width]

    def shared(self, g: GraphBuilder, ids: Value) -> Value:
        """Embeddings of text ids, and in the flat form of the stream's."""
        return g.embedding("shared", self.t5["shared.weight"], ids)

    def head(self, g: GraphBuilder, hidden: Value, first: int, last: int) -> Value:
        """Logits over rows ``first`` to ``last`` of the output table."""
        if self.model.config.scale_outputs:
            hidden = g.mul(hidden, g.scalar(float(self.spec.width**-0.5)))
        tied = "lm_head.weight" not in self.t5
        name = "shared" if tied else "lm_head"
        return g.tied_head(hidden, name, self.t5[f"{name}.weight"], first, last)

    def slot_sum(self, g: GraphBuilder, codes: Value) -> Value:
        """Sum of the slot embeddings of codes ``(1, S, K)``: ``(1, S, d)``; unknown ones add 0."""
        firsts, zero = self._slot_rows()
        index = g.add(codes, g.ints(*firsts))
        index = g.node("Where", g.node("Equal", codes, g.ints(UNKNOWN)), g.ints(zero), index)
        return g.node("ReduceSum", self._slot_embeddings(g, index), g.ints(2), keepdims=0)

    def step_sum(self, g: GraphBuilder, codes: Value) -> Value:
        """The same of whole steps ``(B, K)``: ``(B, d)``, for each motion what it is alone.

        The slots come first, for what is summed over the first axis is added row after row; over a middle
        one ONNX Runtime adds in another order for several motions than for one.
        """
        firsts, _ = self._slot_rows()
        index = g.add(g.transpose(codes, 1, 0), g.reshape(g.ints(*firsts), -1, 1))
        return g.node("ReduceSum", self._slot_embeddings(g, index), g.ints(0), keepdims=0)

    def _slot_rows(self) -> tuple[list[int], int]:
        """Where the rows of each slot begin among those of all, and which row is zeros."""
        *firsts, zero = np.cumsum([0, *self.grammar.sizes]).tolist()
        return firsts, zero

    def _slot_embeddings(self, g: GraphBuilder, index: Value) -> Value:
        tables = [self.weights[f"slot_embedding.{k}.weight"] for k in range(self.slots)]
        table = np.concatenate([*tables, np.zeros_like(tables[0][:1])])
        return g.embedding("slot_embedding", table, index, tied=False)

    def float_weight(self, g: GraphBuilder, name: str) -> Value:
        """A weight of the model by its name there, in float32."""
        return g.weight(name, self.weights[name])

    def linear(self, g: GraphBuilder, x: Value, name: str) -> Value:
        """A torch Linear of the model, in the precision of the graph."""
        weight = np.ascontiguousarray(self.weights[f"{name}.weight"].T)
        return g.linear(x, name, weight, self.weights[f"{name}.bias"])

    def exact(self, g: GraphBuilder, x: Value, name: str) -> Value:
        """A torch Linear kept in float32: such a head runs once, and decides what all else hangs on."""
        weight = np.ascontiguousarray(self.weights[f"{name}.weight"].T)
        product = g.matmul(x, g.weight(f"{name}.weight", weight))
        bias = f"{name}.bias"
        return g.add(product, self.float_weight(g, bias)) if bias in self.weights else product

    def rows_of(self, g: GraphBuilder, table: str, index: Value) -> Value:
        """Rows of an embedding table that is read and never multiplied by."""
        return g.embedding(table, self.weights[f"{table}.weight"], index, tied=False)

    def layer_shape(self, rows: int | str, length: str) -> list[int | str]:
        """Keys or values of one layer: ``(rows, H, length, D)``."""
        return [rows, *self.cache_shape(length)[1:]]


class LMGraph:
    """Writes one graph of a model from its parts."""

    def __init__(self, lm: LMParts) -> None:
        self.lm = lm
        self.grammar = lm.grammar
        self.slots = lm.slots
        self.weights = lm.weights

    def _caching(self) -> GrowingCache:
        """How keys and values are kept."""
        return GrowingCache()

    def _whole_past(self, g: GraphBuilder) -> Past:
        """Memory and cache as inputs in one piece each, cut into keys and values of the layers."""
        memory, cache = (
            g.split(g.input(name, self.lm.cache_shape(axis)), 2 * self.lm.spec.decoder_layers, axis=0)
            for name, axis in (("memory", "M"), ("cache", "t"))
        )
        return Past(memory, cache)

    def _give_whole(self, g: GraphBuilder, grown: Sequence[Value], length: str) -> None:
        """The caches, of so many positions now, as one output."""
        g.output(g.concat(grown, axis=0), "next_cache", self.lm.cache_shape(length))

    def _noise_of(self, g: GraphBuilder, noise: Value, size: int) -> Value:
        """The part of ``noise (..., most rows)`` that is of a choice among ``size``."""
        if size == self.grammar.drawn.max():
            return noise
        return g.node("Slice", noise, g.ints(0), g.ints(size), g.ints(-1))

    def _sampler(self, g: GraphBuilder, temperature: Value, top_k: Value) -> Sampler:
        """How a code is chosen."""
        return Sampler(g, temperature, top_k)
