"""The motion steps of the form ``flat``: a whole step of the stream in one call, and one token in a call."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto

from export import t5_graph
from export.graph import GraphBuilder, Value
from export.lm_parts import LMGraph

_INT: Final = TensorProto.INT64


class FlatGraph(LMGraph):
    """Writes the motion step of a model that makes a whole step of the stream in a call.

    Attributes:
        name: of the graph.
    """

    name = "motion_step"

    def build(self) -> onnx.ModelProto:
        """The K codes of one step to those of the next, one after another through the decoder.

        They are rows of their codebooks; where the stream ends, the first is the row behind its codebook, and
        the others say nothing.
        """
        g, grammar = self.lm.graph(self.name), self.grammar
        codes = g.input("codes", [1, self.slots], _INT)
        position = g.input("position", [1], _INT)
        eom_bias = g.input("eom_bias", [1])
        past = self._whole_past(g)
        noise = g.input("noise", [1, self.slots, int(grammar.drawn.max())])
        temperature, top_k = g.input("temperature", [1]), g.input("top_k", [1], _INT)

        sampler, caching = self._sampler(g, temperature, top_k), self._caching()
        noises = g.split(g.reshape(noise, self.slots, -1), self.slots, axis=0)
        token = self._before(g, codes, position)
        place = g.node("Mul", position, g.ints(self.slots))
        rows = []
        for k in range(self.slots):
            hidden, grown = t5_graph.decoder_layers(
                g,
                self.lm.spec,
                self.lm.t5,
                self.lm.shared(g, token),
                g.add(place, g.ints(k)),
                past,
                self.lm.max_positions,
                caching,
            )
            past = replace(past, caches=grown)
            logits = g.label(self._codebook_logits(g, hidden, k, eom_bias), f"logits.{k}")
            size = int(grammar.drawn[k])
            rows.append(sampler.choose(logits, self._noise_of(g, noises[k], size), size))
            token = g.add(rows[-1], g.ints(grammar.base(k)))
        g.output(g.reshape(g.concat(rows, axis=0), 1, self.slots), "next_codes", [1, self.slots], _INT)
        self._give_whole(g, past.caches, f"t+{self.slots}")
        return g.build(
            "One step of the motion stream, token by token: the previous step's codes to this step's, "
            "sampled under the noise."
        )

    def _before(self, g: GraphBuilder, codes: Value, position: Value) -> Value:
        """The token before a step: the last of ``codes (1, K)``, or ``<som>``."""
        last = g.reshape(g.gather(codes, g.ints(self.slots - 1), axis=1), 1)
        token = g.add(last, g.ints(self.grammar.base(self.slots - 1)))
        return g.node("Where", g.node("Equal", position, g.ints(0)), g.ints(self.grammar.som), token)

    def _codebook_logits(self, g: GraphBuilder, hidden: Value, slot: int, eom_bias: Value) -> Value:
        """Logits of a slot's codebook, and at slot 0 the biased ``<eom>`` as the last: ``(1, rows)``."""
        first = self.grammar.base(slot)
        logits = self.lm.head(g, hidden, first, first + self.grammar.size(slot))
        if slot:
            return logits
        eom = self.lm.head(g, hidden, self.grammar.eom, self.grammar.eom + 1)
        return g.concat([logits, g.add(eom, eom_bias)], axis=1)


class TokenGraph(LMGraph):
    """Writes the motion step of a model that makes one token of the stream in a call."""

    def build(self) -> onnx.ModelProto:
        """One token of the stream ``<som> t p t p ... <eom>`` to the next."""
        g, grammar = self.lm.graph("motion_token"), self.grammar
        token = g.input("token", [1], _INT)
        slot = g.input("slot", [1], _INT)
        position = g.input("position", [1], _INT)
        eom_bias = g.input("eom_bias", [1])
        cross = g.input("memory", self.lm.cache_shape("M"))
        cache = g.input("cache", self.lm.cache_shape("t"))
        noise = g.input("noise", [int(grammar.drawn.max())])
        temperature = g.input("temperature", [1])
        top_k = g.input("top_k", [1], _INT)

        x = self.lm.shared(g, token)
        hidden, grown = self.lm.decoder(g, x, position, cross, cache)
        logits = self._slot_logits(g, hidden, slot, eom_bias)
        rows = g.gather(g.node("Shape", logits), g.ints(1))
        noise_rows = g.node("Slice", noise, g.ints(0), rows, g.ints(0))
        row = self._sampler(g, temperature, top_k).choose(logits, noise_rows)
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
