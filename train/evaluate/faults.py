"""Faults of a motion, whatever it was asked for: hands in each other, trembling, drift, no rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from clutch_rt.layout import FPS, FloatArray
from scipy.signal import butter, sosfiltfilt

from train.evaluate.contacts import DEEP, Contact

# Hands on purpose move slower; what shakes faster is no action (physiological tremor is 8 to 12 Hz).
SHAKES_ABOVE: Final = 8.0  # Hz
# A joint that shakes by a millimetre throughout has about this; of the corpus's clips, a few in a thousand.
TREMBLING: Final = 1.2  # mm
DRIFT: Final = 0.05  # metres between where a wrist begins and ends; the corpus begins and ends at rest
# Metres per second between the last two frames. The corpus comes to a stand: none of its clips has 0.1.
UNREST: Final = 0.15


@dataclass(frozen=True)
class Faults:
    """The checks of one motion, each with what it is judged by.

    Attributes:
        depth: how deep the hands are in each other at worst, metres.
        shaking: what the worst joint does above 8 Hz in half of the frames or more, mm.
        drift: distance of a wrist's last place from its first, the worse of the two, metres.
        end_speed: mean speed of the joints of the faster hand at the end, metres per second.
    """

    depth: float
    shaking: float
    drift: float
    end_speed: float

    @property
    def found(self) -> dict[str, bool]:
        """Each fault by its name, and whether the motion has it."""
        return {
            "inside": self.depth > DEEP,
            "trembles": self.shaking > TREMBLING,
            "drifts": self.drift > DRIFT,
            "no_rest": self.end_speed > UNREST,
        }

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return any(self.found.values())


FAULTS: Final = {
    "inside": f"hands inside each other (> {DEEP * 1000:.0f} mm)",
    "trembles": f"trembles (> {TREMBLING:.1f} mm above {SHAKES_ABOVE:.0f} Hz)",
    "drifts": f"ends elsewhere (> {DRIFT * 100:.0f} cm)",
    "no_rest": f"not at rest at the end (> {UNREST:.2f} m/s)",
}


def shaking(joints: FloatArray) -> float:
    """What the worst joint of ``(T, 2, 21, 3)`` metres does above 8 Hz, mm.

    The median over the frames: a stroke that ends abruptly is short, and trembling is not.
    """
    flat = np.asarray(joints, np.float64).reshape(len(joints), -1)
    sections = butter(4, SHAKES_ABOVE / (FPS / 2.0), "high", output="sos")
    if len(flat) <= 16:  # the filter wants more frames than it looks ahead and back
        flat = np.pad(flat, ((0, 17 - len(flat)), (0, 0)), mode="edge")
    fast = sosfiltfilt(sections, flat, axis=0).reshape(len(flat), -1, 3)
    return float(np.median(np.linalg.norm(fast, axis=-1), axis=0).max() * 1000.0)


def faults(joints: FloatArray, touch: Contact) -> Faults:
    """The checks of one motion.

    Args:
        joints: ``(T, 2, 21, 3)`` metres.
        touch: what its hands have to do with each other.
    """
    wrists = joints[:, :, 0]
    last = np.diff(joints[-2:], axis=0)
    speed = np.linalg.norm(last, axis=-1).mean((0, 2)).max() * FPS if len(last) else 0.0
    return Faults(
        depth=touch.depth,
        shaking=shaking(joints),
        drift=float(np.linalg.norm(wrists[-1] - wrists[0], axis=-1).max()),
        end_speed=float(speed),
    )
