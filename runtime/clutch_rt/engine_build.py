"""Sets of engines from the networks a bundle carries: built beside their place, moved there in one rename.

Networks are what engines are compiled from, in a form that any version of the library can take again::

    engines/networks/fp16-3f5a0c9e17b2/
        networks.json                  which bundle they say the same as, their shapes, sizes and SHA-256
        weights.bin
        motion_step.onnx, ...          the networks
        motion_step.tensorrt.onnx, ... a graph of one node for each library's provider in ONNX Runtime: it
                                       is put beside every engine of that library

``python -m export.tensorrt`` writes them; what compiles them needs neither PyTorch nor the training run.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clutch_rt import nvidia
from clutch_rt.diagnosis import one_line
from clutch_rt.engine_library import Built, Library, Log, build_engine
from clutch_rt.engines import (
    BAD_JSON,
    FORMAT,
    KEY_FILE,
    LIBRARIES,
    EngineKey,
    EngineSet,
    files_of,
    plain_word,
    read_engine_set,
    require_listed,
)
from clutch_rt.errors import BundleError
from clutch_rt.fields import short
from clutch_rt.manifest import FileEntry, sha256_of

NETWORKS: Final = "networks"
NETWORKS_FILE: Final = "networks.json"
WEIGHTS: Final = "weights.bin"

_SHORT: Final = 12
_SHAPES: Final = ("smallest", "usual", "largest")


@dataclass(frozen=True)
class Networks:
    """The networks of one precision.

    Attributes:
        path: their folder.
        precision: of the weights.
        content: of the bundle whose graphs they stand for.
        shapes: of each network's open inputs: smallest, usual and largest.
        raw: all that ``networks.json`` says.
    """

    path: Path
    precision: str
    content: str
    shapes: Mapping[str, Mapping[str, Sequence[Sequence[int]]]]
    raw: Mapping[str, Any]


def context_file(network: str, library: str) -> str:
    """The file of the graph of one node that stands for a library's engine of a network."""
    return f"{network}.{library}.onnx"


def networks_folder(root: Path, precision: str, content: str) -> Path:
    """Where networks lie under ``root``, a bundle's folder ``engines``."""
    return root / NETWORKS / f"{precision}-{content[:_SHORT]}"


def read_networks(folder: Path, content: str) -> Networks:
    """Read and verify networks.

    Args:
        folder: holds ``networks.json``.
        content: of the bundle they must belong to.

    Raises:
        BundleError: there are none, they are damaged, or they are another bundle's.
    """
    path = folder / NETWORKS_FILE
    try:
        raw = json.loads(path.read_bytes())
        if raw["format"] != FORMAT:
            raise BundleError(
                f"{path} has format {short(raw['format'])}; this clutch-rt reads {FORMAT}: "
                "write the networks again"
            )
        found = Networks(
            folder, plain_word(raw["precision"]), str(raw["content"]), _shapes_of(raw["networks"]), raw
        )
        files = files_of(raw)
        # A network without a hash could be any: it would be compiled, and the engine given one.
        contexts = [context_file(name, library) for name in found.shapes for library in LIBRARIES]
        require_listed(files, [WEIGHTS, *(f"{name}.onnx" for name in found.shapes), *contexts])
        for name, entry in files.items():
            if sha256_of(folder / name) != entry.sha256:
                raise BundleError(
                    f"{folder / name} is not the file that was written; write the networks again"
                )
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder.parent.parent} holds no networks to build engines of this precision from "
            f"({Path(error.filename or path).name} is missing); write them with a checkout of "
            "the project: `python -m export.tensorrt BUNDLE --keep-networks`"
        ) from None
    except BAD_JSON as error:
        raise BundleError(
            f"{path} cannot be used ({one_line(repr(error))}); write the networks again"
        ) from error
    if found.content != content:
        raise BundleError(f"{folder} was written for another bundle; write it again")
    return found


def _shapes_of(raw: Mapping[str, Any]) -> dict[str, Mapping[str, Sequence[Sequence[int]]]]:
    """Shapes by network and input, three of each; ValueError or TypeError where they are no such thing."""
    found: dict[str, Mapping[str, Sequence[Sequence[int]]]] = {}
    for name, inputs in raw.items():
        shapes = {key: [[int(n) for n in shape] for shape in three] for key, three in inputs.items()}
        if any(len(three) != len(_SHAPES) for three in shapes.values()):
            raise ValueError(f"{name!r} does not state the {', '.join(_SHAPES)} shape of each open input")
        found[plain_word(name)] = shapes
    return found


