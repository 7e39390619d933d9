"""What a caller may ask for, checked once at the door; and the seed, temperature and length that result."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Final

from clutch_rt.errors import InputError
from clutch_rt.layout import FPS, FRAMES_PER_STEP
from clutch_rt.manifest import Manifest

MAX_SEED: Final = 2**64 - 1


@dataclass(frozen=True)
class Request:
    """A checked request, every default filled in.

    Attributes:
        frames: asked length in frames at 30 fps; None leaves the length to the model.
        seed: 0 to 2**64 - 1.
        temperature: 0 takes the likeliest code; 1 is the model's own distribution.
        top_k: only the k likeliest codes are in play; 0 leaves all.
    """

    frames: int | None
    seed: int
    temperature: float
    top_k: int

    @property
    def steps(self) -> int | None:
        """Steps that hold ``frames``, the last one perhaps in part."""
        return None if self.frames is None else -(-self.frames // FRAMES_PER_STEP)


def make_request(
    manifest: Manifest,
    seconds: float | None = None,
    seed: int = 0,
    temperature: float | None = None,
    top_k: int | None = None,
) -> Request:
    """Check a caller's options against a bundle and fill in its defaults.

    Raises:
        InputError: a number is of the wrong kind or out of range; the message names the range.
    """
    return Request(
        frames=None if seconds is None else frames_of(seconds, manifest.limits.max_steps),
        seed=_seed(seed),
        temperature=manifest.sampling.temperature if temperature is None else _temperature(temperature),
        top_k=manifest.sampling.top_k if top_k is None else _top_k(top_k),
    )


def max_seconds(max_steps: int) -> float:
    """The longest motion of a model that makes ``max_steps`` steps."""
    return max_steps * FRAMES_PER_STEP / FPS


def frames_of(seconds: float, max_steps: int) -> int:
    """Frames of a motion of ``seconds`` seconds, 1 to ``8 * max_steps``; InputError otherwise."""
    limit = max_steps * FRAMES_PER_STEP
    wanted = f"this model makes more than 0 and at most {max_seconds(max_steps):.2f} seconds"
    value = number(seconds, "seconds")
    if not math.isfinite(value) or value <= 0:
        raise InputError(f"seconds is {value:g}; {wanted}")
    frames = round(value * FPS) if value < 1e6 else limit + 1
    if frames > limit:
        raise InputError(f"seconds is {value:g}; {wanted}; for more, make several motions")
    if frames < 1:
        raise InputError(
            f"seconds is {value:g}, less than half a frame; at least {1 / FPS:.3f} is wanted, one frame"
        )
    return frames


def number(value: object, name: str) -> float:
    """``value`` as a float; InputError where it is no number."""
    if isinstance(value, bool):
        raise InputError(f"{name} is {value}; a number is wanted")
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} is {value!r:.40}; a number is wanted") from None


def whole(value: object, name: str, least: int, most: int) -> int:
    """``value`` as a whole number from ``least`` to ``most``; InputError where it is none."""
    result = _whole(value, name)
    if not least <= result <= most:
        raise InputError(f"{name} is {result}; {least} to {most} is wanted")
    return result


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool):
        raise InputError(f"{name} is {value}; a whole number is wanted")
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputError(f"{name} is {value!r:.40}; a whole number is wanted") from None


def _seed(value: object) -> int:
    return whole(value, "seed", 0, MAX_SEED)


def _temperature(value: object) -> float:
    temperature = number(value, "temperature")
    if not 0.0 <= temperature <= 100.0:
        raise InputError(
            f"temperature is {temperature:g}; 0 (always the likeliest) to 100 is wanted, 1 is natural"
        )
    return temperature


def _top_k(value: object) -> int:
    top_k = _whole(value, "top_k")
    if not 0 <= top_k < 2**31:
        raise InputError(f"top_k is {top_k}; 0 (no cut) or a positive whole number is wanted")
    return top_k
