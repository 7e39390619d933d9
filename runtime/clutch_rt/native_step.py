"""The motion step of an 8-bit bundle by the compiled library, in the place of its graph.

It takes the inputs of the graphs ``motion_step`` and ``motion_batch`` under their names and gives their
codes: whole numbers are summed exactly in both, and what lies between differs in the last bits of a float32.
Nothing is carried through Python but codes: keys and values are written where they stay.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from clutch_rt.bundle import Bundle
from clutch_rt.errors import BundleError, ClutchError, DeviceError, InputError
from clutch_rt.fields import Fields
from clutch_rt.grammar import UNKNOWN, Grammar
from clutch_rt.layout import Float32Array
from clutch_rt.native_library import Library
from clutch_rt.ports import BATCH

SECTION: Final = "native"  # of a manifest: where the weights of the step lie
GRAPHS: Final = ("motion_step", "motion_batch")  # that the step stands for
ACTIVATIONS: Final = ("relu", "gelu_new")  # CLUTCH_RELU, CLUTCH_GELU_TANH

Array = NDArray[Any]

_TYPES: Final[Mapping[str, Any]] = {"f4": np.float32, "f2": np.float16, "u1": np.uint8, "i1": np.int8}
_FLOAT: Final = "f4"
_NORMS: Final = ("layer.0.layer_norm", "layer.1.layer_norm", "layer.2.layer_norm")
_MOST: Final = 1 << 20  # of any size of a network: what a damaged file may ask for must not reach the library

_int32, _int64, _float, _pointer = ctypes.c_int32, ctypes.c_int64, ctypes.c_float, ctypes.c_void_p


class _Shape(ctypes.Structure):
    _fields_ = [
        *((name, _int32) for name in ("width", "heads", "head_width", "layers", "hidden", "gated")),
        *((name, _int32) for name in ("activation", "depth_hidden", "positions", "steps", "slots", "rhythm")),
        ("sizes", _pointer),
        ("epsilon", _float),
    ]


class _Product(ctypes.Structure):
    _fields_ = [("levels", _pointer), ("scale", _pointer), ("bias", _pointer)]


class _Table(ctypes.Structure):
    _fields_ = [("rows", _pointer), ("scale", _pointer)]


class _Layer(ctypes.Structure):
    _fields_ = [
        ("norm", _pointer * 3),
        *((name, _Product) for name in ("qkv", "self_out", "query", "cross_out", "wi", "wo")),
    ]


class _Choice(ctypes.Structure):
    _fields_ = [
        ("norm", _pointer),
        *((name, _Product) for name in ("wi", "wo", "head")),
        ("embedding", _Table),
    ]


class _Weights(ctypes.Structure):
    _fields_ = [
        ("start", _pointer),
        ("slots", _Table),
        ("rhythm", _Table),
        *((name, _pointer) for name in ("barred", "position", "length", "remaining", "bias", "norm")),
        ("layers", _pointer),
        ("choices", _pointer),
    ]


class _Call(ctypes.Structure):
    _fields_ = [
        *((name, _int32) for name in ("rows", "position", "memory_length", "capacity", "top_k")),
        ("temperature", _float),
        *((name, _pointer) for name in ("codes", "rhythm", "given", "steps", "noise")),
        ("noise_rows", _int64),
        *((name, _pointer) for name in ("padding", "memory", "cache", "logits")),
    ]


@dataclass(frozen=True)
class Network:
    """The sizes of a step's network, as the manifest tells them."""

    width: int
    heads: int
    head_width: int
    layers: int
    hidden: int
    gated: bool
    activation: str
    depth_hidden: int
    positions: int
    epsilon: float

    @property
    def inner(self) -> int:
        """Numbers of all heads together."""
        return self.heads * self.head_width


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
        with path.open("rb") as file:
            self._bytes = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)

    def address(self, name: str, kind: str, shape: Sequence[int]) -> int:
        """Where a tensor lies; BundleError unless it is there, of this type and shape, inside the file."""
        found = self._tensors.get(name)
        if not isinstance(found, list) or len(found) != 3 or not isinstance(found[0], int):
            raise BundleError(f"{self._where}: native.tensors has no {name!r}; export the bundle again")
        offset, dtype, sizes = found
        length = int(np.prod(shape, dtype=np.int64)) * np.dtype(_TYPES[kind]).itemsize
        if dtype != kind or sizes != list(shape):
            raise BundleError(
                f"{self._where}: native.tensors.{name} is {dtype} {sizes}, {kind} {list(shape)} was wanted; "
                "export the bundle again"
            )
        if not 0 <= offset <= self._bytes.size - length or offset % np.dtype(_TYPES[kind]).itemsize:
            raise BundleError(f"{self._where}: native.tensors.{name} lies outside the weights; export again")
        return int(self._bytes.ctypes.data) + offset

    def floats(self, name: str, *shape: int) -> int:
        return self.address(name, _FLOAT, shape)

    def product(self, name: str, rows: int, columns: int, bias: bool = False) -> _Product:
        return _Product(
            self.address(name, "u1", (rows, columns)),
            self.floats(f"{name}.scale", columns),
            self.floats(f"{name}.bias", columns) if bias else None,
        )

    def table(self, name: str, rows: int, width: int) -> _Table:
        return _Table(self.address(name, "i1", (rows, width)), self.floats(f"{name}.scale", rows, 1))


