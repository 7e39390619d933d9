"""The grammar of motion tokens: what is a motion, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from clutch_rt.errors import GrammarError
from clutch_rt.grammar import Grammar
from clutch_rt.layout import SLOTS
from hypothesis import given
from hypothesis import strategies as st

GRAMMAR = Grammar(text_vocab=100, trajectory_codes=7, pose_codes=5, max_steps=9, form="flat")


@st.composite
def motions(draw: st.DrawFn) -> np.ndarray:
    steps = draw(st.integers(1, GRAMMAR.max_steps))
    row = st.tuples(*(st.integers(0, GRAMMAR.size(k) - 1) for k in range(4)))
    return np.asarray(draw(st.lists(row, min_size=steps, max_size=steps)), dtype=np.int64)


@given(motions())
def test_a_motion_survives_flattening_and_parsing(codes: np.ndarray) -> None:
    ids = GRAMMAR.flatten(codes)
    assert ids.shape == (4 * len(codes) + 2,)
    assert ids.min() >= GRAMMAR.text_vocab and ids.max() < GRAMMAR.vocab
    np.testing.assert_array_equal(GRAMMAR.parse(ids), codes)


@given(motions(), st.data())
def test_any_token_out_of_its_place_is_refused(codes: np.ndarray, data: st.DataObject) -> None:
    ids = GRAMMAR.flatten(codes)
    place = data.draw(st.integers(0, len(ids) - 1))
    allowed = {GRAMMAR.som} if place == 0 else {GRAMMAR.eom} if place == len(ids) - 1 else set()
    if not allowed:
        slot = (place - 1) % 4
        allowed = set(range(GRAMMAR.base(slot), GRAMMAR.base(slot) + GRAMMAR.size(slot)))
    wrong = data.draw(st.integers(0, GRAMMAR.vocab + 3).filter(lambda i: i not in allowed))
    ids[place] = wrong
    with pytest.raises(GrammarError):
        GRAMMAR.parse(ids)


def test_every_flat_id_belongs_to_exactly_one_kind() -> None:
    kinds = [set(range(GRAMMAR.base(k), GRAMMAR.base(k) + GRAMMAR.size(k))) for k in (0, 1)]
    markers = {GRAMMAR.som, GRAMMAR.eom}
    assert kinds[0] | kinds[1] | markers == set(range(GRAMMAR.text_vocab, GRAMMAR.vocab))
    assert not kinds[0] & kinds[1] and not markers & (kinds[0] | kinds[1])


def test_an_error_names_the_step_the_slot_and_the_range() -> None:
    codes = np.zeros((3, 4), dtype=np.int64)
    codes[2, 1] = 5
    with pytest.raises(GrammarError, match=rf"step 2 .* {SLOTS[1]}.* 0 to 4"):
        GRAMMAR.check(codes)


@pytest.mark.parametrize("shape", [(0, 4), (10, 4), (3, 3), (4,)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(GrammarError):
        GRAMMAR.check(np.zeros(shape, dtype=np.int64))


def test_steps_round_up_to_hold_every_frame() -> None:
    assert [GRAMMAR.steps_for(n) for n in (1, 8, 9, 16, 17)] == [1, 1, 2, 2, 3]
