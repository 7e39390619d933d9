"""A two-hand motion: frames, their rate, the hands that move, and every way out of the house."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypedDict

import numpy as np

from clutch_rt import formats
from clutch_rt import hand as hand_model
from clutch_rt import joints as joint_model
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.formats.npz import read_npz
from clutch_rt.frames import clean_frames, frames_at
from clutch_rt.hand import BETAS, Hand, neutral_hands
from clutch_rt.joints import JointPoses
from clutch_rt.layout import FPS, HANDS, Float32Array
from clutch_rt.mano_parameters import params_to_mano

__all__ = ["ManoMotion", "Motion"]

# From a right-handed space with -Z forward to a left-handed one with +Z forward.
_UNITY_POSITION: Final = np.array([1, 1, -1], np.float32)
_UNITY_ORIENTATION: Final = np.array([-1, -1, 1, 1], np.float32)
_MAX_FRAMES: Final = 1_000_000


class ManoMotion(TypedDict):
    """A motion in MANO's own terms, ``openxr`` space, hands ordered left, right."""

    global_orient: Float32Array  # (T, 2, 3) axis-angle, radians
    hand_pose: Float32Array  # (T, 2, 45) axis-angle, radians, MANO joint order 1..15, flat_hand_mean=True
    transl: Float32Array  # (T, 2, 3) metres: what MANO's `transl` wants, wrist minus the rest wrist
    betas: Float32Array  # (2, 10) shape; zeros for the mean hand and for hands that are no MANO
    fps: float
    sides: tuple[str, str]
    text: str | None
    seed: int | None


