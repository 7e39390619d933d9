"""The device that was asked for is had, or it is an error; `auto` passes over what does not start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest
from clutch_rt import DeviceError
from clutch_rt.device import Placement, candidates, choose, create_session
from clutch_rt.providers import CPU, DEVICES, installed_runtimes

from tests.runtime.fake_gpu import CUDA, FakeSession


def test_cuda_is_used_where_it_starts(cuda: type[FakeSession]) -> None:
    assert [p.name for p in candidates("auto")] == ["cuda", "cpu"]
    placement, session = choose(Path("graph.onnx"), "auto", 1)
    assert placement == Placement("cuda", CUDA)
    assert session.get_providers() == [CUDA, CPU]


@pytest.mark.parametrize("failure", [None, RuntimeError])
def test_auto_passes_over_what_does_not_start_and_says_so(
    cuda: type[FakeSession], failure: type[Exception] | None, caplog: pytest.LogCaptureFixture
) -> None:
    cuda.starts, cuda.raises = False, failure
    with caplog.at_level("INFO", "clutch_rt"):
        placement, _ = choose(Path("graph.onnx"), "auto", 1)
    assert placement == Placement("cpu", CPU)
    assert "device auto passes over cuda" in caplog.text
    assert "device auto took CPUExecutionProvider" in caplog.text


@pytest.mark.parametrize("failure", [None, RuntimeError])
def test_cuda_by_name_is_never_quietly_the_cpu(
    cuda: type[FakeSession], failure: type[Exception] | None
) -> None:
    cuda.starts, cuda.raises = False, failure
    with pytest.raises(
        DeviceError, match=r"did not start on this machine \(.*nvidia-smi.*--device cpu"
    ) as caught:
        choose(Path("graph.onnx"), "cuda", 1)
    assert "\n" not in str(caught.value)
    if failure:
        assert "driver version is insufficient" in str(caught.value)


def test_cpu_by_name_leaves_the_gpu_alone(cuda: type[FakeSession]) -> None:
    cuda.raises = RuntimeError
    assert create_session(Path("graph.onnx"), candidates("cpu")[0], 1).get_providers() == [CPU]


@pytest.mark.parametrize("device", [d for d in DEVICES if d not in ("auto", "cpu")])
def test_a_provider_that_is_not_built_in_names_the_command(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    with pytest.raises(
        DeviceError, match=r"which the installed onnxruntime.* lacks; .*install.*--device cpu"
    ):
        candidates(device)


def test_the_installed_runtime_is_named() -> None:
    assert any(name.startswith("onnxruntime") for name in installed_runtimes())


def test_loading_says_nothing_on_stdout_or_stderr(toy: Path) -> None:
    code = f"import clutch_rt; clutch_rt.load({str(toy)!r}).generate('clap slowly')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
