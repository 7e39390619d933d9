"""The T5 graph parts beside transformers' own T5, whose code they were not made from by tracing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from clutch_rt.errors import ClutchError
from onnx import TensorProto
from transformers import T5Config, T5ForConditionalGeneration

from export import t5_graph
from export.graph import GraphBuilder
from export.t5_graph import T5Spec
from export.weights import WEIGHTS_FILE, WeightStore

# Sums of at most 96 float32 terms through 3 layers, on values of a few units.
ATOL = 2e-5


def reference(feed_forward: str, **changes: Any) -> T5ForConditionalGeneration:
    sizes = {"d_model": 48, "d_kv": 16, "d_ff": 96, "num_heads": 3, "vocab_size": 60}
    layers = {"num_layers": 2, "num_decoder_layers": 3}
    config = T5Config(feed_forward_proj=feed_forward, **{**sizes, **layers, **changes})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return T5ForConditionalGeneration(config).eval()


def sessions(model: T5ForConditionalGeneration, folder: Path) -> tuple[Any, Any]:
    """An encoder that gives hidden states and memory, and a decoder step."""
    weights = {k: v.numpy() for k, v in model.state_dict().items()}
    spec = T5Spec.of(model.config)

    def shape(length: str) -> list[int | str]:
        return [2 * spec.decoder_layers, 1, spec.heads, length, spec.head_width]

    store = WeightStore()

    g = GraphBuilder("encoder", store)
    ids = g.input("ids", [1, "L"], TensorProto.INT64)
    hidden = t5_graph.encoder(g, spec, weights, g.embedding("shared", weights["shared.weight"], ids))
    g.output(hidden, "hidden", [1, "L", spec.width])
    g.output(t5_graph.memory(g, spec, weights, hidden), "memory", shape("L"))
    onnx.save(g.build(), folder / "encoder.onnx")

    g = GraphBuilder("step", store)
    token = g.input("token", [1], TensorProto.INT64)
    position = g.input("position", [1], TensorProto.INT64)
    cross, cache = g.input("memory", shape("M")), g.input("cache", shape("t"))
    x = g.embedding("shared", weights["shared.weight"], token)
    hidden, grown = t5_graph.decoder_step(g, spec, weights, x, position, cross, cache, 200)
    g.output(hidden, "hidden", [1, spec.width])
    g.output(grown, "next_cache", shape("t+1"))
    onnx.save(g.build(), folder / "step.onnx")

    store.write(folder / WEIGHTS_FILE)
    names = ("encoder.onnx", "step.onnx")
    opened = [
        onnxruntime.InferenceSession(str(folder / n), providers=["CPUExecutionProvider"]) for n in names
    ]
    return opened[0], opened[1]


@pytest.mark.parametrize("feed_forward", ["relu", "gated-gelu", "gated-silu"])
def test_only_known_activations_are_taken(feed_forward: str) -> None:
    config = T5Config(feed_forward_proj=feed_forward)
    if feed_forward == "gated-silu":
        with pytest.raises(ClutchError, match="silu"):
            T5Spec.of(config)
    else:
        assert T5Spec.of(config).gated == (feed_forward != "relu")


@pytest.mark.parametrize("feed_forward", ["relu", "gated-gelu"])
@torch.no_grad()
def test_encoder_and_cached_decoder_equal_transformers(tmp_path: Path, feed_forward: str) -> None:
    model = reference(feed_forward)
    encoder, step = sessions(model, tmp_path)
    rng = np.random.default_rng(4)
    # 150 and 160 positions pass the distance of 128 beyond which T5 no longer tells distances apart.
    for length, count in ((1, 3), (7, 160), (150, 5)):
        ids, tokens = rng.integers(0, 60, (1, length)), rng.integers(0, 60, count)
        hidden, memory = encoder.run(None, {"ids": ids})
        wanted = model.encoder(torch.from_numpy(ids)).last_hidden_state
        np.testing.assert_allclose(hidden, wanted.numpy(), atol=ATOL)

        decoded = model.decoder(input_ids=torch.from_numpy(tokens)[None], encoder_hidden_states=wanted)
        cache = np.zeros((6, 1, 3, 0, 16), np.float32)
        for n, token in enumerate(tokens):
            feeds = {"token": [token], "position": [n], "memory": memory, "cache": cache}
            feeds = {k: np.asarray(v) for k, v in feeds.items()}
            found, cache = step.run(None, feeds)
            np.testing.assert_allclose(found[0], decoded.last_hidden_state[0, n].numpy(), atol=ATOL)
        assert cache.shape == (6, 1, 3, count, 16)


@torch.no_grad()
def test_other_bucket_settings_are_followed(tmp_path: Path) -> None:
    model = reference("relu", relative_attention_num_buckets=8, relative_attention_max_distance=20)
    encoder, _ = sessions(model, tmp_path)
    ids = np.random.default_rng(6).integers(0, 60, (1, 50))
    hidden, _ = encoder.run(None, {"ids": ids})
    wanted = model.encoder(torch.from_numpy(ids)).last_hidden_state
    np.testing.assert_allclose(hidden, wanted.numpy(), atol=ATOL)
