"""The networks of a bundle read back from its own graphs: weights, shapes, what they compute, refusals."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from clutch_rt.bundle import open_bundle
from clutch_rt.engine_build import NETWORKS_FILE
from clutch_rt.errors import BundleError, InputError, MissingExtraError
from clutch_rt.manifest import FileEntry
from hypothesis import given, settings
from hypothesis import strategies as st

from export.bundle_run import compare, run_of_bundle
from export.graph import (
    BLOCK,
    PRECISIONS,
    Precision,
    quantise_blocks,
    quantise_columns,
    restored_blocks,
    restored_columns,
)
from export.onnx import export_bundle
from export.run_folder import read_run
from export.shift_decoder import doubled, undoubled
from export.t5_graph import T5Spec, bias_by_distance, embedding_of_bias
from export.tensorrt import export_engines
from models.lm import MotionLM
from tests.tiny_bundle import save_model, tiny_bundle, tiny_run

Array = np.ndarray[Any, Any]

# What the writers keep in float32 in every precision, and the tables of rows, in 8 bits where others have 4.
EXACT = re.compile(
    r"norm|bias$|^start$|length_head|plan\.(reader|action)|(position|length|remaining)_embedding"
    r"|relative_attention_bias"
)
TABLES = re.compile(r"shared|lm_head|embedding")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle("step", "int8"), tmp_path / "bundle"))


def arrays(model: torch.nn.Module) -> dict[str, Array]:
    return {name: value.numpy() for name, value in model.state_dict().items()}


def rounded(name: str, weight: Array, precision: Precision) -> Array:
    """A weight of the language model, ``(out, in)`` or rows of a table, as a bundle keeps it."""
    if precision == "fp32" or EXACT.search(name):
        return weight
    if precision == "fp16":
        return weight.astype(np.float16).astype(np.float32)
    if precision == "int4" and not TABLES.search(name):
        return restored_blocks(*quantise_blocks(weight.T), weight.shape[1]).T
    return restored_columns(*quantise_columns(weight.T)).T


# ---- round trips ------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_language_model_comes_back_with_the_weights_the_bundle_keeps(precision: Precision) -> None:
    run, back = read_run(tiny_run("step")), run_of_bundle(open_bundle(tiny_bundle("step", precision)))
    wanted, found = arrays(run.model), arrays(back.model)
    assert list(found) == list(wanted)
    for name, weight in wanted.items():
        expected = rounded(name, weight, precision)
        if name == "t5.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight":
            unseen = len(weight) // 2  # distance 0, of what lies ahead
            assert not found[name][unseen].any()
            expected = np.where(np.arange(len(weight))[:, None] == unseen, 0, expected)
        np.testing.assert_array_equal(found[name], expected, name)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_shift_comes_back(precision: Precision) -> None:
    run, back = read_run(tiny_run("step")), run_of_bundle(open_bundle(tiny_bundle("step", precision)))
    assert asdict(back.shift.config) == asdict(run.shift.config)
    half = precision != "fp32"
    found = arrays(back.shift)
    for name, weight in arrays(run.shift).items():
        if name.endswith(("counts", "sums", "updates")):
            continue  # of training
        large = weight.ndim > 1 and "norm" not in name
        expected = weight.astype(np.float16).astype(np.float32) if half and large else weight
        if ".convs." in name and large:
            taken = doubled(found[name].transpose(2, 1, 0)), doubled(weight.transpose(2, 1, 0))
            np.testing.assert_allclose(*taken, atol=np.abs(weight).max() * (1e-3 if half else 2e-7))
            outer = (weight / 2).astype(np.float16).astype(np.float32) * 2 if half else weight
            expected = np.where([True, False, True], outer, found[name])
        np.testing.assert_array_equal(found[name], expected, name)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_was_read_back_computes_what_the_graphs_do(precision: Precision) -> None:
    opened = open_bundle(tiny_bundle("step", precision))
    said: list[str] = []
    report = compare(opened, run_of_bundle(opened), said.append)
    # Activations alone differ; an export is allowed thirty times that.
    assert report.kl_motion < (1e-6 if precision in ("fp32", "fp16") else 2e-3)
    assert len(said) >= 5


def test_shapes_are_read_from_the_graphs() -> None:
    untied = tiny_run("step", "gated-gelu", tied_head=False)
    for run, folder in ((tiny_run("step"), tiny_bundle("step", "fp32")), (untied, exported(untied))):
        model = read_run(run).model
        found = run_of_bundle(open_bundle(folder)).model.config
        assert found.plan_sizes == model.config.plan_sizes
        assert found.depth_hidden == 2 * model.config.d_model
        told = replace(found, plan=model.config.plan, depth_hidden=model.config.depth_hidden)
        assert told == model.config


def test_a_bundle_of_before_comes_back(tmp_path: Path) -> None:
    """One with no rhythm and no plan, and other buckets of distances."""
    run = Path(shutil.copytree(tiny_run("step"), tmp_path / "run"))
    config = MotionLM.load(run / "lm").config
    grammar = replace(config.grammar, rhythm=0)
    config = replace(config, grammar=grammar, plan={}, relative_buckets=20, relative_max_distance=40)
    save_model(config, run / "lm")
    opened = open_bundle(exported(run, tmp_path / "bundle", "int8"))
    back = run_of_bundle(opened)
    assert back.model.config.grammar == grammar and back.model.plan is None
    assert back.model.config.relative_buckets == 20 and back.model.config.relative_max_distance == 40
    compare(opened, back, lambda _: None)


def test_the_shipped_bundle_comes_back() -> None:
    opened = open_bundle("tiny")
    model = run_of_bundle(opened).model
    stated = opened.manifest.raw["parameters"]
    assert sum(p.numel() for p in model.parameters()) == stated["language_model"]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=20)
def test_a_kernel_behind_the_doubling_of_the_rate_comes_back(inputs: int, outputs: int, seed: int) -> None:
    kernel = np.random.default_rng(seed).standard_normal((3, inputs, outputs)).astype(np.float32)
    found = undoubled(doubled(kernel))
    np.testing.assert_array_equal(found[[0, 2]], kernel[[0, 2]])
    np.testing.assert_allclose(found[1], kernel[1], atol=1e-6)


@given(st.integers(4, 40), st.integers(24, 60), st.booleans())
@settings(max_examples=20)
def test_a_position_bias_comes_back(buckets: int, far: int, both: bool) -> None:
    spec = T5Spec(8, 2, 4, 1, 1, buckets, far, 1e-6, False, "relu")
    relative = np.arange(-far, far + 1) if both else np.arange(1 - far, 1)
    embedding = np.random.default_rng(buckets).standard_normal((buckets, 2)).astype(np.float32)
    table = bias_by_distance(spec, embedding, relative, both)
    found = embedding_of_bias(spec, table, relative, both)
    np.testing.assert_array_equal(bias_by_distance(spec, found, relative, both), table)
    seen = found.any(axis=1)
    np.testing.assert_array_equal(found[seen], embedding[seen])


@given(st.integers(1, 3 * BLOCK), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=30)
def test_restored_weights_are_within_half_a_level(width: int, columns: int, seed: int) -> None:
    weight = np.random.default_rng(seed).standard_normal((width, columns)).astype(np.float32)
    levels, scale = quantise_columns(weight)
    assert (np.abs(restored_columns(levels, scale) - weight) <= 0.501 * scale).all()
    signed = (levels.astype(np.int16) - 128).astype(np.int8)
    np.testing.assert_array_equal(restored_columns(signed, scale), restored_columns(levels, scale))
    packed, scales = quantise_blocks(weight)
    found = restored_blocks(packed, scales, width)
    assert found.shape == weight.shape
    spread = np.abs(scales).reshape(columns, -1).repeat(BLOCK, axis=1)[:, :width].T
    # The largest of a block may be cut off at seven levels of ten, for the good of the others.
    assert (np.abs(found - weight) <= 3.01 * spread).all()


# ---- engines ----------------------------------------------------------------------------------------


def test_networks_are_made_from_the_bundle_alone_and_say_so(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    said: list[str] = []
    with pytest.raises(MissingExtraError, match="networks are written, and no engine is"):
        export_engines(bundle, None, "jetson", log=said.append)
    assert any("int8 weights read back" in line for line in said)
    (written,) = bundle.glob(f"engines/networks/fp16-*/{NETWORKS_FILE}")
    raw = json.loads(written.read_text())
    assert raw["weights"] == "bundle, int8"
    assert raw["checked"]["kl_motion"] < 1e-3
    before = written.stat().st_mtime_ns
    with pytest.raises(MissingExtraError):
        export_engines(bundle, None, "jetson")  # of those that it carries now
    assert written.stat().st_mtime_ns == before


# ---- refusals ---------------------------------------------------------------------------------------


def test_the_flat_form_is_refused_before_anything_is_read() -> None:
    with pytest.raises(InputError, match=r"form 'flat'.*--run RUN"):
        run_of_bundle(open_bundle(tiny_bundle("flat", "fp32")))


def test_a_graph_of_other_names_is_refused_and_names_the_way_out(bundle: Path) -> None:
    def rename(graph: onnx.GraphProto) -> None:
        for entry in graph.initializer:
            entry.name = entry.name.replace("depth_head.0", "head_of_depth.0")

    change(bundle, "motion_step", rename)
    refused(bundle, r"hold no 'depth_head\.0'.*--run RUN")


@pytest.mark.parametrize("place", [{"offset": "99999999"}, {"offset": "-4"}, {"location": "../weights.bin"}])
def test_a_weight_that_lies_outside_the_file_of_weights_is_refused(
    bundle: Path, place: dict[str, str]
) -> None:
    def move(graph: onnx.GraphProto) -> None:
        entry = next(e for e in graph.initializer if e.name == "start")
        for item in entry.external_data:
            item.value = place.get(item.key, item.value)

    change(bundle, "motion_step", move)
    refused(bundle, r"'start' lies outside weights\.bin")


def test_graphs_that_do_not_agree_are_refused(bundle: Path) -> None:
    def exchange(graph: onnx.GraphProto) -> None:
        matrices = [e for e in graph.initializer if e.name.endswith("EncDecAttention.q")]
        matrices[0].name, matrices[1].name = matrices[1].name, matrices[0].name

    change(bundle, "caption_step", exchange)
    refused(bundle, r"different weights by .*EncDecAttention\.q")


def test_a_model_of_another_shape_is_refused(bundle: Path) -> None:
    raw = json.loads((bundle / "manifest.json").read_text())
    raw["grammar"]["text_vocab"] += 1
    (bundle / "manifest.json").write_text(json.dumps(raw))
    refused(bundle, "no shape this version has")


def test_a_precision_of_later_is_refused(bundle: Path) -> None:
    raw = json.loads((bundle / "manifest.json").read_text())
    raw["precision"] = "int2"
    (bundle / "manifest.json").write_text(json.dumps(raw))
    refused(bundle, "precision is 'int2', not one of fp32")


def test_what_was_read_wrongly_builds_no_engine(bundle: Path) -> None:
    opened = open_bundle(bundle)
    run = run_of_bundle(opened)
    with torch.no_grad():
        run.model.depth_head[1].weight.neg_()
    with pytest.raises(BundleError, match=r"cannot be had from its own weights.*motion_step.*--run RUN"):
        compare(opened, run, lambda _: None)


def refused(bundle: Path, named: str) -> None:
    with pytest.raises(BundleError, match=named):
        run_of_bundle(open_bundle(bundle))


def change(bundle: Path, name: str, edit: Callable[[onnx.GraphProto], None]) -> None:
    """Edit a graph, and say in the manifest that this is the file."""
    path = bundle / f"{name}.onnx"
    model = onnx.load(path, load_external_data=False)
    edit(model.graph)
    onnx.save(model, path)
    raw = json.loads((bundle / "manifest.json").read_text())
    raw["files"][path.name] = FileEntry.of(path).to_dict()
    (bundle / "manifest.json").write_text(json.dumps(raw))


def exported(run: Path, out: Path | None = None, precision: Precision = "fp32") -> Path:
    """A bundle of a run; with no place for it, beside the run."""
    out = out or run.with_name(f"{run.name}-back")
    if not out.exists():
        export_bundle(run, out, precision)
    return out
