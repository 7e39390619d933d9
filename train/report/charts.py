"""Curves as inline SVG: small, crisp, and with the numbers they are drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from train.report.markup import Element, details, element, table
from train.report.reading import Curve, Pair

WIDTH, HEIGHT = 340, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 20, 10, 34
POINTS: Final = 300  # drawn of a curve at most, evenly chosen
_TICKS: Final = 6
_MARKED: Final = 40  # curves with fewer points show each
_ROWS: Final = 24  # of a table of numbers
_WIDE: Final = 20.0  # largest by smallest value from which the axis is logarithmic


@dataclass(frozen=True)
class Axis:
    """One axis: values from ``low`` to ``high`` onto pixels from ``start`` to ``stop``."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value stands, pixels."""
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (at - low) / (high - low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Round values on the axis."""
        if self.log:
            found = LogLocator(subs=(1.0, 2.0, 5.0), numticks=12).tick_values(self.low, self.high)
        else:
            found = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        span = 1e-9 * (self.high - self.low)
        inside = [float(v) for v in found if self.low - span <= v <= self.high + span]
        return inside[:: -(-len(inside) // _TICKS)] if inside else []


def axis_of(values: Sequence[float], start: float, stop: float, log: bool = False) -> Axis:
    """An axis that holds the values, with a little room where they are all one."""
    low, high = min(values), max(values)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    return Axis(low, high, start, stop, log)


def thinned(curve: Curve) -> Curve:
    """At most ``POINTS`` of a curve's points, the first and the last among them."""
    if len(curve.steps) <= POINTS:
        return curve
    chosen = np.round(np.linspace(0, len(curve.steps) - 1, POINTS)).astype(int)
    return Curve(tuple(curve.steps[i] for i in chosen), tuple(curve.values[i] for i in chosen), curve.lost)


def short(value: float) -> str:
    """A number in a few digits."""
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.1e}"


def chart(pair: Pair, stage: str, note: str = "") -> Element:
    """A figure of what a stage logged under one name; ``note`` says what the name means."""
    curves = [(kind, c) for kind, c in (("train", pair.train), ("held out", pair.held_out)) if c is not None]
    shown = [(kind, thinned(c)) for kind, c in curves if c.steps]
    name = pair.name.replace("_", " ")
    caption = element("figcaption", element("strong", name))
    for kind, curve in shown:
        key = element("span", "", class_=f"key {_css(kind)}")
        caption.extend([key, element("span", f"{kind} {short(curve.values[-1])} ")])
    lost = sum(c.lost for _, c in curves)
    if lost:
        caption.append(element("span", f"{lost} value(s) not finite", class_="bad"))
    if note:
        caption.append(element("small", note))
    parts = [caption, _picture(f"{stage}: {name}", shown)] if shown else [caption]
    return element("figure", *parts, class_="chart")


def _picture(title: str, shown: Sequence[tuple[str, Curve]]) -> Element:
    values = [v for _, c in shown for v in c.values]
    log = min(values) > 0 and max(values) / min(values) > _WIDE
    x = axis_of([s for _, c in shown for s in c.steps], _LEFT, WIDTH - _RIGHT)
    y = axis_of(values, HEIGHT - _BOTTOM, _TOP, log)
    said = f"{title} by step, {'logarithmic' if log else 'linear'}. " + " ".join(
        f"{kind}: {short(c.values[0])} at step {c.steps[0]}, {short(c.values[-1])} at step {c.steps[-1]}."
        for kind, c in shown
    )
    lines = [_series(kind, curve, x, y) for kind, curve in shown]
    return frame(said, x, y, *lines)


def frame(said: str, x: Axis, y: Axis, *marks: Element, x_name: str = "step") -> Element:
    """A picture with axes and what is drawn in it; ``said`` stands for it where it is not seen."""
    made = element(
        "svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=said,
        class_="plot",
        data_from=x.start / WIDTH,
        data_to=x.stop / WIDTH,
    )
    for value in y.ticks():
        at = y.place(value)
        made.append(element("line", x1=x.start, x2=x.stop, y1=at, y2=at, class_="grid"))
        made.append(element("text", short(value), x=_LEFT - 6, y=at + 4, text_anchor="end"))
    for value in x.ticks():
        at = x.place(value)
        made.append(element("text", short_step(value), x=at, y=HEIGHT - 19, text_anchor="middle"))
    made.append(element("text", x_name, x=WIDTH - _RIGHT, y=HEIGHT - 4, text_anchor="end", class_="axis"))
    made.extend(marks)
    return made


def short_step(value: float) -> str:
    """A step on an axis: whole numbers, thousands as k."""
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:g}"


def _series(kind: str, curve: Curve, x: Axis, y: Axis) -> Element:
    """A line, and its numbers in ``data-steps`` and ``data-values``."""
    places = [(x.place(s), y.place(v)) for s, v in zip(curve.steps, curve.values, strict=True)]
    group = element(
        "g",
        class_=f"series {_css(kind)}",
        data_name=kind,
        data_steps=" ".join(map(str, curve.steps)),
        data_values=" ".join(f"{v:.6g}" for v in curve.values),
    )
    if len(places) > 1:
        group.append(element("polyline", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in places)))
    if len(places) < _MARKED:
        group.extend([element("circle", cx=round(a, 1), cy=round(b, 1), r=2.5) for a, b in places])
    return group


def _css(kind: str) -> str:
    return kind.replace(" ", "-")


def numbers(found: Sequence[Pair], stage: str) -> Element:
    """The same curves as a folded table, every so many steps."""
    curves = [
        (f"{p.name.replace('_', ' ')}{suffix}", c)
        for p in found
        for suffix, c in (("", p.train), (", held out", p.held_out))
        if c is not None
    ]
    steps = sorted({step for _, c in curves for step in c.steps})
    if len(steps) > _ROWS:
        steps = [steps[i] for i in np.round(np.linspace(0, len(steps) - 1, _ROWS)).astype(int)]
    values = [(name, dict(zip(c.steps, c.values, strict=True))) for name, c in curves]
    rows = [[str(s), *(short(v[s]) if s in v else "" for _, v in values)] for s in steps]
    caption = f"{stage}: numbers by step (all of them: metrics.jsonl)"
    return details("As numbers", table(caption, ["step", *(name for name, _ in values)], rows))