class NativeStep:
    """A bundle's step in the library. Holds no state of any motion, so threads may share it.

    Args:
        library: the compiled part.
        bundle: verified, and of a kind that ``runs`` says yes to.

    Raises:
        BundleError: the manifest tells of weights that are not there, or not so.
        DeviceError: memory is used up.
    """

    def __init__(self, library: Library, bundle: Bundle) -> None:
        fields = Fields(bundle.manifest.raw, str(bundle.path / "manifest.json")).child(SECTION)
        self.grammar: Final = bundle.manifest.grammar
        self.network: Final = _network(fields)
        name = fields.get("weights", str)
        if name not in bundle.manifest.files:  # and so has no hash, and may lie anywhere
            raise BundleError(f"{fields.where}: native.weights is {name!r}, which is not among its files")
        self._weights = Weights(bundle.file(name), fields.child("tensors").raw, fields.where)
        self._library = library
        self._sizes = np.asarray(self.grammar.drawn, np.int32)
        self._kept: list[Any] = []  # structures that the library reads while it opens
        opened = library.handle.clutch_step_open(
            ctypes.byref(self._shape()), ctypes.byref(self._told()), library.kernels.encode()
        )
        if not opened:
            raise DeviceError("the machine's memory is used up by a bundle's weights; close other programs")
        self._kept.clear()
        self._handle = ctypes.c_void_p(opened)
        self._close = finalize(self, library.handle.clutch_step_close, self._handle)

    @property
    def kernels(self) -> str:
        """Which kernels it runs on."""
        return self._library.kernels

    @property
    def inputs(self) -> dict[str, list[Any]]:
        """Shapes of its inputs, as the graph for several motions has them."""
        n, g = self.network, self.grammar
        drawn = g.drawn
        memory, cache = ([BATCH, 1, n.heads, axis, n.head_width] for axis in ("M", "t"))
        return {
            "codes": [BATCH, g.slots],
            **({"rhythm": [BATCH, 1]} if g.rhythm else {}),
            "given": [BATCH, g.slots],
            "position": [1],
            "steps": [BATCH],
            **{f"memory.{i}": list(memory) for i in range(2 * n.layers)},
            "padding": [BATCH, 1, 1, 1, "M"],
            **{f"cache.{i}": list(cache) for i in range(2 * n.layers)},
            "noise": [BATCH, len(drawn), int(drawn.max())],
            "temperature": [1],
            "top_k": [1],
        }

    def run(self, call: ctypes.Structure) -> None:
        """Make one step; DeviceError where memory is used up."""
        if self._library.handle.clutch_step_run(self._handle, ctypes.byref(call)):
            raise DeviceError("the machine's memory is used up in a step; close other programs")

    def _shape(self) -> _Shape:
        n, g = self.network, self.grammar
        return _Shape(
            *(n.width, n.heads, n.head_width, n.layers, n.hidden, n.gated, ACTIVATIONS.index(n.activation)),
            *(n.depth_hidden, n.positions, g.max_steps, g.slots, g.rhythm),
            self._sizes.ctypes.data,
            n.epsilon,
        )

    def _told(self) -> _Weights:
        """Where the library finds everything; shapes are checked on the way."""
        w, n, g = self._weights, self.network, self.grammar
        d, codes = n.width, int(g.sizes.sum())
        layers = (_Layer * n.layers)(*(self._layer(i) for i in range(n.layers)))
        choices = (_Choice * len(self._sizes))(*(self._choice(c) for c in range(len(self._sizes))))
        self._kept += [layers, choices]
        return _Weights(
            w.floats("start", 1, d),
            # One row more: the zeros of a code that is not known, which no step before has.
            w.table("slot_embedding", codes + 1, d),
            w.table("rhythm_embedding", g.rhythm, d) if g.rhythm else _Table(),
            w.address("rhythm.barred", "f2", (g.rhythm, g.rhythm)) if g.rhythm else None,
            w.floats("position_embedding.weight", g.max_steps, d),
            w.floats("length_embedding.weight", g.max_steps + 1, d),
            w.floats("remaining_embedding.weight", g.max_steps + 1, d),
            w.floats("decoder.position_bias", 1, 1, n.heads, 1, n.positions),
            w.floats("decoder.final_layer_norm", d),
            ctypes.addressof(layers),
            ctypes.addressof(choices),
        )

    def _layer(self, i: int) -> _Layer:
        w, n = self._weights, self.network
        block = f"decoder.block.{i}"
        own, other = f"{block}.layer.0.SelfAttention", f"{block}.layer.1.EncDecAttention"
        inside = f"{block}.layer.2.DenseReluDense"
        return _Layer(
            (_pointer * 3)(*(w.floats(f"{block}.{norm}", n.width) for norm in _NORMS)),
            w.product(f"{own}.qkv", n.width, 3 * n.inner),
            w.product(f"{own}.o", n.inner, n.width),
            w.product(f"{other}.q", n.width, n.inner),
            w.product(f"{other}.o", n.inner, n.width),
            w.product(f"{inside}.wi", n.width, n.hidden * (2 if n.gated else 1)),
            w.product(f"{inside}.wo", n.hidden, n.width),
        )

    def _choice(self, c: int) -> _Choice:
        w, n = self._weights, self.network
        size, last = int(self._sizes[c]), c == len(self._sizes) - 1
        return _Choice(
            w.floats(f"depth_norm.{c}", n.width),
            w.product(f"depth_mlp.{c}.0", n.width, n.depth_hidden, bias=True),
            w.product(f"depth_mlp.{c}.2", n.depth_hidden, n.width, bias=True),
            w.product(f"depth_head.{c}", n.width, size, bias=True),
            _Table() if last else w.table(f"depth_embedding.{c}", size, n.width),
        )


