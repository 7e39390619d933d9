"""The compiled part of the runtime, where there is one: found, loaded, and asked what it can do.

A wheel made where there was no C++ compiler has none, and then ONNX Runtime does all; so it does where the
processor has no kernels that are known to be quicker. ``CLUTCH_RT_NATIVE=0`` leaves it out, a name of
``kernels`` takes those.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any, Final
from weakref import finalize

import numpy as np

from clutch_rt.errors import DeviceError
from clutch_rt.layout import Float32Array
from clutch_rt.native_structures import Flesh

VERSION: Final = 4  # of the interface, CLUTCH_NATIVE_VERSION in runtime/native/clutch_native.h
VARIABLE: Final = "CLUTCH_RT_NATIVE"
_SLOW: Final = "plain"  # kernels that were written to be right anywhere, not to be quick


@dataclass(frozen=True)
class Library:
    """The loaded library.

    Attributes:
        handle: its functions.
        kernels: which of its kernels are used, such as ``AVX512-VNNI``.
    """

    handle: Any
    kernels: str

    def open(self, what: str, owner: object, *told: ctypes.Structure) -> ctypes.c_void_p:
        """Open a ``step``, ``encoder`` or ``shift`` of what it is told; it is closed when ``owner`` is gone.

        Raises:
            DeviceError: memory is used up.
        """
        opened = getattr(self.handle, f"clutch_{what}_open")(
            *(ctypes.byref(structure) for structure in told), self.kernels.encode()
        )
        if not opened:
            raise DeviceError("the machine's memory is used up by a bundle's weights; close other programs")
        handle = ctypes.c_void_p(opened)
        # Not when the interpreter ends: a thread may still be at work then, and all memory goes anyway.
        finalize(owner, getattr(self.handle, f"clutch_{what}_close"), handle).atexit = False
        return handle

    def noise(self, seed: int, stream: int, first: int, steps: int, rows: Sequence[int]) -> Float32Array:
        """Gumbel noise as ``noise.block_noise`` has it: ``(steps, C, max rows)``."""
        sizes = (ctypes.c_int32 * len(rows))(*rows)
        out = np.empty((steps, len(rows), max(rows)), np.float32)
        name = self.kernels.encode()
        failed = self.handle.clutch_noise(
            name, seed, stream, first, steps, sizes, len(rows), out.shape[2], out.ctypes.data
        )
        assert not failed, "kernels are looked up before they are used"
        return out

    def part_hands(self, flesh: Flesh, frames: Float32Array) -> int:
        """Move apart, in place, the hands of ``frames (T, 2, 99)`` that are too deep in each other.

        Returns:
            In how many frames.

        Raises:
            DeviceError: memory is used up.
        """
        moved = int(self.handle.clutch_part_hands(ctypes.byref(flesh), frames.ctypes.data, len(frames)))
        if moved < 0:
            raise DeviceError("the machine's memory is used up by a motion; close other programs")
        return moved


@dataclass(frozen=True)
class Absence:
    """Why there is none, in a phrase."""

    reason: str

    @property
    def kernels(self) -> str:
        """In the place of the kernels' name."""
        return f"none ({self.reason})"


def library() -> Library | Absence:
    """The library with the best of its kernels, or with those that ``CLUTCH_RT_NATIVE`` names."""
    return choose(os.environ.get(VARIABLE, "").strip())


@lru_cache(maxsize=8)
def choose(wanted: str) -> Library | Absence:
    """The same for another value of the variable."""
    if wanted == "0":
        return Absence(f"{VARIABLE}=0 leaves it out")
    loaded = _load()
    if isinstance(loaded, Absence):
        return loaded
    handle, kernels = loaded
    if wanted:
        if wanted in kernels:
            return Library(handle, wanted)
        return Absence(f"{VARIABLE}={wanted} names none of its kernels here: {', '.join(kernels)}")
    if not kernels or kernels[0] == _SLOW:
        return Absence("it has no kernels for this processor that are known to be quicker")
    return Library(handle, kernels[0])


def all_kernels() -> tuple[str, ...]:
    """Names of the kernels that run on this processor, the best first; empty where there is no library."""
    loaded = _load()
    return () if isinstance(loaded, Absence) else loaded[1]


@lru_cache(maxsize=1)
def _load() -> tuple[Any, tuple[str, ...]] | Absence:
    """The library's functions and kernels."""
    here = Path(__file__).parent
    found = [here / f"_native{suffix}" for suffix in EXTENSION_SUFFIXES]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        return Absence("clutch-rt was installed without it; with a C++ compiler, install it again")
    try:
        handle = ctypes.CDLL(str(path))
        handle.clutch_native_version.restype = ctypes.c_int32
        version = handle.clutch_native_version()
        if version != VERSION:
            return Absence(f"{path.name} is of version {version}, not {VERSION}; install clutch-rt again")
        _declare(handle)
    except (OSError, AttributeError) as error:
        return Absence(f"{path.name} cannot be loaded ({error}); install clutch-rt again")
    return handle, _names(handle.clutch_native_kernels())


def _names(address: int) -> tuple[str, ...]:
    """The strings at an address, one after another up to an empty one."""
    names = []
    while name := ctypes.string_at(address):
        names.append(name.decode())
        address += len(name) + 1
    return tuple(names)


def _declare(handle: Any) -> None:
    """Say what the functions take and give; AttributeError where one is missing."""
    pointer, i32, i64, u64, text = (
        *(ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64),
        *(ctypes.c_uint64, ctypes.c_char_p),
    )
    functions: dict[str, tuple[Any, list[Any]]] = {
        "clutch_native_kernels": (pointer, []),
        "clutch_step_open": (pointer, [pointer, pointer, text]),
        "clutch_step_close": (None, [pointer]),
        "clutch_step_run": (i32, [pointer, pointer]),
        "clutch_encoder_open": (pointer, [pointer, pointer, text]),
        "clutch_encoder_close": (None, [pointer]),
        "clutch_encoder_memory": (i32, [pointer, i32, i32]),
        "clutch_encoder_run": (i32, [pointer, pointer]),
        "clutch_shift_open": (pointer, [pointer, text]),
        "clutch_shift_close": (None, [pointer]),
        "clutch_shift_state": (i64, [pointer]),
        "clutch_shift_run": (i32, [pointer, pointer, i64, pointer, pointer]),
        "clutch_noise": (i32, [text, u64, u64, u64, i64, pointer, i64, i64, pointer]),
        "clutch_part_hands": (i64, [pointer, pointer, i64]),
    }
    for name, (gives, takes) in functions.items():
        function = getattr(handle, name)
        function.restype, function.argtypes = gives, takes
