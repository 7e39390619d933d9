"""Engines for NVIDIA GPUs: networks that say what PyTorch says, key files, refusals, and real builds.

Building ahead of time needs TensorRT-RTX, and no GPU; where it is not installed, those tests say so and skip.
No test here runs an engine.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from clutch_rt import engine_library, engines, nvidia
from clutch_rt.bundle import open_bundle
from clutch_rt.cli.commands import command_line
from clutch_rt.engine_build import NETWORKS_FILE, networks_folder, read_networks
from clutch_rt.engine_library import Library, groups_of_sms, import_library
from clutch_rt.engines import TARGETS, EngineKey, content_hash, engine_sets, fitting_engines, read_engine_set
from clutch_rt.errors import BundleError, DeviceError, InputError, MissingExtraError
from clutch_rt.manifest import FileEntry
from clutch_rt.ort import onnxruntime
from hypothesis import given, settings
from hypothesis import strategies as st

from export import tensorrt as command
from export.agreement import ParityError
from export.driver import Draw, Driver
from export.network_builder import (
    BLOCK,
    ENGINE_PRECISIONS,
    EnginePrecision,
    exponent_of,
    quantise_int4,
    quantise_int8,
)
from export.network_check import NetworkCheck
from export.networks import NETWORKS, networks, profiles
from export.run_folder import read_run
from export.tensorrt import export_engines, main
from export.weights import WeightStore
from tests.tiny_bundle import MAX_STEPS, tiny_bundle, tiny_run
from train.command import MISTAKE

INSTALLED = any(importlib.util.find_spec(name) for name in TARGETS["rtx"].modules)
needs_library = pytest.mark.skipif(not INSTALLED, reason="tensorrt_rtx_cu12_bindings is not installed")

MEMBERS = {
    "NONE": 0,
    "CURRENT": 1,
    "SM75": 75,
    "SM80": 80,
    "SM86": 86,
    "SM89": 89,
    "SM120": 120,
    "SM121": 121,
}


def library(name: str = "rtx") -> Library:
    """A library that knows architectures and builds nothing."""
    module = SimpleNamespace(ComputeCapability=SimpleNamespace(__members__=MEMBERS))
    return Library(TARGETS[name], module, "1.7.1.116")


def clutch_rt(*arguments: str | Path) -> Result:
    """Run the command line of the runtime."""
    return CliRunner().invoke(command_line, [str(a) for a in arguments])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle("step", "int8"), tmp_path / "bundle"))


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An int8 bundle with fp16 networks, as `--target jetson` leaves it on a machine with no TensorRT."""
    path = tmp_path_factory.mktemp("carrying") / "bundle"
    shutil.copytree(tiny_bundle("step", "int8"), path)
    with pytest.raises(MissingExtraError):
        export_engines(path, tiny_run("step"), "jetson")
    return path


# ---- networks ---------------------------------------------------------------------------------------


@given(st.integers(1, 5), st.integers(1, 9), st.integers(-6, 3))
@settings(max_examples=30)
def test_quantised_weights_are_within_half_a_level(blocks: int, columns: int, tens: int) -> None:
    rng = np.random.default_rng(blocks * 10 + columns)
    weight = (rng.standard_normal((blocks * BLOCK, columns)) * 10.0**tens).astype(np.float32)
    weight = weight * np.float32(2.0 ** exponent_of(weight))
    assert 0.5 <= np.abs(weight).max() < 1.0
    levels, scale = quantise_int8(weight)
    # Half a level, and what rounding the scale to float16 adds at the largest level: 127 / 2048.
    assert (np.abs(levels * scale.astype(np.float32) - weight) <= 0.57 * scale.astype(np.float32)).all()
    levels, scale = quantise_int4(weight)
    spread = np.repeat(scale.reshape(blocks, columns).astype(np.float32), BLOCK, axis=0)
    assert np.abs(levels).max() <= 7
    assert (np.abs(levels * spread - weight) <= 0.51 * spread).all()


