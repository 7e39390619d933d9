"""How finger joints go together: what a few synergies explain, and who bends with whom.

A synergy is a principal component of joint angles over postures (Santello, Flanders and Soechting 1998). The
angles are the bends of the twelve finger joints; a hand that is recorded longer weighs more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from train.real.quantities import KNUCKLES, HandMotion

Array = NDArray[np.float64]

_FINGERS: Final = len(KNUCKLES)
_BENDS: Final = ("knuckle bend", "middle joint bend", "last joint bend")
_ORDER: Final = [0, 1, 3, 2]  # index, middle, ring, little of MANO's index, middle, little, ring


@dataclass(frozen=True)
class Synergies:
    """How the finger joints of many postures go together.

    Attributes:
        explained: `(12,)` part of the variance in the first one, two, ... principal components.
        correlation: `(12, 12)` of knuckles, middle joints, last joints, each index to little.
        last_per_middle: degrees the last joint bends per degree of the middle joint, least squares.
    """

    explained: Array
    correlation: Array
    last_per_middle: float

    @property
    def neighbours(self) -> float:
        """Mean correlation of the knuckles of neighbouring fingers."""
        return float(np.diagonal(self.correlation[:_FINGERS, :_FINGERS], 1).mean())

    @property
    def in_finger(self) -> float:
        """Mean correlation of a finger's knuckle with its middle joint."""
        return float(np.diagonal(self.correlation, _FINGERS)[:_FINGERS].mean())

    def unlike(self, other: Synergies) -> float:
        """Mean absolute difference of the correlations of two joints, 0 to 2."""
        pairs = np.triu_indices(len(self.correlation), 1)
        return float(np.abs(self.correlation - other.correlation)[pairs].mean())


def find_synergies(hands: Sequence[HandMotion]) -> Synergies:
    """The synergies of all frames of the hands."""
    bends = np.concatenate([_bends(hand) for hand in hands])
    covariance = np.cov(bends.T)
    variances = np.linalg.eigvalsh(covariance)[::-1]
    deviation = np.maximum(np.sqrt(np.diagonal(covariance)), 1e-9)
    middle, last = slice(_FINGERS, 2 * _FINGERS), slice(2 * _FINGERS, None)
    together = np.trace(covariance[middle, last]) / max(np.trace(covariance[middle, middle]), 1e-9)
    return Synergies(
        np.cumsum(variances) / max(float(variances.sum()), 1e-9),
        covariance / np.outer(deviation, deviation),
        float(together),
    )


def _bends(hand: HandMotion) -> Array:
    """`(T, 12)` degrees."""
    return np.concatenate([hand.values[name].reshape(-1, _FINGERS)[:, _ORDER] for name in _BENDS], axis=1)
