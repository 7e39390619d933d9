"""The compiled library and a bundle: where it finds its weights, and that it draws the graphs' codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
from clutch_rt.bundle import Bundle
from clutch_rt.engine import Engine
from clutch_rt.native_encoder import SECTION as ENCODER
from clutch_rt.native_library import VARIABLE, Absence, Library, library
from clutch_rt.native_sizes import ACTIVATIONS
from clutch_rt.native_step import refusal
from clutch_rt.native_weights import SECTION
from clutch_rt.options import Request
from clutch_rt.sessions import Sessions
from onnx import TensorProto

from export.agreement import ParityError, parting
from export.driver import Draw
from export.t5_graph import T5Spec
from export.weights import WEIGHTS_FILE
from models.causal import ChannelNorm
from models.lm import MotionLM
from models.plan import ACTIONS
from models.shift import Shift

_GRAPHS: Final = ("text_encoder", "motion_step", "shift_decoder")  # whose weights the library reads
# A wrong network parts from the graph at the first codes; in float32 hardly a choice hangs on a last bit, in
# 8 bits a rounding may part the two half a motion later.
_LED_ALIKE: Final[Mapping[str, float]] = {"fp32": 0.9, "fp16": 0.9, "int8": 0.3}
_TYPES: Final[Mapping[int, str]] = {
    TensorProto.FLOAT: "f4",
    TensorProto.FLOAT16: "f2",
    TensorProto.UINT8: "u1",
    TensorProto.INT8: "i1",
}


def native_section(
    graphs: Mapping[str, onnx.ModelProto], model: MotionLM, shift: Shift | None = None
) -> dict[str, Any]:
    """What a manifest tells the library of a bundle; nothing where it knows no such network.

    Args:
        graphs: text encoder and motion step, their weights in the bundle's file; SHIFT's decoder too where
            ``shift`` is given.
        model: that they were written from.
        shift: that the decoder was written from; None tells of no SHIFT.
    """
    spec = T5Spec.of(model.t5.config)
    if spec.activation not in ACTIVATIONS:
        return {}
    told = {name: _tensors(graphs[name]) for name in _GRAPHS if name in graphs}
    network = {
        "width": spec.width,
        "heads": spec.heads,
        "head_width": spec.head_width,
        "layers": spec.decoder_layers,
        "hidden": model.t5.config.d_ff,
        "gated": spec.gated,
        "activation": spec.activation,
        "depth_hidden": _count(model, "depth_mlp.0.0.bias"),
        "positions": told["motion_step"]["decoder.position_bias"][2][-1],
        "epsilon": spec.epsilon,
        "factor": spec.width**-0.5 if model.config.scale_outputs else 1.0,
    }
    section: dict[str, Any] = {"weights": WEIGHTS_FILE, "network": network, ENCODER: _encoder(model, spec)}
    if shift is not None:
        section["shift"] = {
            "code_size": shift.config.code_size,
            "epsilon": ChannelNorm(1).eps,
            "widths": list(shift.config.widths[::-1]),
            "depths": [shift.config.depth] * (len(shift.config.widths) - 1) + [shift.config.out_depth],
        }
    tensors = {name: where for found in told.values() for name, where in found.items()}
    return {SECTION: {**section, "tensors": tensors}}


def _encoder(model: MotionLM, spec: T5Spec) -> dict[str, Any]:
    """The sizes of the text encoder that are not those of the decoder too."""
    section: dict[str, Any] = {
        "vocabulary": model.t5.config.vocab_size,
        "layers": spec.encoder_layers,
        "far": spec.max_distance,
        "lengths": _count(model, "length_head.2.bias"),
        "length_hidden": _count(model, "length_head.0.bias"),
    }
    if model.plan is not None:
        section["plan"] = {
            "actions": ACTIONS,
            "sizes": list(model.config.plan_sizes),
            "heads": model.plan.reader.read.heads,
            "hidden": _count(model, "plan.reader.head.0.bias"),
            "mix_hidden": _count(model, "plan.mix.0.bias"),
        }
    return section


def _count(model: MotionLM, bias: str) -> int:
    """Outputs of the layer that a bias belongs to; 0 where the model has none."""
    return len(model.state_dict().get(bias, ()))


def _tensors(graph: onnx.ModelProto) -> dict[str, list[Any]]:
    """Offset, type and shape of what a graph has in the bundle's file, by name."""
    return {
        t.name: [_offset(t), _TYPES[t.data_type], list(t.dims)]
        for t in graph.graph.initializer
        if t.external_data and t.data_type in _TYPES
    }


def check_native(
    bundle: Bundle, prompts: Sequence[Sequence[int]], draw: Draw, log: Callable[[str], None]
) -> None:
    """Hold the compiled step against the graph it stands for, where this machine has it.

    Both draw the motions of ``prompts`` under the same noise. What they sum in float32 they sum in other
    orders, so a choice may fall otherwise, in 8 bits above all, where a value may be rounded otherwise.

    Raises:
        ParityError: they part too soon.
    """
    found = library()
    if isinstance(found, Absence) or refusal(bundle):
        return
    made = [_drawn(bundle, which, prompts, draw) for which in (found, Absence("the graph is wanted"))]
    led = [parting(*pair) / max(1, *map(len, pair)) for pair in zip(*made, strict=True)]
    share = sum(led) / len(led)
    log(f"  {found.kernels:14} codes of the graph's, led alike for {share:.3f} of {len(led)} motions")
    wanted = _LED_ALIKE[bundle.manifest.precision]
    if share < wanted:
        raise ParityError(
            f"the compiled step draws other codes than graph motion_step: they go alike for {share:.3f} of a "
            f"motion, {wanted} is wanted; no bundle was written. Report it, and export with "
            f"{VARIABLE}=0 meanwhile"
        )


def _drawn(
    bundle: Bundle, which: Library | Absence, prompts: Sequence[Sequence[int]], draw: Draw
) -> list[list[int]]:
    """Codes of the motions of prompts, end to end, by the compiled step or by the graph."""
    sessions, motions = Sessions(bundle, "cpu", 1, which), []
    engine = Engine(bundle.manifest, sessions)
    try:
        for seed, prompt in enumerate(prompts):
            request = Request(None, seed, draw.temperature, draw.top_k)
            memory = engine.remember(np.asarray([prompt], np.int64), request)
            steps = engine.steps(memory, request, engine.length(memory, request))
            motions.append([int(code) for codes in steps for code in codes])
    finally:
        sessions.close()
    return motions


def _offset(tensor: TensorProto) -> int:
    return next(int(entry.value) for entry in tensor.external_data if entry.key == "offset")