def place_of_set(
    library: Library, sms: Sequence[int], precision: str, content: str, root: Path, force: bool
) -> tuple[EngineKey, Path]:
    """The key of a set, and its folder, which must be free unless ``force``; else BundleError."""
    host = "" if library.target.ahead else nvidia.host()
    key = EngineKey(library.target.name, library.version, tuple(sorted(sms)), precision, content, host)
    folder = root / library.target.library / key.name
    if folder.exists() and not force:
        raise BundleError(f"{folder} is there already; say --force to build it again")
    return key, folder


def build_set(
    library: Library,
    networks: Networks,
    sms: Sequence[int],
    root: Path,
    force: bool,
    log: Log,
) -> tuple[EngineSet, dict[str, Built]]:
    """Build the engines of one key.

    Args:
        library: builds them.
        networks: what from.
        sms: architectures; for a library that builds on the GPU, that of the GPU.
        root: the folder ``engines`` to put them in.
        force: whether a set of this key may be replaced; it stays until the new one is whole.
        log: takes lines of progress.

    Raises:
        BundleError: the set is there already, or the place cannot be written, or a network does not parse.
        DeviceError: the library would not build.
    """
    key, folder = place_of_set(library, sms, networks.precision, networks.content, root, force)
    built: dict[str, Built] = {}
    with folder_by_rename(folder) as part:
        for number, (name, shapes) in enumerate(networks.shapes.items(), 1):
            log(f"  {name} ({number} of {len(networks.shapes)})")
            built[name] = build_engine(library, networks.path / f"{name}.onnx", shapes, key.sms, log)
            (part / f"{name}.engine").write_bytes(built[name].data)
            shutil.copyfile(networks.path / context_file(name, key.library), part / f"{name}.onnx")
            one = built[name]
            log(f"    {len(one.data) / 1e6:.1f} MB in {one.seconds:.0f} s; {one.checked}")
        write_json(part / KEY_FILE, _key_file(key, networks, part, built))
    return read_engine_set(folder), built


def _key_file(key: EngineKey, networks: Networks, part: Path, built: Mapping[str, Built]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "key": key.to_dict(),
        "bundle": networks.raw.get("bundle"),
        "weights": networks.raw.get("weights"),
        "checked_against_pytorch": networks.raw.get("checked"),
        "files": {path.name: FileEntry.of(path).to_dict() for path in sorted(part.iterdir())},
        "graphs": {name: one.to_dict() for name, one in built.items()},
    }


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write an object as JSON."""
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


@contextmanager
def folder_by_rename(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes the name ``folder`` when the block ends well; until then the old stays.

    Raises:
        BundleError: the place cannot be written.
    """
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        part.mkdir(parents=True)
        yield part
        if folder.exists():
            folder.rename(old)
        try:
            part.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    except OSError as error:
        where = error.filename or folder
        raise BundleError(
            f"cannot write {where}: {error.strerror or error}; make room, or choose another place with -o"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def table(sets: Sequence[tuple[EngineSet, Mapping[str, Built]]]) -> list[str]:
    """Lines of a table: what was built."""
    rows = [
        ("engine", "SM", "weights", "MB", "seconds", "layers", "open inputs (smallest / usual / largest)")
    ]
    for engines, built in sets:
        sms = ".".join(map(str, engines.key.sms))
        for name, one in built.items():
            shapes = [_shapes(entry) for entry in one.inputs if "usual" in entry]
            rows.append(
                (
                    name,
                    sms,
                    engines.key.precision,
                    f"{len(one.data) / 1e6:.1f}",
                    f"{one.seconds:.1f}",
                    str(one.layers),
                    ", ".join(shapes) or "none: all shapes are fixed",
                )
            )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]) for row in rows]


def _shapes(entry: Mapping[str, Any]) -> str:
    shapes = (entry[which] for which in _SHAPES)
    return f"{entry['name']} {' / '.join('x'.join(map(str, shape)) for shape in shapes)}"
