"""A clip and its actions: what the corpus draws, the store keeps and training reads."""

from __future__ import annotations

from dataclasses import dataclass

from clutch_rt.layout import Float32Array


@dataclass(frozen=True)
class Action:
    """One thing the hands do, between two frames of a clip.

    `hand` is the hand that leads; a hand that only holds or steadies is not counted. `count` is the number
    of cycles when the sentence may say it (else `None`, though the motion may still repeat);
    `frequency_hz` is the cycles per second of a motion that repeats, else `None`.
    """

    verb: str
    hand: str  # "left" | "right" | "both"
    object: str | None
    speed: str  # "slow" | "normal" | "fast"
    count: int | None
    frequency_hz: float | None
    amplitude: str  # "small" | "normal" | "large"
    direction: str | None
    start: int  # first frame
    stop: int  # one past the last frame


@dataclass(frozen=True)
class Clip:
    """A two-hand motion with its texts.

    `frames` is `(T, 2, 99)` float32 in `openxr` space, left hand then right, T a multiple of 8, 30 fps.
    """

    id: str
    split: str
    frames: Float32Array
    texts: tuple[str, ...]
    actions: tuple[Action, ...]
