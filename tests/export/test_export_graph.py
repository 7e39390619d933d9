"""The graph builder and the store of weights, on graphs small enough to check by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from export.graph import PRECISIONS, GraphBuilder, Precision, Value, quantise_blocks, quantise_columns
from export.weights import ALIGNMENT, WEIGHTS_FILE, Array, WeightStore


def run(folder: Path, g: GraphBuilder, value: Value, x: Array, rank: int = 2) -> Array:
    """Give ``value`` as the output, write graph and weights, and run on CPU."""
    g.output(value, "y", [f"y{i}" for i in range(rank)])
    g.store.write(folder / WEIGHTS_FILE)
    onnx.save(g.build(), folder / "graph.onnx")
    session = onnxruntime.InferenceSession(str(folder / "graph.onnx"), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def test_what_two_graphs_share_is_stored_once() -> None:
    store = WeightStore()
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    places = [store.add(table), store.add(table.copy()), store.add(table.T), store.add(table.reshape(-1))]
    assert places[0] == places[1] == places[3]
    assert places[2] != places[0]
    assert len(store) == 2


@given(st.lists(st.integers(1, 300), min_size=1, max_size=20))
@settings(max_examples=30)
def test_the_file_holds_each_tensor_at_its_aligned_offset(sizes: list[int]) -> None:
    import tempfile

    rng = np.random.default_rng(len(sizes))
    arrays = [rng.integers(0, 256, n).astype(np.uint8) for n in sizes]
    store = WeightStore()
    places = [store.add(a) for a in arrays]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WEIGHTS_FILE
        store.write(path)
        data = path.read_bytes()
    assert len(data) == store.bytes
    for array, place in zip(arrays, places, strict=True):
        assert place.offset % ALIGNMENT == 0
        assert data[place.offset : place.offset + place.length] == array.tobytes()


def test_quantised_columns_are_within_half_a_level() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((40, 9)).astype(np.float32) * np.geomspace(1e-4, 1e2, 9, dtype=np.float32)
    weight[:, 4] = 0.0
    levels, scale = quantise_columns(weight)
    back = (levels.astype(np.float32) - 128.0) * scale
    assert levels.dtype == np.uint8
    assert (np.abs(back - weight) <= 0.5001 * scale).all()
    assert (back[:, 4] == 0.0).all()


@given(st.integers(1, 100), st.integers(1, 5), st.integers(0, 2**31))
@settings(max_examples=30)
def test_quantised_blocks_lose_no_more_than_plain_rounding(width: int, columns: int, seed: int) -> None:
    weight = np.random.default_rng(seed).standard_normal((width, columns)).astype(np.float32)
    weight[:, 0] = 0.0
    stored, scale = quantise_blocks(weight)
    blocks = -(-width // 32)
    assert stored.shape == (columns, blocks, 16) and scale.shape == (columns * blocks,)
    levels = np.stack([stored & 15, stored >> 4], axis=-1).reshape(columns, blocks, 32).astype(np.float32) - 8
    back = (levels * scale.reshape(columns, blocks, 1)).reshape(columns, -1).T
    assert (back[width:] == 0).all() and (back[:, 0] == 0).all()
    # Never worse than to keep the largest weight of a block at level -8 and round the others.
    padded = np.zeros((blocks * 32, columns), np.float32)
    padded[:width] = weight
    rows = padded.T.reshape(-1, 32)
    extreme = np.take_along_axis(rows, np.abs(rows).argmax(1)[:, None], 1)
    plain = np.where(extreme == 0, 1.0, extreme / -8)
    rounded = np.clip(np.rint(rows / plain), -8, 7) * plain
    assert np.square(back - padded).sum() <= np.square(rounded - rows).sum() + 1e-6


# The error of a product of 64 terms of unit spread: float rounding; 11 bits of weight; 8 bits of both sides;
# 4 bits of weight, where a level of 1/8 of the largest of 32 (about 2) errs by 0.07 in each of the 64.
TOLERANCE: dict[Precision, float] = {"fp32": 1e-4, "fp16": 0.02, "int8": 0.25, "int4": 3.0}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_linear_is_the_product_in_every_precision(tmp_path: Path, precision: Precision) -> None:
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((1, 5, 64)), rng.standard_normal((64, 48))
    bias = rng.standard_normal(48).astype(np.float32)
    g = GraphBuilder("t", WeightStore(), precision)
    value = g.linear(g.input("x", [1, "L", 64]), "w", weight.astype(np.float32), bias)
    found = run(tmp_path, g, value, x.astype(np.float32), rank=3)
    np.testing.assert_allclose(found, x @ weight + bias, atol=TOLERANCE[precision])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_embedding_and_tied_head_use_the_same_rows(tmp_path: Path, precision: Precision) -> None:
    rng = np.random.default_rng(2)
    table = rng.standard_normal((30, 64)).astype(np.float32)
    store = WeightStore()
    g = GraphBuilder("t", store, precision)
    x = g.input("x", ["N"], TensorProto.INT64)
    rows = g.embedding("table", table, x)
    value = g.tied_head(rows, "table", table, 10, 30)
    found = run(tmp_path, g, value, np.asarray([3, 0, 29, 29]))
    wanted = table[[3, 0, 29, 29]] @ table[10:30].T
    rounded: Precision = "int8" if precision == "int4" else precision
    np.testing.assert_allclose(found, wanted, atol=2 * TOLERANCE[rounded])
    assert len(store) == (2 if rounded == "int8" else 1)


def test_norms_and_activations_are_those_of_torch(tmp_path: Path) -> None:
    x = np.random.default_rng(3).standard_normal((2, 16)).astype(np.float32) * 3
    t = torch.from_numpy(x)
    weight = np.linspace(0.5, 2, 16, dtype=np.float32)
    builders = {
        "rms": (
            lambda g, v: g.rms_norm(v, "n", weight, 1e-6),
            torch.nn.functional.rms_norm(t, (16,), torch.from_numpy(weight), 1e-6),
        ),
        "layer": (
            lambda g, v: g.layer_norm(v, "n", weight, -weight, 1e-5),
            torch.nn.functional.layer_norm(t, (16,), torch.from_numpy(weight), -torch.from_numpy(weight)),
        ),
        "gelu": (lambda g, v: g.gelu(v), torch.nn.functional.gelu(t)),
        "gelu_tanh": (lambda g, v: g.gelu_tanh(v), torch.nn.functional.gelu(t, approximate="tanh")),
    }
    for name, (build, wanted) in builders.items():
        folder = tmp_path / name
        folder.mkdir()
        g = GraphBuilder(name, WeightStore())
        found = run(folder, g, build(g, g.input("x", ["N", 16])), x)
        np.testing.assert_allclose(found, wanted.numpy(), atol=2e-5, err_msg=name)


def test_a_weight_too_large_for_float16_stays_float32(tmp_path: Path) -> None:
    weight = np.full((4, 4), 1e6, np.float32)
    g = GraphBuilder("t", WeightStore(), "fp16")
    found = run(tmp_path, g, g.linear(g.input("x", [1, 4]), "w", weight), np.ones((1, 4), np.float32))
    assert np.isfinite(found).all()
