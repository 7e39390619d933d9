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


def test_retrieval_is_the_field_protocol_written_out() -> None:
    """Pools of 32 in which a motion has its own text and 31 others, ranked by distance, over and over."""
    text = RNG.normal(size=(70, 6))
    motion = text + 1.5 * RNG.normal(size=(70, 6))
    ranks = metrics.retrieval_ranks(text, motion, 32, np.random.default_rng(3))
    order = np.random.default_rng(3).permutation(70)
    for first in (0, 32):
        pool = order[first : first + 32]
        for number, member in enumerate(pool):
            distances = [float(np.sqrt(sum((motion[member] - text[other]) ** 2))) for other in pool]
            assert ranks[member] == np.argsort(distances).tolist().index(number)
    assert np.isnan(ranks[order[64:]]).all()
    for top in (1, 2, 3):
        hits = metrics.retrieval_hits(text, motion, 32, top, np.random.default_rng(3), rounds=1)
        np.testing.assert_array_equal(hits[order[:64]], ranks[order[:64]] < top)


def test_kernel_distance_is_the_sum_over_pairs_written_out() -> None:
    first, second = RNG.normal(size=(7, 5)), RNG.normal(size=(9, 5)) + 0.5

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return (sum(float(x) * float(y) for x, y in zip(a, b, strict=True)) / 5 + 1.0) ** 3

    def mean(pairs: list[float]) -> float:
        return sum(pairs) / len(pairs)

    own = mean([k(a, b) for i, a in enumerate(first) for j, b in enumerate(first) if i != j])
    other = mean([k(a, b) for i, a in enumerate(second) for j, b in enumerate(second) if i != j])
    across = mean([k(a, b) for a in first for b in second])
    assert metrics.kernel_distance(first, second) == pytest.approx(own + other - 2 * across, rel=1e-12)


def test_kernel_distance_is_on_average_that_of_the_two_laws() -> None:
    """Of N(p, s^2) and N(q, t^2) in the plane, by the moments of (x.y / 2 + 1)^3 up to the third."""
    laws = ((np.asarray([0.3, -0.2]), 1.0), (np.asarray([0.8, 0.4]), 0.5))

    def moments(law: tuple[np.ndarray, float]) -> list[np.ndarray]:
        mean, spread = law
        second = np.multiply.outer(mean, mean) + spread**2 * np.eye(2)
        third = np.multiply.outer(np.multiply.outer(mean, mean), mean)
        for i, j, k in np.ndindex(2, 2, 2):
            third[i, j, k] += spread**2 * ((i == j) * mean[k] + (i == k) * mean[j] + (j == k) * mean[i])
        return [np.asarray(1.0), mean, second, third]

    def expected(one: tuple[np.ndarray, float], two: tuple[np.ndarray, float]) -> float:
        weights = (1.0, 3 / 2, 3 / 4, 1 / 8)
        return sum(
            w * float((m * n).sum()) for w, m, n in zip(weights, moments(one), moments(two), strict=True)
        )

    truth = expected(laws[0], laws[0]) + expected(laws[1], laws[1]) - 2 * expected(*laws)
    rng = np.random.default_rng(5)
    found = [
        metrics.kernel_distance(*(mean + spread * rng.normal(size=(25, 2)) for mean, spread in laws))
        for _ in range(1500)
    ]
    error = np.std(found) / np.sqrt(len(found))
    assert truth > 10 * error  # so that a bias would show
    assert np.mean(found) == pytest.approx(truth, abs=3 * error)


def test_kernel_distance_of_a_set_to_its_own_copies_is_below_zero() -> None:
    """Why the reference of KID are other clips: samples that belong together are not independent."""
    first = RNG.normal(size=(60, 4))
    copies = first + 0.01 * RNG.normal(size=first.shape)
    fresh = [metrics.kernel_distance(first, RNG.normal(size=(60, 4))) for _ in range(20)]
    assert metrics.kernel_distance(first, copies) < min(fresh)


