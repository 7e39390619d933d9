"""Providers that end the process while they load: remembered, so that the next process can say so.

A driver or provider library may crash where no Python error can be caught. Before one is started a mark is
left in the user's cache folder, and taken away when it has started or failed; a mark whose process is gone is
a crash. ``clutch-rt doctor`` tries such a provider again, in a process of its own.

A cache folder may be shared: by machines, by containers, by this machine before and after a restart. The
number of a process means something only where it was given, so a mark names that place, and those of others
are let be.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from clutch_rt.bundle import cache_dir
from clutch_rt.formats.files import is_folder

# Linux only; neither is there on other systems.
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE: Final = Path("/proc/self/ns/pid")

log = logging.getLogger(__name__)


def crashed(device: str) -> bool:
    """Whether a process here ended while it started this device's provider."""
    return any(not _alive(path) for path in _marks(device))


def forget(device: str) -> None:
    """Take away the marks of processes that are gone: the device gets another chance."""
    for path in _marks(device):
        if not _alive(path):
            path.unlink(missing_ok=True)


@contextmanager
def attempt(device: str) -> Iterator[None]:
    """Mark that this process is starting a device's provider, for as long as the ``with`` block runs.

    A cache folder that cannot be written to means that a crash is not remembered, nothing else.
    """
    path = _mark(device)
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            log.debug("starting %s is not marked: %s", device, error)
    try:
        yield
    finally:
        if path is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _folder() -> Path | None:
    root = cache_dir()
    return None if root is None else root / "starting"


def _mark(device: str) -> Path | None:
    folder = _folder()
    return None if folder is None else folder / f"{device}.{_here()}.{os.getpid()}"


def _here() -> str:
    """Where this process has its number: the host, since its last start, and the namespace of processes.

    A short hash, fit for a file's name. Of what a system does not tell, the rest has to do.
    """
    facts = [platform.node()]
    with suppress(OSError):
        facts.append(_BOOT_ID.read_text(encoding="ascii").strip())
    with suppress(OSError):
        facts.append(str(_NAMESPACE.readlink()))
    return hashlib.sha256("\n".join(facts).encode(errors="replace")).hexdigest()[:16]


def _marks(device: str) -> list[Path]:
    folder = _folder()
    if folder is None or not is_folder(folder):
        return []
    return [path for path in folder.glob(f"{device}.{_here()}.*") if path.suffix[1:].isdigit()]


def _alive(mark: Path) -> bool:
    """Whether the process that left the mark still runs; where that cannot be known, it does."""
    if os.name == "nt":
        return int(mark.suffix[1:]) == os.getpid()  # os.kill would end the process there
    try:
        os.kill(int(mark.suffix[1:]), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
