"""Natural postures of one hand, without a name: what free motion morphs between.

A library of postures of many people is drawn once per seed and split, as a mixture of three models of the
literature, without those whose fingers would pass through each other or the palm:

- synergies (Santello, Flanders and Soechting 1998): most of the variance of grasping postures is one
  opening and closing of all joints, and one that trades knuckles for middle joints;
- individuated fingers, as in finger spelling and counting: the index finger goes its own way, ring and
  little finger follow their neighbours (Haeger-Ross and Schieber 2000);
- the shapes of the corpus, pinches of the thumb with each finger, and what lies between two of them.

The last joint follows the middle joint by two thirds (in `anatomy`), spreading fades as knuckles bend (the
collateral ligaments tighten), and everything stays inside the ranges of motion of `anatomy.LIMITS`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from clutch_rt.flesh import sphere_centres, sphere_radii
from numpy.typing import NDArray

from .anatomy import ANGLES, DIP_PER_PIP, THUMB, joint_angles, joint_rotations
from .config import SPLITS
from .shapes import SHAPES

FloatArray = NDArray[np.float64]
Rng = np.random.Generator

PEOPLE = 160  # who hold their hands a little differently
POSTURES = 32  # of each
_KINDS = (0.40, 0.35, 0.25)  # shares of synergies, individuated fingers, shapes
# Degrees by which people differ, standard deviation: four angles a finger, then the thumb's five.
_PEOPLE = np.array([*((6.0, 6.0, 5.0, 4.0) * 4), 13.0, 13.0, 14.0, 8.0, 6.0])
_USUAL = np.array([*(0.0,) * 16, -4.0, -12.0, 10.0, 8.0, 3.0])  # and how they are unlike the corpus's shapes
_DEPTH = 0.0045  # metres that two digits may press into each other
_PALM_DEPTH = 0.0095  # metres that a fingertip may press into the palm: in a fist, all of them do
_SPREAD = np.array([1.0, 0.0, 0.7, 1.3])  # how far each finger leaves the middle one
# Knuckle and middle joint of a finger that is straight, half bent, hooked, folded at the knuckle, in a fist.
_FINGER = np.array([(0.0, 4.0), (28.0, 42.0), (8.0, 90.0), (64.0, 14.0), (78.0, 101.0)])
_FINGER_WEIGHTS = (0.34, 0.16, 0.08, 0.08, 0.34)
_FOLLOWS = (0.0, 0.35, 0.5, 0.5)  # how often a finger does what its neighbour towards the thumb does
# Thumb (abduct, flex, twist, knuckle, last joint): out, beside the palm, relaxed, across the palm, opposed.
_THUMB = np.array(
    [
        (10.0, -24.0, 0.0, -6.0, -6.0),
        (-6.0, 8.0, 0.0, 3.0, 5.0),
        (20.0, 5.0, 0.0, 10.0, 12.0),
        (30.0, 32.0, 10.0, 34.0, 38.0),
        (48.0, 10.0, 16.0, 10.0, 14.0),
    ]
)
_THUMB_WEIGHTS = (0.24, 0.2, 0.24, 0.16, 0.16)


def _assemble(
    spread: FloatArray, knuckle: FloatArray, middle: FloatArray, last: FloatArray, thumb: FloatArray
) -> FloatArray:
    """Degrees `(N, 4)` per finger and `(N, 5)` to angles `(N, 21)` in radians, spreading less when bent."""
    out = np.empty((len(thumb), ANGLES))
    out[:, 0:16:4] = spread * np.clip(1.0 - np.maximum(knuckle, 0.0) / 140.0, 0.3, 1.0)
    out[:, 1:16:4] = np.clip(knuckle, -22.0, 92.0)
    out[:, 2:16:4] = np.clip(middle, -5.0, 110.0)
    out[:, 3:16:4] = last
    out[:, THUMB] = thumb
    return np.radians(out)


def _alike(rng: Rng, count: int, size: float, shared: float) -> FloatArray:
    """Noise `(count, 4)` of standard deviation `size` of which neighbours share a part."""
    own = rng.normal(size=(count, 4))
    common = rng.normal(size=(count, 1))
    return size * (np.sqrt(shared) * common + np.sqrt(1.0 - shared) * own)


def _synergies(rng: Rng, count: int) -> FloatArray:
    """Postures `(count, 21)`: opening and closing, knuckles against middle joints, and a cascade."""
    closing = rng.beta(0.65, 1.3, size=(count, 1)) + _alike(rng, count, 0.11, 0.3)
    cascade = rng.normal(0.06, 0.07, size=(count, 1)) * np.array([-1.0, 0.0, 1.0, 1.6])
    closing = np.clip(closing + cascade, -0.06, 1.1)
    trade = rng.normal(0.0, 15.0, size=(count, 1)) + _alike(rng, count, 5.0, 0.3)
    open_ = 1.0 - closing.mean(1, keepdims=True)
    spread = rng.normal(4.0, 8.0, size=(count, 1)) * _SPREAD + _alike(rng, count, 5.5, 0.3)
    opposed = np.clip(rng.normal(0.55, 0.35, size=(count, 1)) - 0.2 * open_, -0.2, 1.1)
    thumb = _THUMB[1] + opposed * (_THUMB[4] - _THUMB[1])
    thumb = thumb + (1.0 - open_) * rng.uniform(0.2, 1.0, size=(count, 1)) * np.array([0, 6, 0, 22, 30])
    thumb += rng.normal(size=(count, 5)) * np.array([9.0, 10.0, 8.0, 9.0, 11.0])
    return _assemble(
        spread, -8.0 + 84.0 * closing + trade, 4.0 + 98.0 * closing - trade, _last(rng, count), thumb
    )


def _last(rng: Rng, count: int) -> FloatArray:
    """What the last joints add to their coupling, degrees `(count, 4)`."""
    return np.clip(_alike(rng, count, 9.0, 0.5), -18.0, 24.0)


def _individuated(rng: Rng, count: int) -> FloatArray:
    """Postures `(count, 21)` in which each finger is straight, bent, hooked or folded by itself."""
    chosen = rng.choice(len(_FINGER), size=(count, 4), p=_FINGER_WEIGHTS)
    follows = rng.random((count, 4)) < _FOLLOWS
    for finger in range(1, 4):
        chosen[:, finger] = np.where(follows[:, finger], chosen[:, finger - 1], chosen[:, finger])
    angles = _FINGER[chosen]
    thumb = _THUMB[rng.choice(len(_THUMB), size=count, p=_THUMB_WEIGHTS)]
    return _assemble(
        rng.normal(4.0, 8.0, size=(count, 1)) * _SPREAD + _alike(rng, count, 5.5, 0.3),
        angles[..., 0] + _alike(rng, count, 10.0, 0.5),
        angles[..., 1] + _alike(rng, count, 8.0, 0.5),
        _last(rng, count),
        thumb + rng.normal(size=(count, 5)) * 9.0,
    )


def _between_shapes(rng: Rng, count: int) -> FloatArray:
    """Postures `(count, 21)` near a shape of the corpus, or on the way from one to another."""
    table = np.stack(list(SHAPES.values()))
    pair = rng.integers(len(table), size=(2, count))
    share = rng.random((count, 1)) * (rng.random((count, 1)) < 0.4)
    noise = np.radians(np.clip(rng.normal(0.0, 3.5, size=(count, ANGLES)), -9.0, 9.0))
    return table[pair[0]] * (1.0 - share) + table[pair[1]] * share + noise


@lru_cache(maxsize=1)
def _pairs() -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """The pairs of one hand's spheres that must keep apart, and how far, metres."""
    # Digits by sphere, -1 what is of the palm or too near it to be told apart; see contact's tables.
    digit = [-1, -1, 0, 0, -1, 1, 1, -1, 3, 3, -1, 2, 2, -1, -1, 4, 4, 0, 1, 2, 3]
    digit += [-1] * 8 + [0, 1, 3, 2] * 2 + [-1, -1, 4]
    # Of the palm, what fingers could sink into: the wrist and the flesh between it and the knuckles.
    flesh = {0, *range(21, 29)}
    near = set(range(29, 33)) | {2, 5, 8, 11, 15, 39}  # by a digit's root, always close to the palm
    first, second, depth = [], [], []
    for i in range(len(digit)):
        for j in range(i + 1, len(digit)):
            apart = digit[i] >= 0 and digit[j] >= 0 and digit[i] != digit[j]
            sinks = (i in flesh and digit[j] >= 0 and j not in near) or (
                j in flesh and digit[i] >= 0 and i not in near
            )
            if apart or sinks:
                first.append(i)
                second.append(j)
                depth.append(_PALM_DEPTH if sinks else _DEPTH)
    radii = sphere_radii()
    return np.array(first), np.array(second), radii[first] + radii[second] - np.array(depth)