def test_kernel_interval_covers_the_distance_of_the_laws() -> None:
    rng = np.random.default_rng(6)
    shift = 0.6
    wide = metrics.kernel_distance(rng.normal(size=(4000, 2)), rng.normal(size=(4000, 2)) + shift)
    found = [
        metrics.measured_kernel_distance([rng.normal(size=(60, 2))], rng.normal(size=(60, 2)) + shift)
        for _ in range(60)
    ]
    covered = np.mean([m.low <= wide <= m.high for m in found])
    assert 0.86 <= covered <= 1.0
    values = [m.value for m in found]
    # Unbiased: within four standard errors of the mean.
    assert np.mean(values) == pytest.approx(wide, abs=4.0 * np.std(values) / len(values) ** 0.5)
    draws = [rng.normal(size=(60, 2)) for _ in range(3)]
    several = metrics.measured_kernel_distance(draws, draws[0] + shift)
    each = [metrics.kernel_distance(d, draws[0] + shift) for d in draws]
    assert several.value == pytest.approx(np.mean(each)) and several.between == pytest.approx(
        np.std(each, ddof=1)
    )


def test_diversity_pairs_every_motion_with_another_and_once_on_either_side() -> None:
    corners = np.asarray([[0.0, 0.0], [3.0, 4.0]])
    assert metrics.diversity(corners, 50, np.random.default_rng(0)) == pytest.approx(5.0)
    assert metrics.diversity_distances(corners, 50, np.random.default_rng(0)).shape == (2,)
    points = RNG.normal(size=(40, 3))
    assert metrics.diversity_distances(points, 30, np.random.default_rng(0)).shape == (30,)
    assert (metrics.diversity_distances(points, 300, np.random.default_rng(0)) > 0).all()
    every = np.linalg.norm(points[:, None] - points[None], axis=-1)
    exact = every.sum() / (40 * 39)
    found = [metrics.diversity(points, 30, np.random.default_rng(seed)) for seed in range(300)]
    assert np.mean(found) == pytest.approx(exact, abs=4 * np.std(found) / np.sqrt(300))


def test_multimodality_is_the_mean_over_pairs_of_draws_of_each_text() -> None:
    assert metrics.multimodality(np.stack([np.zeros((6, 2)), np.ones((6, 2))])) == pytest.approx(np.sqrt(2))
    draws = RNG.normal(size=(4, 5, 3))
    for text, value in enumerate(metrics.modality_distances(draws)):
        pairs = [np.linalg.norm(draws[a, text] - draws[b, text]) for a in range(4) for b in range(a)]
        assert value == pytest.approx(np.mean(pairs))
    with pytest.raises(InputError):
        metrics.multimodality(np.zeros((1, 6, 2)))


def test_multimodal_distance_is_the_mean_distance_of_pairs() -> None:
    assert metrics.multimodal_distance(np.zeros((5, 2)), np.full((5, 2), 3.0)) == pytest.approx(np.sqrt(18))


def test_intervals_over_draws_cover_the_chance_of_clips_and_of_draws() -> None:
    """Clips of unlike difficulty, each tried thrice: the truth lies within as often as it should."""
    rng = np.random.default_rng(7)
    covered, widths = [], []
    for _ in range(150):
        ease = rng.beta(2.0, 1.0, 80)  # mean 2/3
        hits = (rng.random((3, 80)) < ease).astype(float)
        found = metrics.over_draws(hits, rng, 300)
        covered.append(found.low <= 2 / 3 <= found.high)
        widths.append(found.high - found.low)
        assert found.value == pytest.approx(hits.mean()) and found.count == 80
    assert 0.88 <= np.mean(covered) <= 0.99
    # To take the 240 tries for as many clips would be too sure.
    assert np.mean(widths) > 2 * 1.96 * np.sqrt(2 / 9 / 240)


def test_draws_that_lack_a_clip_are_left_out_and_their_spread_is_told() -> None:
    rows = [[1.0, np.nan, 0.0], [0.0, np.nan, 0.0]]
    found = metrics.over_draws(rows, np.random.default_rng(0))
    assert found.value == pytest.approx(0.25) and found.count == 2
    assert found.between == pytest.approx(np.std([0.5, 0.0], ddof=1))
    assert np.isnan(metrics.over_draws([[1.0, 0.0]], np.random.default_rng(0)).between)
    assert metrics.over_draws([], np.random.default_rng(0)).count == 0


def test_bootstrap_interval_covers_a_known_proportion() -> None:
    hits = np.repeat([0.0, 1.0], [100, 300])
    measured = metrics.bootstrap(hits, np.random.default_rng(0))
    spread = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert measured.value == pytest.approx(0.75)
    # The bootstrap of 1000 resamples finds the normal interval to about a tenth of its width.
    assert measured.low == pytest.approx(0.75 - spread, abs=0.01)
    assert measured.high == pytest.approx(0.75 + spread, abs=0.01)
    assert metrics.bootstrap([], np.random.default_rng(0)).count == 0
