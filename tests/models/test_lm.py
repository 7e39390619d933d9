"""The language model: what it sees, what it may not see, and that it comes back from disk as it was."""

from __future__ import annotations

import json

import pytest
import torch
from clutch_rt.errors import InputError
from clutch_rt.grammar import FORMS, Grammar

from models.lm import LMConfig, MotionLM
from models.rhythm import RHYTHMS

SMALL = {"d_model": 32, "d_kv": 8, "d_ff": 48, "layers": 2, "heads": 4}
# float32 sums in another order; the values compared are of order one
CLOSE = {"atol": 2e-5, "rtol": 1e-5}


def small_model(form: str, seed: int = 0, **settings: object) -> MotionLM:
    grammar = Grammar(60, 24, 16, 12, form)  # type: ignore[arg-type]
    return MotionLM(LMConfig(grammar, **SMALL, **settings), seed).eval()  # type: ignore[arg-type]


def random_codes(model: MotionLM, batch: int, steps: int, seed: int = 1) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    sizes = model.grammar.sizes
    return torch.stack([torch.randint(0, int(n), (batch, steps), generator=g) for n in sizes], -1)


def prompt(batch: int, length: int, seed: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(3, 60, (batch, length), generator=torch.Generator().manual_seed(seed))
    return ids, torch.ones_like(ids, dtype=torch.bool)


@pytest.mark.parametrize("form", FORMS)
def test_logits_have_a_row_per_code_of_each_slot(form: str) -> None:
    model = small_model(form)
    codes = random_codes(model, 2, 5)
    logits = model.slot_logits(model.encode(*prompt(2, 4)), codes, torch.tensor([5, 3]))
    assert [tuple(x.shape) for x in logits] == [(2, 5, 24), (2, 5, 16), (2, 5, 24), (2, 5, 16)]


def test_a_fresh_encoder_hears_the_order_of_words() -> None:
    """Else it learns to read sentences as bags of words, and takes one hand's words for the other's."""
    model = MotionLM(LMConfig(Grammar(60, 24, 16, 12, "step"))).eval()
    words = torch.arange(5, 30)
    swapped, other = words.clone(), words + 28
    swapped[[7, 12]] = words[[12, 7]]
    ids = torch.stack([words, swapped, other])
    with torch.no_grad():
        said, exchanged, else_said = model.encode(ids, torch.ones_like(ids)).pooled_text()
    # Measured over seeds: .09 to .12 of what another sentence changes; .008 where it hardly hears.
    assert float((exchanged - said).norm()) > 0.05 * float((else_said - said).norm())


def test_a_fresh_word_is_not_lost_beside_the_sum_of_all() -> None:
    """Else every token says the sum of its sentence after one layer, and training never finds the order."""
    model = MotionLM(LMConfig(Grammar(60, 24, 16, 12, "step"))).eval()
    ids = torch.arange(5, 30).unsqueeze(0)
    with torch.no_grad():
        words = model.t5.shared(ids)
        after = model.t5.encoder.block[0].layer[0](words, position_bias=None)[0]
    # Measured over seeds: attention adds .36 to .42 of the word itself; to rows of .03, 12 to 14 times it.
    assert float((after - words).norm()) < float(words.norm())


@pytest.mark.parametrize("form", FORMS)
def test_a_slot_sees_earlier_slots_only(form: str) -> None:
    model = small_model(form)
    codes, encoded, steps = random_codes(model, 1, 5), model.encode(*prompt(1, 4)), torch.tensor([5])
    changed = codes.clone()
    changed[0, 2, 1] = (codes[0, 2, 1] + 1) % 16
    before = model.slot_logits(encoded, codes, steps)
    after = model.slot_logits(encoded, changed, steps)
    for slot in range(4):
        same = torch.isclose(before[slot][0], after[slot][0], **CLOSE).all(-1).tolist()
        assert same[:3] == [True, True, slot <= 1], f"slot {slot} sees the future"
        assert same[3:] == [False, False], f"slot {slot} does not see the past"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("with_motion", [False, True])
def test_padding_changes_nothing(form: str, with_motion: bool) -> None:
    model = small_model(form)
    ids, mask = prompt(1, 4)
    codes = random_codes(model, 1, 3) if with_motion else None
    alone = model.encode(ids, mask, codes)
    wide_ids = torch.cat([ids, torch.zeros(1, 3, dtype=torch.long)], 1)
    wide_mask = torch.cat([mask, torch.zeros(1, 3, dtype=torch.bool)], 1)
    wide_codes = codes_mask = None
    if codes is not None:
        wide_codes = torch.cat([codes, torch.zeros(1, 2, 4, dtype=torch.long)], 1)
        codes_mask = torch.tensor([[True, True, True, False, False]])
    padded = model.encode(wide_ids, wide_mask, wide_codes, codes_mask)
    torch.testing.assert_close(padded.memory[padded.mask], alone.memory[alone.mask], **CLOSE)
    target, steps = random_codes(model, 1, 4, seed=5), torch.tensor([4])
    for a, b in zip(
        model.slot_logits(padded, target, steps), model.slot_logits(alone, target, steps), strict=True
    ):
        torch.testing.assert_close(a, b, **CLOSE)
    if form == "step":
        torch.testing.assert_close(model.length_logits(padded), model.length_logits(alone), **CLOSE)


def test_the_given_motion_is_read_but_not_for_the_length() -> None:
    model = small_model("step")
    ids, mask = prompt(1, 4)
    one = model.encode(ids, mask, random_codes(model, 1, 3, seed=1))
    two = model.encode(ids, mask, random_codes(model, 1, 3, seed=2))
    assert not torch.allclose(one.memory, two.memory)
    assert one.text_mask.sum() == 4 and one.mask.sum() == 7


def test_the_step_form_is_told_how_much_is_left() -> None:
    model = small_model("step")
    codes, encoded = random_codes(model, 1, 4), model.encode(*prompt(1, 4))
    short = model.slot_logits(encoded, codes, torch.tensor([4]))[0]
    long = model.slot_logits(encoded, codes, torch.tensor([9]))[0]
    assert not torch.allclose(short, long)


@pytest.mark.parametrize("form", FORMS)
def test_hidden_inputs_are_not_seen(form: str) -> None:
    model = small_model(form)
    codes, encoded, steps = random_codes(model, 1, 3), model.encode(*prompt(1, 4)), torch.tensor([3])
    changed = codes.clone()
    changed[0, 0] = (codes[0, 0] + 1) % 16
    hidden = torch.tensor([[False, True, False]])
    before = model.slot_logits(encoded, codes, steps, hidden)[0]
    after = model.slot_logits(encoded, changed, steps, hidden)[0]
    torch.testing.assert_close(before[0, 1:], after[0, 1:], **CLOSE)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("slot", range(4))
def test_a_hidden_step_is_kept_from_later_steps_and_not_from_itself(form: str, slot: int) -> None:
    model = small_model(form)
    codes, encoded, steps = random_codes(model, 1, 4), model.encode(*prompt(1, 4)), torch.tensor([4])
    changed = codes.clone()
    changed[0, 1, slot] = (codes[0, 1, slot] + 1) % 16
    hidden = torch.tensor([[False, False, True, False]])
    before = model.slot_logits(encoded, codes, steps, hidden)
    after = model.slot_logits(encoded, changed, steps, hidden)
    for k in range(4):
        same = torch.isclose(before[k][0], after[k][0], **CLOSE).all(-1).tolist()
        assert same == [True, k <= slot, True, True], f"slot {k}"
    if form == "flat":
        ends = [model.flat_logits(encoded, c, hidden)[0, -1] for c in (codes, changed)]
        torch.testing.assert_close(ends[0], ends[1], **CLOSE)


def test_the_rhythm_is_fed_back_and_is_never_hidden() -> None:
    """It alone is left to a step whose past is hidden, or whose codes have slipped."""
    model = MotionLM(LMConfig(Grammar(60, 24, 16, 12, rhythm=RHYTHMS), **SMALL), 0).eval()
    encoded, steps = model.encode(*prompt(1, 4)), torch.tensor([3])
    drawn = torch.cat([torch.tensor([[[4], [9], [2]]]), random_codes(model, 1, 3)], -1)
    hidden = torch.tensor([[False, True, True]])
    before = model.slot_logits(encoded, drawn, steps, hidden)
    assert [x.shape[-1] for x in before] == [RHYTHMS, 24, 16, 24, 16]
    for choice, seen in ((0, True), (1, False)):
        changed = drawn.clone()
        changed[0, 0, choice] += 1
        after = model.slot_logits(encoded, changed, steps, hidden)[0]
        assert torch.equal(after[0, 0], before[0][0, 0]), "nothing looks ahead"
        assert torch.allclose(after[0, 1:], before[0][0, 1:], **CLOSE) != seen


def test_a_rhythm_is_no_part_of_what_the_encoder_reads() -> None:
    plain, counting = (
        MotionLM(LMConfig(Grammar(60, 24, 16, 12, rhythm=r), **SMALL), 0).eval() for r in (0, RHYTHMS)
    )
    found = counting.load_state_dict({k: v for k, v in plain.state_dict().items() if "depth" not in k}, False)
    assert not found.unexpected_keys
    ids, mask = prompt(1, 4)
    codes = random_codes(plain, 1, 3)
    torch.testing.assert_close(
        plain.encode(ids, mask, codes).memory, counting.encode(ids, mask, codes).memory
    )


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_hidden_is_seen_as_ever(form: str) -> None:
    model = small_model(form)
    codes, encoded, steps = random_codes(model, 2, 4), model.encode(*prompt(2, 4)), torch.tensor([4, 4])
    nothing = torch.zeros(2, 4, dtype=torch.bool)
    one = nothing.clone()
    one[0, 2] = True
    plain, none, some = (model.slot_logits(encoded, codes, steps, h) for h in (None, nothing, one))
    for k in range(4):
        torch.testing.assert_close(none[k], plain[k], **CLOSE)
        torch.testing.assert_close(some[k][1], plain[k][1], **CLOSE)
        assert not torch.allclose(some[k][0, 2:], plain[k][0, 2:], **CLOSE)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("feed_forward", ["relu", "gated-gelu"])
def test_saved_and_loaded_it_is_the_same(form: str, feed_forward: str, tmp_path) -> None:
    model = small_model(form, feed_forward=feed_forward, tied_head=feed_forward == "relu")
    model.save(tmp_path)
    again = MotionLM.load(tmp_path)
    assert again.config == model.config
    assert not list(tmp_path.glob("*.part"))
    state = model.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in again.state_dict().items())
    assert len({v.data_ptr() for v in state.values()}) == len(state), "a tensor is stored twice"


