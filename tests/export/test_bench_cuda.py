"""The benchmark of CUDA without a GPU: what it says there, and a rehearsal in which every row's code runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from clutch_rt.sessions import Sessions

from export.bench import task
from export.bench.cuda import gpu, ort_step, report, tokens, torch_step
from export.bench.cuda.__main__ import main
from export.bench.cuda.subject import Case, Subject, of_run, sessions
from export.bench.cuda.ways import BOUND, CAPTURED, measure, ways
from tests.tiny_bundle import tiny_run

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A tiny run with a plan and a rhythm."""
    return of_run(tiny_run("step"), tmp_path_factory.mktemp("cuda"))


@pytest.fixture(scope="module")
def cpu(subject: Subject) -> Sessions:
    return sessions(subject, "cpu")


@pytest.fixture(scope="module")
def case(subject: Subject) -> Case:
    return Case.of(subject, [3, 4], 5)


@NO_GPU
def test_without_a_gpu_it_says_what_it_found_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tiny_run("step"))]) == 1
    said = capsys.readouterr().err
    assert said.startswith("cuda: ") and said.count("\n") == 1
    for words in (torch.__version__, "onnxruntime", "NVIDIA", "onnxruntime-gpu[cuda,cudnn]", "--rehearse"):
        assert words in said
    assert gpu.lacking()


@NO_GPU
def test_the_command_itself_has_no_traceback() -> None:
    command = [sys.executable, "-m", "export.bench.cuda", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr and "cuda: an NVIDIA GPU is wanted" in done.stderr


def test_a_rehearsal_runs_every_row_and_says_what_it_is(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    assert main([str(tiny_run("step")), "--rehearse", "-o", str(out)]) == 0
    record = json.loads(out.read_text())
    (found,) = record["subjects"]
    assert record["rehearsal"] and not found["absent"]
    assert {name: one["agreed"] for name, one in found["tokens"].items()} == {BOUND: True, CAPTURED: True}
    by_batch = {b: {r["way"]: r for r in found["rows"] if r["batch"] == b} for b in (1, 2)}
    assert len(by_batch[1]) == 9 and len(by_batch[2]) == 8  # the step of fixed shapes is of one motion
    for row in found["rows"]:
        equal, total = row["codes_equal"]
        rounded = "bf16" in row["way"]
        assert equal == total or rounded, row
        assert row["bytes"] == found["bytes"] / (2 if rounded else 1)
    page = out.with_suffix(".md").read_text()
    assert "REHEARSAL ON THE CPU" in page and all(way in page for way in by_batch[1])
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_a_run_is_wanted_or_a_size(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ([], ["--size", "huge"], ["run", "--steps", "1"], ["run", "-o", "x.txt"]):
        with pytest.raises(SystemExit):
            main(["--rehearse", *wrong])


def test_the_captured_step_begins_anew(case: Case, cpu: Sessions) -> None:
    one = Case.of(case.subject, case.seeds[:1], case.steps)
    wanted = ort_step.GrowingSteps(one, cpu, None)
    first = [wanted.step(position, noise) for position, noise in enumerate(one.noise)]
    steps = ort_step.CapturedSteps(one, cpu, "cpu")
    for _ in range(3):
        steps.begin()
        found = [steps.step(position, noise) for position, noise in enumerate(one.noise)]
        assert np.array_equal(found, first)


def test_pytorchs_step_of_fixed_shapes_begins_anew(case: Case, cpu: Sessions) -> None:
    wanted = ort_step.GrowingSteps(case, cpu, None)
    first = [wanted.step(position, noise) for position, noise in enumerate(case.noise)]
    module = torch_step.FixedStep(case, torch.device("cpu")).eval()
    steps = torch_step.FixedSteps(module, module)
    for _ in range(2):
        steps.begin()
        found = [steps.step(position, noise) for position, noise in enumerate(case.noise)]
        assert np.array_equal(found, first)


def test_what_parts_is_measured_in_pytorchs_own_scores(case: Case, cpu: Sessions) -> None:
    one = Case.of(case.subject, case.seeds[:1], case.steps)
    way = ort_step.GrowingSteps(one, cpu, None, rhythm=True)
    wanted = np.concatenate([way.step(position, noise) for position, noise in enumerate(one.noise)])
    found = wanted.copy()
    found[2:] = (found[2:] + 1) % 2
    part = tokens.parting(one, wanted, found)
    assert (part.motion, part.step) == (3, 2)
    assert part.apart > part.allowed >= tokens.TIE, "another code is no tie, and what was drawn scores best"
    agreed = tokens.Tokens(1, 50, 40, 1, 0.0)
    assert agreed.agreed and "Within" in agreed.text()
    wrong = tokens.Tokens(1, 50, 40, 1, 0.0, [part])
    assert not wrong.agreed and "NOT a tie" in wrong.text() and "OUTSIDE" in wrong.text()
    assert not tokens.Tokens(2, 50, 50, 1, 0.0).agreed, "a length of its own"


def test_a_row_that_cannot_run_says_why(case: Case, cpu: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr(ort_step, "DeviceLoop", fail)
    chosen = [way for way in ways(cpu, torch.device("cpu")) if way.name.startswith("ONNX")]
    rows, absent = measure(chosen, case, np.zeros((5, 2, 8), np.int64), 1, lambda line: None)
    assert absent == {"ONNX Runtime, bound": "RuntimeError: out of memory"}
    assert [row["way"] for row in rows] == ["ONNX Runtime, copied each step"]


def test_the_bytes_of_a_step_are_those_of_its_products(subject: Subject) -> None:
    graph = onnx.load(subject.bundle.path / "motion_step.onnx", load_external_data=False).graph
    sizes = {t.name: int(np.prod(t.dims)) for t in graph.initializer}
    read = sum(sizes.get(node.input[1], 0) for node in graph.node if node.op_type == "MatMul")
    assert subject.model.grammar.rhythm
    assert task.work(subject.model.config, "fp32").per_position == subject.bytes == 4 * read


def test_the_share_is_the_time_of_reading_over_the_time_taken() -> None:
    row = {"bytes": 2e6, "ms": {"median": 4.0}}
    assert report.share(row, 1e9) == pytest.approx(0.5)
