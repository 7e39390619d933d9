"""Where each step of a clip stands in its actions and in their cycles, as one number to be drawn.

"Three times" is kept only by a model that knows, at every step, how many cycles are still to come. Nothing
in the codes says so: one cycle is spelt like another. The rhythm does. The model draws it first of all in a
step, is fed with it in the next, and so counts on what it said and not on the noise of its codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from clutch_rt.layout import FPS, FRAMES_PER_STEP, IntArray

from train.labels import ACTIONS

MOST_CYCLES: Final = 9
"""Cycles to come that are told apart; more are as many."""

QUARTERS: Final = 4
"""Parts of a cycle."""

RHYTHMS: Final = 1 + ACTIONS * MOST_CYCLES * QUARTERS
"""Values of a rhythm: 0 where no action is on, else which one, how many cycles to come, and where in one."""


def places(actions: Sequence[Mapping[str, Any]], steps: int) -> IntArray:
    """Where the steps of a clip stand, ``(steps, 3)``; taken at the middle of each.

    In columns: which of the actions is on, from 1; its cycles that are not over yet, this one included; and
    the quarter of the cycle, from 1. Where no action is on all are 0. What does not repeat is one cycle.

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
        numbers[on, 0] = number
        numbers[on, 1] = left.clip(1, MOST_CYCLES)
        numbers[on, 2] = 1 + np.floor(gone % 1.0 * QUARTERS).clip(max=QUARTERS - 1)
    return numbers


def rhythm(actions: Sequence[Mapping[str, Any]], steps: int) -> IntArray:
    """``places`` as one number a step, ``(steps,)``, below ``RHYTHMS``; 0 where no action is on."""
    action, left, quarter = places(actions, steps).T
    number = ((action - 1) * MOST_CYCLES + left - 1) * QUARTERS + quarter
    return np.where(action > 0, number, 0)