@pytest.mark.parametrize("precision", ENGINE_PRECISIONS)
def test_networks_draw_what_the_graphs_of_the_bundle_draw(tmp_path: Path, precision: EnginePrecision) -> None:
    run, store = read_run(tiny_run("step")), WeightStore()
    command.write_graphs(tmp_path, networks(run, store, precision), store)
    prompt, draw = run.prompt("wave with the right hand"), Draw(0.9, 16)
    ours, theirs = (Driver(p, run.model.grammar) for p in (tmp_path, tiny_bundle("step", "fp32")))
    reads = [driver.encode(prompt, temperature=1e-3) for driver in (ours, theirs)]  # the likeliest plan
    assert reads[0].plan is not None and np.array_equal(reads[0].plan, reads[1].plan)
    memories = [read.memory for read in reads]
    drawn = theirs.generate(prompt, 3, draw)
    found, wanted = (d.forced_logits(m, drawn) for d, m in zip((ours, theirs), memories, strict=True))
    # Random weights spread logits by some 3; eleven, eight and four bits of weight.
    tolerance = {"fp16": 0.05, "int8": 0.2, "int4": 1.5}[precision]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance)
    frames = [driver.shift_decode(drawn[:, 1:]) for driver in (ours, theirs)]
    np.testing.assert_allclose(*frames, atol=5e-3)
    if precision == "fp16":
        assert (ours.generate(prompt, 3, draw) == drawn).mean() > 0.9


def test_only_lengths_of_text_are_open() -> None:
    models = networks(read_run(tiny_run("step")), WeightStore(), "fp16")
    assert tuple(models) == NETWORKS
    shapes = {name: profiles(model, 96, MAX_STEPS) for name, model in models.items()}
    assert shapes["text_encoder"]["ids"] == ([1, 1], [1, 24], [1, 96])
    assert shapes["text_encoder"]["codes"] == ([1, 0, 8], [1, 0, 8], [1, MAX_STEPS, 8])
    assert [row[3] for row in shapes["motion_step"]["memory"]] == [1, 24, 96 + MAX_STEPS]
    assert set(shapes["motion_step"]) == {"memory"}
    assert shapes["shift_decoder"] == {}
    cache = next(entry for entry in models["motion_step"].graph.input if entry.name == "cache")
    assert [d.dim_value for d in cache.type.tensor_type.shape.dim] == [6, 1, 3, MAX_STEPS, 16]


def test_the_flat_form_has_a_network_of_fixed_shapes_too(tmp_path: Path) -> None:
    """Of a whole step of tokens; what it says is what PyTorch says, in every precision."""
    run = read_run(tiny_run("flat", tied_head=False))
    for precision in ENGINE_PRECISIONS:
        store = WeightStore()
        models = networks(run, store, precision)
        (tmp_path / precision).mkdir()
        command.write_graphs(tmp_path / precision, models, store)
        report = NetworkCheck(tmp_path / precision, run, precision, Draw(0.9, 16), lambda line: None).run()
        # Codes drawn by chance agree in one of forty.
        assert report.token_agreement > {"fp16": 0.9, "int8": 0.5, "int4": 0.1}[precision]
    step = models["motion_step"]
    assert set(profiles(step, 96, MAX_STEPS)) == {"memory"}
    ports = [*step.graph.input, *step.graph.output]
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in ports}
    slots = run.model.slots
    assert shapes["cache"] == shapes["next_cache"] == [6, 1, 3, slots * MAX_STEPS, 16]
    assert shapes["codes"] == shapes["next_codes"] == [1, slots]


# ---- keys -------------------------------------------------------------------------------------------


