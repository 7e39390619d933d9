"""Which motions ``generate`` makes, and where each goes; all of it settled before the model is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from clutch_rt.cli.common import STDOUT, Sentence, check_target, read_sentences, stdout
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.formats import FORMATS, Format, format_of
from clutch_rt.options import MAX_SEED

_MAX_FILES: Final = 100_000


@dataclass(frozen=True)
class Job:
    """One motion to make: its sentence, its seed and its file (None: stdout)."""

    sentence: Sentence
    seed: int
    path: Path | None


def make_plan(
    text: str | None, file: str | None, output: str | None, kind: str | None, variants: int, seed: int
) -> list[Job]:
    """Every motion to make, in order.

    Args:
        text, file: the sentence, or a file of sentences; exactly one of them.
        output: path, ``-`` for stdout, or None for a file named after the sentence.
        kind: name of a format, against the path's ending.
        variants: motions per sentence, with seeds from ``seed`` on.

    Raises:
        click.UsageError: options that contradict each other. InputError: a sentence or number that cannot be
            used. FileFormatError: an unknown ending, or a place that cannot be written to.
    """
    if (text is None) == (file is None):
        raise click.UsageError("give either TEXT or --file FILE")
    if variants < 1:
        raise InputError(f"-n is {variants}; at least 1 is wanted")
    if seed + variants - 1 > MAX_SEED:
        raise InputError(f"the last seed would be {seed + variants - 1}; at most {MAX_SEED} is wanted")
    sentences = [Sentence(text)] if text is not None else read_sentences(str(file))
    for sentence in sentences:
        sentence.check()
    count = len(sentences) * variants
    if count > _MAX_FILES:
        raise InputError(f"{count} files were asked for; at most {_MAX_FILES} at once are wanted")
    wanted = [(sentence, seed + k) for sentence in sentences for k in range(variants)]
    paths = _paths(output, kind, sentences[0].text, count)
    return [Job(*job, path) for job, path in zip(wanted, paths, strict=True)]


def path_of(output: str | None, kind: str | None, name: str) -> Path | None:
    """Where one motion goes; None for stdout.

    Args:
        output, kind: as in ``make_plan``.
        name: what a file is named after where there is no ``output``.

    Raises:
        As ``make_plan``.
    """
    return _paths(output, kind, name, 1)[0]


def _paths(output: str | None, kind: str | None, text: str, count: int) -> list[Path | None]:
    """One path per motion, numbered where there are several; None for stdout."""
    if output == STDOUT:
        if count > 1:
            raise click.UsageError("-o - takes one motion; name a file for several")
        if kind is None:
            raise click.UsageError(f"-o - needs --format, one of {', '.join(FORMATS)}")
        _check_terminal(format_of("", kind))
        return [None]
    if output is None:
        path = Path(f"{_slug(text)}.{format_of('', kind or 'glb').name}")
    else:
        path = Path(output)
        format_of(path, kind)
        if path.name in ("", ".."):  # a folder by its very name, which takes no number
            check_target(path)
    width = len(str(count))
    numbered = [path.with_name(f"{path.stem}-{k:0{width}d}{path.suffix}") for k in range(1, count + 1)]
    paths = [path] if count == 1 else numbered
    check_target(paths[0])  # the others lie in the same folder
    return list(paths)


def _check_terminal(kind: Format) -> None:
    """Refuse to pour bytes that are no text over a person's terminal."""
    if not kind.is_text and stdout().isatty():
        raise FileFormatError(
            f"stdout is a terminal, and .{kind.name} is not text; "
            f"send it to a file or a pipe, such as `> hands.{kind.name}`, or name a file with -o"
        )


def _slug(text: str) -> str:
    """A file name made of a sentence."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold())[:60].strip("-") or "hands"
