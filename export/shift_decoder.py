"""SHIFT's streaming decoder as a graph: S steps of codes to 8 S frames, for B motions at once.

Steps have few instants and small matrices, so what a decoder costs is the number of its nodes. Therefore:

* instants and hands are rows of one matrix: a causal convolution looks its taps up with one ``Gather`` of
  constant indices and is then one product, to which an engine joins bias and ReLU.
* to double the rate, ``y[2t] = (x[t-1] + x[t]) / 2, y[2t+1] = x[t]``, is linear, and so is the convolution
  behind it: the two are one kernel with twice the outputs, for the even and the odd instant of each.
* rows stand in the order in which they come out of these products; only the frames are put in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from clutch_rt.layout import FRAMES_PER_STEP, HAND_SIZE, HANDS
from clutch_rt.ports import BATCH
from onnx import TensorProto
from torch import Tensor, nn

from export.graph import GraphBuilder, Value
from export.weights import Array
from models.causal import CausalConv, CausalResidual, ChannelNorm, Decoder
from models.shift import Shift
from models.shift_config import BranchPlan

Row = tuple[int, int]
"""An instant within the step, negative for what lies before it, and a hand."""

_N_HANDS: Final = len(HANDS)


class Tables(Protocol):
    """Gives the entries of a codebook, ``(K, D)`` float32, shared with the encoder's graph."""

    def __call__(self, g: GraphBuilder, branch: str, level: int) -> Value: ...


@dataclass(frozen=True)
class Rows:
    """A matrix ``(B * len(order), C)``: for each motion a row per instant and hand, in this order."""

    value: Value
    width: int
    order: tuple[Row, ...]


@dataclass
class _Memory:
    """The decoder's state: inputs of the graph, and what becomes of them."""

    inputs: list[Value] = field(default_factory=list)
    outputs: list[tuple[Value, list[int | str]]] = field(default_factory=list)


class DecoderGraph:
    """Writes the decoder of one SHIFT.

    Args:
        g: takes the nodes.
        model: of the ``shift`` variant.
        tables: of its codebooks.
        steps: S, that the graph decodes at once.
    """

    def __init__(self, g: GraphBuilder, model: Shift, tables: Tables, steps: int = 1) -> None:
        self._g = g
        self._model = model
        self._tables = tables
        self._steps = steps
        self._memory = _Memory()

    def write(self) -> None:
        """Codes ``(B, S, K)`` and the memory to frames ``(B, 8 S, 2, 99)`` and the next memory."""
        g, slots = self._g, self._model.tokens_per_step
        codes = g.reshape(g.input("codes", [BATCH, self._steps, slots], TensorProto.INT64), -1, slots)
        branches = []
        for place, plan in enumerate(self._model.plans):
            decoder = self._model.branch(plan.name).decoder
            assert isinstance(decoder, Decoder)
            branches.append(self._branch(plan.name, decoder, self._latents(codes, plan, place)))
        assert len({rows.order for rows in branches}) == 1
        together = Rows(g.concat([rows.value for rows in branches], axis=1), HAND_SIZE, branches[0].order)
        g.output(self._frames(together), "frames", [BATCH, self._frames_made, _N_HANDS, HAND_SIZE])
        for i, (value, shape) in enumerate(self._memory.outputs):
            g.output(value, f"next_state.{i}", shape)

    def _latents(self, codes: Value, plan: BranchPlan, place: int) -> Rows:
        """The sum over the levels of the entries of ``codes (B S, K)`` of a branch, the ``place``-th."""
        g = self._g
        total: Value | None = None
        for level in range(plan.levels):
            own = g.gather(codes, g.ints(*self._model.slots_of(place, level=level)), axis=1)
            entries = g.gather(self._tables(g, plan.name, level), own)
            total = entries if total is None else g.add(total, entries)
        assert total is not None
        size = self._model.config.code_size
        order = tuple((t, hand) for t in range(self._steps) for hand in range(_N_HANDS))
        return Rows(g.reshape(total, -1, size), size, order)

    @property
    def _frames_made(self) -> int:
        return FRAMES_PER_STEP * self._steps

    def _branch(self, branch: str, decoder: Decoder, x: Rows) -> Rows:
        name = f"{branch}.decoder"
        x = self._causal(x, f"{name}.in", decoder.in_conv)
        for i, (blocks, conv) in enumerate(zip(decoder.blocks, decoder.convs, strict=True)):
            assert isinstance(blocks, nn.ModuleList) and isinstance(conv, CausalConv)
            for j, block in enumerate(blocks):
                x = self._residual(x, f"{name}.block.{i}.{j}", block)
            x = self._double(x, f"{name}.conv.{i}", conv)
        for j, block in enumerate(decoder.out_blocks):
            x = self._residual(x, f"{name}.out_block.{j}", block)
        x = self._relu(self._norm(x, f"{name}.norm", decoder.out_norm))
        return self._causal(x, f"{name}.out", decoder.out_conv)

    def _frames(self, x: Rows) -> Value:
        """The rows in order, normalised, to frames; signs are +-1: folding them in rounds nothing."""
        g, model = self._g, self._model
        places = {row: i for i, row in enumerate(x.order)}
        sorted_rows = [places[t, hand] for t in range(self._frames_made) for hand in range(_N_HANDS)]
        ordered = g.gather(self._by_motion(x), g.ints(*sorted_rows), axis=1)
        frames = g.reshape(ordered, -1, self._frames_made, _N_HANDS, HAND_SIZE)
        scale = g.weight("std_signed", as_array(model.std * model.signs))
        offset = g.weight("mean_signed", as_array(model.mean * model.signs))
        return g.add(g.mul(frames, scale), offset)

    # ---- layers ---------------------------------------------------------------------------------------

    def _residual(self, x: Rows, name: str, block: nn.Module) -> Rows:
        assert isinstance(block, CausalResidual)
        h = self._relu(self._norm(x, f"{name}.norm", block.norm))
        h = self._relu(self._causal(h, f"{name}.conv", block.conv))
        assert block.mix.bias is not None
        mixed = self._g.linear(
            h.value, f"{name}.mix", as_array(block.mix.weight)[:, :, 0].T, as_array(block.mix.bias)
        )
        return Rows(self._g.add(x.value, mixed), x.width, x.order)

    def _causal(self, x: Rows, name: str, conv: CausalConv) -> Rows:
        """The taps each row sees, side by side, times the kernel."""
        dilation = int(conv.dilation[0])
        seen = self._taps(x, [-tap * dilation for tap in range(conv.kernel_size[0])][::-1])
        assert conv.bias is not None
        y = self._g.linear(seen, name, _kernel(conv).reshape(-1, conv.out_channels), as_array(conv.bias))
        return Rows(y, conv.out_channels, x.order)

    def _double(self, x: Rows, name: str, conv: CausalConv) -> Rows:
        """Twice the rate, then ``conv``: as rows of an even and an odd instant for each of ``x``."""
        assert conv.kernel_size == (3,) and conv.dilation == (1,) and conv.bias is not None
        weight = doubled(_kernel(conv))
        bias = np.tile(as_array(conv.bias), 2)
        y = self._g.linear(self._taps(x, [-2, -1, 0]), name, weight, bias)
        order = tuple((2 * t + odd, hand) for t, hand in x.order for odd in range(2))
        return Rows(self._g.reshape(y, -1, conv.out_channels), conv.out_channels, order)

    def _taps(self, x: Rows, offsets: list[int]) -> Value:
        """Each row's predecessors at ``offsets`` instants, side by side: ``(B * rows, taps * C)``."""
        g, context, instants = self._g, -min(offsets), 1 + max(t for t, _ in x.order)
        past = [(t, hand) for t in range(-context, 0) for hand in range(_N_HANDS)]
        shape: list[int | str] = [BATCH, len(past), x.width]
        before = g.input(f"state.{len(self._memory.inputs)}", shape)
        self._memory.inputs.append(before)
        seen = g.concat([before, self._by_motion(x)], axis=1)
        places = {row: i for i, row in enumerate([*past, *x.order])}
        after = [places[t + instants, hand] for t, hand in past]
        self._memory.outputs.append((g.gather(seen, g.ints(*after), axis=1), shape))
        index = [places[t + offset, hand] for t, hand in x.order for offset in offsets]
        taps = g.gather(seen, g.ints(*index), axis=1)
        return g.reshape(taps, -1, len(offsets) * x.width)

    def _by_motion(self, x: Rows) -> Value:
        """``(B, rows, C)``."""
        return self._g.reshape(x.value, -1, len(x.order), x.width)

    def _norm(self, x: Rows, name: str, norm: ChannelNorm) -> Rows:
        return Rows(self._g.rms_norm(x.value, name, as_array(norm.weight), norm.eps), x.width, x.order)

    def _relu(self, x: Rows) -> Rows:
        return Rows(self._g.node("Relu", x.value), x.width, x.order)


