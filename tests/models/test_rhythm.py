"""The grammar of rhythms: what one number says, and what may follow it."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.plan import ACTIONS
from models.rhythm import MOST_CYCLES, PARTS, RHYTHMS, following, pack, unpack

FOLLOWING = following()
rhythms = st.integers(0, RHYTHMS - 1)


def number(action: int, left: int, part: int) -> int:
    return int(pack(np.asarray([action, left, part])))


def test_every_rhythm_is_a_place_of_its_own() -> None:
    places = unpack(np.arange(RHYTHMS))
    np.testing.assert_array_equal(pack(places), np.arange(RHYTHMS))
    assert places.min() == 0 and places.max(0).tolist() == [ACTIONS, MOST_CYCLES, PARTS]
    assert len(np.unique(places, axis=0)) == RHYTHMS


@given(st.integers(0, 2**31))
def test_actions_come_in_order_and_a_count_that_was_begun_is_kept(seed: int) -> None:
    """Whatever is drawn, the cycles of an action run out one by one, and none is left when it ends."""
    rng, path = np.random.default_rng(seed), [0]
    for _ in range(60):
        path.append(int(rng.choice(np.flatnonzero(FOLLOWING[path[-1]]))))
    for (action, left, part), (then, to_come, where) in itertools.pairwise(unpack(np.asarray(path)).tolist()):
        if then == action:
            assert to_come in (left, left - 1)
            assert to_come < left or where >= part or left == MOST_CYCLES
        else:
            assert then == action + 1 and left <= 1 and to_come > 0


def test_what_may_not_follow() -> None:
    assert FOLLOWING[number(1, 3, 8), number(1, 2, 1)] and FOLLOWING[number(1, 1, 8), number(1, 0, 0)]
    assert FOLLOWING[number(1, 0, 0), number(2, 4, 1)] and FOLLOWING[number(1, 1, 8), number(2, 4, 1)]
    assert not FOLLOWING[number(1, 2, 8), number(1, 0, 0)], "three cycles may not end after two"
    assert not FOLLOWING[number(1, 2, 8), number(2, 3, 1)]
    assert not FOLLOWING[number(1, 2, 4), number(1, 2, 3)], "no cycle goes backwards"
    assert not FOLLOWING[number(1, 2, 4), number(1, 3, 4)], "none is added"
    assert not FOLLOWING[number(1, 0, 0), number(1, 1, 1)], "what is over does not begin again"
    assert not FOLLOWING[0, number(2, 1, 1)], "the first action comes first"


@given(rhythms)
def test_every_rhythm_has_a_way_on(rhythm: int) -> None:
    assert FOLLOWING[rhythm, rhythm]
