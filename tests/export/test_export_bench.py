"""The benchmark: its arithmetic on records written by hand, its workers, and the weights it counts."""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from clutch_rt.grammar import FORMS, Form
from clutch_rt.ports import MEMORY_LENGTH

from export.bench import artefacts, parts, seams, task, worker
from export.bench.__main__ import main
from export.bench.figures import figures
from export.bench.report import report
from export.bench.rounds import BenchError, Process, Timer
from export.bench.table import Spread, find, floor_ratio, growth, ratios, share, time_parts

SIZE = "nano"
COMMIT = "0123456789"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of the task for the smallest size, fp32 and int8, and the peers' checkpoints."""
    found = tmp_path_factory.mktemp("bench")
    artefacts.build(found, SIZE, ("fp32", "int8"), COMMIT, lambda line: None)
    return found


def system(name: str, seconds: list[float], **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "ours": name.startswith("clutch-rt"),
        "threads": 1,
        "best": True,
        "versions": {"engine": "1.0"},
        "bytes": 1e9,
        "seconds": seconds,
        "cpu": seconds,
        "first": [s / 10 for s in seconds],
        "long": [],
        "bandwidth": [1e10] * len(seconds),
        "memory": {"resident": 120.0, "peak": 130.0},
        "codes_equal": None,
        **fields,
    }


def record(**sizes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "machine": {
            "processor": "a processor",
            "cores": 2,
            "features": ["avx2"],
            "last_level_cache": "32768K",
            "memory_gb": 8.0,
            "virtual": False,
            "system": "Linux",
            "python": "3.11",
            "commit": "abc",
        },
        "rounds": 3,
        "sizes": {
            size: {
                "task": task.describe(size),
                "load": {"before": [0.1], "after": [0.2]},
                "absent": {},
                "systems": systems,
            }
            for size, systems in sizes.items()
        },
    }


def test_a_ratio_is_of_the_same_round() -> None:
    # The machine was ten times slower in the second round, for both.
    found = ratios(system("peer", [0.2, 2.0, 0.3]), system("clutch-rt", [0.1, 1.0, 0.1]))
    assert (found.median, found.least, round(found.most, 6)) == (2.0, 2.0, 3.0)
    assert Spread.of([1.0, 3.0, 2.0]).text() == "2.00 (1.00 to 3.00)"


def test_the_share_of_the_limit_is_the_time_of_reading_over_the_time_taken() -> None:
    assert share(system("clutch-rt", [0.2, 0.4], bandwidth=[1e10, 5e9])).median == 0.5


def test_the_parts_of_a_run_add_up_to_it_and_the_floor_leaves_out_the_rest() -> None:
    """Of .5 s: .1 of the encoder, .2 and .05 of reading 2 and .5 GB at the probe's rate."""
    fields = {"encoder": [0.1] * 3, "encoder_bytes": 1e9, "bytes": 3e9, "attended_bytes": 0.5e9}
    flat = system("clutch-rt flat int8", [0.5, 0.5, 0.6], **fields)
    assert time_parts(flat) == pytest.approx({"encoder": 0.1, "weights": 0.2, "attended": 0.05, "rest": 0.15})
    step = system("clutch-rt step int8", [0.3] * 3, **{**fields, "bytes": 1.5e9, "attended_bytes": 0.2e9})
    assert floor_ratio(flat, step) == pytest.approx(0.35 / 0.17)
    page = report(record(small=[flat, step]))
    assert "clutch-rt flat int8 | 500.0 | 100.0   | 200.0             | 50.0" in page
    assert "int8 2.06 times (measured 1.67)" in page


@pytest.mark.parametrize("form", FORMS)
def test_what_is_attended_to_is_the_memory_and_all_positions_so_far(form: Form) -> None:
    shape = task.config(SIZE, form)
    tokens = shape.grammar.slots if form == "flat" else 1
    read = 0
    for position in range(3 * tokens):
        memory = len(task.PROMPT) if form == "flat" else MEMORY_LENGTH  # which the step form fills up
        read += (memory + position + 1) * shape.n_decoder_layers * 2 * shape.heads * shape.d_kv
    assert task.work(shape, "int8").attended(3) == 4 * read


