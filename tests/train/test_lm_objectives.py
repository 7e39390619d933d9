"""The losses of the language model: what counts in them, who learns from them, and that processes agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clutch_rt.grammar import Grammar
from clutch_rt.layout import IntArray

from models.lm import Encoded, MotionLM
from models.shift import Shift
from tests.train.lm_run import VALIDATION, folder_of
from train import pretrain, refine
from train.config import LMTrainConfig
from train.examples import collate
from train.objectives import LMObjective
from train.pretrain import Materials, build_grammar, build_model, build_probes, parameter_groups
from train.run import RunFolder
from train.seeding import generator


def grammar_of(run: RunFolder, materials: Materials, form: str) -> Grammar:
    """The run's own, with its rhythm; or that of the paper's stream, which has none."""
    made = build_grammar(run, materials.processor)
    assert made.form == "step" and made.rhythm
    return made if form == "step" else replace(made, form="flat", rhythm=0)


@pytest.mark.parametrize("form", ["step", "flat"])
def test_padding_does_not_count_in_the_loss(run: RunFolder, form: str) -> None:
    lm = replace(run.config.lm, form=form)
    materials = Materials.open(run)
    grammar = grammar_of(run, materials, form)
    objective = LMObjective(build_model(grammar, lm, 0).eval(), 0.3, 0.25, 0.3)
    a, b = (materials.train.text_to_motion(i, generator(i)) for i in (0, 1))
    with torch.no_grad():
        alone = [objective(collate([e])) for e in (a, b)]
        both = objective(collate([a, b]))
    assert a.codes is not None and b.codes is not None and len(a.codes) != len(b.codes)
    extra = 1 if form == "flat" else 0  # <eom> is a target too
    weights = torch.tensor(
        [float(grammar.slots * len(e.codes) + extra) for e in (a, b) if e.codes is not None]
    )
    for name in ("motion", "rhythm") if grammar.rhythm else ("motion",):
        wanted = (torch.stack([losses[name] for losses in alone]) * weights).sum() / weights.sum()
        torch.testing.assert_close(both[name], wanted, rtol=1e-5, atol=1e-5)


def with_probes(materials: Materials, grammar: Grammar, lm: LMTrainConfig) -> LMObjective:
    model = build_model(grammar, lm, 0)
    return LMObjective(model, 0.3, 0.25, 0.3, build_probes(model, materials, lm))


def test_every_parameter_learns_in_exactly_one_group(run: RunFolder) -> None:
    materials = Materials.open(run)
    objective = with_probes(materials, build_grammar(run, materials.processor), run.config.lm)
    model = objective.lm
    groups = parameter_groups(objective, LMTrainConfig())
    ids = [id(p) for g in groups for p in g.parameters]
    assert sorted(ids) == sorted(id(p) for p in objective.parameters())
    fast = {id(p) for p in groups[0].parameters}
    assert id(model.t5.shared.weight) in fast and id(model.depth_embedding[0].weight) in fast
    assert id(model.depth_head[0].weight) not in fast
    # Held back, they stayed at their random start, and the encoder knew no order of words.
    positions = {n: p for n, p in model.named_parameters() if "relative_attention_bias" in n}
    assert len(positions) == 2 and all(id(p) in fast for p in positions.values())


def test_layers_learn_by_muon_in_pieces_as_wide_as_a_head(run: RunFolder) -> None:
    materials = Materials.open(run)
    objective = with_probes(materials, build_grammar(run, materials.processor), run.config.lm)
    config = objective.lm.config
    of = {id(p): g for g in parameter_groups(objective, LMTrainConfig()) for p in g.parameters}
    blocks = {name: of[id(p)].blocks for name, p in objective.lm.named_parameters()}
    attention, feed = (
        "t5.encoder.block.0.layer.0.SelfAttention.",
        "t5.decoder.block.1.layer.2.DenseReluDense.",
    )
    assert blocks[attention + "q.weight"] == (config.heads, 1)
    assert blocks[attention + "o.weight"] == (1, config.heads)
    assert blocks[feed + "wi.weight"] == (config.d_ff // config.d_kv, 1)
    assert blocks[feed + "wo.weight"] == (1, config.d_ff // config.d_kv)
    for name in ("t5.shared.weight", "depth_head.0.weight", attention + "relative_attention_bias.weight"):
        assert blocks[name] is None, "tables and outputs have no inner side"


@pytest.mark.parametrize("form", ["step", "flat"])
def test_an_encoder_that_says_nothing_gains_nothing(
    run: RunFolder, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    materials = Materials.open(run)
    # A rhythm tells what the sentence should, so a model that is fed with one gains by it.
    grammar = replace(grammar_of(run, materials, form), rhythm=0)
    objective = LMObjective(build_model(grammar, replace(run.config.lm, form=form), 0).eval(), 0.3, 0.25, 0.3)
    validation = pretrain.Validation(materials.val, VALIDATION)
    numbers = validation(objective, 0)
    assert numbers["text_gain"] == pytest.approx(numbers["motion_shuffled"] - numbers["motion"])
    assert abs(numbers["text_gain"]) > 1e-4, "even a fresh model's codes differ with the sentence"
    assert np.isfinite(numbers["motion_blind"]) and numbers["motion_blind"] != numbers["motion"]

    encode = MotionLM.encode

    def collapsed(self: MotionLM, *args: Any) -> Encoded:
        made = encode(self, *args)
        return replace(made, memory=torch.ones_like(made.memory))

    monkeypatch.setattr(MotionLM, "encode", collapsed)
    # float32 sums of equal vectors over prompts of other lengths
    assert validation(objective, 0)["text_gain"] == pytest.approx(0.0, abs=1e-5)


def quarters(codes: IntArray) -> list[IntArray]:
    """A motion's codes, quarter by quarter; a step belongs to the quarter that it begins in."""
    within = np.arange(len(codes)) * 4 // len(codes)
    return [codes[within == k] for k in range(4)]


