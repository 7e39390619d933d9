"""What several commands share: the options of a request, and checks made before any work is done."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

import click

from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.formats.files import write_error
from clutch_rt.text import clean

if TYPE_CHECKING:
    from clutch_rt.model import Model

F = TypeVar("F", bound=Callable[..., Any])

STDOUT: Final = "-"


def model_options(command: F) -> F:
    """Options that choose and place the model."""
    for option in (
        click.option("--threads", type=int, help="Threads per engine call; few are best for small models."),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            help="auto, cpu, cuda, tensorrt, tensorrt-rtx, ...; see `clutch-rt doctor`.",
        ),
        click.option("--bundle", metavar="FOLDER", help="A bundle, or the name of a shipped one."),
    ):
        command = option(command)
    return command


def sampling_options(command: F) -> F:
    """Options of how a motion is drawn."""
    for option in (
        click.option("--top-k", type=int, help="Draw from the k likeliest codes only; 0 draws from all."),
        click.option(
            "--temperature", type=float, help="0 always takes the likeliest, 1 is natural, more is wilder."
        ),
        click.option(
            "--seed", type=int, default=0, show_default=True, help="The same seed gives the same hands."
        ),
    ):
        command = option(command)
    return command


def request_options(command: F) -> F:
    """Options of one motion of a sentence."""
    length = click.option(
        "--seconds", type=float, help="Length, kept to the frame; without it the model chooses."
    )
    return length(sampling_options(command))


def json_option(help: str) -> Callable[[F], F]:
    """``--json``, which ``CommandLine`` reads for itself."""
    return click.option("--json", "_json", is_flag=True, expose_value=False, help=help)


def load_model(bundle: str | None, device: str, threads: int | None) -> Model:
    """Load the model with its sessions ready."""
    from clutch_rt.model import load

    model = load(bundle, device=device, threads=threads)
    model.warm_up()
    return model


def check_target(path: Path) -> None:
    """Refuse a place that cannot be written to before any time is spent on what should go there.

    Raises:
        FileFormatError: the folder is missing or read-only, the path is a folder, or the system allows no
            such name or no look at it.
    """
    folder = path.parent
    try:
        path.stat()  # Path.is_dir raises in some versions of Python what it swallows in others
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise write_error(path, error) from None
    if path.is_dir():
        raise FileFormatError(f"{path} is a folder; name a file in it, such as {path / 'hands.glb'}")
    if not folder.exists():
        raise FileFormatError(f"there is no folder {folder}; make it with `mkdir -p`, or write elsewhere")
    if not folder.is_dir():
        raise FileFormatError(f"{folder} is a file, not a folder; choose another place")
    if not os.access(folder, os.W_OK):
        raise FileFormatError(f"the folder {folder} is read-only for you; choose one you may write to")


@dataclass(frozen=True)
class Sentence:
    """A user's sentence, and for messages the place it was read from, if it came from a file."""

    text: str
    where: str | None = None

    def check(self, action: Callable[[str], object] = clean) -> None:
        """Give the text to ``action``; an InputError it raises is told where the text came from."""
        try:
            action(self.text)
        except InputError as error:
            if self.where is None:
                raise
            raise InputError(f"{self.where}: {error}") from None


def stdout() -> TextIO:
    """Stdout, for a command whose result goes there.

    Raises:
        FileFormatError: whoever started the command closed it.
    """
    if sys.stdout is None:
        raise FileFormatError("stdout is closed; send it to a file or a pipe, such as `> FILE`")
    return sys.stdout


def read_sentences(file: str) -> list[Sentence]:
    """Sentences of a text file, one per line; empty lines and lines that start with ``#`` are skipped.

    Args:
        file: a path, or ``-`` for stdin. Bytes that are not UTF-8 become lone surrogates, which ``clean``
            refuses.

    Raises:
        InputError: the file cannot be read or holds no sentence.
    """
    name = "stdin" if file == STDOUT else file
    if file == STDOUT and sys.stdin is None:
        raise InputError("stdin is closed; give it sentences, such as `< FILE`")
    try:
        data = sys.stdin.buffer.read() if file == STDOUT else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}; name a text file") from None
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").split("\n")
    found = [Sentence(line.strip(), f"{name}, line {number}") for number, line in enumerate(lines, start=1)]
    sentences = [sentence for sentence in found if sentence.text and not sentence.text.startswith("#")]
    if not sentences:
        raise InputError(f"{name} holds no sentence; write one per line")
    return sentences


def provider_name(device: str, provider: str) -> str:
    """How a report names the provider: with ``auto``, that it was chosen and not asked for."""
    return f"{provider} (auto)" if device == "auto" else provider


def not_taken(passed_over: Sequence[str]) -> str:
    """Why ``auto`` took nothing better, devices with the same reason together; empty where there was nothing.

    Args:
        passed_over: of ``Info``, each ``DEVICE: REASON``.
    """
    reasons: dict[str, list[str]] = {}
    for entry in passed_over:
        name, _, reason = entry.partition(": ")
        reasons.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
