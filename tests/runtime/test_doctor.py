"""The doctor: what it finds, that it really tries, and that a crash is a finding and not its end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from clutch_rt import doctor as room
from clutch_rt import load, machine, nvidia, probe
from clutch_rt.cli.commands import command_line
from clutch_rt.cli.doctor import lines
from clutch_rt.doctor import BundleFinding, advise, examine_bundle
from clutch_rt.nvidia import Gpu, Nvidia, parse_smi
from clutch_rt.probe import Probe, parse_answer

NO_NVIDIA = Nvidia(False, None, (), {}, {})
WHOLE = BundleFinding("/b", "toy", "step", "fp32", 3, 10)


def run(*args: str) -> Result:
    return CliRunner().invoke(command_line, ["doctor", *args])


def test_the_cpu_is_tried_and_works(toy: Path) -> None:
    done = run("--bundle", str(toy), "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    devices = {found["device"]: found for found in report["devices"]}
    assert {"cpu", "cuda", "tensorrt", "tensorrt-rtx"} <= devices.keys()
    assert devices["cpu"]["works"] and devices["cpu"]["first_seconds"] > 0
    assert report["healthy"] and report["auto"] is not None
    assert report["bundle"]["name"] == "toy" and report["bundle"]["problem"] == ""
    assert report["machine"]["cores"] == os.cpu_count()
    for found in devices.values():
        assert found["works"] or found["reason"]


def test_lines_for_a_person(toy: Path) -> None:
    done = run("--bundle", str(toy))
    assert done.exit_code == 0, done.output
    for word in ("processor", "onnxruntime", "toy: step form, fp32", "cpu          works", "verdict"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120  # a path or command is not broken


def test_a_changed_file_is_found_even_where_it_was_verified_before(toy: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "mine"
    shutil.copytree(toy, bundle)
    load(bundle).close()
    file = bundle / "words.txt"
    stat = file.stat()
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as a bad disk would leave it
    assert examine_bundle(str(toy)).problem == ""
    done = run("--bundle", str(bundle))
    assert done.exit_code == 1
    text = " ".join(done.stdout.split())
    assert "words.txt was changed after export" in text and "no motion can be made here" in text


def test_no_bundle_is_a_finding(tmp_path: Path) -> None:
    done = run("--bundle", str(tmp_path / "nowhere"), "--json")
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert "there is no bundle" in report["bundle"]["problem"]
    assert report["advice"][0] == report["bundle"]["problem"]


def test_help_has_examples() -> None:
    assert "Examples:" in run("--help").stdout


_GUARD = """
import socket, sys
def refuse(*a, **k): raise SystemExit("a socket was opened")
socket.socket.__init__ = refuse
socket.getaddrinfo = refuse
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers", "onnx", "tensorrt", "tensorrt_rtx", "cupy"):
            raise SystemExit(f"{name} was imported")
