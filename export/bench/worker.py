"""One system in a process of its own, driven line by line: ``python -m export.bench.worker``.

Each line on stdin is a JSON object, each is answered by one on stdout. ``{"do": "open", "kind": ..,
"options": {..}}`` loads a system, ``{"do": "run", "steps": n}`` times it, ``{"do": "call", "name": ..,
"options": {..}}`` calls one of its other methods, ``{"do": "memory"}`` tells the process's size.

Only the standard library is imported here, and then what the system needs: the peers live in environments
of their own, and what is resident must be theirs.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import IO, Any, Final, Protocol

KINDS: Final = {
    "clutch": "export.bench.own:Clutch",
    "shipped": "export.bench.own:Shipped",
    "probe": "export.bench.probe:Probe",
    "transformers": "export.bench.peers:Transformers",
    "optimum": "export.bench.peers:Optimum",
    "ctranslate2": "export.bench.peers:CTranslate2",
    "convert": "export.bench.peers:Convert",
}


class System(Protocol):
    """What can be timed."""

    def versions(self) -> dict[str, str]:
        """Versions of what does the work, by package."""

    def run(self, steps: int) -> list[float]:
        """Do the task for ``steps`` steps of motion; seconds at which steps ended, where it can tell."""


def load(kind: str, options: dict[str, Any]) -> Any:
    """Make the system ``kind``; KeyError if there is none."""
    module, name = KINDS[kind].split(":")
    return getattr(importlib.import_module(module), name)(**options)


def timed(system: System, steps: int) -> dict[str, Any]:
    """Time one run: whole seconds of the clock and of the processor, and of each step where it can tell."""
    began, used = time.perf_counter(), time.process_time()
    ends = system.run(steps)
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used, "ends": ends}


def memory() -> dict[str, float]:
    """Resident size of this process now and at its most, MB; empty where there is no ``/proc``."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
            fields = dict(line.split(":", 1) for line in file if line.startswith("Vm"))
    except OSError:
        return {}
    names = {"resident": "VmRSS", "peak": "VmHWM"}
    return {name: int(fields[key].split()[0]) / 1024 for name, key in names.items() if key in fields}


class Worker:
    """Answers requests with one system."""

    def __init__(self) -> None:
        self._system: Any = None

    def answer(self, request: dict[str, Any]) -> Any:
        """Do what a request says; its JSON value."""
        do = request["do"]
        if do == "open":
            self._system = load(request["kind"], request.get("options", {}))
            return self._system.versions()
        if do == "run":
            return timed(self._system, request["steps"])
        if do == "call":
            return getattr(self._system, request["name"])(**request.get("options", {}))
        if do == "memory":
            return memory()
        raise ValueError(f"unknown request {do!r}")


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Answer until the requests end."""
    worker = Worker()
    for line in requests:
        try:
            reply = {"ok": worker.answer(json.loads(line))}
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer
            last = "".join(traceback.format_exception_only(type(error), error)).strip()
            traceback.print_exc()
            reply = {"error": last}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def main() -> None:
    """Serve stdin; what libraries print goes to stderr, so that stdout holds replies only."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, replies)


if __name__ == "__main__":
    main()
