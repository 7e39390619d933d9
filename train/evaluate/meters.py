"""The signal meter: how fast and how often, read off the motion itself, never off a label.

A motion that repeats comes back to the same state, joints and all. So its period is the lag at which the
squared distance between a frame and the frame ``lag`` later dips: the cumulative mean normalised
difference of the YIN pitch tracker (de Cheveigne and Kawahara, JASA 2002), over the places of wrist,
knuckles and tips of the hands that move. The whole state must come back, so a stroke there and back is
one cycle, not two. The repeating stretch is where the distance at that lag stays small, and the number of
cycles is its length over the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from clutch_rt.layout import FPS, FloatArray
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Wrist, knuckles and tips: the rest of a hand moves with them.
POINTS: Final = [0, 1, 4, 7, 13, 16, 17, 18, 19, 20]
MIN_LAG: Final = 5  # frames: 6 Hz, faster than any hand repeats on purpose
TRIM: Final = 12  # frames at either end that belong to the way there and back
# Cycles need not be alike to be cycles: people count strokes of different sizes. Chosen on 700 clips of the
# train split, as they are, and with each cycle 65 to 135 % of its size on a place that wanders (1.2 cm): of
# those that repeat .965 and .932 are counted right; at .35 and .30, which ask that cycles be alike, .957 and
# .856. Single strokes count as one at either; from .7 on some do not.
DIP: Final = 0.6  # how deep the difference must dip (1 = no recurrence) to be called a period
CLOSE: Final = 0.8  # of the mean squared distance between frames: a frame that came back
KEPT: Final = 0.7  # of the frame pairs at a lag, the nearest, count
DRIFTING: Final = 2.5  # cycles that a motion which repeats while it travels must show, as writing does
EDGE: Final = 7.0  # frames by which easing in and out lengthen the repeating stretch
BRIDGE: Final = 3  # frames of a lapse that do not end the repeating stretch
STILL: Final = 0.002  # metres of motion, root mean square, under which nothing happens


@dataclass(frozen=True)
class Reading:
    """What the meter read.

    Attributes:
        period: frames per cycle; None where nothing repeats.
        frequency: cycles per second; None where nothing repeats.
        cycles: length of the repeating stretch over the period; 1 where nothing repeats.
        start, stop: frames of the repeating stretch, else of the whole trimmed motion.
        speed: mean speed of all joints within them, metres per second.
        peak: 95th percentile of the frame's mean joint speed within them, metres per second.
    """

    period: float | None
    cycles: float
    start: int
    stop: int
    speed: float
    peak: float

    @property
    def frequency(self) -> float | None:
        """Cycles per second; None where nothing repeats."""
        return None if self.period is None else FPS / self.period


def moving_points(joints: FloatArray) -> Array:
    """The joints of the hands that move: ``(T, 2, 21, 3)`` -> ``(T, N)`` metres.

    A hand counts when it moves at least half as much as the other, for a hand that only holds adds noise.
    """
    joints = joints[:, :, POINTS]
    centred = joints - joints.mean(0)
    energy = (centred**2).sum((0, 2, 3))
    chosen = energy >= 0.25 * energy.max()
    return np.asarray(joints[:, chosen], np.float64).reshape(len(joints), -1)


def _apart(points: Array, lag: int, drift: bool) -> Array:
    """Squared distance of frame t + lag from frame t, less the drift if asked: ``(T - lag,)``."""
    step = points[lag:] - points[:-lag]
    if drift:
        step = step - np.median(step, axis=0)
    return np.einsum("tn,tn->t", step, step)


def _typical(distances: Array) -> float:
    """Mean of the smaller ones: the way to the action and back may not count."""
    kept = max(1, int(len(distances) * KEPT))
    return float(np.partition(distances, kept - 1)[:kept].mean())


def difference(points: Array, longest: int, drift: bool = False) -> tuple[Array, Array]:
    """Distance at lags 0 to ``longest`` of ``(T, N)``, plain and as YIN's cumulative mean normalised one."""
    raw = np.zeros(longest + 1)
    for lag in range(1, longest + 1):
        raw[lag] = _typical(_apart(points, lag, drift))
    lags = np.arange(longest + 1)
    return raw, np.where(lags > 0, raw * lags / np.maximum(np.cumsum(raw), 1e-12), 1.0)


def find_period(points: Array, drift: bool = False) -> tuple[float, float] | None:
    """The shortest lag, in frames with a parabola's fraction, after which the motion comes back.

    Returns:
        The period and the squared distance of frames within a cycle, or None where nothing repeats.
    """
    longest = len(points) * 2 // 3
    if longest <= MIN_LAG + 1:
        return None
    raw, curve = difference(points, longest, drift)
    inner = np.arange(MIN_LAG, longest)
    dips = inner[(curve[inner] <= curve[inner - 1]) & (curve[inner] < curve[inner + 1])]
    deep = dips[curve[dips] < DIP]
    if not len(deep):
        return None
    # A part of a cycle may come near; the first dip about as deep as the deepest is the cycle.
    lag = int(deep[curve[deep] <= curve[deep].min() + 0.1][0])
    left, middle, right = curve[lag - 1 : lag + 2]
    bend = left - 2.0 * middle + right
    return float(lag + (0.5 * (left - right) / bend if bend > 1e-12 else 0.0)), float(raw[:lag].max())


def repeating_stretch(points: Array, period: float, spread: float, drift: bool) -> tuple[int, int]:
    """First and one past the last frame of the longest stretch that repeats with ``period``."""
    lag = max(1, round(period))
    close = _apart(points, lag, drift) < CLOSE * spread
    best, start, end, lapse = (0, 0), None, 0, 0
    for frame, good in enumerate(np.append(close, np.zeros(BRIDGE + 1, bool))):
        if good:
            start = frame if start is None else start
            lapse, end = 0, frame + 1
        elif start is not None:
            lapse += 1
            if lapse > BRIDGE:
                best = max(best, (start, end), key=lambda span: span[1] - span[0])
                start = None
    return best[0], best[1] + lag


def _speeds(points: Array) -> Array:
    step = np.diff(points, axis=0).reshape(len(points) - 1, -1, 3)
    return np.linalg.norm(step, axis=-1).mean(1) * FPS


def read(joints: FloatArray, trim: int = TRIM) -> Reading:
    """Read one motion.

    Args:
        joints: ``(T, 2, 21, 3)`` metres at 30 fps.
        trim: frames to leave out at either end.
    """
    trim = min(trim, max(0, (len(joints) - 16) // 2))
    points = moving_points(joints[trim : len(joints) - trim])
    start, stop, period, cycles = 0, len(points), None, 1.0
    if np.sqrt(((points - points.mean(0)) ** 2).mean()) > STILL:
        # Less its drift, a single stroke may look as if it repeated a little: ask more of it.
        for drift, fewest in ((False, 0.0), (True, DRIFTING)):
            found = find_period(points, drift)
            if found is None:
                continue
            span = repeating_stretch(points, *found, drift)
            often = max(1.0, (span[1] - span[0] - EDGE) / found[0])
            if often >= fewest:
                (start, stop), period, cycles = span, found[0], often
                break
    speeds = _speeds(points[start:stop]) if stop - start > 1 else np.zeros(1)
    return Reading(
        period, cycles, start + trim, stop + trim, float(speeds.mean()), float(np.quantile(speeds, 0.95))
    )
