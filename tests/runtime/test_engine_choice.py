"""An engine is loaded where it fits this GPU, library and bundle; one that does not fit is named."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import clutch_rt
import pytest
from click.testing import CliRunner
from clutch_rt import BundleError, device, doctor, nvidia, plugin, sessions, tensorrt
from clutch_rt.bundle import open_bundle
from clutch_rt.cli.commands import command_line
from clutch_rt.device import Placement
from clutch_rt.doctor import examine_bundle
from clutch_rt.engine_choice import EngineChoice, rtx_library_version
from clutch_rt.engines import FORMAT, KEY_FILE, content_hash, read_engine_set, target_of
from clutch_rt.manifest import MANIFEST
from clutch_rt.probe import Probe, try_engines
from clutch_rt.providers import PROVIDERS

DEVICE = "tensorrt-rtx"
GRAPHS = ("text_encoder", "motion_step", "shift_decoder")


@pytest.fixture
def bundle(toy: Path, tmp_path: Path) -> Path:
    """A toy bundle that may be changed."""
    return Path(shutil.copytree(toy, tmp_path / "bundle"))


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if an RTX 40 and the plugin with TensorRT-RTX 1.7.1 were there."""
    folder = tmp_path / "site" / plugin.RTX_MODULE
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "libtensorrt_rtx.so.1.7.1").touch()
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setitem(sys.modules, plugin.RTX_MODULE, None)  # so that what the test imports goes with it
    monkeypatch.delitem(sys.modules, plugin.RTX_MODULE)
    monkeypatch.setattr(nvidia, "compute_capability", lambda: 89)


