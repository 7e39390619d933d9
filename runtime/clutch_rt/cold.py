"""What a cold start takes: fresh processes, timed from outside, ``python -m clutch_rt.cold`` each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clutch_rt.errors import ClutchError
from clutch_rt.machine import resident
from clutch_rt.model import load
from clutch_rt.spread import Spread

_TIMEOUT: Final = 300.0  # seconds: TensorRT compiles each graph when it is first loaded


@dataclass(frozen=True)
class Cold:
    """Fresh processes: seconds until the package is imported, the model is loaded, the first 8 frames are
    there; and bytes of memory then. Files are cached by the system, as they are from the second start on."""

    imported: Spread
    loaded: Spread
    first: Spread
    resident: Spread | None
    peak: Spread | None


def cold_start(
    path: str, device: str, threads: int, rounds: int, sentence: str, tell: Callable[[str, int, int], None]
) -> Cold:
    """Start processes one after another, and one before that is not counted, which fills the file cache.

    Args:
        path, device, threads: as in ``clutch_rt.load``. rounds: processes that count.
        sentence: that each makes a motion of.
        tell: told how far it is.

    Raises:
        ClutchError: a process failed.
    """
    answers = []
    for number in range(rounds + 1):
        tell("cold start", number, rounds + 1)
        answers.append(_child(path, device, threads, sentence))
    counted = answers[1:]
    memory = {name: [a[name] for a in counted if a[name]] for name in ("resident", "peak")}
    return Cold(
        *(Spread.of([answer[name] for answer in counted]) for name in ("imported", "loaded", "first")),
        *(Spread.of(values) if values else None for values in memory.values()),
    )


def _child(path: str, device: str, threads: int, sentence: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "clutch_rt.cold", path, device, str(threads), sentence]
    started = time.time()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClutchError(f"a cold start could not be measured: {error}; try `clutch-rt doctor`") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ClutchError(f"a cold start could not be measured: {last}; try `clutch-rt doctor`")
    answer: dict[str, Any] = json.loads(done.stdout)
    for name in ("imported", "loaded", "first"):
        answer[name] -= started
    return answer


def _be_cold(path: str, device: str, threads: int, sentence: str) -> dict[str, Any]:
    """What a cold process is asked for: wall-clock times of its milestones, and its memory then."""
    imported = time.time()
    model = load(Path(path), device, threads)
    model.warm_up()
    loaded = time.time()
    next(model.stream(sentence))
    first = time.time()
    model.generate(sentence)
    now, peak = resident()
    return {"imported": imported, "loaded": loaded, "first": first, "resident": now, "peak": peak}


if __name__ == "__main__":
    answer = _be_cold(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
    sys.stdout.write(json.dumps(answer) + "\n")
