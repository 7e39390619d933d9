"""A pretrained T5 all the way: adopted, trained a little, exported, and spoken to through the runtime."""

from __future__ import annotations

from pathlib import Path

import clutch_rt
import pytest
from clutch_rt.grammar import FORMS

from export.onnx import export_bundle
from models.lm import MotionLM
from tests.t5_checkpoint import write_checkpoint
from tests.tiny_bundle import tiny_shift
from tests.train.lm_run import tiny
from train import pretrain, tokenizer, tokens
from train.run import RunFolder


@pytest.mark.parametrize("flan", [False, True], ids=["t5", "flan-t5"])
@pytest.mark.parametrize("form", FORMS)
def test_a_checkpoint_of_the_hub_reaches_the_runtime(tmp_path: Path, form: str, flan: bool) -> None:
    init = write_checkpoint(tmp_path / "checkpoint", flan)
    settings = [f"lm.init={init}", f"lm.form={form}", "lm.steps=2", "tokens.clips=8", "tokens.validation=4"]
    run = RunFolder.open(tmp_path / "run", tiny(*settings, "lm.validation_clips=4"))
    tiny_shift().save(run.folder("shift"))
    tokenizer.stage(run)
    assert (run.path / "tokenizer.model").read_bytes() == (init / "spiece.model").read_bytes()
    tokens.stage(run)
    pretrain.stage(run)
    model = MotionLM.load(run.path / "lm")
    assert model.config.tied_head is not flan and model.config.scale_outputs is not flan
    assert model.config.feed_forward == ("gated-gelu" if flan else "relu")

    report = export_bundle(run.path, tmp_path / "bundle", "fp32")
    assert report.token_agreement == report.caption_agreement == 1.0
    with clutch_rt.load(tmp_path / "bundle") as loaded:
        motion = loaded.generate("the cat sat on the mat", seconds=1.0, seed=3)
        assert len(motion.frames) == 30
        assert isinstance(loaded.caption(motion), str)
