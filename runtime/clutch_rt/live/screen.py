"""What is shown: the stream's frames when they are due, and hands that slow down while one is late."""

from __future__ import annotations

from typing import Final

import numpy as np

from clutch_rt.layout import Float32Array
from clutch_rt.live.blend import Blend, join
from clutch_rt.live.offset import Offset, moved, no_offset, offset_between

# Frames of 1/30 s in which hands whose next frame is late come to a stand.
_STOP: Final = 4.0


class Screen:
    """The last poses that were shown, and from them the next; one per stream.

    Frames that come in time are shown as they are. Where one is late, the hands go on with the velocity they
    had and slow down; once it is there, the gap to it closes smoothly.
    """

    def __init__(self, start: Float32Array) -> None:
        """Begin with hands that stand at ``start``, ``(2, 99)``."""
        self._before = self._last = start  # shown last but one, and last
        self._between = 1.0  # time between the two, in frames
        self._real = start  # the last frame of the stream that was due
        self._stand: Float32Array | None = None  # while late: where the hands come to a stand
        self._blend: Blend | None = None
        self._age = 0.0

    @property
    def late(self) -> bool:
        """Whether the pose shown last stands in for a frame that is late."""
        return self._stand is not None

    def show(self, frame: Float32Array, after: float) -> Float32Array:
        """The pose ``(2, 99)`` to show for a frame that is due, ``after`` frames of 1/30 s after the last."""
        self._age += after
        if self._stand is not None:
            self._resume(frame, after)
        self._real = frame
        if self._blend is not None and self._age >= self._blend.frames:
            self._blend = None
        shown = frame if self._blend is None else moved(frame, self._blend.at(self._age))
        return self._shown(shown, after)

    def cover(self, after: float) -> Float32Array:
        """The pose ``(2, 99)`` to show while the next frame is late."""
        self._age += after
        if self._stand is None:
            speed = self._speed()
            way = 0.5 * _STOP * speed  # what a steady slowing down covers
            self._stand = moved(self._last, way)
            self._blend, self._age = Blend(-way, speed, _STOP), after
        return self._shown(self._standing(self._age), after)

    def _resume(self, frame: Float32Array, after: float) -> None:
        """Close the gap between where the hands are and a frame that has come at last."""
        speed = offset_between(self._real, frame) / after if after > 0 else no_offset()
        old = np.stack([self._standing(self._age), self._standing(self._age + 1.0)])
        self._blend, self._age = join(old, np.stack([frame, moved(frame, speed)])), 0.0
        self._stand = None

    def _standing(self, age: float) -> Float32Array:
        assert self._stand is not None and self._blend is not None
        return moved(self._stand, self._blend.at(age))

    def _speed(self) -> Offset:
        return offset_between(self._before, self._last) / self._between

    def _shown(self, frame: Float32Array, after: float) -> Float32Array:
        if after > 0:
            self._before, self._between = self._last, after
        self._last = frame
        return frame