def runs(bundle: Bundle) -> bool:
    """Whether the library can take a bundle's steps: of the ``step`` form, in 8 bits, its weights told."""
    manifest = bundle.manifest
    return manifest.form == "step" and manifest.precision == "int8" and SECTION in manifest.raw


def _network(fields: Fields) -> Network:
    child = fields.child("network")
    names = ("width", "heads", "head_width", "layers", "hidden", "depth_hidden", "positions")
    sizes = {name: child.at_least(name, 1) for name in names}
    activation, epsilon = child.get("activation", str), child.get("epsilon", float)
    if activation not in ACTIVATIONS:
        raise BundleError(
            f"{fields.where}: native.network.activation is {activation!r}; one of {', '.join(ACTIVATIONS)} "
            "was wanted; export the bundle again"
        )
    if max(sizes.values()) > _MOST or not 0.0 < epsilon < 1.0:
        raise BundleError(f"{fields.where}: native.network is of no network; export the bundle again")
    return Network(**sizes, gated=child.get("gated", bool), activation=activation, epsilon=epsilon)


class NativeLoop:
    """The step run again and again for B motions, as ``loops.Loop`` has it.

    Args:
        step: of the bundle.
        in_use: a context that keeps the bundle open while a step is made.
        start: inputs before the first step, as ``ports.Ports.start`` and ``sampling.sampling`` give them.
    """

    def __init__(
        self,
        step: NativeStep,
        in_use: Callable[[], AbstractContextManager[None]],
        start: Mapping[str, Array],
    ) -> None:
        grammar, network = step.grammar, step.network
        self._step = step
        self._in_use = in_use
        self._codes = np.array(start["codes"], np.int64, order="C")
        rows = len(self._codes)
        self._rhythm = np.zeros(rows, np.int64)
        self._steps = np.array(start["steps"], np.int64, order="C")
        longest = int(self._steps.max(initial=0))
        if self._steps.min(initial=1) < 1 or longest > grammar.max_steps:
            raise InputError(
                f"motions of {self._steps.tolist()} steps; 1 to {grammar.max_steps} are possible"
            )
        self._memory = [np.ascontiguousarray(start[f"memory.{i}"]) for i in range(2 * network.layers)]
        self._padding = np.ascontiguousarray(start["padding"], np.float32)
        length = self._padding.shape[-1]
        shape = (rows, 1, network.heads, length, network.head_width)
        if any(part.shape != shape or part.dtype != np.float32 for part in self._memory):
            raise BundleError("the text encoder and the motion step differ in shape; export the bundle again")
        cache = (rows, network.heads, longest, network.head_width)
        self._cache = [np.empty(cache, np.float32) for _ in range(2 * network.layers)]
        self._given: Array | None = None
        self._noise: Array = np.empty(0, np.float32)
        drawn = grammar.drawn
        self._noise_shape = (len(drawn), int(drawn.max()))
        self._call = _Call(
            rows=rows,
            memory_length=length,
            capacity=longest,
            top_k=int(start["top_k"][0]),
            temperature=float(start["temperature"][0]),
            codes=self._codes.ctypes.data,
            rhythm=self._rhythm.ctypes.data,
            steps=self._steps.ctypes.data,
            noise_rows=self._noise_shape[1],
            padding=self._padding.ctypes.data,
        )
        self._lists = [self._pointers(self._memory), self._pointers(self._cache)]
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
        self._call.rows = min(rows, self._call.rows)

    @property
    def past(self) -> Mapping[str, Any]:
        """What is carried into the next run: copies."""
        held: dict[str, Array] = {"codes": self._codes, "rhythm": self._rhythm}
        held |= {f"cache.{i}": part for i, part in enumerate(self._cache)}
        return {name: array.copy() for name, array in held.items()}

    def go_on_from(self, past: Mapping[str, Any]) -> None:
        """Carry into the next run what was ``past`` at any time before."""
        self._codes[:], self._rhythm[:] = past["codes"], past["rhythm"]
        for i, part in enumerate(self._cache):
            part[:] = past[f"cache.{i}"]

    def _give(self, given: Array | None) -> None:
        """Take codes that are given, where any are."""
        known = given is not None and bool((given != UNKNOWN).any())
        self._given = np.array(given, np.int64, order="C") if known else None
        if self._given is not None:
            grammar: Grammar = self._step.grammar
            if self._given.shape != self._codes[: self._call.rows].shape:
                raise InputError(f"given codes are {self._given.shape}; {self._codes.shape} was wanted")
            for row in self._given:
                grammar.check(row[None], unknown=True)
        self._call.given = None if self._given is None else self._given.ctypes.data

    @staticmethod
    def _pointers(arrays: Sequence[Float32Array]) -> Any:
        return (_pointer * len(arrays))(*(array.ctypes.data for array in arrays))
