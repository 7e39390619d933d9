"""The networks an engine is built from: text encoder, motion step and SHIFT decoder, of fixed shapes.

They have the inputs and outputs of the bundle's graphs, so what runs those runs these. What differs:

* the cache has a place for every position from the start. The step writes its keys and values at
  ``position`` and masks what lies behind it; a cache of zeros is an empty one. So a step has one shape, which
  a CUDA graph can capture, and nothing is copied to a longer buffer.
* top-k counts for every code how many score better, and sorts nothing: the shape of nothing depends on a
  value, and the choice is the same to the last tie.

Only the lengths of the prompt (``L``), of a motion in the text encoder (``S``) and of the memory (``M``)
stay open, each within the limits of the bundle.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from clutch_rt.ports import BATCH
from onnx import TensorProto

from export import t5_graph
from export.flat_graph import FlatGraph
from export.graph import GraphBuilder, Value
from export.lm_parts import LMGraph, LMParts
from export.network_builder import EnginePrecision, NetworkBuilder
from export.run_folder import Run
from export.sampler import Sampler
from export.shift_graphs import ShiftGraphs
from export.step_graph import StepGraph
from export.text_graph import TextEncoderGraph
from export.weights import WeightStore
from models.lm import MotionLM
from models.shift import Shift

Shapes = tuple[list[int], list[int], list[int]]
"""Smallest, usual and largest shape of an input."""

NETWORKS: Final = ("text_encoder", "motion_step", "shift_decoder")

_USUAL_PROMPT: Final = 24
_MASKED: Final = -1e9


def networks(run: Run, store: WeightStore, precision: EnginePrecision) -> dict[str, onnx.ModelProto]:
    """The networks of a run by name; their weights go to ``store``."""
    lm = NetworkParts(run.model, store, precision)
    step = NetworkStep(lm) if lm.grammar.form == "step" else NetworkStream(lm)
    built = (TextEncoderGraph(lm).build(), step.build(), NetworkShift(run.shift, store).decoder())
    return dict(zip(NETWORKS, built, strict=True))


def profiles(model: onnx.ModelProto, max_prompt: int, max_steps: int) -> dict[str, Shapes]:
    """Shapes of the inputs that have an open dimension, by name."""
    usual = min(_USUAL_PROMPT, max_prompt)
    ranges = {"L": (1, usual, max_prompt), "S": (0, 0, max_steps), "M": (1, usual, max_prompt + max_steps)}
    found = {}
    for entry in model.graph.input:
        dims = entry.type.tensor_type.shape.dim
        if any(d.dim_param for d in dims):
            rows = [ranges[d.dim_param] if d.dim_param else (d.dim_value,) * 3 for d in dims]
            smallest, common, largest = ([row[i] for row in rows] for i in range(3))
            found[entry.name] = (smallest, common, largest)
    return found


class NetworkParts(LMParts):
    """The parts of a language model, as networks have them."""

    def __init__(self, model: MotionLM, store: WeightStore, precision: EnginePrecision) -> None:
        super().__init__(model, store, "fp32")
        self.engine_precision: EnginePrecision = precision

    @property
    def max_positions(self) -> int:
        """Those of a motion: there is no network of captions."""
        return self.motion_positions

    def graph(self, name: str) -> GraphBuilder:
        """An empty network, whose caches have the places of a whole motion."""
        fixed = dict.fromkeys(("t", "t+1", f"t+{self.slots}"), self.max_positions) | {BATCH: 1}
        return NetworkBuilder(name, self.store, self.engine_precision, fixed)


class FixedShapes(LMGraph):
    """What makes a step's shapes depend on no value and no position."""

    def _caching(self) -> FixedCache:
        return FixedCache()

    def _sampler(self, g: GraphBuilder, temperature: Value, top_k: Value) -> Sampler:
        return FixedSampler(g, temperature, top_k)


class NetworkStream(FixedShapes, FlatGraph):
    """The motion step of the form ``flat`` as a network: the tokens of a whole step."""


class NetworkStep(FixedShapes, StepGraph):
    """The motion step of the form ``step`` as a network."""

    def _past(self, g: GraphBuilder, rows: int | str) -> t5_graph.Past:
        """Memory and cache in one piece each: fewer addresses for a CUDA graph to hold."""
        return self._whole_past(g)

    def _give(self, g: GraphBuilder, grown: list[Value], rows: int | str) -> None:
        self._give_whole(g, grown, "t+1")


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


class NetworkShift(ShiftGraphs):
    """The SHIFT decoder as a network; its weights are float16 in every precision."""

    def __init__(self, model: Shift, store: WeightStore) -> None:
        super().__init__(model, store, "fp16")

    def _graph(self, name: str) -> GraphBuilder:
        return NetworkBuilder(name, self.store, "fp16", {BATCH: 1})
