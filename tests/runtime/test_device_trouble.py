"""Every way in which a device cannot be had is named, with the way on; none runs on the CPU unsaid."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from clutch_rt import BundleError, ClutchError, DeviceError, attempts, device, nvidia, plugin
from clutch_rt.bundle import cache_dir, open_bundle
from clutch_rt.device import Placement, candidates, choose, create_session, run_error
from clutch_rt.diagnosis import diagnose
from clutch_rt.providers import CPU
from clutch_rt.sessions import Sessions

from tests.runtime.fake_gpu import CUDA, FakeSession, Part

GRAPH = Path("graph.onnx")
CUDA_PLACE = Placement("cuda", CUDA)


def test_a_provider_that_starts_and_does_nothing_is_an_error(cuda: type[FakeSession]) -> None:
    cuda.parts = (Part(CUDA, "Add"), Part(CPU, "MatMulInteger", "MatMulInteger"))
    with pytest.raises(DeviceError, match=r"no kernel for 2 of the 2 matrix products .* --device cpu"):
        create_session(GRAPH, CUDA_PLACE, 1)


def test_weights_in_eight_bits_are_refused_where_the_rest_would_run(cuda: type[FakeSession]) -> None:
    """As of the shipped bundle's encoder: the reader of labels is in float32, and CUDA has kernels for it."""
    cuda.parts = (Part(CUDA, *["MatMul"] * 15), Part(CPU, *["MatMulInteger"] * 19))
    with pytest.raises(
        DeviceError, match=r"no kernel for 19 of the 34 .*\(fp32 or fp16\), or use --device cpu"
    ):
        choose(GRAPH, "cuda", 1)
    cuda.parts = (Part(CUDA, *["MatMul"] * 15, *["MatMulNBits"] * 19),)  # which CUDA does have
    assert choose(GRAPH, "cuda", 1)[0] == CUDA_PLACE


def test_a_provider_that_does_a_part_is_said_aloud(
    cuda: type[FakeSession], caplog: pytest.LogCaptureFixture
) -> None:
    cuda.parts = (Part(CUDA, "Conv", "Gemm"), Part(CPU, "MatMul", "Shape"))
    placement, session = choose(GRAPH, "cuda", 1)
    assert placement == CUDA_PLACE
    device.warn_of_cpu_work("motion_step", placement, session)
    assert "'motion_step': 1 of 3 matrix products run on the CPU" in caplog.text


def test_auto_rather_takes_the_cpu_as_a_whole_than_the_gpu_in_part(cuda: type[FakeSession]) -> None:
    cuda.parts = (Part(CUDA, "Conv"), Part(CPU, "MatMulInteger"))
    placement, _ = choose(GRAPH, "auto", 1)
    assert placement == Placement("cpu", CPU)
    assert any("cuda: 1 of 2 matrix products" in reason for reason in placement.passed_over)


def test_auto_takes_a_gpu_that_does_all(cuda: type[FakeSession]) -> None:
    cuda.parts = (Part(CUDA, "Conv", "MatMul"), Part(CPU, "Shape", "Gather"))
    assert choose(GRAPH, "auto", 1)[0] == CUDA_PLACE


@pytest.mark.parametrize("driver", [None, object()])
def test_auto_says_why_it_took_nothing_better(
    driver: object, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvidia, "driver_library", lambda: driver)
    placement, _ = choose(toy / "text_encoder.onnx", "auto", 1)
    assert placement.name == "cpu"
    reasons = dict(entry.split(": ", 1) for entry in placement.passed_over)
    assert set(reasons) == {"cuda", "tensorrt-rtx"}
    wanted = "no NVIDIA driver" if driver is None else "pip install"
    assert all(wanted in reason for reason in reasons.values())


