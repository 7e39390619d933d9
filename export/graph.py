"""A small builder of ONNX graphs: weights in a shared store, four precisions, standard operators but for one.

What a precision means here:

* ``fp32``: everything in float32.
* ``fp16``: large weights are *stored* in float16 and cast to float32 in the graph; a session folds the
  cast when it opens. It halves the download, not the memory or the time; activations never leave float32,
  so the feed-forward products that overflow float16 in pretrained T5 are safe.
* ``int8``: weights of linear layers are stored as uint8 around zero point 128 with one scale per output
  channel, activations are quantised as they come (DynamicQuantizeLinear, MatMulInteger, one product of
  scales: the pattern ONNX Runtime fuses). uint8 and not int8 because the signed kernels of AVX2 machines
  without VNNI add pairs of products in 16 bits and saturate.
* ``int4``: weights of linear layers in 4 bits, one scale per block of 32 along the input; tables of rows,
  and heads that share them, as in ``int8``. It uses ONNX Runtime's MatMulNBits, which no other engine reads.
  Level 4 lets a session round activations to 8 bits, block by block; it takes the kernel of the processor
  it finds (AVX2, AVX-VNNI, AVX512, dot products of ARM), or float32 where there is none.

Norms, biases and position tables stay in float32 in all four: they are small, and errors there are felt
at every position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.weights import WEIGHTS_FILE, Array, WeightStore

Precision = Literal["fp32", "fp16", "int8", "int4"]
PRECISIONS: Final[tuple[Precision, ...]] = get_args(Precision)

OPSET: Final = 17
IR_VERSION: Final = 8
ZERO_POINT: Final = 128

CONTRIB: Final = "com.microsoft"
BLOCK: Final = 32
LEVEL_INT8: Final = 4

# Level that the weight of largest magnitude is given: 8 keeps it, more cuts it off.
_REACHES: Final = (7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0)
_FLOAT16_MAX: Final = float(np.finfo(np.float16).max)

Value = str
Shape = Sequence["int | str"]


def quantise_columns(weight: Array) -> tuple[Array, Array]:
    """Symmetric 8-bit columns: ``(in, out)`` to uint8 ``(in, out)`` around 128, and scales ``(out,)``."""
    scale = np.abs(weight).max(axis=0) / 127.0
    scale = np.where(scale > 0, scale, 1.0).astype(np.float32)
    levels = np.clip(np.rint(weight / scale), -127, 127)
    return (levels + ZERO_POINT).astype(np.uint8), scale


def restored_columns(levels: Array, scale: Array) -> Array:
    """What :func:`quantise_columns` rounded to, float32; of tables of rows too.

    Args:
        levels: uint8 around 128, or int8 around 0.
        scale: such as multiplies them, ``(out,)``, or ``(rows, 1)`` of a table of rows.
    """
    zero = ZERO_POINT if levels.dtype == np.uint8 else 0
    return (levels.astype(np.float32) - np.float32(zero)) * scale.astype(np.float32)


def quantise_blocks(weight: Array) -> tuple[Array, Array]:
    """4-bit blocks of 32: ``(in, out)`` to bytes ``(out, blocks, 16)`` and scales ``(out * blocks,)``.

    Levels are 0 to 15 around 8, the even one of a pair in the low half of a byte; the last block is filled up
    with zeros. Of several scales for a block the one of least squared error is taken: the largest weight of
    32 is often alone, and to round it a little more serves the others.
    """
    width, columns = weight.shape
    blocks = -(-width // BLOCK)
    padded = np.zeros((columns, blocks * BLOCK), np.float32)
    padded[:, :width] = weight.T
    rows = padded.reshape(-1, BLOCK)
    extreme = np.take_along_axis(rows, np.abs(rows).argmax(axis=1, keepdims=True), axis=1)
    best, error = np.ones_like(extreme), np.full_like(extreme, np.inf)
    for reach in _REACHES:
        scale = np.where(extreme == 0, 1.0, extreme / -reach).astype(np.float32)
        found = np.square(_levels(rows, scale) * scale - rows).sum(axis=1, keepdims=True)
        best, error = np.where(found < error, scale, best), np.minimum(found, error)
    levels = (_levels(rows, best) + 8).astype(np.uint8).reshape(columns, blocks, BLOCK // 2, 2)
    return levels[..., 0] | levels[..., 1] << 4, best.reshape(-1).astype(np.float32)


def restored_blocks(packed: Array, scale: Array, width: int) -> Array:
    """What :func:`quantise_blocks` rounded a matrix of ``width`` rows to, ``(in, out)`` float32."""
    levels = np.stack([packed & 0xF, packed >> 4], axis=-1).reshape(len(packed), -1, BLOCK)
    rows = (levels.astype(np.float32) - 8) * scale.astype(np.float32).reshape(len(packed), -1, 1)
    return np.ascontiguousarray(rows.reshape(len(packed), -1)[:, :width].T)


def _levels(rows: Array, scale: Array) -> Array:
    return np.clip(np.rint(rows / scale), -8, 7)


class GraphBuilder:
    """Collects nodes, inputs and outputs of one graph; weights go to ``store``.

    Values are the names of tensors. Every method that makes a node returns the name of its output.

    Args:
        name: of the graph.
        store: where the weights go.
        precision: see above.
        fixed: sizes of symbolic dimensions that have one in this graph, such as ``{"t": 32}``.
    """

    def __init__(
        self,
        name: str,
        store: WeightStore,
        precision: Precision = "fp32",
        fixed: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.store = store
        self.precision: Precision = precision
        self._fixed = dict(fixed)
        self._nodes: list[onnx.NodeProto] = []
        self._results: dict[str, Value] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._initializers: dict[str, TensorProto] = {}
        self._count = 0

    def label(self, value: Value, name: str) -> Value:
        """Give ``value`` a name of its own, by which a test can tap it; costs nothing at run time."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"label/{name}"))
        return name

    def _given(self) -> list[onnx.NodeProto]:
        """The nodes, with outputs under the names the caller knows; what none of them makes is handed on."""
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in self._nodes]
        made = {name for node in nodes for name in node.output}
        names: dict[Value, str] = {}
        for name, value in self._results.items():
            if value in made and value not in names:
                names[value] = name
            else:
                nodes.append(helper.make_node("Identity", [value], [name], name=f"out/{name}"))
        for node in nodes:
            for values in (node.input, node.output):
                known = [names.get(value, value) for value in values]
                del values[:]
                values.extend(known)
        return nodes

    # ---- inputs, outputs, constants -------------------------------------------------------------------

    def input(self, name: str, shape: Shape, dtype: int = TensorProto.FLOAT) -> Value:
        """Declare a graph input; a string in ``shape`` is a dynamic dimension, if it is not fixed."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, self._sized(shape)))
        return name

    def output(self, value: Value, name: str, shape: Shape, dtype: int = TensorProto.FLOAT) -> None:
        """Give ``value`` to the caller under ``name``.

        The node that makes it does so under this name: an ``Identity`` behind it would be a copy in every
        run, where the value is also used inside.
        """
        self._results[name] = value
        self._outputs.append(helper.make_tensor_value_info(name, dtype, self._sized(shape)))

    def _sized(self, shape: Shape) -> list[int | str]:
        return [self._fixed.get(n, n) if isinstance(n, str) else n for n in shape]

    def ints(self, *values: int) -> Value:
        """A 1-D int64 constant, kept inside the graph (shapes, axes, splits)."""
        return self._inline("i_" + "_".join(map(str, values)), np.asarray(values, dtype=np.int64))

    def scalar(self, value: float, dtype: Any = np.float32) -> Value:
        """A 0-D constant, kept inside the graph."""
        array = np.asarray(value, dtype=dtype)
        return self._inline(f"s_{array.dtype.name}_{value!r}", array)

    def _inline(self, name: str, array: Array) -> Value:
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(array, name)
        return name

    def weight(self, name: str, array: Array) -> Value:
        """A tensor of the model, as it is, in the shared store."""
        if name in self._initializers:
            return name
        return self._stored(name, array, list(array.shape), helper.np_dtype_to_tensor_dtype(array.dtype))

    def _stored(self, name: str, data: Array, shape: list[int], dtype: int) -> Value:
        """``data`` in the shared store, as an initializer of ``shape`` and ``dtype``."""
        place = self.store.add(data)
        proto = TensorProto(name=name, dims=shape, data_type=dtype, data_location=TensorProto.EXTERNAL)
        entries = {"location": WEIGHTS_FILE, "offset": place.offset, "length": place.length}
        for key, entry in entries.items():
            proto.external_data.add(key=key, value=str(entry))
        self._initializers[name] = proto
        return name

    def compact(self, name: str, array: Array) -> Value:
        """A large float tensor: stored as float16 in a ``fp16`` graph (where it fits), else as float32."""
        array = np.asarray(array, dtype=np.float32)
        if self.precision == "fp16" and np.abs(array).max(initial=0.0) < _FLOAT16_MAX:
            return self.cast(self.weight(name, array.astype(np.float16)), TensorProto.FLOAT)
        return self.weight(name, array)

    # ---- nodes ----------------------------------------------------------------------------------------

    def nodes(self, op: str, inputs: Sequence[Value], outputs: int, **attributes: Any) -> list[Value]:
        """Append a node with several outputs; their names."""
        self._count += 1
        stem = f"{op}_{self._count}"
        names = [stem] if outputs == 1 else [f"{stem}.{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(op, list(inputs), names, name=stem, **attributes))
        return names

    def node(self, op: str, *inputs: Value, **attributes: Any) -> Value:
        """Append a node with one output; its name."""
        return self.nodes(op, inputs, 1, **attributes)[0]

    def add(self, a: Value, b: Value) -> Value:
        return self.node("Add", a, b)

    def mul(self, a: Value, b: Value) -> Value:
        return self.node("Mul", a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self.node("Sub", a, b)

    def matmul(self, a: Value, b: Value) -> Value:
        return self.node("MatMul", a, b)

    def cast(self, x: Value, dtype: int) -> Value:
        return self.node("Cast", x, to=dtype)

    def reshape(self, x: Value, *shape: int) -> Value:
        """Reshape; 0 keeps a dimension, -1 is worked out."""
        return self.node("Reshape", x, self.ints(*shape))

    def transpose(self, x: Value, *axes: int) -> Value:
        return self.node("Transpose", x, perm=list(axes))

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        return self.node("Concat", *values, axis=axis)

    def split(self, x: Value, parts: int, axis: int) -> list[Value]:
        """Cut ``x`` into ``parts`` equal pieces."""
        return [x] if parts == 1 else self.nodes("Split", [x], parts, axis=axis)

    def gather(self, table: Value, index: Value, axis: int = 0) -> Value:
        return self.node("Gather", table, index, axis=axis)

    def softmax(self, x: Value) -> Value:
        return self.node("Softmax", x, axis=-1)

    # ---- layers ---------------------------------------------------------------------------------------

    def linear(self, x: Value, name: str, weight: Array, bias: Array | None = None) -> Value:
        """``x (..., in) @ weight (in, out) [+ bias (out,)]`` in the precision of the graph."""
        if self.precision == "int8":
            y = self._linear_int8(x, name, *quantise_columns(weight))
        elif self.precision == "int4":
            y = self._linear_int4(x, name, weight)
        else:
            y = self.matmul(x, self.compact(name, weight))
        return y if bias is None else self.add(y, self.weight(f"{name}.bias", bias.astype(np.float32)))

    def _linear_int8(self, x: Value, name: str, levels: Array, scale: Array) -> Value:
        return self.integer_matmul(x, self.weight(name, levels), self.weight(f"{name}.scale", scale))

    def _linear_int4(self, x: Value, name: str, weight: Array) -> Value:
        blocks, scale = quantise_blocks(weight)
        stored = self.weight(f"{name}.int4", blocks), self.weight(f"{name}.int4.scale", scale)
        k, n = weight.shape
        attributes = {"K": k, "N": n, "bits": 4, "block_size": BLOCK, "accuracy_level": LEVEL_INT8}
        return self.node("MatMulNBits", x, *stored, domain=CONTRIB, **attributes)

    def integer_matmul(self, x: Value, levels: Value, scale: Value) -> Value:
        """Dynamic 8-bit product with uint8 ``levels`` (in, out) around 128 and float ``scale`` (out,)."""
        quantised, x_scale, x_zero = self.nodes("DynamicQuantizeLinear", [x], 3)
        zero = self.scalar(ZERO_POINT, np.uint8)
        product = self.node("MatMulInteger", quantised, levels, x_zero, zero)
        return self.mul(self.cast(product, TensorProto.FLOAT), self.mul(x_scale, scale))

    @property
    def _rows_in_bytes(self) -> bool:
        """Whether tables of rows are stored in 8 bits."""
        return self.precision in ("int8", "int4")

    def embedding(self, name: str, table: Array, index: Value, tied: bool = True) -> Value:
        """Rows of ``table (rows, width)`` at ``index (...)``: ``(..., width)`` float32.

        ``tied`` says that :meth:`tied_head` reads the same rows; without it their bytes are signed.
        """
        if not self._rows_in_bytes:
            half = self.precision == "fp16"
            stored = self.weight(name, table.astype(np.float16 if half else np.float32))
            rows = self.gather(stored, index)
            return self.cast(rows, TensorProto.FLOAT) if half else rows
        levels, scale = quantise_columns(table.T)
        if tied:
            rows = self.gather(self.weight(name, levels.T), index)
            centred = self.sub(self.cast(rows, TensorProto.FLOAT), self.scalar(float(ZERO_POINT)))
        else:
            signed = (levels.T.astype(np.int16) - ZERO_POINT).astype(np.int8)
            centred = self.cast(self.gather(self.weight(name, signed), index), TensorProto.FLOAT)
        return self.mul(centred, self.gather(self.weight(f"{name}.scale", scale[:, None]), index))

    def tied_head(self, x: Value, name: str, table: Array, first: int = 0, last: int | None = None) -> Value:
        """``x (..., width) @ table[first:last].T``, sharing the stored rows of :meth:`embedding`.

        Cut and transpose are of a constant: a session folds them when it opens.
        """
        last = len(table) if last is None else last
        if not self._rows_in_bytes:
            half = self.precision == "fp16"
            stored = self.weight(name, table.astype(np.float16 if half else np.float32))
            rows = self._cut(stored, first, last, len(table))
            rows = self.cast(rows, TensorProto.FLOAT) if half else rows
            return self.matmul(x, self.transpose(rows, 1, 0))
        levels, scale = quantise_columns(table.T)
        rows = self._cut(self.weight(name, levels.T), first, last, len(table))
        scales = self._cut(self.weight(f"{name}.scale", scale[:, None]), first, last, len(table))
        return self.integer_matmul(x, self.transpose(rows, 1, 0), self.reshape(scales, -1))

    def _cut(self, table: Value, first: int, last: int, rows: int) -> Value:
        if (first, last) == (0, rows):
            return table
        return self.node("Slice", table, self.ints(first), self.ints(last), self.ints(0))

    def rms_norm(self, x: Value, name: str, weight: Array, epsilon: float) -> Value:
        """``x / sqrt(mean(x^2) + epsilon) * weight`` over the last axis (T5LayerNorm)."""
        square = self.node("Pow", x, self.scalar(2.0))
        mean = self.node("ReduceMean", square, axes=[-1], keepdims=1)
        root = self.node("Sqrt", self.add(mean, self.scalar(epsilon)))
        return self.mul(self.node("Div", x, root), self.weight(name, weight.astype(np.float32)))

    def layer_norm(self, x: Value, name: str, weight: Array, bias: Array, epsilon: float) -> Value:
        """Layer normalisation over the last axis."""
        scale = self.weight(name, weight.astype(np.float32))
        offset = self.weight(f"{name}.bias", bias.astype(np.float32))
        return self.node("LayerNormalization", x, scale, offset, axis=-1, epsilon=epsilon)

    def gelu_tanh(self, x: Value) -> Value:
        """The tanh form of GELU, ``gelu_new`` of transformers."""
        cube = self.node("Pow", x, self.scalar(3.0))
        inner = self.add(x, self.mul(cube, self.scalar(0.044715)))
        tanh = self.node("Tanh", self.mul(inner, self.scalar(float(np.sqrt(2.0 / np.pi)))))
        return self.mul(self.mul(x, self.scalar(0.5)), self.add(tanh, self.scalar(1.0)))

    def gelu(self, x: Value) -> Value:
        """GELU by the error function."""
        erf = self.node("Erf", self.node("Div", x, self.scalar(float(np.sqrt(2.0)))))
        return self.mul(self.mul(x, self.add(erf, self.scalar(1.0))), self.scalar(0.5))

    # ---- the model ------------------------------------------------------------------------------------

    def build(self, doc: str = "") -> onnx.ModelProto:
        """The finished model; its external tensors are promises until the store is written."""
        graph = helper.make_graph(
            self._given(),
            self.name,
            self._inputs,
            self._outputs,
            list(self._initializers.values()),
            doc_string=doc,
        )
        domains = {"": OPSET, **{node.domain: 1 for node in self._nodes if node.domain}}
        imports = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
        model = helper.make_model(graph, opset_imports=imports)
        model.ir_version = IR_VERSION
        model.producer_name = "clutch-rt export"
        return model
