"""The .usda: read back by a small reader of our own, and by Pixar's USD where that is installed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clutch_rt.hand import neutral_hands
from clutch_rt.motion import Motion
from clutch_rt.rotations import matrix_from_quaternion
from sample_motion import tumbling_motion

# Nine digits of a float32, down five bones.
TOLERANCE = 1e-6
NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"


def numbers(text: str, width: int) -> np.ndarray:
    return np.array(re.findall(NUMBER, text), dtype=float).reshape(-1, width)


def sample(text: str, name: str, frame: int, width: int) -> np.ndarray:
    block = text[text.index(f"{name}.timeSamples") :]
    found = re.search(rf"^\s+{frame}: \[(.*)\],$", block, re.MULTILINE)
    assert found is not None
    return numbers(found[1], width)


def written(motion: Motion, path: Path) -> str:
    motion.save(path)
    return path.read_text(encoding="utf-8")


def test_joints_are_where_the_motion_has_them(tmp_path: Path) -> None:
    motion = tumbling_motion()
    text = written(motion, tmp_path / "a.usda")
    listed = re.search(r"uniform token\[\] joints = \[(.*)\]", text)
    assert listed is not None
    paths = [path.strip('" ') for path in listed[1].split(",")]
    assert len(paths) == 50 and "wrist_L/thumb_metacarpal_L/thumb_phalanx_proximal_L" in paths
    ours = motion.joints("webxr")
    for frame in (0, 11, 23):
        moves = sample(text, "translations", frame, 3)
        turns = matrix_from_quaternion(sample(text, "rotations", frame, 4)[:, [1, 2, 3, 0]])
        world: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for index, path in enumerate(paths):
            place, turn = world.get(path.rpartition("/")[0], (np.zeros(3), np.eye(3)))
            world[path] = place + turn @ moves[index], turn @ turns[index]
            expected = ours.positions[frame, index // 25, index % 25]
            np.testing.assert_allclose(world[path][0], expected, atol=TOLERANCE)


def test_time_and_origin_are_told(tmp_path: Path) -> None:
    text = written(Motion(tumbling_motion().frames, 24.0, 'say "hi"\n\\ 你好', 5), tmp_path / "a.usda")
    for line in (
        "timeCodesPerSecond = 24",
        "endTimeCode = 23",
        'upAxis = "Y"',
        "metersPerUnit = 1",
        r'string text = "say \"hi\" \\ 你好"',
        'string seed = "5"',
    ):
        assert line in text


def test_a_hand_without_a_skin_is_a_moving_skeleton(tmp_path: Path) -> None:
    left, right = (
        replace(hand, vertices=hand.vertices[:0], faces=hand.faces[:0], weights=hand.weights[:0])
        for hand in neutral_hands()
    )
    text = written(replace(tumbling_motion(2), hands=(left, right)), tmp_path / "a.usda")
    assert "def Mesh" not in text and "def SkelAnimation" in text


def test_usd_itself_poses_the_same_hands(tmp_path: Path) -> None:
    usd = pytest.importorskip("pxr.Usd", reason="usd-core is not installed")
    skel = pytest.importorskip("pxr.UsdSkel")
    motion = tumbling_motion(text='say "hi" \\ 你好')
    motion.save(tmp_path / "a.usda")
    stage = usd.Stage.Open(str(tmp_path / "a.usda"))
    assert stage.GetRootLayer().customLayerData["text"] == motion.text
    assert stage.GetTimeCodesPerSecond() == 30 and stage.GetEndTimeCode() == 23
    cache = skel.Cache()
    cache.Populate(skel.Root(stage.GetPrimAtPath("/Hands")), usd.PrimDefaultPredicate)
    query = cache.GetSkelQuery(skel.Skeleton(stage.GetPrimAtPath("/Hands/Skeleton")))
    assert query.GetTopology().Validate()[0]
    vertices = motion.vertices()
    for frame in (0, 11, 23):
        time = usd.TimeCode(frame)
        places = np.array(query.ComputeJointSkelTransforms(time))[:, 3, :3].reshape(2, 25, 3)
        np.testing.assert_allclose(places, motion.joints("webxr").positions[frame], atol=TOLERANCE)
        for side, name in enumerate(("LeftHand", "RightHand")):
            prim = stage.GetPrimAtPath(f"/Hands/{name}")
            points = prim.GetAttribute("points").Get()
            turns = query.ComputeSkinningTransforms(time)
            assert cache.GetSkinningQuery(prim).ComputeSkinnedPoints(turns, points, time)
            np.testing.assert_allclose(np.array(points), vertices[frame, side], atol=TOLERANCE)
