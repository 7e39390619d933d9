"""Bundles of random weights, from run folder to files: what is in them and what they do."""

from __future__ import annotations

import filecmp
import hashlib
import json
import shutil
from pathlib import Path

import clutch_rt
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import InputError
from clutch_rt.grammar import Form
from clutch_rt.handfile import load_hands

from export.agreement import KL_NATS
from export.driver import Draw, Driver
from export.graph import Precision
from export.onnx import export_bundle
from export.parity import SENTENCES
from export.weights import ALIGNMENT, WEIGHTS_FILE
from models import generation
from models.lm import MotionLM
from tests.tiny_bundle import METRICS, tiny_bundle, tiny_run, tiny_shift

FORMS: tuple[Form, ...] = ("step", "flat")


def placements(bundle: Path) -> dict[str, list[tuple[str, int, int, int]]]:
    """Where each graph's external tensors lie: (name, offset, length, elements times size)."""
    found = {}
    for graph in open_bundle(bundle).manifest.graphs:
        model = onnx.load(bundle / f"{graph}.onnx", load_external_data=False)
        rows = []
        for tensor in model.graph.initializer:
            if tensor.data_location != onnx.TensorProto.EXTERNAL:
                continue
            entries = {e.key: e.value for e in tensor.external_data}
            assert entries["location"] == WEIGHTS_FILE
            size = int(np.prod(tensor.dims)) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            rows.append((tensor.name, int(entries["offset"]), int(entries["length"]), size))
        found[graph] = rows
    return found


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
@pytest.mark.parametrize("form", FORMS)
def test_every_tensor_is_stored_once_and_fills_the_file(form: Form, precision: Precision) -> None:
    bundle = tiny_bundle(form, precision)
    spans = sorted({row[1:] for rows in placements(bundle).values() for row in rows})
    data = (bundle / WEIGHTS_FILE).read_bytes()
    end = 0
    for offset, length, size in spans:
        assert length == size
        assert offset == -(-end // ALIGNMENT) * ALIGNMENT, "spans overlap or leave a gap"
        end = offset + length
    assert end == len(data)
    digests = [hashlib.sha256(data[o : o + n]).digest() for o, n, _ in spans]
    assert len(set(digests)) == len(digests)


def test_the_decoder_is_shared_by_motion_and_captions() -> None:
    where = {g: {o for _, o, _, _ in rows} for g, rows in placements(tiny_bundle("step", "int8")).items()}
    assert len(where["motion_step"] & where["caption_step"]) > 20
    assert where["shift_encoder"] & where["shift_decoder"]


@pytest.mark.parametrize("form", FORMS)
def test_the_runtime_accepts_the_bundle_and_its_graphs_have_the_contract_inputs(form: Form) -> None:
    bundle = open_bundle(tiny_bundle(form, "int8"))
    assert bundle.manifest.form == form
    assert (bundle.manifest.sampling.temperature, bundle.manifest.sampling.top_k) == (0.9, 16)
    assert bundle.manifest.raw["seed"] == 11
    wanted = {
        "text_encoder": ["ids", "codes", "plan_noise", "temperature"],
        "motion_step": {
            "step": [
                "codes",
                "rhythm",
                "given",
                "position",
                "steps",
                *(f"memory.{i}" for i in range(6)),
                "padding",
                *(f"cache.{i}" for i in range(6)),
                "noise",
                "temperature",
                "top_k",
            ],
            "flat": [
                "codes",
                "position",
                "eom_bias",
                "memory",
                "cache",
                "noise",
                "temperature",
                "top_k",
            ],
        }[form],
        "caption_encoder": ["ids", "codes"],
        "caption_step": ["token", "position", "memory", "cache"],
        "shift_encoder": ["frames"],
    }
    if form == "flat":
        wanted["motion_token"] = ["token", "slot", *wanted["motion_step"][1:]]
    for name, inputs in wanted.items():
        path = str(bundle.file(f"{name}.onnx"))
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        assert [i.name for i in session.get_inputs()] == inputs
    for graph in bundle.manifest.graphs:
        model = onnx.load(bundle.file(f"{graph}.onnx"), load_external_data=False)
        assert {n.domain for n in model.graph.node} == {""}
        assert 17 <= model.opset_import[0].version <= 21


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
@pytest.mark.parametrize("form", ["step", "flat"])
def test_the_step_that_is_captured_has_shapes_that_never_change(form: Form, precision: Precision) -> None:
    """All but the length of the memory; and no shape of a node hangs on a value."""
    bundle = open_bundle(tiny_bundle(form, precision))
    graph = onnx.load(bundle.file("motion_fixed.onnx"), load_external_data=False).graph
    sizes = {d.dim_param for entry in graph.input for d in entry.type.tensor_type.shape.dim} - {""}
    assert sizes == {"M"}
    assert not {d.dim_param for entry in graph.output for d in entry.type.tensor_type.shape.dim} - {""}
    values_decide = {"Shape", "TopK", "Range", "NonZero", "If", "Loop", "Scan"}
    assert not values_decide & {node.op_type for node in graph.node}
    constant = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in ("Reshape", "Slice", "Unsqueeze", "Split", "ReduceSum"):
            assert set(node.input[1:]) <= constant, node.name
    step = onnx.load(bundle.file("motion_step.onnx"), load_external_data=False).graph
    assert [entry.name for entry in graph.input] == [entry.name for entry in step.input]
    assert [entry.name for entry in graph.output] == [entry.name for entry in step.output]


def test_a_bundle_holds_both_hands_and_a_card_with_the_metrics() -> None:
    bundle = tiny_bundle("step", "int8")
    left, right = load_hands(bundle / "skeleton.npz")
    np.testing.assert_array_equal(left.rest_joints * [-1, 1, 1], right.rest_joints)
    card = (bundle / "README.md").read_text(encoding="utf-8")
    rows = ("| verb as asked | 1.00 [1.00, 1.00] | 0.96 [0.93, 0.98] |", "| 21.5 [20.9, 22.1] |")
    learnt = ("procedural", "6 verbs: wave, stir, clap, hammer, point, type", "English only", "96 tokens")
    for words in (*rows, *learnt, "Apache-2.0", "MIT", "Seed 11", "not judged"):
        assert words in card
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    named = {f"pytorch.{name}" if name != "truth.verb" else name: v for name, v in METRICS.items()}
    assert manifest["metrics"] == named
    assert manifest["limits"]["max_prompt_tokens"] == 96
    assert set(manifest["files"]) == {p.name for p in bundle.iterdir()} - {"manifest.json"}


def test_a_run_on_other_data_does_not_claim_ours(tmp_path: Path) -> None:
    phrase = "two hours of my own hands"
    export_bundle(tiny_run("step"), tmp_path / "mine", "int8", training_data=phrase)
    card = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    assert phrase in card and "procedural" not in card
    assert open_bundle(tmp_path / "mine").manifest.training_data == phrase


def test_words_the_corpus_taught_travel_with_the_bundle(tmp_path: Path) -> None:
    run = shutil.copytree(tiny_run("step"), tmp_path / "run")
    (run / "words.txt").write_text("both\ndough\nhands\nknead\nthe\nwith\n")
    (run / "synonyms.txt").write_text("# a remark\nsquish knead\n")
    export_bundle(run, tmp_path / "bundle")
    assert open_bundle(tmp_path / "bundle").manifest.text.synonyms == "synonyms.txt"
    with clutch_rt.load(tmp_path / "bundle") as model:
        assert model.unknown_words("squish the dragon with both hands") == ("dragon",)
        assert model.unknown_words("knead the dragon with both hands") == ("dragon",)
        with pytest.raises(InputError, match="no word this model knows"):
            model.generate("petrissez vigoureusement")


def test_a_run_exports_to_the_same_bytes(tmp_path: Path) -> None:
    first = tiny_bundle("step", "int8")
    export_bundle(tiny_run("step"), tmp_path / first.name, "int8")
    names = [p.name for p in first.iterdir()]
    assert filecmp.cmpfiles(first, tmp_path / first.name, names, shallow=False)[0] == names


@pytest.mark.parametrize(
    ("form", "feed_forward", "tied"),
    [
        ("step", "relu", True),
        ("step", "gated-gelu", False),
        ("flat", "gated-gelu", True),
        ("flat", "relu", False),
    ],
)
def test_fp32_draws_what_pytorch_draws(tmp_path: Path, form: Form, feed_forward: str, tied: bool) -> None:
    report = export_bundle(tiny_run(form, feed_forward, tied), tmp_path / "bundle", "fp32")
    assert report.prompts == len(SENTENCES) >= 8
    assert report.token_agreement == report.same_length == report.caption_agreement == 1.0
    assert report.ties == 0
    assert report.frames < 1e-5


@pytest.mark.parametrize("form", FORMS)
def test_reduced_precisions_stay_within_their_bounds_and_are_smaller(tmp_path: Path, form: Form) -> None:
    sizes = {}
    for precision in ("fp32", "fp16", "int8"):
        bundle = tiny_bundle(form, precision)
        report = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["parity"]
        assert report["decode_mm"] < 1.0
        assert max(report["kl_motion"], report["kl_caption"]) < KL_NATS[precision]
        sizes[precision] = (bundle / WEIGHTS_FILE).stat().st_size
    assert sizes["int8"] < sizes["fp16"] < 0.6 * sizes["fp32"]


@pytest.mark.parametrize("form", FORMS)
def test_length_top_k_and_temperature_are_those_of_pytorch(form: Form) -> None:
    """The parity check draws with one setting; here are the edges: no cut, greedy, hot."""
    model = MotionLM.load(tiny_run(form, tied_head=form == "step") / "lm")
    driver = Driver(tiny_bundle(form, "fp32"), model.grammar)
    ids = [5, 9, 17, 30, 1]
    batch, mask = generation.pad_prompts([ids])
    for seed, draw in enumerate((Draw(1.0, 0), Draw(0.7, 1), Draw(2.5, 1000), Draw(1.3, 3))):
        (wanted,) = generation.draw(model, batch, mask, [seed], None, draw.temperature, draw.top_k)
        np.testing.assert_array_equal(driver.generate(ids, seed, draw), wanted)


def test_the_length_asked_for_binds_the_flat_form_through_its_bias() -> None:
    """And no motion can end in the middle of a step."""
    bundle = tiny_bundle("flat", "fp32")
    model = MotionLM.load(tiny_run("flat", tied_head=False) / "lm")
    driver, grammar = Driver(bundle, model.grammar), model.grammar
    memory, rows = driver.encode([4, 1]).memory, int(grammar.drawn.max())
    whole = driver._start_steps(memory, 1, Draw(1.0, 0))
    whole |= {"position": np.asarray([0]), "noise": np.zeros((1, grammar.slots, rows), np.float32)}
    whole["noise"][:, :, grammar.size(0)] = 50.0  # the draw would be <eom>
    single = {name: whole[name] for name in ("memory", "cache", "position", "temperature", "top_k")}
    single |= {"token": np.asarray([grammar.som]), "noise": whole["noise"][0, 0]}
    for bias, ends in ((-1e9, False), (0.0, True), (1e9, True)):
        asked = {"eom_bias": np.asarray([bias], np.float32)}
        (codes,) = driver.run("motion_step", ["next_codes"], whole | asked)
        assert (codes[0, 0] == grammar.size(0)) == ends
        assert (codes[0, 1:] < grammar.sizes[1:]).all()
        (token,) = driver.run("motion_token", ["next_token"], single | asked | {"slot": np.asarray([0])})
        assert (token[0] == grammar.eom) == ends
        (token,) = driver.run("motion_token", ["next_token"], single | asked | {"slot": np.asarray([2])})
        assert grammar.base(2) <= token[0] < grammar.base(2) + grammar.size(2)


@torch.no_grad()
def test_streamed_frames_equal_whole_frames() -> None:
    shift = tiny_shift()
    driver = Driver(tiny_bundle("step", "fp32"), MotionLM.load(tiny_run("step") / "lm").grammar)
    codes = np.random.default_rng(8).integers(0, 40, (11, shift.tokens_per_step))
    wanted = shift.decode(torch.from_numpy(codes)[None])[0].numpy()
    np.testing.assert_allclose(driver.shift_decode(codes), wanted, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_frames_do_not_depend_on_what_else_is_decoded(precision: Precision) -> None:
    driver = Driver(tiny_bundle("step", precision), MotionLM.load(tiny_run("step") / "lm").grammar)
    codes = np.random.default_rng(9).integers(0, 40, (7, 5, tiny_shift().tokens_per_step))
    together = driver.shift_decode_many(codes)
    for row in range(7):
        np.testing.assert_array_equal(together[row], driver.shift_decode(codes[row]))
    np.testing.assert_array_equal(driver.shift_decode_many(codes[[3, 0, 3]]), together[[3, 0, 3]])
