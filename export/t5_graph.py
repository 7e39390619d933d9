"""T5 as graph parts: the encoder, the cross-attention memory, and one decoder step with its cache.

The networks are those of ``transformers.T5ForConditionalGeneration`` (pre-norm RMS, no scaling in
attention, relative position bias owned by the first layer of each stack), written from its state dict.
The encoder takes one prompt, a decoder step B motions that are all at one position. Letters: L positions of
the encoder, M positions of the memory, N decoder layers, H heads, D head width, d model width, t positions
already decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from clutch_rt.errors import ClutchError
from transformers.models.t5.modeling_t5 import T5Attention

from export.graph import GraphBuilder, Value
from export.weights import Array

Weights = Mapping[str, Array]


@dataclass(frozen=True)
class T5Spec:
    """The figures of a T5 that its graphs depend on."""

    width: int
    heads: int
    head_width: int
    encoder_layers: int
    decoder_layers: int
    buckets: int
    max_distance: int
    epsilon: float
    gated: bool
    activation: str

    @classmethod
    def of(cls, config: Any) -> T5Spec:
        """Read from a ``transformers.T5Config``; ClutchError on an activation the graphs cannot express."""
        activation = (
            "gelu_new" if config.dense_act_fn in ("gelu_new", "gelu_pytorch_tanh") else config.dense_act_fn
        )
        if activation not in ("relu", "gelu_new", "gelu"):
            raise ClutchError(
                f"the checkpoint's feed-forward activation is {activation!r}; "
                "the export knows relu, gelu_new and gelu"
            )
        return cls(
            width=config.d_model,
            heads=config.num_heads,
            head_width=config.d_kv,
            encoder_layers=config.num_layers,
            decoder_layers=config.num_decoder_layers,
            buckets=config.relative_attention_num_buckets,
            max_distance=config.relative_attention_max_distance,
            epsilon=config.layer_norm_epsilon,
            gated=config.is_gated_act,
            activation=activation,
        )


@dataclass(frozen=True)
class Past:
    """What a decoder step of B motions attends to.

    Attributes:
        memories: keys of layer 0, values of layer 0, keys of layer 1, ..., each ``(B, 1, H, M, D)``.
        caches: those of the positions before, ``(B, 1, H, t, D)``, in the same order.
        padding: added to the scores of the memory, ``(B, 1, 1, 1, M)``; None where no memory is padded.
    """

    memories: Sequence[Value]
    caches: Sequence[Value]
    padding: Value | None = None


def bias_by_distance(spec: T5Spec, embedding: Array, relative: Array, bidirectional: bool) -> Array:
    """Position bias at each relative position (key minus query): ``(len(relative), H)`` float32."""
    return np.ascontiguousarray(embedding[_buckets(spec, relative, bidirectional)], dtype=np.float32)


def embedding_of_bias(spec: T5Spec, table: Array, relative: Array, bidirectional: bool) -> Array:
    """The embedding ``(buckets, H)`` that :func:`bias_by_distance` made ``table`` of.

    Buckets that none of ``relative`` falls into are 0: one there always is where both sides are seen.
    """
    embedding = np.zeros((spec.buckets, table.shape[1]), np.float32)
    embedding[_buckets(spec, relative, bidirectional)] = table
    return embedding


def _buckets(spec: T5Spec, relative: Array, bidirectional: bool) -> Array:
    buckets = T5Attention._relative_position_bucket(
        torch.from_numpy(relative), bidirectional, spec.buckets, spec.max_distance
    )
    return np.asarray(buckets.numpy())


def encoder(g: GraphBuilder, spec: T5Spec, weights: Weights, x: Value) -> Value:
    """Encoder stack on embeddings ``x (1, L, d)``: hidden ``(1, L, d)`` after the final norm."""
    bias = _encoder_bias(g, spec, weights, x)
    for i in range(spec.encoder_layers):
        prefix = f"encoder.block.{i}.layer"
        x = g.add(x, _encoder_attention(g, spec, weights, f"{prefix}.0", x, bias))
        x = g.add(x, _feed_forward(g, spec, weights, f"{prefix}.1", x))
    return _norm(g, spec, weights, "encoder.final_layer_norm", x)


def _encoder_bias(g: GraphBuilder, spec: T5Spec, weights: Weights, x: Value) -> Value:
    """``(H, L, L)``, looked up by key minus query; beyond ``max_distance`` all distances share a bucket."""
    far = spec.max_distance
    embedding = weights["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    table = bias_by_distance(spec, embedding, np.arange(-far, far + 1), bidirectional=True)
    length = g.gather(g.node("Shape", x), g.scalar(1, np.int64))
    row = g.node("Range", g.scalar(0, np.int64), length, g.scalar(1, np.int64))
    relative = g.sub(g.node("Unsqueeze", row, g.ints(0)), g.node("Unsqueeze", row, g.ints(1)))
    near = g.node("Clip", relative, g.scalar(-far, np.int64), g.scalar(far, np.int64))
    index = g.add(near, g.scalar(far, np.int64))
    return g.transpose(g.gather(g.weight("encoder.position_bias", table), index), 2, 0, 1)


def _encoder_attention(
    g: GraphBuilder, spec: T5Spec, weights: Weights, layer: str, x: Value, bias: Value
) -> Value:
    name = f"{layer}.SelfAttention"
    qkv = g.linear(
        _norm(g, spec, weights, f"{layer}.layer_norm", x), f"{name}.qkv", _joined(weights, name, "qkv")
    )
    heads = g.transpose(g.reshape(qkv, -1, 3, spec.heads, spec.head_width), 1, 2, 0, 3)
    q, k, v = g.split(heads, 3, axis=0)
    scores = g.add(g.matmul(q, g.transpose(k, 0, 1, 3, 2)), bias)
    mixed = g.transpose(g.matmul(g.softmax(scores), v), 0, 2, 1, 3)
    return g.linear(
        g.reshape(mixed, 0, 0, spec.heads * spec.head_width), f"{name}.o", _matrix(weights, f"{name}.o")
    )


def memory(g: GraphBuilder, spec: T5Spec, weights: Weights, hidden: Value) -> Value:
    """Cross-attention keys and values of every decoder layer, at once.

    ``hidden (1, M, d)`` to ``(2 N, 1, H, M, D)``: keys of layer 0, values of layer 0, keys of layer 1, ...
    """
    names = [f"decoder.block.{i}.layer.1.EncDecAttention" for i in range(spec.decoder_layers)]
    joined = np.concatenate([_joined(weights, name, "kv") for name in names], axis=1)
    flat = g.linear(hidden, "decoder.memory", joined)
    parts = g.reshape(flat, 0, 0, 2 * spec.decoder_layers, spec.heads, spec.head_width)
    return g.transpose(parts, 2, 0, 3, 1, 4)


def decoder_step(
    g: GraphBuilder,
    spec: T5Spec,
    weights: Weights,
    x: Value,
    position: Value,
    cross: Value,
    cache: Value,
    max_positions: int,
) -> tuple[Value, Value]:
    """One position of one motion through the decoder, memory and cache each in one piece.

    Args:
        x: embedding of the position, ``(1, d)``.
        position: ``(1,)`` int64, equal to t, below ``max_positions``.
        cross: memory ``(2 N, 1, H, M, D)``.
        cache: keys and values of the positions before, ``(2 N, 1, H, t, D)``, in the order of the memory.

    Returns:
        hidden ``(1, d)`` after the final norm, and the cache with this position: ``(2 N, 1, H, t + 1, D)``.
    """
    memories = g.split(cross, 2 * spec.decoder_layers, axis=0)
    caches = g.split(cache, 2 * spec.decoder_layers, axis=0)
    hidden, grown = decoder_layers(g, spec, weights, x, position, Past(memories, caches), max_positions)
    return hidden, g.concat(grown, axis=0)


def decoder_layers(
    g: GraphBuilder,
    spec: T5Spec,
    weights: Weights,
    x: Value,
    position: Value,
    past: Past,
    max_positions: int,
    caching: GrowingCache | None = None,
) -> tuple[Value, list[Value]]:
    """One position of B motions through the decoder.

    Args:
        x: embeddings of the position, ``(B, d)``.
        position: ``(1,)`` int64, equal to t, below ``max_positions``; of all motions.
        past: what the decoder attends to.
        caching: how keys and values are kept; by default the caches grow with each position.

    Returns:
        hidden ``(B, d)`` after the final norm, and the caches with this position, ``(B, 1, H, t + 1, D)``.
    """
    caching = caching or GrowingCache()
    bias = caching.bias(g, spec, weights, position, max_positions)
    grown: list[Value] = []
    for i in range(spec.decoder_layers):
        prefix, own = f"decoder.block.{i}.layer", slice(2 * i, 2 * i + 2)
        q, *new = _self_projections(g, spec, weights, f"{prefix}.0", x)
        keys, values = (
            caching.extend(g, cache, part, position, max_positions)
            for cache, part in zip(past.caches[own], new, strict=True)
        )
        grown += [keys, values]
        mixed = _attend(g, spec, weights, f"{prefix}.0.SelfAttention", q, keys, values, bias)
        x = g.add(x, mixed)
        x = g.add(x, _cross_attention(g, spec, weights, f"{prefix}.1", x, past.memories[own], past.padding))
        x = g.add(x, _feed_forward(g, spec, weights, f"{prefix}.2", x))
    return _norm(g, spec, weights, "decoder.final_layer_norm", x), grown


class GrowingCache:
    """A cache that is one position longer after each step: ``(2 N, 1, H, t, D)`` to ``t + 1``."""

    def bias(self, g: GraphBuilder, spec: T5Spec, weights: Weights, position: Value, length: int) -> Value:
        """``(1, 1, H, 1, t + 1)``: one slice of a table from the farthest key to the query itself."""
        table = decoder_bias(spec, weights, np.arange(1 - length, 1))
        stored = g.weight("decoder.position_bias", np.ascontiguousarray(table.T)[None, None, :, None, :])
        start = g.sub(g.ints(length - 1), position)
        return g.node("Slice", stored, start, g.ints(length), g.ints(4))

    def extend(self, g: GraphBuilder, cache: Value, new: Value, position: Value, length: int) -> Value:
        """Keys or values of one layer, ``cache (B, 1, H, t, D)``, with those of this position behind."""
        return g.concat([cache, new], axis=3)


def decoder_bias(spec: T5Spec, weights: Weights, relative: Array) -> Array:
    """The decoder's position bias at each relative position (key minus query): ``(len(relative), H)``."""
    embedding = weights["decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    return bias_by_distance(spec, embedding, relative, bidirectional=False)


def _self_projections(g: GraphBuilder, spec: T5Spec, weights: Weights, layer: str, x: Value) -> list[Value]:
    """Query, key and value of one position, each ``(B, 1, H, 1, D)``."""
    name = f"{layer}.SelfAttention"
    normed = _norm(g, spec, weights, f"{layer}.layer_norm", x)
    qkv = g.linear(normed, f"{name}.qkv", _joined(weights, name, "qkv"))
    return g.split(g.reshape(qkv, -1, 3, spec.heads, 1, spec.head_width), 3, axis=1)


def _cross_attention(
    g: GraphBuilder,
    spec: T5Spec,
    weights: Weights,
    layer: str,
    x: Value,
    cross: Sequence[Value],
    padding: Value | None,
) -> Value:
    name = f"{layer}.EncDecAttention"
    normed = _norm(g, spec, weights, f"{layer}.layer_norm", x)
    q = g.linear(normed, f"{name}.q", _matrix(weights, f"{name}.q"))
    return _attend(g, spec, weights, name, q, cross[0], cross[1], padding)


def _attend(
    g: GraphBuilder,
    spec: T5Spec,
    weights: Weights,
    name: str,
    q: Value,
    keys: Value,
    values: Value,
    bias: Value | None,
) -> Value:
    """One query against ``(B, 1, H, t, D)`` keys: the query stands as a column, so nothing is transposed."""
    column = g.reshape(q, -1, 1, spec.heads, spec.head_width, 1)
    scores = g.reshape(g.matmul(keys, column), 0, 0, spec.heads, 1, -1)
    mixed = g.matmul(g.softmax(scores if bias is None else g.add(scores, bias)), values)
    return g.linear(
        g.reshape(mixed, -1, spec.heads * spec.head_width), f"{name}.o", _matrix(weights, f"{name}.o")
    )


def _feed_forward(g: GraphBuilder, spec: T5Spec, weights: Weights, layer: str, x: Value) -> Value:
    name = f"{layer}.DenseReluDense"
    normed = _norm(g, spec, weights, f"{layer}.layer_norm", x)
    if spec.gated:
        both = np.concatenate([_matrix(weights, f"{name}.wi_{i}") for i in range(2)], axis=1)
        gate, linear = g.split(g.linear(normed, f"{name}.wi", both), 2, axis=-1)
        inner = g.mul(_activate(g, spec, gate), linear)
    else:
        inner = _activate(g, spec, g.linear(normed, f"{name}.wi", _matrix(weights, f"{name}.wi")))
    return g.linear(inner, f"{name}.wo", _matrix(weights, f"{name}.wo"))


def _activate(g: GraphBuilder, spec: T5Spec, x: Value) -> Value:
    if spec.activation == "relu":
        return g.node("Relu", x)
    return g.gelu_tanh(x) if spec.activation == "gelu_new" else g.gelu(x)


def _norm(g: GraphBuilder, spec: T5Spec, weights: Weights, name: str, x: Value) -> Value:
    return g.rms_norm(x, name, weights[f"{name}.weight"], spec.epsilon)


def _matrix(weights: Weights, name: str) -> Array:
    """A torch Linear's weight as ``(in, out)``."""
    return np.ascontiguousarray(weights[f"{name}.weight"].T)


def _joined(weights: Weights, name: str, parts: str) -> Array:
    """Several projections of one input side by side: ``(in, sum of out)``."""
    return np.concatenate([_matrix(weights, f"{name}.{part}") for part in parts], axis=1)
