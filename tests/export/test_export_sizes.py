"""The paper's own size through the export, on random weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import clutch_rt

from export.onnx import export_bundle
from models.lm import LMConfig
from models.lm_config import read_config
from models.t5 import SIZES
from tests.tiny_bundle import save_model, tiny_run


def test_t5_base_agrees_with_pytorch_and_runs(tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run(), run, ignore=shutil.ignore_patterns("lm", "evaluate"))
    grammar = read_config(tiny_run() / "lm" / "config.json").grammar
    save_model(replace(LMConfig(grammar), **SIZES["base"]), run / "lm")
    report = export_bundle(run, tmp_path / "bundle", "fp32")
    assert report.token_agreement == report.caption_agreement == 1.0
    with clutch_rt.load(tmp_path / "bundle") as model:
        assert len(model.generate("wave with the left hand", seconds=1.0).frames) == 30