def a_set(root: Path, **changes: Any) -> Path:
    """A set of one engine and its graph, its key changed."""
    key: dict[str, Any] = {"target": "rtx", "version": "1.7.1.116", "sms": [86, 89], "precision": "fp16"}
    key = {**key, "content": "c" * 64, "host": "", **changes}
    folder = root / "tensorrt-rtx" / EngineKey(**{**key, "sms": tuple(key["sms"])}).name
    folder.mkdir(parents=True)
    for name in ("motion_step.engine", "motion_step.onnx"):
        (folder / name).write_bytes(b"engine")
    files = {path.name: FileEntry.of(path).to_dict() for path in folder.iterdir()}
    whole = {"format": engines.FORMAT, "key": key, "files": files, "graphs": {"motion_step": {"layers": 3}}}
    (folder / engines.KEY_FILE).write_text(json.dumps(whole))
    return folder


def test_the_engine_that_fits_is_found_and_one_that_does_not_is_never_taken(tmp_path: Path) -> None:
    a_set(tmp_path, content="d" * 64)
    a_set(tmp_path, version="1.6.0.1")
    a_set(tmp_path, sms=[75])
    right = a_set(tmp_path)
    sets, wrong = engine_sets(tmp_path)
    assert len(sets) == 4 and not wrong
    for version in ("1.7.1.116", "1.7.1"):  # a library need not tell its build
        assert fitting_engines(sets, "tensorrt-rtx", version, 89, "c" * 64).path == right
    with pytest.raises(DeviceError) as caught:
        fitting_engines(sets, "tensorrt-rtx", "1.7.1.116", 120, "c" * 64)
    for words in (
        "SM 120",
        "built for SM 86, 89",
        "library version 1.6.0.1",
        "another bundle",
        "engine build",
    ):
        assert words in str(caught.value)
    with pytest.raises(DeviceError, match="precision fp16, not int8"):
        fitting_engines(sets, "tensorrt-rtx", "1.7.1.116", 89, "c" * 64, "int8")
    with pytest.raises(DeviceError, match=r"of tensorrt-rtx, not tensorrt.*--target cuda or jetson"):
        fitting_engines(sets, "tensorrt", "1.7.1.116", 89, "c" * 64)
    with pytest.raises(DeviceError, match="holds no engines"):
        fitting_engines([], "tensorrt-rtx", "1.7.1.116", 89, "c" * 64)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[]",
        "{",
        '{"format": 1}',
        '{"format": 2, "key": {}}',
        '{"format": 2, "key": 3}',
        "[" * 100_000,
        '{"format": 2, "key": {"target": "rtx", "version": "1", "sms": [Infinity]}}',
    ],
)
def test_a_damaged_key_file_is_named_and_hides_no_other(tmp_path: Path, damage: str) -> None:
    a_set(tmp_path)
    (a_set(tmp_path, version="1.6") / engines.KEY_FILE).write_text(damage)
    sets, wrong = engine_sets(tmp_path)
    assert [one.key.version for one in sets] == ["1.7.1.116"]
    assert len(wrong) == 1 and "build" in str(wrong[0])


def test_a_changed_engine_is_refused(tmp_path: Path) -> None:
    folder = a_set(tmp_path)
    engines.verify_engine_set(read_engine_set(folder))
    (folder / "motion_step.engine").write_bytes(b"Engine")
    with pytest.raises(BundleError, match=r"motion_step\.engine is not the file that was built"):
        engines.verify_engine_set(read_engine_set(folder))


@pytest.mark.parametrize("missing", ["motion_step.onnx", "motion_step.engine"])
def test_a_graph_without_a_hash_is_refused(tmp_path: Path, missing: str) -> None:
    path = a_set(tmp_path) / engines.KEY_FILE
    raw = json.loads(path.read_text())
    del raw["files"][missing]
    path.write_text(json.dumps(raw))
    with pytest.raises(BundleError, match=rf"engine\.json .*'{missing}' is not among its files.* build"):
        read_engine_set(path.parent)


def test_a_file_name_that_leads_outside_is_refused(tmp_path: Path) -> None:
    path = a_set(tmp_path) / engines.KEY_FILE
    raw = json.loads(path.read_text())
    raw["files"]["../../evil"] = raw["files"].pop("motion_step.engine")
    path.write_text(json.dumps(raw))
    assert "leads outside" in str(engine_sets(tmp_path)[1][0])


