"""The files open in other people's programs, and show there exactly what we mean."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clutch_rt.motion import Motion
from sample_motion import TOOLS, grasping_motion, node_modules, tumbling_motion

# Those programs count in float32 like the file, which half a metre away is far below this.
TOLERANCE = 1e-5
SUFFIXES = ("_L", "_R")


def joint_error(
    found: dict[str, list[float]], motion: Motion, frame: int, suffixes: tuple[str, ...]
) -> float:
    """Largest distance in metres between named joints found elsewhere and ours."""
    joints = motion.joints("webxr")
    ours = {
        name + suffix: joints.positions[frame, side, index]
        for side, suffix in enumerate(suffixes)
        for index, name in enumerate(joints.names)
        if name + suffix in found
    }
    assert len(ours) >= 20 * len(suffixes)  # BVH has no joints for the tips
    return max(float(np.linalg.norm(np.subtract(found[name], ours[name]))) for name in ours)


def skin_error(found: dict[str, list[list[float]]], motion: Motion, frame: int) -> float:
    """Largest distance in metres between the skins found elsewhere and ours."""
    vertices = motion.vertices()[frame]
    return max(
        float(np.abs(np.subtract(found[name], vertices[side])).max())
        for side, name in enumerate(("LeftHand", "RightHand"))
    )


def three(tmp_path: Path, file: Path, seconds: float, *extra: str) -> dict[str, Any]:
    """What three.js in headless Chromium makes of a .glb."""
    modules = node_modules("three", "playwright-core")
    chromium = os.environ.get("CLUTCH_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium is installed (set CLUTCH_CHROMIUM)")
    script = [str(TOOLS / "threejs_view.mjs"), str(modules), chromium]
    arguments = [str(file), str(seconds), str(tmp_path / "three.png"), *extra]
    done = subprocess.run(
        ["node", *script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def blender(file: Path, fps: float) -> dict[str, Any]:
    """What Blender makes of a .glb or .bvh."""
    program = shutil.which("blender")
    if program is None:
        pytest.skip("blender is not installed")
    command = [program, "--background", "--factory-startup", "--python-exit-code", "3"]
    command += ["--python", str(TOOLS / "blender_import.py"), "--", str(file), str(fps)]
    environment = {**os.environ, "CLUTCH_NUMPY": str(Path(np.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    lines = done.stdout.splitlines()
    for line in lines:
        if line.startswith("SKIP "):
            pytest.skip(line[5:])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    report: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("REPORT "))[7:])
    return report


def test_three_js_plays_the_glb(tmp_path: Path) -> None:
    motion = grasping_motion()
    motion.save(tmp_path / "a.glb")
    # Between the keys of frames 30 and 31, where the player interpolates: frame 61 at twice the rate. Joints
    # turn locally in the file as they do here; its axes are OpenXR's, which is the same turn in other words.
    report = three(tmp_path, tmp_path / "a.glb", 30.5 / 30)
    twice = motion.resample(60)
    assert report["complaints"] == []
    assert report["duration"] == pytest.approx(59 / 30)
    assert report["asset"]["extras"]["text"] == motion.text
    assert len(report["bones"]) == 50
    assert joint_error(report["bones"], twice, 61, SUFFIXES) < TOLERANCE
    assert skin_error(report["skins"], twice, 61) < TOLERANCE
    assert (tmp_path / "three.png").stat().st_size > 5000  # an empty page is smaller


def test_three_js_hand_model_takes_the_flat_style(tmp_path: Path) -> None:
    motion = grasping_motion()
    motion.save(tmp_path / "left.glb", flat=True, hand="left")
    report = three(tmp_path, tmp_path / "left.glb", 1.0, "left")
    assert report["complaints"] == []
    assert report["handModel"] == list(motion.joints("webxr").names)
    assert joint_error(report["bones"], motion, 30, ("",)) < TOLERANCE


def test_blender_imports_the_glb_as_one_armature_with_one_action(tmp_path: Path) -> None:
    motion = tumbling_motion(40)
    motion.save(tmp_path / "a.glb")
    report = blender(tmp_path / "a.glb", motion.fps)
    (armature,) = report["armatures"]
    assert armature["name"] == "Hands" and len(armature["bones"]) == 50
    assert report["parents"]["index-finger-tip_L"] == "index-finger-phalanx-distal_L"
    assert report["parents"]["wrist_R"] is None
    assert list(report["actions"].values()) == [[0, 39]]
    vertices = len(motion.hands[0].vertices)
    assert report["meshes"] == {"LeftHand": vertices, "RightHand": vertices}
    for frame, moment in report["moments"].items():
        assert joint_error(moment["heads"], motion, int(frame), SUFFIXES) < TOLERANCE
        assert skin_error(moment["skins"], motion, int(frame)) < TOLERANCE


def test_blender_imports_the_bvh_with_every_joint_in_place(tmp_path: Path) -> None:
    motion = tumbling_motion(40)
    motion.save(tmp_path / "a.bvh")
    report = blender(tmp_path / "a.bvh", motion.fps)
    (armature,) = report["armatures"]
    assert len(armature["bones"]) == 41  # the root and twice twenty joints
    ((first, last),) = report["actions"].values()
    assert last - first == 39
    for frame, moment in report["moments"].items():
        # Blender numbers a BVH's first frame 1.
        assert joint_error(moment["heads"], motion, int(frame) - round(first), SUFFIXES) < TOLERANCE
