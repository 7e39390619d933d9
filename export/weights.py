"""The one file of weights that every graph of a bundle shares."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WEIGHTS_FILE: Final = "weights.bin"
ALIGNMENT: Final = 64

Array = NDArray[Any]


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies in ``weights.bin``: byte offset (a multiple of 64) and byte length."""

    offset: int
    length: int


class WeightStore:
    """Tensors by content: what two graphs share is written once.

    Two tensors are the same when type and bytes agree; the shape belongs to the graph that uses them.
    """

    def __init__(self) -> None:
        self._places: dict[str, Stored] = {}
        self._blobs: list[bytes] = []
        self._end = 0

    def add(self, array: Array) -> Stored:
        """Keep ``array`` (little-endian, C order) and say where it will lie."""
        blob = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        key = f"{array.dtype.str}:{hashlib.sha256(blob).hexdigest()}"
        if key not in self._places:
            offset = -(-self._end // ALIGNMENT) * ALIGNMENT
            self._places[key] = Stored(offset, len(blob))
            self._blobs.append(blob)
            self._end = offset + len(blob)
        return self._places[key]

    @property
    def bytes(self) -> int:
        """Size of the file, alignment included."""
        return self._end

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Stored]:
        return iter(self._places.values())

    def write(self, path: Path) -> None:
        """Write the tensors one after the other, each at its offset."""
        with path.open("wb") as file:
            for place, blob in zip(self._places.values(), self._blobs, strict=True):
                file.write(b"\0" * (place.offset - file.tell()))
                file.write(blob)
