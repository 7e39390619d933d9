"""ONNX Runtime, imported here and nowhere else, and only when first needed: it takes a tenth of a second.

A motion that the compiled library makes does without. So modules say ``ort.onnxruntime`` where they use it,
and ``except ort.ORT_ERRORS``, which Python looks up only when something was raised.

From version 1.29 on, the official builds write a device id into the user's home and send what they do to
their maker over the network (``Privacy.md`` in the package). Nobody asked for that here. The one complete
switch is a variable of the environment, read when the library starts; whoever wants the telemetry sets
``ORT_DISABLE_TELEMETRY=0`` before.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from clutch_rt.errors import MissingExtraError

if TYPE_CHECKING:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    ORT_ERRORS: tuple[type[Exception], ...]
    """What ONNX Runtime may raise. Its errors share no base class but Exception."""

TELEMETRY_OFF: Final = "ORT_DISABLE_TELEMETRY"
_INSTALL: Final = "run `pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime`"

__all__ = ["ORT_ERRORS", "TELEMETRY_OFF", "is_graph_error", "onnxruntime", "state"]

_GRAPH: Final = ("InvalidProtobuf", "InvalidGraph", "NoSuchFile", "NoModel")
_importing: Final = threading.RLock()

os.environ.setdefault(TELEMETRY_OFF, "1")


def __getattr__(name: str) -> Any:
    """``onnxruntime``, ``state`` and ``ORT_ERRORS``, imported at the first of them.

    Raises:
        MissingExtraError: it cannot be imported.
    """
    if name not in ("onnxruntime", "state", "ORT_ERRORS"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _importing:
        if name not in globals():
            globals().update(_imported())
        return globals()[name]


def _imported() -> dict[str, Any]:
    os.environ.setdefault(TELEMETRY_OFF, "1")  # once more: the program may have made its environment anew
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError as error:
        raise MissingExtraError(
            f"ONNX Runtime cannot be imported ({error}); {_INSTALL}, or onnxruntime-gpu in its place"
        ) from error
    if os.environ[TELEMETRY_OFF] == "1" and hasattr(onnxruntime, "disable_telemetry_events"):
        # Where the program around us had imported it before us, the variable came too late: ask for quiet.
        onnxruntime.disable_telemetry_events()
    own = (v for v in vars(state).values() if isinstance(v, type) and issubclass(v, Exception))
    return {"onnxruntime": onnxruntime, "state": state, "ORT_ERRORS": (*own, RuntimeError, ValueError)}


def providers() -> tuple[str, ...]:
    """That it was built with; none where it cannot be imported."""
    from clutch_rt import ort

    try:
        return tuple(ort.onnxruntime.get_available_providers())
    except MissingExtraError:
        return ()


def is_graph_error(error: Exception) -> bool:
    """Whether the graph itself is at fault, whatever it was to run on."""
    from clutch_rt.ort import state

    kinds: tuple[Any, ...] = tuple(getattr(state, name) for name in _GRAPH if hasattr(state, name))
    return isinstance(error, kinds)
