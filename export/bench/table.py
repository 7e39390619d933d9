"""A record of runs as tables that a person reads: every ratio is of two runs of the same round."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

REAL_TIME_TOKENS: Final = 15.0
"""Tokens per second of a motion: 30 frames, 8 to a step, 4 tokens a step."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A figure that was to be reached.

    Attributes:
        what: it is.
        goal: in words.
        found: in words; None where it was not measured.
        reached: whether it meets the goal; None where it was not measured.
    """

    what: str
    goal: str
    found: str | None = None
    reached: bool | None = None


@dataclass(frozen=True)
class Spread:
    """Median, least and largest of several numbers."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one number."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, form: str = ".2f", unit: str = "") -> str:
        """``median (least to largest)``."""
        return f"{self.median:{form}}{unit} ({self.least:{form}} to {self.most:{form}})"


def ratios(slower: Record, faster: Record) -> Spread:
    """How many times as long ``slower`` takes, round by round."""
    return Spread.of([a / b for a, b in zip(slower["seconds"], faster["seconds"], strict=True)])


def share(system: Record) -> Spread:
    """The time in which the weights alone could be read, over the time taken: round by round."""
    pairs = zip(system["seconds"], system["bandwidth"], strict=True)
    return Spread.of([system["bytes"] / bandwidth / seconds for seconds, bandwidth in pairs])


def time_parts(system: Record) -> dict[str, float]:
    """Where the time of one of our runs goes, seconds: the encoder's, and what reading takes the probe.

    ``weights`` and ``attended`` are the decoder's weights, and the keys and values that it attends to, at the
    probe's rate; ``rest`` is what remains of the run, below 0 where part of them stayed in a cache.
    """
    encoder, bandwidth = (statistics.median(system[name]) for name in ("encoder", "bandwidth"))
    weights = (system["bytes"] - system["encoder_bytes"]) / bandwidth
    attended = system["attended_bytes"] / bandwidth
    rest = statistics.median(system["seconds"]) - encoder - weights - attended
    return {"encoder": encoder, "weights": weights, "attended": attended, "rest": rest}


def floor_ratio(slower: Record, faster: Record) -> float:
    """How many times as long ``slower`` would take where nothing cost time but the encoder and reading."""
    first, second = (sum(v for k, v in time_parts(s).items() if k != "rest") for s in (slower, faster))
    return first / second


def growth(system: Record) -> Spread | None:
    """Time of a step around the 60th over that of one around the 5th, run by run."""
    found = []
    for ends in system["long"]:
        steps = [b - a for a, b in itertools.pairwise(ends)]  # steps[i] is step i + 2
        found.append(statistics.median(steps[55:62]) / statistics.median(steps[1:8]))
    return Spread.of(found) if found else None


def find(result: Record, name: str, threads: int | None = None) -> Record | None:
    """A system by its name: under ``threads``, or under the number that suits it best."""
    for system in result["systems"]:
        if system["name"] == name and (system["best"] if threads is None else system["threads"] == threads):
            return dict(system)
    return None


def system_table(result: Record) -> str:
    """One row for each system: speed, first tokens, share of the limit, memory."""
    tokens = result["task"]["tokens"]
    head = ("system", "threads", "tokens/s", "x real time", "run ms (least to most)", "first 4 tokens ms")
    rows = [[*head, "share of limit", "resident MB", "codes as PyTorch"]]
    for system in sorted(result["systems"], key=lambda s: statistics.median(s["seconds"])):
        time = Spread.of([1e3 * s for s in system["seconds"]])
        speed = tokens / time.median * 1e3
        codes = system.get("codes_equal")
        rows.append(
            [
                system["name"],
                str(system["threads"]),
                f"{speed:.0f}",
                f"{speed / REAL_TIME_TOKENS:.1f}",
                time.text(".0f"),
                f"{1e3 * statistics.median(system['first']):.1f}",
                f"{share(system).median:.0%}",
                f"{system['memory'].get('resident', float('nan')):.0f}",
                f"{codes[0]} of {codes[1]}" if codes else "",
            ]
        )
    return markdown(rows)


def parts_table(result: Record, threads: int = 1) -> str:
    """Where the time of ours goes under ``threads``, milliseconds."""
    head = ("system", "run", "encoder", "decoder's weights", "keys and values", "rest", "all but the rest")
    rows = [list(head)]
    for system in result["systems"]:
        if system["threads"] == threads and system.get("encoder"):
            found, run = time_parts(system), statistics.median(system["seconds"])
            cells = [1e3 * seconds for seconds in (run, *found.values())]
            rows.append([system["name"], *(f"{ms:.1f}" for ms in cells), f"{1 - found['rest'] / run:.0%}"])
    return markdown(rows)


def ratio_table(result: Record, threads: int = 1) -> str:
    """How many times as long each peer takes, at its best, as each of ours under ``threads``."""
    ours = [s for s in result["systems"] if s["ours"] and s["threads"] == threads]
    rows = [["peer, at its best", *(s["name"].removeprefix("clutch-rt ") for s in ours)]]
    for peer in result["systems"]:
        if not peer["ours"]:
            rows.append([peer["name"], *(f"{ratios(peer, s).median:.2f}x" for s in ours)])
    return markdown(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows, the first of them the head, as a table."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])
