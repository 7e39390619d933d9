"""Free motion: what hands can do, of any seed."""

from __future__ import annotations

import numpy as np
import pytest
from clutch_rt.errors import InputError
from clutch_rt.flesh import sphere_centres, sphere_radii
from clutch_rt.hand import flexion_axes, neutral_hand, two_hand_joints
from clutch_rt.layout import mirror_hand
from clutch_rt.rotations import axis_angle_from_matrix, matrix_from_6d
from hypothesis import given, settings
from hypothesis import strategies as st

from train.corpus import draw_free, free_clips
from train.corpus.anatomy import joint_angles, joint_limits
from train.corpus.free import TOP_SPEED
from train.corpus.free_postures import PEOPLE, POSTURES, library, overlap, overlap_of
from train.corpus.shapes import SHAPES

# One seed, for each has a library of its own to draw first; the index draws all the rest.
indices = st.integers(0, 2**31 - 1)
some = settings(max_examples=25)
_BENT = [1, 2, 4, 5, 7, 8, 10, 11, 13, 14]  # joints that only bend, of the 15


def right_form(frames: np.ndarray) -> np.ndarray:
    """Frames `(T, 2, 99)` with the left hand as its mirror image, float64."""
    right = frames.astype(np.float64)
    right[:, 0] = mirror_hand(right[:, 0])
    return right


def local(frames: np.ndarray) -> np.ndarray:
    """Local rotations `(T, 2, 15, 3, 3)` of right-hand forms."""
    return matrix_from_6d(right_form(frames)[..., 9:].reshape(len(frames), 2, 15, 6))


@some
@given(indices)
def test_a_clip_is_a_function_of_its_number(index: int) -> None:
    first, again = draw_free(3, "val", index), draw_free(3, "val", index)
    assert first.dtype == np.float32 and np.array_equal(first, again)
    assert 64 <= len(first) <= 256 and len(first) % 8 == 0 and first.shape[1:] == (2, 99)
    other = draw_free(3, "train", index)
    assert first.shape != other.shape or not np.array_equal(first, other)


@some
@given(indices)
def test_frames_are_finite_and_rotations_are_rotations(index: int) -> None:
    frames = draw_free(3, "train", index)
    assert np.isfinite(frames).all()
    sixd = np.concatenate([frames[..., :6], frames[..., 9:]], -1).reshape(len(frames), 2, 16, 2, 3)
    assert np.allclose(np.linalg.norm(sixd, axis=-1), 1.0, atol=2e-4)
    assert np.abs((sixd[..., 0, :] * sixd[..., 1, :]).sum(-1)).max() < 2e-4


@some
@given(indices)
def test_joints_bend_within_their_ranges_and_only_the_way_they_can(index: int) -> None:
    vectors = axis_angle_from_matrix(local(draw_free(3, "train", index)))[..., _BENT, :]
    axes = np.asarray(flexion_axes(neutral_hand("right")), np.float64)[_BENT, 0]
    bend = (vectors * axes).sum(-1)
    low, high = (limit[_BENT, 0] for limit in joint_limits())
    assert (bend > low - 1e-3).all() and (bend < high + 1e-3).all()
    assert np.linalg.norm(vectors - bend[..., None] * axes, axis=-1).max() < 1e-3


@some
@given(indices)
def test_nothing_jumps(index: int) -> None:
    frames = draw_free(3, "train", index)
    places = frames[..., 6:9].astype(np.float64)
    assert np.linalg.norm(np.diff(places, axis=0), axis=-1).max() * 30.0 < TOP_SPEED
    assert np.linalg.norm(np.diff(places, 2, axis=0), axis=-1).max() < 0.06  # as for the corpus: 54 m/s^2
    joints = two_hand_joints(frames.astype(np.float64))
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.25  # a fingertip, 7.5 m/s


@some
@given(indices)
def test_hands_neither_cross_nor_leave_the_reach_of_arms(index: int) -> None:
    right = right_form(draw_free(3, "train", index))
    turned = matrix_from_6d(right[..., 9:].reshape(len(right), 2, 15, 6))
    points = sphere_centres(matrix_from_6d(right[..., :6]), turned, right[..., 6:9])
    points[:, 0, :, 0] *= -1.0
    radii = sphere_radii()
    gap = np.linalg.norm(points[:, 0, :, None] - points[:, 1, None], axis=-1) - radii[:, None] - radii
    assert gap.min() > -2e-4
    assert np.linalg.norm(right[..., 6:9] - (0.18, -0.22, 0.0), axis=-1).max() < 1.0  # from the shoulder


def test_fingers_seldom_pass_through_their_own_hand() -> None:
    """No posture does; on the way between two, some graze each other."""
    assert overlap(library(3, "train").reshape(-1, 21)).max() == 0.0
    frames = np.concatenate([local(clip)[::6].reshape(-1, 15, 3, 3) for clip in free_clips(3, "train", 40)])
    deep = overlap_of(frames)
    assert (deep > 0.004).mean() < 0.03 and deep.max() < 0.02


def test_an_overlap_is_noticed() -> None:
    crossed = SHAPES["flat"].copy()
    crossed[[0, 4]] = np.radians([-22.0, 0.0])  # the index finger into the middle one
    assert overlap(crossed[None])[0] > 0.002


def test_postures_are_many_and_use_the_range_of_every_finger() -> None:
    postures = library(3, "train")
    assert postures.shape == (PEOPLE, POSTURES, 21) and not np.array_equal(postures, library(3, "val"))
    postures = postures.reshape(-1, 21)
    assert len(np.unique(postures, axis=0)) > 0.98 * len(postures)
    low, high = joint_limits()
    bend = joint_angles(postures)[:, [0, 1, 3, 4, 6, 7, 9, 10], 0]
    reached = np.quantile(bend, [0.02, 0.98], axis=0)
    knuckle_and_middle = np.degrees(reached[1] - reached[0])
    assert (knuckle_and_middle > 75.0).all()
    leaning = (joint_angles(postures) <= low) | (joint_angles(postures) >= high)
    assert leaning[..., 0].mean() < 0.05


def test_hands_go_fast_and_slow_rest_and_meet() -> None:
    clips = list(free_clips(3, "train", 150))
    speed = [np.linalg.norm(np.diff(c[..., 6:9], axis=0), axis=-1) * 30.0 for c in clips]
    fastest = np.asarray([s.max() for s in speed])
    assert (fastest > 1.0).mean() > 0.1 and (fastest < 0.4).mean() > 0.05
    assert np.mean([s[:, hand].max() < 0.2 for s in speed for hand in (0, 1)]) > 0.1
    near = [np.linalg.norm(c[:, 0, 6:9] - c[:, 1, 6:9], axis=-1).min() < 0.12 for c in clips]
    assert np.mean(near) > 0.04


@pytest.mark.parametrize(("split", "index"), [("training", 0), ("val", -1)])
def test_a_clip_there_is_not_is_refused(split: str, index: int) -> None:
    with pytest.raises(InputError, match="free clip"):
        draw_free(0, split, index)
