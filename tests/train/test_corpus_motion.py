"""The hands of the corpus do what hands can, and what their labels say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clutch_rt.flesh import sphere_centres, sphere_radii
from clutch_rt.hand import two_hand_joints
from clutch_rt.layout import mirror_hand
from clutch_rt.rotations import matrix_from_6d

from tests.train.corpus_clips import CONFIG, clips
from train.corpus import VERBS, CorpusConfig
from train.corpus.anatomy import joint_angles, joint_limits, joint_rotations
from train.corpus.plan import draw_action, schedule
from train.corpus.preview import verb_clip
from train.corpus.render import blend
from train.corpus.shapes import SHAPES
from train.corpus.verbs import TABLE

# ---- a hand can do this -------------------------------------------------------------------------


def test_rotations_are_rotations():
    for clip in clips()[:40]:
        sixd = np.concatenate([clip.frames[..., :6], clip.frames[..., 9:]], -1)
        columns = sixd.reshape(*sixd.shape[:-1], 16, 2, 3)
        # The corpus rounds to 2^-15, so lengths are off by a few 1e-5.
        assert np.allclose(np.linalg.norm(columns, axis=-1), 1.0, atol=2e-4)
        assert np.abs((columns[..., 0, :] * columns[..., 1, :]).sum(-1)).max() < 2e-4


def test_joints_stay_inside_their_limits():
    low, high = joint_limits()
    rng = np.random.default_rng(0)
    angles = joint_angles(rng.normal(scale=2.0, size=(50, 21)))
    assert (angles >= low).all() and (angles <= high).all()
    # No shape the table names leans on the limits: they are there for the noise.
    for name, shape in SHAPES.items():
        free = joint_angles(shape)
        assert ((free > low - 1e-9) & (free < high + 1e-9)).all(), name


def test_last_joints_follow_middle_joints():
    angles = np.degrees(joint_angles(SHAPES["power"]))
    assert angles[2, 0] == pytest.approx(0.66 * angles[1, 0], abs=1.0)


def test_curling_a_finger_brings_its_tip_to_the_palm():
    flat, fist = (draw_pose(SHAPES[name]) for name in ("flat", "fist"))
    # MANO's palm is -Y: a curled index tip lies lower and nearer the wrist.
    assert fist[17, 1] < flat[17, 1] - 0.02
    assert np.linalg.norm(fist[17]) < 0.75 * np.linalg.norm(flat[17])


def draw_pose(shape: np.ndarray) -> np.ndarray:
    """Joints of a right hand at the origin in MANO's rest frame, (21, 3)."""
    rotations = joint_rotations(joint_angles(shape))
    return sphere_centres(np.eye(3), rotations, np.zeros(3))[:21]


def test_pinching_fingers_touch():
    joints = draw_pose(SHAPES["precision"])
    assert np.linalg.norm(joints[16] - joints[17]) < 0.02


TIPS = {"index": 17, "middle": 18, "ring": 19, "pinky": 20}


def thumb_gaps(verb: str, cycles: int) -> np.ndarray:
    """Distances of the thumb's tip to the four others while the verb is done by the right hand, (T, 4)."""
    clip = verb_clip(verb, hand="right", cycles=cycles, count=cycles)
    span = slice(clip.actions[0].start, clip.actions[0].stop)
    joints = two_hand_joints(clip.frames.astype(np.float64))[span, 1]
    return np.linalg.norm(joints[:, list(TIPS.values())] - joints[:, [16]], axis=-1)


@pytest.mark.parametrize(
    ("verb", "finger"),
    [("pinch", "index"), ("touch_middle", "middle"), ("touch_ring", "ring"), ("touch_little", "pinky")],
)
def test_the_thumb_touches_the_finger_that_is_said_and_no_other(verb, finger):
    nearest = thumb_gaps(verb, 1).min(axis=0)
    # Two tips of 6 mm radius touch at 12 mm; the noise of a pose moves them by a few more.
    assert nearest[list(TIPS).index(finger)] < 0.025
    assert np.delete(nearest, list(TIPS).index(finger)).min() > 0.035


