"""What a run ran on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

_FLAGS: Final = ("avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "asimddp", "i8mm")


def machine() -> dict[str, Any]:
    """Processor, its caches and what it can, memory, system."""
    fields = _first_processor()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "processor": fields.get("model name") or platform.processor() or platform.machine(),
        "family": fields.get("cpu family"),
        "cores": os.cpu_count(),
        "features": [name for name in _FLAGS if name in flags],
        "last_level_cache": _last_cache(),
        "memory_gb": round(_memory_bytes() / 2**30, 1),
        "virtual": "hypervisor" in flags,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
    }


def load() -> list[float]:
    """The load averages of 1, 5 and 15 minutes; empty where the system has none."""
    return [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else []


def _first_processor() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    block = path.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    pairs = (line.split(":", 1) for line in block.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _last_cache() -> str | None:
    folders = sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
    return (folders[-1] / "size").read_text().strip() if folders else None


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _commit() -> str | None:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
