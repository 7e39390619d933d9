"""Files that are whole or absent: written beside their place and renamed into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the name ``path`` when the block ends well."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    yield part
    part.replace(path)
