"""Mirroring of hand parameters, and the folding of a user's sentence."""

from __future__ import annotations

import numpy as np
import pytest
from clutch_rt import prompts
from clutch_rt.layout import HAND_SIZE, MIRROR_SIGNS, mirror_frames, mirror_hand
from hypothesis import given
from hypothesis import strategies as st


def test_mirror_signs_are_the_reflection_of_rotation_matrices() -> None:
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    reflect = np.diag([-1.0, 1.0, 1.0])
    hand = np.zeros(HAND_SIZE)
    hand[:6] = np.concatenate([rotation[:, 0], rotation[:, 1]])
    hand[6:9] = [0.1, 0.2, 0.3]
    mirrored = mirror_hand(hand)
    want = reflect @ rotation @ reflect
    np.testing.assert_allclose(mirrored[:6], np.concatenate([want[:, 0], want[:, 1]]))
    np.testing.assert_allclose(mirrored[6:9], [-0.1, 0.2, 0.3])
    assert MIRROR_SIGNS.shape == (HAND_SIZE,)


def test_mirroring_frames_twice_is_the_identity_and_swaps_hands() -> None:
    frames = np.random.default_rng(1).normal(size=(5, 2, HAND_SIZE)).astype(np.float32)
    np.testing.assert_array_equal(mirror_frames(mirror_frames(frames)), frames)
    np.testing.assert_array_equal(mirror_frames(frames)[:, 0], mirror_hand(frames[:, 1]))


@pytest.mark.parametrize(
    ("raw", "folded"),
    [
        ("  Knead   the DOUGH!! ", "knead the dough"),
        ("Wave\twith the left hand.\n", "wave with the left hand"),
        ("ﬁst bump", "fist bump"),
        ("\u200b\u0007 . ", ""),
    ],
)
def test_sentences_are_folded(raw: str, folded: str) -> None:
    assert prompts.normalise(raw) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    once = prompts.normalise(text)
    assert prompts.normalise(once) == once
