"""When an export is refused: what it says, and that nothing is left or lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import BundleError, ClutchError
from clutch_rt.grammar import Form
from clutch_rt.manifest import GRAPHS

from export import fixed_graph
from export import onnx as export_onnx
from export.agreement import ParityError
from export.driver import Draw, Driver
from export.fixed_graph import FixedSampler
from export.graph import GraphBuilder, Precision
from export.onnx import export_bundle, main
from export.shift_graphs import ShiftGraphs
from export.text_graph import TextEncoderGraph
from export.weights import WEIGHTS_FILE, WeightStore
from models.shift import Shift, ShiftConfig
from tests.tiny_bundle import tiny_bundle, tiny_run, tiny_shift
from train.command import MISTAKE


def only_these(folder: Path, *names: str) -> bool:
    return {p.name for p in folder.iterdir()} == set(names)


@pytest.mark.parametrize(
    ("weight", "graph"),
    [
        ("encoder.final_layer_norm", "text_encoder"),
        ("depth_norm.2", "motion_step"),
        ("pose.decoder.out.bias", "shift_decoder"),
        ("std", "shift_encoder"),
    ],
)
def test_a_graph_that_disagrees_is_named_and_nothing_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    weight: str,
    graph: str,
) -> None:
    honest = GraphBuilder.weight

    def faulty(self: GraphBuilder, name: str, array: np.ndarray[Any, Any]) -> str:
        wrong = array + np.linspace(0.05, 0.5, array.size, dtype=array.dtype).reshape(array.shape)
        return honest(self, name, wrong if name == weight else array)

    monkeypatch.setattr(GraphBuilder, "weight", faulty)
    assert main([str(tiny_run("step")), "-o", str(tmp_path / "out"), "--precision", "fp32"]) == MISTAKE
    message = capsys.readouterr().err
    assert f"graph {graph} disagrees with PyTorch" in message
    assert "allowed" in message and "Traceback" not in message
    assert only_these(tmp_path)


def test_a_wrong_choice_is_refused_with_prompt_step_and_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Driver.generate

    def faulty(self: Driver, ids: list[int], seed: int, draw: Draw) -> Any:
        drawn = honest(self, ids, seed, draw)
        if seed == 4:
            drawn[min(2, len(drawn) - 1), 4] ^= 1  # the rhythm, then the codes
        return drawn

    monkeypatch.setattr(Driver, "generate", faulty)
    with pytest.raises(ParityError, match=r"motion_step .* prompt 4, step \d+, slot right_pose: code"):
        export_bundle(tiny_run("step"), tmp_path / "out")
    assert only_these(tmp_path)


def _unmasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps to come are attended to."""
    monkeypatch.setattr(fixed_graph, "_MASKED", 0.0)


def _cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut leaves the best code alone: forced logits, which have none, cannot show that."""
    honest = FixedSampler.__init__

    def init(self: FixedSampler, g: GraphBuilder, temperature: str, top_k: str) -> None:
        honest(self, g, temperature, top_k)
        free = g.node("LessOrEqual", top_k, g.ints(0))
        self._allowed = g.node("Where", free, g.scalar(float("inf")), g.scalar(1.0))

    monkeypatch.setattr(FixedSampler, "__init__", init)


@pytest.mark.parametrize(("fault", "where"), [(_unmasked, "in the logits"), (_cut, "between their scores")])
@pytest.mark.parametrize("form", ["step", "flat"])
def test_a_step_of_fixed_shapes_that_disagrees_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: Form,
    fault: Callable[[pytest.MonkeyPatch], None],
    where: str,
) -> None:
    fault(monkeypatch)
    with pytest.raises(ParityError, match=f"motion_fixed .*{where}"):
        export_bundle(tiny_run(form, tied_head=form == "step"), tmp_path / "out", "fp32")
    assert only_these(tmp_path)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_reduced_precision_cannot_hide_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    honest = GraphBuilder.weight

    def faulty(self: GraphBuilder, name: str, array: np.ndarray[Any, Any]) -> str:
        return honest(self, name, array * 3 if name == "decoder.final_layer_norm" else array)

    monkeypatch.setattr(GraphBuilder, "weight", faulty)
    with pytest.raises(ParityError, match="nats"):
        export_bundle(tiny_run("step"), tmp_path / "out", precision)
    assert only_these(tmp_path)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize(
    ("graph", "build"), [("text_encoder", "build"), ("caption_encoder", "build_caption")]
)
def test_a_plan_that_pytorch_would_not_make_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision, graph: str, build: str
) -> None:
    """In every precision: what is told or made under a wrong plan agrees with PyTorch's under the same."""
    honest, choose = getattr(TextEncoderGraph, build), TextEncoderGraph._chosen

    def worst(self: TextEncoderGraph, g: GraphBuilder, scores: str) -> str:
        return choose(self, g, g.node("Neg", scores))

    def faulty(self: TextEncoderGraph) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(TextEncoderGraph, "_chosen", worst)
            return honest(self)

    monkeypatch.setattr(TextEncoderGraph, build, faulty)
    with pytest.raises(ParityError, match=f"graph {graph} disagrees with PyTorch at .*, output plan"):
        export_bundle(tiny_run("step"), tmp_path / "out", precision)
    assert only_these(tmp_path)


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    run = tiny_run("step")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="no bundle"):
        export_bundle(run, tmp_path / "letters", replace=True)
    with pytest.raises(BundleError, match="is a file"):
        export_bundle(run, tmp_path / "file")
    shutil.copytree(tiny_bundle("step", "int8"), tmp_path / "old")
    with pytest.raises(BundleError, match="--force"):
        export_bundle(run, tmp_path / "old")
    assert open_bundle(tmp_path / "old").manifest.precision == "int8"
    export_bundle(run, tmp_path / "old", "fp16", replace=True)
    assert open_bundle(tmp_path / "old").manifest.precision == "fp16"
    assert only_these(tmp_path, "letters", "file", "old")