@dataclass(frozen=True, eq=False)
class Motion:
    """Two hands moving, ``openxr`` space: metres, +Y up, -Z forward, origin at the viewer's head.

    Attributes:
        frames: ``(T, 2, 99)`` float32, read-only, left then right; see ``layout`` for the 99 numbers. The
            6D rotations are orthonormalised (Gram-Schmidt) on construction.
        fps: frames per second, finite and positive.
        text: the sentence the motion was made from, if any.
        seed: the seed it was made with, if any.
        hands: the left and the right hand that move; the neutral hands unless given.

    Raises:
        InputError: frames of another shape, without a frame, not finite, or with a rotation that is no
            rotation; an fps that is not a positive number; a text that is no text; a seed that is no whole
            number; hands that are not a left and a right one.
    """

    frames: Float32Array
    fps: float = FPS
    text: str | None = None
    seed: int | None = None
    hands: tuple[Hand, Hand] = field(default_factory=neutral_hands, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", clean_frames(self.frames))
        object.__setattr__(self, "fps", _clean_fps(self.fps))
        object.__setattr__(self, "text", _clean_text(self.text))
        object.__setattr__(self, "seed", _clean_seed(self.seed))
        object.__setattr__(self, "hands", _clean_hands(self.hands))

    def __repr__(self) -> str:
        """One line, without the numbers."""
        return f"Motion({len(self)} frames, {self.fps:g} fps, text={self.text!r}, seed={self.seed})"

    def __len__(self) -> int:
        """The number of frames."""
        return int(self.frames.shape[0])

    @property
    def duration(self) -> float:
        """Seconds of motion: each frame is shown for ``1 / fps``."""
        return len(self) / self.fps

    def joints(self, layout: str = "openxr") -> JointPoses:
        """Joint poses of both hands over time.

        Args:
            layout: ``"mano"`` (21 joints), ``"openxr"`` (26), ``"webxr"`` (25), ``"unity"`` (26) or
                ``"mediapipe"`` (21). All are in ``openxr`` space but ``"unity"``, which is in Unity's own:
                left-handed, +Z forward, so positions are ``(x, y, -z)`` and quaternions ``(-x, -y, z, w)``.

        Returns:
            positions ``(T, 2, J, 3)`` metres, orientations ``(T, 2, J, 4)`` x, y, z, w, radii ``(J,)``.

        Raises:
            InputError: an unknown layout.
        """
        left, right = (
            joint_model.joint_poses(hand, self.frames[:, side], layout)
            for side, hand in enumerate(self.hands)
        )
        positions = np.stack([left.positions, right.positions], axis=1)
        orientations = np.stack([left.orientations, right.orientations], axis=1)
        if layout == "unity":
            positions, orientations = positions * _UNITY_POSITION, orientations * _UNITY_ORIENTATION
        return replace(left, positions=positions, orientations=orientations)

    def vertices(self) -> Float32Array:
        """Skin of both hands over time, ``(T, 2, V, 3)`` metres.

        Raises:
            InputError: the two hands have different numbers of vertices, so there is no such array.
        """
        counts = [len(hand.vertices) for hand in self.hands]
        if counts[0] != counts[1]:
            raise InputError(
                f"the left hand has {counts[0]} vertices and the right {counts[1]}. Wanted equal numbers; "
                "skin each with clutch_rt.hand.skin."
            )
        return np.stack(
            [hand_model.skin(hand, self.frames[:, i]) for i, hand in enumerate(self.hands)], axis=1
        )

    def resample(self, fps: float) -> Motion:
        """The same motion at another rate.

        Rotations turn along the shorter arc at constant speed (slerp), wrists go straight from frame to
        frame (linear). The first and the last frame are kept, and their distance in time to within half a
        new frame; going up to a multiple of the rate and back gives the same frames.

        Args:
            fps: frames per second wanted.

        Raises:
            InputError: an fps that is not a positive number, or so high that there would be more than a
                million frames.
        """
        rate = _clean_fps(fps)
        if rate == self.fps or len(self) == 1:
            return replace(self, fps=rate)
        intervals = max(1, round(min((len(self) - 1) * rate / self.fps, 2.0 * _MAX_FRAMES)))
        if intervals >= _MAX_FRAMES:
            raise InputError(
                f"{rate:g} frames per second would make more than {_MAX_FRAMES:,} frames. "
                "Wanted fewer; ask for a lower rate."
            )
        times = np.linspace(0.0, len(self) - 1, intervals + 1)
        return replace(self, frames=frames_at(self.frames, times), fps=rate)

    def to_mano(self) -> ManoMotion:
        """The motion as MANO parameters (flat hand mean), with which MANO puts the wrist where we do."""
        pair = [params_to_mano(hand, self.frames[:, side]) for side, hand in enumerate(self.hands)]
        return ManoMotion(
            global_orient=np.stack([mano.global_orient for mano in pair], axis=1),
            hand_pose=np.stack([mano.hand_pose for mano in pair], axis=1),
            transl=np.stack([mano.transl for mano in pair], axis=1),
            betas=np.stack([_betas(hand) for hand in self.hands]),
            fps=self.fps,
            sides=HANDS,
            text=self.text,
            seed=self.seed,
        )

    def save(self, target: Any, format: str | None = None, **options: Any) -> None:
        """Write the motion to a file, whose ending tells the format, or to a binary stream.

        Args:
            target: a path, or anything with a binary ``write``.
            format: ``"glb"``, ``"bvh"``, ``"usda"``, ``"npz"``, ``"mp4"``, ``"gif"`` or ``"png"``; needed
                for a stream.
            options: those of the format, for instance ``flat=True`` for ``.glb``; see ``clutch_rt.formats``.

        Raises:
            FileFormatError: unknown ending, or a place that cannot be written to. A file that stood there
                is replaced only by a complete one.
            InputError: an option the format does not have.
            MissingExtraError: a preview without the packages of ``clutch-rt[preview]``.
        """
        formats.write(self, target, format, **options)

    @classmethod
    def load(cls, path: str | os.PathLike[str], hands: tuple[Hand, Hand] | None = None) -> Motion:
        """Read a ``.npz`` written by ``save``, or by anyone who stores ``frames`` and ``fps``.

        Args:
            path: the file.
            hands: the hands that shall move; the neutral hands unless given.

        Raises:
            FileFormatError: no such file, not an ``.npz``, missing or unusable content.
        """
        stored = read_npz(path)
        pair = neutral_hands() if hands is None else hands
        try:
            return cls(stored.frames, stored.fps, stored.text, stored.seed, pair)
        except InputError as error:
            raise FileFormatError(f"{path}: {error}") from error


def _clean_text(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        text.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise InputError(f"the motion's text is {text!r}. Wanted Unicode text, or None.") from error
    return str(text)


def _clean_seed(seed: int | None) -> int | None:
    try:
        return None if seed is None else operator.index(seed)
    except TypeError as error:
        raise InputError(f"the motion's seed is {seed!r}. Wanted a whole number, or None.") from error


def _clean_hands(hands: Iterable[Hand]) -> tuple[Hand, ...]:
    pair = tuple(hands)
    sides = [hand.side for hand in pair]
    if tuple(sides) != HANDS:
        raise InputError(f"the motion's hands are {sides}. Wanted a left and a right hand, in that order.")
    return pair


def _clean_fps(fps: float) -> float:
    try:
        rate = float(fps)
    except (TypeError, ValueError):
        rate = math.nan
    if not (math.isfinite(rate) and rate > 0):
        raise InputError(f"fps is {fps!r}. Wanted a positive number; 30 is what the model makes.")
    return rate


def _betas(hand: Hand) -> Float32Array:
    """MANO's shape ``(10,)`` of a hand."""
    return np.zeros(BETAS, np.float32) if hand.betas is None else hand.betas.astype(np.float32)
