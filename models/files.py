"""Files that are whole or absent: written beside their place and renamed into it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the name ``path`` when the block ends well, and is gone otherwise.

    Raises:
        OSError: whatever writing met; it names ``path`` where it named no file. Also where ``path`` is there
            and is no plain file: a rename would put a file in a device's place.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EEXIST, "is there, and is no plain file", str(path))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename in (None, part, str(part)):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
