"""The motion step of a bundle by the compiled library, in the place of its graph.

It takes the inputs of the graphs ``motion_step`` and ``motion_batch`` under their names and gives their
codes: whole numbers are summed exactly in both, and what lies between differs in the last bits of a float32.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt import native_structures as structures
from clutch_rt.bundle import Bundle
from clutch_rt.errors import BundleError, DeviceError
from clutch_rt.fields import Fields
from clutch_rt.native_sizes import sizes_of
from clutch_rt.native_weights import LINEAR, SECTION, Network
from clutch_rt.ports import BATCH

GRAPHS: Final = ("motion_step", "motion_batch")  # that the step stands for
PRECISIONS: Final = ("fp32", "fp16", "int8")

Array = NDArray[Any]

_NORMS: Final = ("layer.0.layer_norm", "layer.1.layer_norm", "layer.2.layer_norm")


class NativeStep(Network):
    """The motion step in the library; see ``Network``."""

    kind = "step"

    def _told(self, fields: Fields) -> Sequence[ctypes.Structure]:
        self.network = sizes_of(fields)
        if self.network.positions < self.capacity:
            raise BundleError(
                f"{fields.where}: native.network.positions is {self.network.positions}, and a motion may "
                f"have {self.capacity}; export the bundle again"
            )
        self._sizes = np.asarray(self.grammar.drawn, np.int32)
        return [self._shape(), self._all()]

    @property
    def capacity(self) -> int:
        """Positions that a motion may have."""
        g = self.grammar
        return g.slots * g.max_steps if g.form == "flat" else g.max_steps

    def inputs(self, graph: str) -> dict[str, list[Any]]:
        """Shapes of its inputs, as ``graph`` has them; in the step form as that of several motions."""
        n, g = self.network, self.grammar
        if g.form == "flat":
            past = [2 * n.layers, 1, n.heads, n.head_width]
            return {
                "codes": [1, g.slots],
                **{name: [1] for name in ("position", "eom_bias", "temperature", "top_k")},
                "memory": [*past[:3], "M", past[3]],
                "cache": [*past[:3], "t", past[3]],
                "noise": [1, g.slots, int(g.drawn.max())],
            }
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

    def _shape(self) -> structures.Shape:
        n, g = self.network, self.grammar
        return structures.Shape(
            *(n.width, n.heads, n.head_width, n.layers, n.hidden, n.gated, n.activation_code),
            *(n.depth_hidden, n.positions, g.slots, g.rhythm),
            self._sizes.ctypes.data,
            n.epsilon,
        )

    def _all(self) -> structures.Weights:
        """Where the library finds everything."""
        w, n, g = self._weights, self.network, self.grammar
        d, codes = n.width, int(g.sizes.sum())
        layers = (structures.Layer * n.layers)(*(self._layer(i) for i in range(n.layers)))
        if g.form == "flat":
            stream = self._stream()
            self._kept += [layers, stream]
            return structures.Weights(
                stream=ctypes.addressof(stream),
                bias=w.floats("decoder.position_bias", 1, 1, n.heads, 1, n.positions),
                norm=w.floats("decoder.final_layer_norm", d),
                layers=ctypes.addressof(layers),
            )
        choices = (structures.Choice * len(self._sizes))(*(self._choice(c) for c in range(len(self._sizes))))
        self._kept += [layers, choices]
        return structures.Weights(
            None,
            w.floats("start", 1, d),
            # One row more: the zeros of a code that is not known, which no step before has.
            w.table("slot_embedding", codes + 1, d),
            w.table("rhythm_embedding", g.rhythm, d) if g.rhythm else structures.Table(),
            w.address("rhythm.barred", "f2", (g.rhythm, g.rhythm)) if g.rhythm else None,
            w.floats("position_embedding.weight", g.max_steps, d),
            w.floats("length_embedding.weight", g.max_steps + 1, d),
            w.floats("remaining_embedding.weight", g.max_steps + 1, d),
            w.floats("decoder.position_bias", 1, 1, n.heads, 1, n.positions),
            w.floats("decoder.final_layer_norm", d),
            ctypes.addressof(layers),
            ctypes.addressof(choices),
        )

    def _stream(self) -> structures.Stream:
        w, n, g = self._weights, self.network, self.grammar
        table = "lm_head" if "lm_head" in w else "shared"
        # First, for it refuses a vocabulary that is not there.
        read, head = (w.table(name, g.vocab, n.width, LINEAR) for name in ("shared", table))
        rows = np.full((g.slots, int(g.drawn.max())), -1, np.int32)
        for slot, (base, size) in enumerate(zip(g.bases, g.sizes, strict=True)):
            rows[slot, :size] = base + np.arange(size)
        rows[0, g.size(0)] = g.eom
        self._kept.append(rows)
        return structures.Stream(read, head, rows.ctypes.data, rows.shape[1], g.som, n.factor)

    def _layer(self, i: int) -> structures.Layer:
        w, n = self._weights, self.network
        block = f"decoder.block.{i}"
        own, other = f"{block}.layer.0.SelfAttention", f"{block}.layer.1.EncDecAttention"
        inside = f"{block}.layer.2.DenseReluDense"
        return structures.Layer(
            (ctypes.c_void_p * 3)(*(w.floats(f"{block}.{norm}", n.width) for norm in _NORMS)),
            w.product(f"{own}.qkv", n.width, 3 * n.inner),
            w.product(f"{own}.o", n.inner, n.width),
            w.product(f"{other}.q", n.width, n.inner),
            w.product(f"{other}.o", n.inner, n.width),
            w.product(f"{inside}.wi", n.width, n.joined),
            w.product(f"{inside}.wo", n.hidden, n.width),
        )

    def _choice(self, c: int) -> structures.Choice:
        w, n = self._weights, self.network
        size, last = int(self._sizes[c]), c == len(self._sizes) - 1
        return structures.Choice(
            w.floats(f"depth_norm.{c}", n.width),
            w.product(f"depth_mlp.{c}.0", n.width, n.depth_hidden, f"depth_mlp.{c}.0.bias"),
            w.product(f"depth_mlp.{c}.2", n.depth_hidden, n.width, f"depth_mlp.{c}.2.bias"),
            w.product(f"depth_head.{c}", n.width, size, f"depth_head.{c}.bias"),
            structures.Table() if last else w.table(f"depth_embedding.{c}", size, n.width),
        )


def refusal(bundle: Bundle) -> str | None:
    """Why the library cannot take a bundle, in a phrase; None where it can."""
    if bundle.manifest.precision not in PRECISIONS:
        return f"it takes bundles in {', '.join(PRECISIONS[:-1])} and {PRECISIONS[-1]}"
    return None if SECTION in bundle.manifest.raw else "the bundle was exported without it; export it again"
