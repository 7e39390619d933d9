"""The previews as a page shows them: joints in tenths of a millimetre, base64, and the boxes they move in."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from clutch_rt.anatomy import PARENTS, TIP_PARENTS
from clutch_rt.layout import FPS, FloatArray
from clutch_rt.motion import Motion
from numpy.typing import NDArray

from train.evaluate.features import joints_of
from train.evaluate.metrics import mpjpe
from train.report import previews
from train.report.markup import Element, data, element, gap, section
from train.report.previews import COLUMNS, SHIFT, TRUTH, Shown
from train.run import RunFolder

UNIT: Final = 1e-4  # metres; int16 then reaches 3.27 m to each side
LONGEST: Final = 256  # frames shown of a motion, so that the page stays below 3 MB whatever is in it
BONES: Final = [
    *([parent, joint] for joint, parent in enumerate(PARENTS) if parent >= 0),
    *([parent, len(PARENTS) + tip] for tip, parent in enumerate(TIP_PARENTS)),
]
NAMES: Final = {TRUTH: "true motion", SHIFT: "through SHIFT", **{s: f"after {s}" for s in previews.SPEAKING}}


def quantise(joints: FloatArray) -> NDArray[np.int16]:
    """Joints ``(T, 2, 21, 3)`` metres to tenths of a millimetre; what lies beyond 3.27 m stops there."""
    limits = np.iinfo(np.int16)
    return np.clip(np.round(joints / UNIT), limits.min, limits.max).astype("<i2")


def track(motion: Motion) -> str:
    """A motion as base64 of little-endian int16 ``(T, 2, 21, 3)``."""
    return base64.b64encode(quantise(joints_of(motion.frames[:LONGEST])).tobytes()).decode()


def player(folder: RunFolder) -> Element:
    """The section of the page: a row a sentence, a column a stage."""
    texts = previews.sentences(folder)
    columns = {name: previews.column(folder, name) for name in COLUMNS}
    if not texts:
        return section("previews", "Watch it learn", gap("No previews yet: they begin with the corpus."))
    rows = [_row(number, text, columns) for number, text in enumerate(texts)]
    tracks = [
        {name: track(cell.motion) for name, cell in _cells(columns, number).items() if cell.motion}
        for number in range(len(texts))
    ]
    moving: dict[str, Any] = {"fps": FPS, "unit": UNIT, "bones": BONES, "rows": tracks}
    intro = element(
        "p",
        "The same held-out sentences, made by the model of each stage with the same seeds. ",
        element("span", "", class_="key left"),
        "left hand ",
        element("span", "", class_="key right"),
        "right hand; a faint shadow lies on the floor. A motion that is over is held, paler, until the "
        "longest of its row is.",
    )
    script = element(
        "noscript", gap("The hands move by JavaScript, which is off; the files are in previews/.")
    )
    return section("previews", "Watch it learn", intro, script, _controls(), *rows, data("motions", moving))


def _cells(columns: Mapping[str, Sequence[Shown] | None], number: int) -> dict[str, Shown]:
    return {name: cells[number] for name, cells in columns.items() if cells and number < len(cells)}


def _row(number: int, text: str, columns: Mapping[str, Sequence[Shown] | None]) -> Element:
    cells = _cells(columns, number)
    boxes = [_box(number, text, name, cells) for name in COLUMNS]
    return element("div", element("h3", text), element("div", *boxes, class_="stages"), class_="sentence")


def _off(name: str, motion: Motion, cells: Mapping[str, Shown]) -> str:
    """How far SHIFT's motion is from the true one; a generated one need not be near it."""
    truth = cells[TRUTH].motion if TRUTH in cells else None
    if name != SHIFT or truth is None or len(truth) != len(motion):
        return ""
    return f", {mpjpe(joints_of(motion.frames), joints_of(truth.frames)):.0f} mm off"


def _box(number: int, text: str, name: str, cells: Mapping[str, Shown]) -> Element:
    caption, cell = element("figcaption", element("strong", NAMES[name])), cells.get(name)
    if cell is None or cell.motion is None:
        why = "not there yet" if cell is None else f"no usable motion: {cell.trouble}"
        return element("figure", element("div", why, class_="empty"), caption)
    motion = cell.motion
    cut = f", the first {LONGEST / FPS:.1f} s shown" if len(motion) > LONGEST else ""
    caption.append(element("span", f" {motion.duration:.1f} s{cut}{_off(name, motion, cells)}"))
    said = f"{NAMES[name]} of “{text}”: two hands drawn as bones, {motion.duration:.1f} seconds"
    canvas = element("canvas", role="img", aria_label=said, data_row=number, data_stage=name)
    return element("figure", canvas, caption)


def _controls() -> Element:
    """Play, time, speed and view; the script brings them to life."""
    return element(
        "div",
        element("button", "Play", type="button", id="play"),
        element(
            "label",
            "time ",
            element("input", type="range", id="time", min=0, max=1, step=1, value=0),
            element("output", "0.0 s", id="clock", for_="time"),
        ),
        element("label", "speed ", _select("speed", {"1": "whole", "0.5": "half", "0.25": "a quarter"})),
        element(
            "label",
            "seen from ",
            _select(
                "view",
                {"viewer": "the hands' owner", "front": "opposite", "side": "the right", "top": "above"},
            ),
        ),
        class_="controls",
        role="group",
        aria_label="Playing the previews",
    )


def _select(identity: str, choices: Mapping[str, str]) -> Element:
    return element("select", *(element("option", v, value=k) for k, v in choices.items()), id=identity)
