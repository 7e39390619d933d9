"""What is lost on the way through SHIFT: position errors, smoothness and the use of the codebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from clutch_rt.layout import Float32Array, IntArray

from train.evaluate.features import joints_of
from train.evaluate.metrics import (
    CodeUsage,
    Measured,
    acceleration_error,
    bootstrap,
    code_usage,
    mean_acceleration,
    mpjpe,
    wrist_aligned_mpjpe,
)

BOTH = (0, 1)


@dataclass(frozen=True)
class Errors:
    """Errors of reconstructions, each the mean over clips with its interval.

    Attributes:
        mpjpe, aligned, wrist: mm; world, wrist-aligned, and of the wrist alone.
        accel: ACCEL error, mm per frame squared.
        truth_acceleration, acceleration: of the truth and of the reconstruction, mm per frame squared.
    """

    mpjpe: Measured
    aligned: Measured
    wrist: Measured
    accel: Measured
    truth_acceleration: Measured
    acceleration: Measured


def reconstruction_errors(
    truth: Sequence[Float32Array],
    rebuilt: Sequence[Float32Array],
    rng: np.random.Generator,
    present: Sequence[tuple[bool, bool]] | None = None,
) -> Errors:
    """Errors of motions ``(T, 2, 99)`` against their reconstructions.

    Args:
        truth, rebuilt: pairs of equal length.
        rng: draws the bootstrap.
        present: which hands count in each motion; both by default.
    """
    columns: list[tuple[float, ...]] = []
    for index, (a, b) in enumerate(zip(truth, rebuilt, strict=True)):
        sides = [s for s in BOTH if present is None or present[index][s]]
        true, made = joints_of(a)[:, sides], joints_of(b)[:, sides]
        columns.append(
            (
                mpjpe(made, true),
                wrist_aligned_mpjpe(made, true),
                mpjpe(made[..., :1, :], true[..., :1, :]),
                acceleration_error(made, true),
                mean_acceleration(true),
                mean_acceleration(made),
            )
        )
    return Errors(*(bootstrap(list(column), rng) for column in zip(*columns, strict=True)))


def usage(codes: Sequence[IntArray], books: Sequence[str], sizes: Sequence[int]) -> dict[str, CodeUsage]:
    """Usage of each codebook by motions' codes.

    Args:
        codes: ``(S, K)`` of each motion.
        books: the name of the codebook of each of the K slots; hands share theirs.
        sizes: and its entries.
    """
    rows, used = np.concatenate(list(codes)), {}
    for book in dict.fromkeys(books):
        slots = [k for k, name in enumerate(books) if name == book]
        used[book] = code_usage(rows[:, slots], int(sizes[slots[0]]))
    return used