def test_a_failed_replacement_leaves_the_old_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(tiny_bundle("step", "int8"), tmp_path / "old")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "old" / WEIGHTS_FILE))

    monkeypatch.setattr(export_onnx, "write_graphs", full)
    with pytest.raises(BundleError, match="No space left"):
        export_bundle(tiny_run("step"), tmp_path / "old", replace=True)
    assert open_bundle(tmp_path / "old").manifest.precision == "int8"
    assert only_these(tmp_path, "old")


@pytest.mark.parametrize("part", ["shift", "lm", "tokenizer.model"])
def test_an_unfinished_run_is_refused_with_the_command_that_finishes_it(
    tmp_path: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_run("step"), tmp_path / "run")
    victim = tmp_path / "run" / part
    shutil.rmtree(victim) if victim.is_dir() else victim.unlink()
    assert main([str(tmp_path / "run"), "-o", str(tmp_path / "out")]) == MISTAKE
    message = capsys.readouterr().err
    assert f"has no {part}" in message and "train.all" in message
    assert only_these(tmp_path, "run")


@pytest.mark.parametrize("setting", [{"variant": "part"}, {"lookahead": 1}, {"velocity": True}])
def test_a_shift_of_a_study_has_no_graphs(setting: dict[str, Any], tmp_path: Path) -> None:
    model = Shift(ShiftConfig(widths=(4, 4, 4, 4), trajectory_codes=10, pose_codes=12, **setting)).eval()
    with pytest.raises(ClutchError, match=r"train (that )?one"):
        ShiftGraphs(model, WeightStore(), "fp32")


def test_parts_of_two_trainings_are_refused(tmp_path: Path) -> None:
    shutil.copytree(tiny_run("step"), tmp_path / "run")
    config: dict[str, Any] = {"widths": (4, 4, 4, 4), "depth": 1, "trajectory_codes": 10, "pose_codes": 12}
    Shift(ShiftConfig(**config)).save(tmp_path / "run" / "shift")
    with pytest.raises(ClutchError, match="two trainings"):
        export_bundle(tmp_path / "run", tmp_path / "out")
    Shift(ShiftConfig(**{**config, "variant": "part"})).save(tmp_path / "run" / "shift")
    with pytest.raises(ClutchError):
        export_bundle(tmp_path / "run", tmp_path / "out")
    (tmp_path / "run" / "tokenizer.model").write_bytes(b"not a vocabulary")
    tiny_shift().save(tmp_path / "run" / "shift")
    with pytest.raises(ClutchError, match="SentencePiece"):
        export_bundle(tmp_path / "run", tmp_path / "out")
    assert only_these(tmp_path, "run")


def test_the_command_line_reports_sizes_and_refuses_what_is_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")]) == MISTAKE
    assert "train.all" in capsys.readouterr().err
    assert main([str(tiny_run("step")), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    for graph in GRAPHS:
        assert graph in said
    assert "MB" in said and "agreed" in said
    assert open_bundle(tmp_path / "out").manifest.precision == "int8"  # as it ships
