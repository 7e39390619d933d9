"""``clutch-rt stream``: frames as JSON lines, while they are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click
import numpy as np

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import json_option, load_model, model_options, request_options, stdout
from clutch_rt.joints import LAYOUTS
from clutch_rt.layout import FPS, HANDS
from clutch_rt.text import clean

if TYPE_CHECKING:
    from clutch_rt.results import Chunk

_DIGITS: Final = 6  # a micrometre, and a millionth in a quaternion

_EPILOG: Final = """\b
Examples:
  clutch-rt stream "wave with the right hand" | head -n 30
  clutch-rt stream "type on the keyboard" --layout webxr > typing.jsonl

\b
Each line is a frame (30 per second):
  {"index": 0, "time": 0.0, "joints": {"left": [[x, y, z, qx, qy, qz, qw], ...], "right": [...]}}
or, with --layout params, {"index": ..., "time": ..., "params": [[99 numbers], [99 numbers]]}, left first.
Metres, +Y up, -Z forward; `unity` is left-handed, +Z forward. `clutch-rt info --json` lists joint names.
"""


@click.command(epilog=_EPILOG, short_help="Write frames to stdout as JSON lines while they are made.")
@click.argument("text")
@click.option(
    "--layout",
    type=click.Choice([*LAYOUTS, "params"]),
    default="openxr",
    show_default=True,
    help="Whose joints, in whose order.",
)
@click.option(
    "--chunk-steps", type=int, default=1, show_default=True, help="Steps of 8 frames made between writes."
)
@request_options
@model_options
@json_option("Errors as JSON too.")
@click.pass_obj
def stream(
    talk: Talk,
    text: str,
    layout: str,
    chunk_steps: int,
    seconds: float | None,
    seed: int,
    temperature: float | None,
    top_k: int | None,
    bundle: str | None,
    device: str,
    threads: int | None,
) -> None:
    """Make two moving hands of TEXT and write each frame to stdout as a line of JSON, as it is made."""
    clean(text)
    out = stdout()
    with load_model(bundle, device, threads) as model:
        chunks = model.stream(text, seconds, seed, temperature, top_k, chunk_steps=chunk_steps)
        for chunk in chunks:
            out.writelines(_lines(chunk, layout))
            out.flush()


def _lines(chunk: Chunk, layout: str) -> Iterator[str]:
    values = chunk.frames if layout == "params" else _poses(chunk, layout)
    # Rounded as float64: the nearest float32 would print as many digits as before.
    rounded = np.round(values.astype(np.float64), _DIGITS)
    for offset, frame in enumerate(rounded.tolist()):
        index = chunk.index + offset
        line: dict[str, Any] = {"index": index, "time": round(index / FPS, _DIGITS)}
        if layout == "params":
            line["params"] = frame
        else:
            line["joints"] = dict(zip(HANDS, frame, strict=True))
        yield json.dumps(line, separators=(",", ":")) + "\n"


def _poses(chunk: Chunk, layout: str) -> np.ndarray[Any, Any]:
    """Positions and orientations side by side, ``(n, 2, J, 7)``."""
    poses = chunk.joints(layout)
    return np.concatenate([poses.positions, poses.orientations], axis=-1)
