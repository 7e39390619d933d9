"""Sampling: every motion is one, the seed alone decides it, and the cache changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from clutch_rt import noise
from clutch_rt.beams import Beams, search
from clutch_rt.errors import GrammarError, InputError
from clutch_rt.grammar import FORMS, UNKNOWN, Grammar
from hypothesis import given, settings
from hypothesis import strategies as st

from models.captioning import caption
from models.generation import choose, draw, generate, pad_prompts
from models.lm import LMConfig, MotionLM
from models.rhythm import RHYTHMS, following

SMALL = {"d_model": 32, "d_kv": 8, "d_ff": 48, "layers": 2, "heads": 4}
PROMPTS = [[5, 9, 1], [7, 1], [3, 4, 5, 6, 7, 8, 9, 1], [30, 31, 32, 1], [9, 5, 1]]


KINDS = (*FORMS, "rhythm")
"""The forms, and the step form with a rhythm, of more values than a codebook."""


def model_of(kind: str, seed: int = 0, levels: int = 1) -> MotionLM:
    form, rhythm = ("step", RHYTHMS) if kind == "rhythm" else (kind, 0)
    grammar = Grammar(60, 24, 16, 8, form, levels, rhythm)  # type: ignore[arg-type]
    return MotionLM(LMConfig(grammar, **SMALL), seed).eval()


@pytest.mark.parametrize("form", KINDS)
@settings(max_examples=15)
@given(
    weights=st.integers(0, 2**31),
    seeds=st.lists(st.integers(-(2**63), 2**64), min_size=1, max_size=4),
    temperature=st.floats(0.05, 3.0),
    top_k=st.integers(0, 40),
)
def test_random_weights_make_valid_motions(
    form: str, weights: int, seeds: list[int], temperature: float, top_k: int
) -> None:
    model = model_of(form, weights)
    ids, mask = pad_prompts(PROMPTS[: len(seeds)])
    for codes in generate(model, ids, mask, seeds, temperature=temperature, top_k=top_k):
        model.grammar.check(codes)
        flat = Grammar(60, 24, 16, 8, "flat")
        np.testing.assert_array_equal(flat.parse(flat.flatten(codes)), codes)


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("steps", [None, 5])
def test_the_seed_decides_whatever_the_batch(form: str, steps: int | None) -> None:
    model = model_of(form)
    ids, mask = pad_prompts(PROMPTS)
    seeds = [11, 12, 13, 14, 11]
    together = generate(model, ids, mask, seeds, steps)
    in_pairs = generate(model, ids, mask, seeds, steps, batch_size=2)
    for row, prompt in enumerate(PROMPTS):
        alone = generate(model, *pad_prompts([prompt]), [seeds[row]], steps)[0]
        np.testing.assert_array_equal(together[row], alone)
        np.testing.assert_array_equal(in_pairs[row], alone)
    other = generate(model, ids, mask, [s + 1 for s in seeds], steps)
    assert any(not np.array_equal(a, b) for a, b in zip(together, other, strict=True))


@pytest.mark.parametrize("form", KINDS)
def test_the_asked_length_is_obeyed(form: str) -> None:
    model = model_of(form)
    ids, mask = pad_prompts(PROMPTS)
    asked = [8, 1, 3, 2, 5]
    assert [len(c) for c in generate(model, ids, mask, range(5), asked)] == asked
    assert {len(c) for c in generate(model, ids, mask, range(5), 4)} == {4}


@pytest.mark.parametrize("form", KINDS)
def test_the_cache_gives_what_the_whole_pass_gives(form: str) -> None:
    """Each drawn code is the choice that uncached, teacher-forced logits make under the same noise."""
    model = model_of(form, seed=3)
    ids, mask = pad_prompts(PROMPTS)
    lengths, seeds, temperature, top_k = [6, 4, 8, 5, 7], [1, 2, 3, 4, 5], 0.9, 9
    whole = draw(model, ids, mask, seeds, lengths, temperature, top_k)
    sizes = model.grammar.drawn.tolist()
    for row, drawn in enumerate(whole):
        encoded = model.encode(*pad_prompts([PROMPTS[row]]))
        steps = torch.tensor([len(drawn)])
        logits = model.slot_logits(encoded, torch.from_numpy(drawn)[None], steps)
        for s in range(len(drawn)):
            for c, size in enumerate(sizes):
                scores = logits[c][0, s : s + 1]  # <eom>, which is forbidden here, is not among them
                gumbel = noise.gumbel(seeds[row], noise.STREAM_MOTION, s, c, scores.shape[1])
                if size == RHYTHMS:
                    allowed = torch.from_numpy(following()[drawn[s - 1, 0] if s else 0])
                    scores = scores.masked_fill(~allowed, -torch.inf)
                chosen = choose(scores, torch.from_numpy(gumbel)[None], temperature, top_k)
                assert int(chosen) == drawn[s, c]
    for motion, drawn in zip(
        generate(model, ids, mask, seeds, lengths, temperature, top_k), whole, strict=True
    ):
        np.testing.assert_array_equal(motion, drawn[:, -model.slots :])


def test_the_length_is_drawn_from_its_own_stream() -> None:
    model = model_of("step")
    ids, mask = pad_prompts([PROMPTS[0]])
    logits = model.length_logits(model.encode(ids, mask))[0].detach().numpy()
    wanted = int(np.argmax(logits / np.float32(0.7) + noise.gumbel(21, noise.STREAM_LENGTH, 0, 0, 8))) + 1
    assert len(generate(model, ids, mask, [21], temperature=0.7)[0]) == wanted


def test_top_k_cuts_and_one_is_greedy() -> None:
    logits = torch.tensor([[0.0, 3.0, 2.0, 1.0]])
    wild = torch.tensor([[100.0, 0.0, 0.0, 50.0]])
    assert choose(logits, wild, 1.0, 0).item() == 0
    assert choose(logits, wild, 1.0, 3).item() == 3
    assert choose(logits, wild, 1.0, 1).item() == 1
    assert choose(logits, wild, 1.0, 99).item() == 0


def test_sampling_follows_the_softmax() -> None:
    """2,000 draws under the counter noise; the standard error of a share is about 0.011."""
    logits = torch.tensor([1.0, 0.0, -1.0])
    gumbel = np.stack([noise.gumbel(seed, 0, 0, 0, 3) for seed in range(2000)])
    drawn = choose(logits.expand(2000, 3), torch.from_numpy(gumbel), 0.8, 0)
    shares = torch.bincount(drawn, minlength=3) / 2000
    torch.testing.assert_close(shares, (logits / 0.8).softmax(0), atol=0.04, rtol=0.0)


def test_what_is_given_is_kept_and_what_is_not_is_made_to_go_with_it() -> None:
    model = model_of("step")
    ids, mask = pad_prompts(PROMPTS[:2])
    whole = generate(model, ids, mask, [1, 2], [6, 4])
    kept = [np.where(np.arange(4) < 2, codes, UNKNOWN) for codes in whole]  # the left hand of both
    kept[1][0] = whole[1][0]
    made = generate(model, ids, mask, [3, 4], given=kept)
    for known, codes in zip(kept, made, strict=True):
        assert codes.shape == known.shape and (codes >= 0).all()
        np.testing.assert_array_equal(codes[known != UNKNOWN], known[known != UNKNOWN])
    alone = generate(model, ids, mask, [3, 4], [6, 4])
    assert any(not np.array_equal(a[:, 2:], b[:, 2:]) for a, b in zip(alone, made, strict=True))
    again = generate(model, ids, mask, [3, 4], given=kept, batch_size=1)
    assert all(np.array_equal(a, b) for a, b in zip(made, again, strict=True))


def test_what_is_given_must_fit() -> None:
    model = model_of("step")
    ids, mask = pad_prompts(PROMPTS[:1])
    motion = generate(model, ids, mask, [1], 3)[0]
    with pytest.raises(InputError, match="its own length"):
        generate(model, ids, mask, [1], 3, given=[motion])
    with pytest.raises(InputError, match="one per prompt"):
        generate(model, ids, mask, [1], given=[motion, motion])
    with pytest.raises(GrammarError, match="step 0 holds code -2"):
        generate(model, ids, mask, [1], given=[np.full((2, 4), -2)])
    flat = model_of("flat")
    with pytest.raises(InputError, match="'step' form"):
        generate(flat, ids, mask, [1], given=[motion])


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("width", [1, 3])
def test_captions_are_those_of_each_motion_alone(form: str, width: int) -> None:
    model = model_of(form, seed=6)
    ids, mask = pad_prompts(PROMPTS)
    motions = generate(model, ids, mask, range(5), [3, 8, 1, 5, 2])
    together = caption(model, [4, 1], motions, max_tokens=7, width=width)
    assert together == caption(model, [4, 1], motions, max_tokens=7, batch_size=2, width=width)
    encoded = model.encode(*pad_prompts([[4, 1]]), torch.from_numpy(motions[1])[None])

    def step(token: int, position: int, before: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
        tokens = (*before, token)  # the whole beginning anew, without a cache
        assert len(tokens) == position + 1
        return model.text_logits(encoded, torch.tensor([tokens]))[0, -1].detach().numpy(), tokens

    alone = search(step, (), Beams(width, 0, 1, 7))[0]
    assert together[1] == [t for t in alone if t > 1]


def test_bad_requests_say_why() -> None:
    model = model_of("step")
    ids, mask = pad_prompts(PROMPTS)
    with pytest.raises(InputError, match="temperature is 0"):
        generate(model, ids, mask, range(5), temperature=0)
    with pytest.raises(InputError, match="2 seeds came with 5"):
        generate(model, ids, mask, [1, 2])
    with pytest.raises(InputError, match="makes 1 to 8"):
        generate(model, ids, mask, range(5), steps=9)
