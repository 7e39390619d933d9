"""The torch kinematics give the joints that numpy gives, and gradients that are true."""

from __future__ import annotations

import numpy as np
import pytest
from clutch_rt.hand import forward, neutral_hands, two_hand_joints

torch = pytest.importorskip("torch")
kinematics = pytest.importorskip("models.kinematics")


def frames(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, 2, 99)).astype(np.float32)


@pytest.mark.parametrize("leading", [(), (5,), (2, 3, 4), (0,)])
def test_agrees_with_numpy(leading: tuple[int, ...]) -> None:
    values = frames(*leading)
    joints = kinematics.HandKinematics()(torch.from_numpy(values))
    assert joints.shape == (*leading, 2, 21, 3)
    # Positions of a few metres at most, in float32.
    np.testing.assert_allclose(joints.numpy(), two_hand_joints(values), atol=2e-6)


def test_rotations_agree_with_numpy() -> None:
    values = frames(7)
    rotations, _ = kinematics.HandKinematics().pose(torch.from_numpy(values))
    for k, hand in enumerate(neutral_hands()):
        np.testing.assert_allclose(rotations[:, k].numpy(), forward(hand, values[:, k]).rotations, atol=2e-6)


def test_gradients() -> None:
    values = torch.from_numpy(frames(2)).double().requires_grad_()
    assert torch.autograd.gradcheck(kinematics.HandKinematics(), (values,), atol=1e-6, fast_mode=True)


def test_no_checkpoint_stores_the_hands() -> None:
    module = kinematics.HandKinematics()
    assert module.state_dict() == {}
    assert {name for name, _ in module.named_buffers()} == {"offsets", "tip_offsets"}


def test_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match="2, 99"):
        kinematics.HandKinematics()(torch.zeros(4, 99))
