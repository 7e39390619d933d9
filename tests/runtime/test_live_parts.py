"""The parts of a live stream by themselves: offsets, blends, the rest, and what fills in for a late frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from clutch_rt import InputError
from clutch_rt.frames import clean_frames
from clutch_rt.hand import local_rotations, two_hand_joints
from clutch_rt.layout import TRANSLATION, Float32Array, mirror_frames
from clutch_rt.live.blend import LONGEST, SHORTEST, Blend, going_on, join
from clutch_rt.live.offset import moved, near, no_offset, offset_between
from clutch_rt.live.rest import Rest, natural_rest
from clutch_rt.live.screen import Screen
from clutch_rt.live.times import down, up
from clutch_rt.rotations import axis_angle_from_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.sample_motion import tumbling_motion

SEEDS = st.integers(0, 2**32 - 1)
HOUR = 30 * 60 * 60


def _poses(seed: int, count: int = 1) -> Float32Array:
    """Any poses at all: every joint turned any way."""
    return clean_frames(np.random.default_rng(seed).standard_normal((count, 2, 99)))


def _apart(one: Float32Array, other: Float32Array) -> float:
    """The farthest that a joint of one is from the same of the other, metres."""
    return float(np.linalg.norm(two_hand_joints(one) - two_hand_joints(other), axis=-1).max())


def _turned_by(one: Float32Array, other: Float32Array) -> float:
    """The greatest angle between the same joint of both, radians."""
    first, second = (local_rotations(frames.astype(np.float64)) for frames in (one, other))
    return float(np.linalg.norm(axis_angle_from_matrix(np.swapaxes(first, -1, -2) @ second), axis=-1).max())


def _smooth(seed: int, frames: int, size: float = 0.03) -> Float32Array:
    """Hands that swing slowly about a pose, each joint its own way."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None, None]
    swing = np.sin(time * rng.uniform(0.05, 0.2, (2, 17, 3)) + rng.uniform(0, 6, (2, 17, 3)))
    swing[..., 1:, :] *= 4.0  # 0.12 rad where a wrist moves by 0.03 m
    return moved(np.repeat(_poses(seed), frames, axis=0), size * swing)


# -- offsets


@settings(max_examples=60)
@given(SEEDS, SEEDS)
def test_moving_by_what_is_between_two_poses_takes_one_to_the_other(one: int, other: int) -> None:
    start, stop = _poses(one), _poses(other)
    there = moved(start, offset_between(start, stop))
    # float32 holds a rotation to 1e-7; beside a half turn its axis is worth less.
    assert _turned_by(there, stop) < 1e-3
    np.testing.assert_allclose(there[..., TRANSLATION], stop[..., TRANSLATION], atol=1e-6)


@settings(max_examples=40)
@given(SEEDS)
def test_no_offset_moves_nothing(seed: int) -> None:
    pose = _poses(seed)
    np.testing.assert_allclose(moved(pose, no_offset()), pose, atol=1e-6)
    np.testing.assert_allclose(offset_between(pose, pose), 0.0, atol=1e-6)


@settings(max_examples=60)
@given(SEEDS)
def test_a_turn_written_the_other_way_round_is_the_same_turn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axis = rng.standard_normal((2, 17, 3))
    offset = axis / np.linalg.norm(axis, axis=-1, keepdims=True) * rng.uniform(2.8, np.pi, (2, 17, 1))
    reference = offset - 2.0 * np.pi * offset / np.linalg.norm(offset, axis=-1, keepdims=True)
    same = near(offset, reference)
    np.testing.assert_array_equal(same[:, 0], offset[:, 0])  # a place is no turn
    np.testing.assert_allclose(same[:, 1:], reference[:, 1:])
    pose = _poses(seed)[0]
    at_home = np.concatenate([np.zeros((2, 1, 3)), offset[:, 1:]], axis=1)
    other_way = np.concatenate([np.zeros((2, 1, 3)), same[:, 1:]], axis=1)
    np.testing.assert_allclose(moved(pose, at_home), moved(pose, other_way), atol=1e-5)


def test_the_speed_of_a_gap_of_half_a_turn_is_small() -> None:
    """The shorter way changes sides there; taken for a speed, the hands would spin."""
    pose = _poses(3)
    before, after = no_offset(), no_offset()
    before[:, 1, 0], after[:, 1, 0] = np.pi - 0.01, np.pi + 0.01
    old = np.concatenate([moved(pose, before[None]), moved(pose, after[None])])
    blend = join(old, np.repeat(pose, 2, axis=0))
    np.testing.assert_allclose(np.abs(blend.speed).max(), 0.02, atol=1e-4)


# -- blends


