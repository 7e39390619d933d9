"""What is given of a motion to complete, and that only the rest is to be told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from clutch_rt.grammar import UNKNOWN
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.train.lm_run import CLIPS
from train.completion import PARTS, Part, draw_part, keep_part
from train.examples import IGNORE, Tasks, collate
from train.objectives import code_targets
from train.seeding import generator


@settings(max_examples=60)
@given(
    part=st.sampled_from(PARTS), steps=st.integers(3, 32), levels=st.integers(1, 3), seed=st.integers(0, 999)
)
def test_a_part_is_kept_and_another_is_left_to_make(part: Part, steps: int, levels: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 50, (steps, 4 * levels))
    places = np.tile(np.arange(4), levels)
    given_codes = keep_part(codes, places, part, np.random.default_rng(seed))
    known = given_codes != UNKNOWN
    np.testing.assert_array_equal(given_codes[known], codes[known])
    assert known.any() and not known.all()
    by_slot = known.reshape(steps, levels, 4)
    assert (by_slot == by_slot[:, :1]).all(), "every level of a slot is given with it"
    if part in ("beginning", "ends"):
        assert (known == known[:, :1]).all() and known[0].all()
        assert known[-1].all() == (part == "ends")
    else:
        wanted = {"left hand": [1, 1, 0, 0], "right hand": [0, 0, 1, 1], "wrists": [1, 0, 1, 0]}[part]
        assert (by_slot == np.asarray(wanted, bool)).all()


def test_every_part_is_drawn() -> None:
    rng = np.random.default_rng(0)
    assert {draw_part(rng) for _ in range(200)} == set(PARTS)


def test_what_is_given_is_not_to_be_told(run_tasks: Tasks) -> None:
    made = [run_tasks.completion(clip, generator(clip)) for clip in range(CLIPS)]
    rows = collate(made, range(CLIPS)).motion
    assert rows is not None and rows.given is not None
    targets = code_targets(rows)
    for row, example in enumerate(made):
        assert example.codes is not None and example.given is not None
        steps = len(example.codes)
        wanted = np.where(example.given == UNKNOWN, example.codes, IGNORE)
        np.testing.assert_array_equal(targets[row, :steps].numpy(), wanted)
        assert bool((targets[row, steps:] == IGNORE).all())
    prompts = {tuple(e.prompt) for e in made}
    assert len(prompts) > 2, "most have a sentence, and some have none"
    assert all(e.labels is None for e in made), "the codes tell what the sentence does"


@pytest.mark.parametrize("width", [3, 9])
def test_rows_without_anything_given_are_told_whole(run_tasks: Tasks, width: int) -> None:
    whole = run_tasks.text_to_motion(0, generator(0))
    part = run_tasks.completion(width, generator(1))
    rows = collate([whole, part]).motion
    assert rows is not None and whole.codes is not None
    assert torch.equal(code_targets(rows)[0, : len(whole.codes)], torch.from_numpy(whole.codes))
