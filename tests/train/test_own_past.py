"""A past of the model's own: what it takes, what it leaves, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from clutch_rt.errors import InputError

from models.lm import MotionLM
from train.examples import MotionRows, collate, real_steps
from train.labels import LabelVocabulary
from train.objectives import LMObjective, code_targets, encode_rows, own_past, true_choices
from train.pretrain import Materials, build_grammar, build_model, build_probes
from train.run import RunFolder
from train.seeding import generator


def objective_of(run: RunFolder, own_share: float) -> tuple[Materials, LMObjective]:
    materials, lm = Materials.open(run), replace(run.config.lm, plan=True)
    model = build_model(build_grammar(run, materials.processor), lm, 0, materials.train.labels)
    return materials, LMObjective(model, 0.3, 0.25, 0.3, build_probes(model, materials, lm), own_share)


def rows_of(materials: Materials, completed: bool = False) -> MotionRows:
    make = materials.train.completion if completed else materials.train.text_to_motion
    rows = collate([make(i, generator(i)) for i in range(6)]).motion
    assert rows is not None
    return rows


@pytest.mark.parametrize("completed", [False, True])
def test_only_codes_that_are_to_be_told_are_taken(run: RunFolder, completed: bool) -> None:
    materials, objective = objective_of(run, 1.0)
    rows, lm = rows_of(materials, completed), objective.lm
    torch.manual_seed(0)
    drawn = own_past(lm, encode_rows(lm, rows), rows, 1.0)
    assert ((drawn >= 0) & (drawn < torch.as_tensor(lm.grammar.drawn))).all()
    assert (drawn != true_choices(lm, rows))[real_steps(rows)][:, 0].any(), "the rhythm is its own, too"
    own = drawn[..., -lm.slots :]
    changed = own != rows.codes
    assert changed.any()
    assert not changed[~real_steps(rows)].any(), "behind the end"
    assert not changed[code_targets(rows) < 0].any(), "what is given"


def test_no_share_takes_nothing(run: RunFolder) -> None:
    materials, objective = objective_of(run, 0.0)
    rows = rows_of(materials)
    lm = objective.lm
    assert torch.equal(own_past(lm, encode_rows(lm, rows), rows, 0.0), true_choices(lm, rows))


def test_held_out_losses_are_of_the_true_past(run: RunFolder) -> None:
    materials, objective = objective_of(run, 1.0)
    batch = collate([materials.train.text_to_motion(i, generator(i)) for i in range(4)])
    with torch.no_grad():
        judged = [objective.eval()(batch)["motion"] for _ in range(2)]
        learnt = [objective.train()(batch)["motion"] for _ in range(2)]
    assert judged[0] == judged[1]
    assert learnt[0] != judged[0]


def test_the_plan_reads_the_labels_and_no_probe_besides(run: RunFolder) -> None:
    materials, objective = objective_of(run, 0.0)
    assert objective.probes is not None and objective.probes.labels is None
    losses = objective(collate([materials.train.text_to_motion(i, generator(i)) for i in range(4)]))
    losses["labels"].backward()
    assert objective.lm.plan is not None
    gradient = objective.lm.plan.reader.head[0].weight.grad
    assert gradient is not None and gradient.abs().max() > 0


def test_a_plan_that_nothing_teaches_is_refused(run: RunFolder) -> None:
    materials = Materials.open(run)
    grammar, lm = build_grammar(run, materials.processor), replace(run.config.lm, label_weight=0.0)
    with pytest.raises(InputError, match=r"lm\.label_weight above 0"):
        build_model(grammar, lm, 0, materials.train.labels)
    assert build_model(grammar, lm, 0, LabelVocabulary(((),) * 6)).plan is None, "clips without labels"


def test_tokens_with_other_labels_are_refused(run: RunFolder) -> None:
    materials, objective = objective_of(run, 0.0)
    materials.check(objective.lm)
    other = replace(objective.lm.config, plan={"verb": ("other",)})
    with pytest.raises(InputError, match="other labels"):
        materials.check(MotionLM(other))


def test_the_decoder_learns_in_bfloat16_too(run: RunFolder) -> None:
    """A pass without gradients comes first, under the same autocast, which keeps the weights it has cast."""
    materials, objective = objective_of(run, 1.0)
    batch = collate([materials.train.text_to_motion(i, generator(i)) for i in range(4)])
    with torch.autocast("cpu", torch.bfloat16):
        total = objective.train()(batch)["total"]
    total.backward()
    of = dict(objective.lm.named_parameters())
    for name in ("t5.decoder.block.0.layer.0.SelfAttention.q.weight", "depth_mlp.0.0.weight"):
        gradient = of[name].grad
        assert gradient is not None and gradient.abs().max() > 0, name
