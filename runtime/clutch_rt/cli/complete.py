"""``clutch-rt complete``: a part of a motion in, the whole of it out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import (
    STDOUT,
    json_option,
    load_model,
    model_options,
    provider_name,
    sampling_options,
    stdout,
)
from clutch_rt.cli.output import MakingOptions, check_fps, load_hands, on_hands, output_options, save
from clutch_rt.cli.plan import path_of
from clutch_rt.formats import FORMATS
from clutch_rt.text import clean

if TYPE_CHECKING:
    from clutch_rt.completion import Given
    from clutch_rt.motion import Motion
    from clutch_rt.results import Info

# Those of ``completion.PARTS``; that module brings the engine, which ``--help`` need not wait for.
_PARTS: Final = ("beginning", "ends", "left", "right", "wrists")

_EPILOG: Final = """\b
Examples:
  clutch-rt complete clap.npz --keep beginning --seconds 3 -o longer.glb
  clutch-rt complete clap.npz --keep ends --with wave.npz -o between.glb
  clutch-rt complete wave.npz "hold the bowl and stir" --keep right -o both.glb
  clutch-rt complete controllers.npz "grab the cup" --keep wrists -o fingers.glb
"""


@dataclass(frozen=True)
class Options(MakingOptions):
    """The options of one call, as click names them."""

    file: Path
    keep: str
    other: Path | None


@click.command(epilog=_EPILOG, short_help="Keep a part of a motion and make the rest.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("text", required=False)
@click.option(
    "--keep",
    type=click.Choice(_PARTS),
    required=True,
    help="What stays: all of FILE as a beginning, or as the first of two ends; one hand; the wrists' ways.",
)
@click.option(
    "--with", "other", metavar="NPZ", type=click.Path(path_type=Path), help="The other end, for --keep ends."
)
@click.option(
    "-o", "--output", metavar="FILE", help=f".{', .'.join(FORMATS)}; - is stdout.  [default: FILE-whole.glb]"
)
@click.option(
    "--seconds", type=float, help="To be made after the beginning or between the ends.  [default: 2]"
)
@sampling_options
@output_options
@model_options
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_obj
def complete(talk: Talk, **values: Any) -> None:
    """Keep a part of the motion in FILE, an .npz as `generate` writes, and make the rest.

    TEXT says what the hands do; without it what is kept tells. What is kept stays as it is, frame for frame.
    """
    options = Options(**values)
    if options.output == STDOUT:
        talk.to_stderr = True
        stdout()
    check_fps(options.fps)
    if options.text is not None:
        clean(options.text)
    given = _given(options)
    hands = load_hands(options.hands)
    path = path_of(options.output, options.kind, f"{options.file.stem} whole")
    with load_model(options.bundle, options.device, options.threads) as model:
        started = time.perf_counter()
        motion = model.complete(
            given, options.text, options.seconds, options.seed, options.temperature, options.top_k
        )
        took = time.perf_counter() - started
        info = model.info
    out = on_hands(motion, options.fps, hands)
    save(talk, out, path, options.kind)
    _report(talk, options, given, out, path, info, took)


def _report(
    talk: Talk, options: Options, given: Given, motion: Motion, path: Path | None, info: Info, took: float
) -> None:
    if path is not None:
        talk.say(str(path))
    talk.say(f"  kept      {options.keep} of {given.motion.duration:.2f} s")
    talk.say(f"  model     {info.name}, {info.form} form, {info.precision}")
    talk.say(f"  provider  {provider_name(options.device, info.provider)}")
    talk.say(f"  seed      {options.seed}")
    talk.say(f"  motion    {motion.duration:.2f} s, {motion.fps:g} frames per second")
    talk.say(f"  took      {took:.2f} s")
    talk.result(
        {
            "kept": options.keep,
            "text": options.text,
            "seed": options.seed,
            "seconds": motion.duration,
            "frames": len(motion),
            "fps": motion.fps,
            "file": None if path is None else str(path),
            "complete_seconds": took,
            "model": info.name,
            "provider": info.provider,
        }
    )


def _given(options: Options) -> Given:
    """The part of the file, or of the two, that is kept."""
    from clutch_rt.completion import Given
    from clutch_rt.motion import Motion

    if (options.other is not None) != (options.keep == "ends"):
        raise click.UsageError("--keep ends needs --with FILE, the other end, and nothing else takes it")
    motion = Motion.load(options.file)
    if options.other is not None:
        return Given.ends(motion, Motion.load(options.other))
    if options.keep == "beginning":
        return Given.beginning(motion)
    if options.keep == "wrists":
        return Given.wrists(motion)
    return Given.hand(motion, "left" if options.keep == "left" else "right")
