"""What the commands that write a motion share: the options of its file, and the writing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import stdout
from clutch_rt.errors import InputError
from clutch_rt.formats import FORMATS, format_of, options_of

if TYPE_CHECKING:
    from clutch_rt.formats.scene import Progress
    from clutch_rt.hand import Hand
    from clutch_rt.motion import Motion

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class MakingOptions:
    """What every command takes that makes a motion and writes it, as click names it."""

    text: str | None
    output: str | None
    seconds: float | None
    seed: int
    temperature: float | None
    top_k: int | None
    fps: float | None
    kind: str | None
    hands: tuple[str, ...]
    bundle: str | None
    device: str
    threads: int | None


def output_options(command: F) -> F:
    """Options of the file: its rate, its format, the hands in it."""
    for option in (
        click.option(
            "--hand", "hands", metavar="NPZ", multiple=True, help="Written by `hand import`; once per side."
        ),
        click.option(
            "--format", "kind", metavar="NAME", help=f"For -o -, or against the ending: {', '.join(FORMATS)}."
        ),
        click.option("--fps", type=float, help="Frames per second in the file.  [default: 30, as made]"),
    ):
        command = option(command)
    return command


def check_fps(fps: float | None) -> None:
    """Raise InputError for a rate that no file should have."""
    if fps is not None and not 1.0 <= fps <= 1000.0:
        raise InputError(f"fps is {fps:g}; 1 to 1000 frames per second are wanted")


def load_hands(files: tuple[str, ...]) -> dict[str, Hand]:
    """The user's own hands, by side."""
    from clutch_rt.handfile import load_hand

    hands: dict[str, Hand] = {}
    for file in files:
        hand = load_hand(file)
        if hand.side in hands:
            raise InputError(f"{file} is a second {hand.side} hand; give at most one of each side")
        hands[hand.side] = hand
    return hands


def on_hands(motion: Motion, fps: float | None, hands: dict[str, Hand]) -> Motion:
    """The motion on the user's own hands, at the rate asked for."""
    if hands:
        left, right = motion.hands
        motion = replace(motion, hands=(hands.get("left", left), hands.get("right", right)))
    return motion if fps is None else motion.resample(fps)


def save(talk: Talk, motion: Motion, path: Path | None, kind: str | None) -> None:
    """Write the motion, to stdout where there is no path.

    Where pictures are drawn, which may take a minute, a person sees how far it is.
    """
    target = stdout().buffer if path is None else path
    drawn = "progress" in options_of(format_of("" if path is None else path, kind))
    if talk.json or not drawn or sys.stderr is None or not sys.stderr.isatty():
        motion.save(target, format=kind)
        return
    with _bar("drawing" if path is None else path.name) as progress:
        motion.save(target, format=kind, progress=progress)


@contextmanager
def _bar(label: str) -> Iterator[Progress]:
    """A progress bar on stderr, which appears with the first picture."""
    with ExitStack() as stack:
        bars: list[Any] = []

        def progress(done: int, total: int) -> None:
            if not bars:
                bar = click.progressbar(length=total, label=label, file=sys.stderr)
                bars.append(stack.enter_context(bar))
            bars[0].update(1)

        yield progress