def test_the_thumb_touches_one_finger_after_the_other():
    gaps = thumb_gaps("touch_fingers", 1)
    assert gaps.min(axis=0).max() < 0.025
    assert (np.diff(gaps.argmin(axis=0)) > 3).all(), "index, middle, ring, little"


def test_crossed_fingers_change_sides():
    joints = draw_pose(SHAPES["crossed"])
    # MANO's right thumb is at +Z: the middle finger's tip is nearer to it than the index finger's.
    assert joints[18, 2] > joints[17, 2] and joints[4, 2] < joints[1, 2]


def spheres(frames: np.ndarray) -> np.ndarray:
    """Sphere centres (T, 2, 40, 3) read back from frames, as a reader of the corpus would."""
    right = frames.astype(np.float64).copy()
    right[:, 0] = mirror_hand(right[:, 0])
    local = matrix_from_6d(right[..., 9:].reshape(len(frames), 2, 15, 6))
    points = sphere_centres(matrix_from_6d(right[..., :6]), local, right[..., 6:9])
    points[:, 0, :, 0] *= -1.0
    return points


def test_spheres_sit_on_the_joints_of_the_skeleton():
    frames = clips()[0].frames
    assert np.allclose(spheres(frames)[:, :, :21], two_hand_joints(frames.astype(np.float64)), atol=1e-6)


def test_hands_never_pass_through_each_other():
    radii = sphere_radii()
    least = radii[:, None] + radii[None, :]
    for clip in clips():
        points = spheres(clip.frames)
        gap = np.linalg.norm(points[:, 0, :, None] - points[:, 1, None], axis=-1) - least
        # The frames are rounded to 0.03 mm, and contact is found in float32.
        assert gap.min() > -2e-4, clip.actions


@pytest.mark.parametrize("verb", ["clap", "pray", "rub", "stack_hands", "steeple", "wash"])
def test_hands_that_should_touch_do(verb):
    points = spheres(verb_clip(verb).frames)
    gap = np.linalg.norm(points[:, 0, :, None] - points[:, 1, None], axis=-1) - 2 * sphere_radii().mean()
    assert gap.min() < 0.012


def test_motion_is_smooth():
    for clip in clips():
        place = clip.frames[..., 6:9].astype(np.float64)
        acceleration = np.linalg.norm(np.diff(place, 2, axis=0), axis=-1)
        # 60 mm per frame^2 is 54 m/s^2, what a hard clap or throw reaches; a jump would be far more.
        assert acceleration.max() < 0.06, clip.actions
        joints = two_hand_joints(clip.frames.astype(np.float64))
        assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.16, clip.actions


def test_hands_stay_in_front_of_the_viewer():
    for clip in clips():
        place = clip.frames[..., 6:9]
        assert place[..., 2].max() < -0.08 and place[..., 2].min() > -0.72
        assert place[..., 1].min() > -0.62 and place[..., 1].max() < 0.1
        assert np.abs(place[..., 0]).max() < 0.5


def test_wrists_bend_no_further_than_a_shoulder_can_help():
    elbow = np.array([[-0.25, -0.55, -0.10], [0.25, -0.55, -0.10]])
    for clip in clips():
        rotation = matrix_from_6d(clip.frames[..., :6].astype(np.float64))
        fingers = rotation[..., 0] * np.array([[1.0], [-1.0]])  # MANO's left fingers are +X, right -X
        forearm = clip.frames[..., 6:9] - elbow
        forearm = forearm / np.linalg.norm(forearm, axis=-1, keepdims=True)
        bend = np.degrees(np.arccos(np.clip((fingers * forearm).sum(-1), -1, 1)))
        # A wrist bends about 80 degrees; an elbow that may move 15 cm adds some 22 to that.
        assert bend.max() < 102, clip.actions


