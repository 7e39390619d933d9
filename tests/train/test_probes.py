"""What the sentence alone must tell: labels as numbers, and the heads that read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clutch_rt.errors import InputError

from train.config import LMTrainConfig
from train.examples import IGNORE, Example, collate, told_rows
from train.labels import ACTIONS, FIELDS, LabelVocabulary
from train.objectives import LMObjective, encode_rows, seen_under_plan, text_loss
from train.pretrain import Materials, build_grammar, build_model, build_probes
from train.probes import Probes
from train.run import RunFolder
from train.seeding import generator

VOCABULARY = LabelVocabulary((("cut", "stir"), ("left", "right"), ("up",), ("slow",), ("1", "2"), ("large",)))


def objective_of(run: RunFolder) -> tuple[Materials, LMObjective]:
    materials = Materials.open(run)
    model = build_model(build_grammar(run, materials.processor), run.config.lm, 0)
    return materials, LMObjective(model, 0.3, 0.25, 0.3, build_probes(model, materials, LMTrainConfig()))


def test_a_motion_is_told_under_its_labels_where_these_are_told(run: RunFolder) -> None:
    materials = Materials.open(run)
    grammar = build_grammar(run, materials.processor)
    lm = build_model(grammar, run.config.lm, 0, materials.train.labels).eval()
    assert lm.config.planned_captions and lm.plan is not None
    torch.nn.init.normal_(lm.plan.mix[2].weight, std=0.3, generator=torch.Generator().manual_seed(0))

    def loss(*examples: Example) -> float:
        rows = collate(examples).text
        assert rows is not None
        with torch.no_grad():
            return float(text_loss(lm, seen_under_plan(lm, encode_rows(lm, rows), rows), rows))

    told, other = (materials.train.motion_to_text(i, generator(i)) for i in (0, 1))
    assert told.labels is not None and other.labels is not None and told.answer is not None
    untold = replace(told, labels=None)
    relabelled = replace(told, labels=np.where(told.labels > 0, 1 + told.labels % 2, told.labels))
    assert abs(loss(told) - loss(relabelled)) > 1e-3
    rows = collate([untold]).text
    assert rows is not None
    with torch.no_grad():
        plain = float(text_loss(lm, encode_rows(lm, rows), rows))
    assert loss(untold) == pytest.approx(plain, abs=1e-6)
    # Beside one that is told it is what it is alone; the mean is over pieces.
    count = len(told.answer)
    assert other.answer is not None
    both = (count * plain + len(other.answer) * loss(other)) / (count + len(other.answer))
    assert loss(untold, other) == pytest.approx(both, abs=1e-5)


def test_labels_become_numbers_and_what_is_not_known_is_none() -> None:
    stir = {"verb": "stir", "hand": "left", "direction": None, "speed": "slow", "count": 2, "amplitude": "x"}
    numbers = VOCABULARY.numbers([stir, {"verb": "cut"}])
    assert numbers.shape == (ACTIONS, len(FIELDS))
    assert numbers.tolist() == [[2, 1, 0, 1, 2, 0], [1, 0, 0, 0, 0, 0], [0] * 6]
    assert len(VOCABULARY.numbers([stir] * (ACTIONS + 2))) == ACTIONS
    assert VOCABULARY.sizes == [3, 3, 2, 2, 3, 2]


def test_the_vocabulary_holds_every_label_of_the_store(run: RunFolder) -> None:
    materials = Materials.open(run)
    store, labels = materials.train.store, materials.train.labels
    for clip in range(len(store)):
        numbers = labels.numbers(store.actions(clip))
        for row, action in zip(numbers, store.actions(clip), strict=False):
            for number, name, values in zip(row, FIELDS, labels.values, strict=True):
                said = None if number == 0 else values[number - 1]
                assert said == (None if action[name] is None else str(action[name]))
    assert materials.val.labels is labels, "one numbering for both"


def test_only_prompts_that_tell_the_motion_are_asked(run: RunFolder) -> None:
    materials, objective = objective_of(run)
    told = [materials.train.text_to_motion(i, generator(i)) for i in (0, 1)]
    untold = replace(materials.train.text_to_motion(2, generator(2)), labels=None)
    batch, alone = collate([*told, untold]), collate(told)
    assert batch.motion is not None and alone.motion is not None
    assert told_rows(batch.motion).tolist() == [True, True, False]
    assert batch.motion.labels[2].eq(IGNORE).all()
    assert objective.probes is not None
    with torch.no_grad():
        losses = [objective.probes(encode_rows(objective.lm, b.motion), b.motion) for b in (batch, alone)]
    for name in ("bag", "labels"):
        torch.testing.assert_close(losses[0][name], losses[1][name], rtol=1e-5, atol=1e-5)


def test_a_batch_that_tells_nothing_is_no_trouble(run: RunFolder) -> None:
    _, objective = objective_of(run)
    batch = collate([Example([5, 1], codes=np.full((2, objective.lm.slots), 3))])
    losses = objective(batch)
    assert losses["bag"].item() == losses["labels"].item() == losses["rhythm"].item() == 0.0
    losses["total"].backward()
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in objective.parameters())


def test_the_probes_learn_to_read(run: RunFolder) -> None:
    materials, objective = objective_of(run)
    batch = collate([materials.train.text_to_motion(i, generator(i)) for i in range(8)])
    optimizer = torch.optim.Adam(objective.parameters(), 3e-3)
    first = last = 0.0
    for step in range(60):
        loss = objective(batch)["labels"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = (loss.item() if step == 0 else first), loss.item()
    assert last < 0.1 * first, "eight sentences can be learnt by heart"


def test_probes_go_from_stage_to_stage_in_a_file(run: RunFolder, tmp_path: Path) -> None:
    materials, objective = objective_of(run)
    assert objective.probes is not None
    with torch.no_grad():
        for p in objective.probes.parameters():
            p.add_(1.0)
    objective.probes.save(tmp_path / "probes.safetensors")
    other = build_probes(objective.lm, materials, LMTrainConfig())
    other.load(tmp_path / "probes.safetensors")
    for name, value in other.state_dict().items():
        assert torch.equal(value, objective.probes.state_dict()[name])
    fewer = Probes(objective.lm, 1.0, 0.5, [3, 3])
    with pytest.raises(InputError, match="delete it"):
        fewer.load(tmp_path / "probes.safetensors")
