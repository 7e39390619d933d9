"""The evaluation's figures with their intervals, as tables; read from its ``metrics.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from train.evaluate.report import COLUMNS, ERRORS, PAPER
from train.report.markup import Child, Element, details, element, gap, section, table
from train.report.reading import read_json
from train.report.verbs import verbs_part
from train.run import RunFolder

ROWS: Final = {
    "truth": "ground truth",
    "shift": "through SHIFT and back",
    "generated": "generated",
    "shuffled": "shuffled text",
}
# Lie between 0 and 1, so that a picture of them says something.
_SHARES: Final = re.compile(r"r\d|r3_of_\d|verb|hand|sequence|speed|count|direction")
_OF_ACTIONS: Final = re.compile(r"^(\d) actions$")
_BAR: Final = 64


def results_section(folder: RunFolder) -> Element:
    """The section of the page: the run's models, and each bundle that was judged."""
    parts = _judged(folder.path / "evaluate", "", "the run's models")
    if not parts:
        parts = [gap("Not evaluated yet: the stage evaluate makes these tables.")]
    for path in sorted((folder.path / "evaluate").glob("bundle-*")):
        parts += _judged(path, path.name, f"the bundle {path.name.removeprefix('bundle-')}")
    parts.append(details("Beside the paper", element("p", PAPER)))
    return section("results", "Judged on held-out clips", *parts)


def _judged(folder: Path, key: str, name: str) -> list[Element]:
    found = read_json(folder / "metrics.json")
    if not found:
        return []
    how = found.get("judged") or {}
    said = element("p", "Brackets are 95 % intervals (bootstrap over clips). Made by ", _command(how), ".")
    parts = [element("h3", name[:1].upper() + name[1:]), said]
    parts.append(_measures(found, name, f"measures{key}"))
    parts.append(_errors(found, name, f"errors{key}"))
    parts += verbs_part(folder, key, name)
    return parts


def _command(how: Mapping[str, Any]) -> Element:
    return element("code", str(how.get("command", "a command that was not noted")))


def _measures(found: Mapping[str, Any], name: str, key: str) -> Element:
    """A row a measure, a column for each of what was judged; what the evaluation adds comes along."""
    figures = {k: v for k, v in found.items() if isinstance(v, Mapping) and "value" in v}
    columns = [row for row in ROWS if any(k.startswith(f"{row}.") for k in figures)]
    names = [k.partition(".")[2] for k in figures if k.partition(".")[0] in ROWS]
    kept = [*COLUMNS, *(n for n in names if n not in COLUMNS and n not in ERRORS)]
    body: list[Sequence[Child]] = []
    for measure in dict.fromkeys(kept):
        cells = [figures.get(f"{row}.{measure}") for row in columns]
        if any(cell and cell["value"] is not None for cell in cells):
            heading, digits = COLUMNS.get(measure, (measure.replace("_", " "), 2))
            heading = _OF_ACTIONS.sub(r"R@3, \1 actions", heading)
            body.append([heading, *(_cell(cell, digits, _SHARES.fullmatch(measure)) for cell in cells)])
    return table(f"Measures of {name}", ["", *(ROWS[c] for c in columns)], body, key)


def _errors(found: Mapping[str, Any], name: str, key: str) -> Element:
    body: list[Sequence[Child]] = [
        [heading, _cell(found[f"shift.{k}"], 2)] for k, heading in ERRORS.items() if f"shift.{k}" in found
    ]
    if isinstance(found.get("captions.r3"), Mapping):
        body.append(["R@3 of captions of held-out motions", _cell(found["captions.r3"], 2)])
    return table(f"Through SHIFT and back, and captions: {name}", ["", "value"], body, key)


def _cell(figure: Mapping[str, Any] | None, digits: int, share: object = None) -> Child:
    if not figure or figure.get("value") is None:
        return "-"
    value, interval = float(figure["value"]), figure.get("interval")
    said = f"{value:.{digits}f}"
    if interval:
        low, high = (float(v) for v in interval)
        said += f" [{low:.{digits}f}, {high:.{digits}f}]"
        if share:
            return element("span", said, _whisker(value, low, high), class_="figure")
    return said


def _whisker(value: float, low: float, high: float) -> Element:
    """Value and interval between 0 and 1; the cell's text says the same."""
    x, a, b = (3 + (_BAR - 6) * min(max(v, 0.0), 1.0) for v in (value, low, high))
    return element(
        "svg",
        element("line", x1=3, x2=_BAR - 3, y1=5, y2=5, class_="grid"),
        element("line", x1=a, x2=b, y1=5, y2=5, class_="interval"),
        element("circle", cx=x, cy=5, r=3),
        viewBox=f"0 0 {_BAR} 10",
        class_="whisker",
        aria_hidden="true",
    )
