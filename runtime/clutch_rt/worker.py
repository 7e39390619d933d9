"""Work that must all be done by one thread, such as what ONNX Runtime keeps by thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

_Found = TypeVar("_Found")


class Worker:
    """A thread that does one thing after another for others; it ends when it is closed, or with the process.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._closed = False
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        Thread(target=self._run, args=(self._work,), name=name, daemon=True).start()

    @staticmethod
    def _run(work: SimpleQueue[Callable[[], None] | None]) -> None:
        while (one := work.get()) is not None:
            one()
            del one  # or the last thing done would be held

    def do(self, work: Callable[[], _Found]) -> _Found:
        """What ``work`` gives or raises. An interrupt is raised when it is done.

        Raises:
            RuntimeError: it was closed.
        """
        if self._closed:
            raise RuntimeError("this thread was closed")
        future: Future[_Found] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
                future.set_exception(error)

        self._work.put(run)
        try:
            return future.result()
        finally:
            wait([future])

    def close(self) -> None:
        """End when all that was asked for is done; nothing may be asked for any more."""
        self._closed = True
        self._work.put(None)