sys.meta_path.insert(0, NoTorch())
from clutch_rt.cli import main
sys.argv = ["clutch-rt", "doctor", "--json"]
main()
"""


def test_it_opens_no_socket_and_imports_nothing_heavy(toy: Path) -> None:
    environment = {**os.environ, "CLUTCH_RT_BUNDLE": str(toy)}
    done = subprocess.run(
        [sys.executable, "-c", _GUARD], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["healthy"]


# --- A device is tried in a process of its own


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for Python")
@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("echo 'CUDA is on fire' >&2; kill -SEGV $$", "ended the process.*SIGSEGV: CUDA is on fire"),
        ("exit 3", "exit code 3: it said nothing"),
        ("echo surprise", "exit code 0"),
        ("sleep 20", "did not answer within"),
    ],
)
def test_a_child_that_dies_or_hangs_is_a_finding(
    script: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    found = probe.probe(tmp_path, "cuda", timeout=2 if "sleep" in script else 60)
    assert not found.works
    assert re.search(named, found.reason), found.reason


def test_a_device_that_cannot_be_had_says_why(toy: Path) -> None:
    found = probe.try_device(toy, "coreml" if sys.platform != "darwin" else "directml")
    assert not found.works and "needs" in found.reason and "--device cpu" in found.reason


def test_an_answer_is_read_back() -> None:
    assert parse_answer("cpu", 0, 'noise\n{"device": "cpu", "works": true}\n', "") == Probe("cpu", True)


# --- What is read of the machine


def test_features_by_any_of_their_names() -> None:
    assert machine.features(["AVX2", "AVX512F"], "x86_64") == {
        "AVX2": True,
        "AVX-512": True,
        "AVX512-VNNI": False,
        "AVX-VNNI": False,
        "AMX": False,
    }
    assert machine.features(["avx2", "avx512_vnni", "amx_int8"], "AMD64")["AMX"]
    assert machine.features(["asimd", "asimddp"], "aarch64")["dot product"]
    assert machine.features([], "x86_64") == {}


@pytest.mark.parametrize(
    ("text", "cores"),
    [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None), ("5", None), ("1 0", None), ("a b", None)],
)
def test_a_containers_share_of_the_processors(text: str, cores: float | None) -> None:
    assert machine.quota(text) == cores


def test_this_machine_is_described() -> None:
    found = machine.this_machine()
    assert found.cpu and 0 < found.usable <= found.cores
    assert str(found.cores) in found.line()
    if sys.platform == "linux":
        assert found.memory and found.free and found.free <= found.memory
        now, peak = machine.resident()
        assert now and peak and 0 < now <= peak


def test_gpus_as_nvidia_smi_lists_them() -> None:
    text = "NVIDIA GeForce RTX 4090, 570.86, 24564, 8.9\nTegra, 540, [N/A], 8.7\n\nnonsense\n"
    assert parse_smi(text) == (
        Gpu("NVIDIA GeForce RTX 4090", "570.86", 24564, "8.9"),
        Gpu("Tegra", "540", None, "8.7"),
    )


# --- Advice


def test_advice_without_and_with_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = (Probe("cpu", True),)
    without = advise(NO_NVIDIA, {"onnxruntime": "1"}, WHOLE, cpu)
    assert any("install its driver" in line for line in without)
    with_driver = Nvidia(True, "12.8", (Gpu("RTX", "570", 8000, "8.9"),), {}, {})
    more = advise(with_driver, {"onnxruntime": "1"}, WHOLE, cpu)
    assert any("onnxruntime-gpu" in line for line in more)
    assert any("onnxruntime-ep-nv-tensorrt-rtx" in line for line in more)
    refused = Probe("cuda", False, "it has no kernel for 8 bits; take fp32")
    monkeypatch.setattr(room, "is_available", lambda name: name == "cuda")
    there = advise(with_driver, {"onnxruntime-gpu": "1"}, WHOLE, (*cpu, refused))
    assert "cuda: it has no kernel for 8 bits; take fp32" in there
    assert not any("pip install 'onnxruntime-gpu" in line for line in there), "it is installed"
    done = advise(with_driver, {"onnxruntime-gpu": "1"}, WHOLE, (*cpu, Probe("cuda", True, agrees=True)))
    assert not any("onnxruntime" in line for line in done)


def test_what_is_broken_comes_first() -> None:
    broken = BundleFinding("/b", "toy", problem="x is missing")
    wrong = (Probe("cpu", True), Probe("cuda", True, agrees=False))
    advice = advise(NO_NVIDIA, {"onnxruntime": "1", "onnxruntime-gpu": "1"}, broken, wrong)
    assert advice[0] == "x is missing"
    assert "onnxruntime and onnxruntime-gpu overwrite each other" in advice[1]
    assert "cuda makes another motion" in advice[2]


def test_a_gpu_in_the_report(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Nvidia(
        True, "12.8", (Gpu("RTX 4090", "570.86", 24564, "8.9"),), {"pip nvidia-cuda-runtime-cu12": "12.9"}, {}
    )
    monkeypatch.setattr(room, "find_nvidia", lambda: found)
    monkeypatch.setattr(room, "is_available", lambda name: name in ("cpu", "cuda"))
    monkeypatch.setattr(
        room,
        "probe",
        lambda bundle, name: Probe(name, True, "", 0.5, 0.01, None, took={"auto": "cpu"}.get(name, name)),
    )
    text = "\n".join(lines(room.examine(str(toy))))
    assert "driver for CUDA up to 12.8" in text
    assert "RTX 4090, compute capability 8.9, 24 GiB, driver 570.86" in text
    assert "pip nvidia-cuda-runtime-cu12 (12.9)" in text
    report = room.examine(str(toy))
    assert {found.device for found in report.devices if found.works} == {"cpu", "cuda"}
    assert report.auto == "cpu", "what it took when it was tried, not the best that starts"


def test_a_machine_without_nvidia_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "DRIVER_LIBRARY", "no-such-library.so.1")
    monkeypatch.setenv("PATH", "")
    found = nvidia.find_nvidia()
    assert (found.driver, found.cuda_version, found.gpus) == (False, None, ())
