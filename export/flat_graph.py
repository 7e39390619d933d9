"""The motion step of the form ``flat``: one token of the stream to the next."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto

from export.graph import GraphBuilder, Value
from export.lm_parts import LMGraph
from export.sampler import Sampler

_INT: Final = TensorProto.INT64


class FlatGraph(LMGraph):
    """Writes the motion step of a model."""

    def build(self) -> onnx.ModelProto:
        """One token of the stream ``<som> t p t p ... <eom>`` to the next."""
        g, grammar = self.lm.graph("motion_step"), self.grammar
        token = g.input("token", [1], _INT)
        slot = g.input("slot", [1], _INT)
        position = g.input("position", [1], _INT)
        eom_bias = g.input("eom_bias", [1])
        cross = g.input("memory", self.lm.cache_shape("M"))
        cache = g.input("cache", self.lm.cache_shape("t"))
        noise = g.input("noise", [grammar.max_codes + 1])
        temperature = g.input("temperature", [1])
        top_k = g.input("top_k", [1], _INT)

        x = self.lm.shared(g, token)
        hidden, grown = self.lm.decoder(g, x, position, cross, cache)
        logits = self._slot_logits(g, hidden, slot, eom_bias)
        rows = g.gather(g.node("Shape", logits), g.ints(1))
        noise_rows = g.node("Slice", noise, g.ints(0), rows, g.ints(0))
        row = Sampler(g, temperature, top_k).choose(logits, noise_rows)
        g.output(self._flat_id(g, row, slot), "next_token", [1], _INT)
        g.output(grown, "next_cache", self.lm.cache_shape("t+1"))
        return g.build(
            "One token of the motion stream: the previous token to the next, sampled under the noise."
        )

    def _slot_logits(self, g: GraphBuilder, hidden: Value, slot: Value, eom_bias: Value) -> Value:
        """Rows of this slot's codebook, and at slot 0 the biased ``<eom>`` as the last: ``(1, rows)``.

        All codebooks are multiplied and one is cut out: a cut of the weights by slot would copy more
        than it saves, and a branch would tie the graph to engines that have control flow.
        """
        grammar = self.grammar
        t = grammar.trajectory_codes
        # <eom>, the first trajectory codebook, the others.
        together = self.lm.head(g, hidden, grammar.eom, grammar.vocab)
        rest = grammar.vocab - grammar.eom - 1 - t
        eom, trajectory, others = g.nodes("Split", [together, g.ints(1, t, rest)], 3, axis=1)
        ordered = g.concat([trajectory, g.add(eom, eom_bias), others], axis=1)
        # <eom> now stands behind the first codebook, which begins one row sooner than its id says.
        behind = grammar.bases - grammar.eom
        firsts = np.where(behind == 1, 0, behind)
        lasts = firsts + grammar.sizes
        lasts[0] += 1
        first, last = (g.gather(g.ints(*ends.tolist()), slot) for ends in (firsts, lasts))
        return g.label(g.node("Slice", ordered, first, last, g.ints(1)), "logits")

    def _flat_id(self, g: GraphBuilder, row: Value, slot: Value) -> Value:
        """The chosen row as a flat id; at slot 0 the row behind the codebook is ``<eom>``."""
        code = g.add(row, g.gather(g.ints(*self.grammar.bases.tolist()), slot))
        nowhere = [-1] * (self.slots - 1)
        behind = g.gather(g.ints(self.grammar.trajectory_codes, *nowhere), slot)
        return g.node("Where", g.node("Equal", row, behind), g.ints(self.grammar.eom), code)
