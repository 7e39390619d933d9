"""The machine: its processor, what of it makes the networks fast, its memory. Read, never measured."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# What ONNX Runtime's kernels look for, by the name people know it by, and the kernel's and numpy's own names.
_X86: Final[Mapping[str, tuple[str, ...]]] = {
    "AVX2": ("avx2",),
    "AVX-512": ("avx512f",),
    "AVX512-VNNI": ("avx512_vnni", "avx512vnni"),
    "AVX-VNNI": ("avx_vnni", "avxvnni"),
    "AMX": ("amx_int8", "amxint8"),
}
_ARM: Final[Mapping[str, tuple[str, ...]]] = {
    "NEON": ("asimd", "neon"),
    "dot product": ("asimddp",),
    "int8 matrices": ("i8mm",),
    "fp16": ("asimdhp",),
}
_CGROUP: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Machine:
    """A machine as far as it matters here.

    Attributes:
        cpu: the processor's name. arch: such as ``x86_64``. system: such as ``Linux``.
        cores: logical processors. usable: those this process may use, a cgroup's limit counted; 1.5 can be.
        features: instruction sets that matter, and whether they are there; empty where that cannot be known.
        memory: bytes of memory, a cgroup's limit counted. free: bytes of it that are free; None if unknown.
    """

    cpu: str
    arch: str
    system: str
    cores: int
    usable: float
    features: Mapping[str, bool]
    memory: int | None
    free: int | None

    def line(self) -> str:
        """The machine in a line, for the head of a table."""
        have = [name for name, there in self.features.items() if there]
        cores = (
            f"{self.usable:g} of {self.cores} cores" if self.usable != self.cores else f"{self.cores} cores"
        )
        return ", ".join([self.cpu, cores, " ".join(have) or self.arch, self.system])


def this_machine() -> Machine:
    """Look at the machine."""
    arch = platform.machine()
    cpuinfo = _read("/proc/cpuinfo")
    memory, free = _memory()
    cores = os.cpu_count() or 1
    return Machine(
        cpu=_cpu_name(cpuinfo) or platform.processor() or arch,
        arch=arch,
        system=platform.system(),
        cores=cores,
        usable=_usable(cores),
        features=features(_flags(cpuinfo) or _numpy_flags(), arch),
        memory=memory,
        free=free,
    )


def resident() -> tuple[int | None, int | None]:
    """Bytes of memory of this process that are resident now, and the most that ever were; None if unknown."""
    fields = dict(line.split(":", 1) for line in _read("/proc/self/status").splitlines() if ":" in line)
    now, peak = (_kilobytes(fields.get(name, "")) for name in ("VmRSS", "VmHWM"))
    if now is None and sys.platform == "darwin":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return now, peak


def features(flags: Iterable[str], arch: str) -> dict[str, bool]:
    """Which of the instruction sets that matter are among a processor's flags; empty for no flags at all."""
    have = {flag.lower() for flag in flags}
    table = _ARM if arch.lower() in ("aarch64", "arm64") else _X86
    return {name: any(flag in have for flag in names) for name, names in table.items()} if have else {}


def quota(text: str) -> float | None:
    """Processors that a cgroup's ``cpu.max`` allows, ``QUOTA PERIOD`` in microseconds; None for no limit."""
    parts = text.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts) or int(parts[1]) == 0:
        return None
    return int(parts[0]) / int(parts[1])


def _usable(cores: int) -> float:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    limit = quota(_read(_CGROUP / "cpu.max"))
    return float(allowed) if limit is None else min(float(allowed), round(limit, 2))


def _cpu_name(cpuinfo: str) -> str | None:
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string")
    return None


def _flags(cpuinfo: str) -> list[str]:
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return value.split()
    return []


def _numpy_flags() -> list[str]:
    """What numpy found of the processor; it keeps that in a place of its own, which may change."""
    from importlib import import_module

    try:
        found: dict[str, Any] = import_module("numpy._core._multiarray_umath").__cpu_features__
    except (ImportError, AttributeError):
        return []
    return [name for name, there in found.items() if there]


def _memory() -> tuple[int | None, int | None]:
    """Total and free bytes; of a cgroup with a limit of its own, those."""
    fields = dict(line.split(":", 1) for line in _read("/proc/meminfo").splitlines() if ":" in line)
    total, free = (_kilobytes(fields.get(name, "")) for name in ("MemTotal", "MemAvailable"))
    if total is None:
        return _memory_elsewhere(), None
    limit, used = (_read(_CGROUP / name).strip() for name in ("memory.max", "memory.current"))
    if limit.isdigit() and used.isdigit() and int(limit) < total:
        return int(limit), min(max(int(limit) - int(used), 0), free or 0)
    return total, free


def _memory_elsewhere() -> int | None:
    if sys.platform == "darwin":
        found = _sysctl("hw.memsize")
        return int(found) if found and found.isdigit() else None
    return None


def _kilobytes(text: str) -> int | None:
    number = text.split()[0] if text.split() else ""
    return int(number) * 1024 if number.isdigit() else None


def _sysctl(name: str) -> str | None:
    import subprocess

    try:
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _read(path: str | Path) -> str:
    """A small file's text; empty where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
