"""The form of the verb table: what a verb's motion is, as data.

A verb moves a hand by *waves*: curves over the phase of its cycle (or over the whole action), each added
to one channel of the hand's state. Places and turns are in right-hand form; a left hand is the mirror.
"""

from __future__ import annotations

from dataclasses import dataclass

from train.corpus.curves import Curve

# Metres for x y z, degrees for the rest; "morph" moves from the hand's shape to the track's other shape,
# "aim" along the direction that was drawn; the finger channels curl one finger, "curl" all but the thumb.
CHANNELS = (
    *("x", "y", "z", "yaw", "pitch", "roll", "bend", "dev"),
    *("morph", "aim", "index", "middle", "ring", "pinky", "thumb", "curl", "spread", "oppose"),
)

# x y z in metres, then yaw, pitch, roll in degrees.
Vector6 = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Wave:
    """One curve on one channel: `size * curve(rate * phase + shift)`."""

    channel: str
    size: float  # metres, degrees, or a weight for "morph" and "aim"
    curve: Curve
    shift: float = 0.0  # cycles
    rate: float = 1.0  # turns of the curve per cycle of the action
    whole: bool = False  # the phase runs once over the whole action, whatever its cycles
    once: bool = False  # the curve is played once, when the phase passes 0 to 1, and holds
    scales: bool = True  # grows and shrinks with the amplitude that was asked for


@dataclass(frozen=True)
class Track:
    """What one hand does: where, how it is turned, in which of several shapes, and its waves."""

    place: tuple[float, float, float]  # wrist, metres
    turn: tuple[float, float, float]  # yaw, pitch, roll, degrees
    shapes: tuple[str, ...]
    waves: tuple[Wave, ...] = ()
    other: str | None = None  # the shape "morph" goes to


@dataclass(frozen=True)
class Verb:
    """One verb's motion.

    With one hand leading, the other does `support` (always, or with probability `support_share`), or
    rests. With both, the second hand does `second`, or mirrors the lead `alternate` cycles behind.
    """

    name: str
    lead: Track
    hands: tuple[tuple[str, float], ...]  # how often "right", "left", "both"
    periods: tuple[int, int, int]  # frames a cycle (or the whole action): slow, normal, fast
    counts: tuple[int, int] | None = None  # fewest and most cycles; None = not a motion that repeats
    counted: bool = True  # whether a sentence may say how often
    timed: bool = True  # whether slowly and quickly mean something
    steered: bool = True  # whether the direction is drawn; otherwise always the first
    support: Track | None = None
    support_share: float = 1.0
    second: Track | None = None
    alternate: float = 0.0
    aims: tuple[tuple[str, Vector6], ...] = ()  # direction -> offset of the "aim" channel; first = default
    amplitudes: bool = True  # whether small and large mean something
    push: str = "x"  # the axis along which touching hands are kept apart

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions that change the motion, the default first."""
        return tuple(name for name, _ in self.aims)
