"""How the commands talk, and how everything that can go wrong ends: one line, the right exit code."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any, Final, TextIO

import click

from clutch_rt.errors import ClutchError
from clutch_rt.formats.files import write_error

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
EXIT_PIPE: Final = 141

# A group named without a command: click answers with its help. Before click 8.2 it does so by itself.
_HELP: Final[tuple[type[Exception], ...]] = (
    (click.exceptions.NoArgsIsHelpError,) if hasattr(click.exceptions, "NoArgsIsHelpError") else ()
)


class Talk:
    """What a command says. Results go to stdout, unless stdout is the file being written; notes to stderr.

    Attributes:
        json: one JSON object in place of lines, for errors as well.
        to_stderr: stdout carries the file (``-o -``).
    """

    def __init__(self, as_json: bool) -> None:
        self.json = as_json
        self.to_stderr = False

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self.to_stderr else sys.stdout

    def say(self, line: str = "") -> None:
        """A line for a person; silent under ``--json``."""
        if not self.json:
            click.echo(line, file=self._stream)

    def result(self, value: dict[str, Any]) -> None:
        """The object for a machine; silent without ``--json``."""
        if self.json:
            click.echo(json.dumps(value), file=self._stream)

    def error(self, kind: str, message: str) -> None:
        """One line on stderr, or a JSON object where a result would have gone."""
        line = " ".join(message.split())
        if self.json:
            click.echo(json.dumps({"error": {"kind": kind, "message": line}}), file=self._stream)
        else:
            click.echo(f"error: {line}", err=True)

    def log_to_stderr(self, verbose: bool) -> None:
        """Show the package's warnings, or with ``verbose`` all it has to say, as notes on stderr."""
        logger = logging.getLogger("clutch_rt")
        if not any(isinstance(handler, _Notes) for handler in logger.handlers):
            logger.addHandler(_Notes())
        logger.setLevel(logging.DEBUG if verbose else logging.WARNING)


class _Notes(logging.Handler):
    """Log records as lines ``note: ...`` on whatever stderr is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"note: {' '.join(record.getMessage().split())}", err=True)


class CommandLine(click.Group):
    """A group that turns errors into one line and an exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note ``--json`` before anything else is understood, so that usage errors can obey it."""
        ctx.obj = Talk("--json" in args)
        rest: list[str] = []
        code = _run(lambda: rest.extend(super(CommandLine, self).parse_args(ctx, args)), ctx.obj)
        if code:
            ctx.exit(code)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever it raises becomes a message and an exit code."""
        code = _run(lambda: super(CommandLine, self).invoke(ctx), ctx.obj)
        if code:
            ctx.exit(code)
        return None


def _run(command: Any, talk: Talk) -> int:
    try:
        code = _attempt(command, talk)
        _flush_stdout()
    except BrokenPipeError:
        code = EXIT_PIPE
    except OSError as error:
        _report(talk, str(write_error("the output stream", error)))
        code = EXIT_FAILED
    if code:
        _settle_stdout()
    return code


def _attempt(command: Any, talk: Talk) -> int:
    try:
        command()
    except _HELP:
        raise
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "clutch-rt"
        _report(talk, f"{error.format_message().rstrip('.')}; see `{path} --help`", "UsageError")
        return EXIT_USAGE
    except ClutchError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            return EXIT_PIPE
        _report(talk, str(error), type(error).__name__)
        return EXIT_FAILED
    except OSError as error:
        if error.filename is None:  # stdout: it has no name, every file has one
            raise
        reason = error.strerror or str(error)
        _report(talk, f"cannot use {error.filename}: {reason}; check the path and its permissions")
        return EXIT_FAILED
    except (KeyboardInterrupt, click.Abort):
        _report(talk, "stopped by Ctrl-C; nothing half-made was left behind", "Interrupted")
        return EXIT_INTERRUPTED
    return 0


def _report(talk: Talk, message: str, kind: str = "OSError") -> None:
    try:
        talk.error(kind, message)
        _flush_stdout()
    except OSError:
        # The place for the message is the place that fails: say it where it can still be heard.
        click.echo(f"error: {' '.join(message.split())}", err=True)


def _flush_stdout() -> None:
    if sys.stdout is not None:  # it is None where the caller closed it
        sys.stdout.flush()


def _settle_stdout() -> None:
    """Keep the interpreter from failing once more when it flushes a broken stdout on its way out."""
    try:
        _flush_stdout()
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