def test_the_content_of_a_bundle_is_all_but_its_card(bundle: Path) -> None:
    before = content_hash(open_bundle(bundle).manifest)
    raw = json.loads((bundle / "manifest.json").read_text())
    raw["metrics"], raw["name"] = {}, "renamed"
    (bundle / "manifest.json").write_text(json.dumps(raw))
    assert content_hash(open_bundle(bundle).manifest) == before
    assert content_hash(open_bundle(tiny_bundle("step", "fp32")).manifest) != before


# ---- refusals ---------------------------------------------------------------------------------------


def test_an_architecture_the_builder_does_not_know_is_refused_with_those_it_does() -> None:
    with pytest.raises(InputError, match=r"SM 90; it knows 75, 80, 86, 89, 120, 121 .*--device cuda"):
        groups_of_sms(library(), [89, 90], "fp16")
    with pytest.raises(InputError, match="SM 75 has no products with int8 weights"):
        groups_of_sms(library(), [75, 89], "int8")


def test_turing_gets_an_engine_of_its_own() -> None:
    assert groups_of_sms(library(), [], "fp16") == [(75,), (80, 86, 89, 120)]
    assert groups_of_sms(library(), [], "int4") == [(80, 86, 89, 120)]
    assert groups_of_sms(library(), [120, 89, 89], "fp16") == [(89, 120)]


@pytest.mark.parametrize("target", ["rtx", "cuda", "jetson"])
def test_a_missing_library_says_what_to_install_and_where(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    for name in TARGETS[target].modules:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError) as caught:
        import_library(TARGETS[target])
    message = str(caught.value)
    assert {"rtx": "tensorrt_rtx_cu12_bindings", "cuda": "tensorrt-cu12", "jetson": "JetPack"}[
        target
    ] in message
    assert ("on the device itself" in message) == (target != "rtx")


