"""Worker processes, each with one system, and what is timed of them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from clutch_rt.errors import ClutchError

ROOT: Final = Path(__file__).resolve().parents[2]

# Threads that spin for a while after their work would slow the system that comes next.
SETTLE_SECONDS: Final = 0.25


class BenchError(ClutchError):
    """A system could not be opened or failed under way."""


class Process:
    """A worker. Use it in a ``with`` block.

    Args:
        python: the interpreter; its packages are the system's.
        threads: for libraries that read their number from the environment.
    """

    def __init__(self, python: str, threads: int) -> None:
        numbers = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        path = os.pathsep.join([str(ROOT), str(ROOT / "runtime")])
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, "-m", "export.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            cwd=ROOT,
            env={
                **os.environ,
                **dict.fromkeys(numbers, str(threads)),
                "PYTHONPATH": path,
                "TOKENIZERS_PARALLELISM": "false",
                "HF_HUB_OFFLINE": "1",
            },
        )

    def ask(self, do: str, **fields: Any) -> Any:
        """Send a request and wait for its value; BenchError if the system fails or ends."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the reply, or that there is none, says more
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"the worker ended ({self._last_words()}); check its environment")
        reply = json.loads(line)
        if "error" in reply:
            raise BenchError(f"{do} failed: {reply['error']}; check the worker's environment")
        return reply["ok"]

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = [line.strip() for line in self._said if line.strip()]
        return lines[-1] if lines else f"exit status {self._process.wait()}"

    def close(self) -> None:
        """End the worker."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Timer:
    """One system under one number of threads, and what was measured of it."""

    def __init__(self, python: str, kind: str, options: Mapping[str, Any], threads: int) -> None:
        self.threads = threads
        self.process = Process(python, threads)
        try:
            opening = {**options, "threads": threads}
            self.versions: dict[str, str] = self.process.ask("open", kind=kind, options=opening)
        except BenchError:
            self.process.close()
            raise
        self.runs: dict[int, list[dict[str, Any]]] = {}

    def warm(self, steps: int, times: int = 1) -> None:
        """Run untimed."""
        for _ in range(times):
            self.process.ask("run", steps=steps)

    def time(self, steps: int) -> float:
        """Time one run of ``steps`` steps, and keep it; seconds."""
        time.sleep(SETTLE_SECONDS)
        run = self.process.ask("run", steps=steps)
        self.runs.setdefault(steps, []).append(run)
        return float(run["seconds"])

    def seconds(self, steps: int) -> list[float]:
        """The runs of ``steps`` steps, in order."""
        return [run["seconds"] for run in self.runs.get(steps, [])]
