"""The graphs of the language model: text encoder, motion step (in either form), its batch or its tokens, its
twin of fixed shapes, and what captions are made by.
"""

from __future__ import annotations

import onnx
from clutch_rt.manifest import CAPTION_ENCODER, MOTION_FIXED
from onnx import TensorProto

from export.fixed_graph import FixedParts, FixedStep, FixedStream
from export.flat_graph import FlatGraph, TokenGraph
from export.graph import Precision
from export.lm_parts import LMParts
from export.step_graph import StepGraph
from export.text_graph import TextEncoderGraph
from export.weights import WeightStore
from models.lm import MotionLM


def lm_graphs(model: MotionLM, store: WeightStore, precision: Precision) -> dict[str, onnx.ModelProto]:
    """The graphs of a model by their names in a manifest; see ``LMParts`` for what is given."""
    lm = LMParts(model, store, precision)
    encoder = TextEncoderGraph(lm)
    graphs = {"text_encoder": encoder.build(), "caption_step": caption_step(lm)}
    if model.caption_plan is not None:
        graphs[CAPTION_ENCODER] = encoder.build_caption()
    fixed = FixedParts(model, store, precision)
    if lm.grammar.form == "flat":
        graphs |= {"motion_step": FlatGraph(lm).build(), "motion_token": TokenGraph(lm).build()}
        return {**graphs, MOTION_FIXED: FixedStream(fixed).build()}
    step = StepGraph(lm)
    graphs["motion_step"] = step.build()
    if precision == "int8":
        graphs["motion_batch"] = step.build_batch()
    return {**graphs, MOTION_FIXED: FixedStep(fixed).build()}


def caption_step(lm: LMParts) -> onnx.ModelProto:
    """One text token to the logits of the next."""
    g = lm.graph("caption_step")
    token = g.input("token", [1], TensorProto.INT64)
    position = g.input("position", [1], TensorProto.INT64)
    cross = g.input("memory", lm.cache_shape("M"))
    cache = g.input("cache", lm.cache_shape("t"))
    x = lm.shared(g, token)
    hidden, grown = lm.decoder(g, x, position, cross, cache)
    text = lm.grammar.text_vocab
    g.output(lm.head(g, hidden, 0, text), "logits", [1, text])
    g.output(grown, "next_cache", lm.cache_shape("t+1"))
    return g.build("One token of a caption: the previous token to the logits of the next.")
