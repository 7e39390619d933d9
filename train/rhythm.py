"""Where each step of a clip stands in its actions and in their cycles, as numbers to be told.

"Three times" is kept only by a model that knows, at every step, how many cycles are still to come. Nothing
in the codes says so: one cycle is spelt like another. These numbers do, and ``train.probes`` has the decoder
tell them from what it makes of its past, before it chooses the codes of the step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from clutch_rt.layout import FPS, FRAMES_PER_STEP, IntArray

from train.labels import ACTIONS

_MOST_CYCLES: Final = 9  # that are told apart; more are as many
_QUARTERS: Final = 4

RHYTHM: Final = {"action": ACTIONS + 1, "cycles_left": _MOST_CYCLES + 1, "phase": _QUARTERS + 1}
"""What is told of a step, and how many values each has; 0 is none in all three.

action: which of the clip's actions is on; cycles_left: cycles that are not over yet, this one included;
phase: the quarter of the cycle. An action that does not repeat has neither cycles nor phase.
"""


def rhythm(actions: Sequence[Mapping[str, Any]], steps: int) -> IntArray:
    """The numbers of a clip's steps, taken at the middle of each, ``(steps, len(RHYTHM))``.

    Args:
        actions: as the clip store has them, in order; those behind ``ACTIONS`` are left out.
        steps: of 8 frames.
    """
    middle = (np.arange(steps) + 0.5) * FRAMES_PER_STEP
    numbers = np.zeros((steps, len(RHYTHM)), np.int64)
    for number, action in enumerate(actions[:ACTIONS], 1):
        on = (middle >= action["start"]) & (middle < action["stop"])
        numbers[on, 0] = number
        if action["frequency_hz"]:
            period = FPS / float(action["frequency_hz"])
            gone = (middle[on] - action["start"]) / period
            left = round((action["stop"] - action["start"]) / period) - np.floor(gone)
            numbers[on, 1] = left.clip(1, _MOST_CYCLES)
            numbers[on, 2] = 1 + np.floor(gone % 1.0 * _QUARTERS).clip(max=_QUARTERS - 1)
    return numbers
