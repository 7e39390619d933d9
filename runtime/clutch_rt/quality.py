"""What the weights of a bundle lose by their precision, by the figures in its manifest.

A manifest holds the bundle's own figures (``generated.verb``) beside those of the PyTorch model it was
written from (``pytorch.generated.verb``), found on the same clips with the same seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

LIMIT: Final = 0.01
"""Part of a figure that a precision may lose unsaid."""

PYTORCH: Final = "pytorch"
"""Before the figures of the PyTorch model: ``pytorch.generated.verb``."""
FIGURES: Final = {
    "generated.verb": ("the verb as asked", True),
    "generated.hand": ("the hand as asked", True),
    "generated.sequence": ("verbs in turn", True),
    "generated.speed": ("the speed as asked", True),
    "generated.count": ("the count as asked", True),
    "generated.direction": ("the direction as asked", True),
    "generated.r3": ("R-precision@3", True),
    "shift.mpjpe": ("SHIFT's MPJPE", False),
}
"""What is compared: in words, and whether more is better."""


@dataclass(frozen=True)
class Degradation:
    """What one figure loses by the precision.

    Attributes:
        figure: in words.
        lost: part of the PyTorch model's figure; above 0 is worse.
        own, pytorch: the figures.
        clear: whether it is more than the figures' own 95 % intervals allow for.
    """

    figure: str
    lost: float
    own: float
    pytorch: float
    clear: bool

    def __str__(self) -> str:
        return f"{self.lost:.1%} of {self.figure} ({self.own:.3g}, in PyTorch {self.pytorch:.3g})"


def degradations(metrics: Mapping[str, Any]) -> list[Degradation]:
    """What each figure loses that the manifest has of both; figures of another shape are passed over."""
    found = []
    for name, (words, more) in FIGURES.items():
        own, pytorch = _figure(metrics.get(name)), _figure(metrics.get(f"{PYTORCH}.{name}"))
        if own is None or pytorch is None or pytorch[0] <= 0:
            continue
        worse = pytorch[0] - own[0] if more else own[0] - pytorch[0]
        # The clips are the same, so this is more noise than there is between the two.
        noise = math.hypot(own[1], pytorch[1])
        found.append(Degradation(words, worse / pytorch[0], own[0], pytorch[0], worse > noise))
    return found


def figures_in(precision: str, table: object) -> Mapping[str, Any]:
    """The figures of a precision in a manifest's ``precisions``, as ``metrics`` has them; or none.

    Args:
        precision: of the weights.
        table: what ``export.precisions`` found, as JSON; anything else has none.
    """
    for key in ("rows", precision, "figures"):
        table = table.get(key) if isinstance(table, Mapping) else None
    return table if isinstance(table, Mapping) else {}


def quality_warning(precision: str, metrics: Mapping[str, Any]) -> str | None:
    """A line about the figures that lose more than ``LIMIT``; None where none does."""
    lost = [loss for loss in degradations(metrics) if loss.lost > LIMIT]
    if not lost:
        return None
    told = "; ".join(f"{loss}{'' if loss.clear else ', within the spread of its clips'}" for loss in lost)
    advice = "" if precision == "fp32" else "; a bundle exported with `--precision fp32` keeps them"
    return f"{precision} weights cost this bundle {told}{advice}"


def _figure(raw: object) -> tuple[float, float] | None:
    """Value and half the width of its interval."""
    if not isinstance(raw, Mapping):
        return None
    value, interval = raw.get("value"), raw.get("interval")
    if not _is_number(value):
        return None
    if isinstance(interval, list) and len(interval) == 2 and all(map(_is_number, interval)):
        return float(value), interval[1] / 2 - interval[0] / 2
    return float(value), 0.0


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
