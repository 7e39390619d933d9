"""Motion: what it accepts, how it changes rate, and that every way of asking for joints agrees."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.hand import forward, neutral_hands, skin
from clutch_rt.layout import HAND_SIZE
from clutch_rt.mano_parameters import params_to_mano
from clutch_rt.motion import Motion
from clutch_rt.rotations import (
    axis_angle_from_matrix,
    matrix_from_6d,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    sixd_from_matrix,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_motion import tumbling_motion

# float32 carries seven digits; a chain of five rotations over 20 cm loses less than a micrometre of them.
MICROMETRE = 1e-6


def test_frames_become_clean_read_only_float32() -> None:
    raw = tumbling_motion().frames.astype(np.float64) * 1.0
    raw[:, :, 0:3] *= 2.0  # columns of another length
    raw[:, :, 12:15] += 0.3 * raw[:, :, 9:12]  # and a slanted second column
    motion = Motion(raw.tolist())
    assert motion.frames.dtype == np.float32 and motion.frames.shape == raw.shape
    sixd = np.delete(motion.frames, [6, 7, 8], axis=-1).reshape(-1, 2, 3)
    gram = sixd @ sixd.swapaxes(-1, -2)
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(2), gram.shape), atol=1e-6)
    np.testing.assert_allclose(motion.frames, tumbling_motion().frames, atol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        motion.frames[0, 0, 0] = 5.0
    with pytest.raises(FrozenInstanceError):
        motion.fps = 5.0  # type: ignore[misc]
    raw[:] = 0.0  # the caller's array is not ours
    assert np.abs(motion.frames).max() > 0.1


@given(seed=st.integers(0, 2**31))
@settings(max_examples=25)
def test_cleaning_is_idempotent_to_the_bit(seed: int) -> None:
    once = Motion(np.random.default_rng(seed).normal(size=(3, 2, HAND_SIZE)))
    np.testing.assert_array_equal(Motion(once.frames).frames, once.frames)


@pytest.mark.parametrize("shape", [(0, 2, 99), (5, 99), (5, 1, 99), (5, 2, 98), (5, 2, 99, 1), ()])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"Wanted \(T, 2, 99\)"):
        Motion(np.ones(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    frames = tumbling_motion().frames.astype(np.float64)
    frames[7, 1, 50] = value
    with pytest.raises(InputError, match="first in frame 7"):
        Motion(frames)


@pytest.mark.parametrize("columns", [[0] * 6, [1, 0, 0, 0, 0, 0], [1, 0, 0, -2, 0, 0], [0, 0, 0, 0, 1, 0]])
def test_six_numbers_that_are_no_rotation_are_refused(columns: list[float]) -> None:
    frames = tumbling_motion().frames.copy()
    frames[4, 1, 9 + 6 * 2 : 9 + 6 * 3] = columns
    with pytest.raises(InputError, match=r"frame 4, right hand, joint 3.*no rotation"):
        Motion(frames)


@pytest.mark.parametrize("fps", [0, -30, float("nan"), float("inf"), "fast", None])
def test_impossible_rates_are_refused(fps: object) -> None:
    with pytest.raises(InputError, match="Wanted a positive number"):
        Motion(tumbling_motion().frames, fps)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="Wanted a positive number"):
        tumbling_motion().resample(fps)  # type: ignore[arg-type]


def test_text_frames_are_refused_in_words() -> None:
    with pytest.raises(InputError, match="frames are not numbers"):
        Motion([["a"]])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [5, b"wave", "half \ud83d a letter"])
def test_text_that_no_file_can_hold_is_refused(text: object) -> None:
    with pytest.raises(InputError, match="Wanted Unicode text"):
        Motion(tumbling_motion().frames, text=text)  # type: ignore[arg-type]


def test_same_rate_is_the_same_motion() -> None:
    motion = tumbling_motion()
    same = motion.resample(30)
    np.testing.assert_array_equal(same.frames, motion.frames)
    assert (same.fps, same.text, same.seed) == (motion.fps, motion.text, motion.seed)


@given(fps=st.floats(1.0, 500.0), frames=st.integers(1, 40))
@settings(max_examples=60)
def test_any_rate_keeps_ends_and_duration(fps: float, frames: int) -> None:
    motion = tumbling_motion(frames)
    other = motion.resample(fps)
    np.testing.assert_array_equal(other.frames[0], motion.frames[0])
    if frames > 1:
        np.testing.assert_array_equal(other.frames[-1], motion.frames[-1])
        span, before = (len(other) - 1) / fps, (len(motion) - 1) / 30.0
        assert abs(span - before) <= max(0.5 / fps + 1e-9, 1 / fps - before + 1e-9)
    assert other.fps == fps


@given(factor=st.integers(2, 6))
@settings(max_examples=5)
def test_up_and_back_gives_the_same_frames(factor: int) -> None:
    motion = tumbling_motion()
    there = motion.resample(30.0 * factor)
    np.testing.assert_array_equal(there.frames[::factor], motion.frames)
    np.testing.assert_array_equal(there.resample(30.0).frames, motion.frames)


def test_rotations_turn_at_constant_speed_between_frames() -> None:
    frames = tumbling_motion(2).frames.copy()
    frames[0, 0, :6] = sixd_from_matrix(np.eye(3))
    frames[1, 0, :6] = sixd_from_matrix(matrix_from_axis_angle([0.0, 2.0, 0.0]))
    fine = Motion(frames).resample(300.0)
    angles = axis_angle_from_matrix(matrix_from_6d(fine.frames[:, 0, :6].astype(np.float64)))
    np.testing.assert_allclose(angles[:, 1], np.linspace(0, 2, len(fine)), atol=1e-6)
    wrist = fine.frames[:, 0, 6:9]
    np.testing.assert_allclose(wrist, np.linspace(wrist[0], wrist[-1], len(fine)), atol=1e-6)


def test_absurd_rates_are_refused_before_memory_runs_out() -> None:
    with pytest.raises(InputError, match="ask for a lower rate"):
        tumbling_motion().resample(1e300)


@pytest.mark.parametrize(
    ("name", "count"), [("mano", 21), ("openxr", 26), ("webxr", 25), ("unity", 26), ("mediapipe", 21)]
)
def test_joints_in_every_layout(name: str, count: int) -> None:
    motion = tumbling_motion()
    joints = motion.joints(name)
    assert joints.positions.shape == (24, 2, count, 3)
    assert joints.orientations.shape == (24, 2, count, 4)
    assert len(joints.names) == count and joints.radii.shape == (count,)
    np.testing.assert_allclose(np.linalg.norm(joints.orientations, axis=-1), 1, atol=1e-5)
    wrist = [n.lower() for n in joints.names].index("wrist")
    flip = [1, 1, -1] if name == "unity" else [1, 1, 1]
    np.testing.assert_allclose(joints.positions[:, :, wrist], motion.frames[..., 6:9] * flip, atol=MICROMETRE)


def test_unity_is_the_same_hand_seen_in_a_left_handed_space() -> None:
    motion = tumbling_motion()
    openxr, unity = motion.joints("openxr"), motion.joints("unity")
    order = [1, 0, *range(2, 26)]  # Unity has the wrist before the palm
    mirror = np.diag([1.0, 1.0, -1.0])
    np.testing.assert_allclose(unity.positions, openxr.positions[:, :, order] @ mirror, atol=MICROMETRE)
    expected = mirror @ matrix_from_quaternion(openxr.orientations[:, :, order]) @ mirror
    np.testing.assert_allclose(matrix_from_quaternion(unity.orientations), expected, atol=1e-5)


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(InputError, match="openxr"):
        tumbling_motion().joints("steamvr")


def test_vertices_are_both_skins() -> None:
    motion = tumbling_motion(5)
    vertices = motion.vertices()
    for side, hand in enumerate(neutral_hands()):
        np.testing.assert_array_equal(vertices[:, side], skin(hand, motion.frames[:, side]))


def test_mano_parameters_mean_the_same_hands() -> None:
    left, right = neutral_hands()
    offset = np.array([0.09, 0.006, -0.01], np.float32)
    motion = replace(
        tumbling_motion(), hands=(replace(left, wrist_offset=-offset), replace(right, wrist_offset=offset))
    )
    mano = motion.to_mano()
    assert mano["sides"] == ("left", "right") and mano["fps"] == 30.0
    assert mano["betas"].shape == (2, 10)
    np.testing.assert_allclose(mano["transl"][:, 1] + offset, motion.frames[:, 1, 6:9], atol=MICROMETRE)
    vectors = np.concatenate([mano["global_orient"], mano["hand_pose"]], axis=-1).reshape(24, 2, 16, 3)
    sixd = sixd_from_matrix(matrix_from_axis_angle(vectors)).astype(np.float32)
    again = np.concatenate(
        [sixd[:, :, 0], motion.frames[..., 6:9], sixd[:, :, 1:].reshape(24, 2, 90)], axis=-1
    )
    for side, hand in enumerate(motion.hands):
        np.testing.assert_allclose(
            forward(hand, again[:, side]).joints,
            forward(hand, motion.frames[:, side]).joints,
            atol=2 * MICROMETRE,
        )


def test_duration_counts_every_frame() -> None:
    assert tumbling_motion(60).duration == 2.0
    assert len(tumbling_motion(60)) == 60


def test_what_is_no_motion_is_refused() -> None:
    motion = tumbling_motion()
    with pytest.raises(InputError, match=r"seed is 'x'\. Wanted a whole number"):
        Motion(motion.frames, seed="x")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"hands are \['right', 'left'\]. Wanted a left and a right hand"):
        Motion(motion.frames, hands=(motion.hands[1], motion.hands[0]))


def test_a_motion_is_shown_in_one_line() -> None:
    motion = replace(tumbling_motion(), text="wave", seed=7)
    assert repr(motion) == "Motion(24 frames, 30 fps, text='wave', seed=7)"


def test_two_hands_and_one_hand_have_the_same_mano_parameters() -> None:
    motion = tumbling_motion()
    both = motion.to_mano()
    for side, hand in enumerate(motion.hands):
        one = params_to_mano(hand, motion.frames[:, side])
        np.testing.assert_array_equal(both["global_orient"][:, side], one.global_orient)
        np.testing.assert_array_equal(both["hand_pose"][:, side], one.hand_pose)
        np.testing.assert_array_equal(both["transl"][:, side], one.transl)


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"is a folder\. Wanted a file; name one in it"):
        tumbling_motion().save(tmp_path)
