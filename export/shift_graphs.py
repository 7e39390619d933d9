"""The two graphs of SHIFT: the encoder over a whole motion, and the streaming decoder with its memory.

Convolutions run in float32. In bundles of less than ``fp32`` their weights and the codebooks are *stored* in
float16. Measured on held-out clips of the first shipped model, that moves the decoder's joints by 0.02 mm on
average; the 8-bit product of the language model would move them by 0.5 mm, to save a tenth of the bundle.
"""

from __future__ import annotations

from functools import reduce
from typing import Final

import numpy as np
import onnx
import torch
from clutch_rt.errors import ClutchError
from clutch_rt.layout import HAND_SIZE, HANDS
from onnx import TensorProto
from torch import Tensor, nn

from export.graph import GraphBuilder, Precision, Value
from export.shift_decoder import DecoderGraph, as_array
from export.weights import Array, WeightStore
from models.causal import ChannelNorm, Encoder, Residual
from models.shift import Shift
from models.shift_config import BranchPlan

BLOCK: Final = 8
"""Steps that ``shift_block`` decodes at once: two blocks hold most motions, and twice as many save little."""

_INT: Final = TensorProto.INT64
_N_HANDS: Final = len(HANDS)


class ShiftGraphs:
    """Writes the graphs of one SHIFT into one store.

    Args:
        model: of the ``shift`` variant, in evaluation mode.
        store: where the weights go.
        precision: of the bundle.

    Raises:
        ClutchError: the variant is one of the paper's ablations, or cannot stream; neither has a place in a
            bundle.
    """

    def __init__(self, model: Shift, store: WeightStore, precision: Precision) -> None:
        if model.config.variant != "shift":
            raise ClutchError(
                f"the SHIFT model is the variant {model.config.variant!r}; a bundle holds codes of each "
                "hand's trajectory and pose, which only the variant 'shift' makes: train that one"
            )
        if not model.config.streams:
            raise ClutchError(
                "the SHIFT model looks ahead or codes velocities, which is for studies: it cannot stream; "
                "train one without shift.model.lookahead and shift.model.velocity"
            )
        self.model = model
        self.store = store
        self.precision: Precision = "fp32" if precision == "fp32" else "fp16"
        self.names = [plan.name for plan in model.plans]
        self.slots = model.tokens_per_step

    def all(self) -> dict[str, onnx.ModelProto]:
        """The graphs by their names in a manifest."""
        return {
            "shift_encoder": self.encoder(),
            "shift_decoder": self.decoder(),
            "shift_block": self.decoder("shift_block", BLOCK),
        }

    # ---- encoder --------------------------------------------------------------------------------------

    def encoder(self) -> onnx.ModelProto:
        """Frames ``(1, T, 2, 99)`` to codes ``(1, T/8, K)``."""
        g = self._graph("shift_encoder")
        frames = g.input("frames", [1, "T", _N_HANDS, HAND_SIZE])
        signed = g.mul(frames, g.weight("signs", as_array(self.model.signs)))
        centred = g.sub(signed, g.weight("mean", as_array(self.model.mean)))
        x = g.node("Div", centred, g.weight("std", as_array(self.model.std)))
        rows = g.transpose(g.reshape(x, -1, _N_HANDS, HAND_SIZE), 1, 2, 0)  # (2, 99, T)
        codes = []
        for plan in self.model.plans:
            part = g.node("Slice", rows, g.ints(plan.part.start), g.ints(plan.part.stop), g.ints(1))
            codes.append(self._nearest(g, plan, self._encode(g, plan.name, part)))
        by_hand = [[g.split(level, _N_HANDS, axis=0) for level in levels] for levels in codes]  # each (1, S)
        columns = [by_hand[slot.branch][slot.level][slot.hand] for slot in self.model.slots]
        together = g.node("Unsqueeze", g.transpose(g.concat(columns, axis=0), 1, 0), g.ints(0))
        g.output(together, "codes", [1, "S", self.slots], _INT)
        return g.build("Motion, raw parameters, to codes: one per slot and step of 8 frames.")

    def _encode(self, g: GraphBuilder, branch: str, x: Value) -> Value:
        """``(2, C, T)`` to latents ``(2, T/8, D)``."""
        encoder = self.model.branch(branch).encoder
        assert isinstance(encoder, Encoder)
        name = f"{branch}.encoder"
        x = self._conv(g, x, f"{name}.in", encoder.in_conv)
        for i, (down, blocks) in enumerate(zip(encoder.downs, encoder.blocks, strict=True)):
            assert isinstance(down, nn.Conv1d) and isinstance(blocks, nn.ModuleList)
            x = self._conv(g, x, f"{name}.down.{i}", down)
            for j, block in enumerate(blocks):
                assert isinstance(block, Residual)
                x = self._residual(g, x, f"{name}.block.{i}.{j}", block)
        x = g.node("Relu", self._norm(g, x, f"{name}.norm", encoder.out_norm))
        return g.transpose(self._conv(g, x, f"{name}.out", encoder.out_conv), 0, 2, 1)

    def _residual(self, g: GraphBuilder, x: Value, name: str, block: Residual) -> Value:
        h = g.node("Relu", self._norm(g, x, f"{name}.norm", block.norm))
        h = g.node("Relu", self._conv(g, h, f"{name}.conv", block.conv))
        return g.add(x, self._conv(g, h, f"{name}.mix", block.mix))

    def _nearest(self, g: GraphBuilder, plan: BranchPlan, latents: Value) -> list[Value]:
        """Latents ``(2, S, D)`` to the code of each level, ``(2, S)``: ``ResidualQuantizer.nearest``.

        ``argmin |z|^2 / 2 + |c|^2 / 2 - z . c`` over what is left, z, of each sum that is kept, and over the
        codes c of a level.
        """
        latents = g.node("Unsqueeze", latents, g.ints(2))  # (2, S, 1, D)
        left, codes = latents, list[Value]()  # codes of the levels so far, (2, S, kept)
        branch, kept = plan.name, [self._kept(plan, level) for level in range(plan.levels + 1)]
        for level in range(plan.levels):
            table = self._codebook(branch, level)
            half = torch.from_numpy(table.astype(np.float32)).square().sum(dim=1) * 0.5
            name = f"{branch}.codebook.{level}"
            codebook = self._stored(g, name, table)
            size = len(table)
            away = g.sub(
                g.weight(f"{name}.half_norm", half.numpy()), g.matmul(left, g.transpose(codebook, 1, 0))
            )
            if level:
                square = g.node("ReduceSum", g.mul(left, left), g.ints(-1), keepdims=1)
                away = g.add(away, g.mul(square, g.scalar(0.5)))
            away = g.reshape(away, _N_HANDS, -1, size * kept[level])
            best = g.nodes("TopK", [away, g.ints(kept[level + 1])], 2, axis=-1, largest=0)[1]
            if level:
                before = g.node("Div", best, g.ints(size))
                codes = [g.node("GatherElements", code, before, axis=2) for code in codes]
            codes.append(g.node("Mod", best, g.ints(size)))
            left = g.sub(latents, self._sum(g, branch, codes)) if level + 1 < plan.levels else left
        return [g.node("Squeeze", code, g.ints(2)) for code in codes]

    def _sum(self, g: GraphBuilder, branch: str, codes: list[Value]) -> Value:
        """The sum of the entries of codes ``(2, S, kept)`` of the first levels, ``(2, S, kept, D)``."""
        parts = [g.gather(self._entries(g, branch, level), code) for level, code in enumerate(codes)]
        return reduce(g.add, parts)

    def _kept(self, plan: BranchPlan, level: int) -> int:
        """Sums of codes that go into a level, or come out of the last."""
        return 1 if level in (0, plan.levels) else min(self.model.config.beam, plan.codes**level)

    # ---- decoder --------------------------------------------------------------------------------------

    def decoder(self, name: str = "shift_decoder", steps: int = 1) -> onnx.ModelProto:
        """Codes of S steps ``(B, S, K)`` and the memory to frames ``(B, 8 S, 2, 99)`` and the next memory."""
        g = self._graph(name)
        DecoderGraph(g, self.model, self._entries, steps).write()
        return g.build(
            f"Codes of {steps} step(s) to motion, raw parameters, as they arrive; zeros are the state before "
            "the first."
        )

    def _entries(self, g: GraphBuilder, branch: str, level: int) -> Value:
        return self._stored(g, f"{branch}.codebook.{level}", self._codebook(branch, level))

    # ---- shared parts ---------------------------------------------------------------------------------

    def _graph(self, name: str) -> GraphBuilder:
        return GraphBuilder(name, self.store, self.precision)

    def _conv(self, g: GraphBuilder, x: Value, name: str, conv: nn.Conv1d) -> Value:
        """A torch Conv1d with its own padding, stride and dilation."""
        assert conv.bias is not None
        weight = self._stored(g, f"{name}.weight", self._rounded(conv.weight))
        pad = int(conv.padding[0])
        return g.node(
            "Conv",
            x,
            weight,
            g.weight(f"{name}.bias", as_array(conv.bias)),
            kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride),
            dilations=list(conv.dilation),
            pads=[pad, pad],
        )

    def _norm(self, g: GraphBuilder, x: Value, name: str, norm: ChannelNorm) -> Value:
        """RMS norm over axis 1."""
        mean = g.node("ReduceMean", g.mul(x, x), axes=[1], keepdims=1)
        root = g.node("Sqrt", g.add(mean, g.scalar(norm.eps)))
        return g.mul(g.node("Div", x, root), g.weight(name, as_array(norm.weight)[:, None]))

    def _codebook(self, branch: str, level: int) -> Array:
        """``(K, D)`` as stored: encoder and decoder must mean the same codes."""
        return self._rounded(self.model.branch(branch).quantizer.level(level).codebook)

    def _rounded(self, value: Tensor) -> Array:
        array = as_array(value)
        half = array.astype(np.float16)
        return half if self.precision == "fp16" and np.isfinite(half).all() else array

    def _stored(self, g: GraphBuilder, name: str, array: Array) -> Value:
        stored = g.weight(name, array)
        return g.cast(stored, TensorProto.FLOAT) if array.dtype == np.float16 else stored
