"""What is given of a motion, laid out in the model's steps, and how what was made joins it.

A step counts as given only where all of its 8 frames are. So a beginning is set to end with a step: its first
pose is held before it for up to 7 frames, which are cut off again, for hands at rest is how motions begin. An
end is held behind it in the same way until it fills a step at least. (Where that would be longer than the
longest motion, nothing is held, and a part of a step is left to the model.) In what is to be made the SHIFT
encoder, which looks to both sides, sees hands that go from the one to the other, or coast to a stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.frames import clean_frames
from clutch_rt.grammar import UNKNOWN
from clutch_rt.layout import (
    FRAMES_PER_STEP,
    HANDS,
    POSE,
    SLOT_CODEBOOK,
    SLOTS,
    TRAJECTORY,
    Float32Array,
    IntArray,
)
from clutch_rt.live.blend import Blend, duration
from clutch_rt.live.offset import moved, near, offset_between
from clutch_rt.live.rest import natural_rest

_SLOT_PARTS: Final = tuple(
    (slot * len(HANDS) // len(SLOTS), TRAJECTORY if book == "trajectory" else POSE)
    for slot, book in enumerate(SLOT_CODEBOOK)
)
"""The hand and the numbers of a frame that each slot of a level tells."""

_COAST: Final = 8.0  # frames in which hands that nothing else is known of come to a stop


@dataclass(frozen=True, eq=False)
class Plan:
    """A motion to complete.

    Attributes:
        frames: ``(8 S, 2, 99)`` at 30 fps, orthonormal: what is given, and elsewhere what could be.
        known: ``(8 S, 4)`` bool, which of them are given, slot by slot of ``layout.SLOTS``.
        first: frames before the first one of the result.
        count: frames of the result.
        seams: the first frame to be made and the first one behind, of ``frames``; None where what is made
            lies beside what is given, not before or after.
    """

    frames: Float32Array
    known: NDArray[np.bool_]
    first: int
    count: int
    seams: tuple[int, int] | None = None

    @property
    def steps(self) -> int:
        """S, steps of the motion."""
        return len(self.frames) // FRAMES_PER_STEP

    def given(self, codes: IntArray, places: IntArray) -> IntArray:
        """The codes ``(S, K)`` of ``frames`` where they are given, ``UNKNOWN`` elsewhere.

        Args:
            codes: of ``frames``.
            places: of the slots, ``(K,)``, as the grammar has them.
        """
        whole = np.asarray(self.known.reshape(self.steps, FRAMES_PER_STEP, len(SLOTS)).all(axis=1))
        return np.where(whole[:, places], codes, UNKNOWN)

    def join(self, decoded: Float32Array) -> Float32Array:
        """The result ``(count, 2, 99)``: what is given, and ``decoded (8 S, 2, 99)`` moved to join it.

        What SHIFT makes of given frames lies a little beside them. At a seam that gap and its speed are
        closed smoothly over the frames that were made (``live.blend``). A hand made for the other, and
        fingers made for wrists, have no seam, and are as they were decoded.
        """
        result = np.array(clean_frames(decoded))
        if self.seams is not None:
            start, stop = self.seams
            before = np.arange(max(start - 2, self.first), start)
            after = np.arange(min(stop + 2, self.first + self.count), stop, -1) - 1
            made = _closed(self.frames[before], result[before], result[start:stop])
            made = _closed(self.frames[after], result[after], made[::-1])[::-1]
            result[start:stop] = made
        for slot, (hand, part) in enumerate(_SLOT_PARTS):
            rows = self.known[:, slot]
            result[rows, hand, part] = self.frames[rows, hand, part]
        return result[self.first : self.first + self.count]


def plan_between(first: Float32Array, last: Float32Array | None, count: int, max_steps: int) -> Plan:
    """``count`` frames to be made behind ``first (A, 2, 99)`` and, where there is one, before ``last``.

    Together they must fit into ``max_steps`` steps.
    """
    end = first[:0] if last is None else last
    total = len(first) + count + len(end)
    held = -len(first) % FRAMES_PER_STEP
    held = held if held + total <= max_steps * FRAMES_PER_STEP else 0
    start = held + len(first)
    stop = start + count
    steps = _steps(held + total)
    if len(end) and steps == _steps(stop) and steps < max_steps:
        steps += 1  # or no step of the end would be whole
    frames = np.concatenate(
        [
            np.repeat(first[:1], held, axis=0),
            first,
            _between(first, end[0] if len(end) else None, count),
            end,
        ]
    )
    known = np.ones((steps * FRAMES_PER_STEP, len(SLOTS)), np.bool_)
    known[start : stop if len(end) else None] = False
    return Plan(_padded(frames, steps), known, held, total, (start, stop))


def plan_hand(frames: Float32Array, side: int) -> Plan:
    """One hand of ``frames (T, 2, 99)`` given, the other to be made."""
    hands = np.asarray([hand for hand, _ in _SLOT_PARTS])
    return _beside(frames, hands == side)


def plan_wrists(frames: Float32Array) -> Plan:
    """The ways of the wrists of ``frames (T, 2, 99)`` given, the fingers to be made."""
    return _beside(frames, np.asarray(SLOT_CODEBOOK) == "trajectory")


def _beside(frames: Float32Array, given: NDArray[np.bool_]) -> Plan:
    """A whole motion of which the slots ``given (4,)`` are known."""
    steps = _steps(len(frames))
    known = np.tile(given, (steps * FRAMES_PER_STEP, 1))
    seen = np.array(frames)
    for slot, (hand, part) in enumerate(_SLOT_PARTS):
        if not given[slot]:
            seen[:, hand, part] = natural_rest()[hand, part]
    return Plan(_padded(seen, steps), known, 0, len(frames))


def _closed(given: Float32Array, rebuilt: Float32Array, made: Float32Array) -> Float32Array:
    """``made (n, 2, 99)``, moved to go on from the frames before it, as they were given.

    Args:
        given: up to two of them, ``(m, 2, 99)``.
        rebuilt: what the model makes of these.
        made: what it goes on with.
    """
    if len(given) == 0:
        return made
    gaps = offset_between(rebuilt, given)
    speed = gaps[-1] - near(gaps[-2:][0], gaps[-1])
    return Blend(gaps[-1], speed, min(duration(gaps[-1]), len(made) + 1.0)).apply(made, 1.0)


def _between(first: Float32Array, end: Float32Array | None, count: int) -> Float32Array:
    """``count`` frames behind ``first`` that keep its speed at first: to a pose ``(2, 99)``, or to a stop."""
    speed = offset_between(first[-2:][0], first[-1])
    # A speed that fades evenly goes half as far as one that stays.
    goal = moved(first[-1], speed * _COAST / 2.0) if end is None else end
    frames = _COAST if end is None else count + 1.0
    goals = np.repeat(goal[None], count, axis=0)
    return Blend(offset_between(goal, first[-1]), speed, frames).apply(goals, 1.0)


def _padded(frames: Float32Array, steps: int) -> Float32Array:
    """Frames with the last one held until they are so many steps."""
    held = np.repeat(frames[-1:], steps * FRAMES_PER_STEP - len(frames), axis=0)
    return np.ascontiguousarray(clean_frames(np.concatenate([frames, held])))


def _steps(frames: int) -> int:
    """Steps that hold so many frames, the last one perhaps in part."""
    return -(-frames // FRAMES_PER_STEP)
