"""Ways from target to target as people move: minimum-jerk submovements, swings, tremor.

A movement of the hand is a sum of bell-shaped submovements (Flash and Hogan 1985; Flash and Henis 1991: one
may begin before the last has ended, and they add up). All paths are weights times targets, so a path of a
whole clip is one matrix product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .anatomy import ANGLES, STATE, WRIST
from .curves import min_jerk

FloatArray = NDArray[np.float64]
Rng = np.random.Generator

_FPS = 30.0
_EASE = 15.0  # frames in which a swing comes and goes
_DIGITS = np.repeat(np.arange(5), (4, 4, 4, 4, 5))  # of each of the 21 finger angles


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A number from `low` to `high`, every doubling as likely as another."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def walk(
    rng: Rng,
    frames: int,
    targets: FloatArray,
    durations: FloatArray,
    pause: float,
    ripple: bool = False,
) -> FloatArray:
    """Move through targets, pausing between them.

    Args:
        rng: draws the pauses.
        frames: length of the path.
        targets: `(K, D)`, the first being where it starts; of those the path has no time for, none is seen.
        durations: `(K - 1,)` frames of each movement.
        pause: mean frames from the end of one movement to the start of the next; below zero they overlap.
        ripple: whether the digits set out one after the other (D = 21).

    Returns:
        `(frames, D)`, always between targets: a movement neither starts nor ends before the one before it.
    """
    pauses = rng.exponential(abs(pause), size=len(durations)) * np.sign(pause)
    pauses = np.maximum(pauses, -0.4 * durations)
    ends = np.cumsum(durations + pauses) - rng.uniform(0.0, durations[0])
    starts = np.maximum.accumulate(ends - durations)
    ends = np.maximum.accumulate(np.maximum(ends, starts + 6.0))
    last = int(np.searchsorted(starts, frames)) or 1
    steps, starts, ends = np.diff(targets, axis=0)[:last], starts[:last], ends[:last]
    time = np.arange(frames, dtype=np.float64)[:, None]
    if not ripple:
        return targets[0] + min_jerk((time - starts) / (ends - starts)) @ steps
    lag = np.sort(rng.uniform(0.0, rng.uniform(2.0, 10.0), size=5))
    order = np.array([1, 2, 3, 4, 0]) if rng.random() < 0.5 else np.array([3, 2, 1, 0, 4])
    path = np.empty((frames, ANGLES))
    for digit in range(5):
        mine = digit == _DIGITS
        late = float(lag[order[digit]])
        rise = min_jerk((time - (starts + late)) / (ends - starts))
        path[:, mine] = targets[0, mine] + rise @ steps[:, mine]
    return path


def swing(rng: Rng, frames: int, size: int, amplitude: float, top: float) -> FloatArray:
    """An oscillation in some direction, or an ellipse, that comes and goes: `(frames, size)`.

    Args:
        rng: draws direction, tempo and when.
        frames, size: shape.
        amplitude: of the swing, in the unit of the state.
        top: its highest speed, units per second; a wide swing is slow.
    """
    rate = min(log_uniform(rng, 0.4, 5.0), top / (2.0 * np.pi * amplitude))
    phase = 2.0 * np.pi * rate * np.arange(frames) / _FPS + rng.uniform(0.0, 2.0 * np.pi)
    first, second = rng.normal(size=(2, size))
    first /= np.linalg.norm(first)
    round_ = rng.uniform(0.0, 1.0) if size > 1 and rng.random() < 0.5 else 0.0
    second *= round_ / np.linalg.norm(second)
    begin, end = float(rng.uniform(-0.3, 0.5)) * frames, float(rng.uniform(0.5, 1.3)) * frames
    time = np.arange(frames, dtype=np.float64)
    envelope = min_jerk((time - begin) / _EASE) - min_jerk((time - end) / _EASE)
    both = np.outer(np.sin(phase), first) + np.outer(np.cos(phase), second)
    return amplitude * envelope[:, None] * both


def tremor(rng: Rng, frames: int) -> FloatArray:
    """What muscles and trackers add to a motion, `(frames, 2, 29)`; no recorded hand is ever quite still.

    Most clips shake by up to half a millimetre and half a degree, as hands do; the others by up to 2 mm
    and 2 degrees, white or slowly wandering noise as trackers have it.
    """
    size = log_uniform(rng, 0.02, 0.25) if rng.random() < 0.7 else log_uniform(rng, 0.25, 1.0)
    noise = rng.normal(size=(frames + 2, 2, STATE)).clip(-2.5, 2.5)
    if rng.random() < 0.7:
        noise = (noise[:-2] + 2.0 * noise[1:-1] + noise[2:]) / 4.0
    noise = noise[:frames]
    noise[..., :3] *= 0.002 * size
    noise[..., 3:WRIST] *= np.radians(1.6) * size
    noise[..., WRIST:] *= np.radians(2.2) * size
    return noise
