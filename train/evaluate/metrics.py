"""The measures, as pure functions of numpy arrays: nothing here knows a model, a file or a corpus.

Joints are metres in any one space, ``(..., T, 2, 21, 3)`` for a motion; results are millimetres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.layout import FloatArray, IntArray
from numpy.typing import NDArray

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
    """

    value: float
    low: float
    high: float
    count: int

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

    Equal distances count against the motion, so a constant embedding cannot score.

    Args:
        text: ``(N, E)`` embeddings; row i belongs to row i of ``motion``.
        motion: ``(N, E)`` embeddings.
        pool: texts to choose from, 32 in the literature (Guo et al., CVPR 2022).
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


def diversity(motion: FloatArray, pairs: int, rng: np.random.Generator) -> float:
    """Mean distance of ``pairs`` random pairs of different motions, embeddings ``(N, E)``."""
    first = rng.integers(0, len(motion), pairs)
    second = (first + rng.integers(1, len(motion), pairs)) % len(motion)
    return float(np.linalg.norm(motion[first] - motion[second], axis=-1).mean())


def multimodality(draws: FloatArray) -> float:
    """Mean distance between two draws of one text: embeddings ``(D, N, E)`` of D draws, D >= 2."""
    if draws.ndim != 3 or len(draws) < 2:
        raise InputError(f"draws have shape {draws.shape}; multimodality needs (D >= 2, N, E)")
    left, right = np.triu_indices(len(draws), 1)
    return float(np.linalg.norm(draws[left] - draws[right], axis=-1).mean())


def kernel_distance(first: FloatArray, second: FloatArray) -> float:
    """Unbiased KID: squared MMD under k(a, b) = (a.b / E + 1)^3 (Binkowski et al., ICLR 2018).

    Embeddings ``(N, E)`` and ``(M, E)``; it may be slightly negative where the two sets agree.
    """

    def kernel(a: FloatArray, b: FloatArray) -> NDArray[np.float64]:
        return (np.asarray(a, np.float64) @ np.asarray(b, np.float64).T / a.shape[1] + 1.0) ** 3

    n, m = len(first), len(second)
    own = kernel(first, first)
    other = kernel(second, second)
    within = (own.sum() - np.trace(own)) / (n * (n - 1)) + (other.sum() - np.trace(other)) / (m * (m - 1))
    return float(within - 2.0 * kernel(first, second).mean())


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
