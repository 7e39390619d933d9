"""Which verbs are taken for which: the judge's eye on the test clips of one action."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from train.evaluate.confusion import CONFUSION_FILE
from train.report.markup import Element, details, element, gap, scrolling, table
from train.report.reading import read_json

_CELL, _MARGIN = 15, 92
_WORST: Final = 8


def verbs_part(folder: Path, key: str, name: str) -> list[Element]:
    """The pictures and the table, of an evaluation's folder."""
    found = read_json(folder / CONFUSION_FILE)
    if not found:
        return [gap(f"No {CONFUSION_FILE} here: `python -m train.evaluate` writes which verb was seen.")]
    parts = [element("h4", "Verbs: rows are what was asked, columns what the judge saw")]
    for row, triples in sorted(found.get("rows", {}).items(), key=lambda item: item[0] != "generated"):
        counts = Counter({(str(asked), str(seen)): int(number) for asked, seen, number in triples})
        verbs = sorted({verb for pair in counts for verb in pair})
        right = sum(n for (asked, seen), n in counts.items() if asked == seen)
        said = f"{row}: {right} of {sum(counts.values())} motions are seen as the verb that was asked for"
        drawn = [element("p", f"{said}."), matrix(verbs, counts, f"{name}, {said}")]
        if row == "generated":
            parts += [*drawn, _table(verbs, counts, name, f"verbs-generated{key}")]
        else:
            parts.append(details(f"The same for {row}, the judge's own mistakes", *drawn))
    return parts


def matrix(verbs: list[str], counts: Counter[tuple[str, str]], said: str) -> Element:
    """A square a pair: rows what was asked, columns what the judge saw, the fuller the more often."""
    size = _MARGIN + _CELL * len(verbs)
    totals = Counter[str]()
    for (asked, _), number in counts.items():
        totals[asked] += number
    made = element(
        "svg",
        viewBox=f"0 0 {size} {size}",
        width=size,
        role="img",
        aria_label=f"{said}; the table of verbs says the same",
        class_="matrix",
    )
    edge = _CELL * len(verbs)
    made.append(element("rect", x=_MARGIN, y=_MARGIN, width=edge, height=edge, class_="frame"))
    for i, verb in enumerate(verbs):
        at = _MARGIN + _CELL * i + 11
        made.append(element("text", verb, x=_MARGIN - 5, y=at, text_anchor="end"))
        turned = f"rotate(-90 {at} {_MARGIN - 5})"
        made.append(element("text", verb, x=at, y=_MARGIN - 5, transform=turned))
    for (asked, seen), number in counts.items():
        title = f"asked {asked}, seen {seen}: {number} of {totals[asked]}"
        square = element(
            "rect",
            element("title", title),
            x=_MARGIN + _CELL * verbs.index(seen) + 1,
            y=_MARGIN + _CELL * verbs.index(asked) + 1,
            width=_CELL - 2,
            height=_CELL - 2,
            fill_opacity=round(0.15 + 0.85 * number / totals[asked], 3),
            class_="right" if asked == seen else "wrong",
        )
        made.append(square)
    return scrolling("Asked and seen verbs, as squares", made)


def _table(verbs: list[str], counts: Counter[tuple[str, str]], name: str, key: str) -> Element:
    rows = []
    for verb in verbs:
        seen = Counter({b: n for (a, b), n in counts.items() if a == verb})
        total = sum(seen.values())
        if not total:
            continue
        others = ", ".join(f"{other} {n}" for other, n in seen.most_common() if other != verb)
        rows.append((seen[verb] / total, [verb, f"{seen[verb]} of {total}", others or "-"]))
    ordered = [cells for _, cells in sorted(rows, key=lambda row: row[0])]
    made = table(
        f"Verbs of {name}, the least understood first", ["asked", "seen right", "taken for"], ordered, key
    )
    return made if len(ordered) <= _WORST else details(f"All {len(ordered)} verbs", made)
