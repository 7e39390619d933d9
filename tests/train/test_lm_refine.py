"""Geometric refinement: a loss in motion space that moves the language model alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from clutch_rt.errors import InputError
from torch import Tensor

from models.shift import Shift
from train import refine
from train.examples import LMBatch
from train.objectives import LMObjective
from train.pretrain import Materials, build_grammar, build_model
from train.run import RunFolder


def test_refinement_moves_the_language_model_and_not_shift(run: RunFolder) -> None:
    config, materials = run.config, Materials.open(run)
    shift = Shift.load(run.path / "shift")
    before = {k: v.clone() for k, v in shift.state_dict().items()}
    model = build_model(build_grammar(run, materials.processor), config.lm, 0)
    objective = refine.RefineObjective(model, shift, config.refine, config.lm)
    assert not any("shift" in name or "geometry" in name for name in objective.state_dict())
    batches = refine.RefineBatches(materials.train, config)
    masked = [batches(step, 0, 1).masked for step in range(20)]
    assert any(masked) and not all(masked)
    batch = batches(masked.index(True), 0, 1)
    assert batch.rows.hidden is not None
    losses = objective(batch)
    rebuilt = losses["parameters"] + refine.JOINT_WEIGHT * losses["joints_mm"] / 1000
    torch.testing.assert_close(losses["total"], rebuilt)  # alpha = 0 in masked prediction
    losses["total"].backward()
    gradient = model.depth_head[-1].weight.grad
    assert gradient is not None and float(gradient.abs().sum()) > 0
    assert all(torch.equal(v, before[k]) for k, v in shift.state_dict().items())


def test_refinement_judges_motion_in_full_precision(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    config, materials = run.config, Materials.open(run)
    model = build_model(build_grammar(run, materials.processor), config.lm, 0)
    shift = Shift.load(run.path / "shift")
    objective = refine.RefineObjective(model, shift, config.refine, config.lm)
    seen: list[tuple[bool, torch.dtype]] = []
    decode_soft = Shift.decode_soft

    def watched(self: Shift, soft: Any) -> Tensor:
        seen.append((torch.is_autocast_enabled("cpu"), soft[0].dtype))
        return decode_soft(self, soft)

    monkeypatch.setattr(Shift, "decode_soft", watched)
    with torch.autocast("cpu", torch.bfloat16):
        losses = objective(refine.RefineBatches(materials.train, config)(0, 0, 1))
    assert seen == [(False, torch.float32)] and losses["parameters"].dtype == torch.float32
    losses["total"].backward()


def test_refinement_of_the_stream_holds_its_ending(run: RunFolder) -> None:
    config, materials = run.config, Materials.open(run)
    grammar = replace(build_grammar(run, materials.processor), form="flat", rhythm=0)
    model = build_model(grammar, replace(config.lm, form="flat"), 0)
    objective = refine.RefineObjective(model, Shift.load(run.path / "shift"), config.refine, config.lm)
    batches = refine.RefineBatches(materials.train, config)
    batch = next(b for b in (batches(step, 0, 1) for step in range(20)) if not b.masked)
    losses = objective(batch)
    with torch.no_grad():
        wanted = LMObjective(model, 0.3, 0.25, 0.3)(LMBatch(batch.rows, None))["motion"]
    torch.testing.assert_close(losses["motion"], wanted)  # the paper's stream, <eom> among its targets
    losses["total"].backward()
    gradient = model.t5.head_weight.grad
    assert gradient is not None and float(gradient[grammar.eom].abs().sum()) > 0


def test_the_truth_costs_no_more_than_shift_itself(run: RunFolder) -> None:
    """With the true codes, one-hot, the geometric loss is SHIFT's own error."""
    shift = Shift.load(run.path / "shift")
    batch = refine.RefineBatches(Materials.open(run).train, run.config)(0, 0, 1)
    geometry = refine.Geometry(shift)
    sizes = shift.codebook_sizes
    hot = [torch.nn.functional.one_hot(batch.rows.codes[..., k], n).float() for k, n in enumerate(sizes)]
    real = refine.real_steps(batch.rows)
    parameters, joints = geometry(hot, batch.frames, real)
    decoded = shift.decode(batch.rows.codes)
    shown = real.repeat_interleave(8, 1)
    error = (shift.normalise(decoded) - shift.normalise(batch.frames)).abs()[shown]
    wanted = 0.5 * (error[..., :9].mean() + error[..., 9:].mean())
    torch.testing.assert_close(parameters, wanted)
    assert float(joints) > 0


def test_the_frames_are_those_the_codes_were_made_of(run: RunFolder) -> None:
    """The corpus is drawn a second time for them, with the actions that the tokens ask for."""
    shift, batches = (
        Shift.load(run.path / "shift"),
        refine.RefineBatches(Materials.open(run).train, run.config),
    )
    for step in range(4):
        batch = batches(step, 0, 1)
        for row, steps in enumerate(batch.rows.steps.tolist()):
            codes = shift.encode(batch.frames[row : row + 1, : 8 * steps])
            assert torch.equal(codes[0], batch.rows.codes[row, :steps])


def test_tokens_of_other_settings_are_refused(run: RunFolder) -> None:
    corpus = replace(run.config.corpus, seed=run.config.corpus.seed + 1)
    batches = refine.RefineBatches(Materials.open(run).train, replace(run.config, corpus=corpus))
    with pytest.raises(InputError, match=r"clip \d+ of the tokens is '.*', but .* draws '.*'"):
        batches(0, 0, 1)


def test_without_lambda_it_is_cross_entropy_alone(run: RunFolder) -> None:
    """The equal-time control of refinement: nothing is decoded, and no frames are drawn."""
    config, materials = run.config, Materials.open(run)
    settings = replace(config, refine=replace(config.refine, weight=0.0, masked_share=0.0, alpha=0.5))
    model = build_model(build_grammar(run, materials.processor), config.lm, 0).eval()
    objective = refine.RefineObjective(model, Shift.load(run.path / "shift"), settings.refine, config.lm)
    batch = refine.RefineBatches(materials.train, settings)(0, 0, 1)
    assert batch.frames.shape[1] == 0
    objective.eval()
    losses, wanted = objective(batch), objective(LMBatch(batch.rows, None))
    assert "joints_mm" not in losses
    torch.testing.assert_close(losses["total"], 0.5 * wanted["total"])
