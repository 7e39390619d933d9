"""The joint layouts of XR runtimes and engines, joint by joint, and the axes they expect."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
from clutch_rt.errors import InputError
from clutch_rt.hand import forward, neutral_hand, neutral_hands
from clutch_rt.joints import LAYOUTS, METACARPALS, bind_rotations, flexion_axes, joint_poses
from clutch_rt.layout import mirror_hand
from clutch_rt.rotations import matrix_from_quaternion

SIDES = ("left", "right")

# XrHandJointEXT: its index, its name, WebXR's index (and name), Unity's array index, what it is made of in
# MANO (a joint or tip, or how), MediaPipe's index.
TABLE: list[tuple[int, str, int | None, str | None, int, int | str, int | None]] = [
    (0, "PALM", None, None, 1, "palm", None),
    (1, "WRIST", 0, "wrist", 0, 0, 0),
    (2, "THUMB_METACARPAL", 1, "thumb-metacarpal", 2, 13, 1),
    (3, "THUMB_PROXIMAL", 2, "thumb-phalanx-proximal", 3, 14, 2),
    (4, "THUMB_DISTAL", 3, "thumb-phalanx-distal", 4, 15, 3),
    (5, "THUMB_TIP", 4, "thumb-tip", 5, 16, 4),
    (6, "INDEX_METACARPAL", 5, "index-finger-metacarpal", 6, "metacarpal", None),
    (7, "INDEX_PROXIMAL", 6, "index-finger-phalanx-proximal", 7, 1, 5),
    (8, "INDEX_INTERMEDIATE", 7, "index-finger-phalanx-intermediate", 8, 2, 6),
    (9, "INDEX_DISTAL", 8, "index-finger-phalanx-distal", 9, 3, 7),
    (10, "INDEX_TIP", 9, "index-finger-tip", 10, 17, 8),
    (11, "MIDDLE_METACARPAL", 10, "middle-finger-metacarpal", 11, "metacarpal", None),
    (12, "MIDDLE_PROXIMAL", 11, "middle-finger-phalanx-proximal", 12, 4, 9),
    (13, "MIDDLE_INTERMEDIATE", 12, "middle-finger-phalanx-intermediate", 13, 5, 10),
    (14, "MIDDLE_DISTAL", 13, "middle-finger-phalanx-distal", 14, 6, 11),
    (15, "MIDDLE_TIP", 14, "middle-finger-tip", 15, 18, 12),
    (16, "RING_METACARPAL", 15, "ring-finger-metacarpal", 16, "metacarpal", None),
    (17, "RING_PROXIMAL", 16, "ring-finger-phalanx-proximal", 17, 10, 13),
    (18, "RING_INTERMEDIATE", 17, "ring-finger-phalanx-intermediate", 18, 11, 14),
    (19, "RING_DISTAL", 18, "ring-finger-phalanx-distal", 19, 12, 15),
    (20, "RING_TIP", 19, "ring-finger-tip", 20, 19, 16),
    (21, "LITTLE_METACARPAL", 20, "pinky-finger-metacarpal", 21, "metacarpal", None),
    (22, "LITTLE_PROXIMAL", 21, "pinky-finger-phalanx-proximal", 22, 7, 17),
    (23, "LITTLE_INTERMEDIATE", 22, "pinky-finger-phalanx-intermediate", 23, 8, 18),
    (24, "LITTLE_DISTAL", 23, "pinky-finger-phalanx-distal", 24, 9, 19),
    (25, "LITTLE_TIP", 24, "pinky-finger-tip", 25, 20, 20),
]


def rest() -> np.ndarray:
    params = np.zeros(99, np.float32)
    params[0:6] = (1, 0, 0, 0, 1, 0)
    params[9:] = np.tile([1, 0, 0, 0, 1, 0], 15)
    return params


def random_params(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, 99)).astype(np.float32)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[1])
@pytest.mark.parametrize("side", SIDES)
def test_joint_table(row: tuple, side: str) -> None:
    index, name, webxr, webxr_name, unity, mano, mediapipe = row
    hand, params = neutral_hand(side), random_params(3)
    poses = {layout: joint_poses(hand, params, layout) for layout in LAYOUTS}
    here = poses["openxr"].positions[:, index]
    assert poses["openxr"].names[index] == name
    if webxr is not None:
        assert webxr == index - 1 and poses["webxr"].names[webxr] == webxr_name
        np.testing.assert_array_equal(poses["webxr"].positions[:, webxr], here)
        np.testing.assert_array_equal(
            poses["webxr"].orientations[:, webxr], poses["openxr"].orientations[:, index]
        )
    assert poses["unity"].names[unity].upper() == name.replace("_", "")
    np.testing.assert_array_equal(poses["unity"].positions[:, unity], here)
    if isinstance(mano, int):
        np.testing.assert_array_equal(forward(hand, params).joints[:, mano], here)
        np.testing.assert_array_equal(poses["mano"].positions[:, mano], here)
    if mediapipe is not None:
        np.testing.assert_array_equal(poses["mediapipe"].positions[:, mediapipe], here)


def test_counts_and_names() -> None:
    assert {name: len(found.names) for name, found in LAYOUTS.items()} == {
        "mano": 21,
        "openxr": 26,
        "webxr": 25,
        "unity": 26,
        "mediapipe": 21,
    }
    for found in LAYOUTS.values():
        assert len(set(found.names)) == len(found.names) == len(found.parents) == len(found.radii)
    media = LAYOUTS["mediapipe"]
    assert (
        media.names[0] == "WRIST" and media.names[5] == "INDEX_FINGER_MCP" and media.names[17] == "PINKY_MCP"
    )
    # The permutation in use by HaMeR and manotorch.
    wanted = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)
    assert media.sources == wanted


def test_parents_make_one_tree_down_each_finger() -> None:
    for name, found in LAYOUTS.items():
        assert found.parents.count(-1) == 1, name
        assert found.sources[found.parents.index(-1)] == 0, "the wrist is the root"
        for joint in range(len(found.parents)):
            seen = {joint}
            while found.parents[joint] >= 0:
                joint = found.parents[joint]
                assert joint not in seen
                seen.add(joint)
    webxr = LAYOUTS["webxr"]
    for joint, name in enumerate(webxr.names[1:], start=1):
        above = 0 if name.endswith("metacarpal") else joint - 1
        assert webxr.parents[joint] == above, name


@pytest.mark.parametrize("side", SIDES)
def test_rest_axes_are_those_of_openxr(side: str) -> None:
    poses = joint_poses(neutral_hand(side), rest().astype(np.float64), "openxr")
    axes = matrix_from_quaternion(poses.orientations)
    found = LAYOUTS["openxr"]
    for joint in range(26):
        assert np.linalg.det(axes[joint]) == pytest.approx(1)
        if found.names[joint].endswith("TIP"):
            np.testing.assert_allclose(axes[joint], axes[found.parents[joint]], atol=1e-12)
            continue
        following = {0: 12, 1: 11}.get(joint, joint + 1)
        bone = poses.positions[following] - poses.positions[joint]
        miss = np.arccos(np.clip(-axes[joint][:, 2] @ bone / np.linalg.norm(bone), -1, 1))
        # arccos itself resolves no better than 1e-8 near zero; 1e-4 is what the convention asks.
        assert miss < 1e-4, found.names[joint]
        assert axes[joint][1, 1] > 0.2, f"{found.names[joint]}: +Y must look out of the back of the hand"


@pytest.mark.parametrize("side", SIDES)
def test_bind_rotations_turn_with_the_joints(side: str) -> None:
    hand, params = neutral_hand(side), random_params(4).astype(np.float64)
    pose, poses = forward(hand, params), joint_poses(hand, params, "mano")
    axes = matrix_from_quaternion(poses.orientations)
    np.testing.assert_allclose(axes[:, :16], pose.rotations @ bind_rotations(hand), atol=1e-9)
    # Whatever the pose, a bone points where its -Z says.
    for joint in (1, 2, 4, 8, 11, 13, 14):
        bone = pose.joints[:, joint + 1] - pose.joints[:, joint]
        cosine = -(axes[:, joint, :, 2] * bone).sum(-1) / np.linalg.norm(bone, axis=-1)
        np.testing.assert_allclose(cosine, 1, atol=1e-9)


def test_bind_axes_follow_the_source_model() -> None:
    """Near the rule M_side times a small turn: M_right is 90 degrees about Y, M_left is -90."""
    for hand, angle in zip(neutral_hands(), (-np.pi / 2, np.pi / 2), strict=True):
        half = angle / 2
        side = matrix_from_quaternion([0, np.sin(half), 0, np.cos(half)])
        for joint, matrix in enumerate(bind_rotations(hand)[:13]):
            turn = np.arccos(np.clip((np.trace(side.T @ matrix) - 1) / 2, -1, 1))
            assert np.degrees(turn) < 25, joint


def test_flexion_turns_about_minus_x() -> None:
    for hand in neutral_hands():
        np.testing.assert_allclose(flexion_axes(hand)[:, 0], -bind_rotations(hand)[1:, :, 0], atol=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_palm_and_metacarpals(side: str) -> None:
    hand, params = neutral_hand(side), random_params(5)
    poses = joint_poses(hand, params, "openxr")
    names = {name: k for k, name in enumerate(poses.names)}
    here = poses.positions
    palm, middle = names["PALM"], names["MIDDLE_METACARPAL"]
    np.testing.assert_allclose(here[:, palm], (here[:, middle] + here[:, middle + 1]) / 2, atol=1e-7)
    np.testing.assert_array_equal(poses.orientations[:, palm], poses.orientations[:, middle])
    for finger, fraction in METACARPALS.items():
        joint = names[f"{finger.upper()}_METACARPAL"]
        along = here[:, 1] + fraction * (here[:, joint + 1] - here[:, 1])
        np.testing.assert_allclose(here[:, joint], along, atol=1e-6)


def test_metacarpals_lie_where_the_source_model_has_them() -> None:
    with (
        files("clutch_rt").joinpath("assets/neutral_hand.npz").open("rb") as stream,
        np.load(stream) as stored,
    ):
        theirs = stored["metacarpals"]
    poses = joint_poses(neutral_hand("right"), rest(), "openxr")
    for k, (finger, fraction) in enumerate(METACARPALS.items()):
        knuckle = poses.positions[poses.names.index(f"{finger.upper()}_PROXIMAL")]
        assert theirs[k] @ knuckle / (knuckle @ knuckle) == pytest.approx(fraction, abs=0.011), finger
        ours = poses.positions[poses.names.index(f"{finger.upper()}_METACARPAL")]
        # The model's metacarpals lie 3 to 7 mm beside the line from wrist to knuckle.
        assert np.linalg.norm(ours - theirs[k]) < 0.0075, finger


def test_radii_are_near_the_skin() -> None:
    hand = neutral_hand("right")
    poses = joint_poses(hand, rest(), "openxr")
    assert poses.radii.dtype == np.float32 and (poses.radii > 0.003).all() and (poses.radii < 0.025).all()
    corners = hand.vertices[hand.faces]
    skin = np.concatenate([corners.reshape(-1, 3), corners.mean(axis=1)])
    for joint, radius in enumerate(poses.radii):
        nearest = np.linalg.norm(skin - poses.positions[joint], axis=1).min()
        # The table was measured to the surface; vertices and face centres lie up to 2 mm farther.
        assert radius - 0.0002 < nearest < radius + 0.002, poses.names[joint]


def test_mirrored_motion_gives_mirrored_joints() -> None:
    left, right = neutral_hands()
    params = random_params(6).astype(np.float64)
    for name in LAYOUTS:
        one, other = joint_poses(right, params, name), joint_poses(left, mirror_hand(params), name)
        np.testing.assert_allclose(other.positions, one.positions * [-1, 1, 1], atol=1e-9)
        # A reflected quaternion is (x, -y, -z, w).
        np.testing.assert_allclose(other.orientations, one.orientations * [1, -1, -1, 1], atol=1e-6)


def test_shapes_and_unknown_layout() -> None:
    poses = joint_poses(neutral_hand("left"), random_params(2, 3), "webxr")
    assert poses.positions.shape == (2, 3, 25, 3) and poses.orientations.shape == (2, 3, 25, 4)
    assert poses.positions.dtype == poses.orientations.dtype == np.float32
    with pytest.raises(InputError, match="openxr"):
        joint_poses(neutral_hand("left"), rest(), "unreal")
