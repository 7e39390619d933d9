"""``clutch-rt stream``: frames as JSON lines, while they are made."""

from __future__ import annotations

from typing import Final

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import json_option, load_model, model_options, request_options, stdout
from clutch_rt.cli.lines import frame_lines, layout_option
from clutch_rt.text import clean

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
@layout_option
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
            out.writelines(frame_lines(chunk, layout))
            out.flush()