def add_engines(bundle: Path, **changes: Any) -> Path:
    """Put a set of engines into a bundle: files of nonsense with a true key, but for ``changes``."""
    key = {
        "target": "rtx",
        "version": "1.7.1.116",
        "sms": [80, 89],
        "precision": "fp16",
        "content": content_hash(open_bundle(bundle).manifest),
        "host": "",
        **changes,
    }
    folder = (
        bundle
        / "engines"
        / target_of(key["target"]).library
        / f"{key['version']}-{key['sms']}-{key['precision']}-{str(key['content'])[:4]}{key['host']}"
    )
    folder.mkdir(parents=True)
    files = {}
    for name in GRAPHS:
        for suffix in ("engine", "onnx"):
            data = f"{name} {suffix}".encode()
            (folder / f"{name}.{suffix}").write_bytes(data)
            files[f"{name}.{suffix}"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    document = {"format": FORMAT, "key": key, "files": files, "graphs": {name: {} for name in GRAPHS}}
    (folder / KEY_FILE).write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_the_engine_that_fits_is_loaded_and_the_rest_is_the_bundles_own(gpu: None, bundle: Path) -> None:
    assert rtx_library_version() == "1.7.1"
    add_engines(bundle, sms=[120])
    right = add_engines(bundle)
    choice = EngineChoice(open_bundle(bundle))
    assert choice.graph("motion_step", DEVICE) == right / "motion_step.onnx"
    assert choice.graph("caption_step", DEVICE) == bundle / "caption_step.onnx"
    assert choice.graph("motion_step", "cpu") == bundle / "motion_step.onnx"
    assert choice.graph("motion_step", "cuda") == bundle / "motion_step.onnx"


def test_the_precision_that_keeps_most_is_taken_and_its_loss_is_said(
    gpu: None, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    lost = {"generated.count": {"value": 0.6}, "pytorch.generated.count": {"value": 0.9}}
    manifest["precisions"] = {"rows": {"int4": {"figures": lost}, "int8": "no row"}}
    (bundle / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    content = content_hash(open_bundle(bundle).manifest)
    four = add_engines(bundle, precision="int4", content=content)
    assert EngineChoice(open_bundle(bundle)).graph("motion_step", DEVICE) == four / "motion_step.onnx"
    assert "of the engines: int4 weights cost this bundle 33.3% of the count as asked" in caplog.text
    for precision in ("int8", "fp16"):
        better = add_engines(bundle, precision=precision, content=content)
        caplog.clear()
        assert EngineChoice(open_bundle(bundle)).graph("motion_step", DEVICE) == better / "motion_step.onnx"
        assert "of the engines" not in caplog.text


def test_of_packed_weights_what_has_no_engine_runs_on_the_cpu_and_says_so(
    gpu: None, bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    manifest["precision"] = "int8"
    (bundle / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    add_engines(bundle, content=content_hash(open_bundle(bundle).manifest))
    gpu_place = Placement(DEVICE, PROVIDERS[DEVICE])
    made: dict[str, str] = {}
    monkeypatch.setattr(sessions, "certain", lambda device: None)
    monkeypatch.setattr(sessions, "choose", lambda *_: (gpu_place, None))
    monkeypatch.setattr(
        sessions, "create_session", lambda path, place, _: made.update({path.stem: place.name})
    )
    monkeypatch.setattr(sessions, "warn_of_cpu_work", lambda *_: None)
    there = sessions.Sessions(open_bundle(bundle), DEVICE, 1)
    for name in ("caption_step", "motion_step"):  # the first is none that the device is chosen by
        there.get(name)
    assert made == {"caption_step": "cpu", "motion_step": DEVICE}
    assert "graph 'caption_step' has no engine" in caplog.text and "it runs on the CPU" in caplog.text
    assert "motion_step" not in caplog.text


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sms": [80, 120]}, "built for SM 80, 120"),
        ({"version": "1.6.0.5"}, "library version 1.6.0.5, not 1.7.1"),
        ({"version": "1.7.10.5"}, "library version 1.7.10.5, not 1.7.1"),
        ({"content": "f" * 64}, "built from another bundle"),
    ],
)
def test_an_engine_that_does_not_fit_is_named_and_left_alone(
    changes: dict[str, Any], named: str, gpu: None, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_engines(bundle, **changes)
    path = EngineChoice(open_bundle(bundle)).graph("motion_step", DEVICE)
    assert path == bundle / "motion_step.onnx"
    assert named in caplog.text and "clutch-rt engine build" in caplog.text


@pytest.mark.parametrize("target", ["cuda", "jetson"])
@pytest.mark.parametrize("told", ["10.13.3.9", "10.13.3"])
def test_tensorrt_loads_the_engines_its_own_library_built(
    target: str, told: str, gpu: None, bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Engines of TensorRT's are bound to the system and GPU that built them; those of RTX are not."""
    monkeypatch.setattr(tensorrt, "version", lambda: told)
    monkeypatch.setattr(nvidia, "host", lambda: "linux-x86_64-RTX-4090")
    on_it = {"target": target, "version": "10.13.3.9", "sms": [89], "host": "linux-x86_64-RTX-4090"}
    add_engines(bundle)
    wrong = add_engines(bundle, **{**on_it, "version": "10.13.2.6"})
    add_engines(bundle, **{**on_it, "host": "win32-AMD64-RTX-4090"})
    add_engines(bundle, **{**on_it, "host": "linux-x86_64-RTX-4070"})
    assert EngineChoice(open_bundle(bundle)).graph("motion_step", "tensorrt") == bundle / "motion_step.onnx"
    for words in (
        "library version 10.13.2.6, not 10.13.3",
        "built on win32-AMD64-RTX-4090, not on linux-x86_64-RTX-4090",
        "built on linux-x86_64-RTX-4070",
        "--target cuda or jetson",
    ):
        assert words in caplog.text
    right = add_engines(bundle, **on_it)
    choice = EngineChoice(open_bundle(bundle))
    assert choice.graph("motion_step", "tensorrt") == right / "motion_step.onnx"
    assert choice.graph("motion_step", DEVICE).parent.parent.name == DEVICE
    assert wrong.parent == right.parent == bundle / "engines" / "tensorrt"


def test_engines_of_a_library_that_is_not_there_say_what_to_install(
    gpu: None, bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(tensorrt, "version", lambda: None)
    add_engines(bundle, target="cuda", version="10.13.3.9", sms=[89])
    assert EngineChoice(open_bundle(bundle)).graph("motion_step", "tensorrt") == bundle / "motion_step.onnx"
    assert "tensorrt is not found on this machine" in caplog.text and "'tensorrt-cu12<11'" in caplog.text


def test_a_damaged_engine_is_never_loaded(gpu: None, bundle: Path) -> None:
    folder = add_engines(bundle)
    (folder / "motion_step.engine").write_bytes(b"motion_step enginE")
    with pytest.raises(BundleError, match=r"motion_step.engine is not the file that was built"):
        EngineChoice(open_bundle(bundle)).graph("motion_step", DEVICE)


def test_a_damaged_engine_leaves_auto_the_rest_of_the_machine(
    gpu: None, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "tried", lambda: [DEVICE])  # as with a driver
    folder = add_engines(bundle)
    (folder / "motion_step.engine").write_bytes(b"motion_step enginE")
    with clutch_rt.load(bundle) as model:
        model.warm_up()
        info = model.info
    assert info.device == "cpu"
    assert any("tensorrt-rtx" in r and "motion_step.engine is not the file" in r for r in info.passed_over)
    with clutch_rt.load(bundle, DEVICE) as model, pytest.raises(BundleError, match=r"motion_step.engine"):
        model.warm_up()


def test_a_key_that_cannot_be_read_is_a_note(
    gpu: None, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (add_engines(bundle) / KEY_FILE).write_text("{", encoding="utf-8")
    assert EngineChoice(open_bundle(bundle)).graph("motion_step", DEVICE) == bundle / "motion_step.onnx"
    assert "is no key of engines" in caplog.text


def _change_key(folder: Path, **changes: Any) -> None:
    """Change what a set says of its key."""
    raw = json.loads((folder / KEY_FILE).read_text(encoding="utf-8"))
    raw["key"].update(changes)
    (folder / KEY_FILE).write_text(json.dumps(raw), encoding="utf-8")


def _spoil_deeply(folder: Path) -> None:
    (folder / KEY_FILE).write_text("[" * 100_000, encoding="utf-8")


SPOILS = [
    _spoil_deeply,
    lambda folder: _change_key(folder, sms=[float("inf")]),
    lambda folder: _change_key(folder, target="foo"),
    lambda folder: _change_key(folder, target=["rtx"]),
    lambda folder: _change_key(folder, version="1.7\ud800"),
]


@pytest.mark.parametrize("spoil", SPOILS)
def test_one_bad_key_hides_no_other_set(
    spoil: Any, gpu: None, bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Loading, `engine list` and `doctor` name the file and go on with what is whole."""
    right, bad = add_engines(bundle), add_engines(bundle, sms=[75, 89])
    spoil(bad)
    assert EngineChoice(open_bundle(bundle)).graph("motion_step", DEVICE) == right / "motion_step.onnx"
    assert str(bad / KEY_FILE) in caplog.text

    done = CliRunner().invoke(command_line, ["engine", "list", "--bundle", str(bundle), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [Path(one["path"]).name for one in said["engines"]] == [right.name]
    (line,) = said["damaged"]
    assert str(bad / KEY_FILE) in line and "build" in line and "\n" not in line and len(line) < 800

    monkeypatch.setattr(doctor, "driver_library", lambda: None)
    whole, broken = examine_bundle(str(bundle)).engines
    assert "not tried" in whole.reason and str(bad / KEY_FILE) in broken.reason


def test_engines_of_a_later_version_say_so(bundle: Path) -> None:
    folder = add_engines(bundle)
    _change_key(folder, target="foo")
    with pytest.raises(BundleError, match=r"target is 'foo'; .*rtx, cuda, jetson.*--upgrade clutch-rt"):
        read_engine_set(folder)


def test_no_gpu_is_named(gpu: None, bundle: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(nvidia, "compute_capability", lambda: None)
    add_engines(bundle)
    assert EngineChoice(open_bundle(bundle)).graph("motion_step", DEVICE) == bundle / "motion_step.onnx"
    assert "finds no GPU" in caplog.text


# --- What the doctor says of them


def test_the_doctor_tries_engines_in_a_process_of_their_own(
    gpu: None, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it start the driver itself: one that ends the process would end the report."""
    tried = []
    monkeypatch.setattr(doctor, "driver_library", object)
    monkeypatch.setattr(doctor, "probe", lambda path, device: tried.append(path) or Probe(device, True))
    monkeypatch.setattr(nvidia, "compute_capability", lambda: pytest.fail("the doctor started the driver"))
    folder = add_engines(bundle)
    (found,) = examine_bundle(str(bundle)).engines
    assert found.loads and tried == [folder]


def test_the_engines_of_a_set_are_tried_where_it_fits(
    gpu: None, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []
    monkeypatch.setattr(device, "create_session", lambda path, *rest: loaded.append(path))
    right, other = add_engines(bundle), add_engines(bundle, sms=[120])
    (right / "unlisted.onnx").touch()  # has no hash, so it is none of the set's
    assert try_engines(right, DEVICE).works
    assert loaded == [right / f"{name}.onnx" for name in GRAPHS]
    answer = try_engines(other, DEVICE)
    assert not answer.works and "built for SM 120" in answer.reason and len(loaded) == len(GRAPHS)


def test_the_doctor_says_why_engines_do_not_load(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "driver_library", lambda: None)
    folder = add_engines(bundle)
    other = add_engines(bundle, content="f" * 64)
    (add_engines(bundle, sms=[75]) / "motion_step.onnx").unlink()
    found = {Path(engine.path).name: engine for engine in examine_bundle(str(bundle)).engines}
    assert f"{nvidia.DRIVER_LIBRARY} is missing" in found[folder.name].reason
    assert "another bundle" in found[other.name].reason
    assert any("cannot read" in engine.reason for engine in found.values())
    assert not any(engine.loads for engine in found.values())