def doubled(kernel: Array) -> Array:
    """Interpolation to twice the rate and a causal ``kernel (3, C, C')`` behind it, in one: ``(3 C, 2 C')``.

    With ``u[2t] = (x[t-1] + x[t]) / 2`` and ``u[2t+1] = x[t]``, the columns are ``y[2t]`` and ``y[2t+1]`` of
    ``y[s] = k0 u[s-2] + k1 u[s-1] + k2 u[s]``, the rows ``x[t-2]``, ``x[t-1]`` and ``x[t]``.
    """
    k0, k1, k2 = kernel.astype(np.float64)
    even = np.concatenate([k0 / 2, k0 / 2 + k1 + k2 / 2, k2 / 2])
    odd = np.concatenate([np.zeros_like(k0), k0 + k1 / 2, k1 / 2 + k2])
    return np.concatenate([even, odd], axis=1).astype(np.float32)


def undoubled(matrix: Array) -> Array:
    """The kernel ``(3, C, C')`` that :func:`doubled` made ``(3 C, 2 C')`` of.

    The outer taps stand in it halved, which rounds nothing; the middle one only in sums, of which the three
    are taken together: it comes back to the rounding of those.
    """
    even, odd = np.split(matrix.astype(np.float64), 2, axis=1)
    (e0, e1, e2), (_, o1, o2) = np.split(even, 3), np.split(odd, 3)
    k0, k2 = e0 * 2, e2 * 2
    # The least squares of o1 - k0 = k1 / 2, o2 - k2 = k1 / 2 and e1 - (k0 + k2) / 2 = k1.
    k1 = ((o1 - k0) / 2 + (o2 - k2) / 2 + e1 - (k0 + k2) / 2) / 1.5
    return np.stack([k0, k1, k2]).astype(np.float32)


def _kernel(conv: nn.Conv1d) -> Array:
    """``(taps, C, C')``."""
    return np.ascontiguousarray(as_array(conv.weight).transpose(2, 1, 0))


def as_array(value: Tensor) -> Array:
    """Float32, in C order."""
    return np.ascontiguousarray(value.detach().float().cpu().numpy())