@settings(max_examples=40)
@given(SEEDS, SEEDS)
def test_a_blend_begins_with_the_old_motion_and_ends_with_the_new_bit_for_bit(one: int, other: int) -> None:
    old, new = _smooth(one, 80), _smooth(other, 80)
    blend = join(old[:2], new[:2])
    assert SHORTEST <= blend.frames <= LONGEST
    shown = blend.apply(new)
    assert _turned_by(shown[:1], old[:1]) < 1e-3
    np.testing.assert_allclose(shown[0, :, TRANSLATION], old[0, :, TRANSLATION], atol=1e-6)
    end = int(np.ceil(blend.frames))
    np.testing.assert_array_equal(shown[end:], new[end:])


@settings(max_examples=40)
@given(SEEDS, st.integers(0, 7))
def test_a_blend_goes_on_with_the_old_velocity(seed: int, away: int) -> None:
    """Two motions whose poses are a hand's breadth apart: the seam shows in neither place nor speed."""
    rng = np.random.default_rng(seed)
    old = _smooth(seed, 80)
    gap = rng.uniform(-0.1, 0.1, (2, 17, 3))
    new = moved(_smooth(seed, 80)[::-1].copy(), np.broadcast_to(gap, (80, 2, 17, 3)))
    seam = 20 + away
    blend = join(old[seam : seam + 2], new[seam : seam + 2])
    shown = np.concatenate([old[:seam], blend.apply(new[seam:])])
    places = shown[..., TRANSLATION].astype(np.float64)
    speed, change = np.abs(np.diff(places, axis=0)), np.abs(np.diff(places, 2, axis=0))
    # A swing of 0.03 m at 0.2 rad a frame changes its speed by less than 1.2 mm a frame; the gap
    # of at most 0.16 m adds 5.8 x 0.16 / 15^2 = 4.1 mm where it bends most.
    assert change[seam - 2 : seam + 1].max() < 0.0055
    # 15/8 x 0.1 m in at least 12 frames, and the swings' own 6 mm.
    assert speed.max() < 0.035


@settings(max_examples=20)
@given(SEEDS, st.floats(0.0, 60.0))
def test_a_blend_may_be_applied_in_pieces(seed: int, first: float) -> None:
    new = _smooth(seed, 24)
    blend = join(_smooth(seed + 1, 2), new[:2])
    whole = blend.apply(new, first)
    pieces = [blend.apply(new[k : k + 8], first + k) for k in (0, 8, 16)]
    # float32 rounding: the number of frames moved at once differs.
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


def test_a_wide_gap_takes_longer() -> None:
    pose = _poses(1)
    near_by, far = no_offset(), no_offset()
    near_by[:, 0, 0], far[:, 0, 0] = 0.02, 0.3
    still = np.repeat(pose, 2, axis=0)
    lengths = [join(moved(still, gap[None]), still).frames for gap in (no_offset(), near_by, far)]
    assert lengths[0] == lengths[1] == SHORTEST and SHORTEST < lengths[2] < LONGEST


