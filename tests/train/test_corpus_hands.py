"""What the fingers do: angles that joints have, and grasps that do not hang on the path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from clutch_rt.hand import flexion_axes, neutral_hand
from clutch_rt.layout import LEFT, POSE, POSE_JOINTS, mirror_hand
from clutch_rt.rotations import axis_angle_from_matrix, matrix_from_6d, matrix_from_axis_angle

from train.corpus import Clip, CorpusConfig, draw_clip
from train.corpus.anatomy import WRIST, joint_limits
from train.corpus.plan import draw_action, schedule
from train.corpus.render import blend
from train.corpus.verbs import TABLE

FINGER_BASES = (0, 3, 6, 9)  # spread, then bend
THUMB_BASE = 12  # has three angles, and is left to the test of joint_angles
SLACK = 1e-3  # radians: frames are rounded to 2^-15


def rotations(clip: Clip) -> np.ndarray:
    """Local rotations of both hands as right hands, ``(2 T, 15, 3, 3)``."""
    frames = clip.frames.astype(np.float64)
    frames[:, LEFT] = mirror_hand(frames[:, LEFT])
    return matrix_from_6d(frames[..., POSE].reshape(-1, POSE_JOINTS, 6))


def test_whole_clips_keep_to_the_limits() -> None:
    axes = np.asarray(flexion_axes(neutral_hand("right")), np.float64)
    low, high = joint_limits()
    moved = np.zeros(POSE_JOINTS)
    for index in range(60):
        clip = draw_clip(0, index, ("train", "val", "test")[index % 3])
        local = rotations(clip)
        for joint in range(POSE_JOINTS):
            turn = local[:, joint]
            if joint == THUMB_BASE:
                continue
            if joint in FINGER_BASES:
                flex, abduct = axes[joint, :2]
                seen = turn @ flex  # bending leaves its own axis where spreading put it
                angle = np.arctan2(np.cross(flex, seen) @ abduct, seen @ flex)
                assert (angle > low[joint, 1] - SLACK).all() and (angle < high[joint, 1] + SLACK).all()
                spread = matrix_from_axis_angle(angle[:, None] * abduct)
                turn = np.swapaxes(spread, -1, -2) @ turn
            vector = axis_angle_from_matrix(turn)
            bent = vector @ axes[joint, 0]
            assert np.linalg.norm(vector - bent[:, None] * axes[joint, 0], axis=-1).max() < SLACK, "one hinge"
            assert (bent > low[joint, 0] - SLACK).all() and (bent < high[joint, 0] + SLACK).all(), (
                clip.actions
            )
            moved[joint] = max(moved[joint], np.ptp(bent))
    assert (np.delete(moved, THUMB_BASE) > np.radians(15)).all(), "every joint bends in some clip"


def test_the_grasp_is_drawn_apart_from_the_path() -> None:
    rng, free = np.random.default_rng(0), 0
    for verb in TABLE.values():
        drawn = {draw_action(rng, verb).shape for _ in range(40)}
        assert drawn == set(verb.lead.shapes)
        free += len(drawn) > 1
        action = draw_action(rng, verb)
        state = [
            blend((replace(action, shape=shape),), schedule((action,)), CorpusConfig())
            for shape in verb.lead.shapes
        ]
        for other in state[1:]:
            np.testing.assert_array_equal(other[..., :WRIST], state[0][..., :WRIST])
            assert np.abs(other[..., WRIST:] - state[0][..., WRIST:]).max() > np.radians(5), verb.name
    assert free > 30, "most verbs have several grasps"
