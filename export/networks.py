"""The networks an engine is built from: text encoder, motion step and SHIFT decoder, of fixed shapes.

They have the inputs and outputs of the bundle's graphs, so what runs those runs these; what differs is said
in ``export.fixed_graph``. Only the lengths of the prompt (``L``), of a motion in the text encoder (``S``) and
of the memory (``M``) stay open, each within the limits of the bundle.
"""

from __future__ import annotations

from typing import Final

import onnx
from clutch_rt.ports import BATCH

from export import t5_graph
from export.fixed_graph import FixedParts, FixedShapes
from export.flat_graph import FlatGraph
from export.graph import GraphBuilder, Value
from export.network_builder import EnginePrecision, NetworkBuilder
from export.run_folder import Run
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


class NetworkParts(FixedParts):
    """The parts of a language model, as networks have them."""

    def __init__(self, model: MotionLM, store: WeightStore, precision: EnginePrecision) -> None:
        super().__init__(model, store, "fp32")
        self.engine_precision: EnginePrecision = precision

    def graph(self, name: str) -> GraphBuilder:
        """An empty network, whose caches have the places of a whole motion."""
        return NetworkBuilder(name, self.store, self.engine_precision, self.fixed)


class NetworkStream(FixedShapes, FlatGraph):
    """The motion step of the form ``flat`` as a network: the tokens of a whole step."""


class NetworkStep(FixedShapes, StepGraph):
    """The motion step of the form ``step`` as a network."""

    def _past(self, g: GraphBuilder, rows: int | str) -> t5_graph.Past:
        """Memory and cache in one piece each: an engine has fewer inputs."""
        return self._whole_past(g)

    def _give(self, g: GraphBuilder, grown: list[Value], rows: int | str) -> None:
        self._give_whole(g, grown, "t+1")


class NetworkShift(ShiftGraphs):
    """The SHIFT decoder as a network; its weights are float16 in every precision."""

    def __init__(self, model: Shift, store: WeightStore) -> None:
        super().__init__(model, store, "fp16")

    def _graph(self, name: str) -> GraphBuilder:
        return NetworkBuilder(name, self.store, "fp16", {BATCH: 1})
