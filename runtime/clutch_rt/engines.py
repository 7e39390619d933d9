"""Engines in a bundle: which there are, what each was built for, and which one fits a machine.

An engine is a graph compiled for NVIDIA GPUs. It runs with one version of one library, on the architectures
it was built for, and says what one bundle says: all of that is its *key*. A set of engines with one key is a
folder of the bundle::

    engines/tensorrt-rtx/1.7.1.116-sm80.86.89.120-fp16-3f5a0c9e17b2/
        engine.json                  the key, and size and SHA-256 of every file beside it
        motion_step.engine, ...      what the library loads
        motion_step.onnx, ...        a graph of one node around each, for ONNX Runtime

Engines are no part of the bundle's manifest: they can be added and removed without changing what it is.
The device of their library's name loads those that fit (``engine_choice``). None has been run on a GPU.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clutch_rt.diagnosis import TENSORRT_PACKAGE, one_line
from clutch_rt.errors import BundleError, DeviceError, InputError
from clutch_rt.fields import short
from clutch_rt.manifest import CARD, FileEntry, Manifest, sha256_of

ENGINES: Final = "engines"
KEY_FILE: Final = "engine.json"
FORMAT: Final = 2
PRECISIONS: Final = ("fp16", "int8", "int4")  # of the weights

_SHORT: Final = 12
_MAX_KEY_BYTES: Final = 1 << 20

# What reading and taking apart a file can raise that says anything in JSON, or nothing.
BAD_JSON: Final[tuple[type[Exception], ...]] = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,  # int(Infinity), which Python's JSON knows
    RecursionError,  # brackets a thousand deep
)


@dataclass(frozen=True)
class Target:
    """A kind of GPU that engines are built for.

    Attributes:
        name: as in ``--target``.
        library: that builds and runs them; also the name of their folder, and of the device.
        modules: of the library in Python, the first that is there is taken.
        install: what brings the library.
        ahead: whether engines are built without the GPU at hand.
    """

    name: str
    library: str
    modules: tuple[str, ...]
    install: str
    ahead: bool


TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for target in (
        Target(
            "rtx",
            "tensorrt-rtx",
            ("tensorrt_rtx", "tensorrt_rtx_bindings"),
            "run `pip install tensorrt_rtx_cu12_libs tensorrt_rtx_cu12_bindings` (Linux x86-64 or Windows; "
            "no GPU is needed to build)",
            True,
        ),
        Target(
            "cuda",
            "tensorrt",
            ("tensorrt",),
            f"on the machine with the GPU, {TENSORRT_PACKAGE}",
            False,
        ),
        Target(
            "jetson",
            "tensorrt",
            ("tensorrt",),
            "it is part of JetPack: run `sudo apt install tensorrt python3-libnvinfer` on the Jetson, and "
            "use the system's Python (`python3 -m venv --system-site-packages`)",
            False,
        ),
    )
}


LIBRARIES: Final = tuple(dict.fromkeys(target.library for target in TARGETS.values()))


def target_of(name: str) -> Target:
    """The target of a name; InputError names the known ones."""
    if not isinstance(name, str) or name not in TARGETS:
        raise InputError(f"target is {short(name)}; it must be one of {', '.join(TARGETS)}")
    return TARGETS[name]


@dataclass(frozen=True)
class EngineKey:
    """What a set of engines was built for.

    Attributes:
        target: name of the target.
        version: of the library, all of it: engines of another version are refused by the library.
        sms: architectures, such as 89 for compute capability 8.9, ascending.
        precision: of the weights.
        content: of the bundle, see :func:`content_hash`.
        host: system and GPU, see ``nvidia.host``, of engines that run only where they were built; empty for
            those built ahead of time.
    """

    target: str
    version: str
    sms: tuple[int, ...]
    precision: str
    content: str
    host: str = ""

    @property
    def name(self) -> str:
        """The set's folder."""
        sms = ".".join(map(str, self.sms))
        host = f"-{self.host}" if self.host else ""
        return f"{self.version}-sm{sms}-{self.precision}-{self.content[:_SHORT]}{host}"

    @property
    def library(self) -> str:
        """The library that built the set and runs it."""
        return target_of(self.target).library

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "target": self.target,
            "library": self.library,
            "version": self.version,
            "sms": list(self.sms),
            "precision": self.precision,
            "content": self.content,
            "host": self.host,
        }


@dataclass(frozen=True)
class EngineSet:
    """Engines of one key.

    Attributes:
        path: their folder.
        key: what they were built for.
        files: size and SHA-256 by file name.
        graphs: what is known of each engine by graph name: seconds to build, layers, inputs, outputs. The
            engine, and its graph of one node, are among ``files``.
    """

    path: Path
    key: EngineKey
    files: Mapping[str, FileEntry]
    graphs: Mapping[str, Mapping[str, Any]]

    def engine(self, graph: str) -> Path:
        """The engine of a graph."""
        return self.path / f"{graph}.engine"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.bytes for entry in self.files.values())


def content_hash(manifest: Manifest) -> str:
    """What a bundle says, as one SHA-256: of all files but its card, which may be rewritten."""
    rows = sorted((name, entry.sha256) for name, entry in manifest.files.items() if name != CARD)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def engine_sets(root: Path) -> tuple[list[EngineSet], list[BundleError]]:
    """All sets under ``root``, a bundle's folder ``engines``, and what is wrong with damaged ones."""
    found, wrong = [], []
    for path in sorted(root.glob(f"*/*/{KEY_FILE}")):
        try:
            found.append(read_engine_set(path.parent))
        except BundleError as error:
            wrong.append(error)
    return found, wrong


