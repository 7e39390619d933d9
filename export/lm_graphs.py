"""The graphs of the language model: text encoder, motion step (in either form), its batch, caption step.

Sampling lies inside the motion step, so that a step of 8 frames is one call. The choice of a slot is
``argmax(top_k(logits / temperature) + noise)``, the rule of ``models.generation.choose``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnx
from clutch_rt.grammar import UNKNOWN
from clutch_rt.ports import BATCH
from onnx import TensorProto

from export import t5_graph
from export.graph import GraphBuilder, Precision, Value
from export.row_graph import RowBuilder
from export.t5_graph import GrowingCache, Past, T5Spec
from export.weights import Array, WeightStore
from models.lm import MotionLM
from models.plan import ACTIONS
from models.rhythm import following

CAPTION_TOKENS: Final = 512
"""Positions the decoder's bias table always covers, so that captions have room whatever a motion needs."""

_INT: Final = TensorProto.INT64


class LMGraphs:
    """Writes the graphs of one model into one store.

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

    def all(self) -> dict[str, onnx.ModelProto]:
        """The graphs by their names in a manifest."""
        graphs = {"text_encoder": self.text_encoder(), "caption_step": self.caption_step()}
        if self.grammar.form == "flat":
            return {**graphs, "motion_step": self.flat_form()}
        graphs["motion_step"] = self.step_form()
        if self.precision == "int8":
            graphs["motion_batch"] = self.batch_form()
        return graphs

    # ---- text encoder ---------------------------------------------------------------------------------

    def text_encoder(self) -> onnx.ModelProto:
        """Prompt, and perhaps a motion after it, to the memory that decoders attend to."""
        g = self._graph("text_encoder")
        ids = g.input("ids", [1, "L"], _INT)
        codes = g.input("codes", [1, "S", self.slots], _INT)
        x = g.concat([self._shared(g, ids), self._encoder_motion(g, codes)], axis=1)
        hidden = t5_graph.encoder(g, self.spec, self.t5, x)
        text = self._text(g, hidden, ids)
        if self.model.plan is not None:
            hidden, common = self._planned(g, hidden, text, codes)
            text = g.add(text, common)
        g.output(t5_graph.memory(g, self.spec, self.t5, hidden), "memory", self._cache_shape("M"))
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
        assert self.model.plan is not None
        sizes, fields = self.model.config.plan_sizes, len(self.model.config.plan)
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
            g.node("ReduceSum", rows, g.ints(2), keepdims=0), self._float(g, "plan.action_embedding.weight")
        )
        norm, epsilon = self.weights["plan.norm.weight"], self.model.config.layer_norm_epsilon
        tokens = g.rms_norm(summed, "plan.norm", norm, epsilon)
        x = g.reshape(tokens, 1, ACTIONS * self.spec.width)
        common = self._linear(g, g.node("Relu", self._linear(g, x, "plan.mix.0")), "plan.mix.2")
        common = g.mul(common, g.cast(none_given, TensorProto.FLOAT))
        shown = g.node("Slice", tokens, g.ints(0), g.mul(none_given, g.ints(ACTIONS)), g.ints(1))
        return g.add(g.concat([hidden, shown], axis=1), common), common

    def _label_scores(self, g: GraphBuilder, text: Value) -> Value:
        """``LabelReader`` over ``text (1, L, d)``: scores of every field, ``(1, ACTIONS, sum of sizes)``."""
        assert self.model.plan is not None
        name, d, heads = "plan.reader", self.spec.width, self.model.plan.reader.read.heads
        queries = self.weights[f"{name}.read.queries"].reshape(ACTIONS, heads, d // heads)
        queries = queries * np.float32((d // heads) ** -0.5)
        q = g.weight(f"{name}.queries", np.ascontiguousarray(queries.transpose(1, 0, 2)))
        both = g.reshape(self._exact(g, text, f"{name}.read.keys_values"), -1, 2, heads, d // heads)
        k, v = g.split(g.transpose(both, 1, 2, 0, 3), 2, axis=0)  # (1, heads, L, d / heads) each
        found = g.matmul(g.softmax(g.matmul(q, g.transpose(k, 0, 1, 3, 2))), v)
        read = g.reshape(g.transpose(found, 0, 2, 1, 3), 1, ACTIONS, d)
        return self._exact(g, g.node("Relu", self._exact(g, read, f"{name}.head.0")), f"{name}.head.2")

    def _encoder_motion(self, g: GraphBuilder, codes: Value) -> Value:
        """``(1, S, K)`` codes to ``(1, S, d)``, or ``(1, K S, d)`` in the flat form.

        In the step form unknown codes add nothing: they are led to a row of zeros behind the tables.
        """
        if self.grammar.form == "flat":
            flat = g.add(codes, g.ints(*self.grammar.bases.tolist()))
            return self._shared(g, g.reshape(flat, 1, -1))
        table = self._float(g, "position_embedding.weight")
        count = g.gather(g.node("Shape", codes), g.ints(1))
        places = g.node("Slice", table, g.ints(0), count, g.ints(0))
        return g.add(self._slot_sum(g, codes), places)

    def _text(self, g: GraphBuilder, hidden: Value, ids: Value) -> Value:
        """What of ``hidden (1, M, d)`` comes from the prompt, ``(1, L, d)``."""
        count = g.gather(g.node("Shape", ids), g.ints(1))
        return g.node("Slice", hidden, g.ints(0), count, g.ints(1))

    def _length_logits(self, g: GraphBuilder, text: Value) -> Value:
        x = g.node("ReduceMean", text, axes=[1], keepdims=0)
        x = g.node("Relu", self._exact(g, x, "length_head.0"))
        return self._exact(g, x, "length_head.2")

    # ---- motion step, form "step" ---------------------------------------------------------------------

    def step_form(self) -> onnx.ModelProto:
        """The codes of one step to the codes of the next.

        For B motions at once, but in ``int8``: there the one is made for one, as most users want it.
        """
        g = self._graph("motion_step")
        self._write_step(g, 1 if self.precision == "int8" else BATCH)
        return g.build(
            "One step of 8 frames: the previous step's codes to this step's, sampled under the noise, but "
            f"for those that are given; {UNKNOWN} gives none."
        )

    def batch_form(self) -> onnx.ModelProto:
        """``step_form`` in ``int8`` for B motions at once: for each the codes that it has alone."""
        g = RowBuilder("motion_batch", self.store, self.precision)
        self._write_step(g, BATCH)
        return g.build(
            "One step of 8 frames of B motions that are at one position; each as if it were alone."
        )

    def _write_step(self, g: GraphBuilder, rows: int | str) -> None:
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
        drawn = self._step_sum(g, codes)
        if rhythm is not None:
            drawn = g.add(drawn, g.reshape(self._rows_of(g, "rhythm_embedding", rhythm), -1, self.spec.width))
        previous = g.node("Where", first, start, drawn)
        x = g.add(previous, self._place(g, position, steps))
        hidden, grown = t5_graph.decoder_layers(
            g, self.spec, self.t5, x, position, past, self._max_positions, self._caching()
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
        count = 2 * self.spec.decoder_layers
        memories = [g.input(f"memory.{i}", self._layer_shape(rows, "M")) for i in range(count)]
        padding = g.input("padding", [rows, 1, 1, 1, "M"])
        caches = [g.input(f"cache.{i}", self._layer_shape(rows, "t")) for i in range(count)]
        return Past(memories, caches, padding)

    def _give(self, g: GraphBuilder, grown: list[Value], rows: int | str) -> None:
        """The caches with this position as outputs."""
        for i, value in enumerate(grown):
            g.output(value, f"next_cache.{i}", self._layer_shape(rows, "t+1"))

    def _layer_shape(self, rows: int | str, length: str) -> list[int | str]:
        return [rows, *self._cache_shape(length)[1:]]

    def _caching(self) -> GrowingCache:
        return GrowingCache()

    def _place(self, g: GraphBuilder, position: Value, steps: Value) -> Value:
        remaining = g.node("Max", g.sub(steps, position), g.ints(0))
        names = ("position_embedding", "length_embedding", "remaining_embedding")
        rows = [
            g.gather(self._float(g, f"{name}.weight"), index)
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
        context = g.reshape(hidden, -1, 1, self.spec.width)
        free = g.split(g.node("Equal", given, g.ints(UNKNOWN)), self.slots, axis=1)
        known = g.split(given, self.slots, axis=1)
        sizes = self.grammar.drawn.tolist()
        for c, size in enumerate(sizes):
            norm = self.weights[f"depth_norm.{c}.weight"]
            x = g.rms_norm(context, f"depth_norm.{c}", norm, self.model.config.layer_norm_epsilon)
            x = g.node("Relu", self._linear(g, x, f"depth_mlp.{c}.0"))
            x = g.add(context, self._linear(g, x, f"depth_mlp.{c}.2"))
            logits = g.label(self._linear(g, x, f"depth_head.{c}"), f"logits.{c}")
            if c == 0 and rhythm is not None:
                logits = g.add(logits, self._barred(g, rhythm))
            drawn = sampler.choose(logits, self._rows(g, noise[c], size), size)
            slot = c - len(sizes) + self.slots
            chosen.append(drawn if slot < 0 else g.node("Where", free[slot], drawn, known[slot]))
            if c + 1 < len(sizes):
                context = g.add(context, self._rows_of(g, f"depth_embedding.{c}", chosen[-1]))
        return chosen

    def _barred(self, g: GraphBuilder, rhythm: Value) -> Value:
        """Minus infinity for what may not follow ``rhythm (B, 1)``, 0 for the others: ``(B, 1, RHYTHMS)``."""
        table = np.where(following(), np.float16(0.0), np.float16(-np.inf))
        return g.cast(g.gather(g.weight("rhythm.barred", table), rhythm), TensorProto.FLOAT)

    def _rows_of(self, g: GraphBuilder, table: str, index: Value) -> Value:
        """Rows of an embedding table that is read and never multiplied by."""
        return g.embedding(table, self.weights[f"{table}.weight"], index, tied=False)

    def _rows(self, g: GraphBuilder, noise: Value, size: int) -> Value:
        if size == self.grammar.drawn.max():
            return noise
        return g.node("Slice", noise, g.ints(0), g.ints(size), g.ints(2))

    # ---- motion step, form "flat" ---------------------------------------------------------------------

    def flat_form(self) -> onnx.ModelProto:
        """One token of the stream ``<som> t p t p ... <eom>`` to the next."""
        g, grammar = self._graph("motion_step"), self.grammar
        token = g.input("token", [1], _INT)
        slot = g.input("slot", [1], _INT)
        position = g.input("position", [1], _INT)
        eom_bias = g.input("eom_bias", [1])
        cross = g.input("memory", self._cache_shape("M"))
        cache = g.input("cache", self._cache_shape("t"))
        noise = g.input("noise", [grammar.max_codes + 1])
        temperature = g.input("temperature", [1])
        top_k = g.input("top_k", [1], _INT)

        x = self._shared(g, token)
        hidden, grown = self._decoder(g, x, position, cross, cache)
        logits = self._slot_logits(g, hidden, slot, eom_bias)
        rows = g.gather(g.node("Shape", logits), g.ints(1))
        noise_rows = g.node("Slice", noise, g.ints(0), rows, g.ints(0))
        row = self._sampler(g, temperature, top_k).choose(logits, noise_rows)
        g.output(self._flat_id(g, row, slot), "next_token", [1], _INT)
        g.output(grown, "next_cache", self._cache_shape("t+1"))
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
        together = self._head(g, hidden, grammar.eom, grammar.vocab)  # <eom>, trajectory, the other codebooks
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

    # ---- captions -------------------------------------------------------------------------------------

    def caption_step(self) -> onnx.ModelProto:
        """One text token to the logits of the next."""
        g = self._graph("caption_step")
        token = g.input("token", [1], _INT)
        position = g.input("position", [1], _INT)
        cross = g.input("memory", self._cache_shape("M"))
        cache = g.input("cache", self._cache_shape("t"))
        x = self._shared(g, token)
        hidden, grown = self._decoder(g, x, position, cross, cache)
        text = self.grammar.text_vocab
        g.output(self._head(g, hidden, 0, text), "logits", [1, text])
        g.output(grown, "next_cache", self._cache_shape("t+1"))
        return g.build("One token of a caption: the previous token to the logits of the next.")

    # ---- shared parts ---------------------------------------------------------------------------------

    @property
    def _max_positions(self) -> int:
        motion = (
            self.grammar.max_steps if self.grammar.form == "step" else self.slots * self.grammar.max_steps + 1
        )
        return max(motion, CAPTION_TOKENS)

    def _graph(self, name: str) -> GraphBuilder:
        return GraphBuilder(name, self.store, self.precision)

    def _decoder(
        self, g: GraphBuilder, x: Value, position: Value, cross: Value, cache: Value
    ) -> tuple[Value, Value]:
        """One position through the decoder; hidden ``(1, d)`` and the cache with this position."""
        return t5_graph.decoder_step(g, self.spec, self.t5, x, position, cross, cache, self._max_positions)

    def _sampler(self, g: GraphBuilder, temperature: Value, top_k: Value) -> Sampler:
        return Sampler(g, temperature, top_k)

    def _cache_shape(self, length: str) -> list[int | str]:
        return [2 * self.spec.decoder_layers, 1, self.spec.heads, length, self.spec.head_width]

    def _shared(self, g: GraphBuilder, ids: Value) -> Value:
        return g.embedding("shared", self.t5["shared.weight"], ids)

    def _head(self, g: GraphBuilder, hidden: Value, first: int, last: int) -> Value:
        """Logits over rows ``first`` to ``last`` of the output table."""
        if self.model.config.scale_outputs:
            hidden = g.mul(hidden, g.scalar(float(self.spec.width**-0.5)))
        tied = "lm_head.weight" not in self.t5
        name = "shared" if tied else "lm_head"
        return g.tied_head(hidden, name, self.t5[f"{name}.weight"], first, last)

    def _slot_sum(self, g: GraphBuilder, codes: Value) -> Value:
        """Sum of the slot embeddings of codes ``(1, S, K)``: ``(1, S, d)``; unknown ones add 0."""
        firsts, zero = self._slot_rows()
        index = g.add(codes, g.ints(*firsts))
        index = g.node("Where", g.node("Equal", codes, g.ints(UNKNOWN)), g.ints(zero), index)
        return g.node("ReduceSum", self._slot_embeddings(g, index), g.ints(2), keepdims=0)

    def _step_sum(self, g: GraphBuilder, codes: Value) -> Value:
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

    def _float(self, g: GraphBuilder, name: str) -> Value:
        return g.weight(name, self.weights[name])

    def _linear(self, g: GraphBuilder, x: Value, name: str) -> Value:
        """A torch Linear of the model, in the precision of the graph."""
        weight = np.ascontiguousarray(self.weights[f"{name}.weight"].T)
        return g.linear(x, name, weight, self.weights[f"{name}.bias"])

    def _exact(self, g: GraphBuilder, x: Value, name: str) -> Value:
        """A torch Linear kept in float32: such a head runs once, and decides what all else hangs on."""
        weight = np.ascontiguousarray(self.weights[f"{name}.weight"].T)
        product = g.matmul(x, g.weight(f"{name}.weight", weight))
        bias = f"{name}.bias"
        return g.add(product, self._float(g, bias)) if bias in self.weights else product


class Sampler:
    """Chooses one row of logits under temperature, top-k and Gumbel noise."""

    def __init__(self, g: GraphBuilder, temperature: Value, top_k: Value) -> None:
        self._g = g
        self._temperature = temperature
        # No cut is a bar that everything passes: TopK then finds one row, where keeping all would sort all.
        none = g.node("LessOrEqual", top_k, g.ints(0))
        self._k = g.node("Max", top_k, g.ints(1))
        self._cuts: dict[int, Value] = {}
        self._most = g.node("Where", none, g.scalar(float("-inf")), g.scalar(float("inf")))

    def choose(self, logits: Value, noise: Value, size: int | None = None) -> Value:
        """The row that is drawn of each motion, int64.

        Args:
            logits: ``(..., rows)``.
            noise: such as can be added to them.
            size: how many rows there are; None where only the graph knows, and then logits are ``(1, rows)``.
        """
        g = self._g
        scores = g.node("Div", logits, self._temperature)
        kept = g.node("Where", self._below(scores, size), g.scalar(float("-inf")), scores)
        return g.node("ArgMax", g.add(kept, noise), axis=-1, keepdims=0)

    def _below(self, scores: Value, size: int | None) -> Value:
        """Which of ``scores (..., rows)`` are below the k-th best of their motion, bool of the same shape."""
        g = self._g
        k = self._cut(size) if size else g.node("Min", self._k, g.gather(g.node("Shape", scores), g.ints(1)))
        best = g.nodes("TopK", [scores, k], 2, axis=-1)[0]
        bar = g.node("Min", g.node("ReduceMin", best, axes=[-1], keepdims=1), self._most)
        return g.node("Less", scores, bar)

    def _cut(self, size: int) -> Value:
        if size not in self._cuts:
            self._cuts[size] = self._g.node("Min", self._k, self._g.ints(size))
        return self._cuts[size]
