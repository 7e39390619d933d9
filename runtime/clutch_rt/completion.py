"""More than a sentence: a part of a motion is given, and the model makes the rest.

A beginning to go on from, a beginning and an end to go between, one hand for which to make the other, or the
wrists for which to make the fingers: all of it by the model that makes motions of sentences. SHIFT turns what
is given into codes, which are told to the language model and forced on it, and it chooses the others. What is
given is kept: its frames stand in the result as they came, and what was made is moved to join them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from clutch_rt.completion_plan import Plan, plan_between, plan_hand, plan_wrists
from clutch_rt.engine import Engine
from clutch_rt.errors import InputError
from clutch_rt.hand import bind_rotations, neutral_hands
from clutch_rt.layout import (
    FPS,
    FRAMES_PER_STEP,
    HAND_SIZE,
    HANDS,
    ROTATION,
    TRANSLATION,
    Float32Array,
    IntArray,
)
from clutch_rt.live.rest import natural_rest
from clutch_rt.manifest import Manifest
from clutch_rt.motion import Motion
from clutch_rt.options import Request, frames_of, max_seconds
from clutch_rt.rotations import matrix_from_quaternion, sixd_from_matrix

__all__ = ["DEFAULT_SECONDS", "PARTS", "Given", "Part", "check_bundle", "complete", "plan_of"]

Part = Literal["beginning", "ends", "left", "right", "wrists"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)

DEFAULT_SECONDS: Final = 2.0
"""How much is made after a beginning or between two ends, unless the caller says."""

_UNIT: Final = 0.01  # by which the length of a quaternion may differ from one
_FRAMES: Final = f"a Motion, a pose ({len(HANDS)}, {HAND_SIZE}) or frames (T, {len(HANDS)}, {HAND_SIZE})"


@dataclass(frozen=True, eq=False)
class Given:
    """The part of a motion that is given; ``beginning``, ``ends``, ``hand`` and ``wrists`` make one.

    Attributes:
        part: ``beginning``, ``ends``, ``left``, ``right`` (a hand) or ``wrists``.
        motion: what is given; of a hand or the wrists, the rest of it is not looked at.
        end: how the motion shall end; of ``ends`` alone.

    Raises:
        InputError: an unknown part, no motion, or an end where none belongs.
    """

    part: Part
    motion: Motion
    end: Motion | None = None

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise InputError(f"no part {self.part!r:.40} can be given; choose one of {', '.join(PARTS)}")
        if (self.end is not None) != (self.part == "ends"):
            raise InputError(
                f"part {self.part} came {'with' if self.end else 'without'} an end; use Given.ends"
            )
        for motion in (self.motion, self.end):
            if motion is not None and not isinstance(motion, Motion):
                raise InputError(f"what is given is {motion!r:.40}; a Motion is wanted, use Given.beginning")

    @classmethod
    def beginning(cls, motion: Motion | ArrayLike) -> Given:
        """Go on from this: a ``Motion``, frames ``(T, 2, 99)`` at 30 fps, or a single pose ``(2, 99)``."""
        return cls("beginning", _motion(motion, "the beginning"))

    @classmethod
    def ends(cls, first: Motion | ArrayLike, last: Motion | ArrayLike) -> Given:
        """Go from one to the other; each as in ``beginning``. The hands are those of ``first``."""
        return cls("ends", _motion(first, "the beginning"), _motion(last, "the end"))

    @classmethod
    def hand(cls, motion: Motion | ArrayLike, side: Literal["left", "right"]) -> Given:
        """Keep one hand of a motion and make the other, which is not looked at.

        Raises:
            InputError: no motion, or a side that is neither ``left`` nor ``right``.
        """
        if side not in HANDS:
            raise InputError(f"the hand given is {side!r:.40}; {' or '.join(HANDS)} is wanted")
        return cls(side, _motion(motion, "the motion"))

    @classmethod
    def wrists(cls, paths: Motion | ArrayLike, fps: float = FPS) -> Given:
        """Keep the ways of both wrists and make the fingers.

        Args:
            paths: a ``Motion``, whose fingers are not looked at, or ``(T, 2, 7)`` wrists, left then right:
                position x, y, z in metres and orientation as a unit quaternion x, y, z, w, ``openxr`` space
                and axes, as OpenXR's ``WRIST`` joint and ``Motion.joints("openxr")`` have them. (A
                controller's grip pose is another one: turn it by that device's own offset first.)
            fps: of an array.

        Raises:
            InputError: of another shape, not finite, or with a quaternion that is not of length one.
        """
        if isinstance(paths, Motion):
            return cls("wrists", paths)
        return cls("wrists", Motion(_wrist_frames(_numbers(paths, "the wrists")), fps))


def complete(
    engine: Engine, ids: IntArray, plan: Plan, request: Request, cancel: threading.Event | None = None
) -> Float32Array:
    """The frames ``(T, 2, 99)`` of a completed motion at 30 fps.

    Args:
        engine: of a bundle that completes.
        ids: ``(1, L)`` prompt.
        plan: what is given, see ``plan_of``.
        request: seed, temperature and top-k; its length is not looked at.
        cancel: looked at before every step.

    Raises:
        Cancelled: ``cancel`` was set.
    """
    codes = plan.given(engine.tokenise(plan.frames), engine.grammar.places)
    memory = engine.remember(ids, request, codes)
    return plan.join(engine.decode(engine.steps(memory, request, plan.steps, cancel, codes)))


def plan_of(given: Given, seconds: float | None, max_steps: int) -> Plan:
    """What a model of ``max_steps`` steps is told and what it shall make.

    Args:
        given: the part that is given.
        seconds: to be made after a beginning or between two ends; None is ``DEFAULT_SECONDS``, or what the
            model's limit leaves of it.
        max_steps: the longest motion.

    Raises:
        InputError: ``given`` is none; it is too long; ``seconds`` is no length, or makes it too long, or was
            given where the length is known.
    """
    if not isinstance(given, Given):
        raise InputError(
            f"what is given is {given!r:.40}; a Given is wanted, such as Given.beginning(motion)"
        )
    first = _frames(given.motion, max_steps)
    if given.part in ("beginning", "ends"):
        last = None if given.end is None else _frames(given.end, max_steps)
        count = _made_frames(seconds, len(first) + (0 if last is None else len(last)), max_steps)
        return plan_between(first, last, count, max_steps)
    if seconds is not None:
        part = "wrists are" if given.part == "wrists" else f"{given.part} hand is"
        raise InputError(f"seconds is {seconds!r:.40}, but the motion is as long as the {part}; leave it out")
    return plan_wrists(first) if given.part == "wrists" else plan_hand(first, HANDS.index(given.part))


def check_bundle(engine: Engine, manifest: Manifest) -> None:
    """Raise InputError unless a bundle can complete motions; the message says why not."""
    if manifest.form != "step":
        raise InputError(
            f"bundle {manifest.name!r} is of the {manifest.form!r} form, which makes motions of sentences "
            "only; one of the 'step' form is wanted to complete a motion"
        )
    if not engine.completes:
        raise InputError(
            f"bundle {manifest.name!r} was exported before motions could be completed; "
            "train and export one anew, or take one that can"
        )


def _frames(motion: Motion, max_steps: int) -> Float32Array:
    """Frames ``(T, 2, 99)`` at the model's rate; InputError where they are more than it makes."""
    longest = max_seconds(max_steps)
    if motion.duration > longest + 1e-9:
        keep = max(1, int(longest * motion.fps + 1e-9))
        raise InputError(
            f"what is given lasts {motion.duration:.2f} s; this model makes {longest:.2f} s in all; "
            f"cut it: Motion(motion.frames[-{keep}:], motion.fps)"
        )
    # Resampling keeps the first and the last frame, which can make one frame more than the limit.
    return motion.resample(FPS).frames[: max_steps * FRAMES_PER_STEP]