def test_growth_compares_late_steps_with_early_ones() -> None:
    lengths = np.linspace(1.0, 2.0, 64)
    found = growth(system("clutch-rt", [1.0], long=[np.cumsum(lengths).tolist()]))
    assert found is not None
    assert found.median == pytest.approx(np.median(lengths[56:63]) / np.median(lengths[2:9]))
    assert growth(system("clutch-rt", [1.0])) is None


def test_figures_say_what_was_reached_and_what_was_not_measured() -> None:
    flat, peer = "clutch-rt flat int8", "CTranslate2 int8, small head"
    slow = system(flat, [5.0], threads=2)
    found = figures(record(small=[system(flat, [1.0], best=False), slow, system(peer, [1.4])]))
    by_name = {f.what: f for f in found}
    against = by_name["t5-small, flat int8, 1 thread, against CTranslate2 int8, small head"]
    assert (against.found, against.reached) == ("1.40 (1.40 to 1.40)x", True)
    assert by_name["t5-small, flat int8, 1 thread, against CTranslate2 int8"].found is None
    assert by_name["t5-small, flat int8, 1 thread, share of the memory-bandwidth limit"].reached is False


def test_the_page_holds_every_system_and_the_peers_ratios() -> None:
    page = report(
        record(small=[system("clutch-rt step int8", [0.1]), system("peer", [0.25]), system("b", [0.3])])
    )
    assert "2.50x" in page and "3.00x" in page
    assert "not measured" in page and "abc" in page


def test_find_takes_the_best_threads_or_those_asked_for() -> None:
    both = [system("clutch-rt", [2.0], best=False), system("clutch-rt", [1.0], threads=2)]
    result = record(small=both)["sizes"]["small"]
    best, single = find(result, "clutch-rt"), find(result, "clutch-rt", 1)
    assert best is not None and single is not None
    assert (best["threads"], single["threads"]) == (2, 1)
    assert find(result, "nothing") is None