def test_for_the_device_networks_are_written_and_the_build_is_left_to_it(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert main([str(bundle), "--run", str(tiny_run("step")), "--target", "jetson"]) == MISTAKE
    said = capsys.readouterr()
    assert "agreed" in said.out
    for words in (
        "networks are written",
        "no engine is",
        "JetPack",
        "clutch-rt engine build --target jetson",
    ):
        assert words in said.err
    content = content_hash(open_bundle(bundle).manifest)
    found = read_networks(networks_folder(bundle / "engines", "fp16", content), content)
    assert set(found.shapes) == set(NETWORKS)
    assert open_bundle(bundle).manifest.precision == "int8"


@pytest.mark.parametrize("target", ["cuda", "jetson"])
def test_the_runtime_builds_up_to_the_import(
    carrying: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    done = clutch_rt("engine", "build", "--target", target, "--bundle", carrying)
    assert done.exit_code == 1 and "tensorrt is not installed here" in done.stderr
    there = SimpleNamespace(__version__="10.9", ComputeCapability=None)
    monkeypatch.setitem(sys.modules, "tensorrt", there)
    monkeypatch.setattr(nvidia, "driver_library", lambda: None)
    done = clutch_rt("engine", "build", "--target", target, "--bundle", carrying)
    assert done.exit_code == 1 and "no NVIDIA driver here" in done.stderr


def test_a_bundle_without_networks_names_the_command_that_writes_them(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", SimpleNamespace(__version__="10.9"))
    done = clutch_rt("engine", "build", "--target", "cuda", "--bundle", bundle)
    assert done.exit_code == 1 and "BUNDLE --keep-networks" in done.stderr
    assert "holds no engines" in clutch_rt("engine", "list", "--bundle", bundle).stdout


def test_the_run_must_be_the_one_the_bundle_came_from(bundle: Path) -> None:
    other = tiny_run("step", "gated-gelu")
    with pytest.raises(BundleError, match=r"was not exported from .*lm/model\.safetensors.* differ"):
        export_engines(bundle, other, "jetson")
    raw = json.loads((bundle / "manifest.json").read_text())
    del raw["made_from"]
    (bundle / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(BundleError, match="does not say which run"):
        export_engines(bundle, tiny_run("step"), "jetson")
    assert not list(bundle.glob("engines/*/*"))


def test_a_network_that_disagrees_with_pytorch_is_not_kept(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = command.networks

    def faulty(*args: Any) -> Any:
        models = honest(*args)
        for node in models["motion_step"].graph.node:
            if node.op_type == "Equal" and node.input[0] == "decoder.column":
                node.op_type = "Less"
        return models

    monkeypatch.setattr(command, "networks", faulty)
    with pytest.raises(ParityError, match="motion_step"):
        export_engines(bundle, tiny_run("step"), "jetson")
    assert not list((bundle / "engines").glob("*/*"))


def test_damaged_networks_are_refused(carrying: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(carrying, tmp_path / "bundle"))
    content = content_hash(open_bundle(bundle).manifest)
    folder = networks_folder(bundle / "engines", "fp16", content)
    with pytest.raises(BundleError, match="another bundle"):
        read_networks(folder, "0" * 64)
    (folder / "weights.bin").write_bytes(b"short")
    with pytest.raises(BundleError, match=r"weights\.bin is not the file"):
        read_networks(folder, content)
    (folder / NETWORKS_FILE).write_text("{}")
    with pytest.raises(BundleError, match="cannot be used"):
        read_networks(folder, content)


@pytest.mark.parametrize("name", ["../../escaped", "", "a/b", "a\\b", "/tmp/escaped", "x\u001b[2J"])
def test_networks_cannot_name_a_place_outside_the_folder(carrying: Path, tmp_path: Path, name: str) -> None:
    """A bundle from the network may say anything; what it says is no path to write to."""

    def add(raw: dict[str, Any]) -> None:
        raw["networks"][name] = raw["networks"]["shift_decoder"]
        for suffix in (".onnx", ".tensorrt.onnx", ".tensorrt-rtx.onnx"):
            raw["files"][name + suffix] = raw["files"]["shift_decoder" + suffix]

    _refused(carrying, tmp_path, add, "leads outside|not a plain word")


@pytest.mark.parametrize("name", ["motion_step.onnx", "motion_step.tensorrt.onnx", "weights.bin"])
def test_networks_without_a_hash_are_not_compiled(carrying: Path, tmp_path: Path, name: str) -> None:
    _refused(carrying, tmp_path, lambda raw: raw["files"].pop(name), f"'{name}' is not among its files")


def test_other_nonsense_in_networks_is_refused(carrying: Path, tmp_path: Path) -> None:
    _refused(carrying, tmp_path / "a", lambda raw: raw.update(precision="../../x"), "not a plain word")
    _refused(carrying, tmp_path / "b", lambda raw: raw["networks"]["motion_step"].update(x=[[1]]), "smallest")
    _refused(carrying, tmp_path / "c", lambda raw: raw["files"].update({"../x": {}}), "leads outside")


def _refused(carrying: Path, place: Path, change: Callable[[dict[str, Any]], Any], named: str) -> None:
    """A changed `networks.json` is refused before anything is built."""
    bundle = Path(shutil.copytree(carrying, place / "bundle"))
    content = content_hash(open_bundle(bundle).manifest)
    path = networks_folder(bundle / "engines", "fp16", content) / NETWORKS_FILE
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))
    with pytest.raises(BundleError, match=rf"networks\.json cannot be used .*({named}).*write the networks"):
        read_networks(path.parent, content)


def test_a_list_of_architectures_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bundle", "--sm", "ampere"])
    assert "80,86,89,120" in capsys.readouterr().err
    with pytest.raises(InputError, match="leave it out"):
        export_engines("bundle", None, "cuda", [89])


# ---- real builds ------------------------------------------------------------------------------------


@needs_library
def test_engines_are_built_ahead_of_time_and_described(
    carrying: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = Path(shutil.copytree(carrying, tmp_path / "bundle"))
    arguments = [str(bundle), "--sm", "89", "--precision", "fp16"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    for name in NETWORKS:
        assert f"{name} (" in said
    sets, wrong = engine_sets(bundle / "engines")
    assert len(sets) == 1 and not wrong
    built = sets[0]
    engines.verify_engine_set(built)
    assert built.key.content == content_hash(open_bundle(bundle).manifest)
    assert built.key.sms == (89,) and set(built.graphs) == set(NETWORKS)
    step = built.graphs["motion_step"]
    assert step["layers"] > 50
    assert [entry["name"] for entry in step["outputs"]] == ["next_codes", "next_rhythm", "next_cache"]
    assert [entry["name"] for entry in step["inputs"] if "usual" in entry] == ["memory"]
    assert fitting_engines(sets, "tensorrt-rtx", built.key.version, 89, built.key.content) is built

    stamp = built.engine("motion_step").stat().st_mtime_ns
    assert main(arguments) == MISTAKE
    assert "--force" in capsys.readouterr().err
    assert built.engine("motion_step").stat().st_mtime_ns == stamp
    assert "SM 89, fp16" in clutch_rt("engine", "list", "--bundle", bundle).stdout


@needs_library
@pytest.mark.parametrize("precision", ENGINE_PRECISIONS)
def test_an_engine_of_the_flat_form_is_built_from_its_run(tmp_path: Path, precision: EnginePrecision) -> None:
    """Of each precision once; whole steps of tokens, whose only open length is the memory's."""
    bundle = Path(shutil.copytree(tiny_bundle("flat", "fp32"), tmp_path / "bundle"))
    (built,) = export_engines(bundle, tiny_run("flat", tied_head=False), sms=[89], precision=precision)
    engines.verify_engine_set(built)
    step = built.graphs["motion_step"]
    assert [entry["name"] for entry in step["outputs"]] == ["next_codes", "next_cache"]
    assert [entry["name"] for entry in step["inputs"] if "usual" in entry] == ["memory"]


@needs_library
def test_a_graph_that_does_not_parse_names_its_node(tmp_path: Path) -> None:
    found = import_library(TARGETS["rtx"])
    with pytest.raises(
        BundleError, match=r"motion_step\.onnx does not parse: node '\w+' \(DynamicQuantizeLinear\)"
    ):
        engine_library.build_engine(found, tiny_bundle("step", "int8") / "motion_step.onnx", {}, [89], print)


@needs_library
def test_the_library_knows_the_architectures_the_documentation_names() -> None:
    assert set(import_library(TARGETS["rtx"]).sms) >= {75, 80, 86, 89, 120}
    assert 90 not in import_library(TARGETS["rtx"]).sms


@pytest.mark.parametrize(
    ("library", "provider"),
    [("tensorrt", "TensorrtExecutionProvider"), ("tensorrt-rtx", "NvTensorRTRTXExecutionProvider")],
)
def test_the_graph_around_an_engine_has_its_bindings(carrying: Path, library: str, provider: str) -> None:
    folder = next((carrying / "engines" / "networks").iterdir())
    around = onnx.load(folder / f"motion_step.{library}.onnx")
    (node,) = around.graph.node
    told = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    assert (told["source"], told["ep_cache_context"]) == (provider.encode(), b"motion_step.engine")
    network = onnx.load(folder / "motion_step.onnx", load_external_data=False)
    assert [e.name for e in around.graph.input] == [e.name for e in network.graph.input]
    assert around.graph.input[4] == network.graph.input[4]
    # The CPU has no engine to load: it gets as far as asking who could.
    with pytest.raises(Exception, match="EPContext"):
        onnxruntime.InferenceSession(
            str(folder / f"motion_step.{library}.onnx"), providers=["CPUExecutionProvider"]
        )