def test_a_seed_is_a_model() -> None:
    torch.manual_seed(1)
    one = small_model("step", seed=4)
    torch.manual_seed(2)
    two, other = small_model("step", seed=4), small_model("step", seed=5)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.t5.shared.weight, other.t5.shared.weight)


def test_loading_says_what_is_wrong(tmp_path) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        MotionLM.load(tmp_path)
    small_model("step").save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "d_ff": 64}))
    with pytest.raises(InputError, match="do not fit"):
        MotionLM.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "wings": 2}))
    with pytest.raises(InputError, match="wings"):
        MotionLM.load(tmp_path)


def test_damaged_files_are_named(tmp_path) -> None:
    small_model("step").save(tmp_path)
    config, weights = tmp_path / "config.json", tmp_path / "model.safetensors"
    good = config.read_text()
    for text, said in (
        ("{", "is not JSON"),
        ("[]", "holds a list"),
        ("{}", "grammar"),
        ('{"grammar": 3}', "no language model"),
    ):
        config.write_text(text)
        with pytest.raises(InputError, match=said):
            MotionLM.load(tmp_path)
    config.write_text(good)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="do not fit"):
        MotionLM.load(tmp_path)


def test_the_shipped_size_fits_its_budget() -> None:
    from models.t5 import SIZES

    model = MotionLM(LMConfig(Grammar(2000, 2048, 1024, 32), **SIZES["tiny"]))
    # One byte a weight in the int8 bundle, which may weigh 25 MB with SHIFT and skeleton.
    assert sum(p.numel() for p in model.parameters()) < 13e6
