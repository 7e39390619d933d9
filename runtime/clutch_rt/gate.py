"""Runs of a bundle's networks that closing waits for, and that make way for one that must be alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from clutch_rt.errors import ClutchError


class Gate:
    """Counts the runs in flight. A run begins no other: two that wait for each other would wait for ever."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._alone = False
        self._closed = False

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A run that ``close`` waits for; ClutchError where it was closed before."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self.check_open()
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A time in which no run is in flight and none begins; ClutchError where it was closed before."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self.check_open()
            self._alone = True
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._running == 0)
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()

    def close(self) -> None:
        """Refuse new runs and wait for those in flight. Closing twice is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._running == 0 and not self._alone)

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def check_open(self) -> None:
        """Raise ClutchError where it was closed."""
        if self._closed:
            raise ClutchError("the model was closed; load it again with clutch_rt.load()")
