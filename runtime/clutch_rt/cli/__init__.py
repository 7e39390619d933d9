"""The command line ``clutch-rt``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit; Ctrl-C is quiet even while Python still imports."""
    try:
        from clutch_rt.cli.commands import command_line

        command_line(prog_name="clutch-rt")
    except KeyboardInterrupt:
        print("error: stopped by Ctrl-C", file=sys.stderr)
        sys.exit(130)
