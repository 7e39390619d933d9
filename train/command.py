"""What every command of training does alike: its help, its errors in one line, its exit status."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence
from typing import Final

from clutch_rt.errors import ClutchError
from safetensors import SafetensorError

INTERRUPTED: Final = 130  # exit status after SIGINT, as shells have it
MISTAKE: Final = 2  # of the user
FAILURE: Final = 1  # of the machine

_GO_ON: Final = "run the same command again to go on"
_FULL: Final = "free some space and run the same command again"
_CLOSED: Final = "get the right to it, or give a folder of your own"
_ADVICE: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EROFS: "give a folder that can be written",
    errno.ENOENT: "check the path",
    errno.EEXIST: "give a folder, or a name that is free",
    errno.ENOTDIR: "give a folder, or a name that is free",
    errno.EISDIR: "give a file",
}


class Interrupted(ClutchError):
    """A stage was stopped by a signal after it saved what it had."""


def command_main(
    usage: str, work: Callable[[Sequence[str]], None], arguments: Sequence[str] | None = None
) -> int:
    """The ``main`` of a command with arguments of its own: its help, its errors, its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(usage)
        return 0 if given else MISTAKE
    return guarded(lambda: work(given))


def guarded(work: Callable[[], None], name: str = "error", stopped: str = _GO_ON) -> int:
    """Run ``work``; a mistake, a stop, or a file that cannot be had becomes one line and an exit status.

    Args:
        work: what a command does.
        name: before the words of what went wrong.
        stopped: how things stand after Ctrl-C.
    """
    try:
        work()
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return INTERRUPTED
    except KeyboardInterrupt:
        print(f"stopped; {stopped}", file=sys.stderr)
        return INTERRUPTED
    except ClutchError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return MISTAKE
    except (OSError, SafetensorError) as error:
        print(f"{name}: {file_trouble(error)}", file=sys.stderr)
        return FAILURE
    return 0


def file_trouble(error: OSError | SafetensorError) -> str:
    """What the system said of a file, which one, and what to do, in one line."""
    said, number, name = str(error), None, None
    if isinstance(error, OSError):
        said, number, name = error.strerror or said, error.errno, error.filename
    elif "No space left" in said:  # safetensors gives the system's words, not its number
        number = errno.ENOSPC
    where = f"{name}: " if name else ""
    advice = _ADVICE.get(number or 0, "mend that and run the same command again")
    return f"{where}{' '.join(said.split())}; {advice}"
