"""The counter-based noise: the same everywhere, independent of order, and truly Gumbel."""

from __future__ import annotations

import numpy as np
from clutch_rt import noise
from hypothesis import given
from hypothesis import strategies as st

_MASK = 2**64 - 1
counters = st.integers(0, 2**31)


def _reference(seed: int, *path: int) -> float:
    """The docstring's recipe in plain Python integers."""

    def finalise(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
        return x ^ (x >> 31)

    h = finalise((seed + 0x9E3779B97F4A7C15) & _MASK)
    for counter in path:
        h = finalise(((h ^ counter) + 0x9E3779B97F4A7C15) & _MASK)
    return ((h >> 11) + 0.5) / 2**53


@given(st.integers(0, _MASK), counters, counters, st.integers(0, 3), st.integers(1, 40))
def test_uniform_follows_its_specification(seed: int, stream: int, step: int, slot: int, rows: int) -> None:
    got = noise.uniform(seed, stream, step, slot, rows)
    want = [_reference(seed, stream, step, slot, row) for row in range(rows)]
    np.testing.assert_array_equal(got, want)


@given(st.integers(0, _MASK), st.integers(1, 64), st.integers(0, 64))
def test_a_row_does_not_depend_on_how_many_are_drawn(seed: int, rows: int, more: int) -> None:
    np.testing.assert_array_equal(
        noise.gumbel(seed, 0, 3, 1, rows), noise.gumbel(seed, 0, 3, 1, rows + more)[:rows]
    )


def test_gumbel_max_samples_the_softmax() -> None:
    p = np.array([0.5, 0.3, 0.15, 0.05])
    n = 4000
    picks = [int(np.argmax(np.log(p) + noise.gumbel(seed, 0, 0, 0, 4))) for seed in range(n)]
    share = np.bincount(picks, minlength=4) / n
    # four standard deviations of a binomial share
    assert np.all(np.abs(share - p) < 4 * np.sqrt(p * (1 - p) / n))


def test_slots_steps_and_streams_differ() -> None:
    rows = {
        tuple(noise.gumbel(seed, stream, step, slot, 4))
        for seed in (0, 1) for stream in (0, 1) for step in (0, 1) for slot in (0, 1)
    }  # fmt: skip
    assert len(rows) == 16


@given(
    st.integers(0, _MASK), st.integers(0, 2**31), st.integers(1, 9),
    st.lists(st.integers(1, 70), min_size=1, max_size=9),
)  # fmt: skip
def test_a_block_draws_for_each_slot_what_the_slot_draws_alone(
    seed: int, first: int, steps: int, rows: list[int]
) -> None:
    block = noise.block_noise(seed, first, steps, rows)
    assert block.shape == (steps, len(rows), max(rows)) and block.dtype == np.float32
    for step in range(steps):
        for slot, count in enumerate(rows):
            alone = noise.gumbel(seed, noise.STREAM_MOTION, first + step, slot, count)
            np.testing.assert_array_equal(block[step, slot, :count], alone)
            assert not block[step, slot, count:].any()
    alike = [max(rows)] * len(rows)
    once = noise.step_noise(seed, first, max(rows), len(rows))
    np.testing.assert_array_equal(once, noise.block_noise(seed, first, 1, alike)[0])


@given(st.integers(0, _MASK), st.integers(1, 4), st.integers(1, 40))
def test_a_plan_is_drawn_from_a_stream_of_its_own(seed: int, actions: int, rows: int) -> None:
    """Stream 3, the action as the step, slot 0: what other programs must draw to plan the same."""
    got = noise.plan_noise(seed, actions, rows)
    want = [[_reference(seed, 3, action, 0, row) for row in range(rows)] for action in range(actions)]
    np.testing.assert_array_equal(got, (-np.log(-np.log(want))).astype(np.float32))
