"""The rhythm told of each step is that of the motion: which action, how many cycles to come, where in one."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rhythm import MOST_CYCLES, PARTS, RHYTHMS, following
from train.corpus import draw_clip
from train.rhythm import places, rhythm

ACTION, LEFT, PART = range(3)


def clapping(start: int, period: int, cycles: int) -> dict[str, object]:
    return {"start": start, "stop": start + period * cycles, "frequency_hz": 30.0 / period}


def test_three_claps_are_counted_down_in_eighths() -> None:
    numbers = places([clapping(16, 16, 3)], 9)
    assert numbers[:, ACTION].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert numbers[:, LEFT].tolist() == [0, 0, 3, 3, 2, 2, 1, 1, 0]
    assert numbers[:, PART].tolist() == [0, 0, 3, 7, 3, 7, 3, 7, 0]


def test_an_action_that_does_not_repeat_is_one_cycle() -> None:
    once = {"start": 8, "stop": 40, "frequency_hz": None}
    numbers = places([once, clapping(48, 8, 2)], 8)
    assert numbers[:, ACTION].tolist() == [0, 1, 1, 1, 1, 1, 2, 2]
    assert numbers[:, LEFT].tolist() == [0, 1, 1, 1, 1, 0, 2, 1]
    assert numbers[:, PART].tolist() == [0, 2, 4, 6, 8, 0, 5, 5]


@settings(max_examples=40)
@given(index=st.integers(0, 10_000))
def test_of_any_clip_the_cycles_run_out_one_by_one(index: int) -> None:
    clip = draw_clip(0, index)
    steps = len(clip.frames) // 8
    numbers = places([asdict(a) for a in clip.actions], steps)
    assert numbers.shape == (steps, 3)
    assert (numbers >= 0).all() and (numbers <= [len(clip.actions), MOST_CYCLES, PARTS]).all()
    for place, action in enumerate(clip.actions, 1):
        left = numbers[numbers[:, ACTION] == place, LEFT]
        left = left[left > 0]
        assert (np.diff(left) <= 0).all()
        if action.count is not None and len(left):
            assert left[0] in (action.count, action.count - 1) and left[-1] == 1


@settings(max_examples=40)
@given(index=st.integers(0, 10_000))
def test_one_number_tells_the_place_and_nothing_else(index: int) -> None:
    clip = draw_clip(0, index)
    actions, steps = [asdict(a) for a in clip.actions], len(clip.frames) // 8
    numbers, told = places(actions, steps), rhythm(actions, steps)
    assert ((told >= 0) & (told < RHYTHMS)).all()
    for number in set(told.tolist()):
        assert len(np.unique(numbers[told == number], axis=0)) == 1
    assert len(np.unique(numbers, axis=0)) == len(set(told.tolist()))


@settings(max_examples=60)
@given(index=st.integers(0, 10_000))
def test_the_grammar_of_rhythms_lets_every_clip_pass(index: int) -> None:
    clip = draw_clip(0, index)
    told = rhythm([asdict(a) for a in clip.actions], len(clip.frames) // 8)
    assert following()[np.concatenate([[0], told[:-1]]), told].all()
