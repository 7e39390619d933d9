"""Whether a device really runs a bundle, found out in a process of its own.

A provider may end the process in which it loads, or hang in it; then the child is lost and not the caller.
``python -m clutch_rt.probe FOLDER DEVICE`` is that child; its last line is a JSON object.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from clutch_rt.engines import KEY_FILE, read_engine_set

SENTENCE: Final = "wave with the right hand"
SECONDS: Final = 8 / 30  # one step
TIMEOUT: Final = 180.0  # seconds: TensorRT compiles each graph when it is first loaded


@dataclass(frozen=True)
class Probe:
    """What came of trying a device.

    Attributes:
        device: its name. works: whether the bundle's sessions run on it.
        reason: why not, with what to do; empty where it works.
        load_seconds: to create the sessions. first_seconds: from the sentence to the first 8 frames, warm.
        agrees: whether it makes the same motion as the CPU; None where that was not looked at.
        took: the device that its sessions run on, which is told where ``auto`` was tried.
    """

    device: str
    works: bool
    reason: str = ""
    load_seconds: float | None = None
    first_seconds: float | None = None
    agrees: bool | None = None
    took: str = ""


def probe(bundle: Path, device: str, timeout: float = TIMEOUT) -> Probe:
    """Try a device in a child process.

    Args:
        bundle: its folder, or that of a set of engines, which are loaded only.
        device: from ``device.DEVICES``.
        timeout: seconds after which it counts as hanging.
    """
    if not sys.executable:
        return Probe(device, False, "not tried: there is no Python to start a process with")
    command = [sys.executable, "-m", "clutch_rt.probe", str(bundle), device]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return Probe(device, False, f"it did not answer within {timeout:g} s; update its driver and package")
    except OSError as error:
        return Probe(device, False, f"not tried: {error.strerror or error}")
    return parse_answer(device, done.returncode, done.stdout, done.stderr)


def parse_answer(device: str, code: int, stdout: str, stderr: str) -> Probe:
    """What a child's end means.

    Args:
        device: that it tried.
        code: its return code; a signal's number is negative.
        stdout, stderr: what it wrote; the answer is the last line of the former.
    """
    lines = stdout.strip().splitlines()
    if code == 0 and lines:
        try:
            return Probe(**json.loads(lines[-1]))
        except (ValueError, TypeError):
            pass
    ended = _signal_name(-code) if code < 0 else f"exit code {code}"
    last = (stderr.strip().splitlines() or ["it said nothing"])[-1]
    return Probe(
        device,
        False,
        f"it ended the process that loaded it ({ended}: {last[:200]}); "
        "update the driver and the provider's package, or use --device cpu",
    )


def try_device(bundle: Path, device: str) -> Probe:
    """Try a device in this process; see ``Probe``."""
    from clutch_rt import attempts
    from clutch_rt.errors import ClutchError
    from clutch_rt.model import load

    attempts.forget(device)
    try:
        started = time.perf_counter()
        with load(bundle, device) as model:
            model.warm_up()
            loaded = time.perf_counter() - started
            frames, first = _first_frames(model)
            took = model.info.device
        agrees = None if took == "cpu" else _agrees(bundle, frames)
    except ClutchError as error:
        return Probe(device, False, str(error))
    return Probe(device, True, "", loaded, first, agrees, took)


def try_engines(folder: Path, device: str) -> Probe:
    """Load every engine of a set in this process, if it fits, which the driver is asked; see ``Probe``."""
    from clutch_rt.device import Placement, create_session
    from clutch_rt.engine_choice import fit
    from clutch_rt.errors import ClutchError
    from clutch_rt.providers import PROVIDERS

    started = time.perf_counter()
    try:
        engines = read_engine_set(folder)
        fit([engines], device, engines.key.content)
        for name in engines.graphs:
            create_session(folder / f"{name}.onnx", Placement(device, PROVIDERS[device]), 1)
    except ClutchError as error:
        return Probe(device, False, str(error))
    return Probe(device, True, "", time.perf_counter() - started)


def _first_frames(model: Any) -> tuple[Any, float | None]:
    """Frames ``(8, 2, 99)`` of the second of two runs of one step, and its seconds.

    None for a model that does not know the sentence, of which it is enough that its sessions were created.
    """
    from clutch_rt.errors import InputError

    took, frames = None, None
    for _ in range(2):
        started = time.perf_counter()
        try:
            frames = model.generate(SENTENCE, seconds=SECONDS).frames
        except InputError:
            return None, None
        took = time.perf_counter() - started
    return frames, took


def _agrees(bundle: Path, frames: Any) -> bool | None:
    from clutch_rt.model import load

    if frames is None:
        return None
    with load(bundle, "cpu") as model:
        wanted = model.generate(SENTENCE, seconds=SECONDS).frames
    # Equal codes give frames that differ by rounding, half precision's at most; others, by centimetres.
    return bool(abs(frames - wanted).max() < 0.01)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


if __name__ == "__main__":
    given = Path(sys.argv[1])
    answer = (try_engines if (given / KEY_FILE).is_file() else try_device)(given, sys.argv[2])
    sys.stdout.write(json.dumps(asdict(answer)) + "\n")
