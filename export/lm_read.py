"""The language model back from its graphs: the inverse of ``export.lm_graphs``, of all that it puts together.

What decides the model's shape is read from the graphs themselves, whose shapes, names and constants say it;
what the writers joined is taken apart; and the rest is a torch module each, whose weights stand under its
name. The names of a plan's fields and values are in no graph, and nothing that is computed hangs on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import onnx
import torch
from clutch_rt.grammar import Grammar
from clutch_rt.manifest import CAPTION_ENCODER
from torch import nn
from transformers.models.t5.modeling_t5 import T5LayerNorm

from export.stored import Stored, Unreadable, constant
from export.t5_graph import T5Spec, bias_by_distance, embedding_of_bias
from export.weights import Array
from models.lm import LMConfig, MotionLM

GRAPHS: Final = ("text_encoder", "motion_step", "caption_step")
MORE_GRAPHS: Final = (CAPTION_ENCODER,)
"""Those of them that not every bundle has."""

_BIAS: Final = "{}.block.0.layer.0.SelfAttention.relative_attention_bias"


def read_lm(stored: Stored, grammar: Grammar) -> MotionLM:
    """The model of form ``step`` whose graphs are ``GRAPHS`` and maybe ``MORE_GRAPHS``, in evaluation mode.

    Raises:
        Unreadable: they are of no model of this version.
    """
    config = _config(stored, grammar)
    model = MotionLM(config)
    whole = Stored(stored.graphs, {**stored.tensors, **dict(_parts(stored, config))})
    state = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in _state(model, whole)}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise Unreadable(f"its language model is of no shape this version has ({error})") from error
    return model.eval()


# ---- shape ------------------------------------------------------------------------------------------


def _config(stored: Stored, grammar: Grammar) -> LMConfig:
    encoder, caption = (stored.graphs[name] for name in ("text_encoder", "caption_step"))
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in encoder.output}
    projections, _, heads, _, head_width = shapes.get("memory") or [0] * 5
    if not projections * heads * head_width:
        raise Unreadable("its text encoder gives no memory of keys and values")
    feed_forward = "encoder.block.0.layer.1.DenseReluDense"
    inner, width = stored[f"{feed_forward}.wo"].shape
    config = LMConfig(
        grammar,
        d_model=width,
        d_kv=head_width,
        d_ff=inner,
        layers=stored.count("encoder.block.{}.layer.0.SelfAttention.qkv"),
        heads=heads,
        decoder_layers=projections // 2,
        feed_forward=_feed_forward(encoder, gated=stored[f"{feed_forward}.wi"].shape[1] == 2 * inner),
        relative_max_distance=len(stored["encoder.position_bias"]) // 2,
        layer_norm_epsilon=_epsilon(encoder),
        scale_outputs=_scaled(caption),
        tied_head="lm_head" not in stored.tensors,
        depth_hidden=stored["depth_mlp.0.0"].shape[1],
        plan={f"field {i}": list(map(str, range(1, n))) for i, n in enumerate(_plan_sizes(encoder))},
        planned_captions=CAPTION_ENCODER in stored.graphs,
    )
    return replace(config, relative_buckets=_buckets(stored, config))


def _feed_forward(graph: onnx.GraphProto, gated: bool) -> str:
    ops = {node.op_type for node in graph.node}
    if gated:  # transformers' gated-gelu is the tanh form
        return "gated-gelu" if "Tanh" in ops else "gated-relu"
    return "gelu_new" if "Tanh" in ops else "gelu" if "Erf" in ops else "relu"


def _epsilon(graph: onnx.GraphProto) -> float:
    """What the first norm adds under its root."""
    makers = {node.output[0]: node for node in graph.node}
    for node in graph.node:
        if node.op_type == "Sqrt":
            maker = makers.get(node.input[0])
            value = constant(graph, maker.input[-1]) if maker is not None else None
            if value is not None:
                return float(str(value))  # 1e-06 and not the double nearest to its float32
    raise Unreadable("its text encoder has no norm")


def _scaled(graph: onnx.GraphProto) -> bool:
    """Whether the decoder's hidden state is multiplied by something before the output table."""
    norms = [node.output[0] for node in graph.node if "decoder.final_layer_norm" in node.input]
    return any(node.op_type == "Mul" and node.input[0] in norms for node in graph.node)


