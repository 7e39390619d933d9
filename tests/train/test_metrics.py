"""The measures against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from clutch_rt.errors import InputError

from train.evaluate import metrics

RNG = np.random.default_rng(0)


def motion(frames: int = 20) -> np.ndarray:
    return RNG.normal(size=(frames, 2, 21, 3))


def test_a_shift_by_3_4_0_cm_is_50_mm_and_vanishes_when_wrists_are_aligned() -> None:
    truth = motion()
    moved = truth + np.asarray([0.03, 0.04, 0.0])
    assert metrics.mpjpe(moved, truth) == pytest.approx(50.0)
    assert metrics.wrist_aligned_mpjpe(moved, truth) == pytest.approx(0.0, abs=1e-9)


def test_alignment_is_per_hand_and_keeps_rotation_errors() -> None:
    truth = motion()
    apart = truth + np.asarray([[[0.1, 0, 0]], [[-0.1, 0, 0]]])
    assert metrics.wrist_aligned_mpjpe(apart, truth) == pytest.approx(0.0, abs=1e-9)
    mirrored = truth * np.asarray([-1.0, 1.0, 1.0])
    assert metrics.wrist_aligned_mpjpe(mirrored, truth) > 100.0


def test_acceleration_of_a_parabola_is_constant() -> None:
    time = np.arange(12.0)[:, None, None, None]
    path = np.zeros((12, 2, 21, 3)) + 0.5 * 0.004 * time**2 * np.asarray([0.6, 0.8, 0.0])
    assert metrics.mean_acceleration(path) == pytest.approx(4.0)
    assert metrics.acceleration_error(path, path + 0.3 * time) == pytest.approx(0.0, abs=1e-9)
    assert metrics.acceleration_error(path, np.zeros_like(path)) == pytest.approx(4.0)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(20, 2, 21, 3\) and \(19, 2, 21, 3\)"):
        metrics.mpjpe(motion(20), motion(19))


def test_code_usage_of_a_uniform_book_is_its_size() -> None:
    usage = metrics.code_usage(np.repeat(np.arange(8), 5), 16)
    assert (usage.used, usage.size) == (8, 16)
    assert usage.perplexity == pytest.approx(8.0)
    assert metrics.code_usage(np.zeros(10, int), 4).perplexity == pytest.approx(1.0)
    with pytest.raises(InputError, match="code 4"):
        metrics.code_usage(np.asarray([4]), 4)


def test_retrieval_is_perfect_for_equal_embeddings_and_chance_for_unrelated_ones() -> None:
    text = RNG.normal(size=(640, 8))
    ranks = metrics.retrieval_ranks(text, text, 32, np.random.default_rng(1))
    assert ranks.shape == (640,) and (ranks == 0).all()
    chance = metrics.retrieval_ranks(text, RNG.normal(size=(640, 8)), 32, np.random.default_rng(1))
    # 640 draws at p = 3/32: one standard deviation is 0.012.
    assert (chance < 3).mean() == pytest.approx(3 / 32, abs=0.05)


def test_hits_average_over_pools_and_leave_out_who_was_in_none() -> None:
    text = RNG.normal(size=(40, 8))
    hits = metrics.retrieval_hits(text, text, 32, 1, np.random.default_rng(1), rounds=1)
    assert np.isfinite(hits).sum() == 32 and (hits[np.isfinite(hits)] == 1.0).all()
    many = metrics.retrieval_hits(text, text[::-1], 32, 3, np.random.default_rng(1), rounds=20)
    assert np.isfinite(many).all() and many.mean() < 0.4


def test_a_constant_embedding_scores_nothing() -> None:
    text = np.ones((64, 4))
    assert (metrics.retrieval_ranks(text, text, 32, np.random.default_rng(0)) == 31).all()


def test_too_few_clips_for_a_pool_are_refused() -> None:
    with pytest.raises(InputError, match="pool of 32"):
        metrics.pools(31, 32, np.random.default_rng(0))


def test_kernel_distance_is_unbiased_around_zero_and_sees_a_shift() -> None:
    values = [
        metrics.kernel_distance(RNG.normal(size=(100, 4)), RNG.normal(size=(100, 4))) for _ in range(40)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(40) + 1e-3
    assert metrics.kernel_distance(RNG.normal(size=(100, 4)), RNG.normal(size=(100, 4)) + 1.0) > 0.5


def test_diversity_and_multimodality() -> None:
    corners = np.asarray([[0.0, 0.0], [3.0, 4.0]])
    assert metrics.diversity(corners, 50, np.random.default_rng(0)) == pytest.approx(5.0)
    assert metrics.multimodality(np.stack([np.zeros((6, 2)), np.ones((6, 2))])) == pytest.approx(np.sqrt(2))
    with pytest.raises(InputError):
        metrics.multimodality(np.zeros((1, 6, 2)))
    assert metrics.multimodal_distance(np.zeros((5, 2)), np.full((5, 2), 3.0)) == pytest.approx(np.sqrt(18))


def test_bootstrap_interval_covers_a_known_proportion() -> None:
    hits = np.repeat([0.0, 1.0], [100, 300])
    measured = metrics.bootstrap(hits, np.random.default_rng(0))
    spread = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert measured.value == pytest.approx(0.75)
    # The bootstrap of 1000 resamples finds the normal interval to about a tenth of its width.
    assert measured.low == pytest.approx(0.75 - spread, abs=0.01)
    assert measured.high == pytest.approx(0.75 + spread, abs=0.01)
    assert metrics.bootstrap([], np.random.default_rng(0)).count == 0
