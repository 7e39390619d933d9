"""A motion, or several, through the compiled step: keys and values are written where they stay."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt import native_structures as structures
from clutch_rt.errors import BundleError, ClutchError, InputError
from clutch_rt.grammar import UNKNOWN
from clutch_rt.native_shift import NativeDecoding, NativeShift
from clutch_rt.native_step import NativeStep
from clutch_rt.native_weights import Network

Array = NDArray[Any]
_MOST: Final = 2**31 - 1

InUse = Callable[[], AbstractContextManager[None]]


def native_loop(
    network: Network, in_use: InUse, start: Mapping[str, Array]
) -> NativeLoop | NativeStream | NativeDecoding:
    """The loop of a step's form, or of SHIFT's decoder.

    Args:
        network: of the bundle.
        in_use: a context that keeps the bundle open while a step is made.
        start: inputs before the first step, as the graph has them.
    """
    if isinstance(network, NativeShift):
        return NativeDecoding(network, in_use)
    assert isinstance(network, NativeStep)
    return (NativeStream if network.grammar.form == "flat" else NativeLoop)(network, in_use, start)


class NativeLoop:
    """B motions of the step form, as ``loops.Loop`` has it; arguments as of ``native_loop``."""

    def __init__(
        self,
        step: NativeStep,
        in_use: InUse,
        start: Mapping[str, Array],
    ) -> None:
        grammar, network = step.grammar, step.network
        self._step = step
        self._in_use = in_use
        self._codes = np.array(start["codes"], np.int64, order="C")
        rows = len(self._codes)
        if self._codes.shape != (rows, grammar.slots) or (self._codes < 0).any():
            raise InputError(f"codes are {self._codes.shape}; (motions, {grammar.slots}) was wanted")
        if (self._codes >= grammar.sizes).any():
            raise InputError("codes lie beyond their codebooks")
        self._rhythm = np.zeros(rows, np.int64)
        self._steps = np.array(start["steps"], np.int64, order="C")
        longest = int(self._steps.max(initial=0))
        if self._steps.shape != (rows,) or self._steps.min(initial=1) < 1 or longest > grammar.max_steps:
            raise InputError(
                f"motions of {self._steps.tolist()} steps; 1 to {grammar.max_steps} are possible"
            )
        self._memory = [np.ascontiguousarray(start[f"memory.{i}"]) for i in range(2 * network.layers)]
        self._padding = np.ascontiguousarray(start["padding"], np.float32)
        length = self._padding.shape[-1]
        shape = (rows, 1, network.heads, length, network.head_width)
        if self._padding.shape != (rows, 1, 1, 1, length) or any(
            part.shape != shape or part.dtype != np.float32 for part in self._memory
        ):
            raise BundleError("the text encoder and the motion step differ in shape; export the bundle again")
        cache = (rows, network.heads, longest, network.head_width)
        self._cache = [np.empty(cache, np.float32) for _ in range(2 * network.layers)]
        self._given: Array | None = None
        self._noise: Array = np.empty(0, np.float32)
        drawn = grammar.drawn
        self._noise_shape = (len(drawn), int(drawn.max()))
        self._call = structures.Call(
            rows=rows,
            memory_length=length,
            capacity=longest,
            top_k=min(int(start["top_k"][0]), _MOST),
            temperature=float(start["temperature"][0]),
            codes=self._codes.ctypes.data,
            rhythm=self._rhythm.ctypes.data,
            steps=self._steps.ctypes.data,
            noise_rows=self._noise_shape[1],
            padding=self._padding.ctypes.data,
        )
        self._lists = [_pointers(self._memory), _pointers(self._cache)]
        self._call.memory, self._call.cache = (ctypes.addressof(part) for part in self._lists)
        self._give(start.get("given"))

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        """The codes ``(B, K)`` of the next step, in a list."""
        call, rows = self._call, self._call.rows
        call.position = int(feeds["position"][0])
        self._noise = np.ascontiguousarray(feeds["noise"], np.float32)
        if self._noise.shape != (rows, *self._noise_shape) or not 0 <= call.position < call.capacity:
            raise ClutchError(f"a step of {rows} motions was given noise {self._noise.shape}")
        call.noise = self._noise.ctypes.data
        if "given" in feeds:
            self._give(feeds["given"])
        with self._in_use():
            self._step.run(call)
        return [self._codes[:rows].copy()]

    def keep(self, rows: int) -> None:
        """Go on with the first ``rows`` motions only."""
        self._call.rows = max(0, min(rows, self._call.rows))

    def _give(self, given: Array | None) -> None:
        """Take codes that are given, where any are."""
        known = given is not None and bool((given != UNKNOWN).any())
        self._given = np.array(given, np.int64, order="C") if known else None
        if self._given is not None:
            if self._given.shape != self._codes[: self._call.rows].shape:
                raise InputError(f"given codes are {self._given.shape}; {self._codes.shape} was wanted")
            for row in self._given:
                self._step.grammar.check(row[None], unknown=True)
        self._call.given = None if self._given is None else self._given.ctypes.data


class NativeStream:
    """A motion of the flat form, as ``loops.Loop`` has it; arguments as of ``native_loop``."""

    def __init__(self, step: NativeStep, in_use: InUse, start: Mapping[str, Array]) -> None:
        network, grammar = step.network, step.grammar
        self._step = step
        self._in_use = in_use
        self._codes = np.array(start["codes"], np.int64, order="C")
        if self._codes.shape != (1, grammar.slots) or (self._codes < 0).any():
            raise InputError(f"codes are {self._codes.shape}; (1, {grammar.slots}) was wanted")
        self._memory = np.ascontiguousarray(start["memory"], np.float32)
        length = self._memory.shape[-2]
        if self._memory.shape != (2 * network.layers, 1, network.heads, length, network.head_width):
            raise BundleError("the text encoder and the motion step differ in shape; export the bundle again")
        self._padding = np.zeros(length, np.float32)
        cache = (2 * network.layers, network.heads, step.capacity, network.head_width)
        self._cache = np.empty(cache, np.float32)
        self._noise: Array = np.empty(0, np.float32)
        self._noise_shape = (1, grammar.slots, int(grammar.drawn.max()))
        self._sizes = grammar.sizes
        self._call = structures.Call(
            rows=1,
            memory_length=length,
            capacity=step.capacity,
            top_k=min(int(start["top_k"][0]), _MOST),
            temperature=float(start["temperature"][0]),
            codes=self._codes.ctypes.data,
            noise_rows=self._noise_shape[-1],
            padding=self._padding.ctypes.data,
        )
        self._lists = [_pointers(list(self._memory)), _pointers(list(self._cache))]
        self._call.memory, self._call.cache = (ctypes.addressof(part) for part in self._lists)

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        """The codes ``(1, K)`` of the next step, in a list; where the motion ends as the graph says it."""
        call, grammar = self._call, self._step.grammar
        call.position, call.eom_bias = int(feeds["position"][0]), float(feeds["eom_bias"][0])
        self._noise = np.ascontiguousarray(feeds["noise"], np.float32)
        if self._noise.shape != self._noise_shape:
            raise ClutchError(f"a step was given noise {self._noise.shape}; {self._noise_shape} was wanted")
        over = bool(call.position) and bool((self._codes >= self._sizes).any())
        if over or not 0 <= call.position < grammar.max_steps:
            raise ClutchError(f"step {call.position} comes behind the end of its motion")
        call.noise = self._noise.ctypes.data
        with self._in_use():
            self._step.run(call)
        return [self._codes.copy()]

    def keep(self, rows: int) -> None:
        """Go on with the first ``rows`` motions only: there is but one."""


def _pointers(arrays: Sequence[Array]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
