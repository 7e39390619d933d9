"""The rhythm told of each step is that of the motion: which action, how many cycles to come, where in one."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from train.corpus import draw_clip
from train.rhythm import RHYTHM, rhythm

ACTION, LEFT, PHASE = range(len(RHYTHM))


def clapping(start: int, period: int, cycles: int) -> dict[str, object]:
    return {"start": start, "stop": start + period * cycles, "frequency_hz": 30.0 / period}


def test_three_claps_are_counted_down_in_quarters() -> None:
    numbers = rhythm([clapping(16, 16, 3)], 9)
    assert numbers[:, ACTION].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 0]
    assert numbers[:, LEFT].tolist() == [0, 0, 3, 3, 2, 2, 1, 1, 0]
    assert numbers[:, PHASE].tolist() == [0, 0, 2, 4, 2, 4, 2, 4, 0]


def test_an_action_that_does_not_repeat_has_no_cycles() -> None:
    once = {"start": 8, "stop": 24, "frequency_hz": None}
    numbers = rhythm([once, clapping(32, 8, 2)], 6)
    assert numbers[:, ACTION].tolist() == [0, 1, 1, 0, 2, 2]
    assert numbers[:, LEFT].tolist() == [0, 0, 0, 0, 2, 1]


@settings(max_examples=40, deadline=None)
@given(index=st.integers(0, 10_000))
def test_of_any_clip_the_cycles_run_out_one_by_one(index: int) -> None:
    clip = draw_clip(0, index)
    steps = len(clip.frames) // 8
    numbers = rhythm([asdict(a) for a in clip.actions], steps)
    assert numbers.shape == (steps, len(RHYTHM))
    assert (numbers >= 0).all() and (numbers < list(RHYTHM.values())).all()
    for place, action in enumerate(clip.actions, 1):
        left = numbers[numbers[:, ACTION] == place, LEFT]
        assert (np.diff(left) <= 0).all()
        if action.count is not None and len(left):
            assert left[0] in (action.count, action.count - 1) and left[-1] == 1
