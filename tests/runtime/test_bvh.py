"""The .bvh: read back by the rules of the format, every joint is where the motion has it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import pytest
from clutch_rt.formats.bvh import euler_zxy
from clutch_rt.motion import Motion
from clutch_rt.rotations import matrix_from_axis_angle
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_motion import tumbling_motion

# Six decimals of a degree and of a centimetre, down five bones.
TOLERANCE = 1e-6
AXES = {"X": [1.0, 0, 0], "Y": [0, 1.0, 0], "Z": [0, 0, 1.0]}


@dataclass
class Joint:
    """One joint of a BVH hierarchy."""

    name: str
    parent: int
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[str] = field(default_factory=list)


def parse(data: bytes) -> tuple[list[Joint], np.ndarray, float]:
    """Joints (end sites included), values ``(T, C)`` and seconds per frame of a BVH."""
    head, tail = data.decode("ascii").split("MOTION\n")
    joints: list[Joint] = []
    open_joints = [-1]
    for line in head.splitlines()[1:]:
        words = line.split()
        if words[0] in {"ROOT", "JOINT", "End"}:
            joints.append(Joint(words[1], open_joints[-1]))
        elif words[0] == "{":
            open_joints.append(len(joints) - 1)
        elif words[0] == "}":
            open_joints.pop()
        elif words[0] == "OFFSET":
            joints[-1].offset = np.array(words[1:], dtype=float)
        elif words[0] == "CHANNELS":
            joints[-1].channels = words[2:]
            assert int(words[1]) == len(words) - 2
    lines = tail.splitlines()
    values = np.array([line.split() for line in lines[2:]], dtype=float)
    assert int(lines[0].removeprefix("Frames: ")) == len(values)
    return joints, values, float(lines[1].removeprefix("Frame Time: "))


def positions(joints: list[Joint], row: np.ndarray, added: bool) -> list[np.ndarray]:
    """Where the joints are, with position channels added to OFFSET or taking its place, as readers differ."""
    values = iter(row)
    places: list[np.ndarray] = []
    turns: list[np.ndarray] = []
    for joint in joints:
        move, turn, moved = np.zeros(3), np.eye(3), False
        for channel in joint.channels:
            value = next(values)
            if channel.endswith("position"):
                move["XYZ".index(channel[0])] = value
                moved = True
            else:
                turn = turn @ matrix_from_axis_angle(np.radians(value) * np.array(AXES[channel[0]]))
        offset = joint.offset + move if added or not moved else move
        above = (np.zeros(3), np.eye(3)) if joint.parent < 0 else (places[joint.parent], turns[joint.parent])
        places.append(above[0] + above[1] @ offset)
        turns.append(above[1] @ turn)
    assert next(values, None) is None
    return places


def written(motion: Motion) -> bytes:
    stream = io.BytesIO()
    motion.save(stream, format="bvh")
    return stream.getvalue()


@pytest.mark.parametrize("added", [True, False])
def test_every_joint_is_where_the_motion_has_it(added: bool) -> None:
    motion = tumbling_motion()
    joints, values, seconds = parse(written(motion))
    assert seconds == pytest.approx(1 / 30, abs=1e-9)
    assert len(values) == len(motion)
    ours = motion.joints("webxr")
    for frame in (0, 9, 23):
        places = positions(joints, values[frame], added)
        checked = 0
        for index, joint in enumerate(joints[1:], start=1):
            # An end site is the tip of the finger whose distal joint it hangs from.
            end = joint.name == "Site"
            name = joints[joint.parent].name if end else joint.name
            side = ("_L", "_R").index(name[-2:])
            plain = name[:-2].replace("phalanx-distal", "tip") if end else name[:-2]
            expected = ours.positions[frame, side, ours.names.index(plain)]
            np.testing.assert_allclose(places[index] / 100, expected, atol=TOLERANCE)
            checked += 1
        assert checked == 50


def test_one_root_with_both_wrists() -> None:
    joints, _, _ = parse(written(tumbling_motion(1)))
    assert joints[0].name == "Hands" and joints[0].parent == -1
    wrists = [joint for joint in joints if joint.parent == 0]
    assert [joint.name for joint in wrists] == ["wrist_L", "wrist_R"]
    assert all(len(joint.channels) == 6 and not joint.offset.any() for joint in wrists)


def test_angles_do_not_jump() -> None:
    motion = tumbling_motion(120, fps=30)
    _, values, _ = parse(written(motion))
    # The wrists spin at most 7 radians in 4 seconds; near gimbal lock Euler angles move faster than that, but
    # a wrapped or flipped angle would jump by half a turn.
    assert np.abs(np.diff(values, axis=0)).max() < 90


def rebuilt(angles: np.ndarray) -> np.ndarray:
    z, x, y = (matrix_from_axis_angle(angles[..., [k]] * np.array(AXES[a])) for k, a in enumerate("ZXY"))
    return z @ x @ y


@given(seed=st.integers(0, 2**31), locked=st.booleans())
@settings(max_examples=50)
def test_euler_angles_give_the_rotation_back(seed: int, locked: bool) -> None:
    rng = np.random.default_rng(seed)
    angles = rng.uniform(-np.pi, np.pi, (6, 4, 3))
    if locked:  # the middle angle exactly at, or within rounding of, a right angle
        angles[..., 1] = rng.choice([-1, 1], (6, 4)) * (
            np.pi / 2 + rng.choice([0, 1e-12, 1e-7, 1e-4], (6, 4))
        )
    matrices = rebuilt(angles)
    # At the lock itself an angle below 1e-7 is dropped.
    np.testing.assert_allclose(rebuilt(euler_zxy(matrices)), matrices, atol=3e-7)


def test_other_rates_are_written_as_they_are() -> None:
    for fps in (24.0, 59.94, 120.0):
        _, _, seconds = parse(written(tumbling_motion(3, fps)))
        assert seconds == pytest.approx(1 / fps, rel=1e-8)
