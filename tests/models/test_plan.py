"""The plan: the seed draws it from the sentence, it reaches every layer, and what is completed needs none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clutch_rt.beams import Beams
from clutch_rt.grammar import FORMS, UNKNOWN, Grammar

from models import captioning
from models.captioning import caption, likeliest, seen
from models.generation import draw_plans, generate, pad_codes, pad_prompts
from models.lm import Encoded, LMConfig, MotionLM
from models.plan import ACTIONS

PLAN = {"verb": ("wave", "stir", "clap"), "count": ("1", "2")}
PROMPTS = [[5, 9, 1], [7, 1], [3, 4, 5, 6, 7, 8, 9, 1], [30, 31, 32, 1], [9, 5, 1]]


def model_of(form: str = "step", seed: int = 0) -> MotionLM:
    """A model of random weights, those that are zero in a fresh one too."""
    grammar = Grammar(60, 24, 16, 8, form)  # type: ignore[arg-type]
    small = {"d_model": 32, "d_kv": 8, "d_ff": 48, "layers": 2, "heads": 4}
    model = MotionLM(LMConfig(grammar, **small, plan=PLAN), seed).eval()  # type: ignore[arg-type]
    assert model.plan is not None
    torch.nn.init.normal_(model.plan.mix[2].weight, std=0.3, generator=torch.Generator().manual_seed(seed))
    return model


def encoded_of(model: MotionLM) -> Encoded:
    with torch.no_grad():
        return model.encode(*pad_prompts(PROMPTS))


@pytest.mark.parametrize("form", FORMS)
def test_the_seed_decides_whatever_the_batch(form: str) -> None:
    model, seeds = model_of(form), [11, 12, 13, 14, 11]
    together = generate(model, *pad_prompts(PROMPTS), seeds)
    in_pairs = generate(model, *pad_prompts(PROMPTS), seeds, batch_size=2)
    for row, prompt in enumerate(PROMPTS):
        alone = generate(model, *pad_prompts([prompt]), [seeds[row]])[0]
        np.testing.assert_array_equal(together[row], alone)
        np.testing.assert_array_equal(in_pairs[row], alone)


@torch.no_grad()
def test_labels_are_drawn_as_often_as_the_reading_holds_them_likely() -> None:
    model, draws = model_of(), 3000
    encoded = encoded_of(model).rows(torch.zeros(draws, dtype=torch.long))
    drawn = draw_plans(model, encoded, range(draws), temperature=1.0)
    assert model.plan is not None
    scores = model.plan.reader.scores(encoded.memory[:1], encoded.text_mask[:1])
    for field, logits in enumerate(scores):
        for action in range(ACTIONS):
            wanted = logits[0, action].softmax(-1).numpy()
            found = np.bincount(drawn[:, action, field], minlength=len(wanted)) / draws
            # Four standard deviations of a share of 3,000 draws.
            np.testing.assert_array_less(np.abs(found - wanted), 4 * np.sqrt(0.25 / draws))


@torch.no_grad()
def test_a_low_temperature_draws_the_likeliest() -> None:
    model = model_of()
    encoded = encoded_of(model)
    assert model.plan is not None
    best = [s.argmax(-1) for s in model.plan.reader.scores(encoded.memory, encoded.text_mask)]
    drawn = draw_plans(model, encoded, range(5), temperature=1e-4)
    assert torch.equal(drawn, torch.stack(best, -1))


@torch.no_grad()
def test_the_vector_of_all_changes_what_is_read_and_not_where_attention_looks() -> None:
    """Softmax does not see what is added to all scores alike: the part that keys make of it is lost."""
    model = model_of()
    encoded = encoded_of(model)
    plain = model.with_plan(encoded, torch.zeros(5, ACTIONS, 2, dtype=torch.long))
    assert model.plan is not None
    tokens, common = model.plan(torch.zeros(5, ACTIONS, 2, dtype=torch.long))
    without = torch.cat([encoded.memory, tokens], 1)
    torch.testing.assert_close(plain.memory, without + common.unsqueeze(1))
    attention = model.t5.decoder.block[0].layer[1].EncDecAttention  # type: ignore[union-attr, index]
    query = torch.randn(5, 1, 32, generator=torch.Generator().manual_seed(0))
    weights = [
        (attention.q(query) @ attention.k(memory).transpose(1, 2)).softmax(-1)  # type: ignore[operator, union-attr]
        for memory in (without, plain.memory)
    ]
    torch.testing.assert_close(*weights)


@torch.no_grad()
def test_rows_without_a_plan_are_as_they_were() -> None:
    model = model_of()
    encoded = encoded_of(model)
    labels = torch.ones(5, ACTIONS, 2, dtype=torch.long)
    planned = torch.tensor([True, False, True, False, True])
    under = model.with_plan(encoded, labels, planned)
    codes, steps = torch.zeros(5, 6, 4, dtype=torch.long), torch.full((5,), 6)
    with_plan = torch.cat(model.slot_logits(under, codes, steps), -1)
    without = torch.cat(model.slot_logits(encoded, codes, steps), -1)
    torch.testing.assert_close(with_plan[~planned], without[~planned])
    assert (with_plan[planned] - without[planned]).abs().amax((1, 2)).min() > 1e-3


def test_a_motion_that_is_completed_has_no_plan() -> None:
    model = model_of()
    given = np.full((6, 4), UNKNOWN)
    given[:2] = 3
    ids, mask = pad_prompts(PROMPTS[:1])
    before = generate(model, ids, mask, [4], given=[given])[0]
    assert model.plan is not None
    with torch.no_grad():
        for p in model.plan.parameters():
            p.normal_()
    np.testing.assert_array_equal(generate(model, ids, mask, [4], given=[given])[0], before)


@torch.no_grad()
def test_a_caption_is_told_under_the_plan_that_is_read_of_the_motion() -> None:
    model = model_of()
    model.config = replace(model.config, planned_captions=True)
    assert model.plan is not None
    ids, mask = pad_prompts(PROMPTS[:2])
    motions = [np.full((n, model.slots), n, np.int64) for n in (3, 5)]
    codes = pad_codes(motions)
    encoded = model.encode(ids, mask, *codes)
    labels = torch.stack([s.argmax(-1) for s in model.plan.reader.scores(encoded.memory, encoded.mask)], -1)
    under, read = seen(model, ids, mask, *codes)
    assert read is not None and torch.equal(read, labels)
    torch.testing.assert_close(under.memory, model.with_plan(encoded, labels).memory)
    # What stands behind a shorter motion in the batch is neither read nor seen.
    alone, _ = seen(model, *pad_prompts(PROMPTS[:1]), *pad_codes(motions[:1]))
    torch.testing.assert_close(under.memory[0][under.mask[0]], alone.memory[0][alone.mask[0]])


@torch.no_grad()
def test_the_caption_is_taken_that_reads_back_as_the_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of()
    model.config = replace(model.config, planned_captions=True)
    sentences = [[9], [5, 9], [7, 3]]
    prompts = {tuple(said): prompt for said, prompt in zip(sentences, PROMPTS, strict=False)}
    monkeypatch.setattr(Beams, "sentences", property(lambda _: sentences))
    assert model.plan is not None
    labels = likeliest(model.plan, model.encode(*pad_prompts(PROMPTS[:3])))
    assert not torch.equal(labels[0], labels[2])
    motion = np.zeros((3, model.slots), np.int64)
    for wanted, said in ((labels[0], sentences[0]), (labels[2], sentences[2])):
        monkeypatch.setattr(captioning, "seen", lambda m, *a, w=wanted: (m.encode(*a), w[None]))
        found = caption(model, [4, 1], [motion], ask=lambda ids: prompts[tuple(ids)])
        assert found == [said]
        assert caption(model, [4, 1], [motion]) == [sentences[0]], "unasked, the likeliest"


@torch.no_grad()
def test_models_of_before_tell_motions_without_a_plan() -> None:
    model = model_of()
    batch = (*pad_prompts(PROMPTS[:1]), *pad_codes([np.ones((3, model.slots), np.int64)]))
    encoded, labels = seen(model, *batch)
    assert labels is None and torch.equal(encoded.memory, model.encode(*batch).memory)


def test_the_plan_is_kept_in_the_files(tmp_path: Path) -> None:
    model = model_of()
    model.save(tmp_path)
    loaded = MotionLM.load(tmp_path)
    assert loaded.config.plan_sizes == model.config.plan_sizes == [4, 3]
    ids, mask = pad_prompts(PROMPTS)
    for a, b in zip(generate(model, ids, mask, range(5)), generate(loaded, ids, mask, range(5)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_model_without_plans_says_so() -> None:
    model = MotionLM(replace(model_of().config, plan={}))
    with pytest.raises(ValueError, match="makes no plans"):
        model.with_plan(encoded_of(model), torch.zeros(5, ACTIONS, 2, dtype=torch.long))
