"""The command line ``clutch-rt``."""

from __future__ import annotations

import io
import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit; Ctrl-C is quiet even while Python still imports."""
    _spell_out()
    stopped: list[int] = []

    def stop(number: int, frame: object) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where the caller ignores Ctrl-C
        signal.signal(signal.SIGINT, stop)
    try:
        from clutch_rt.cli.commands import command_line

        command_line(prog_name="clutch-rt")
    except (KeyboardInterrupt, ImportError) as error:
        # A library of machine code that is stopped while it loads says only that it could not.
        if isinstance(error, ImportError) and not stopped:
            raise
        print("error: stopped by Ctrl-C", file=sys.stderr)
        sys.exit(130)


def _spell_out() -> None:
    """Show what the encoding of a stream lacks as ``\\xe9``: no name of a file or word keeps a line back."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where the caller closed it
            stream.reconfigure(errors="backslashreplace")