def test_the_gap_is_closed_at_the_end() -> None:
    rng = np.random.default_rng(0)
    blend = Blend(rng.normal(size=(2, 17, 3)), rng.normal(size=(2, 17, 3)), 12.0)
    np.testing.assert_allclose(blend.at(0.0), blend.gap)
    np.testing.assert_allclose((blend.at(1e-4) - blend.gap) / 1e-4, blend.speed, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(blend.at(np.asarray([12.0, 13.0, 1e6])), 0.0, atol=1e-12)
    np.testing.assert_allclose((blend.at(12.0) - blend.at(12.0 - 1e-3)) / 1e-3, 0.0, atol=1e-4)


def test_going_on_keeps_the_velocity() -> None:
    frames = tumbling_motion().frames
    ahead = going_on(frames[:10])
    np.testing.assert_allclose(ahead[0, :, 6:9], 2 * frames[9, :, 6:9] - frames[8, :, 6:9], atol=1e-6)
    step = offset_between(frames[8], frames[9])
    np.testing.assert_allclose(offset_between(frames[9], ahead[0]), step, atol=1e-5)
    np.testing.assert_allclose(offset_between(ahead[0], ahead[1]), step, atol=1e-5)
    np.testing.assert_allclose(going_on(frames[:1]), frames[[0, 0]], atol=1e-6)


# -- the rest


def test_natural_rest_is_where_people_of_the_corpus_rest_on_average() -> None:
    render = pytest.importorskip("train.corpus.render", reason="the corpus needs the extra `train`")
    from train.corpus.anatomy import pose, to_frames
    from train.corpus.manner import usual_manner

    states = np.broadcast_to(render.resting(usual_manner()), (1, 2, render.STATE)).copy()
    corpus = to_frames(pose(states))[0]
    # Rounded to a thousandth of a radian, and the corpus rounds its frames to 2^-15.
    assert _turned_by(natural_rest()[None], corpus[None]) < 2e-3
    np.testing.assert_allclose(natural_rest()[:, 6:9], corpus[:, 6:9], atol=1e-4)


def test_natural_rest_is_symmetric() -> None:
    rest = natural_rest()[None]
    np.testing.assert_allclose(mirror_frames(rest), rest, atol=1e-6)


@settings(max_examples=30)
@given(seed=SEEDS, first=st.integers(0, 24 * HOUR))
def test_a_rest_is_alive_small_and_does_not_drift(seed: int, first: int) -> None:
    rest = Rest(seed=seed)
    frames = rest.frames(first, 120)
    still = np.broadcast_to(rest.pose, frames.shape)
    # 2.2 mm of breath and 1.2 mm of drift; joints a few millimetres more, where the wrist sways.
    assert 1e-4 < _apart(frames, still) < 0.008
    # Radians: 0.9 degrees about three axes, 1.3 degrees of curl.
    assert _turned_by(frames, still) < 0.03
    # Slower than 1.2 cm a second: nobody would call it a movement.
    assert _apart(frames[1:], frames[:-1]) < 4e-4


@settings(max_examples=30)
@given(seed=SEEDS, first=st.integers(0, 24 * HOUR), cut=st.integers(1, 15))
def test_a_rest_is_told_by_its_frame_number_alone(seed: int, first: int, cut: int) -> None:
    whole = Rest(seed=seed).frames(first, 16)
    other = Rest(seed=seed)
    pieces = np.concatenate([other.frames(first, cut), other.frames(first + cut, 16 - cut)])
    np.testing.assert_allclose(pieces, whole, atol=1e-6)  # float32 rounding, as above


def test_seeds_rest_differently() -> None:
    assert not np.array_equal(Rest(seed=1).frames(0, 8), Rest(seed=2).frames(0, 8))


def test_a_rest_of_ones_own() -> None:
    pose = tumbling_motion().frames[3]
    frames = Rest(pose).frames(0, 8)
    assert _apart(frames, np.broadcast_to(pose, frames.shape)) < 0.008


@pytest.mark.parametrize("pose", [np.zeros((2, 98)), np.zeros((1, 2, 99)), np.full((2, 99), np.nan), "flat"])
def test_what_is_no_pose_cannot_be_rested_in(pose: Any) -> None:
    with pytest.raises(InputError):
        Rest(pose)


# -- what is shown


def test_frames_in_time_are_shown_as_they_are() -> None:
    frames = tumbling_motion().frames
    screen = Screen(frames[0])
    for frame in frames:
        assert screen.show(frame, 1.0) is frame


@settings(max_examples=40)
@given(SEEDS, st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_late_frames_make_no_jump(seed: int, pattern: list[int]) -> None:
    """Runs of frames in time and of late ones by turns: what is shown moves no faster than it might."""
    frames = _smooth(seed, 200)
    screen, shown, place = Screen(frames[0]), [], 0
    for turn, count in enumerate([*pattern, 60]):
        for _ in range(count):
            if turn % 2 and turn < len(pattern):
                shown.append(screen.cover(1.0))
            else:
                shown.append(screen.show(frames[place], 1.0))
                place += 1
    places = np.stack(shown)[..., TRANSLATION].astype(np.float64)
    # The swing moves a wrist by 6 mm a frame and axis at its fastest; while the hands come to a stand and
    # catch up they may be twice as fast, and change their speed within two frames.
    assert np.abs(np.diff(places, axis=0)).max() < 0.015
    assert np.abs(np.diff(places, 2, axis=0)).max() < 0.009
    np.testing.assert_array_equal(shown[-1], frames[place - 1])  # long after, bit for bit the stream again


def test_hands_that_stay_late_stand_still() -> None:
    frames = _smooth(5, 40)
    screen = Screen(frames[0])
    for frame in frames:
        screen.show(frame, 1.0)
    assert not screen.late
    covered = np.stack([screen.cover(1.0) for _ in range(20)])
    assert screen.late
    assert _apart(covered[:1], frames[-1:]) > 1e-4  # not at once
    np.testing.assert_allclose(covered[5:], np.broadcast_to(covered[5], covered[5:].shape), atol=1e-6)


def test_whole_frames_about_a_time() -> None:
    assert [up(2.0), up(2.3), up(2.0000000001), up(1.9999999999)] == [2, 3, 2, 2]
    assert [down(2.0), down(2.3), down(2.0000000001), down(1.9999999999)] == [2, 2, 2, 2]
