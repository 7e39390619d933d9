"""Read the numbers out of a pickle without letting it run anything.

A pickle is a program: it names functions of any installed module and calls them. MANO's files are pickles,
so they are read here by an unpickler that knows a short list of names (numpy arrays, scipy's sparse
matrices, chumpy's wrappers and the plain containers around them) and answers each with an inert stand-in
of our own. No function or class that a file asks for is ever imported; scipy and chumpy need not exist.
Any other name is refused with `UnsafeFileError`.

Nor may a file of a few bytes ask for gigabytes: the unpickler of CPython sets aside as much as a memo index
or a frame says, before it looks whether the file is that long, so those numbers are looked at first.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FileFormatError, UnsafeFileError

Array = NDArray[Any]

_MAX_DEPTH = 8


class _Sealed(type):
    """A class that a pickle cannot write attributes to."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise UnsafeFileError(f"the file tries to change how it is read ({name!r}), and was refused")


class _Standin(metaclass=_Sealed):
    """Takes any arguments and any state, and does nothing with them."""

    def __init__(self, *args: object) -> None:
        self.args = args
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def attributes(self) -> dict[str, Any]:
        """The object's ``__dict__`` as it was saved, or nothing."""
        state = self.state[0] if isinstance(self.state, tuple) and self.state else self.state
        return state if isinstance(state, dict) else {}


class _Bytes(_Standin):
    """``_codecs.encode(text, "latin1")``, or ``bytes()``: how Python 3 writes bytes for Python 2."""

    def resolve(self) -> bytes:
        if not self.args:
            return b""
        if len(self.args) != 2 or not isinstance(self.args[0], str) or self.args[1] != "latin1":
            raise FileFormatError("the file encodes bytes in a way that is not known; 'latin1' is expected")
        return self.args[0].encode("latin1")


class _DType(_Standin):
    """``numpy.dtype``; numbers only."""

    def resolve(self) -> np.dtype[Any]:
        text = self.args[0] if self.args else None
        if not isinstance(text, str) or text.lstrip("<>|=")[:1] not in ("f", "i", "u", "b"):
            raise FileFormatError(f"the file holds an array of type {text!r}; only numbers are expected")
        state = self.state
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
        dtype = np.dtype(text)
        return dtype.newbyteorder(">") if order == ">" else dtype


def _bytes(data: object) -> bytes:
    """Raw array contents: Python 2 wrote them as a string, which arrives decoded as latin-1."""
    if isinstance(data, _Bytes):
        return data.resolve()
    if isinstance(data, str):
        return data.encode("latin1")
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    raise FileFormatError(f"the file holds an array of {type(data).__name__}; only numbers are expected")


def _array(data: object, dtype: object, shape: object, order: str) -> Array:
    if not isinstance(dtype, _DType) or not isinstance(shape, tuple):
        raise FileFormatError("the file holds an array without a type or a shape")
    flat = np.frombuffer(_bytes(data), dtype.resolve())
    sizes = tuple(int(n) for n in shape)
    if any(n < 0 for n in sizes) or math.prod(sizes) != flat.size:
        raise FileFormatError(f"the file holds an array of shape {sizes} with {flat.size} numbers in it")
    return flat.reshape(sizes, order="F" if order == "F" else "C")


class _NDArray(_Standin):
    """``_reconstruct(ndarray, (0,), b"b")`` and then its state: version, shape, dtype, is_fortran, data."""

    def resolve(self) -> Array:
        state = self.state
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise FileFormatError("the file holds an array without contents")
        shape, dtype, fortran, data = state[-4:]
        return _array(data, dtype, shape, "F" if fortran else "C")


class _Buffer(_Standin):
    """``numpy``'s ``_frombuffer(data, dtype, shape, order)``, of pickle protocol 5."""

    def resolve(self) -> Array:
        if len(self.args) != 4:
            raise FileFormatError("the file holds an array without contents")
        data, dtype, shape, order = self.args
        return _array(data, dtype, shape, str(order))


