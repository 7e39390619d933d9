"""The measures, as pure functions of numpy arrays: nothing here knows a model, a file or a corpus.

Joints are metres in any one space, ``(..., T, 2, 21, 3)`` for a motion; results are millimetres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.layout import FloatArray, IntArray
from numpy.typing import NDArray
from scipy.stats import t as student_t

MILLIMETRES = 1000.0
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Measured:
    """A mean with its 95 % interval.

    Attributes:
        value: the mean.
        low: lower end of the interval.
        high: upper end of the interval.
        count: the observations behind it.
        between: standard deviation of the means of several draws; NaN where there was one.
    """

    value: float
    low: float
    high: float
    count: int
    between: float = float("nan")

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def _same_shape(predicted: FloatArray, truth: FloatArray) -> None:
    if predicted.shape != truth.shape or predicted.shape[-1] != 3:
        raise InputError(f"joints have shapes {predicted.shape} and {truth.shape}; both must be (..., J, 3)")


def joint_errors(predicted: FloatArray, truth: FloatArray) -> NDArray[np.float64]:
    """Distance of every joint to its truth, mm: ``(..., J, 3)`` twice -> ``(..., J)``."""
    _same_shape(predicted, truth)
    return np.linalg.norm(np.asarray(predicted, np.float64) - truth, axis=-1) * MILLIMETRES


def mpjpe(predicted: FloatArray, truth: FloatArray) -> float:
    """Mean per-joint position error in the common space, translation included, mm."""
    return float(joint_errors(predicted, truth).mean())


def wrist_aligned(joints: FloatArray) -> FloatArray:
    """Each hand moved so that its wrist (joint 0) is the origin; rotation is kept. ``(..., J, 3)``."""
    return joints - joints[..., :1, :]


def wrist_aligned_mpjpe(predicted: FloatArray, truth: FloatArray) -> float:
    """MPJPE after each wrist is put on its truth, mm (the wrist itself counts, with error 0)."""
    return mpjpe(wrist_aligned(predicted), wrist_aligned(truth))


def acceleration(joints: FloatArray) -> NDArray[np.float64]:
    """Second difference over time, mm per frame squared: ``(T, ..., 3)`` -> ``(T-2, ..., 3)``."""
    return np.diff(np.asarray(joints, np.float64), n=2, axis=0) * MILLIMETRES


def mean_acceleration(joints: FloatArray) -> float:
    """How much a motion accelerates: mean length of the acceleration, mm per frame squared."""
    return float(np.linalg.norm(acceleration(joints), axis=-1).mean())


def acceleration_error(predicted: FloatArray, truth: FloatArray) -> float:
    """ACCEL: mean length of the difference of the two accelerations, mm per frame squared."""
    _same_shape(predicted, truth)
    return float(np.linalg.norm(acceleration(predicted) - acceleration(truth), axis=-1).mean())


@dataclass(frozen=True)
class CodeUsage:
    """How much of a codebook is used: entries seen, perplexity (2 to the entropy), entries there are."""

    used: int
    perplexity: float
    size: int


def code_usage(codes: IntArray, size: int) -> CodeUsage:
    """Usage of one codebook of ``size`` entries by ``codes`` (any shape)."""
    counts = np.bincount(np.asarray(codes).reshape(-1), minlength=size).astype(np.float64)
    if counts.size > size:
        raise InputError(f"code {counts.size - 1} lies outside a codebook of {size} entries")
    share = counts[counts > 0] / max(counts.sum(), 1.0)
    return CodeUsage(int(share.size), float(np.exp(-(share * np.log(share)).sum())), size)


def pools(count: int, pool: int, rng: np.random.Generator) -> list[IntArray]:
    """Random disjoint pools of exactly ``pool`` indices out of ``count``; the rest is left out."""
    if count < pool:
        raise InputError(f"{count} clips cannot fill a pool of {pool}; evaluate more, or shrink the pool")
    order = rng.permutation(count)
    return [order[i : i + pool] for i in range(0, count - pool + 1, pool)]


def retrieval_ranks(
    text: FloatArray, motion: FloatArray, pool: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Rank of the right text for every motion among the texts of its pool (0 is best).

    The protocol of Guo et al. (HumanML3D, CVPR 2022): a motion, its own text and 31 of other motions, ranked
    by Euclidean distance; the pools are random and disjoint, and what does not fill one is left out. (Their
    code, in the same pools, ranks the motions for a text; their paper, and this, the texts for a motion.)
    Equal distances count against the motion, so a constant embedding cannot score.

    Args:
        text: ``(N, E)`` embeddings; row i belongs to row i of ``motion``.
        motion: ``(N, E)`` embeddings.
        pool: texts to choose from, 32 in the literature.
        rng: draws the pools.

    Returns:
        ``(N,)`` ranks, NaN for the motions that filled no pool.
    """
    ranks = np.full(len(text), np.nan)
    for members in pools(len(text), pool, rng):
        gap = motion[members][:, None, :].astype(np.float64) - text[members][None, :, :]
        distance = np.sqrt((gap**2).sum(-1))
        own = np.diagonal(distance)[:, None]
        ranks[members] = (distance <= own).sum(1) - 1
    return ranks


