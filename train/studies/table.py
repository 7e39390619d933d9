"""A study as tables: means over seeds with 95 % intervals, and differences to the arm of the same time."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from clutch_rt.machine import this_machine
from scipy.stats import t as student_t

from train.evaluate.captions import CAPTION_COLUMNS
from train.evaluate.metrics import CONFIDENCE, Measured
from train.evaluate.report import COLUMNS, ERRORS, cell, table
from train.run import write_text
from train.studies.arms import Arm, Study
from train.studies.judging import Values
from train.studies.lab import Trained

# measure -> (heading, digits)
LM_COLUMNS: Final = {
    **{
        name: COLUMNS[name]
        for name in ("r1", "r3", "verb", "hand", "sequence", "speed", "count", "direction")
    },
    **{name: COLUMNS[name] for name in ("mm_distance", "kid", "diversity", "multimodality", "acceleration")},
    "captions.r3": ("captions: R@3", 2),
    **{
        f"captions.{name}": (f"captions: {CAPTION_COLUMNS[name][0]}", CAPTION_COLUMNS[name][1])
        for name in ("verb", "bleu1", "bleu4", "rouge")
    },
    "decoding": ("decoding ms", 0),
}
SHIFT_COLUMNS: Final = {
    "tokens": ("tokens", 0),
    "bits": ("bits", 0),
    "mpjpe": (ERRORS["mpjpe"], 1),
    "aligned": (ERRORS["aligned"], 1),
    "wrist": (ERRORS["wrist"], 1),
    "accel": (ERRORS["accel"], 2),
    "acceleration": ("own acceleration", 2),
}
_OF_RECORDINGS: Final = ("mpjpe", "aligned", "accel")
MEANING: Final = (
    "brackets are 95 % intervals over them (Student's t), of the chance of training, for the clips are the "
    "same. As many steps as fit the same time were found beforehand; minutes are what these took in the end, "
    "of the processor, all threads together (on a GPU of the clock)."
)
_FIXED: Final = ("tokens", "bits")  # the same for every seed


@dataclass(frozen=True)
class Result:
    """What came of an arm: of each seed that is done, what its stage took and how it fared."""

    arm: Arm
    trained: tuple[Trained, ...]
    values: tuple[Values, ...]


def over_seeds(values: Sequence[float]) -> Measured:
    """Mean over trainings with Student's interval, ``mean +- t sd / sqrt(n)``; none of a single one."""
    known = np.asarray([value for value in values if math.isfinite(value)], np.float64)
    count, nothing = len(known), float("nan")
    if count < 2:
        return Measured(float(known[0]) if count else nothing, nothing, nothing, count)
    mean, spread = float(known.mean()), float(known.std(ddof=1))
    half = float(student_t.ppf((1.0 + CONFIDENCE) / 2.0, count - 1)) * spread / math.sqrt(count)
    return Measured(mean, mean - half, mean + half, count, spread)


def figures(result: Result) -> dict[str, Measured]:
    """Every figure of an arm over its seeds."""
    names = dict.fromkeys(name for values in result.values for name in values)
    return {name: over_seeds([v.get(name, math.nan) for v in result.values]) for name in names}


def differences(result: Result, other: Result) -> dict[str, Measured]:
    """An arm less another, seed by seed: trainings of one seed began alike."""
    pairs = list(zip(result.values, other.values, strict=False))
    names = [name for name in figures(result) if name in figures(other)]
    return {
        name: over_seeds([a.get(name, math.nan) - b.get(name, math.nan) for a, b in pairs]) for name in names
    }


