"""Hands that would pass through each other are moved apart, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from clutch_rt.flesh import parted, sphere_centres, sphere_radii
from clutch_rt.hand import local_rotations
from clutch_rt.layout import LEFT, RIGHT, TRANSLATION, Float32Array, FloatArray, mirror_hand
from clutch_rt.rotations import matrix_from_axis_angle, sixd_from_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

DEEPEST = 0.005  # metres: what is deeper is seen as a fault
FINGERS = 0.075  # metres from the wrist to the middle of the hand


def _spheres(hand: FloatArray) -> FloatArray:
    local = local_rotations(hand)
    return sphere_centres(local[..., 0, :, :], local[..., 1:, :, :], hand[..., TRANSLATION])


def depths(frames: Float32Array) -> FloatArray:
    """How deep the hands are in each other in each frame, metres; below 0 is air."""
    values = frames.astype(np.float64)
    left = _spheres(mirror_hand(values[:, LEFT])) * [-1.0, 1.0, 1.0]
    away = np.linalg.norm(left[:, :, None] - _spheres(values[:, RIGHT])[:, None], axis=-1)
    thick = sphere_radii()[:, None] + sphere_radii()[None]
    return (thick - away).max(axis=(1, 2))


def motion(seed: int, apart: float, frames: int = 6) -> Float32Array:
    """Hands of any posture and turn whose middles are ``apart`` metres from each other, on average."""
    rng = np.random.default_rng(seed)
    turns = rng.normal(0.0, 0.35, (frames, 2, 16, 3))
    turns[:, :, 0] *= 3.0
    matrices = matrix_from_axis_angle(turns)
    values = np.zeros((frames, 2, 99))
    values[..., :6] = sixd_from_matrix(matrices[:, :, 0])
    values[..., 9:] = sixd_from_matrix(matrices[:, :, 1:]).reshape(frames, 2, 90)
    along = matrices[:, :, 0, :, 0] * np.array([1.0, -1.0])[:, None]  # to the fingers
    middles = rng.normal(0.0, 0.3 * apart, (frames, 2, 3)) + np.array([[-0.5], [0.5]]) * [apart, 0.0, 0.0]
    values[..., TRANSLATION] = middles - FINGERS * along + [0.0, 0.0, -0.4]
    return values.astype(np.float32)


def test_hands_apart_are_given_back_as_they_are() -> None:
    frames = motion(0, apart=0.5)
    assert depths(frames).max() < 0.0
    assert parted(frames) is frames


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), apart=st.floats(0.05, 0.15))
def test_frames_without_fault_stay_and_the_others_only_move(seed: int, apart: float) -> None:
    frames = motion(seed, apart)
    before = depths(frames)
    found = parted(frames)
    fine = before < 0.0035  # flesh gives 4 mm
    np.testing.assert_array_equal(found[fine], frames[fine])
    rest = np.ones(99, bool)
    rest[TRANSLATION] = False
    np.testing.assert_array_equal(found[..., rest], frames[..., rest])
    moves = (found - frames)[..., TRANSLATION]
    # Half of the way each, so that what they hold between them stays; float32 of places within a metre.
    np.testing.assert_allclose(moves[:, LEFT], -moves[:, RIGHT], atol=2e-7)


def test_hands_that_are_a_little_in_each_other_come_out() -> None:
    """By up to 12 mm, as generated hands are; but for those whose fingers are locked into each other."""
    frames = np.concatenate([motion(seed, apart=0.13) for seed in range(200)])
    before = depths(frames)
    chosen = frames[(before > DEEPEST) & (before < 0.012)]
    assert len(chosen) > 50  # or this would prove nothing
    after = depths(parted(chosen))
    assert (after < DEEPEST).mean() > 0.8  # postures at random lock their fingers more often than actions do
    moved = np.linalg.norm((parted(chosen) - chosen)[:, RIGHT, TRANSLATION], axis=-1)
    assert np.median(moved) < 0.006  # half of the depth each, and no jump


def test_the_way_apart_changes_as_smoothly_as_the_pose() -> None:
    """A hand goes on by a twentieth of a millimetre: to part now one pair and now another would jump."""
    frames = np.concatenate([motion(seed, apart=0.1) for seed in range(50)])
    nudged = frames.copy()
    nudged[:, RIGHT, 6] += 5e-5
    ways = [(parted(values) - values)[:, RIGHT, TRANSLATION] for values in (frames, nudged)]
    assert np.linalg.norm(ways[0], axis=-1).max() > 0.005
    assert np.linalg.norm(ways[1] - ways[0], axis=-1).max() < 1e-3


@pytest.mark.parametrize("chunk", [1, 4])
def test_a_stream_is_moved_as_the_whole(chunk: int) -> None:
    frames = motion(3, apart=0.1, frames=24)
    whole = parted(frames)
    assert not np.array_equal(whole, frames)
    pieces = [parted(frames[i : i + chunk]) for i in range(0, len(frames), chunk)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