def _made_frames(seconds: float | None, given: int, max_steps: int) -> int:
    """Frames to make beside ``given`` ones."""
    left = max_steps * FRAMES_PER_STEP - given
    if seconds is None:
        count = min(round(DEFAULT_SECONDS * FPS), max(left, 1))
    else:
        count = frames_of(seconds, max_steps)
    if count > left:
        room = f"at most {left / FPS:.2f} s can be made" if left > 0 else "nothing can be made"
        raise InputError(
            f"{given / FPS:.2f} s are given and {count / FPS:.2f} s are to be made; this model makes "
            f"{max_seconds(max_steps):.2f} s in all, so {room}; ask for less, or give less, such as "
            "Motion(motion.frames[-60:], motion.fps)"
        )
    return count


def _motion(value: Motion | ArrayLike, name: str) -> Motion:
    if isinstance(value, Motion):
        return value
    array = _numbers(value, name, f"; {_FRAMES} is wanted")
    return Motion(array[None] if array.ndim == 2 else array)


def _numbers(value: ArrayLike, name: str, wanted: str = "; an array is wanted") -> np.ndarray[Any, Any]:
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r:.40}{wanted}") from None


def _wrist_frames(paths: np.ndarray[Any, Any]) -> Float32Array:
    """Frames ``(T, 2, 99)`` of wrists ``(T, 2, 7)``, the fingers at rest."""
    if paths.ndim != 3 or paths.shape[1:] != (len(HANDS), 7) or len(paths) < 1:
        raise InputError(
            f"the wrists have shape {paths.shape}; (T, 2, 7) with at least one frame is wanted: left and "
            "right, position x, y, z in metres and quaternion x, y, z, w"
        )
    if not np.isfinite(paths).all():
        frame, side, _ = (int(i) for i in np.argwhere(~np.isfinite(paths))[0])
        raise InputError(
            f"the wrists hold numbers that are not finite, the first in frame {frame}, {HANDS[side]} hand; "
            "fill the gaps where tracking was lost"
        )
    length = np.linalg.norm(paths[..., 3:], axis=-1)
    if (np.abs(length - 1.0) > _UNIT).any():
        frame, side = (int(i) for i in np.argwhere(np.abs(length - 1.0) > _UNIT)[0])
        raise InputError(
            f"frame {frame}, {HANDS[side]} hand: the quaternion is of length {length[frame, side]:.3g}; "
            "one is wanted, x, y, z, w, behind the position"
        )
    bind = np.stack([bind_rotations(hand)[0] for hand in neutral_hands()])
    turns = matrix_from_quaternion(paths[..., 3:]) @ np.swapaxes(bind, -1, -2)
    frames = np.tile(natural_rest(), (len(paths), 1, 1))
    frames[..., ROTATION] = sixd_from_matrix(turns)
    frames[..., TRANSLATION] = paths[..., :3]
    return frames
