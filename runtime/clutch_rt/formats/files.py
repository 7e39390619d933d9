"""Writing files so that nobody ever meets half of one.

Bytes go to a temporary neighbour first, which takes the wanted name in one step (``os.replace``) when
complete. Whatever goes wrong before that, the temporary file is removed and a file that stood there stays.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeAlias

from clutch_rt.errors import FileFormatError


class ByteSink(Protocol):
    """Anything with a binary ``write``: an open file, a socket file, ``sys.stdout.buffer``, ``BytesIO``."""

    def write(self, data: bytes | memoryview, /) -> object: ...


Target: TypeAlias = str | os.PathLike[str] | ByteSink

_ADVICE: Final = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space or choose another folder",
    errno.EFBIG: "the file is larger than this file system allows: choose another folder",
    errno.EACCES: "writing there is not allowed: choose a folder of your own or change its permissions",
    errno.EPERM: "writing there is not allowed: choose a folder of your own or change its permissions",
    errno.EROFS: "that file system is read-only: choose another folder",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.EPIPE: "the reader at the other end of the pipe went away: run it again with a reader that stays",
    errno.EISDIR: "that is a folder: name a file inside it",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another folder",
    errno.ENOENT: "the folder does not exist: make it first or choose another",
}


def write_error(what: object, error: OSError) -> FileFormatError:
    """The message a user sees when the system refuses a write.

    Args:
        what: the file (or "the output stream") that was being written.
        error: what the system said.
    """
    reason = os.strerror(error.errno) if error.errno else str(error)
    advice = _ADVICE.get(error.errno or 0, "check the path and the disk, then try again")
    return FileFormatError(f"cannot write {what}: {reason}. Wanted a place to write to; {advice}.")


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether the path is a folder; no where the system allows no such name or no look at it."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def _check_place(path: Path) -> None:
    if not path.name:
        raise FileFormatError(
            f"cannot write {path}: it names no file. Wanted a file name; add one to the path."
        )
    if path.is_dir():
        raise FileFormatError(
            f"cannot write {path}: it is a folder. Wanted a file name; "
            f"name a file inside it, such as {path / 'hands.glb'}."
        )
    if not path.parent.is_dir():
        raise FileFormatError(
            f"cannot write {path}: the folder {path.parent} does not exist. Wanted an existing folder; "
            "make it first or choose another."
        )


def _is_special(path: Path) -> bool:
    """Whether the path is a device or a pipe, which must be written into and never replaced."""
    return path.exists() and not path.is_file()


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that appears under its name only if the ``with`` block ends well.

    Raises:
        FileFormatError: the place cannot be written to (missing folder, permissions, full disk); nothing
            is left behind and a file that stood there is untouched.
    """
    named = Path(path)
    if "\0" in os.fspath(named):
        raise FileFormatError("cannot write to a name that holds a null byte. Wanted a file name; change it.")
    try:
        final = named.resolve()  # through links: the file behind a link is replaced, not the link
        _check_place(final)
        if final.exists() and not os.access(final, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))  # a rename would not ask
        if _is_special(final):
            with final.open("wb") as stream:
                yield stream
            return
    except OSError as error:
        raise write_error(named, error) from error
    temporary = final.with_name(f".{final.name[:40]}.{secrets.token_hex(6)}.part")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if final.exists():
            temporary.chmod(final.stat().st_mode & 0o777)
        temporary.replace(final)
    except OSError as error:
        raise write_error(named, error) from error
    finally:
        # After the rename there is nothing to remove; before it, nothing may remain, Ctrl-C included.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(target: Target, data: bytes) -> None:
    """Put finished bytes where they belong: into a file by rename, or into a binary stream.

    Args:
        target: a path, or an object with a binary ``write``.
        data: the whole content.

    Raises:
        FileFormatError: the system refused; the message says why and what to do.
    """
    if isinstance(target, (str, os.PathLike)):
        with atomic_file(target) as stream:
            stream.write(data)
        return
    if not hasattr(target, "write") or isinstance(target, io.TextIOBase):
        raise FileFormatError(
            f"cannot write to a {type(target).__name__}. Wanted a path or a binary stream; "
            "open the file with 'wb', or pass stream.buffer."
        )
    try:
        rest = memoryview(data)
        while rest:  # an unbuffered stream may take only a part at a time
            taken = target.write(rest)
            rest = rest[taken:] if isinstance(taken, int) else rest[len(rest) :]
        flush = getattr(target, "flush", None)
        if flush is not None:
            flush()
    except OSError as error:
        raise write_error("the output stream", error) from error
