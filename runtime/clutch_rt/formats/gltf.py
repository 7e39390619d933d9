"""The container of glTF 2.0: accessors into one buffer, nodes, animation, and the ``.glb`` around them."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UBYTE: Final = 5121
USHORT: Final = 5123
UINT: Final = 5125
FLOAT: Final = 5126
VERTICES: Final = 34962
INDICES: Final = 34963
_TYPES: Final = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


@dataclass
class Builder:
    """The two halves of a .glb while they grow: the JSON lists and the binary buffer."""

    binary: bytearray = field(default_factory=bytearray)
    views: list[dict[str, Any]] = field(default_factory=list)
    accessors: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    meshes: list[dict[str, Any]] = field(default_factory=list)
    skins: list[dict[str, Any]] = field(default_factory=list)
    channels: list[dict[str, Any]] = field(default_factory=list)
    samplers: list[dict[str, Any]] = field(default_factory=list)

    def accessor(self, values: Array, component: int, target: int | None = None, bounds: bool = False) -> int:
        """Append ``(N,)`` or ``(N, C)`` values to the buffer and return the number of their accessor."""
        self.binary.extend(b"\0" * (-len(self.binary) % 4))
        data = np.ascontiguousarray(values).tobytes()
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.binary.extend(data)
        self.views.append(view)
        width = 1 if values.ndim == 1 else values.shape[1]
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1,
            "componentType": component,
            "count": len(values),
            "type": _TYPES[width],
        }
        if bounds:
            flat = values.reshape(len(values), width)
            accessor["min"] = [float(v) for v in flat.min(axis=0)]
            accessor["max"] = [float(v) for v in flat.max(axis=0)]
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def floats(self, values: Array, target: int | None = None, bounds: bool = False) -> int:
        """``accessor`` for float32."""
        return self.accessor(values.astype(np.float32), FLOAT, target, bounds)

    def node(self, **content: Any) -> int:
        """Append a node and return its number."""
        self.nodes.append(content)
        return len(self.nodes) - 1

    def animate(self, node: int, path: str, times: int, values: Array) -> None:
        """Move a node along ``values``, one per time of the accessor ``times``."""
        self.samplers.append({"input": times, "output": self.floats(values), "interpolation": "LINEAR"})
        target = {"node": node, "path": path}
        self.channels.append({"sampler": len(self.samplers) - 1, "target": target})


def pack(document: dict[str, Any], binary: bytes) -> bytes:
    """The container: header, JSON chunk padded with spaces, binary chunk padded with zeros."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    size = 12 + 8 + len(text) + 8 + len(binary)
    header = struct.pack("<4sII", b"glTF", 2, size)
    return b"".join(
        [
            header,
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(binary), b"BIN\0"),
            binary,
        ]
    )
