"""Where the compiled library of the runtime finds the weights of a step: a section of the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import onnx
from clutch_rt.native_step import ACTIVATIONS, SECTION
from onnx import TensorProto

from export.t5_graph import T5Spec
from export.weights import WEIGHTS_FILE
from models.lm import MotionLM

NATIVE: Final = SECTION
_TYPES: Final[Mapping[int, str]] = {
    TensorProto.FLOAT: "f4",
    TensorProto.FLOAT16: "f2",
    TensorProto.UINT8: "u1",
    TensorProto.INT8: "i1",
}


def native_section(step: onnx.ModelProto, model: MotionLM) -> dict[str, Any]:
    """What a manifest tells the library of an 8-bit step graph; nothing where it knows no such network.

    Args:
        step: the graph, its weights in the bundle's file.
        model: that it was written from.
    """
    spec = T5Spec.of(model.t5.config)
    if spec.activation not in ACTIVATIONS:
        return {}
    tensors: dict[str, list[Any]] = {
        t.name: [_offset(t), _TYPES[t.data_type], list(t.dims)]
        for t in step.graph.initializer
        if t.external_data and t.data_type in _TYPES
    }
    network = {
        "width": spec.width,
        "heads": spec.heads,
        "head_width": spec.head_width,
        "layers": spec.decoder_layers,
        "hidden": model.t5.config.d_ff,
        "gated": spec.gated,
        "activation": spec.activation,
        "depth_hidden": len(model.state_dict().get("depth_mlp.0.0.bias", ())),
        "positions": tensors["decoder.position_bias"][2][-1],
        "epsilon": spec.epsilon,
        "factor": spec.width**-0.5 if model.config.scale_outputs else 1.0,
    }
    return {NATIVE: {"weights": WEIGHTS_FILE, "network": network, "tensors": tensors}}


def _offset(tensor: TensorProto) -> int:
    return next(int(entry.value) for entry in tensor.external_data if entry.key == "offset")
