"""The encoder's graphs: a prompt, perhaps a motion, and what is read of them, to what decoders attend to."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from clutch_rt.manifest import CAPTION_ENCODER
from onnx import TensorProto

from export import t5_graph
from export.graph import GraphBuilder, Value
from export.lm_parts import LMGraph
from models.plan import ACTIONS

_INT: Final = TensorProto.INT64


class TextEncoderGraph(LMGraph):
    """Writes the text encoder of a model, and where captions are planned the encoder of their motions."""

    def build(self) -> onnx.ModelProto:
        """Prompt, and perhaps a motion after it, to the memory that decoders attend to."""
        g = self.lm.graph("text_encoder")
        ids, codes, hidden = self._read(g)
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

    def build_caption(self) -> onnx.ModelProto:
        """Prompt and motion to the memory that a caption attends to, under the plan read of the motion."""
        g = self.lm.graph(CAPTION_ENCODER)
        _, _, hidden = self._read(g)
        chosen = self._chosen(g, self._label_scores(g, hidden))
        g.output(chosen, "plan", [1, ACTIONS, len(self.lm.model.config.plan)], _INT)
        tokens, common = self._plan(g, chosen)
        hidden = g.add(g.concat([hidden, tokens], axis=1), common)
        g.output(t5_graph.memory(g, self.lm.spec, self.lm.t5, hidden), "memory", self.lm.cache_shape("M"))
        return g.build("Prompt ids and the codes of a motion to cross-attention keys and values, to be told.")

    def _read(self, g: GraphBuilder) -> tuple[Value, Value, Value]:
        """Inputs ids ``(1, L)`` and codes ``(1, S, K)``, and the encoder's ``(1, M, d)`` of both."""
        ids = g.input("ids", [1, "L"], _INT)
        codes = g.input("codes", [1, "S", self.slots], _INT)
        x = g.concat([self.lm.shared(g, ids), self._encoder_motion(g, codes)], axis=1)
        return ids, codes, t5_graph.encoder(g, self.lm.spec, self.lm.t5, x)

    def _planned(self, g: GraphBuilder, hidden: Value, text: Value, codes: Value) -> tuple[Value, Value]:
        """Draw a plan from ``text (1, L, d)``; put ``hidden (1, M, d)`` under it, where no codes are given.

        Returns:
            hidden ``(1, M + ACTIONS, d)``, or ``(1, M, d)`` where codes are given; and what was added to
            every position of it, ``(1, d)``.
        """
        assert self.lm.model.plan is not None
        noise = g.input("plan_noise", [1, ACTIONS, sum(self.lm.model.config.plan_sizes)])
        temperature = g.input("temperature", [1])
        given = g.node("Min", g.gather(g.node("Shape", codes), g.ints(1)), g.ints(1))
        none_given = g.sub(g.ints(1), given)  # 1 or 0

        scores = g.add(g.node("Div", self._label_scores(g, text), temperature), noise)
        chosen = self._chosen(g, scores)
        g.output(chosen, "plan", [1, ACTIONS, len(self.lm.model.config.plan)], _INT)
        tokens, common = self._plan(g, chosen)
        common = g.mul(common, g.cast(none_given, TensorProto.FLOAT))
        shown = g.node("Slice", tokens, g.ints(0), g.mul(none_given, g.ints(ACTIONS)), g.ints(1))
        return g.add(g.concat([hidden, shown], axis=1), common), common

    def _chosen(self, g: GraphBuilder, scores: Value) -> Value:
        """The best label of every field ``(1, ACTIONS, fields)`` by scores ``(1, ACTIONS, sum of sizes)``."""
        sizes = self.lm.model.config.plan_sizes
        parts = g.nodes("Split", [scores, g.ints(*sizes)], len(sizes), axis=2)
        return g.concat([g.node("ArgMax", part, axis=2, keepdims=1) for part in parts], axis=2)

    def _plan(self, g: GraphBuilder, chosen: Value) -> tuple[Value, Value]:
        """``Plan`` of labels ``(1, ACTIONS, fields)``: positions ``(1, ACTIONS, d)``, a vector ``(1, d)``."""
        firsts = np.cumsum([0, *self.lm.model.config.plan_sizes[:-1]]).tolist()
        name = "plan.label_embedding"
        rows = g.embedding(name, self.weights[f"{name}.weight"], g.add(chosen, g.ints(*firsts)), tied=False)
        summed = g.add(
            g.node("ReduceSum", rows, g.ints(2), keepdims=0),
            self.lm.float_weight(g, "plan.action_embedding.weight"),
        )
        norm, epsilon = self.weights["plan.norm.weight"], self.lm.model.config.layer_norm_epsilon
        tokens = g.rms_norm(summed, "plan.norm", norm, epsilon)
        x = g.reshape(tokens, 1, ACTIONS * self.lm.spec.width)
        return tokens, self.lm.linear(g, g.node("Relu", self.lm.linear(g, x, "plan.mix.0")), "plan.mix.2")

    def _label_scores(self, g: GraphBuilder, read: Value) -> Value:
        """``LabelReader`` over ``read (1, L, d)``: scores of every field, ``(1, ACTIONS, sum of sizes)``."""
        assert self.lm.model.plan is not None
        name, d, heads = "plan.reader", self.lm.spec.width, self.lm.model.plan.reader.read.heads
        queries = self.weights[f"{name}.read.queries"].reshape(ACTIONS, heads, d // heads)
        queries = queries * np.float32((d // heads) ** -0.5)
        q = g.weight(f"{name}.queries", np.ascontiguousarray(queries.transpose(1, 0, 2)))
        both = g.reshape(self.lm.exact(g, read, f"{name}.read.keys_values"), -1, 2, heads, d // heads)
        k, v = g.split(g.transpose(both, 1, 2, 0, 3), 2, axis=0)  # (1, heads, L, d / heads) each
        found = g.matmul(g.softmax(g.matmul(q, g.transpose(k, 0, 1, 3, 2))), v)
        found = g.reshape(g.transpose(found, 0, 2, 1, 3), 1, ACTIONS, d)
        return self.lm.exact(g, g.node("Relu", self.lm.exact(g, found, f"{name}.head.0")), f"{name}.head.2")

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
