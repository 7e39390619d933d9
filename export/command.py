"""What the commands of this room share: a mistake becomes one line and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable

from clutch_rt.errors import ClutchError

from train.command import FAILURE, INTERRUPTED


def guarded(name: str, stopped: str, work: Callable[[], None]) -> int:
    """Run ``work``; its exit status.

    Args:
        name: of the command, before what went wrong.
        stopped: how things stand after Ctrl-C.
        work: what the command does.
    """
    try:
        work()
    except ClutchError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        print(f"{name}: stopped; {stopped}", file=sys.stderr)
        return INTERRUPTED
    return 0
