"""Long lists of sentences without a note on each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_notes() -> Iterator[None]:
    """Within it the runtime logs errors only: a line about each of a thousand strange words helps nobody."""
    log = logging.getLogger("clutch_rt")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