class _Scalar(_Standin):
    """``numpy``'s ``scalar(dtype, data)``."""

    def resolve(self) -> Array:
        if len(self.args) != 2:
            raise FileFormatError("the file holds a number without contents")
        return _array(self.args[1], self.args[0], (), "C")


class _Sparse(_Standin):
    """A scipy sparse matrix; `resolve` makes it dense."""

    def resolve(self) -> Array:
        saved = self.attributes()
        shape = saved.get("_shape", saved.get("shape"))
        if not isinstance(shape, tuple) or len(shape) != 2 or math.prod(int(n) for n in shape) > 10**7:
            raise FileFormatError(
                f"the file holds a sparse matrix of shape {shape}; too large, or not a shape"
            )
        values = np.asarray(plain(saved.get("data"))).ravel()
        rows, columns = self._indices(saved, len(values))
        dense = np.zeros(tuple(int(n) for n in shape), np.float64)
        try:
            np.add.at(dense, (rows, columns), values)
        except (IndexError, ValueError, TypeError) as error:
            raise FileFormatError(f"the file holds a broken sparse matrix: {error}") from error
        return dense

    def _indices(self, saved: dict[str, Any], count: int) -> tuple[Any, Any]:
        if "indptr" not in saved:
            pair = saved.get("coords", (saved.get("row"), saved.get("col")))
            return plain(pair[0]), plain(pair[1])
        pointers, minor = np.asarray(plain(saved["indptr"])), plain(saved.get("indices"))
        # Their differences may wrap around to a sum that fits; what rises from 0 to the count cannot.
        sane = pointers.ndim == 1 and pointers.dtype.kind in "iu" and len(pointers) > 0
        if not sane or pointers[0] != 0 or pointers[-1] != count or (pointers[1:] < pointers[:-1]).any():
            raise FileFormatError("the file holds a broken sparse matrix: its pointers do not fit its data")
        lengths = pointers[1:].astype(np.int64) - pointers[:-1].astype(np.int64)
        major = np.repeat(np.arange(len(lengths)), lengths)
        return (major, minor) if isinstance(self, _RowSparse) else (minor, major)


class _RowSparse(_Sparse):
    """``csr_matrix``: the pointers run over rows."""


class _Chumpy(_Standin):
    """A chumpy object: ``Ch`` holds an array, ``Select`` picks from another, ``Reshape`` reshapes another."""

    def resolve(self, depth: int = 0) -> Array:
        saved = self.attributes()
        if "x" in saved:
            return np.asarray(plain(saved["x"], depth + 1))
        if "a" not in saved:
            raise FileFormatError("the file holds a chumpy object without an array")
        values = np.asarray(plain(saved["a"], depth + 1))
        shape = saved.get("newshape", saved.get("preferred_shape"))
        try:
            if "idxs" in saved:
                values = values.ravel()[np.asarray(plain(saved["idxs"], depth + 1))]
            return values if shape is None else values.reshape(shape)
        except (IndexError, ValueError, TypeError) as error:
            raise FileFormatError(f"the file holds a broken chumpy object: {error}") from error


class _Reconstructor(metaclass=_Sealed):
    """``copy_reg._reconstructor(cls, object, None)``: how protocols 0 and 1 make an object."""

    def __new__(cls, kind: type, base: object = None, state: object = None) -> object:  # type: ignore[misc]
        if not (isinstance(kind, type) and issubclass(kind, _Standin)):
            raise UnsafeFileError("the file tries to make an object that is not data, and was refused")
        return kind()


def _names() -> dict[tuple[str, str], type]:
    known: dict[tuple[str, str], type] = {}
    for core in ("numpy.core", "numpy._core"):
        known[core + ".multiarray", "_reconstruct"] = _NDArray
        known[core + ".multiarray", "scalar"] = _Scalar
        known[core + ".numeric", "_frombuffer"] = _Buffer
    known["numpy", "ndarray"] = _Standin
    known["numpy", "dtype"] = _DType
    for form, kind in (("csc", _Sparse), ("csr", _RowSparse), ("coo", _Sparse)):
        for module in (f"scipy.sparse.{form}", f"scipy.sparse._{form}", "scipy.sparse"):
            known[module, f"{form}_matrix"] = kind
            known[module, f"{form}_array"] = kind
    known |= {("chumpy.ch", "Ch"): _Chumpy, ("chumpy", "Ch"): _Chumpy}
    known |= {("chumpy.reordering", name): _Chumpy for name in ("Select", "Reshape")}
    for builtins in ("builtins", "__builtin__"):
        known |= {(builtins, "set"): _Standin, (builtins, "bytes"): _Bytes, (builtins, "object"): object}
    for registry in ("copyreg", "copy_reg"):
        known[registry, "_reconstructor"] = _Reconstructor
    known["_codecs", "encode"] = _Bytes
    return known


