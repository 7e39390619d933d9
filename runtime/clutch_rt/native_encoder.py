"""The text encoder of a bundle by the compiled library, in the place of its graph.

It takes the inputs of the graph ``text_encoder`` under their names and gives its outputs; the positions of a
prompt are rounded to bytes alike, as the graph rounds them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt import native_structures as structures
from clutch_rt.errors import BundleError, DeviceError, InputError
from clutch_rt.fields import Fields
from clutch_rt.native_sizes import sizes_of, whole_numbers
from clutch_rt.native_weights import EXACT, LINEAR, MOST, Network

GRAPH: Final = "text_encoder"  # that it stands for
SECTION: Final = "encoder"  # of the library's section

Array = NDArray[Any]

_NAMES: Final = ("vocabulary", "layers", "far", "lengths", "length_hidden")
_PLAN: Final = ("actions", "heads", "hidden", "mix_hidden")


class NativeEncoder(Network):
    """The text encoder in the library; see ``Network``."""

    kind = "encoder"

    def _told(self, fields: Fields) -> Sequence[ctypes.Structure]:
        self._network = sizes_of(fields)
        child = fields.child(SECTION)
        self._sizes = {name: child.at_least(name, 0 if name.startswith("length") else 1) for name in _NAMES}
        self._labels: Sequence[int] = ()
        self._plan: dict[str, int] = {}
        if "plan" in child.raw:
            plan = child.child("plan")
            self._plan = {name: plan.at_least(name, 1) for name in _PLAN}
            self._labels = whole_numbers(plan, "sizes", 1)
        width, g = self._network.width, self.grammar
        lengths = g.max_steps if g.form == "step" else 0
        tokens = int(g.bases[-1] + g.sizes[-1]) if g.form == "flat" else 1
        fits = self._sizes["lengths"] == lengths and self._sizes["vocabulary"] >= tokens
        fits = fits and width % self._plan.get("heads", 1) == 0
        if not fits or max(*self._sizes.values(), *self._plan.values(), sum(self._labels)) > MOST:
            raise BundleError(f"{fields.where}: native.encoder is of no encoder; export the bundle again")
        self._codes = np.asarray(g.sizes, np.int32)
        return [self._shape(), self._all()]

    def inputs(self, graph: str) -> dict[str, list[Any]]:
        """Shapes of its inputs, as the graph has them."""
        g, plan = self.grammar, self._plan
        drawn = {"plan_noise": [1, plan["actions"], sum(self._labels)], "temperature": [1]} if plan else {}
        return {"ids": [1, "L"], "codes": [1, "S", g.slots], **drawn}

    def run(self, outputs: Sequence[str] | None, feeds: Mapping[str, Array]) -> list[Any]:
        """What the graph gives of the same inputs.

        Args:
            outputs: names wanted, or None for all.
            feeds: inputs by name.

        Raises:
            InputError: ids or codes that there are none of, or arrays of other shapes.
            BundleError: an output that is not there.
            DeviceError: memory is used up.
        """
        ids, codes, noise, temperature = self._taken(feeds)
        n, plan, lengths = self._network, self._plan, self._sizes["lengths"]
        handle, length, steps = self._library.handle, ids.shape[1], codes.shape[1]
        positions = handle.clutch_encoder_memory(self._handle, length, steps)
        found: dict[str, Array] = {}  # in the graph's order
        if plan:
            found["plan"] = np.empty((1, plan["actions"], len(self._labels)), np.int64)
        found["memory"] = np.empty((2 * n.layers, 1, n.heads, positions, n.head_width), np.float32)
        if lengths:
            found["length_logits"] = np.empty((1, lengths), np.float32)
        if unknown := set(outputs or ()) - found.keys():
            raise BundleError(f"the text encoder does not give {', '.join(sorted(unknown))}; export it again")
        logits, labels = (
            found[name].ctypes.data if name in found else None for name in ("length_logits", "plan")
        )
        prompt = structures.Prompt(
            *(ids.ctypes.data, length, steps, codes.ctypes.data, noise.ctypes.data, temperature),
            *(found["memory"].ctypes.data, logits, labels),
        )
        if handle.clutch_encoder_run(self._handle, ctypes.byref(prompt)):
            raise DeviceError("the machine's memory is used up by a sentence; close other programs")
        return [found[name] for name in (outputs or found)]

    def _taken(self, feeds: Mapping[str, Array]) -> tuple[Array, Array, Array, float]:
        """Ids ``(1, L)``, codes ``(1, S, K)``, noise and temperature of the plan, as the library has them."""
        g, plan, vocabulary = self.grammar, self._plan, self._sizes["vocabulary"]
        ids, codes = (np.ascontiguousarray(feeds[name], np.int64) for name in ("ids", "codes"))
        if ids.ndim != 2 or len(ids) != 1 or not ids.size or ids.min() < 0 or ids.max() >= vocabulary:
            raise InputError(f"a prompt {ids.shape} was given; ids below {vocabulary}, (1, L), were wanted")
        if codes.ndim != 3 or codes.shape[::2] != (1, g.slots) or codes.shape[1] > g.max_steps:
            wanted = f"(1, S, {g.slots}), S up to {g.max_steps}"
            raise InputError(f"a motion of codes {codes.shape} was given; {wanted}, was wanted")
        if codes.size:
            g.check(codes[0], unknown=g.form == "step")
        shape = (1, plan["actions"], sum(self._labels)) if plan else (0,)
        noise = np.ascontiguousarray(feeds["plan_noise"], np.float32) if plan else np.zeros(0, np.float32)
        temperature = float(feeds["temperature"][0]) if plan else 1.0
        if noise.shape != shape:
            raise InputError(f"a plan's noise is {noise.shape}; {shape} was wanted")
        if not temperature > 0:
            raise InputError(f"a plan's temperature is {temperature}; a number above 0 was wanted")
        return ids, codes, noise, temperature

    def _shape(self) -> structures.EncoderShape:
        n, s, g = self._network, self._sizes, self.grammar
        return structures.EncoderShape(
            *(n.width, n.heads, n.head_width, s["layers"], n.hidden, n.gated, n.activation_code),
            *(2 * n.layers, s["far"], g.slots, self._codes.ctypes.data, g.form == "flat"),
            *(s["lengths"], s["length_hidden"], n.epsilon),
        )

    def _all(self) -> structures.EncoderWeights:
        """Where the library finds everything."""
        w, n, s, g = self._weights, self._network, self._sizes, self.grammar
        words = s["vocabulary"]
        shared = w.table("shared", words, n.width, LINEAR)  # first: it refuses a vocabulary that is not there
        layers = (structures.EncoderLayer * s["layers"])(*(self._layer(i) for i in range(s["layers"])))
        bases = np.asarray(g.bases, np.int32)
        plan = self._planned() if self._plan else None
        self._kept += [layers, bases, plan]
        flat, bias = g.form == "flat", w.floats("encoder.position_bias", 2 * s["far"] + 1, n.heads)
        return structures.EncoderWeights(
            *(shared, bases.ctypes.data),
            # One row more: the zeros of a code that is not known.
            structures.Table() if flat else w.table("slot_embedding", int(g.sizes.sum()) + 1, n.width),
            None if flat else w.floats("position_embedding.weight", g.max_steps, n.width),
            *(bias, w.floats("encoder.final_layer_norm", n.width), ctypes.addressof(layers)),
            w.product("decoder.memory", n.width, 2 * n.layers * n.inner),
            self._mlp("length_head", s["length_hidden"], s["lengths"]) if s["lengths"] else structures.Mlp(),
            None if plan is None else ctypes.addressof(plan),
        )

    def _layer(self, i: int) -> structures.EncoderLayer:
        w, n = self._weights, self._network
        block = f"encoder.block.{i}.layer"
        attention, inside = f"{block}.0.SelfAttention", f"{block}.1.DenseReluDense"
        return structures.EncoderLayer(
            (ctypes.c_void_p * 2)(*(w.floats(f"{block}.{k}.layer_norm", n.width) for k in range(2))),
            w.product(f"{attention}.qkv", n.width, 3 * n.inner),
            w.product(f"{attention}.o", n.inner, n.width),
            w.product(f"{inside}.wi", n.width, n.joined),
            w.product(f"{inside}.wo", n.hidden, n.width),
        )

    def _mlp(self, name: str, between: int, out: int) -> structures.Mlp:
        w, width = self._weights, self._network.width
        return structures.Mlp(
            w.product(f"{name}.0.weight", width, between, f"{name}.0.bias", EXACT),
            w.product(f"{name}.2.weight", between, out, f"{name}.2.bias", EXACT),
        )

    def _planned(self) -> structures.Plan:
        w, p, width, labels = self._weights, self._plan, self._network.width, sum(self._labels)
        sizes = np.asarray(self._labels, np.int32)
        self._kept.append(sizes)
        actions, between = p["actions"], p["mix_hidden"]
        return structures.Plan(
            *(actions, len(sizes), sizes.ctypes.data, p["heads"], p["hidden"], between),
            w.floats("plan.reader.queries", p["heads"], actions, width // p["heads"]),
            w.product("plan.reader.read.keys_values.weight", width, 2 * width, kinds=EXACT),
            self._mlp("plan.reader.head", p["hidden"], labels),
            w.table("plan.label_embedding", labels, width),
            *(w.floats("plan.action_embedding.weight", actions, width), w.floats("plan.norm", width)),
            (structures.Product * 2)(
                w.product("plan.mix.0", actions * width, between, "plan.mix.0.bias"),
                w.product("plan.mix.2", between, width, "plan.mix.2.bias"),
            ),
        )
