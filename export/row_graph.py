"""Graphs of several motions whose 8-bit products round each motion as if it were alone.

``DynamicQuantizeLinear`` takes one scale for all it is given, so in a batch a motion would change with its
neighbours. Here every row has its own, by the same arithmetic to the last bit, and the product is taken in
whole numbers: what a row becomes is exactly what it becomes alone. All rows share the extra nodes. The
other precisions have nothing to do with neighbours: a float product sums each row by itself, and
``MatMulNBits`` rounds block by block.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from onnx import TensorProto

from export.graph import ZERO_POINT, GraphBuilder, Value
from export.weights import Array

_LEVELS: Final = 255.0
_SMALLEST: Final = float(np.finfo(np.float32).smallest_normal)


class RowBuilder(GraphBuilder):
    """A graph builder for batches: axis 0 is the motions."""

    def _linear_int8(self, x: Value, name: str, levels: Array, scale: Array) -> Value:
        """``x (B, ..., in)`` times a matrix in bytes, every row of ``x`` quantised by itself."""
        x_scale, x_zero = self._range(x)
        zeros = self.reshape(self.cast(x_zero, TensorProto.UINT8), -1)
        quantised = self.node("QuantizeLinear", x, self.reshape(x_scale, -1), zeros, axis=0)
        stored = self.weight(name, levels)
        none, middle = self.scalar(0, np.uint8), self.scalar(ZERO_POINT, np.uint8)
        product = self.node("MatMulInteger", quantised, stored, none, middle)
        # (q - z) w = q w - z sum(w), in whole numbers; engines take no zero point by row.
        sums = (levels.astype(np.int32) - ZERO_POINT).sum(axis=0, dtype=np.int32)
        shift = self.mul(self.cast(x_zero, TensorProto.INT32), self.weight(f"{name}.sums", sums))
        exact = self.cast(self.sub(product, shift), TensorProto.FLOAT)
        return self.mul(exact, self.mul(x_scale, self.weight(f"{name}.scale", scale)))

    def _range(self, x: Value) -> tuple[Value, Value]:
        """Scale and zero point of each row, ``(B, ..., 1)``, as ``DynamicQuantizeLinear`` finds them."""
        low = self.node("Min", self.node("ReduceMin", x, axes=[-1], keepdims=1), self.scalar(0.0))
        high = self.node("Max", self.node("ReduceMax", x, axes=[-1], keepdims=1), self.scalar(0.0))
        step = self.node("Div", self.sub(high, low), self.scalar(_LEVELS))
        scale = self.node("Max", step, self.scalar(_SMALLEST))  # of a row of zeros, which stay zeros
        first = self.sub(self.scalar(0.0), self.node("Div", low, scale))
        return scale, self.node("Round", self.node("Clip", first, self.scalar(0.0), self.scalar(_LEVELS)))
