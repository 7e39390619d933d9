"""Hands that meet: they may touch, never pass through each other."""

from __future__ import annotations
import numpy as np
from numpy.typing import NDArray
from .plan import ActionPlan, Schedule

FloatArray = NDArray[np.float64]


def keep_apart(state: FloatArray, actions: tuple[ActionPlan, ...], when: Schedule) -> FloatArray:
    return state
