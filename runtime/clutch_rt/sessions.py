"""The ONNX Runtime sessions of one bundle: created when first needed, shared by threads, closed with care."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from clutch_rt.bundle import Bundle
from clutch_rt.device import ORT_ERRORS, Placement, candidates, choose, create_session, one_line
from clutch_rt.errors import BundleError, ClutchError
from clutch_rt.ort import onnxruntime

log = logging.getLogger(__name__)


class Sessions:
    """Lazily created sessions. ``run`` may be called from any thread; ``close`` waits for runs in flight.

    A session of ONNX Runtime may run in several threads at once, so there is one per graph; whatever belongs
    to a single motion (caches, states) is passed in and handed back by the caller.
    """

    def __init__(self, bundle: Bundle, device: str, threads: int) -> None:
        candidates(device)  # an unknown device is an error now, not at the first sentence
        self._bundle = bundle
        self._device = device
        self._threads = threads
        self._placement: Placement | None = None
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._creating = threading.RLock()
        self._gate = threading.Condition()
        self._running = 0
        self._closed = False

    @property
    def placement(self) -> Placement:
        """Where the sessions run; finding out creates the first one."""
        with self._creating:
            if self._placement is None:
                self.get("text_encoder")
            assert self._placement is not None
            return self._placement

    def get(self, name: str) -> onnxruntime.InferenceSession:
        """The session of graph ``name``, created at the first call.

        Raises:
            DeviceError: the asked device cannot be had. BundleError: the graph cannot be loaded.
        """
        session = self._sessions.get(name)
        if session is not None:
            return session
        with self._creating:
            if name not in self._sessions:
                self._check_open()
                self._sessions[name] = self._create(name)
            return self._sessions[name]

    def run(self, name: str, outputs: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Any]:
        """Run a graph once.

        Args:
            name: of the graph.
            outputs: names wanted, or None for all in the graph's order.
            feeds: input arrays by name.

        Raises:
            ClutchError: the sessions were closed. BundleError: the graph refused its inputs.
        """
        session = self.get(name)
        with self._gate:
            self._check_open()
            self._running += 1
        try:
            return list(session.run(outputs, feeds))
        except ORT_ERRORS as error:
            raise BundleError(f"graph {name!r} failed: {one_line(error)}; export the bundle again") from error
        finally:
            with self._gate:
                self._running -= 1
                self._gate.notify_all()

    def close(self) -> None:
        """Refuse new runs, wait for those in flight, and give the memory back. Closing twice is harmless."""
        with self._gate:
            self._closed = True
            self._gate.wait_for(lambda: self._running == 0)
        with self._creating:
            self._sessions.clear()

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def _create(self, name: str) -> onnxruntime.InferenceSession:
        path = self._bundle.file(self._bundle.manifest.graphs[name])
        if self._placement is None:
            self._placement, session = choose(path, self._device, self._threads)
            return session
        return create_session(path, self._placement, self._threads)

    def _check_open(self) -> None:
        if self._closed:
            raise ClutchError("the model was closed; load it again with clutch_rt.load()")
