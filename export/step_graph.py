"""The motion step of the form ``step``: the codes of 8 frames to those of the next, in one call.

Sampling lies inside. The choice of a slot is ``argmax(top_k(logits / temperature) + noise)``, the rule of
``models.generation.choose``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from clutch_rt.grammar import UNKNOWN
from clutch_rt.ports import BATCH
from onnx import TensorProto

from export import t5_graph
from export.graph import GraphBuilder, Value
from export.lm_parts import LMGraph
from export.row_graph import RowBuilder
from export.sampler import Sampler
from export.t5_graph import Past
from models.rhythm import following

_INT: Final = TensorProto.INT64


class StepGraph(LMGraph):
    """Writes the motion step of a model, for one motion and for several at once.

    Attributes:
        name: of the graph.
    """

    name = "motion_step"

    def build(self) -> onnx.ModelProto:
        """The codes of one step to the codes of the next.

        For B motions at once, but in ``int8``: there the one is made for one, as most users want it.
        """
        g = self.lm.graph(self.name)
        self._write(g, 1 if self.lm.precision == "int8" else BATCH)
        return g.build(
            "One step of 8 frames: the previous step's codes to this step's, sampled under the noise, but "
            f"for those that are given; {UNKNOWN} gives none."
        )

    def build_batch(self) -> onnx.ModelProto:
        """``build`` in ``int8`` for B motions at once: for each the codes that it has alone."""
        g = RowBuilder("motion_batch", self.lm.store, self.lm.precision)
        self._write(g, BATCH)
        return g.build(
            "One step of 8 frames of B motions that are at one position; each as if it were alone."
        )

    def _write(self, g: GraphBuilder, rows: int | str) -> None:
        codes = g.input("codes", [rows, self.slots], _INT)
        rhythm = g.input("rhythm", [rows, 1], _INT) if self.grammar.rhythm else None
        given = g.input("given", [rows, self.slots], _INT)
        position = g.input("position", [1], _INT)
        steps = g.input("steps", [rows], _INT)
        past = self._past(g, rows)
        noise = g.input("noise", [rows, len(self.grammar.drawn), int(self.grammar.drawn.max())])
        temperature = g.input("temperature", [1])
        top_k = g.input("top_k", [1], _INT)

        first = g.node("Equal", position, g.ints(0))
        start = g.weight("start", self.weights["start"][None])
        drawn = self.lm.step_sum(g, codes)
        if rhythm is not None:
            drawn = g.add(
                drawn, g.reshape(self.lm.rows_of(g, "rhythm_embedding", rhythm), -1, self.lm.spec.width)
            )
        previous = g.node("Where", first, start, drawn)
        x = g.add(previous, self._place(g, position, steps))
        hidden, grown = t5_graph.decoder_layers(
            g, self.lm.spec, self.lm.t5, x, position, past, self.lm.max_positions, self._caching()
        )
        sampler = self._sampler(g, temperature, top_k)
        noises = g.split(noise, len(self.grammar.drawn), axis=1)
        chosen = self._depth(g, sampler, hidden, noises, given, rhythm)
        g.output(g.concat(chosen[-self.slots :], axis=1), "next_codes", [rows, self.slots], _INT)
        if rhythm is not None:
            g.output(g.node("Identity", chosen[0]), "next_rhythm", [rows, 1], _INT)
        self._give(g, grown, rows)

    def _past(self, g: GraphBuilder, rows: int | str) -> Past:
        """Memory and cache as inputs, each layer's keys and values alone: nothing is cut or joined."""
        count = 2 * self.lm.spec.decoder_layers
        memories = [g.input(f"memory.{i}", self.lm.layer_shape(rows, "M")) for i in range(count)]
        padding = g.input("padding", [rows, 1, 1, 1, "M"])
        caches = [g.input(f"cache.{i}", self.lm.layer_shape(rows, "t")) for i in range(count)]
        return Past(memories, caches, padding)

    def _give(self, g: GraphBuilder, grown: list[Value], rows: int | str) -> None:
        """The caches with this position as outputs."""
        for i, value in enumerate(grown):
            g.output(value, f"next_cache.{i}", self.lm.layer_shape(rows, "t+1"))

    def _place(self, g: GraphBuilder, position: Value, steps: Value) -> Value:
        remaining = g.node("Max", g.sub(steps, position), g.ints(0))
        names = ("position_embedding", "length_embedding", "remaining_embedding")
        rows = [
            g.gather(self.lm.float_weight(g, f"{name}.weight"), index)
            for name, index in zip(names, (position, steps, remaining), strict=True)
        ]
        return g.add(g.add(rows[0], rows[1]), rows[2])

    def _depth(
        self,
        g: GraphBuilder,
        sampler: Sampler,
        hidden: Value,
        noise: list[Value],
        given: Value,
        rhythm: Value | None,
    ) -> list[Value]:
        """The choices of a step in turn, each seeing the ones before.

        ``hidden (B, d)``, ``noise`` C of ``(B, 1, rows)``, ``given (B, K)`` and the ``rhythm (B, 1)`` of the
        step before to C of ``(B, 1)``.
        """
        chosen: list[Value] = []
        context = g.reshape(hidden, -1, 1, self.lm.spec.width)
        free = g.split(g.node("Equal", given, g.ints(UNKNOWN)), self.slots, axis=1)
        known = g.split(given, self.slots, axis=1)
        sizes = self.grammar.drawn.tolist()
        for c, size in enumerate(sizes):
            norm = self.weights[f"depth_norm.{c}.weight"]
            x = g.rms_norm(context, f"depth_norm.{c}", norm, self.lm.model.config.layer_norm_epsilon)
            x = g.node("Relu", self.lm.linear(g, x, f"depth_mlp.{c}.0"))
            x = g.add(context, self.lm.linear(g, x, f"depth_mlp.{c}.2"))
            logits = g.label(self.lm.linear(g, x, f"depth_head.{c}"), f"logits.{c}")
            if c == 0 and rhythm is not None:
                logits = g.add(logits, self._barred(g, rhythm))
            drawn = sampler.choose(logits, self._noise_of(g, noise[c], size), size)
            slot = c - len(sizes) + self.slots
            chosen.append(drawn if slot < 0 else g.node("Where", free[slot], drawn, known[slot]))
            if c + 1 < len(sizes):
                context = g.add(context, self.lm.rows_of(g, f"depth_embedding.{c}", chosen[-1]))
        return chosen

    def _barred(self, g: GraphBuilder, rhythm: Value) -> Value:
        """Minus infinity for what may not follow ``rhythm (B, 1)``, 0 for the others: ``(B, 1, RHYTHMS)``."""
        table = np.where(following(), np.float16(0.0), np.float16(-np.inf))
        return g.cast(g.gather(g.weight("rhythm.barred", table), rhythm), TensorProto.FLOAT)
