"""The text encoder's graph: a prompt, and what is read from it, to the memory that decoders attend to."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto

from export import t5_graph
from export.graph import GraphBuilder, Value
from export.lm_parts import LMGraph
from models.plan import ACTIONS

_INT: Final = TensorProto.INT64


class TextEncoderGraph(LMGraph):
    """Writes the text encoder of a model."""

    def build(self) -> onnx.ModelProto:
        """Prompt, and perhaps a motion after it, to the memory that decoders attend to."""
        g = self.lm.graph("text_encoder")
        ids = g.input("ids", [1, "L"], _INT)
        codes = g.input("codes", [1, "S", self.slots], _INT)
        x = g.concat([self.lm.shared(g, ids), self._encoder_motion(g, codes)], axis=1)
        hidden = t5_graph.encoder(g, self.lm.spec, self.lm.t5, x)
        text = self._text(g, hidden, ids)
        if self.lm.model.plan is not None:
            hidden, common = self._planned(g, hidden, text, codes)
            text = g.add(text, common)
        g.output(t5_graph.memory(g, self.lm.spec, self.lm.t5, hidden), "memory", self.lm.cache_shape("M"))
        if self.grammar.form == "step":
            logits = self._length_logits(g, text)
            g.output(logits, "length_logits", [1, self.grammar.max_steps])
        return g.build(
            "Prompt ids and the codes of a motion (none, or some) to cross-attention keys and values."
        )

    def _planned(self, g: GraphBuilder, hidden: Value, text: Value, codes: Value) -> tuple[Value, Value]:
        """Draw a plan from ``text (1, L, d)``; put ``hidden (1, M, d)`` under it, where no codes are given.

        Returns:
            hidden ``(1, M + ACTIONS, d)``, or ``(1, M, d)`` where codes are given; and what was added to
            every position of it, ``(1, d)``.
        """
        assert self.lm.model.plan is not None
        sizes, fields = self.lm.model.config.plan_sizes, len(self.lm.model.config.plan)
        noise = g.input("plan_noise", [1, ACTIONS, sum(sizes)])
        temperature = g.input("temperature", [1])
        given = g.node("Min", g.gather(g.node("Shape", codes), g.ints(1)), g.ints(1))
        none_given = g.sub(g.ints(1), given)  # 1 or 0

        scores = g.add(g.node("Div", self._label_scores(g, text), temperature), noise)
        parts = g.nodes("Split", [scores, g.ints(*sizes)], fields, axis=2)
        chosen = g.concat([g.node("ArgMax", part, axis=2, keepdims=1) for part in parts], axis=2)
        g.output(chosen, "plan", [1, ACTIONS, fields], _INT)

        firsts = np.cumsum([0, *sizes[:-1]]).tolist()
        name = "plan.label_embedding"
        rows = g.embedding(name, self.weights[f"{name}.weight"], g.add(chosen, g.ints(*firsts)), tied=False)
        summed = g.add(
            g.node("ReduceSum", rows, g.ints(2), keepdims=0),
            self.lm.float_weight(g, "plan.action_embedding.weight"),
        )
        norm, epsilon = self.weights["plan.norm.weight"], self.lm.model.config.layer_norm_epsilon
        tokens = g.rms_norm(summed, "plan.norm", norm, epsilon)
        x = g.reshape(tokens, 1, ACTIONS * self.lm.spec.width)
        common = self.lm.linear(g, g.node("Relu", self.lm.linear(g, x, "plan.mix.0")), "plan.mix.2")
        common = g.mul(common, g.cast(none_given, TensorProto.FLOAT))
        shown = g.node("Slice", tokens, g.ints(0), g.mul(none_given, g.ints(ACTIONS)), g.ints(1))
        return g.add(g.concat([hidden, shown], axis=1), common), common

    def _label_scores(self, g: GraphBuilder, text: Value) -> Value:
        """``LabelReader`` over ``text (1, L, d)``: scores of every field, ``(1, ACTIONS, sum of sizes)``."""
        assert self.lm.model.plan is not None
        name, d, heads = "plan.reader", self.lm.spec.width, self.lm.model.plan.reader.read.heads
        queries = self.weights[f"{name}.read.queries"].reshape(ACTIONS, heads, d // heads)
        queries = queries * np.float32((d // heads) ** -0.5)
        q = g.weight(f"{name}.queries", np.ascontiguousarray(queries.transpose(1, 0, 2)))
        both = g.reshape(self.lm.exact(g, text, f"{name}.read.keys_values"), -1, 2, heads, d // heads)
        k, v = g.split(g.transpose(both, 1, 2, 0, 3), 2, axis=0)  # (1, heads, L, d / heads) each
        found = g.matmul(g.softmax(g.matmul(q, g.transpose(k, 0, 1, 3, 2))), v)
        read = g.reshape(g.transpose(found, 0, 2, 1, 3), 1, ACTIONS, d)
        return self.lm.exact(g, g.node("Relu", self.lm.exact(g, read, f"{name}.head.0")), f"{name}.head.2")

    def _encoder_motion(self, g: GraphBuilder, codes: Value) -> Value:
        """``(1, S, K)`` codes to ``(1, S, d)``, or ``(1, K S, d)`` in the flat form.

        In the step form unknown codes add nothing: they are led to a row of zeros behind the tables.
        """
        if self.grammar.form == "flat":
            flat = g.add(codes, g.ints(*self.grammar.bases.tolist()))
            return self.lm.shared(g, g.reshape(flat, 1, -1))
        table = self.lm.float_weight(g, "position_embedding.weight")
        count = g.gather(g.node("Shape", codes), g.ints(1))
        places = g.node("Slice", table, g.ints(0), count, g.ints(0))
        return g.add(self.lm.slot_sum(g, codes), places)

    def _text(self, g: GraphBuilder, hidden: Value, ids: Value) -> Value:
        """What of ``hidden (1, M, d)`` comes from the prompt, ``(1, L, d)``."""
        count = g.gather(g.node("Shape", ids), g.ints(1))
        return g.node("Slice", hidden, g.ints(0), count, g.ints(1))

    def _length_logits(self, g: GraphBuilder, text: Value) -> Value:
        x = g.node("ReduceMean", text, axes=[1], keepdims=0)
        x = g.node("Relu", self.lm.exact(g, x, "length_head.0"))
        return self.lm.exact(g, x, "length_head.2")
