"""SHIFT's decoder, run step after step or in blocks of steps."""

from __future__ import annotations

from typing import Final

import numpy as np

from clutch_rt.errors import BundleError
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array, IntArray
from clutch_rt.loops import loop
from clutch_rt.ports import zeros
from clutch_rt.sessions import Sessions


class Decoder:
    """The SHIFT decoder of motions: codes in, frames out, its streaming state held between calls.

    Args:
        sessions: of the bundle.
        graph: which decodes.
        rows: motions decoded together; more than one where the graph takes a batch.
    """

    def __init__(self, sessions: Sessions, graph: str, rows: int = 1) -> None:
        shapes = sessions.inputs(graph)
        taken = shapes.pop("codes")[1]
        self.steps: Final = taken if isinstance(taken, int) else 1  # that the graph takes at once
        start = {name: zeros(shape, rows) for name, shape in shapes.items()}
        carried = {f"next_{name}": name for name in shapes}
        self._rows = rows
        self._loop = loop(sessions, graph, ["frames"], carried, start)

    def decode(self, codes: IntArray) -> Float32Array:
        """Frames ``(8, 2, 99)`` of the next step's codes ``(K,)``; the 6D numbers are not yet orthonormal."""
        return self.decode_block(codes[None, None])[0]

    def decode_block(self, codes: IntArray) -> Float32Array:
        """Frames ``(B, 8 n, 2, 99)`` of the next n steps' codes ``(B, n, K)``.

        n is ``steps``, or less at the end of the motions: what comes after is not looked back on.
        """
        rows, n, slots = codes.shape
        filling = np.zeros((rows, self.steps - n, slots), np.int64)
        (frames,) = self._loop.run({"codes": np.concatenate([codes, filling], axis=1)})
        if frames.shape[1] != FRAMES_PER_STEP * self.steps:
            raise BundleError(
                f"the SHIFT decoder made {frames.shape[1]} frames of {self.steps} step(s), "
                f"{FRAMES_PER_STEP} a step are wanted; export the bundle again"
            )
        return np.asarray(frames[:, : FRAMES_PER_STEP * n], dtype=np.float32)

    def keep(self, rows: int) -> None:
        """Go on with the first ``rows`` motions only."""
        if rows < self._rows:
            self._rows = rows
            self._loop.keep(rows)
