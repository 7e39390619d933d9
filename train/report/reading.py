"""What a run folder holds so far, as the report shows it: stages, curves, figures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from train.run import RunFolder

HELD_OUT: Final = "val_"
_NO_CURVES: Final = {"stage", "step", "time"}


@dataclass(frozen=True)
class Curve:
    """One name over the steps of a stage.

    Attributes:
        steps: rising.
        values: finite numbers, one a step.
        lost: numbers that were not finite, and are left out.
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]
    lost: int = 0


@dataclass(frozen=True)
class Pair:
    """What a stage logged under one name, in training and on held-out clips; either may be missing."""

    name: str
    train: Curve | None
    held_out: Curve | None


@dataclass(frozen=True)
class StageState:
    """How far a stage is.

    Attributes:
        name: of the stage.
        done: whether it has finished.
        seconds: it took, where it says so.
        found: what it reported.
    """

    name: str
    done: bool
    seconds: float | None
    found: Mapping[str, Any]


def stage_states(folder: RunFolder, stages: Sequence[str]) -> list[StageState]:
    """The stages, in order."""
    states = []
    for name in stages:
        found = read_json(folder.path / "done" / f"{name}.json")
        seconds = found.get("seconds") if found else None
        known = float(seconds) if isinstance(seconds, (int, float)) else None
        states.append(StageState(name, found is not None, known, found or {}))
    return states


def pairs(lines: Iterable[Mapping[str, Any]]) -> list[Pair]:
    """The curves in a stage's lines of ``metrics.jsonl``: ``loss`` ahead, then those held out too."""
    points: dict[str, list[tuple[int, float]]] = {}
    for line in sorted(lines, key=lambda line: int(line["step"])):
        for name, value in line.items():
            if name not in _NO_CURVES and isinstance(value, (int, float)) and not isinstance(value, bool):
                points.setdefault(name, []).append((int(line["step"]), float(value)))
    curves = {name: _curve(found) for name, found in points.items()}
    names = list(dict.fromkeys(name.removeprefix(HELD_OUT) for name in curves))
    found = [Pair(name, curves.get(name), curves.get(HELD_OUT + name)) for name in names]
    return sorted(found, key=lambda p: (p.name != "loss", p.held_out is None, p.train is None))


def _curve(points: Sequence[tuple[int, float]]) -> Curve:
    kept = [(step, value) for step, value in points if math.isfinite(value)]
    return Curve(tuple(s for s, _ in kept), tuple(v for _, v in kept), len(points) - len(kept))


def read_json(path: Path) -> dict[str, Any] | None:
    """An object in a file; None where there is no such file, or it holds no object (yet)."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
