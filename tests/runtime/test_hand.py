"""The neutral hand: a flat open hand in MANO's order and axes, whose fingers bend the way fingers do."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from clutch_rt.anatomy import JOINT_NAMES, PARENTS, TIP_NAMES, TIP_PARENTS
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.hand import (
    Hand,
    bind_rotations,
    flexion_axes,
    forward,
    mirrored,
    neutral_hand,
    neutral_hands,
    skin,
    two_hand_joints,
)
from clutch_rt.layout import HAND_SIZE, mirror_hand
from clutch_rt.rotations import Array, matrix_from_6d, matrix_from_axis_angle, sixd_from_matrix

SIDES = ("left", "right")
KNUCKLES = {"index": 1, "middle": 4, "pinky": 7, "ring": 10}
TIP = {"thumb": 16, "index": 17, "middle": 18, "ring": 19, "pinky": 20}


def rest() -> Array:
    """The identity pose with the wrist at the origin."""
    params = np.zeros(HAND_SIZE, np.float32)
    params[0:6] = (1, 0, 0, 0, 1, 0)
    params[9:] = np.tile([1, 0, 0, 0, 1, 0], 15)
    return params


def bent(hand: Hand, turns: dict[int, tuple[float, float, float]]) -> Array:
    """A pose from degrees of flexion, abduction and twist at some joints."""
    params = rest()
    for joint, degrees in turns.items():
        matrix = np.eye(3)
        for axis, angle in zip(flexion_axes(hand)[joint - 1], degrees, strict=True):
            matrix = matrix @ matrix_from_axis_angle(np.radians(angle) * axis)
        params[9 + 6 * (joint - 1) : 9 + 6 * joint] = sixd_from_matrix(matrix)
    return params


def random_params(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(*shape, HAND_SIZE)).astype(np.float32)


def test_rest_is_a_flat_open_right_hand_in_mano_axes() -> None:
    joints = forward(neutral_hand("right"), rest()).joints
    np.testing.assert_allclose(joints[0], 0, atol=1e-7)
    for finger, knuckle in KNUCKLES.items():
        chain = joints[[knuckle, knuckle + 1, knuckle + 2, TIP[finger]]]
        steps = np.diff(chain, axis=0)
        assert (steps[:, 0] < 0).all(), "fingers point to -X"
        np.testing.assert_allclose(steps[:, 1], 0, atol=1e-6, err_msg="a flat hand lies level")
        straight = steps / np.linalg.norm(steps, axis=1, keepdims=True)
        np.testing.assert_allclose(straight, straight[[0]] * np.ones((3, 1)), atol=1e-5)
    assert joints[13, 2] > 0 and joints[16, 2] > joints[17, 2], "the thumb is on the +Z side"
    across = [joints[KNUCKLES[finger], 2] for finger in ("index", "middle", "ring", "pinky")]
    assert across == sorted(across, reverse=True)


def test_the_size_is_a_hand() -> None:
    hand = neutral_hand("right")
    to_knuckle = {f: 1000 * float(np.linalg.norm(hand.rest_joints[k])) for f, k in KNUCKLES.items()}
    # What the source model measures in its own bind pose, millimetres; straightening must not move knuckles.
    for finger, wanted in {"index": 92, "middle": 92, "ring": 87, "pinky": 83}.items():
        assert to_knuckle[finger] == pytest.approx(wanted, abs=1)
    assert 0.17 < np.ptp(hand.vertices[:, 0]) < 0.25


def test_names_and_tree() -> None:
    assert JOINT_NAMES[7] == "pinky_1" and JOINT_NAMES[10] == "ring_1" and JOINT_NAMES[13] == "thumb_1"
    assert TIP_NAMES == ("thumb_tip", "index_tip", "middle_tip", "ring_tip", "pinky_tip")
    assert tuple(PARENTS) == (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
    assert [JOINT_NAMES[p].split("_")[0] for p in TIP_PARENTS] == [t.split("_")[0] for t in TIP_NAMES]


@pytest.mark.parametrize("side", SIDES)
def test_the_skin_is_sound(side: str) -> None:
    hand = neutral_hand(side)
    assert (hand.weights >= 0).all()
    assert ((hand.weights > 0).sum(axis=1) <= 4).all(), "glTF clients may ignore more than four"
    np.testing.assert_allclose(hand.weights.sum(axis=1), 1, atol=1e-6)
    assert hand.faces.min() == 0 and hand.faces.max() == len(hand.vertices) - 1
    edges = np.sort(
        np.concatenate([hand.faces[:, [0, 1]], hand.faces[:, [1, 2]], hand.faces[:, [2, 0]]]), axis=1
    )
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all(), "a closed surface"
    a, b, c = (hand.vertices[hand.faces[:, k]].astype(np.float64) for k in range(3))
    volume = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
    assert 2e-4 < volume < 6e-4, "faces look outwards, and it is a third of a litre of hand"


@pytest.mark.parametrize("side", SIDES)
def test_skin_follows_the_bones(side: str) -> None:
    hand = neutral_hand(side)
    np.testing.assert_allclose(skin(hand, rest()), hand.vertices, atol=1e-6)
    fist = bent(hand, dict.fromkeys(range(1, 13), (80, 0, 0)))
    vertices, pose = skin(hand, fist), forward(hand, fist)
    # A vertex that belongs to one bone alone keeps its place on that bone.
    for joint in range(16):
        alone = hand.weights[:, joint] > 0.9999
        local = (vertices[alone] - pose.joints[joint]) @ pose.rotations[joint]
        np.testing.assert_allclose(local, hand.vertices[alone] - hand.rest_joints[joint], atol=2e-5)
    assert (hand.weights.argmax(axis=1)[:, None] == np.arange(16)).any(axis=0).all()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("finger", list(KNUCKLES))
@pytest.mark.parametrize("degrees", [5, 45, 80])
def test_flexion_moves_the_tips_to_the_palm(side: str, finger: str, degrees: float) -> None:
    hand = neutral_hand(side)
    for joint in range(KNUCKLES[finger], KNUCKLES[finger] + 3):
        tip = forward(hand, bent(hand, {joint: (degrees, 0, 0)})).joints[TIP[finger]]
        assert tip[1] < forward(hand, rest()).joints[TIP[finger], 1] - 1e-4
        up = forward(hand, bent(hand, {joint: (-degrees, 0, 0)})).joints[TIP[finger]]
        assert up[1] > forward(hand, rest()).joints[TIP[finger], 1] + 1e-4


@pytest.mark.parametrize("side", SIDES)
def test_a_fist_closes(side: str) -> None:
    hand = neutral_hand(side)
    joints = forward(hand, bent(hand, dict.fromkeys(range(1, 13), (85, 0, 0)))).joints
    for finger, knuckle in KNUCKLES.items():
        palm = 0.6 * hand.rest_joints[knuckle]
        # The palm's skin lies some 20 mm under its bones, and a fingertip is 6 mm thick.
        assert np.linalg.norm(joints[TIP[finger]] - palm) < 0.05, finger
    gaps = np.diff(joints[[TIP[f] for f in ("index", "middle", "ring", "pinky")]][:, 2])
    assert (gaps < 0).all(), "the fingertips keep their order"


@pytest.mark.parametrize("side", SIDES)
def test_the_thumb_curls_across_the_palm_and_opposes(side: str) -> None:
    hand = neutral_hand(side)
    start = forward(hand, rest()).joints
    for joint in (13, 14, 15):
        tip = forward(hand, bent(hand, {joint: (40, 0, 0)})).joints[16]
        assert tip[2] < start[16, 2] - 0.003, "towards the little finger's side"
    folded = forward(hand, bent(hand, {13: (40, 0, 0), 14: (40, 0, 0), 15: (60, 0, 0)})).joints
    assert folded[16, 2] < start[1, 2], "past the index knuckle"
    assert folded[16, 1] < folded[4, 1], "on the palm's side"
    lifted = forward(hand, bent(hand, {13: (0, 30, 0)})).joints
    assert lifted[16, 1] < start[16, 1] - 0.02, "abduction leads the thumb away from the palm"
    pinch = {1: (50, 0, 0), 2: (45, 0, 0), 3: (30, 0, 0), 13: (20, 25, 0), 14: (15, 0, 0), 15: (15, 0, 0)}
    joints = forward(hand, bent(hand, pinch)).joints
    assert np.linalg.norm(joints[16] - joints[17]) < 0.03


@pytest.mark.parametrize("side", SIDES)
def test_abduction_spreads_from_the_middle_finger(side: str) -> None:
    hand = neutral_hand(side)
    start = forward(hand, rest()).joints
    for finger in ("index", "ring", "pinky"):
        tips = forward(hand, bent(hand, {KNUCKLES[finger]: (0, 15, 0)})).joints
        before = np.linalg.norm(start[TIP[finger]] - start[18])
        assert np.linalg.norm(tips[TIP[finger]] - start[18]) > before + 0.005, finger
    assert forward(hand, bent(hand, {4: (0, 15, 0)})).joints[18, 2] > start[18, 2] + 0.005


@pytest.mark.parametrize("side", SIDES)
def test_twist_turns_the_nail_to_the_thumb_side(side: str) -> None:
    hand = neutral_hand(side)
    bind = bind_rotations(hand)
    for knuckle in KNUCKLES.values():
        pose = forward(hand, bent(hand, {knuckle: (0, 0, 20)}))
        assert (pose.rotations[knuckle] @ bind[knuckle])[2, 1] > bind[knuckle][2, 1] + 0.1


def test_flexion_axes_are_orthonormal_and_mirror_each_other() -> None:
    left, right = (flexion_axes(hand) for hand in neutral_hands())
    np.testing.assert_allclose(right @ right.swapaxes(-1, -2), np.tile(np.eye(3), (15, 1, 1)), atol=1e-6)
    # An axis of rotation is reflected as (x, -y, -z), as MANO's rotation vectors are.
    np.testing.assert_allclose(left, right * np.array([1, -1, -1]), atol=1e-6)


def test_left_is_the_mirror_image_of_right() -> None:
    left, right = neutral_hands()
    params = random_params(5, 7)
    flip = np.array([-1, 1, 1], np.float32)
    there = mirror_hand(params)
    # The same float32 operations with signs changed: only the order of sums can differ.
    np.testing.assert_allclose(forward(left, there).joints, forward(right, params).joints * flip, atol=1e-6)
    np.testing.assert_allclose(skin(left, there), skin(right, params) * flip, atol=1e-6)
    back = mirrored(left)
    for name in ("rest_joints", "rest_tips", "vertices", "faces", "weights", "hinges"):
        np.testing.assert_array_equal(getattr(back, name), getattr(right, name), err_msg=name)


def test_forward_is_a_chain_of_transforms() -> None:
    """The vectorised levels against the textbook loop, on one pose at a time."""
    hand = neutral_hand("right")
    params = random_params(4)
    poses = forward(hand, params)
    for k in range(4):
        local = matrix_from_6d(np.concatenate([params[k, :6], params[k, 9:]]).reshape(16, 6))
        rotation, place = {0: local[0]}, {0: params[k, 6:9]}
        for joint in range(1, 16):
            above = PARENTS[joint]
            rotation[joint] = rotation[above] @ local[joint]
            place[joint] = place[above] + rotation[above] @ (
                hand.rest_joints[joint] - hand.rest_joints[above]
            )
        np.testing.assert_allclose(poses.joints[k, :16], np.stack([place[j] for j in range(16)]), atol=1e-6)
        np.testing.assert_allclose(poses.rotations[k], np.stack([rotation[j] for j in range(16)]), atol=1e-6)


def test_shapes_dtypes_and_both_hands() -> None:
    hand = neutral_hand("left")
    for leading in ((), (3,), (2, 0), (2, 3, 4)):
        params = random_params(*leading)
        pose = forward(hand, params)
        assert pose.joints.shape == (*leading, 21, 3) and pose.rotations.shape == (*leading, 16, 3, 3)
        assert pose.joints.dtype == np.float32
        assert skin(hand, params).shape == (*leading, len(hand.vertices), 3)
    assert forward(hand, random_params(2).astype(np.float64)).joints.dtype == np.float64
    frames = random_params(6, 2)
    joints = two_hand_joints(frames)
    assert joints.shape == (6, 2, 21, 3)
    np.testing.assert_array_equal(joints[:, 1], forward(neutral_hand("right"), frames[:, 1]).joints)


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="99"):
        forward(neutral_hand("left"), np.zeros((3, 98)))
    with pytest.raises(InputError, match="2, 99"):
        two_hand_joints(np.zeros((5, 99)))
    with pytest.raises(InputError, match="middle"):
        neutral_hand("middle")
    with pytest.raises(ValueError, match="read-only"):
        neutral_hand("left").vertices[0, 0] = 1


def test_the_committed_asset_is_what_the_script_makes() -> None:
    build = pytest.importorskip("export.hand_asset")
    root = Path(__file__).parents[2]
    modules = Path(os.environ.get("CLUTCH_NODE_MODULES", root / "node_modules"))
    if not (modules / build.PACKAGE).is_dir():
        pytest.skip(
            "@webxr-input-profiles/assets is not installed; npm install it or set CLUTCH_NODE_MODULES"
        )
    made = build.build(build.locate(modules)[0])
    with np.load(root / "runtime" / "clutch_rt" / "assets" / "neutral_hand.npz") as stored:
        assert set(stored.files) == set(made)
        for name in stored.files:
            np.testing.assert_allclose(stored[name], made[name], atol=1e-7, err_msg=name)
    licence = (root / "runtime" / "clutch_rt" / "assets" / build.LICENCE_FILE).read_text()
    assert "MIT License" in licence and "Amazon" in licence


def test_the_asset_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = pytest.importorskip("export.hand_asset")
    assert script.write(tmp_path, {"faces": np.arange(3)}, b"MIT").name == "neutral_hand.npz"

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(FileFormatError, match="No space left"):
        script.write(tmp_path, {"faces": np.arange(4)}, b"MIT")
    with np.load(tmp_path / "neutral_hand.npz") as stored:
        np.testing.assert_array_equal(stored["faces"], np.arange(3))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["neutral_hand.npz", script.LICENCE_FILE])