@dataclass(frozen=True)
class Report:
    """A study as far as it is.

    Attributes:
        study: the question.
        command: what made it.
        seeds: trainings that are asked for.
        references: rows above the arms.
        results: the arms that have a seed done, in order.
        threads: of PyTorch.
    """

    study: Study
    command: str
    seeds: int
    references: Mapping[str, Values]
    results: Sequence[Result]
    threads: int

    @property
    def columns(self) -> Mapping[str, tuple[str, int]]:
        """Those of the main table."""
        return SHIFT_COLUMNS if self.study.judges == "shift" else LM_COLUMNS

    def _of(self, arm: str) -> Result | None:
        return next((result for result in self.results if result.arm.name == arm), None)

    def _chain(self, arm: Arm) -> list[Result]:
        found = [self._of(link.name) for link in self.study.chain(arm)]
        return [result for result in found if result is not None]

    def steps(self, arm: Arm) -> str:
        """Steps of each stage that the arm went through, ``1200 + 60``."""
        return " + ".join(str(r.trained[0].steps) for r in self._chain(arm) if r.arm.trains) or "-"

    def minutes(self, arm: Arm) -> float:
        """Minutes that these steps took, of all stages, the mean over seeds."""
        chain = self._chain(arm)
        return sum(float(np.mean([t.seconds for t in r.trained])) for r in chain) / 60.0

    def main(self) -> str:
        """The table of figures."""
        rows = [[name, "", "", "", *self._cells(_single(v))] for name, v in self.references.items()]
        for result in self.results:
            count, arm = len(result.values), result.arm
            minutes = f"{self.minutes(arm):.1f}" if self.minutes(arm) else "-"
            rows.append([arm.name, str(count), self.steps(arm), minutes, *self._cells(figures(result))])
        headings = ["", "seeds", "steps", "minutes", *(self.columns[k][0] for k in self._shown())]
        return table(headings, rows)

    def _shown(self) -> list[str]:
        known = {name for result in self.results for name in figures(result)}
        return [name for name in self.columns if name in known]

    def _cells(self, values: Mapping[str, Measured]) -> list[str]:
        return [_cell(values.get(name), self.columns[name][1], name in _FIXED) for name in self._shown()]

    def against(self) -> str:
        """The table of differences; empty where no arm stands beside its other."""
        rows = []
        for result in self.results:
            other = self._of(result.arm.against) if result.arm.against else None
            if other is not None:
                found = differences(result, other)
                rows.append([f"{result.arm.name} less {other.arm.name}", *self._cells(found)])
        return table(["", *(self.columns[k][0] for k in self._shown())], rows) if rows else ""

    def recordings(self) -> str:
        """The errors on recordings of people; empty where there were none."""
        known = dict.fromkeys(name for result in self.results for name in figures(result) if "/" in name)
        shown = [name for name in known if name.partition("/")[2] in _OF_RECORDINGS]
        headings = [f"{name.partition('/')[0]}: {ERRORS[name.partition('/')[2]]}" for name in shown]
        rows = []
        for result in self.results:
            found = figures(result)
            cells = [_cell(found.get(name), 2 if name.endswith("accel") else 1) for name in shown]
            rows.append([result.arm.name, *cells])
        return table(["", *headings], rows) if shown else ""

    def markdown(self) -> str:
        """The report."""
        done = min((len(result.values) for result in self.results), default=0)
        so_far = "" if done >= self.seeds else f", of which {done} are done in every arm that is shown"
        parts = [
            f"# {self.study.title}",
            f"Means of {self.seeds} trainings an arm{so_far}; {MEANING} Made by:",
            f"    {self.command}",
            f"on {this_machine().line()}; torch {torch.__version__}, {self.threads} threads.",
            self.main(),
        ]
        if self.against():
            parts += ["## Beside the arm of the same time", "Differences, seed by seed.", self.against()]
        if self.recordings():
            parts += ["## On recordings of people", "Never trained on.", self.recordings()]
        says = [[r.arm.name, r.arm.says, " ".join(f"`{s}`" for s in r.arm.settings)] for r in self.results]
        parts += ["## The arms", table(["", "what it is", "settings"], says)]
        parts += ["## Notes", "\n".join(f"- {note}" for note in self.study.notes)]
        return "\n\n".join(parts) + "\n"

    def plain(self) -> dict[str, Any]:
        """The same for a program, with the figures of every seed."""
        return {
            "study": self.study.name,
            "command": self.command,
            "machine": this_machine().line(),
            "references": {name: _numbers(values) for name, values in self.references.items()},
            "arms": {
                result.arm.name: {
                    "settings": list(result.arm.settings),
                    "after": result.arm.after,
                    "against": result.arm.against,
                    "steps": [t.steps for t in result.trained],
                    "seconds": [t.seconds for t in result.trained],
                    "seeds": [_numbers(values) for values in result.values],
                    "figures": {name: _measured(value) for name, value in figures(result).items()},
                }
                for result in self.results
            },
        }


def _single(values: Values) -> dict[str, Measured]:
    return {name: over_seeds([value]) for name, value in values.items()}


def _cell(measured: Measured | None, digits: int, fixed: bool = False) -> str:
    if measured is None:
        return "-"
    return f"{measured.value:.{digits}f}" if fixed else cell(measured, digits)


def _numbers(values: Values) -> dict[str, float | None]:
    """JSON has no NaN."""
    return {name: round(value, 5) if math.isfinite(value) else None for name, value in values.items()}


def _measured(measured: Measured) -> dict[str, float | int | None]:
    told = {"mean": measured.value, "low": measured.low, "high": measured.high}
    return {**_numbers(told), "seeds": measured.count}


def write(report: Report, out: Path) -> Path:
    """``OUT/study.json`` and ``OUT/study.md``; returns the latter."""
    write_text(out / "study.json", json.dumps(report.plain(), indent=2) + "\n")
    write_text(out / "study.md", report.markdown())
    return out / "study.md"
