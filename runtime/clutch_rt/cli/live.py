"""``clutch-rt live``: sentences in on stdin, frames out on stdout, in real time and without end."""

from __future__ import annotations

import io
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from clutch_rt.cli.app import EXIT_FAILED, Talk
from clutch_rt.cli.common import json_option, load_model, model_options, stdout
from clutch_rt.cli.lines import frame_lines, layout_option
from clutch_rt.errors import InputError
from clutch_rt.text import clean

if TYPE_CHECKING:
    from clutch_rt.live import Live

_BLOCK: Final = 65536
# A reader that made us wait longer gets the next frames at their pace, not all at once.
_BEHIND: Final = 0.25

_EPILOG: Final = """\b
Examples:
  echo "wave with the right hand" | clutch-rt live > wave.jsonl
  clutch-rt live "knead the dough" --fps 90 --layout unity
  printf "clap\\nwave\\nplay the piano\\n" | clutch-rt live --queue --layout params > show.jsonl
\b
Each line is a frame, written when it is due:
  {"index": 0, "time": 0.0, "text": "wave", "joints": {"left": [[x, y, z, qx, qy, qz, qw], ...], ...}}
or "params" in place of "joints"; "text" is null while the hands rest, and "late": true stands on a line that
fills in for a frame not decoded in time. Metres, +Y up, -Z forward; `unity` is left-handed, +Z forward.
"""


@click.command(epilog=_EPILOG, short_help="Sentences in, frames out, in real time and without end.")
@click.argument("text", required=False)
@layout_option
@click.option("--fps", type=float, default=30.0, show_default=True, help="Frames per second.")
@click.option(
    "--look-ahead", type=int, default=1, show_default=True, help="Steps of 8 frames decoded ahead of time."
)
@click.option("--queue", "in_turn", is_flag=True, help="Let a sentence wait until the one before has ended.")
@click.option("--top-k", type=int, help="Draw from the k likeliest codes only; 0 draws from all.")
@click.option("--temperature", type=float, help="0 always takes the likeliest, 1 is natural, more is wilder.")
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Of the first sentence; the next has one more.",
)
@model_options
@json_option("Errors as JSON too.")
@click.pass_context
def live(
    context: click.Context,
    text: str | None,
    layout: str,
    fps: float,
    look_ahead: int,
    in_turn: bool,
    top_k: int | None,
    temperature: float | None,
    seed: int,
    bundle: str | None,
    device: str,
    threads: int | None,
) -> None:
    """Let two hands do what the lines of stdin say, and write each frame to stdout when it is due.

    A new line changes the motion at once, without a jump; an empty one lets the hands rest. They rest as
    well when a sentence has ended. The end of stdin ends the command once the hands rest.

    A line that cannot be used is an error message, and the hands go on; the exit code is 1 if there was no
    sentence but such lines.
    """
    talk: Talk = context.obj
    if text is not None:
        clean(text)
    sentences = _Sentences(in_turn)
    out = stdout()
    with (
        load_model(bundle, device, threads) as model,
        model.live(
            text, seed=seed, fps=fps, look_ahead=look_ahead, temperature=temperature, top_k=top_k
        ) as hands,
    ):
        idle = text is None
        for _ in _ticks(fps):
            sentences.say_to(hands, talk, idle)
            played = hands.read()
            idle = played.text is None and hands.frame > sentences.start
            late = {"late": True} if played.late else {}
            out.writelines(frame_lines(played, layout, fps, text=played.text, **late))
            out.flush()
            if sentences.over and idle:
                break
    if sentences.refused and not sentences.said and text is None:
        context.exit(EXIT_FAILED)


class _Sentences:
    """The lines of stdin, read by a thread of their own, as they come.

    Attributes:
        over: stdin has ended, and all its lines were said.
        start: the frame at which the line said last begins.
        said, refused: how many sentences were taken, and how many lines could not be used.
    """

    def __init__(self, in_turn: bool) -> None:
        self._in_turn = in_turn
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._number = 0
        self.over = False
        self.start = -1
        self.said = self.refused = 0
        # A daemon: a read of stdin cannot be interrupted, and must not keep the command.
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def say_to(self, hands: Live, talk: Talk, idle: bool) -> None:
        """Say what has come in. A line that cannot be used is an error message, and the hands go on."""
        while not self.over and not (self._in_turn and not (idle and hands.frame > self.start)):
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return
            if line is None:
                self.over = True
                return
            self._number += 1
            sentence = line.strip()
            try:
                self.start = hands.say(sentence) if sentence else hands.rest()
                self.said += bool(sentence)
            except InputError as error:
                self.refused += 1
                talk.error(type(error).__name__, f"stdin, line {self._number}: {error}")

    def _read(self) -> None:
        rest = b""
        for block in _blocks():
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self._put(line)
            if len(rest) > _BLOCK:  # no sentence: let it be refused rather than kept
                self._put(rest)
                rest = b""
        if rest:
            self._put(rest)
        self._lines.put(None)

    def _put(self, line: bytes) -> None:
        self._lines.put(line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape"))


def _blocks() -> Iterator[bytes]:
    """What stdin holds, as it comes; nothing where it is closed."""
    if sys.stdin is None:
        return
    try:
        number = sys.stdin.fileno()
    except io.UnsupportedOperation:  # a caller's own stream
        yield from sys.stdin.buffer
        return
    # Not through Python's buffer: its lock, held by a waiting read, is fatal to an interpreter that ends.
    while block := _read_some(number):
        yield block


def _read_some(number: int) -> bytes:
    try:
        return os.read(number, _BLOCK)
    except OSError:  # a terminal that went away is an end like any other
        return b""


def _ticks(fps: float) -> Iterator[None]:
    """Come back when each next frame is due."""
    due = time.monotonic()
    while True:
        yield
        due += 1.0 / fps
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        elif wait < -_BEHIND:
            due -= wait