def _plan_sizes(graph: onnx.GraphProto) -> list[int]:
    """Values of each label of the plan; none, no plan. Nothing else is split into unequal parts."""
    for node in graph.node:
        sizes = constant(graph, node.input[1]) if node.op_type == "Split" and len(node.input) == 2 else None
        if sizes is not None:
            return [int(n) for n in sizes]
    return []


def _buckets(stored: Stored, config: LMConfig) -> int:
    """How many buckets make the bias of both stacks: in each, all distances of a bucket have one row."""
    table = stored["encoder.position_bias"]
    least = 2 + int((table[1:] != table[:-1]).any(axis=1).sum())  # one bucket is never seen
    for count in range(least, 2 * config.relative_max_distance):
        tried = replace(config, relative_buckets=count)
        if all(
            np.array_equal(bias_by_distance(spec, embedding_of_bias(spec, rows, at, both), at, both), rows)
            for spec, rows, at, both in _biases(stored, tried)
        ):
            return count
    raise Unreadable("its position biases are no T5's")


def _biases(stored: Stored, config: LMConfig) -> Iterator[tuple[T5Spec, Array, Array, bool]]:
    """Encoder's and decoder's table ``(distances, H)``, with the distances and whether they go both ways."""
    spec, far = T5Spec.of(config.t5()), config.relative_max_distance
    yield spec, stored["encoder.position_bias"], np.arange(-far, far + 1), True
    table = stored["decoder.position_bias"][0, 0, :, 0].T
    yield spec, table, np.arange(1 - len(table), 1), False


# ---- weights ----------------------------------------------------------------------------------------


def _parts(stored: Stored, config: LMConfig) -> Iterator[tuple[str, Array]]:
    """What the writers joined, by the names of the modules it belongs to."""
    for stack, layers, last in (("encoder", config.layers, 1), ("decoder", config.n_decoder_layers, 2)):
        for i in range(layers):
            layer = f"{stack}.block.{i}.layer"
            yield from _side_by_side(stored, f"{layer}.0.SelfAttention.qkv", _named(layer, 0, "qkv"))
            if config.feed_forward.startswith("gated"):
                name = f"{layer}.{last}.DenseReluDense.wi"
                yield from _side_by_side(stored, name, [f"{name}_0", f"{name}_1"])
    names = [_named(f"decoder.block.{i}.layer", 1, "kv") for i in range(config.n_decoder_layers)]
    yield from _side_by_side(stored, "decoder.memory", [name for pair in names for name in pair])
    for stack, (spec, rows, at, both) in zip(("encoder", "decoder"), _biases(stored, config), strict=True):
        yield _BIAS.format(stack), embedding_of_bias(spec, rows, at, both)
    sizes = config.grammar.sizes.tolist()
    for k, rows in enumerate(np.split(stored["slot_embedding"][:-1], np.cumsum(sizes)[:-1])):
        yield f"slot_embedding.{k}", rows
    yield "start", stored["start"][0]
    if not config.tied_head:
        yield "lm_head", stored["lm_head"].T
    if config.plan:
        queries = stored["plan.reader.queries"]
        heads, actions, width = queries.shape
        own = queries.transpose(1, 0, 2).reshape(actions, heads * width)
        yield "plan.reader.read.queries", own / np.float32(width**-0.5)


def _named(layer: str, place: int, parts: str) -> list[str]:
    attention = ("SelfAttention", "EncDecAttention")[place]
    return [f"{layer}.{place}.{attention}.{part}" for part in parts]


def _side_by_side(stored: Stored, name: str, parts: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """The columns of a matrix that holds several of one width."""
    yield from zip(parts, np.split(stored[name], len(parts), axis=1), strict=True)


def _state(model: MotionLM, stored: Stored) -> Iterator[tuple[str, Array]]:
    """The model's state dict, from the weights of its modules."""
    for path, module in model.named_modules():
        name = path.removeprefix("t5.")
        if isinstance(module, nn.Linear):
            yield f"{path}.weight", stored.either(name, f"{name}.weight").T
            if module.bias is not None:
                yield f"{path}.bias", stored[f"{name}.bias"]
        elif isinstance(module, nn.Embedding | T5LayerNorm):
            yield f"{path}.weight", stored.either(name, f"{name}.weight")
    yield "start", stored["start"]
    if model.plan is not None:
        yield "plan.reader.read.queries", stored["plan.reader.read.queries"]