@pytest.mark.parametrize("form", ["step", "flat"])
def test_bags_of_codes_teach_the_encoder_and_forget_the_order_within_a_quarter(
    run: RunFolder, form: str
) -> None:
    materials = Materials.open(run)
    grammar = grammar_of(run, materials, form)
    objective = with_probes(materials, grammar, replace(run.config.lm, form=form))
    examples = [materials.train.text_to_motion(i, generator(i)) for i in range(3)]
    bag = objective(collate(examples))["bag"]
    # Untrained heads know nothing: near the mean log of the codebooks, within what random logits of about
    # unit spread add.
    assert float(bag.detach()) == pytest.approx(np.mean([np.log(grammar.size(k)) for k in range(4)]), abs=1.0)
    bag.backward()
    gradients = [p.grad for p in objective.lm.t5.encoder.parameters()]
    assert any(g is not None and float(g.abs().max()) > 0 for g in gradients)
    all_codes = [e.codes for e in examples if e.codes is not None]
    turned = [np.concatenate([part[::-1] for part in quarters(codes)]) for codes in all_codes]
    assert any((a != b).any() for a, b in zip(turned, all_codes, strict=True)), "some quarter has two steps"
    within = [replace(e, codes=codes) for e, codes in zip(examples, turned, strict=True)]
    torch.testing.assert_close(objective(collate(within))["bag"], bag, rtol=1e-5, atol=1e-6)
    backwards = [replace(e, codes=codes[::-1].copy()) for e, codes in zip(examples, all_codes, strict=True)]
    apart = objective(collate(backwards))["bag"].detach() - bag.detach()
    assert abs(float(apart)) > 1e-4, "a hundred times what rounding does"
    assert not any("bag" in name or "probe" in name for name in objective.lm.state_dict()), (
        "it is no part of the model"
    )


def test_a_batch_of_one_has_no_other_sentence(run: RunFolder) -> None:
    materials = Materials.open(run)
    model = build_model(build_grammar(run, materials.processor), run.config.lm, 0)
    objective = LMObjective(model, 0.3, 0.25, 0.3)
    numbers = pretrain.Validation(materials.val, 1)(objective, 0)
    assert "motion_blind" in numbers and "text_gain" not in numbers


@pytest.mark.parametrize("form", ["step", "flat"])
def test_the_mean_over_parts_is_the_loss_of_the_whole_batch(run: RunFolder, form: str) -> None:
    materials = Materials.open(run)
    grammar = grammar_of(run, materials, form)
    objective = with_probes(materials, grammar, replace(run.config.lm, form=form))
    tasks = materials.train
    makes = [tasks.motion_to_text] * 3 + [tasks.text_to_motion] * 5  # the second part has no caption
    examples = [make(i, generator(i)) for i, make in enumerate(makes)]
    examples[4] = replace(examples[4], labels=None)  # 1 motion of the first half is told, and 3 of the second
    whole = objective(collate(examples))["total"]
    halves = [collate(examples[:4]), collate(examples[4:])]
    apart = torch.stack([objective(half)["total"] for half in halves]).mean()
    assert abs((apart - whole).item()) > 1e-2, "the halves do not happen to weigh alike"

    objective.begin(halves)
    together = torch.stack([objective(half)["total"] for half in halves]).mean()
    # The same float32 terms, summed in two parts.
    torch.testing.assert_close(together, whole, rtol=1e-5, atol=1e-5)
    objective.eval()
    assert objective.shares(halves[0]) == {}, "one process judges, and must not wait for the others"


@pytest.mark.parametrize("form", ["step", "flat"])
@pytest.mark.parametrize("masked", [0, 1])
def test_so_it_is_for_the_loss_in_motion_space(
    materials_folder: Path, tmp_path: Path, form: str, masked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = folder_of(materials_folder, tmp_path, f"lm.form={form}", f"refine.masked_share={masked}")
    config, materials = run.config, Materials.open(run)
    model = build_model(build_grammar(run, materials.processor), config.lm, 0)
    shift = Shift.load(run.path / "shift")
    objective = refine.RefineObjective(model, shift, config.refine, config.lm)
    batches = refine.RefineBatches(materials.train, config)
    # The noise of Gumbel-Softmax is a part's own; all else is the same.
    monkeypatch.setattr(refine.F, "gumbel_softmax", lambda logits, tau: (logits / tau).softmax(-1))
    batch, halves = batches(0, 0, 1), [batches(0, rank, 2) for rank in range(2)]
    assert batch.masked == bool(masked)
    whole = objective(batch)["total"]
    objective.begin(halves)
    together = torch.stack([objective(half)["total"] for half in halves]).mean()
    # The same float32 terms, summed in two parts; joints are in metres, and count tenfold.
    torch.testing.assert_close(together, whole, rtol=1e-4, atol=1e-4)
