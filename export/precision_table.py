"""What every precision of the weights costs and brings: the table of what ``export.precisions`` recorded."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, Final

from clutch_rt.machine import Machine
from clutch_rt.quality import FIGURES, LIMIT, PYTORCH, degradations, quality_warning

from export.figure_table import figure_cell

PARITY: Final = {"token_agreement": ("tokens alike", 3), "generated_mm": ("joints apart mm", 2)}
"""Of a bundle's parity with PyTorch: in words, and digits behind the point."""

_HEADS: Final = {"generated.r3": "R@3", "shift.mpjpe": "SHIFT MPJPE mm"}


def precision_table(record: Mapping[str, Any]) -> str:
    """Markdown, the PyTorch model's figures in its first row; KeyError where the record lacks something."""
    rows = record["rows"]
    heads = [_HEADS.get(name, name.removeprefix("generated.")) for name in FIGURES]
    heads = ["", "MB", *heads, *(words for words, _ in PARITY.values()), "times real time"]
    first = next(iter(rows.values()))["figures"]
    table = [["PyTorch", "", *_figures(first, f"{PYTORCH}."), *([""] * len(PARITY)), ""]]
    for name, row in rows.items():
        parity = [f"{row['parity'][key]:.{digits}f}" for key, (_, digits) in PARITY.items()]
        speed = f"{row['times_real_time']['median']:.0f}"
        table.append([name, f"{row['bytes'] / 1e6:.1f}", *_figures(row["figures"], ""), *parity, speed])
    return "\n".join("| " + " | ".join(line) + " |" for line in [heads, ["---"] * len(heads), *table])


def what_it_tells(record: Mapping[str, Any]) -> str:
    """What stands before the table: what its figures are, and on which machine it was timed."""
    versions = ", ".join(map(" ".join, record["versions"].items()))
    return textwrap.fill(
        "The figures are of the held-out clips, drawn with the same seeds; brackets are 95 % intervals. "
        "Tokens alike, joints apart: motion drawn freely beside PyTorch's under the same noise. Times real "
        f"time: one thread, motions of {record['seconds']:.1f} s, median of {record['rounds']} rounds, "
        f"{Machine(**record['machine']).line()}; {versions}.",
        110,
    )


def what_is_lost(record: Mapping[str, Any]) -> str:
    """What stands behind it: what a bundle of each precision says when it is loaded, a line each."""
    lines = [f"What each says of that when it is loaded, where a figure loses more than {LIMIT:.0%}:", ""]
    for precision, row in record["rows"].items():
        silent = (
            f"{precision} says nothing" if degradations(row["figures"]) else f"{precision} was not judged"
        )
        said = quality_warning(precision, row["figures"]) or silent
        lines.append(textwrap.fill(f"- {said}", 110, subsequent_indent="  "))
    return "\n".join(lines)


def _figures(figures: Mapping[str, Any], before: str) -> list[str]:
    return [figure_cell(figures.get(f"{before}{name}"), 2) for name in FIGURES]
