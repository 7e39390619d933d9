"""A picture of a benchmark's stream: how long every step took, and how many were made how soon."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from clutch_rt.bench import STEP_SECONDS, Result
from clutch_rt.errors import MissingExtraError
from clutch_rt.formats.raster import shrink
from clutch_rt.spread import Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FINE: Final = 2  # drawn this much larger, then averaged: smooth lines without a graphics library
_WIDTH: Final = 1200
_HEIGHT: Final = 520
_PAPER: Final = (250, 250, 251)
_INK: Final = (52, 56, 64)
_FAINT: Final = (128, 134, 144)
_GRID: Final = (226, 228, 232)
_MADE: Final = (38, 110, 180)
_LIMIT: Final = (196, 62, 48)


@dataclass(frozen=True)
class _Panel:
    """A plot's place in pixels, and the logarithms or numbers at its edges."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: Any, y: Any) -> NDArray[Any]:
        """Pixels ``(N, 2)`` of points."""
        across = (np.asarray(x, np.float64) - self.x[0]) / (self.x[1] - self.x[0])
        up = (np.asarray(y, np.float64) - self.y[0]) / (self.y[1] - self.y[0])
        return np.stack(
            [self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)], -1
        )


class _Pen:
    """Pillow's drawing in pixels of the finished picture."""

    def __init__(self, image: Any, draw: Any, font: Any) -> None:
        self._pen = draw.Draw(image)
        self._font = font

    def line(self, points: Iterable[Sequence[float]], color: tuple[int, int, int], width: float = 1) -> None:
        flat = [_FINE * float(v) for point in points for v in point]
        self._pen.line(flat, fill=color, width=round(_FINE * width))

    def dots(self, points: NDArray[Any], color: tuple[int, int, int], radius: float) -> None:
        for x, y in _FINE * points:
            r = _FINE * radius
            self._pen.ellipse([x - r, y - r, x + r, y + r], fill=color)

    def text(
        self, x: float, y: float, text: str, color: tuple[int, int, int], size: int = 14, anchor: str = "la"
    ) -> None:
        font = self._font.load_default(size=_FINE * size)
        self._pen.text((_FINE * x, _FINE * y), text, fill=color, font=font, anchor=anchor)


def require_pillow() -> None:
    """Raise MissingExtraError where Pillow is not installed, before anything is measured for a plot."""
    _pillow()


def plot_png(result: Result) -> bytes:
    """The picture of a result's paced stream, as the bytes of a PNG of 1200 x 520 pixels.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    image, draw, font = _pillow()
    sheet = image.new("RGB", (_FINE * _WIDTH, _FINE * _HEIGHT), _PAPER)
    pen = _Pen(sheet, draw, font)
    paced = result.paced
    made_ms = 1000 * np.maximum(paced.made, 1e-5)
    tail = Spread.of(made_ms)
    model = result.model
    pen.text(24, 16, _headline(result, tail), _INK, 18)
    pen.text(
        24,
        44,
        f"{model['name']}, {model['form']} form, {model['precision']}, {model['provider']}, "
        f"{model['threads']} thread{'s' * (model['threads'] > 1)}; {result.machine.line()}",
        _FAINT,
        13,
    )
    low, high = _decades(float(made_ms.min()), max(float(made_ms.max()), 1000 * STEP_SECONDS))
    minutes = paced.steps * STEP_SECONDS
    _over_time(pen, _Panel(84, 108, 700, 452, (0, minutes), (low, high)), made_ms)
    _shares(pen, _Panel(776, 108, 1172, 452, (low, high), (0, 1)), made_ms)
    pixels = shrink(np.asarray(sheet, np.float32), _FINE)
    buffer = io.BytesIO()
    image.fromarray(np.rint(pixels).astype(np.uint8)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _headline(result: Result, tail: Spread) -> str:
    paced = result.paced
    beside = f", {paced.load} busy processes beside it" if paced.load else ""
    return (
        f"{paced.steps} steps of 8 frames at 30 fps{beside}: median {tail.median:.1f} ms, "
        f"99 % within {tail.p99:.1f} ms, worst {tail.high:.1f} ms, {paced.late} late"
    )


def _over_time(pen: _Pen, panel: _Panel, made_ms: NDArray[Any]) -> None:
    """Every step's time over the time of the stream."""
    pen.text(
        panel.left, panel.top - 26, "milliseconds to make each step, over the stream's seconds", _INK, 13
    )
    for exponent in range(math.ceil(panel.y[0]), math.floor(panel.y[1]) + 1):
        (ends,) = panel.place([panel.x], [[exponent, exponent]])
        pen.line(ends, _GRID)
        pen.text(panel.left - 8, ends[0][1], f"{10.0**exponent:g}", _FAINT, 12, "rm")
    for second in _ticks(panel.x[1]):
        (x, y) = panel.place(second, panel.y[0])
        pen.text(x, y + 8, f"{second:g}", _FAINT, 12, "ma")
    limit = math.log10(1000 * STEP_SECONDS)
    (ends,) = panel.place([panel.x], [[limit, limit]])
    pen.line(ends, _LIMIT, 1.5)
    pen.text(panel.right, ends[0][1] - 4, "a step lasts 267 ms: above this it is late", _LIMIT, 12, "rs")
    times = np.arange(len(made_ms)) * STEP_SECONDS
    pen.dots(panel.place(times, np.log10(made_ms)), _MADE, 1.5 if len(made_ms) > 300 else 2.5)


def _shares(pen: _Pen, panel: _Panel, made_ms: NDArray[Any]) -> None:
    """How many of the steps were made within how long."""
    pen.text(panel.left, panel.top - 26, "share of steps made within so many milliseconds", _INK, 13)
    for share in (0.0, 0.5, 0.95, 1.0):
        (ends,) = panel.place([panel.x], [[share, share]])
        pen.line(ends, _GRID)
        if share != 0.95 or panel.bottom - panel.top > 200:
            pen.text(panel.left - 8, ends[0][1], f"{100 * share:g} %", _FAINT, 12, "rm")
    for exponent in range(math.ceil(panel.x[0]), math.floor(panel.x[1]) + 1):
        (x, y) = panel.place(exponent, 0.0)
        pen.text(x, y + 8, f"{10.0**exponent:g}", _FAINT, 12, "ma")
    limit = math.log10(1000 * STEP_SECONDS)
    (ends,) = panel.place([[limit, limit]], [panel.y])
    pen.line(ends, _LIMIT, 1.5)
    values = np.sort(np.log10(made_ms))
    shares = np.arange(1, len(values) + 1) / len(values)
    x = np.concatenate([[panel.x[0]], np.repeat(values, 2), [panel.x[1]]])
    y = np.concatenate([[0.0, 0.0], np.repeat(shares, 2)])
    pen.line(panel.place(x, y), _MADE, 2)


def _decades(low: float, high: float) -> tuple[float, float]:
    """Edges of a logarithmic axis, whole decades around the values with some room above."""
    return float(math.floor(math.log10(low))), max(math.log10(high) + 0.15, math.ceil(math.log10(low)) + 1.0)


def _ticks(stop: float) -> list[float]:
    """Round numbers from 0 to ``stop``, about six."""
    raw = stop / 6
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= raw)
    return [round(n * step, 6) for n in range(int(stop / step) + 1)]


def _pillow() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise MissingExtraError(
            "a plot needs Pillow, which is not installed; run `pip install 'clutch-rt[preview]'`, "
            "or take the figures with --json"
        ) from None
    return Image, ImageDraw, ImageFont