@pytest.mark.parametrize("form", FORMS)
def test_the_counted_bytes_are_those_of_the_graph(folder: Path, form: Form) -> None:
    """Every weight that a product of the step reads, at four bytes, once for each token that reads it."""
    graph = onnx.load(folder / f"{form}-fp32" / "motion_step.onnx", load_external_data=False).graph
    sizes = {t.name: int(np.prod(t.dims)) for t in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMul"]
    read = sum(sizes.get(node.input[1], 0) for node in products)
    config = task.config(SIZE, form)
    if form == "flat":
        read += (1 + 4 * task.CODES) * config.d_model  # rows cut out of the shared table
    assert task.work(config, "fp32").total(1) - task.work(config, "fp32").total(0) == 4 * read


@pytest.mark.parametrize("form", FORMS)
def test_a_worker_draws_pytorchs_motion_and_times_it(folder: Path, form: Form) -> None:
    options = {
        "folder": str(folder / f"{form}-fp32"),
        "grammar": asdict(task.grammar(form)),
        "prompt": list(task.PROMPT),
        "seed": task.SEED,
    }
    timer = Timer(sys.executable, "clutch", options, 1)
    with timer.process as process:
        codes = process.ask("call", name="codes", options={"steps": task.STEPS})
        assert artefacts.agreement(folder, form, codes) == (96, 96)
        assert 0 < timer.time(2) < 60
        assert len(timer.runs[2][0]["ends"]) == 2
        assert timer.versions["onnxruntime"]
        memory = process.ask("memory")
        assert not memory or memory["resident"] <= memory["peak"]


def test_our_graphs_of_another_commit_are_made_anew_and_peers_checkpoints_kept(
    folder: Path, tmp_path: Path
) -> None:
    """A bench that timed graphs an older source had written would tell the speed of nothing that is there."""
    work = shutil.copytree(folder, tmp_path / SIZE)
    marks = [work / name / "mark" for name in ("flat-fp32", artefacts.FULL)]
    for mark in marks:
        mark.touch()
    for commit, kept in ((COMMIT, [True, True]), ("9876543210", [False, True])):
        artefacts.build(work, SIZE, ("fp32", "int8"), commit, lambda line: None)
        assert [mark.exists() for mark in marks] == kept
    (work / "flat-fp32" / "mark").touch()
    artefacts.build(work, SIZE, ("fp32", "int8"), "9876543210-dirty", lambda line: None)
    assert not (work / "flat-fp32" / "mark").exists()


def test_the_peers_checkpoint_is_the_same_network(folder: Path) -> None:
    import torch
    from transformers import T5ForConditionalGeneration

    flat = artefacts.models(SIZE)["flat"]
    ids, tokens = torch.tensor([task.PROMPT]), torch.tensor([[task.TEXT_VOCAB, task.TEXT_VOCAB + 5]])
    with torch.no_grad():
        encoded = flat.encode(ids, torch.ones_like(ids))
        hidden = flat.decode(flat.t5.shared(tokens), encoded)
        wanted = flat.head(hidden[0], 0, flat.config.vocab)
        peer = T5ForConditionalGeneration.from_pretrained(folder / artefacts.FULL).eval()
        found = peer(input_ids=ids, decoder_input_ids=tokens).logits[0]
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_a_probe_reads_and_an_unknown_system_is_an_error() -> None:
    with Process(sys.executable, 1) as process:
        process.ask("open", kind="probe", options={"most": 2**20, "threads": 1})
        assert process.ask("call", name="bandwidth", options={"size": 2**20}) > 1e6
        with pytest.raises(BenchError, match="KeyError"):
            process.ask("open", kind="nothing")
        assert process.ask("run", steps=1)["ends"] == []


def test_an_interpreter_without_the_packages_is_named(tmp_path: Path) -> None:
    with Process(sys.executable, 1) as process, pytest.raises(BenchError, match="environment"):
        process.ask(
            "open", kind="ctranslate2", options={"folder": str(tmp_path), "threads": 1, "compute": ""}
        )


def test_a_worker_answers_each_line_and_survives_errors() -> None:
    replies = io.StringIO()
    worker.serve(io.StringIO('{"do": "nothing"}\n{"do": "memory"}\n'), replies)
    first, second = (json.loads(line) for line in replies.getvalue().splitlines())
    assert "unknown request" in first["error"] and "ok" in second


def test_too_few_rounds_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rounds", "3"])
    assert "median" in capsys.readouterr().err


def test_the_parts_of_a_motion_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert parts.main(["--turns", "2"]) == 0
    said = capsys.readouterr().out
    for sentence in parts.SENTENCES:
        assert repr(sentence) in said
    rows = [line for line in said.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) == len(parts.SENTENCES) * 10
    assert all(float(cell) >= 0 for row in rows if "part |" not in row for cell in row.split(" | ")[1:3])


def test_a_seam_is_told_from_a_jump(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(seams, "SENTENCES", seams.SENTENCES[:2])
    monkeypatch.setattr(seams, "DRAWS", 2)
    assert seams.main([]) == 0
    rows = [
        line.strip("|").split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("|")
    ]
    found = {row[0].strip(): [float(cell) for cell in row[1:]] for row in rows[2:]}
    own, seam, cut = (found[name] for name in ("undisturbed", "at a seam", "without a blend"))
    # The start of a motion is decimetres from the middle of another; a frame is not.
    assert cut[0] > 3 * max(own[0], seam[0]) and cut[3] > 3 * max(own[3], seam[3])
    unturned = [1, 0, 0, 0, 1, 0]
    still = np.tile(np.asarray([*unturned, 0, 0, 0, *unturned * 15], np.float32), (20, 2, 1))
    still[10:, :, 6] = 0.02
    assert seams.jumps(still, 10) == pytest.approx((20.0, 20.0), abs=1e-3)
    assert seams.jumps(still, 4) == (0.0, 0.0)