def overlap(postures: FloatArray) -> FloatArray:
    """`overlap_of` for finger angles `(N, 21)` in radians."""
    return overlap_of(joint_rotations(joint_angles(postures)))


def overlap_of(joints: FloatArray) -> FloatArray:
    """How deep parts of one hand sink into each other beyond what flesh gives.

    Args:
        joints: `(N, 15, 3, 3)` local rotations of a right hand.

    Returns:
        `(N,)` metres, 0 where nothing does.
    """
    centres = sphere_centres(np.broadcast_to(np.eye(3), (len(joints), 3, 3)), joints, np.zeros((1, 3)))
    first, second, least = _pairs()
    distance = np.linalg.norm(centres[:, first] - centres[:, second], axis=-1)
    return np.asarray(np.maximum(least - distance, 0.0).max(axis=1))


def draw_postures(rng: Rng, count: int) -> FloatArray:
    """Postures `(count, 21)` in radians of a usual hand, some of which pass through themselves."""
    sizes = rng.multinomial(count, _KINDS)
    drawn = (_synergies(rng, sizes[0]), _individuated(rng, sizes[1]), _between_shapes(rng, sizes[2]))
    return rng.permutation(np.concatenate(drawn))


def as_of(rng: Rng, postures: FloatArray) -> FloatArray:
    """Postures `(P, N, 21)` of the usual hand as P people would hold them, each in a way of their own.

    Fingers fan out differently at rest, thumbs sit elsewhere, and the last joint of a straight finger follows
    the middle one to a varying part (a coupling that only a fist fixes).
    """
    people = len(postures)
    own = rng.normal(_USUAL, _PEOPLE, size=(people, 1, ANGLES)) * rng.uniform(0.1, 1.1, size=(people, 1, 1))
    out = postures + np.radians(own)
    middle = np.maximum(out[..., 2:16:4], 0.0)
    loose = rng.uniform(-0.15, 1.0, size=(people, 1, 1)) * DIP_PER_PIP
    out[..., 3:16:4] -= loose * middle * np.maximum(1.0 - middle / np.radians(110.0), 0.0)
    return out


@lru_cache(maxsize=8)
def library(seed: int, split: str) -> FloatArray:
    """Postures `(PEOPLE, POSTURES, 21)` of a seed and split, radians; read-only."""
    rng = np.random.default_rng([seed, SPLITS.index(split), 0xF1])
    spare = 2 * POSTURES
    drawn = as_of(rng, draw_postures(rng, PEOPLE * spare).reshape(PEOPLE, spare, ANGLES))
    through = overlap(drawn.reshape(-1, ANGLES)).reshape(PEOPLE, spare) > 0.0
    order = np.argsort(through, axis=1, kind="stable")[:, :POSTURES]
    kept = np.take_along_axis(drawn, order[..., None], axis=1)
    # Someone with too few that are free has the first of them more than once.
    kept = np.where(np.take_along_axis(through, order, axis=1)[..., None], kept[:, :1], kept)
    kept.setflags(write=False)
    return kept
