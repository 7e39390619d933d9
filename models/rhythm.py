"""The rhythm of a step: which action is on, how many of its cycles are to come, and where in one it stands.

One number says it. A model draws it first of all in a step, is fed with it in the next, and so counts on
what it said and not on its codes, where one cycle is spelt like another. And as a motion has its grammar, so
have its rhythms: actions come in their order, cycles run out one by one, none goes backwards, and an action
is over when its last cycle is. What may not follow is never drawn.
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

_STATES: Final = MOST_CYCLES * PARTS + 1  # of an action, that it is over included

RHYTHMS: Final = 1 + ACTIONS * _STATES
"""Values of a rhythm; 0 before the first action."""


def pack(places: IntArray) -> IntArray:
    """Places ``(..., 3)`` as rhythms ``(...)``.

    A place is the action, its cycles to come with this one, and the part of the cycle, each from 1. Where the
    action is over the last two are 0, and before the first action all three.
    """
    action, left, part = np.moveaxis(places, -1, 0)
    state = np.where(left > 0, (left - 1) * PARTS + part, 0)
    return np.where(action > 0, 1 + (action - 1) * _STATES + state, 0)


def unpack(rhythms: IntArray) -> IntArray:
    """Rhythms ``(...)`` as places ``(..., 3)``, the inverse of ``pack``."""
    action, state = np.divmod(np.maximum(rhythms - 1, 0), _STATES)
    left, part = np.divmod(np.maximum(state - 1, 0), PARTS)
    begun, on = rhythms > 0, (rhythms > 0) & (state > 0)
    return np.stack(
        [np.where(begun, action + 1, 0), np.where(on, left + 1, 0), np.where(on, part + 1, 0)], -1
    )


def following() -> NDArray[np.bool_]:
    """Which rhythm may follow which, ``(RHYTHMS, RHYTHMS)``: row the one before, column the one after.

    Before the first step stands 0.
    """
    places = unpack(np.arange(RHYTHMS))
    action, left, part = np.moveaxis(places[:, None], -1, 0)
    then, to_come, where = np.moveaxis(places[None], -1, 0)
    same = (then == action) & (to_come == left) & ((where >= part) | (left == MOST_CYCLES))
    next_cycle = (then == action) & (to_come == left - 1)  # or none, after the last
    next_action = (then == action + 1) & (to_come > 0) & (left <= 1)
    return np.asarray(same | next_cycle | next_action)
