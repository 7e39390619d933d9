"""The table a person reads, the file a program reads, and the plot."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.files import appearing
from train.evaluate.captions import CAPTION_COLUMNS, CaptionRow
from train.evaluate.errors import Errors
from train.evaluate.faults import FAULTS
from train.evaluate.metrics import CodeUsage, Measured
from train.evaluate.rows import Row
from train.run import write_text

# measure -> (heading, digits)
COLUMNS: Final = {
    "r1": ("R@1", 2),
    "r2": ("R@2", 2),
    "r3": ("R@3", 2),
    "r3_of_1": ("R@3, 1 action", 2),
    "r3_of_2": ("2 actions", 2),
    "r3_of_3": ("3 actions", 2),
    "verb": ("verb", 2),
    "hand": ("hand", 2),
    "sequence": ("verbs in turn", 2),
    "speed": ("speed", 2),
    "count": ("count", 2),
    "count_off": ("count off by", 2),
    "direction": ("direction", 2),
    "mm_distance": ("MM-dist", 2),
    "kid": ("KID", 3),
    "diversity": ("diversity", 2),
    "multimodality": ("multimod.", 2),
    "duration": ("duration", 2),
    "duration_of_1": ("duration, 1 action", 2),
    "duration_off": ("duration off by", 2),
    "frames": ("frames", 0),
    "acceleration": ("acceleration mm/frame²", 2),
}
# Of the motion itself, whatever it was asked for.
BODY_COLUMNS: Final = {
    "contact_share": ("in contact, part of the time", 3),
    "contact_seconds": ("seconds a contact", 2),
    "contact_rate": ("contacts a second", 2),
    "contact_match": ("touch where the clip's hands do", 2),
    **{name: (words, 3) for name, words in FAULTS.items()},
    "faulty": ("any of these faults", 3),
}
# Whose spread between the draws is told.
_SPREAD: Final = ("r1", "r3", "verb", "hand", "sequence", "speed", "count", "direction", "duration")
ERRORS: Final = {
    "mpjpe": "MPJPE mm",
    "aligned": "wrist-aligned mm",
    "wrist": "wrist mm",
    "accel": "ACCEL error mm/frame²",
    "truth_acceleration": "truth's acceleration",
    "acceleration": "its own",
}
INTERVALS: Final = "bootstrap over clips, each with all its draws, so of the chance of both"
PAPER: Final = (
    "On its own data, not ours, the CLUTCH paper reports MPJPE 45.9 mm and ACCEL 5.40 for SHIFT, and "
    "R@3 0.67 for ground truth, 0.72 for its model. Such figures do not compare across corpora."
)


@dataclass(frozen=True)
class Findings:
    """Everything an evaluation found.

    Attributes:
        command: what made it.
        judged: which model.
        record: of what and how, for a program: ``files`` with their hashes, ``pool``, ``settings``.
        rows: the table's rows, ceilings first, the floor last.
        errors: of SHIFT's reconstructions.
        usage: of the codebooks; empty where the model does not show its codes.
        captions: figures of the model's captions of held-out motions, with their ceiling and floor.
        notes: sentences under the table.
    """

    command: str
    judged: str
    record: Mapping[str, Any]
    rows: Sequence[Row]
    errors: Errors
    usage: Mapping[str, CodeUsage]
    captions: Sequence[CaptionRow]
    notes: Sequence[str]


def cell(measured: Measured, digits: int = 2) -> str:
    """``0.91 [0.88, 0.93]``, or the value alone where there is no interval."""
    if math.isnan(measured.value):
        return "-"
    if math.isnan(measured.low):
        return f"{measured.value:.{digits}f}"
    return f"{measured.value:.{digits}f} [{measured.low:.{digits}f}, {measured.high:.{digits}f}]"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def rows_table(rows: Sequence[Row | CaptionRow], columns: Mapping[str, tuple[str, int]] = COLUMNS) -> str:
    """The rows under those of the columns, (heading, digits) by measure, that any of them has."""
    shown = [key for key in columns if any(key in row.values for row in rows)]
    body = [
        [row.name, *(cell(row.values[k], columns[k][1]) if k in row.values else "-" for k in shown)]
        for row in rows
    ]
    return table(["", *(columns[k][0] for k in shown)], body)


def between_draws(rows: Sequence[Row]) -> str:
    """How far the draws of a row lie apart, in a sentence; empty where every row is one draw."""
    parts = []
    for row in rows:
        spread = {k: row.values[k].between for k in _SPREAD if k in row.values}
        told = [f"{COLUMNS[k][0]} {v:.3f}" for k, v in spread.items() if not math.isnan(v)]
        if told:
            parts.append(f"Standard deviation between the draws, {row.name}: {', '.join(told)}.")
    return "\n".join(parts)


def errors_table(named: Mapping[str, Errors], extra: Mapping[str, Sequence[str]] | None = None) -> str:
    """One line of errors per name; ``extra`` gives further cells for a name, under its own headings."""
    more = extra or {}
    headings = ["", *(more.get("", ())), *ERRORS.values()]
    body = [
        [
            name,
            *more.get(name, ()),
            *(
                cell(getattr(errors, key), 1 if "mm" in head and "/" not in head else 2)
                for key, head in ERRORS.items()
            ),
        ]
        for name, errors in named.items()
    ]
    return table(headings, body)


def markdown(found: Findings) -> str:
    """The report."""
    parts = [
        "# Evaluation",
        f"Judged: {found.judged}. Brackets are 95 % intervals ({INTERVALS}). Made by:",
        f"    {found.command}",
        rows_table(found.rows),
        *([between_draws(found.rows)] if between_draws(found.rows) else []),
        "## Hands together, and faults",
        rows_table(found.rows, BODY_COLUMNS),
        "## Through SHIFT and back",
        errors_table({"held-out clips": found.errors}),
    ]
    if found.usage:
        body = [[n, f"{u.used} of {u.size}", f"{u.perplexity:.0f}"] for n, u in found.usage.items()]
        parts.append(table(["codebook", "entries used", "perplexity"], body))
    if found.captions:
        parts += ["## Captions of held-out motions", rows_table(found.captions, CAPTION_COLUMNS)]
    parts += ["## Notes", "\n".join(f"- {note}" for note in (*found.notes, PAPER))]
    return "\n\n".join(parts) + "\n"


def _number(measured: Measured) -> dict[str, Any]:
    interval = None if math.isnan(measured.low) else [round(measured.low, 5), round(measured.high, 5)]
    value = None if math.isnan(measured.value) else round(measured.value, 5)
    figure = {"value": value, "interval": interval, "count": measured.count}
    return figure if math.isnan(measured.between) else {**figure, "between": round(measured.between, 5)}


def flat(found: Findings) -> dict[str, dict[str, Any]]:
    """Every figure under one key, such as ``generated.verb``: value, interval, count.

    Where there were several draws, ``between`` is the standard deviation of their means.
    """
    out = {f"{_key(row.name)}.{k}": _number(v) for row in found.rows for k, v in row.values.items()}
    for field in fields(found.errors):
        out[f"shift.{field.name}"] = _number(getattr(found.errors, field.name))
    for name, used in found.usage.items():
        out[f"codes.{name}.used"] = {"value": used.used, "interval": None, "count": used.size}
        perplexity = round(used.perplexity, 2)
        out[f"codes.{name}.perplexity"] = {"value": perplexity, "interval": None, "count": used.size}
    for captions in found.captions:
        out |= {f"{captions.key}{name}": _number(value) for name, value in captions.values.items()}
    return out


def _key(name: str) -> str:
    return {"ground truth": "truth", "SHIFT reconstruction": "shift"}.get(name, name)


def write_report(found: Findings, folder: Path) -> None:
    """``metrics.json`` (figures, and under ``judged`` what they are of), ``report.md`` and ``report.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = {
        "judged": {"model": found.judged, "command": found.command, **found.record},
        **flat(found),
    }
    write_text(folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_text(folder / "report.md", markdown(found))
    plot(found.rows, folder / "report.png")


def plot(rows: Sequence[Row], path: Path) -> None:
    """Bars of the shares per row, and what was read against what was asked for speed and count."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    generated = next((row for row in rows if _key(row.name) == "generated"), rows[-1])
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    bars, speed, count = figure.subplots(1, 3, width_ratios=(2.2, 1, 1))
    _bars(bars, rows)
    _confusion(speed, generated.speed, ("slow", "normal", "fast"), f"speed, {generated.name}")
    counts = tuple(range(1, 1 + max([max(pair) for pair in generated.count], default=1)))
    _confusion(count, generated.count, counts, f"count, {generated.name}")
    with appearing(path) as part:
        figure.savefig(part, dpi=110, format="png")


def _bars(axes: Any, rows: Sequence[Row]) -> None:
    keys = ("r1", "r3", "verb", "hand", "sequence", "speed", "count", "direction")
    places = np.arange(len(keys))
    for number, row in enumerate(rows):
        found = [row.values[k] for k in keys]
        values = np.asarray([m.value for m in found])
        spread = np.asarray([[m.value - m.low, m.high - m.value] for m in found]).T
        shift = (number - (len(rows) - 1) / 2) * 0.8 / len(rows)
        axes.bar(places + shift, values, 0.8 / len(rows), yerr=np.maximum(spread, 0.0), label=row.name)
    axes.set_xticks(places, [COLUMNS[k][0] for k in keys])
    axes.set_ylim(0, 1.05)
    axes.legend(fontsize=8)
    axes.grid(axis="y", alpha=0.3)


def _confusion(axes: Any, pairs: Sequence[tuple[Any, Any]], labels: Sequence[Any], title: str) -> None:
    grid = np.zeros((len(labels), len(labels)))
    for asked, read in pairs:
        if asked in labels and read in labels:
            grid[labels.index(asked), labels.index(read)] += 1
    axes.imshow(grid / np.maximum(grid.sum(1, keepdims=True), 1), vmin=0, vmax=1, cmap="Blues")
    for (row, column), number in np.ndenumerate(grid):
        axes.text(column, row, f"{int(number)}", ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("read")
    axes.set_ylabel("asked")
    axes.set_title(title, fontsize=9)
