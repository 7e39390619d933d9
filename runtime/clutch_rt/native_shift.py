"""SHIFT's decoder by the compiled library, in the place of the graphs ``shift_decoder`` and ``shift_block``.

Sums have one order there however many steps are decoded at once, so frames are the same streamed and whole.
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
from clutch_rt.layout import FRAMES_PER_STEP, HAND_SIZE, HANDS, Float32Array
from clutch_rt.native_sizes import whole_numbers
from clutch_rt.native_weights import FLOATS, MOST, Network
from clutch_rt.ports import BATCH

GRAPHS: Final = {"shift_decoder": 1, "shift_block": 8}  # that it stands for, and the steps that each takes
DOUBLINGS: Final = 3  # from steps to frames
_TAPS: Final = 3
_DEEPEST: Final = 8  # blocks of a level: the last sees 2 * 3**7 instants back

Array = NDArray[Any]


class NativeShift(Network):
    """SHIFT's decoder in the library; see ``Network``."""

    kind = "shift"

    def inputs(self, graph: str) -> dict[str, list[Any]]:
        """Shapes of the inputs that stand for those of ``graph``: its memory stays inside."""
        return {"codes": [BATCH, GRAPHS[graph], self.grammar.slots]}

    @property
    def state(self) -> int:
        """Numbers that are kept of a motion from call to call; zeros before the first."""
        return int(self._library.handle.clutch_shift_state(self._handle))

    def decode(self, codes: Array, state: Float32Array) -> Float32Array:
        """Frames ``(8 S, 2, 99)`` of one motion's next codes ``(S, K)`` int64, within their codebooks."""
        frames = np.empty((FRAMES_PER_STEP * len(codes), len(HANDS), HAND_SIZE), np.float32)
        if self._library.handle.clutch_shift_run(
            self._handle, codes.ctypes.data, len(codes), state.ctypes.data, frames.ctypes.data
        ):
            raise DeviceError("the machine's memory is used up by a motion; close other programs")
        return frames

    def _told(self, fields: Fields) -> Sequence[ctypes.Structure]:
        fields = fields.child("shift")
        size, epsilon = fields.at_least("code_size", 1), fields.get("epsilon", float)
        widths, depths = (whole_numbers(fields, name, 0, DOUBLINGS + 1) for name in ("widths", "depths"))
        if size > MOST or not 0.0 < epsilon < 1.0 or min(widths) < 1 or max(depths) > _DEEPEST:
            raise BundleError(f"{fields.where}: native.shift is of no decoder; export the bundle again")
        branches = []
        place = 0
        for book, channels in (("trajectory", 9), ("pose", HAND_SIZE - 9)):
            branches.append(self._branch(book, place, channels, size, widths, depths))
            place += channels
        parts = (structures.Branch * len(branches))(*branches)
        self._kept.append(parts)
        w = self._weights
        told = structures.ShiftWeights(
            *(len(branches), self.grammar.slots, size, epsilon, ctypes.addressof(parts)),
            w.floats("std_signed", len(HANDS), HAND_SIZE),
            w.floats("mean_signed", len(HANDS), HAND_SIZE),
        )
        return [told]

    def _branch(
        self, book: str, place: int, channels: int, size: int, widths: Sequence[int], depths: Sequence[int]
    ) -> structures.Branch:
        """One of the two decoders; ``widths`` from the coarsest level on, ``depths`` blocks of each."""
        name, w, slots = f"{book}.decoder", self._weights, self._slots(book)
        codes = self.grammar.trajectory_codes if book == "trajectory" else self.grammar.pose_codes
        tables = [w.table(f"{book}.codebook.{level}", codes, size, FLOATS) for level in range(len(slots))]
        blocks = [
            self._residual(
                f"{name}.{f'block.{level}' if level < DOUBLINGS else 'out_block'}.{i}", width, 3**i
            )
            for level, (width, depth) in enumerate(zip(widths, depths, strict=True))
            for i in range(depth)
        ]
        doublings = [self._conv(f"{name}.conv.{i}", widths[i], 2 * widths[i + 1]) for i in range(DOUBLINGS)]
        arrays: list[Any] = [
            (structures.Table * len(tables))(*tables),
            np.asarray(slots, np.int32),
            np.asarray(depths, np.int32),
            (structures.Residual * max(1, len(blocks)))(*blocks),
            (structures.Conv * len(doublings))(*doublings),
        ]
        self._kept += arrays
        entries, slot, depth, residuals, convs = (
            a.ctypes.data if isinstance(a, np.ndarray) else ctypes.addressof(a) for a in arrays
        )
        return structures.Branch(
            *(len(tables), codes, entries, slot, place, channels),
            self._conv(f"{name}.in", size, widths[0]),
            self._conv(f"{name}.out", widths[-1], channels),
            w.floats(f"{name}.norm", widths[-1]),
            *(DOUBLINGS, depth, residuals, convs),
        )

    def _slots(self, book: str) -> list[list[int]]:
        """Which codes of a step each level has, of the left hand and of the right."""
        hands: tuple[list[int], list[int]] = [], []
        for slot, place in enumerate(self.grammar.places):
            if self.grammar.codebook(slot) == book:
                hands[int(place) // 2].append(slot)
        return [list(pair) for pair in zip(*hands, strict=True)]

    def _residual(self, name: str, width: int, dilation: int) -> structures.Residual:
        return structures.Residual(
            self._weights.floats(f"{name}.norm", width),
            self._conv(f"{name}.conv", width, width, _TAPS, dilation),
            self._conv(f"{name}.mix", width, width, 1),
        )

    def _conv(
        self, name: str, rows: int, columns: int, taps: int = _TAPS, dilation: int = 1
    ) -> structures.Conv:
        product = self._weights.product(name, taps * rows, columns, f"{name}.bias", FLOATS)
        return structures.Conv(product, taps, dilation, rows, columns)


class NativeDecoding:
    """Motions through the decoder, as ``loops.Loop`` has it.

    Args:
        shift: of the bundle.
        in_use: a context that keeps the bundle open while a block is decoded.
    """

    def __init__(self, shift: NativeShift, in_use: Any) -> None:
        self._shift = shift
        self._in_use = in_use
        self._state = np.zeros((0, shift.state), np.float32)

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        """The frames ``(B, 8 S, 2, 99)`` of codes ``(B, S, K)``, in a list."""
        codes, grammar = np.ascontiguousarray(feeds["codes"], np.int64), self._shift.grammar
        if codes.ndim != 3 or codes.shape[2] != grammar.slots:
            raise InputError(f"codes are {codes.shape}; (motions, steps, {grammar.slots}) was wanted")
        if (codes < 0).any() or (codes >= grammar.sizes).any():
            raise InputError("codes lie beyond their codebooks")
        if not len(self._state):
            self._state = np.zeros((len(codes), self._shift.state), np.float32)
        if len(codes) != len(self._state):
            raise InputError(f"codes of {len(codes)} motions came after those of {len(self._state)}")
        with self._in_use():
            return [np.stack([self._shift.decode(*pair) for pair in zip(codes, self._state, strict=True)])]

    def keep(self, rows: int) -> None:
        """Go on with the first ``rows`` motions only."""
        self._state = self._state[: max(0, rows)]
