"""Motions for the tests of motions and files, and where the optional tools of those tests are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from clutch_rt.hand import neutral_hands
from clutch_rt.joints import flexion_axes
from clutch_rt.layout import HAND_SIZE
from clutch_rt.motion import Motion
from clutch_rt.rotations import matrix_from_axis_angle, sixd_from_matrix

TOOLS = Path(__file__).parents[1] / "tools"


def tumbling_motion(
    frames: int = 24, fps: float = 30.0, seed: int = 3, text: str | None = "tumble about"
) -> Motion:
    """Both hands turn all the way round while every joint bends about its own axis: nothing stays special."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / max(frames - 1, 1)
    values = np.zeros((frames, 2, HAND_SIZE))
    # The wrists pass through every quadrant, so quaternions change sign and Euler angles wrap.
    spin = rng.normal(size=(1, 2, 3)) + time * rng.uniform(3.0, 7.0, (1, 2, 1)) * _units(rng, (1, 2, 3))
    values[..., 0:6] = sixd_from_matrix(matrix_from_axis_angle(spin))
    values[..., 6:9] = [[-0.15, -0.3, -0.4], [0.15, -0.3, -0.4]] + 0.1 * np.sin(
        6 * time + rng.normal(size=(2, 3))
    )
    bend = 0.5 * np.sin(5 * time[..., None] + rng.normal(size=(2, 15, 3)))
    values[..., 9:] = sixd_from_matrix(matrix_from_axis_angle(bend)).reshape(frames, 2, 90)
    return Motion(values, fps, text, seed)


def grasping_motion(frames: int = 60, fps: float = 30.0) -> Motion:
    """Hands before the viewer, palms down, that close and open; something to look at."""
    time = np.arange(frames) / fps
    values = np.zeros((frames, 2, HAND_SIZE))
    for side, hand in enumerate(neutral_hands()):
        sign = 2 * side - 1
        phase = 2 * np.pi * 0.8 * time + side
        turn = np.stack([0.3 * np.sin(phase), 0 * phase, 0.2 * np.cos(phase)], axis=-1)
        forward = matrix_from_axis_angle([0.0, -sign * np.pi / 2, 0.0])
        values[:, side, 0:6] = sixd_from_matrix(matrix_from_axis_angle(turn) @ forward)
        values[:, side, 6:9] = [sign * 0.13, -0.3, -0.4] + 0.03 * np.stack(
            [0 * phase, np.sin(phase), 0 * phase], -1
        )
        angle = 0.6 - 0.5 * np.cos(phase)
        axes = flexion_axes(hand)[:, 0]
        values[:, side, 9:] = sixd_from_matrix(matrix_from_axis_angle(angle[:, None, None] * axes)).reshape(
            frames, 90
        )
    return Motion(values, fps, "squeeze with both hands", 1)


def _units(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    vectors = rng.normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def node_modules(*packages: str) -> Path:
    """The folder of npm packages, from CLUTCH_NODE_MODULES or ./node_modules; skips the test without them."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    folder = Path(os.environ.get("CLUTCH_NODE_MODULES") or Path(__file__).parents[2] / "node_modules")
    missing = [package for package in packages if not (folder / package).is_dir()]
    if missing:
        pytest.skip(f"npm packages {', '.join(missing)} are not in {folder} (set CLUTCH_NODE_MODULES)")
    return folder
