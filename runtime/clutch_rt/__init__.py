"""Text in, two moving 3D hands out, in real time, on the device in the user's hand.

import clutch_rt

with clutch_rt.load() as model:
    motion = model.generate("knead the dough with both hands", seed=7)
    motion.save("knead.glb")
    for chunk in model.stream("wave with the right hand"):
        positions = chunk.joints("openxr").positions  # (n, 2, 26, 3) metres
"""

from __future__ import annotations

from importlib import import_module

from clutch_rt.errors import (
    BundleError,
    Cancelled,
    ClutchError,
    DeviceError,
    FileFormatError,
    GrammarError,
    InputError,
    MissingExtraError,
    UnsafeFileError,
)

# Not typing's own: importing typing takes longer than all else here, and until `cli.main` runs a Ctrl-C is
# answered by Python, with a traceback. Type checkers take the name for what it says.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from clutch_rt.completion import Given
    from clutch_rt.hand import Hand, neutral_hands
    from clutch_rt.joints import JointPoses
    from clutch_rt.live import Live
    from clutch_rt.model import Model, load
    from clutch_rt.motion import Motion
    from clutch_rt.results import Chunk, Info, LiveStats, Played

    __version__: str

__all__ = [
    "BundleError",
    "Cancelled",
    "Chunk",
    "ClutchError",
    "DeviceError",
    "FileFormatError",
    "Given",
    "GrammarError",
    "Hand",
    "Info",
    "InputError",
    "JointPoses",
    "Live",
    "LiveStats",
    "MissingExtraError",
    "Model",
    "Motion",
    "Played",
    "UnsafeFileError",
    "load",
    "neutral_hands",
]

# Imported when first used: `import clutch_rt` stays quick, and reading a motion needs no engine.
_LAZY: Final = {
    "Chunk": "results",
    "Given": "completion",
    "Hand": "hand",
    "Info": "results",
    "JointPoses": "joints",
    "Live": "live",
    "LiveStats": "results",
    "Model": "model",
    "Motion": "motion",
    "Played": "results",
    "load": "model",
    "neutral_hands": "hand",
}


def _version() -> str:
    from importlib import metadata  # here, because it costs as much as all the rest of `import clutch_rt`

    try:
        return metadata.version("clutch-rt")
    except metadata.PackageNotFoundError:  # a checkout on the path, not installed
        return "0+unknown"


def __getattr__(name: str) -> object:
    if name not in _LAZY and name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = _version() if name == "__version__" else getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
