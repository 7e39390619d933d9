"""The rhythm of a step: which action is on, how many of its cycles are to come, and where in one it stands.

One number says it. A model draws it first of all in a step, is fed with it in the next, and so counts on
what it said and not on its codes, where one cycle is spelt like another. And as a motion has its grammar, so
have its rhythms: cycles run out one by one, none goes backwards, and an action ends when its last is over.
What may not follow is never drawn.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from clutch_rt.layout import IntArray
from numpy.typing import NDArray

from models.plan import ACTIONS

MOST_CYCLES: Final = 9
"""Cycles to come that are told apart; more are as many."""

PARTS: Final = 8
"""Parts of a cycle that are told apart."""

RHYTHMS: Final = 1 + ACTIONS * MOST_CYCLES * PARTS
"""Values of a rhythm; 0 where no action is on."""


def pack(places: IntArray) -> IntArray:
    """Places ``(..., 3)`` as rhythms ``(...)``.

    A place is the action, its cycles to come with this one, and the part of the cycle, each from 1; where no
    action is on all three are 0.
    """
    action, left, part = np.moveaxis(places, -1, 0)
    return np.where(action > 0, ((action - 1) * MOST_CYCLES + left - 1) * PARTS + part, 0)


def unpack(rhythms: IntArray) -> IntArray:
    """Rhythms ``(...)`` as places ``(..., 3)``, the inverse of ``pack``."""
    number = np.maximum(rhythms - 1, 0)
    cycles, part = np.divmod(number, PARTS)
    action, left = np.divmod(cycles, MOST_CYCLES)
    return np.where((rhythms > 0)[..., None], np.stack([action, left, part], -1) + 1, 0)


def following() -> NDArray[np.bool_]:
    """Which rhythm may follow which, ``(RHYTHMS, RHYTHMS)``: row the one before, column the one after.

    Before the first step stands 0, as before any action.
    """
    places = unpack(np.arange(RHYTHMS))
    action, left, part = np.moveaxis(places[:, None], -1, 0)
    then, to_come, where = np.moveaxis(places[None], -1, 0)
    same = (then == action) & (to_come == left) & ((where >= part) | (left == MOST_CYCLES))
    next_cycle = (then == action) & (to_come == left - 1)
    over = (left == 1) & ((then == 0) | (then == action + 1))
    return np.asarray((action == 0) | same | next_cycle | over)
