"""The weights of a bundle's graphs by name, as the writers were given them but for what precision took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from clutch_rt.bundle import Bundle
from clutch_rt.errors import BundleError
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper

from export.graph import restored_blocks, restored_columns
from export.weights import WEIGHTS_FILE, Array

_TYPES: Final[Mapping[int, Any]] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
    TensorProto.UINT8: np.uint8,
    TensorProto.INT8: np.int8,
}
_INT4: Final = ".int4"
_SCALE: Final = ".scale"


class Unreadable(Exception):
    """Graphs that are not as this version's writers lay them out; the words are a clause, no sentence."""


@dataclass(frozen=True)
class Stored:
    """Graphs of a bundle and their weights.

    Attributes:
        graphs: by their names in the manifest.
        tensors: by the names the writers gave them, float32; a matrix is ``(in, out)``.
    """

    graphs: Mapping[str, onnx.GraphProto]
    tensors: Mapping[str, Array]

    def __getitem__(self, name: str) -> Array:
        if name not in self.tensors:
            raise Unreadable(f"its graphs hold no {name!r}")
        return self.tensors[name]

    def either(self, *names: str) -> Array:
        """The first of ``names`` that there is."""
        return self[next((name for name in names if name in self.tensors), names[0])]

    def count(self, pattern: str) -> int:
        """For how many of 0, 1, 2, ... in turn there is a tensor ``pattern.format(i)``."""
        found = 0
        while pattern.format(found) in self.tensors:
            found += 1
        return found


def read_stored(bundle: Bundle, names: Sequence[str]) -> Stored:
    """The graphs of those names and their weights, out of their 8 or 4 bits where they lie in such.

    Raises:
        Unreadable: a graph has no weights by name, or two that do not agree. BundleError: a file is damaged.
    """
    graphs = {name: _graph(bundle, name) for name in names}
    if WEIGHTS_FILE not in bundle.manifest.files:
        raise Unreadable(f"it has no {WEIGHTS_FILE}")
    data = np.fromfile(bundle.file(WEIGHTS_FILE), np.uint8)
    raw: dict[str, Array] = {}
    for graph in graphs.values():
        for name, array in _external(graph, data):
            if name in raw and not np.array_equal(raw[name], array):
                raise Unreadable(f"its graphs mean different weights by {name!r}")
            raw[name] = array
    widths = {name: width for graph in graphs.values() for name, width in _widths(graph)}
    return Stored(graphs, dict(_restored(raw, widths)))


def _graph(bundle: Bundle, name: str) -> onnx.GraphProto:
    file = bundle.manifest.graphs[name]
    if file != f"{name}.onnx":
        raise Unreadable(f"its graph {name} lies in {file}")
    try:
        return onnx.load(bundle.file(file), load_external_data=False).graph
    except DecodeError as error:
        raise BundleError(f"{bundle.file(file)} is no ONNX graph; export or download it again") from error


def _external(graph: onnx.GraphProto, data: Array) -> Iterator[tuple[str, Array]]:
    """The tensors of a graph that lie in the file of weights, ``data`` its bytes."""
    for entry in graph.initializer:
        if entry.data_location != TensorProto.EXTERNAL:
            continue
        if entry.data_type not in _TYPES:
            raise Unreadable(f"{entry.name!r} is of the type {TensorProto.DataType.Name(entry.data_type)}")
        place = {item.key: item.value for item in entry.external_data}
        try:
            first, length = int(place["offset"]), int(place["length"])
            part = data[first : first + length].view(_TYPES[entry.data_type]).reshape(list(entry.dims))
        except (KeyError, ValueError, TypeError) as error:
            raise Unreadable(f"{entry.name!r} lies outside {WEIGHTS_FILE}") from error
        if place.get("location") != WEIGHTS_FILE or first < 0 or part.nbytes != length:
            raise Unreadable(f"{entry.name!r} lies outside {WEIGHTS_FILE}")
        yield entry.name, part


def _widths(graph: onnx.GraphProto) -> Iterator[tuple[str, int]]:
    """The inputs of each 4-bit product, by its weights: their last block is filled up."""
    for node in graph.node:
        if node.op_type == "MatMulNBits":
            yield node.input[1], next(a.i for a in node.attribute if a.name == "K")


def _restored(raw: Mapping[str, Array], widths: Mapping[str, int]) -> Iterator[tuple[str, Array]]:
    for name, array in raw.items():
        if name.endswith(_SCALE) and name.removesuffix(_SCALE) in raw:
            continue
        if array.dtype not in (np.uint8, np.int8):
            yield name, array.astype(np.float32)
            continue
        if name + _SCALE not in raw:
            raise Unreadable(f"{name!r} has no {name + _SCALE!r}")
        scale = raw[name + _SCALE]
        try:
            if name in widths:
                yield name.removesuffix(_INT4), restored_blocks(array, scale, widths[name])
            else:
                yield name, restored_columns(array, scale)
        except ValueError as error:
            raise Unreadable(f"{name!r} and its scales do not fit ({error})") from error


def constant(graph: onnx.GraphProto, name: str) -> Array | None:
    """A constant that stands in the graph itself; None where the value is no such thing."""
    for entry in graph.initializer:
        if entry.name == name and entry.data_location != TensorProto.EXTERNAL:
            return np.asarray(numpy_helper.to_array(entry))
    return None
