"""The language model's stages on a tiny run: learning, resuming, what is left on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from clutch_rt import prompts
from clutch_rt.errors import InputError

from models.captioning import caption
from models.generation import generate, pad_prompts
from models.lm import MotionLM
from models.shift import Shift, ShiftConfig
from tests.train.lm_run import folder_of
from train import instruct, pretrain, refine
from train.config import LMTrainConfig
from train.pretrain import Materials, build_grammar, build_model, build_probes, save_stage
from train.run import RunFolder
from train.tokenizer import decode

STAGES = {
    pretrain: pretrain.PretrainBatches,
    refine: refine.RefineBatches,
    instruct: instruct.InstructBatches,
}


class Killed(Exception):
    """What no stage answers to."""


def prepared(materials: Path, path: Path, stage: ModuleType, *settings: str) -> RunFolder:
    """A run up to a stage; a fresh model stands for what the stages before it learnt."""
    folder = folder_of(materials, path, *settings)
    if stage is not pretrain:
        opened = Materials.open(folder)
        model = build_model(build_grammar(folder, opened.processor), folder.config.lm, 0)
        save_stage(folder, "pretrain", model, build_probes(model, opened, folder.config.lm))
    return folder


@pytest.mark.parametrize("form", ["step", "flat"])
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.STAGE)
def test_killed_it_ends_with_the_same_bits(
    materials_folder: Path, tmp_path: Path, form: str, stage: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = f"lm.form={form}"
    whole = prepared(materials_folder, tmp_path / "whole", stage, setting)
    wanted = stage.stage(whole)

    always = "machine.checkpoint_seconds=0"
    stopped = prepared(materials_folder, tmp_path / "stopped", stage, setting, always)
    original = STAGES[stage].__call__

    def until_two(self: Any, step: int, rank: int, world: int) -> Any:
        if step == 2:
            raise Killed
        return original(self, step, rank, world)

    with monkeypatch.context() as patch:
        patch.setattr(STAGES[stage], "__call__", until_two)
        with pytest.raises(Killed):
            stage.stage(stopped)
    # Killed once more, after its last step and before it is marked as done.
    for _ in range(2):
        assert stage.stage(stopped)["validation"] == wanted["validation"]
        for name in (f"lm-{stage.STAGE}", "lm"):
            one, two = (MotionLM.load(f.path / name).state_dict() for f in (whole, stopped))
            assert all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("form", ["step", "flat"])
def test_pretraining_learns(materials_folder: Path, tmp_path: Path, form: str) -> None:
    run = folder_of(materials_folder, tmp_path, f"lm.form={form}")
    report = pretrain.stage(run)
    losses = [line["motion"] for line in run.metrics("pretrain") if "motion" in line]
    assert losses and all(np.isfinite(losses))
    assert report["validation"]["motion"] < np.log(24), "no better than chance after training"


def test_tables_of_codes_begin_as_shifts_unless_told_otherwise(
    materials_folder: Path, tmp_path: Path
) -> None:
    begun = {}
    for told in ("yes", "no"):
        run = folder_of(materials_folder, tmp_path / told, "lm.steps=0", f"lm.code_geometry={told}")
        pretrain.stage(run)
        begun[told] = MotionLM.load(run.path / "lm").state_dict()
    changed = {
        name.split(".")[0] for name, p in begun["yes"].items() if not torch.equal(p, begun["no"][name])
    }
    assert changed == {"slot_embedding", "depth_embedding", "depth_head"}


def test_the_whole_line_leaves_a_model_that_speaks_both_ways(run: RunFolder) -> None:
    pretrain.stage(run)
    before = MotionLM.load(run.path / "lm").state_dict()
    report = refine.stage(run)
    assert np.isfinite(report["validation"]["motion"])
    lines = run.metrics("refine")
    assert any("joints_mm" in line or "masked_joints_mm" in line for line in lines)
    instruct.stage(run)
    model = MotionLM.load(run.path / "lm")
    assert (run.path / "lm-refine" / "model.safetensors").exists()
    assert not torch.equal(model.t5.shared.weight, before["t5.shared.weight"])

    tasks = Materials.open(run).val
    ids, mask = pad_prompts([tasks.ids(prompts.text_to_motion("wave with the left hand"))])
    codes = generate(model, ids, mask, [3])[0]
    model.grammar.check(codes)
    frames = Shift.load(run.path / "shift").decode(torch.from_numpy(codes)[None])
    assert frames.shape == (1, 8 * len(codes), 2, 99) and bool(frames.isfinite().all())
    words = caption(model, tasks.ids(prompts.MOTION_TO_TEXT), [codes], max_tokens=8)[0]
    assert isinstance(decode(tasks.processor, words), str)


def test_probes_can_be_left_out_and_may_be_missing(
    materials_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = "lm.bag_weight=0", "lm.label_weight=0", "lm.plan=false"
    without = folder_of(materials_folder, tmp_path / "without", *settings)
    assert not {"bag", "labels"} & set(pretrain.stage(without)["validation"])
    assert np.isfinite(instruct.stage(without)["validation"]["motion"])
    old = folder_of(materials_folder, tmp_path / "old")
    assert {"bag", "labels"} <= set(pretrain.stage(old)["validation"])
    (old.path / "lm-pretrain" / pretrain.PROBES_FILE).unlink()
    instruct.stage(old)
    assert "start afresh" in capsys.readouterr().out


def test_mistakes_are_named(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.pretrain"):
        instruct.stage(run)
    materials = Materials.open(run)
    grammar = build_grammar(run, materials.processor)
    with pytest.raises(InputError, match=r"lm\.size=huge"):
        build_model(grammar, LMTrainConfig(size="huge"), 0)
    Shift(ShiftConfig(variant="part", widths=(8, 12, 16, 16))).save(tmp_path / "other" / "shift")
    with pytest.raises(InputError, match="part"):
        build_grammar(RunFolder(tmp_path / "other", run.config), materials.processor)


def test_numbers_are_logged_by_name(run: RunFolder) -> None:
    report: Mapping[str, Any] = pretrain.stage(run)
    wanted = {
        "motion",
        "trajectory",
        "pose",
        "length",
        "text",
        "text_gain",
        "motion_shuffled",
        "motion_blind",
    }
    assert wanted <= set(report["validation"])
    assert any("val_text_gain" in line for line in run.metrics("pretrain"))
    assert report["steps"] == 9 and report["parameters"] > 0
