"""Which part of a motion is given when the model shall make the rest: training's side of ``Model.complete``.

One mechanism serves continuing, filling in between, one hand for the other, and fingers for given wrists: the
codes that are known are given to the encoder behind the prompt, and forced on the decoder, which chooses the
others; ``UNKNOWN`` marks them.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np
from clutch_rt.grammar import UNKNOWN
from clutch_rt.layout import HANDS, SLOT_CODEBOOK, SLOTS, IntArray

Part = Literal["beginning", "ends", "left hand", "right hand", "wrists"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)

SHORTEST: Final = 3  # steps of a motion that can be given in part

_WEIGHTS: Final = (0.3, 0.25, 0.125, 0.125, 0.2)


def draw_part(rng: np.random.Generator) -> Part:
    """A part to give, some more often than others."""
    return PARTS[int(rng.choice(len(PARTS), p=_WEIGHTS))]


def keep_part(codes: IntArray, places: IntArray, part: Part, rng: np.random.Generator) -> IntArray:
    """A motion's codes ``(S, K)`` where they are given, ``UNKNOWN`` elsewhere.

    A beginning is one step to two thirds of the motion, an end one step to a third. ``places (K,)`` are those
    of the slots, as the grammar has them.
    """
    steps = len(codes)
    known = np.zeros(codes.shape, dtype=bool)
    if part == "beginning":
        known[: int(rng.integers(1, max(2, 2 * steps // 3 + 1)))] = True
    elif part == "ends":
        first, last = rng.integers(1, max(2, steps // 3 + 1), size=2)
        known[:first] = True
        known[max(steps - int(last), 0) :] = True
    else:
        known[:, _places_of(part)[places]] = True
    return np.where(known, codes, UNKNOWN)


def _places_of(part: Part) -> np.ndarray:
    """Which of ``layout.SLOTS`` a part is made of, ``(4,)`` bool."""
    if part == "wrists":
        return np.asarray([book == "trajectory" for book in SLOT_CODEBOOK])
    hand = HANDS.index(part.removesuffix(" hand"))
    return np.arange(len(SLOTS)) // (len(SLOTS) // len(HANDS)) == hand