_KNOWN = _names()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        kind = _KNOWN.get((module, name))
        if kind is None:
            raise UnsafeFileError(
                f"the file asks for {module}.{name}, which is not data, and was refused; "
                "expected only numpy arrays, sparse matrices and chumpy arrays"
            )
        return kind


def plain(value: object, depth: int = 0) -> Any:
    """What a loaded value stands for: stand-ins become numpy arrays, everything else is returned as it is."""
    if depth > _MAX_DEPTH:
        raise FileFormatError("the file holds arrays wrapped in one another without end")
    if isinstance(value, _Chumpy):
        return value.resolve(depth)
    if isinstance(value, (_NDArray, _Buffer, _Scalar, _Sparse, _Bytes)):
        return value.resolve()
    return value


def _check_sizes(data: bytes) -> None:
    """Refuse a memo index or a frame that no honest file of this length can hold; ValueError if cut short."""
    for count, (name, argument, place) in enumerate(_opcodes(data)):
        most = {"PUT": count, "BINPUT": count, "LONG_BINPUT": count, "FRAME": len(data) - place}
        if name in most and not 0 <= argument <= most[name]:
            raise UnsafeFileError(
                f"the file asks for room for {argument} things and is {len(data)} bytes long, "
                "and was refused; copy it again from where it came"
            )


def _opcodes(data: bytes) -> Iterator[tuple[str, Any, int]]:
    """Name, argument and place of each opcode, up to STOP; ValueError where there is none such.

    As ``pickletools.genops``, which takes the text of a ``STRING`` for ASCII. Python 2 wrote raw bytes there.
    """
    known = {opcode.code: opcode for opcode in pickletools.opcodes}
    stream, name = io.BytesIO(data), ""
    while name != "STOP":
        place = stream.tell()
        opcode = known.get(stream.read(1).decode("latin1"))
        if opcode is None:
            raise ValueError(f"no opcode at byte {place}")
        name, argument = opcode.name, None
        if name == "STRING":
            stream.readline()
        elif opcode.arg is not None:
            argument = opcode.arg.reader(stream)
        yield name, argument, place


def load_arrays(data: bytes, keys: Iterable[str]) -> dict[str, Any]:
    """Read a pickled dictionary of arrays.

    Args:
        data: the bytes of the pickle, of any protocol, written by Python 2 or 3.
        keys: the entries wanted; the others are not made into arrays.

    Returns:
        Those of the entries that are there: numpy arrays, sparse matrices as dense float64, and plain
        Python data as it is.

    Raises:
        UnsafeFileError: if the pickle names anything but arrays, or asks for more memory than it can fill.
        FileFormatError: if it is no pickle, is cut short, or is not a dictionary.
    """
    try:
        _check_sizes(data)
        loaded = _Unpickler(io.BytesIO(data), encoding="latin1").load()
        if not isinstance(loaded, dict):
            raise FileFormatError(
                f"the file holds a {type(loaded).__name__}; expected a dictionary of arrays"
            )
        return {key: plain(loaded[key]) for key in keys if key in loaded}
    except (
        pickle.UnpicklingError,
        *(EOFError, AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError, MemoryError),
        *(ImportError, RecursionError),
    ) as error:
        # What the unpickler says of bytes that are no pickle is of no help to whoever named the file.
        what = "is not a pickle of arrays, or is damaged or cut short" if data else "is empty"
        raise FileFormatError(f"the file {what}") from error