def read_engine_set(folder: Path) -> EngineSet:
    """Read the key file of a set; BundleError names it and says what is wrong with it."""
    path = folder / KEY_FILE
    try:
        with path.open("rb") as file:
            raw = json.loads(file.read(_MAX_KEY_BYTES))
        if raw["format"] != FORMAT:
            raise BundleError(
                f"{path} has format {short(raw['format'])}; this clutch-rt reads {FORMAT}: "
                "build the engines again"
            )
        files = files_of(raw)
        graphs = {plain_word(name): dict(about) for name, about in raw["graphs"].items()}
        require_listed(files, [f"{name}{suffix}" for name in graphs for suffix in (".onnx", ".engine")])
        return EngineSet(folder, _key(raw["key"]), files, graphs)
    except InputError as error:  # the target
        raise BundleError(
            f"{path}: {error}; run `pip install --upgrade clutch-rt` if a later version built these engines, "
            "else build them again"
        ) from error
    except BAD_JSON as error:
        raise BundleError(
            f"{path} is no key of engines ({one_line(repr(error))}); build the engines again"
        ) from error


def _key(raw: Mapping[str, Any]) -> EngineKey:
    return EngineKey(
        target_of(raw["target"]).name,
        plain_word(raw["version"]),
        tuple(int(sm) for sm in raw["sms"]),
        plain_word(raw["precision"]),
        plain_word(raw["content"]),
        plain_word(raw["host"]) if raw["host"] else "",
    )


def plain_word(value: object) -> str:
    """A text that may be printed and be part of a file's name as it is; ValueError for any other value."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.+-]{1,100}", value):
        raise ValueError(f"{short(value)} is not a plain word")
    return value


def files_of(raw: Mapping[str, Any]) -> dict[str, FileEntry]:
    """Size and SHA-256 by file name, as ``raw["files"]`` states them; ValueError for one that leads away."""
    return {_flat(name): FileEntry(str(e["sha256"]), int(e["bytes"])) for name, e in raw["files"].items()}


def require_listed(files: Mapping[str, FileEntry], names: Sequence[str]) -> None:
    """Every name has a hash and lies in the folder, for those in ``files`` do; else ValueError."""
    missing = [name for name in names if name not in files]
    if missing:
        raise ValueError(f"{missing[0]!r} is not among its files, and so has no SHA-256")


def _flat(name: str) -> str:
    if not name or name in (".", "..") or any(c in name for c in "/\\:\0"):
        raise ValueError(f"the file name {short(name)} leads outside the folder")
    return name


def verify_engine_set(engines: EngineSet) -> None:
    """Check size and SHA-256 of every file; BundleError names the first that is not what was built."""
    for name, entry in engines.files.items():
        path = engines.path / name
        try:
            whole = path.stat().st_size == entry.bytes and sha256_of(path) == entry.sha256
        except OSError as error:
            raise BundleError(f"cannot read {path}: {error.strerror or error}; build it again") from error
        if not whole:
            raise BundleError(f"{path} is not the file that was built; build the engines again with --force")


def fitting_engines(
    sets: Sequence[EngineSet],
    library: str,
    version: str,
    sm: int,
    content: str,
    precision: str | None = None,
    host: str = "",
) -> EngineSet:
    """The set that fits a machine and a bundle.

    Args:
        sets: what there is.
        library: from ``LIBRARIES``.
        version: of the library on this machine, all of it or as much of it as can be told.
        sm: architecture of its GPU.
        content: of the bundle.
        precision: wanted, or None for any, the first in the order of ``sets``.
        host: this machine's system and GPU.

    Raises:
        DeviceError: none fits; the message says why each does not, and how one is built.
    """
    why = []
    for one in sets:
        reasons = _reasons(one.key, library, version, sm, content, precision, host)
        if not reasons:
            return one
        why.append(f"{one.path.name}: {', '.join(reasons)}")
    there = "; ".join(why) if why else "the bundle holds no engines"
    raise DeviceError(
        f"no engine fits {library} {version} on SM {sm} ({there}); "
        f"build one with `clutch-rt engine build --target {_targets(library)}`, or use another --device"
    )


def _targets(library: str) -> str:
    return " or ".join(target.name for target in TARGETS.values() if target.library == library)


def _same_version(one: str, other: str) -> bool:
    """Whether two versions of a library agree in all the numbers that both state, 1.7.1 and 1.7.1.116."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    return all(a == b for a, b in pairs)


def _reasons(
    key: EngineKey, library: str, version: str, sm: int, content: str, precision: str | None, host: str
) -> list[str]:
    reasons = []
    if key.library != library:
        reasons.append(f"of {key.library}, not {library}")
    if not _same_version(key.version, version):
        reasons.append(f"library version {key.version}, not {version}")
    if precision and key.precision != precision:
        reasons.append(f"precision {key.precision}, not {precision}")
    if sm not in key.sms:
        reasons.append(f"built for SM {', '.join(map(str, key.sms))}")
    if key.host not in ("", host):
        reasons.append(f"built on {key.host}, not on {host}")
    if key.content != content:
        reasons.append("built from another bundle")
    return reasons
