"""The graph builder's second output: networks for TensorRT, which takes types and shapes as they are written.

TensorRT runs a *strongly typed* network in exactly the types it states, and knows neither
``DynamicQuantizeLinear`` nor ``MatMulInteger``; for Turing it has no float32 products. So all products are
written in float16, the weights of linear layers stored in the precision of the engine; all else (norms,
softmax, residuals, sampling) is float32, and so are all inputs and outputs: an engine takes and gives what
the graph of the bundle does.

* ``fp16``: weights in float16.
* ``int8``: weights in int8 with a float16 scale per output channel, behind ``DequantizeLinear``.
* ``int4``: weights in int4 with a float16 scale per block of 32 inputs and output channel; a matrix whose
  inputs do not divide into blocks is stored in int8.

Float16 ends at 65504 and loses bits below 6e-5. Each matrix is therefore stored times a power of two that
brings its largest entry between 1/2 and 1, and the input of a feed-forward's second product, which overflows
in pretrained T5, is taken 64 times smaller; both are undone in float32, and powers of two round nothing.
Tables of rows, and heads that share them, are stored as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
import onnx
from onnx import TensorProto

from export.graph import GraphBuilder, Value
from export.weights import Array, WeightStore

EnginePrecision = Literal["fp16", "int8", "int4"]
ENGINE_PRECISIONS: Final[tuple[EnginePrecision, ...]] = get_args(EnginePrecision)

BLOCK: Final = 32
LARGE_INPUTS: Final = ".wo"
LARGE_INPUT_BITS: Final = 6

# The first opset with blocks of 4-bit weights, and the IR version that has the type.
_OPSET: Final = 21
_IR_VERSION: Final = 10
_SMALLEST_SCALE: Final = float(np.finfo(np.float16).smallest_normal)


def exponent_of(weight: Array) -> int:
    """The k for which ``weight * 2**k`` has its largest entry in [1/2, 1); 0 for a matrix of zeros."""
    largest = float(np.abs(weight).max(initial=0.0))
    return -int(np.frexp(largest)[1]) if largest > 0 else 0


def quantise_int8(weight: Array) -> tuple[Array, Array]:
    """Symmetric columns: ``(in, out)`` to int8 ``(in, out)`` and float16 scales ``(out,)``."""
    return _quantise(weight[None], 127, np.int8)


def quantise_int4(weight: Array) -> tuple[Array, Array]:
    """Symmetric blocks of 32 inputs: ``(in, out)`` to levels -7..7 and float16 scales ``(in / 32, out)``."""
    levels, scale = _quantise(weight.reshape(-1, BLOCK, weight.shape[1]), 7, np.int8)
    return levels.reshape(weight.shape), scale


def _quantise(blocks: Array, most: int, dtype: Any) -> tuple[Array, Array]:
    """``(blocks, rows, out)``: one scale per block and column; the scale is rounded before the levels are."""
    scale = np.maximum(np.abs(blocks).max(axis=1) / most, _SMALLEST_SCALE).astype(np.float16)
    levels = np.rint(blocks / scale.astype(np.float32)[:, None]).clip(-most, most).astype(dtype)
    return (levels[0], scale[0]) if len(blocks) == 1 else (levels, scale)


class NetworkBuilder(GraphBuilder):
    """Writes a graph for TensorRT.

    Args:
        name: of the graph.
        store: where the weights go.
        precision: of the engine's weights.
        fixed: sizes of the symbolic dimensions that an engine has fixed, such as ``{"t": 32}``.
    """

    def __init__(
        self, name: str, store: WeightStore, precision: EnginePrecision, fixed: Mapping[str, int]
    ) -> None:
        super().__init__(name, store, "fp32", fixed)
        self.engine_precision: EnginePrecision = precision

    def nodes(self, op: str, inputs: Sequence[Value], outputs: int, **attributes: Any) -> list[Value]:
        """As in the base; what changed between its opset and this one is rewritten."""
        if op in ("ReduceMean", "ReduceMin") and "axes" in attributes:
            inputs = [*inputs, self.ints(*attributes.pop("axes"))]
        if op == "Split" and len(inputs) == 1:
            attributes["num_outputs"] = outputs
        return super().nodes(op, inputs, outputs, **attributes)

    def matmul(self, a: Value, b: Value) -> Value:
        """A product in float16 of float32 ``a`` and ``b``, as float32."""
        halves = [self.cast(value, TensorProto.FLOAT16) for value in (a, b)]
        return self.cast(self.node("MatMul", *halves), TensorProto.FLOAT)

    # ---- layers ---------------------------------------------------------------------------------------

    def linear(self, x: Value, name: str, weight: Array, bias: Array | None = None) -> Value:
        """``x (..., in) @ weight (in, out) [+ bias (out,)]``, float32 in and out, the product in float16."""
        exponent = exponent_of(weight)
        taken = LARGE_INPUT_BITS if name.endswith(LARGE_INPUTS) else 0
        if taken:
            x = self.mul(x, self.scalar(2.0**-taken))
        matrix = self._matrix(name, weight.astype(np.float32) * np.float32(2.0**exponent))
        y = self.cast(self.node("MatMul", self.cast(x, TensorProto.FLOAT16), matrix), TensorProto.FLOAT)
        if taken != exponent:
            y = self.mul(y, self.scalar(2.0 ** (taken - exponent)))
        return y if bias is None else self.add(y, self.weight(f"{name}.bias", bias.astype(np.float32)))

    def _matrix(self, name: str, weight: Array) -> Value:
        """A matrix in the precision of the engine, as float16."""
        if self.engine_precision == "fp16":
            return self.weight(name, weight.astype(np.float16))
        if self.engine_precision == "int4" and weight.shape[0] % BLOCK == 0:
            levels, scale = quantise_int4(weight)
            stored, scales = (
                self._int4(name, levels),
                self.weight(f"{name}.scale", scale.reshape(-1, scale.shape[-1])),
            )
            return self.node("DequantizeLinear", stored, scales, axis=0, block_size=BLOCK)
        levels, scale = quantise_int8(weight)
        stored, scales = self.weight(name, levels), self.weight(f"{name}.scale", scale)
        return self.node("DequantizeLinear", stored, scales, axis=1)

    def _int4(self, name: str, levels: Array) -> Value:
        """Levels ``(in, out)`` two to a byte, the first in the low half."""
        flat = levels.reshape(-1).astype(np.uint8) & 0xF
        flat = np.concatenate([flat, np.zeros(flat.size % 2, np.uint8)])
        packed = flat[::2] | (flat[1::2] << 4)
        return self._stored(name, packed, list(levels.shape), TensorProto.INT4)

    def embedding(self, name: str, table: Array, index: Value, tied: bool = True) -> Value:
        """Rows of ``table (rows, width)``, stored in float16, at ``index``: ``(..., width)`` float32."""
        return self.cast(self.gather(self.weight(name, table.astype(np.float16)), index), TensorProto.FLOAT)

    def tied_head(self, x: Value, name: str, table: Array, first: int = 0, last: int | None = None) -> Value:
        """As in the base, of rows in float16."""
        stored = self.weight(name, table.astype(np.float16))
        rows = self._cut(stored, first, len(table) if last is None else last, len(table))
        return self.matmul(x, self.transpose(rows, 1, 0))

    def build(self, doc: str = "") -> onnx.ModelProto:
        """The finished model."""
        model = super().build(doc)
        model.opset_import[0].version = _OPSET
        model.ir_version = _IR_VERSION
        return model
