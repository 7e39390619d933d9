"""``clutch-rt caption``: say what two hands do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import json_option, load_model, model_options

_EPILOG: Final = """\b
Examples:
  clutch-rt generate "wave with the right hand" -o wave.npz
  clutch-rt caption wave.npz
"""


@click.command(epilog=_EPILOG, short_help="Say in a sentence what the hands in a file do.")
@click.argument("file", type=click.Path(path_type=Path))
@model_options
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_obj
def caption(talk: Talk, file: Path, bundle: str | None, device: str, threads: int | None) -> None:
    """Say in a sentence what the hands in FILE do: an .npz as `generate` writes, of any frame rate."""
    from clutch_rt.motion import Motion

    motion = Motion.load(file)
    with load_model(bundle, device, threads) as model:
        started = time.perf_counter()
        sentence = model.caption(motion)
        took = time.perf_counter() - started
    talk.say(sentence)
    talk.result({"file": str(file), "caption": sentence, "seconds": motion.duration, "caption_seconds": took})
