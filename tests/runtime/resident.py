"""What a process holds of the machine's memory, whoever took it: Python, NumPy, C++."""

from __future__ import annotations

from pathlib import Path

import pytest

_STATM = Path("/proc/self/statm")

needs_statm = pytest.mark.skipif(not _STATM.exists(), reason="reads /proc/self/statm, which is Linux's")


def resident_bytes() -> int:
    """Resident size of this process."""
    import resource

    return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