def test_onnx_runtime_tells_where_nodes_run(toy: Path) -> None:
    """The record that the check stands on exists in the ONNX Runtime at hand, or the check is off."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = onnxruntime.InferenceSession(str(toy / "text_encoder.onnx"), options, providers=[CPU])
    if not hasattr(session, "get_provider_graph_assignment_info"):
        pytest.skip("this ONNX Runtime is too old to tell where nodes run")
    parts = session.get_provider_graph_assignment_info()
    assert {part.ep_name for part in parts} == {CPU}
    assert any(node.op_type == "Sin" for part in parts for node in part.get_nodes())


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("CUDA failure 2: out of memory ; GPU=0", "memory is used up.*nvidia-smi"),
        ("Failed to allocate memory for requested buffer of size 12", "memory is used up"),
        ("CUDA failure 35: CUDA driver version is insufficient", "driver is too old.*update"),
        ("CUDA failure 100: no CUDA-capable device is detected", "sees no GPU.*CUDA_VISIBLE_DEVICES"),
        ("libcuda.so.1: cannot open shared object file", "no NVIDIA driver is installed.*install"),
        ("no kernel image is available for execution on the device", "not built for this GPU.*update"),
        ("libnvinfer.so.10: cannot open shared object file", "TensorRT's libraries.*tensorrt-cu12"),
        ("libcudnn.so.9: cannot open shared object file", "CUDA's libraries.*onnxruntime-gpu"),
        ("something new", "something new.*nvidia-smi"),
    ],
)
def test_errors_at_run_time_name_cause_and_way_on(said: str, named: str) -> None:
    error = run_error(CUDA_PLACE, "motion_step", RuntimeError(said))
    with pytest.raises(DeviceError, match=rf"motion_step.*{named}.*--device cpu"):
        raise error


def test_memory_of_the_machine_used_up_is_not_the_bundles_fault() -> None:
    error = run_error(Placement("cpu", CPU), "text_encoder", MemoryError("std::bad_alloc"))
    assert isinstance(error, DeviceError)
    assert "memory is used up" in str(error)


def test_other_makers_errors_get_no_advice_about_nvidia() -> None:
    assert "nvidia" not in diagnose("out of memory", nvidia=False).mend


# --- TensorRT-RTX, a plugin in a wheel of its own


@pytest.fixture
def rtx_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if the plugin's wheel were installed, on a machine with a driver."""
    folder = tmp_path / plugin.RTX_MODULE
    folder.mkdir()
    text = "def get_library_path(): return '/nowhere/plugin.so'\n"
    (folder / "__init__.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, plugin.RTX_MODULE, None)  # so that what the test imports goes with it
    monkeypatch.delitem(sys.modules, plugin.RTX_MODULE)
    monkeypatch.setattr(nvidia, "driver_library", object)
    monkeypatch.setattr(plugin, "_devices", [])
    return folder


def test_without_a_driver_the_missing_library_is_named(
    rtx_wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvidia, "driver_library", lambda: None)
    with pytest.raises(DeviceError, match=rf"{nvidia.DRIVER_LIBRARY} is missing\); install NVIDIA's driver"):
        choose(GRAPH, "tensorrt-rtx", 1)
    assert plugin.RTX_MODULE not in sys.modules  # 200 MB that were of no use


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("raise OSError('libtensorrt_rtx.so.1: file too short')", "libraries are not whole.*force-reinstall"),
        ("raise ImportError('no such thing')", "does not load.*no such thing"),
        ("", "get_library_path"),
        ("def get_library_path(): return '/nowhere/plugin.so'", "/nowhere/plugin.so"),
    ],
)
def test_a_plugin_that_does_not_load_is_named(rtx_wheel: Path, text: str, named: str) -> None:
    if not hasattr(onnxruntime, "register_execution_provider_library"):
        pytest.skip("this ONNX Runtime takes no plugins")
    (rtx_wheel / "__init__.py").write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(DeviceError, match=named) as caught:
        plugin.rtx_devices()
    assert "--device cpu" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_onnx_runtime_that_takes_no_plugins_is_named(
    rtx_wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(onnxruntime, "register_execution_provider_library", raising=False)
    with pytest.raises(DeviceError, match=r"needs onnxruntime 1.24 or later.*pip install --upgrade"):
        plugin.rtx_devices()


class Gpu:
    ep_name = plugin.RTX_PROVIDER


@pytest.mark.parametrize("gpus", [[], [Gpu()]])
def test_the_plugin_is_registered_once_and_used(
    rtx_wheel: Path, gpus: list[Gpu], monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = []
    options: list[Any] = []

    class Options:
        def add_session_config_entry(self, name: str, value: str) -> None: ...

        def add_provider_for_devices(self, devices: list[Gpu], settings: dict[str, str]) -> None:
            options.append((devices, settings))

    class Session:
        def __init__(self, path: str, session_options: Options, enable_fallback: int) -> None: ...

        def get_providers(self) -> list[str]:
            return [plugin.RTX_PROVIDER, CPU]

    monkeypatch.setattr(
        onnxruntime, "register_execution_provider_library", lambda *a: registered.append(a), raising=False
    )
    monkeypatch.setattr(onnxruntime, "get_ep_devices", lambda: gpus, raising=False)
    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    if not gpus:
        with pytest.raises(DeviceError, match="finds no GPU it supports"):
            choose(GRAPH, "tensorrt-rtx", 1)
        return
    placement, _ = choose(GRAPH, "tensorrt-rtx", 1)
    create_session(GRAPH, placement, 1)
    assert registered == [(plugin.RTX_PROVIDER, "/nowhere/plugin.so")]
    assert [devices for devices, _ in options] == [gpus, gpus]
    assert "nv_runtime_cache_path" in options[0][1]


def test_a_session_that_quietly_went_to_the_cpu_is_an_error(
    rtx_wheel: Path, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real ONNX Runtime, given no provider, runs on the CPU without a word."""
    monkeypatch.setattr(device, "rtx_options", lambda options: options)
    with pytest.raises(DeviceError, match=f"{plugin.RTX_PROVIDER} did not start on this machine"):
        create_session(toy / "text_encoder.onnx", candidates("tensorrt-rtx")[0], 1)


# --- Providers that take the process with them

_CRASH = """
import os
from clutch_rt import attempts
with attempts.attempt("cuda"):
    os._exit(11)
"""


@pytest.fixture
def crash() -> None:
    """A process that ended while it started CUDA."""
    subprocess.run([sys.executable, "-c", textwrap.dedent(_CRASH)], check=False, timeout=60)


def test_a_crash_is_remembered_until_it_is_forgotten(crash: None, cuda: type[FakeSession]) -> None:
    assert attempts.crashed("cuda")
    assert not attempts.crashed("tensorrt")
    with pytest.raises(DeviceError, match=r"ended the process the last time.*clutch-rt doctor"):
        choose(GRAPH, "cuda", 1)
    assert choose(GRAPH, "auto", 1)[0].name == "cpu"
    attempts.forget("cuda")
    assert choose(GRAPH, "cuda", 1)[0] == CUDA_PLACE
    assert not attempts.crashed("cuda")


@pytest.mark.parametrize("elsewhere", ["host", "restart", "container"])
def test_a_mark_from_elsewhere_is_no_crash_here(
    elsewhere: str, crash: None, cuda: type[FakeSession], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a shared cache folder, a number of another machine's processes says nothing of this one's."""
    (tmp_path / "boot_id").write_text("another\n", encoding="ascii")
    with monkeypatch.context() as there:
        if elsewhere == "host":
            there.setattr(platform, "node", lambda: "another")
        elif elsewhere == "restart":
            there.setattr(attempts, "_BOOT_ID", tmp_path / "boot_id", raising=False)
        else:
            there.setattr(Path, "readlink", lambda path: Path("pid:[1]"))
        assert not attempts.crashed("cuda")
        attempts.forget("cuda")
        assert choose(GRAPH, "cuda", 1)[0] == CUDA_PLACE
    assert attempts.crashed("cuda")  # it still is one where it happened


def test_a_driver_that_crashes_while_the_file_is_chosen_is_remembered(cuda: type[FakeSession]) -> None:
    """Which engine fits is asked of the driver, whose start may end the process as a provider's may."""
    marked = []

    def graph(name: str) -> Path:
        marked.append((name, len(list(cache_dir().glob(f"starting/{name}.*")))))
        return GRAPH

    choose(graph, "cuda", 1)
    choose(graph, "auto", 1)
    assert marked.count(("cuda", 1)) == 2 and all(marks == 1 for _, marks in marked)


def test_an_attempt_that_fails_or_is_under_way_is_no_crash() -> None:
    with pytest.raises(KeyboardInterrupt), attempts.attempt("cuda"):
        assert not attempts.crashed("cuda")  # this process is still at it
        raise KeyboardInterrupt
    assert not attempts.crashed("cuda")


def test_a_cache_that_cannot_be_written_to_stops_nobody(
    private_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (private_cache / "file").touch()
    monkeypatch.setenv("CLUTCH_RT_CACHE", str(private_cache / "file"))
    with attempts.attempt("cuda"):
        pass
    assert not attempts.crashed("cuda")


# --- Sessions side by side


def test_sessions_made_side_by_side_are_the_ones_that_run(toy: Path) -> None:
    sessions = Sessions(open_bundle(toy), "cpu", 1)
    names = ("text_encoder", "motion_step", "shift_decoder")
    sessions.prepare(names)
    made = [sessions.get(name) for name in names]
    sessions.prepare(names)
    assert [sessions.get(name) for name in names] == made
    sessions.close()
    with pytest.raises(ClutchError, match="was closed"):
        sessions.prepare(names)


def test_a_graph_that_fails_among_others_is_named(toy: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(toy, tmp_path / "bundle"))
    opened = open_bundle(bundle)
    (bundle / "motion_step.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"motion_step.onnx cannot be loaded"):
        Sessions(opened, "cpu", 1).prepare(("text_encoder", "motion_step", "shift_decoder"))


def test_engines_that_cannot_be_loaded_are_to_be_built_again(tmp_path: Path) -> None:
    """It is not the bundle that is at fault: exporting it again would not help."""
    path = tmp_path / "engines" / "tensorrt-rtx" / "key" / "motion_step.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no graph")
    with pytest.raises(
        BundleError, match=r"motion_step.onnx cannot be loaded: .*`clutch-rt engine build --force`"
    ):
        create_session(path, Placement("cpu", CPU), 1)


def test_every_session_of_a_provider_is_marked_while_it_starts(
    cuda: type[FakeSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its libraries are loaded under the mark too: they are where a process ends."""
    seen: list[int] = []

    def looked(*_: Any) -> str:
        seen.append(len(attempts._marks("cuda")))
        return ""

    monkeypatch.setattr(device, "_preload", looked)
    start = device._start
    monkeypatch.setattr(device, "_start", lambda *given: (looked(), start(*given))[1])
    create_session(GRAPH, CUDA_PLACE, 1)
    assert seen == [1, 1] and not attempts._marks("cuda")
