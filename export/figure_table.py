"""A manifest's metrics as a person reads them: one table, and the sentences that follow from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clutch_rt.quality import PYTORCH

Metrics = Mapping[str, Any]

_FROM_SENTENCES: Final = {
    "r1": ("R@1", 2),
    "r2": ("R@2", 2),
    "r3": ("R@3", 2),
    "r3_of_1": ("R@3, one action", 2),
    "r3_of_2": ("R@3, two actions", 2),
    "r3_of_3": ("R@3, three actions", 2),
    "verb": ("verb as asked", 2),
    "hand": ("hand as asked", 2),
    "sequence": ("verbs in turn", 2),
    "speed": ("speed as asked", 2),
    "count": ("count as asked", 2),
    "count_off": ("count off by", 2),
    "direction": ("direction as asked", 2),
    "mm_distance": ("MM-distance", 2),
    "kid": ("KID", 3),
    "diversity": ("diversity", 2),
    "multimodality": ("multimodality", 2),
    "frames": ("length, frames", 0),
    "acceleration": ("acceleration, mm/frame²", 2),
}
_SHIFT: Final = {
    "mpjpe": ("MPJPE, mm", 1),
    "aligned": ("wrist-aligned MPJPE, mm", 1),
    "wrist": ("wrist, mm", 1),
    "accel": ("ACCEL error, mm/frame²", 2),
    **{
        key: _FROM_SENTENCES[key]
        for key in ("r3", "verb", "hand", "sequence", "speed", "count", "count_off", "direction", "kid")
    },
}
_CODES: Final = {
    f"{branch}{f'_{level}' if level else ''}.{key}": (text, 0)
    for branch in ("trajectory", "pose")
    for level in range(8)  # residual levels that a model has not are passed over
    for key, text in (
        ("used", f"{branch} codes used{f', residual level {level}' if level else ''}"),
        ("perplexity", "their perplexity"),
    )
}
_SECTIONS: Final = (
    ("generated", "**from a sentence**", _FROM_SENTENCES),
    ("captions", "**from a motion to a sentence**", {"r3": ("R@3 of the caption", 2)}),
    ("shift", "**through SHIFT and back**", _SHIFT),
    ("codes", "**codebooks**", _CODES),
)
_COLUMNS: Final = ("the clips' own motions", "this bundle", "PyTorch model", "shuffled motions")


def figure_table(metrics: Metrics) -> str:
    """The table, with 95 % intervals; columns and rows without a figure are left out."""
    rows: list[list[str]] = []
    for group, title, measures in _SECTIONS:
        body = [[words, *_cells(metrics, group, key, digits)] for key, (words, digits) in measures.items()]
        body = [row for row in body if row[2] or row[3]]
        rows += [[title, "", "", "", ""], *body] if body else []
    kept = [0, *(i for i in range(1, 5) if any(row[i] for row in rows))]
    lines = [["", *_COLUMNS], ["---"] * 5, *rows]
    return "\n".join(f"| {' | '.join(line[i] for i in kept)} |" for line in lines)


def _cells(metrics: Metrics, group: str, key: str, digits: int) -> list[str]:
    """The four cells of a row; ceiling and floor stand where the sentences are."""
    around = group == "generated"
    names = (
        f"truth.{key}" if around else "",
        f"{group}.{key}",
        f"{PYTORCH}.{group}.{key}",
        f"shuffled.{key}" if around else "",
    )
    return [figure_cell(metrics.get(name), digits) for name in names]


def figure_cell(figure: Any, digits: int) -> str:
    """Value and interval, such as ``0.96 [0.93, 0.98]``; nothing where there is no figure."""
    value, interval = _value(figure), _interval(figure)
    if value is None:
        return ""
    ends = f" [{', '.join(_fixed(end, digits) for end in interval)}]" if interval else ""
    return _fixed(value, digits) + ends


def _value(figure: Any) -> float | None:
    value = figure.get("value") if isinstance(figure, Mapping) else figure
    return value if isinstance(value, (int, float)) else None


def _interval(figure: Any) -> list[float]:
    """Low and high end, or nothing."""
    return list(figure.get("interval") or ()) if isinstance(figure, Mapping) else []


def _fixed(value: float, digits: int) -> str:
    shown = f"{value:.{digits}f}"
    return shown.lstrip("-") if not shown.strip("-0.") else shown


def shortcomings(metrics: Metrics) -> list[str]:
    """What the figures say it does badly, or how well: a sentence each, of the bundle where it was judged."""
    verb, hand = _share(metrics, "verb"), _share(metrics, "hand")
    found = []
    if verb and hand:
        found.append(f"Of sentences with one action, {verb} get the verb and {hand} the hand they ask for.")
    if turns := _share(metrics, "sequence"):
        found.append(f"Of several actions in one sentence, {turns} are done in their turn.")
    for key, told in (("speed", "the speed they say"), ("count", "the count they say"), ("direction", "it")):
        if share := _share(metrics, key):
            found.append(f"Of sentences that say a {key}, {share} get {told}{_beside(metrics, key)}")
    return found


def _beside(metrics: Metrics, key: str) -> str:
    """What the same meter reads where nothing was generated, and whether chance does as well."""
    truth, floor = metrics.get(f"truth.{key}"), metrics.get(f"shuffled.{key}")
    pieces = _listed(
        (truth, "in the clips' own motions"),
        (_model(metrics, "shift", key), "after SHIFT alone"),
        (floor, "by chance"),
    )
    off = _value(_model(metrics, "generated", f"{key}_off"))
    average = f", off by {off:.1f} on average" if off is not None else ""
    found, chance = _interval(_model(metrics, "generated", key)), _interval(floor)
    verdict = " That is not clearly better than chance." if found and chance and found[0] <= chance[1] else ""
    return f"{average}{f' ({pieces})' if pieces else ''}.{verdict}"


def _listed(*told: tuple[Any, str]) -> str:
    shares = ((_value(figure), words) for figure, words in told)
    return ", ".join(f"{share:.0%} {words}" for share, words in shares if share is not None)


def _share(metrics: Metrics, key: str) -> str:
    value = _value(_model(metrics, "generated", key))
    return "" if value is None else f"{value:.0%}"


def _model(metrics: Metrics, group: str, key: str) -> Any:
    """The bundle's figure, or the PyTorch model's where the bundle was not judged."""
    return metrics.get(f"{group}.{key}", metrics.get(f"{PYTORCH}.{group}.{key}"))


def plain_table(rows: Iterable[tuple[str, str]]) -> str:
    """Two columns without headings."""
    lines = [f"| {name} | {cell(value)} |" for name, value in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def cell(value: str) -> str:
    """Text that cannot break a table."""
    return value.replace("|", "\\|").replace("\n", " ")
