"""ONNX Runtime, imported here and nowhere else: its telemetry off, and one line where it is missing.

From version 1.29 on, the official builds write a device id into the user's home and send what they do to
their maker over the network (``Privacy.md`` in the package). Nobody asked for that here. The one complete
switch is a variable of the environment, read when the library starts; whoever wants the telemetry sets
``ORT_DISABLE_TELEMETRY=0`` before.
"""

from __future__ import annotations

import os
from typing import Any, Final

from clutch_rt.errors import MissingExtraError

TELEMETRY_OFF: Final = "ORT_DISABLE_TELEMETRY"
_INSTALL: Final = "run `pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime`"

__all__ = ["ORT_ERRORS", "TELEMETRY_OFF", "is_graph_error", "onnxruntime", "state"]

os.environ.setdefault(TELEMETRY_OFF, "1")
try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state
except ImportError as error:
    raise MissingExtraError(
        f"ONNX Runtime cannot be imported ({error}); {_INSTALL}, or onnxruntime-gpu in its place"
    ) from error

if os.environ[TELEMETRY_OFF] == "1" and hasattr(onnxruntime, "disable_telemetry_events"):
    # Where the program around us had imported it before us, the variable came too late: ask it to be quiet.
    onnxruntime.disable_telemetry_events()

# What ONNX Runtime may raise. Its errors share no base class but Exception.
ORT_ERRORS: Final[tuple[type[Exception], ...]] = (
    *(v for v in vars(state).values() if isinstance(v, type) and issubclass(v, Exception)),
    RuntimeError,
    ValueError,
)
_GRAPH: Final = ("InvalidProtobuf", "InvalidGraph", "NoSuchFile", "NoModel")


def is_graph_error(error: Exception) -> bool:
    """Whether the graph itself is at fault, whatever it was to run on."""
    kinds: tuple[Any, ...] = tuple(getattr(state, name) for name in _GRAPH if hasattr(state, name))
    return isinstance(error, kinds)