def test_a_clip_starts_and_ends_at_rest():
    for clip in clips()[:60]:
        ends = clip.frames[[0, -1]][..., 6:9]
        assert np.abs(ends - ends[0]).max() < 0.03
        assert np.linalg.norm(clip.frames[1, :, 6:9] - clip.frames[0, :, 6:9], axis=-1).max() < 0.01


# ---- the motion is what its labels say -------------------------------------------------------------


def repeating(verb: str) -> bool:
    return TABLE[verb].counts is not None and verb != "count"


@pytest.mark.parametrize("verb", [v for v in VERBS if repeating(v)])
def test_period_and_count_are_what_the_action_says(verb):
    low, high = TABLE[verb].counts or (0, 0)
    for speed in ("slow", "fast"):
        clip = verb_clip(verb, speed=speed, cycles=3, count=3 if TABLE[verb].counted else None)
        action = clip.actions[0]
        period = round(30.0 / (action.frequency_hz or 1.0))
        assert low <= 3 <= high
        assert action.stop - action.start == 3 * period
        hands = {"left": [0], "right": [1], "both": [0, 1]}[action.hand]
        span = clip.frames[action.start : action.stop + 1, hands].reshape(3 * period + 1, -1)
        span = span.astype(np.float64)
        span -= span.mean(0)
        drift = np.linspace(-0.5, 0.5, len(span))[:, None] * (span[-1] - span[0])
        level = span - drift
        first, second = level[:period], level[period : 2 * period]
        moved = np.ptp(first, axis=0).max()
        assert np.abs(first - second).max() < 0.25 * moved, "a cycle repeats"
        half = period // 2
        assert np.abs(first[:half] - first[half:]).max() > 0.25 * moved, "and half of one does not"


def test_speed_shows_in_frequency():
    for verb in VERBS:
        slow, normal, fast = TABLE[verb].periods
        if TABLE[verb].timed:
            assert 0.5 <= normal / slow <= 0.72 and 1.4 <= normal / fast <= 2.05, verb


def test_counting_raises_as_many_fingers_as_said():
    for count in range(1, 6):
        clip = verb_clip("count", cycles=count, count=count)
        action = clip.actions[0]
        joints = two_hand_joints(clip.frames)[action.stop, 1]
        reach = np.linalg.norm(joints[[17, 18, 19, 20]] - joints[0], axis=-1)
        assert (reach > 0.12).sum() == min(count, 4)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("direction", "axis", "sign"), [("left", 0, -1), ("right", 0, 1), ("up", 1, 1), ("down", 1, -1)]
)
def test_directions_are_the_viewers_whatever_the_hand(side, direction, axis, sign):
    clip = verb_clip("point", hand=side, direction=direction)
    hand = ("left", "right").index(side)
    action = clip.actions[0]
    middle = (action.start + action.stop) // 2
    joints = two_hand_joints(clip.frames)[middle, hand]
    finger = joints[17] - joints[1]
    assert sign * finger[axis] / np.linalg.norm(finger) > 0.5


def test_the_left_hand_is_the_right_hands_mirror_image():
    config = replace(CONFIG, place_noise=0.0, pose_noise=0.0)
    right = blend_of("wave", "right", config)
    left = blend_of("wave", "left", config)
    # Both are in right-hand form; only the turn noise, a few degrees, differs.
    assert np.abs(right[:, 1, :3] - left[:, 0, :3]).max() < 1e-9


def blend_of(verb: str, hand: str, config: CorpusConfig) -> np.ndarray:
    action = replace(draw_action(np.random.default_rng(5), TABLE[verb]), hand=hand, noise=1)
    return blend((action,), schedule((action,)), config)


def test_an_idle_hand_rests():
    clip = verb_clip("wave", hand="right")
    travel = np.ptp(clip.frames[..., 6:9], axis=0)
    assert travel[0].max() < 0.03 < 0.1 < travel[1].max()