def retrieval_hits(
    text: FloatArray, motion: FloatArray, pool: int, top: int, rng: np.random.Generator, rounds: int = 8
) -> NDArray[np.float64]:
    """How often each motion finds its text among the first ``top``, over several draws of the pools.

    Returns:
        ``(N,)`` numbers from 0 to 1, NaN for a motion that was in no pool; the mean of the others is
        R-precision.
    """
    ranks = np.stack([retrieval_ranks(text, motion, pool, rng) for _ in range(rounds)])
    known = np.isfinite(ranks)
    hits = (np.where(known, ranks, np.inf) < top).sum(0)
    drawn = known.sum(0)
    return np.where(drawn > 0, hits / np.maximum(drawn, 1), np.nan)


def multimodal_distance(text: FloatArray, motion: FloatArray) -> float:
    """MMD of the paper: mean Euclidean distance of a text's embedding to its motion's, ``(N, E)`` twice."""
    return float(np.linalg.norm(np.asarray(text, np.float64) - motion, axis=-1).mean())


def diversity_distances(motion: FloatArray, pairs: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Distances of ``pairs`` random pairs of different motions, or as many as there are motions.

    Args:
        motion: embeddings ``(N, E)``.
        pairs: 300 in the literature.
        rng: draws them.

    Returns:
        ``(min(pairs, N),)``. As in the field (Guo et al., CVPR 2022), no motion is twice the first of a pair
        nor twice the second; other than there, none is paired with itself.
    """
    order = rng.permutation(len(motion))
    first, second = order[:pairs], np.roll(order, -1)[:pairs]
    return np.asarray(np.linalg.norm(motion[first].astype(np.float64) - motion[second], axis=-1))


def diversity(motion: FloatArray, pairs: int, rng: np.random.Generator) -> float:
    """Mean of ``diversity_distances``."""
    return float(diversity_distances(motion, pairs, rng).mean())


def modality_distances(draws: FloatArray) -> NDArray[np.float64]:
    """Mean distance between two draws of each text: embeddings ``(D, N, E)`` of D draws -> ``(N,)``.

    Over all pairs of draws, which is what the field's ten random pairs (Guo et al., CVPR 2022) estimate.
    """
    if draws.ndim != 3 or len(draws) < 2:
        raise InputError(f"draws have shape {draws.shape}; multimodality needs (D >= 2, N, E)")
    left, right = np.triu_indices(len(draws), 1)
    return np.asarray(np.linalg.norm(draws[left].astype(np.float64) - draws[right], axis=-1).mean(0))


def multimodality(draws: FloatArray) -> float:
    """Mean of ``modality_distances``."""
    return float(modality_distances(draws).mean())


def _kernel(a: FloatArray, b: FloatArray) -> NDArray[np.float64]:
    return (np.asarray(a, np.float64) @ np.asarray(b, np.float64).T / a.shape[1] + 1.0) ** 3


def _discrepancy(own: NDArray[np.float64], other: NDArray[np.float64], across: NDArray[np.float64]) -> float:
    """Squared MMD, the unbiased estimate, of kernel values ``(N, N)``, ``(M, M)`` and ``(N, M)``."""
    n, m = len(own), len(other)
    within = (own.sum() - np.trace(own)) / (n * (n - 1)) + (other.sum() - np.trace(other)) / (m * (m - 1))
    return float(within - 2.0 * across.mean())


def kernel_distance(first: FloatArray, second: FloatArray) -> float:
    """Unbiased KID: squared MMD under k(a, b) = (a.b / E + 1)^3 (Binkowski et al., ICLR 2018).

    Embeddings ``(N, E)`` and ``(M, E)``; it may be slightly negative where the two sets agree. The samples
    must be independent: of motions beside what was made from these very motions it falls below zero.
    """
    return _discrepancy(_kernel(first, first), _kernel(second, second), _kernel(first, second))


def measured_kernel_distance(
    draws: Sequence[FloatArray], reference: FloatArray, groups: int = 20
) -> Measured:
    """KID with an interval: the mean over ``draws`` of the KID to ``reference``.

    The interval is Student's about the value with the error of a jackknife that leaves out a group of clips
    at a time, from every draw and from the reference (Efron and Stein, 1981): a bootstrap would draw a clip
    twice, and the pairs of a clip with itself are what the unbiased estimate leaves out.

    Args:
        draws: embeddings ``(N, E)`` each, of the same clips.
        reference: embeddings ``(M, E)`` of other clips.
        groups: of clips; fewer where there are too few clips.
    """
    other = _kernel(reference, reference)
    blocks = [(_kernel(d, d), _kernel(d, reference)) for d in draws]
    count = len(draws[0])
    groups = max(1, min(groups, count // 2, len(reference) // 2))

    def value(group: int) -> float:
        rows, columns = np.arange(count) % groups != group, np.arange(len(reference)) % groups != group
        kept = other[np.ix_(columns, columns)]
        return float(
            np.mean([_discrepancy(k[np.ix_(rows, rows)], kept, a[np.ix_(rows, columns)]) for k, a in blocks])
        )

    whole = value(-1)  # without none of them
    if groups < 2:
        return Measured(whole, float("nan"), float("nan"), count)
    parts = np.asarray([value(group) for group in range(groups)])
    error = np.sqrt((groups - 1) / groups * ((parts - parts.mean()) ** 2).sum())
    half = float(student_t.ppf((1.0 + CONFIDENCE) / 2.0, groups - 1) * error)
    each = [_discrepancy(k, other, a) for k, a in blocks]
    return Measured(whole, whole - half, whole + half, count, _between(each))


def _between(means: Sequence[float]) -> float:
    return float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")


def bootstrap(
    values: Sequence[float] | FloatArray,
    rng: np.random.Generator,
    resamples: int = 1000,
    statistic: Callable[[FloatArray], FloatArray] | None = None,
) -> Measured:
    """Mean with a percentile bootstrap interval over the observations ``(N,)``.

    Args:
        values: one number per clip (hits as 0 and 1).
        rng: draws the resamples.
        resamples: how many.
        statistic: of resampled values ``(R, N)`` to ``(R,)``; the mean by default.
    """
    array = np.asarray(values, np.float64)
    if array.size == 0:
        return Measured(float("nan"), float("nan"), float("nan"), 0)
    reduce = statistic or (lambda drawn: drawn.mean(axis=1))
    drawn = array[rng.integers(0, array.size, (resamples, array.size))]
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(reduce(drawn), [tail, 1.0 - tail])
    return Measured(float(reduce(array[None])[0]), float(low), float(high), int(array.size))


def over_draws(
    draws: Sequence[Sequence[float] | FloatArray] | FloatArray,
    rng: np.random.Generator,
    resamples: int = 1000,
) -> Measured:
    """Mean over clips and draws, ``(D, N)``, with an interval that covers the chance of both.

    Clips are resampled, each with all its draws (the bootstrap of clusters). Every draw of every clip has
    noise of its own, so how much the clips' means differ holds the luck of the draws already; to resample the
    draws of a clip as well would count it twice. NaN is of no draw: such clips are left out.
    """
    rows = np.asarray(draws, np.float64)
    if rows.size == 0:
        return bootstrap([], rng)
    known = np.isfinite(rows)
    drawn = known.sum(0)
    means = np.where(known, rows, 0.0).sum(0)[drawn > 0] / drawn[drawn > 0]
    each = [float(row[good].mean()) for row, good in zip(rows, known, strict=True) if good.any()]
    return replace(bootstrap(means, rng, resamples), between=_between(each))
