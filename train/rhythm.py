"""The rhythm of a clip's steps: where each stands in its actions and their cycles. See ``models.rhythm``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from clutch_rt.layout import FPS, FRAMES_PER_STEP, IntArray

from models.plan import ACTIONS
from models.rhythm import MOST_CYCLES, PARTS, pack


def places(actions: Sequence[Mapping[str, Any]], steps: int) -> IntArray:
    """Where the steps of a clip stand, ``(steps, 3)``; taken at the middle of each.

    In columns: which of the actions is on, or was last, from 1; its cycles that are not over yet, this one
    included; and the part of the cycle, from 1. ``models.rhythm.pack`` says what is 0. What does not repeat
    is one cycle.

    Args:
        actions: as the clip store has them, in order; those behind ``ACTIONS`` are left out.
        steps: of 8 frames.
    """
    middle = (np.arange(steps) + 0.5) * FRAMES_PER_STEP
    numbers = np.zeros((steps, 3), np.int64)
    for number, action in enumerate(actions[:ACTIONS], 1):
        start, stop = float(action["start"]), float(action["stop"])
        on = (middle >= start) & (middle < stop)
        period = FPS / float(action["frequency_hz"]) if action["frequency_hz"] else stop - start
        gone = (middle[on] - start) / period
        left = round((stop - start) / period) - np.floor(gone)
        numbers[middle >= start] = (number, 0, 0)
        numbers[on, 1] = left.clip(1, MOST_CYCLES)
        numbers[on, 2] = 1 + np.floor(gone % 1.0 * PARTS).clip(max=PARTS - 1)
    return numbers


def rhythm(actions: Sequence[Mapping[str, Any]], steps: int) -> IntArray:
    """The rhythms of a clip's steps, ``(steps,)``; arguments as of ``places``."""
    return pack(places(actions, steps))
