"""The grammar of motion tokens: what is a motion, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clutch_rt.errors import GrammarError
from clutch_rt.grammar import UNKNOWN, Form, Grammar
from clutch_rt.layout import SLOTS
from hypothesis import given
from hypothesis import strategies as st

GRAMMAR = Grammar(text_vocab=100, trajectory_codes=7, pose_codes=5, max_steps=9, form="flat")
grammars = st.builds(
    lambda levels, paths: replace(GRAMMAR, levels=levels, trajectory_levels=paths),
    st.integers(1, 3),
    st.integers(0, 4),
)


@st.composite
def motions(draw: st.DrawFn) -> tuple[Grammar, np.ndarray]:
    grammar = draw(grammars)
    steps = draw(st.integers(1, grammar.max_steps))
    row = st.tuples(*(st.integers(0, grammar.size(k) - 1) for k in range(grammar.slots)))
    return grammar, np.asarray(draw(st.lists(row, min_size=steps, max_size=steps)), dtype=np.int64)


@given(motions())
def test_a_motion_survives_flattening_and_parsing(motion: tuple[Grammar, np.ndarray]) -> None:
    grammar, codes = motion
    ids = grammar.flatten(codes)
    assert ids.shape == (grammar.slots * len(codes) + 2,)
    assert ids.min() >= grammar.text_vocab and ids.max() < grammar.vocab
    np.testing.assert_array_equal(grammar.parse(ids), codes)


@given(motions(), st.data())
def test_any_token_out_of_its_place_is_refused(
    motion: tuple[Grammar, np.ndarray], data: st.DataObject
) -> None:
    grammar, codes = motion
    ids = grammar.flatten(codes)
    place = data.draw(st.integers(0, len(ids) - 1))
    allowed = {grammar.som} if place == 0 else {grammar.eom} if place == len(ids) - 1 else set()
    if not allowed:
        slot = (place - 1) % grammar.slots
        allowed = set(range(grammar.base(slot), grammar.base(slot) + grammar.size(slot)))
    wrong = data.draw(st.integers(0, grammar.vocab + 3).filter(lambda i: i not in allowed))
    ids[place] = wrong
    with pytest.raises(GrammarError):
        grammar.parse(ids)


@given(grammars)
def test_every_flat_id_belongs_to_exactly_one_kind(grammar: Grammar) -> None:
    slots = [k for k in range(grammar.slots) if "left" in grammar.slot_names[k]]  # the right hand shares ids
    kinds = [set(range(grammar.base(k), grammar.base(k) + grammar.size(k))) for k in slots]
    kinds.append({grammar.som, grammar.eom})
    assert sum(map(len, kinds)) == grammar.vocab - grammar.text_vocab
    assert set.union(*kinds) == set(range(grammar.text_vocab, grammar.vocab))


def test_one_level_is_the_grammar_of_the_first_bundles() -> None:
    assert GRAMMAR.slots == 4 and GRAMMAR.slot_names == SLOTS
    assert replace(GRAMMAR, levels=2).slot_names[4:] == tuple(f"{name}_1" for name in SLOTS)


def test_trajectories_may_have_levels_of_their_own() -> None:
    grammar = replace(GRAMMAR, levels=1, trajectory_levels=3)
    finer = ("left_trajectory_1", "right_trajectory_1", "left_trajectory_2", "right_trajectory_2")
    assert grammar.slot_names == (*SLOTS, *finer)
    assert grammar.places.tolist() == [0, 1, 2, 3, 0, 2, 0, 2]
    assert grammar.sizes.tolist() == [7, 5, 7, 5, 7, 7, 7, 7]
    poses = replace(GRAMMAR, levels=2, trajectory_levels=1)
    assert poses.slot_names[4:] == ("left_pose_1", "right_pose_1")


def test_a_code_may_be_unknown_only_where_that_is_said() -> None:
    codes = np.full((2, 4), UNKNOWN)
    GRAMMAR.check(codes, unknown=True)
    with pytest.raises(GrammarError, match="code -1"):
        GRAMMAR.check(codes)
    with pytest.raises(GrammarError, match="code -2"):
        GRAMMAR.check(codes - 1, unknown=True)


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


def test_the_rhythm_is_drawn_before_the_codes_and_is_none_of_them() -> None:
    grammar = replace(GRAMMAR, form="step", rhythm=30)
    assert grammar.drawn.tolist() == [30, 7, 5, 7, 5]
    assert grammar.slots == len(SLOTS)
    assert replace(GRAMMAR, form="step").drawn.tolist() == [7, 5, 7, 5]


@pytest.mark.parametrize(("form", "rhythm"), [("step", -1), ("flat", 3)])
def test_a_rhythm_that_cannot_be_is_refused(form: Form, rhythm: int) -> None:
    with pytest.raises(GrammarError, match="rhythm"):
        replace(GRAMMAR, form=form, rhythm=rhythm)
