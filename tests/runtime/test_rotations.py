"""Rotations: every form goes round and comes back, at every angle, and agrees with scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from clutch_rt import rotations as R
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

# Float64 work: what remains is rounding, a few thousand times 2e-16 near half turns.
EXACT = 1e-9
unit = st.floats(-1, 1)
axes = st.tuples(unit, unit, unit).filter(lambda v: np.linalg.norm(v) > 1e-3)
angles = st.one_of(
    st.floats(-np.pi, np.pi), st.sampled_from([0.0, 1e-12, 1e-7, 1e-4, np.pi / 2, np.pi - 1e-7, np.pi])
)


def vector(axis: Any, angle: float) -> np.ndarray:
    return np.asarray(axis) / np.linalg.norm(axis) * angle


def batch(count: int = 200, seed: int = 0) -> np.ndarray:
    """Random rotations and the awkward ones: none, tiny, half turns about each axis."""
    rng = np.random.default_rng(seed)
    half = np.concatenate([np.eye(3), -np.eye(3)]) * np.pi
    vectors = [rng.normal(0, 1.5, (count, 3)), np.zeros((1, 3)), half, rng.normal(0, 1e-7, (5, 3))]
    return Rotation.from_rotvec(np.concatenate(vectors)).as_matrix()


@given(axis=axes, angle=angles)
def test_axis_angle_agrees_with_scipy(axis: Any, angle: float) -> None:
    rotvec = vector(axis, angle)
    matrix = R.matrix_from_axis_angle(rotvec)
    np.testing.assert_allclose(matrix, Rotation.from_rotvec(rotvec).as_matrix(), atol=EXACT)
    np.testing.assert_allclose(R.matrix_from_axis_angle(R.axis_angle_from_matrix(matrix)), matrix, atol=EXACT)


@given(axis=axes, angle=angles)
def test_quaternions_come_back(axis: Any, angle: float) -> None:
    matrix = R.matrix_from_axis_angle(vector(axis, angle))
    quaternion = R.quaternion_from_matrix(matrix)
    assert abs(np.linalg.norm(quaternion) - 1) < EXACT
    assert quaternion[3] >= 0
    np.testing.assert_allclose(R.matrix_from_quaternion(quaternion), matrix, atol=EXACT)
    np.testing.assert_allclose(R.matrix_from_quaternion(-3 * quaternion), matrix, atol=EXACT)


@given(values=st.lists(st.floats(-10, 10), min_size=6, max_size=6))
def test_any_six_numbers_give_a_rotation(values: list[float]) -> None:
    first, second = np.array(values[:3]), np.array(values[3:])
    matrix = R.matrix_from_6d(values)
    assert np.isfinite(matrix).all()
    if np.linalg.norm(np.cross(first, second)) > 1e-3 * max(
        np.linalg.norm(first) * np.linalg.norm(second), 1e-3
    ):
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-8)
        assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-8)


def test_6d_is_the_first_two_columns() -> None:
    matrices = batch()
    sixd = R.sixd_from_matrix(matrices)
    np.testing.assert_array_equal(sixd[:, :3], matrices[:, :, 0])
    np.testing.assert_array_equal(sixd[:, 3:], matrices[:, :, 1])
    np.testing.assert_allclose(R.matrix_from_6d(sixd), matrices, atol=EXACT)
    np.testing.assert_allclose(R.matrix_from_6d(2.5 * sixd), matrices, atol=EXACT)


def test_leading_axes_and_dtype_are_kept() -> None:
    matrices = batch(41).reshape(-1, 1, 3, 3)[:51].reshape(3, 17, 3, 3)
    for dtype in (np.float32, np.float64):
        m = matrices.astype(dtype)
        for forth, back, width in (
            (R.sixd_from_matrix, R.matrix_from_6d, 6),
            (R.quaternion_from_matrix, R.matrix_from_quaternion, 4),
            (R.axis_angle_from_matrix, R.matrix_from_axis_angle, 3),
        ):
            values = forth(m)
            assert values.shape == (3, 17, width) and values.dtype == dtype
            assert back(values).dtype == dtype
            np.testing.assert_allclose(back(values), m, atol=2e-6 if dtype == np.float32 else EXACT)


@given(first=axes, one=angles, second=axes, two=angles, t=st.floats(0, 1))
def test_slerp_agrees_with_scipy(first: Any, one: float, second: Any, two: float, t: float) -> None:
    a = R.quaternion_from_matrix(R.matrix_from_axis_angle(vector(first, one)))
    b = R.quaternion_from_matrix(R.matrix_from_axis_angle(vector(second, two)))
    between = (Rotation.from_quat(a).inv() * Rotation.from_quat(b)).as_rotvec()
    wanted = Rotation.from_quat(a) * Rotation.from_rotvec(t * between)
    if np.linalg.norm(between) < np.pi - 1e-3:  # beyond, two ways are equally short
        np.testing.assert_allclose(R.matrix_from_quaternion(R.slerp(a, b, t)), wanted.as_matrix(), atol=1e-7)
    np.testing.assert_allclose(
        R.matrix_from_quaternion(R.slerp(a, b, 0.0)), R.matrix_from_quaternion(a), atol=EXACT
    )
    np.testing.assert_allclose(
        R.matrix_from_quaternion(R.slerp(a, b, 1.0)), R.matrix_from_quaternion(b), atol=EXACT
    )
    np.testing.assert_allclose(
        R.matrix_from_quaternion(R.slerp(a, -b, t)), R.matrix_from_quaternion(R.slerp(a, b, t)), atol=1e-6
    )
