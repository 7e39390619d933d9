"""Frames as lines of JSON, for ``stream`` and ``live``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click
import numpy as np

from clutch_rt.joints import LAYOUTS
from clutch_rt.layout import FPS, HANDS

if TYPE_CHECKING:
    from clutch_rt.results import Chunk, Played

_DIGITS: Final = 6  # a micrometre, and a millionth in a quaternion

layout_option = click.option(
    "--layout",
    type=click.Choice([*LAYOUTS, "params"]),
    default="openxr",
    show_default=True,
    help="Whose joints, in whose order.",
)


def frame_lines(chunk: Chunk | Played, layout: str, fps: float = FPS, **more: object) -> Iterator[str]:
    """A line for each frame of a chunk: its number, its time, ``more``, and its joints or parameters."""
    values = chunk.frames if layout == "params" else _poses(chunk, layout)
    # Rounded as float64: the nearest float32 would print as many digits as before.
    rounded = np.round(values.astype(np.float64), _DIGITS)
    for offset, frame in enumerate(rounded.tolist()):
        time = round(chunk.time + offset / fps, _DIGITS)
        line: dict[str, Any] = {"index": chunk.index + offset, "time": time, **more}
        if layout == "params":
            line["params"] = frame
        else:
            line["joints"] = dict(zip(HANDS, frame, strict=True))
        yield json.dumps(line, separators=(",", ":")) + "\n"


def _poses(chunk: Chunk | Played, layout: str) -> np.ndarray[Any, Any]:
    """Positions and orientations side by side, ``(n, 2, J, 7)``."""
    poses = chunk.joints(layout)
    return np.concatenate([poses.positions, poses.orientations], axis=-1)
