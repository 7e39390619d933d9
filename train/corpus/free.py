"""Free motion: two hands that move as hands do, with no verb and no words, from a seed.

The corpus shows what its verbs need. A tokenizer of motion must spell more than that, so it also learns from
clips drawn here: any natural posture (`free_postures`) at any place and turn within reach, joined by
movements as people make them (`free_paths`). No recording is read or copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.layout import FRAMES_PER_STEP, LEFT, RIGHT, Float32Array
from numpy.typing import NDArray

from .anatomy import STATE, WRIST, pose, to_frames
from .config import LONGEST, SPLITS
from .contact import keep_apart, set_apart
from .free_paths import Rng, log_uniform, swing, tremor, walk
from .free_postures import PEOPLE, POSTURES, library

FloatArray = NDArray[np.float64]

SHORTEST: Final = 64  # frames
TOP_SPEED: Final = 4.0  # metres per second that no wrist passes
# Metres, right-hand form (+x is outward): the box that wrists keep to, and where they mostly are.
_LOWEST: Final = np.array([-0.24, -0.66, -0.62])
_HIGHEST: Final = np.array([0.50, 0.12, -0.10])
_HOME: Final = np.array([0.16, -0.30, -0.37])
_AROUND: Final = np.array([0.09, 0.10, 0.08])
_MARGIN: Final = 0.02
# Yaw, pitch, roll, bend, deviation in degrees: usual value, its spread, and how far they go. Roll runs from
# full pronation over the thumb-up middle to supination, each with what the shoulder adds.
_TURN: Final = np.radians([18.0, 16.0, 34.0, 6.0, 0.0])
_TURN_AROUND: Final = np.radians([26.0, 29.0, 44.0, 15.0, 8.0])
_TURN_LOW: Final = np.radians([-60.0, -95.0, -40.0, -65.0, -24.0])
_TURN_HIGH: Final = np.radians([100.0, 110.0, 190.0, 65.0, 30.0])
_RAISED: Final = np.radians(110.0)  # pitch that a metre of height brings: a raised hand points up
# What the two hands do: each its own, as in a mirror, half a beat apart, side by side, one still, meeting.
_MODES: Final = ("own", "mirror", "apart", "beside", "one", "meet")
_MODE_WEIGHTS: Final = (0.36, 0.15, 0.08, 0.06, 0.23, 0.12)


def draw_free(seed: int, split: str, index: int) -> Float32Array:
    """Draw clip `index` of free motion: frames `(T, 2, 99)` float32 in `openxr` space, T a multiple of 8.

    A pure function of its arguments, the same on every machine and in any order.

    Raises:
        InputError: for an unknown split or a negative index.
    """
    if split not in SPLITS or index < 0:
        raise InputError(f"no free clip {index} of split {split!r}; {', '.join(SPLITS)} have 0 and up")
    rng = np.random.default_rng([seed, SPLITS.index(split), index, 0xF2EE])
    frames = _length(rng)
    hands = library(seed, split)[int(rng.integers(PEOPLE))]
    state, meet = _states(rng, frames, hands + rng.normal(0.0, np.radians(2.5), size=hands.shape[1]))
    posed = pose(state)
    if meet:  # touching again and again: each time by itself
        posed = keep_apart(posed, np.zeros(frames, dtype=np.int64), np.full((frames, 2), 0.5))
    return to_frames(set_apart(posed, int(rng.choice(3, p=(0.7, 0.15, 0.15)))))


def _length(rng: Rng) -> int:
    """Frames of a clip, whole steps; short ones are commoner, so that few clips make much variety."""
    fewest, most = SHORTEST // FRAMES_PER_STEP, LONGEST // FRAMES_PER_STEP
    return FRAMES_PER_STEP * (fewest + int((most - fewest + 1) * rng.random() ** 2))


def free_clips(seed: int, split: str, count: int) -> Iterator[Float32Array]:
    """The first `count` clips of free motion."""
    return (draw_free(seed, split, index) for index in range(count))


def _states(rng: Rng, frames: int, postures: FloatArray) -> tuple[FloatArray, bool]:
    """Both hands in right-hand form, `(frames, 2, 29)`, and whether they mirror each other."""
    mode = _MODES[int(rng.choice(len(_MODES), p=_MODE_WEIGHTS))]
    state = np.empty((frames, 2, STATE))
    if mode == "meet":
        state[:] = _meeting(rng, frames, postures)[:, None]
        state[:, :, 3:] += _unlike(rng, 2)
    elif mode in ("mirror", "apart", "beside"):
        lag = int(rng.integers(4, 16)) if mode == "apart" else 0
        both = _hand(rng, frames + lag, postures)
        state[:, RIGHT], state[:, LEFT] = both[lag:], both[:frames]
        if mode == "beside":  # what goes outward for one hand goes inward for the other
            middle = both[:, 0].mean()
            state[:, LEFT, 0] = 2.0 * middle - state[:, LEFT, 0]
        state[:, :, 3:] += _unlike(rng, 2)
        state[:, :, :3] += rng.normal(0.0, 0.02, size=(2, 3))
    else:
        still = int(rng.integers(2)) if mode == "one" else -1
        for hand in range(2):
            state[:, hand] = (
                _resting(rng, frames, postures) if hand == still else _hand(rng, frames, postures)
            )
    return state + tremor(rng, frames), mode in ("meet", "mirror")


def _unlike(rng: Rng, hands: int) -> FloatArray:
    """How two hands that do the same differ: `(hands, 26)` radians."""
    return rng.normal(0.0, np.radians(3.0), size=(hands, STATE - 3))


def _place(rng: Rng) -> FloatArray:
    """A place for a wrist: mostly in front of the body, sometimes anywhere within reach."""
    if rng.random() < 0.3:
        return rng.uniform(_LOWEST + 0.04, _HIGHEST - 0.04)
    return np.clip(rng.normal(_HOME, _AROUND), _LOWEST, _HIGHEST)


def _turn(rng: Rng, height: float) -> FloatArray:
    """A turn of a hand at a height: any that an arm can bring about, mostly near the usual one."""
    usual = _TURN + np.array([0.0, _RAISED * (height - _HOME[1]), 0.0, 0.0, 0.0])
    wide = 1.0 if rng.random() < 0.7 else 1.9
    return np.clip(rng.normal(usual, wide * _TURN_AROUND), _TURN_LOW, _TURN_HIGH)


def _resting(rng: Rng, frames: int, postures: FloatArray) -> FloatArray:
    """A hand that does nothing: before the body, on a table, or hanging; `(frames, 29)`."""
    state = np.empty(STATE)
    if rng.random() < 0.35:
        state[:3] = np.clip(rng.normal((0.21, -0.56, -0.22), (0.04, 0.05, 0.05)), _LOWEST, _HIGHEST)
        state[3:WRIST] = np.radians(rng.normal((10.0, -70.0, 70.0, 4.0, 0.0), (10.0, 12.0, 25.0, 8.0, 5.0)))
    else:
        state[:3] = _place(rng)
        state[3:WRIST] = _turn(rng, state[1])
    state[WRIST:] = postures[int(rng.integers(POSTURES))]
    return np.tile(state, (frames, 1))


def _hand(rng: Rng, frames: int, postures: FloatArray) -> FloatArray:
    """One moving hand, `(frames, 29)`: its place, turn and fingers each on their own way."""
    state = np.empty((frames, STATE))
    state[:, :3] = _wrist_path(rng, frames)
    state[:, 3:WRIST] = _turn_path(rng, frames, float(state[0, 1]))
    state[:, WRIST:] = _finger_path(rng, frames, postures)
    return state


def _wrist_path(rng: Rng, frames: int) -> FloatArray:
    """Places `(frames, 3)`: submovements between targets, holds, sometimes a swing or a circle."""
    centre, reach = _place(rng), log_uniform(rng, 0.006, 0.18)
    count = max(frames // 8, 2)
    targets = centre + reach * rng.normal(size=(count, 3))
    anywhere = rng.random(count) < 0.05
    targets[anywhere] = rng.uniform(_LOWEST, _HIGHEST, size=(int(anywhere.sum()), 3))
    if rng.random() < 0.25:  # there and back
        targets[2::2], targets[3::2] = targets[0], targets[1]
    targets = np.clip(targets, _LOWEST, _HIGHEST)
    distance = np.linalg.norm(np.diff(targets, axis=0), axis=1)
    # A minimum-jerk movement peaks at 1.875 times its mean speed (Flash and Hogan 1985).
    peak = log_uniform(rng, 0.05, 1.3) * np.exp(rng.normal(0.0, 0.3, size=count - 1))
    duration = np.maximum(1.875 * distance / np.clip(peak, 0.03, 1.6) * 30.0, 6.0)
    path = walk(rng, frames, targets, duration, _pause(rng))
    if rng.random() < 0.35:
        path += swing(rng, frames, 3, amplitude=log_uniform(rng, 0.004, 0.12), top=1.1)
    return np.clip(path, _LOWEST - _MARGIN, _HIGHEST + _MARGIN)


def _turn_path(rng: Rng, frames: int, height: float) -> FloatArray:
    """Turns `(frames, 5)`: of the forearm and the wrist, moving or held."""
    centre, reach = _turn(rng, height), log_uniform(rng, 0.05, 0.85)
    count = max(frames // 8, 2)
    ease = np.array([0.7, 0.8, 1.1, 0.6, 0.3])
    targets = np.clip(centre + reach * ease * rng.normal(size=(count, 5)), _TURN_LOW, _TURN_HIGH)
    if rng.random() < 0.25:
        targets[2::2], targets[3::2] = targets[0], targets[1]
    farthest = np.abs(np.diff(targets, axis=0)).max(axis=1)
    peak = log_uniform(rng, 0.6, 10.0) * np.exp(rng.normal(0.0, 0.3, size=count - 1))  # radians a second
    duration = np.maximum(1.875 * farthest / peak * 30.0, 7.0)
    path = walk(rng, frames, targets, duration, _pause(rng))
    if rng.random() < 0.35:
        path += ease * swing(rng, frames, 5, amplitude=log_uniform(rng, 0.05, 0.7), top=8.0)
    return np.clip(path, _TURN_LOW, _TURN_HIGH)


def _finger_path(rng: Rng, frames: int, postures: FloatArray) -> FloatArray:
    """Finger angles `(frames, 21)`: from posture to posture, held, alternating, or fluttering."""
    if rng.random() < 0.12:
        path = np.tile(postures[int(rng.integers(POSTURES))], (frames, 1))
    else:
        count = max(frames // 7, 2)
        targets = postures[rng.integers(POSTURES, size=count)]
        kind = rng.random()
        if kind < 0.25:  # open and close, pinch and let go
            targets[2::2], targets[3::2] = targets[0], targets[1]
        elif kind < 0.5:  # a posture that only varies
            targets = targets[0] + rng.uniform(0.1, 0.4) * (targets - targets[0])
        typical = log_uniform(rng, 7.0, 30.0)
        duration = np.maximum(typical * np.exp(rng.normal(0.0, 0.3, size=count - 1)), 6.0)
        path = walk(rng, frames, targets, duration, _pause(rng), ripple=rng.random() < 0.4)
    if rng.random() < 0.15:
        path += _flutter(rng, frames)
    return path


def _flutter(rng: Rng, frames: int) -> FloatArray:
    """Fingers that each beat up and down as when typing or playing, `(frames, 21)` radians."""
    beats = np.zeros((frames, STATE - WRIST))
    size = log_uniform(rng, 0.05, 0.35)
    for finger in range(4):
        bend = swing(rng, frames, 1, amplitude=size, top=6.0)
        beats[:, 4 * finger + 1 : 4 * finger + 3] = bend
    return beats


def _pause(rng: Rng) -> float:
    """Mean frames between the end of a movement and the start of the next; movements may overlap."""
    return float(rng.choice((-3.0, 2.0, 10.0, 30.0), p=(0.2, 0.3, 0.35, 0.15)))


def _meeting(rng: Rng, frames: int, postures: FloatArray) -> FloatArray:
    """A hand that meets its mirror image, `(frames, 29)`: claps, palms laid together, fingertips."""
    state = np.empty((frames, STATE))
    state[:, WRIST:] = postures[int(rng.integers(POSTURES))]
    if rng.random() < 0.6:  # an open hand
        flat = np.radians(rng.uniform(-4.0, 16.0, size=1))
        state[:, WRIST : WRIST + 16] = 0.0
        state[:, [WRIST + 1, WRIST + 2, WRIST + 5, WRIST + 6, WRIST + 9, WRIST + 10]] = flat
        state[:, [WRIST + 13, WRIST + 14]] = flat
        state[:, WRIST + 16 :] = np.radians(rng.normal((-8.0, 6.0, 0.0, 3.0, 4.0), 5.0))
    count = max(frames // 8, 2)
    centre = np.clip(rng.normal(_HOME, _AROUND), _LOWEST, _HIGHEST)
    targets = centre + 0.03 * rng.normal(size=(count, 3))
    targets[0::2, 0] = rng.uniform(0.005, 0.03)
    targets[1::2, 0] = rng.uniform(0.05, 0.25) * rng.uniform(0.8, 1.2, size=len(targets[1::2]))
    if rng.random() < 0.5:
        targets = np.roll(targets, 1, axis=0)
    typical = log_uniform(rng, 7.0, 24.0)
    duration = np.maximum(typical * np.exp(rng.normal(0.0, 0.15, size=count - 1)), 6.0)
    # Fast over a long way is slowed to what arms do.
    way = np.linalg.norm(np.diff(targets, axis=0), axis=1)
    duration = np.maximum(duration, 1.875 * way / 1.4 * 30.0)
    state[:, :3] = walk(rng, frames, targets, duration, float(rng.choice((-1.0, 1.0, 8.0))))
    turn = np.radians(rng.normal((20.0, 35.0, 92.0, 0.0, 0.0), (14.0, 28.0, 9.0, 8.0, 5.0)))
    state[:, 3:WRIST] = np.clip(turn, _TURN_LOW, _TURN_HIGH)
    return state
