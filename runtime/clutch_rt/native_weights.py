"""The compiled library's networks, and where their weights lie: a section of the manifest, a mapped file."""

from __future__ import annotations

import ctypes
import math
import mmap
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from clutch_rt import native_structures as structures
from clutch_rt.bundle import Bundle
from clutch_rt.errors import BundleError
from clutch_rt.fields import Fields
from clutch_rt.native_library import Library

SECTION: Final = "native"  # of a manifest
MOST: Final = 1 << 16  # of any size of a network: what a damaged file may ask for must not reach the library

_TYPES: Final[Mapping[str, Any]] = {"f4": np.float32, "f2": np.float16, "u1": np.uint8, "i1": np.int8}
_FLOAT: Final = "f4"
_CODES: Final[Mapping[str, int]] = {
    "f4": 0,
    "f2": 1,
    "u1": 2,
    "i1": 3,
}  # CLUTCH_FLOAT, _HALF, _BYTES, _SIGNED
_IN_BYTES: Final = ("u1", "i1")

# What a tensor may be stored as: a product or the table that is one too; rows that are only read; what runs
# once and is never rounded; SHIFT's.
LINEAR: Final = ("u1", "f2", "f4")
ROWS: Final = ("i1", "f2", "f4")
EXACT: Final = ("f4",)
FLOATS: Final = ("f2", "f4")


class Network(ABC):
    """A bundle's network in the library. Holds no state of any motion, so threads may share it.

    Args:
        library: the compiled part.
        bundle: verified, with a section for it.

    Raises:
        BundleError: the manifest tells of weights that are not there, or not so.
        DeviceError: memory is used up.
    """

    kind: str
    """As the library's functions have it: ``clutch_KIND_open``."""

    def __init__(self, library: Library, bundle: Bundle) -> None:
        fields = Fields(bundle.manifest.raw, str(bundle.path / "manifest.json")).child(SECTION)
        self.grammar: Final = bundle.manifest.grammar
        self._library = library
        self._weights = Weights.of(bundle, fields)
        self._kept: list[Any] = []  # what the library reads while it opens
        self._handle = library.open(self.kind, self, *self._told(fields))
        self._kept.clear()
        self._weights.let_go()

    @abstractmethod
    def inputs(self, graph: str) -> dict[str, list[Any]]:
        """Shapes of the inputs that stand for those of ``graph``."""

    @abstractmethod
    def _told(self, fields: Fields) -> Sequence[ctypes.Structure]:
        """What the library opens it with; shapes are checked on the way."""


class Weights:
    """The tensors of a step, by name, in a mapped file.

    Args:
        path: the bundle's weights.
        tensors: offset, type and shape of each, by name.
        where: the manifest, for errors.
    """

    def __init__(self, path: Path, tensors: Mapping[str, Any], where: str) -> None:
        self._tensors = tensors
        self._where = where
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._bytes = np.frombuffer(self._map, np.uint8)
        except (OSError, ValueError) as error:  # a file of no bytes cannot be mapped
            raise BundleError(f"{path} cannot be mapped ({error}); export the bundle again") from error

    def let_go(self) -> None:
        """Take what was read out of this process's memory: it is copied, or is read again from the file."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    @classmethod
    def of(cls, bundle: Bundle, fields: Fields) -> Weights:
        """Those of a bundle that the section ``fields`` of its manifest tells of; else BundleError."""
        name = fields.get("weights", str)
        if name not in bundle.manifest.files:  # and so has no hash, and may lie anywhere
            raise BundleError(f"{fields.where}: native.weights is {name!r}, which is not among its files")
        return cls(bundle.file(name), fields.child("tensors").raw, fields.where)

    def address(self, name: str, kind: str, shape: Sequence[int]) -> int:
        """Where a tensor lies; BundleError unless it is there, of this type and shape, inside the file."""
        found = self._tensors.get(name)
        if not isinstance(found, list) or len(found) != 3 or type(found[0]) is not int:
            raise BundleError(f"{self._where}: native.tensors has no {name!r}; export the bundle again")
        offset, dtype, sizes = found
        length = math.prod(shape) * np.dtype(_TYPES[kind]).itemsize
        if dtype != kind or sizes != list(shape):
            raise BundleError(
                f"{self._where}: native.tensors.{name} is {dtype} {sizes}, {kind} {list(shape)} was wanted; "
                "export the bundle again"
            )
        if not 0 <= offset <= self._bytes.size - length or offset % np.dtype(_TYPES[kind]).itemsize:
            raise BundleError(f"{self._where}: native.tensors.{name} lies outside the weights; export again")
        return int(self._bytes.ctypes.data) + offset

    def floats(self, name: str, *shape: int) -> int:
        """Where a tensor of float32 lies; errors as of ``address``, as of those below."""
        return self.address(name, _FLOAT, shape)

    def product(
        self, name: str, rows: int, columns: int, bias: str | None = None, kinds: Sequence[str] = LINEAR
    ) -> structures.Product:
        """A matrix, with the scales of its columns where it is in bytes, and a bias of that name."""
        kind = self._kind(name, kinds)
        return structures.Product(
            self.address(name, kind, (rows, columns)),
            _CODES[kind],
            self.floats(f"{name}.scale", columns) if kind in _IN_BYTES else None,
            None if bias is None else self.floats(bias, columns),
        )

    def table(self, name: str, rows: int, width: int, kinds: Sequence[str] = ROWS) -> structures.Table:
        """Rows of numbers, with their scales where they are in bytes."""
        kind = self._kind(name, kinds)
        return structures.Table(
            self.address(name, kind, (rows, width)),
            _CODES[kind],
            self.floats(f"{name}.scale", rows, 1) if kind in _IN_BYTES else None,
        )

    def _kind(self, name: str, kinds: Sequence[str]) -> str:
        """What a tensor is stored as; else the first of ``kinds``, for ``address`` to refuse."""
        found = self._tensors.get(name)
        told = found[1] if isinstance(found, list) and len(found) == 3 else None
        return next((kind for kind in kinds if kind == told), kinds[0])
