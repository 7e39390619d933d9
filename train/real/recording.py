"""What every reader returns: points of two hands over time, in metres, in the recorder's own placement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from clutch_rt.errors import FileFormatError
from clutch_rt.layout import FPS, FloatArray
from numpy.typing import NDArray

MEDIAPIPE_JOINTS = 21
# Half a frame on either side: the box that keeps a 110 Hz tracker from aliasing into 30 frames a second.
_BOX = 0.5 / FPS


@dataclass(frozen=True)
class Recording:
    """Tracked points of up to two hands.

    Attributes:
        name: the file's name without its ending.
        source: which kind of recording it is: leap, sign, dexterous.
        times: ``(T,)`` seconds, increasing.
        points: ``(T, 2, 21, 3)`` left and right hand in MediaPipe order, axes of ``openxr`` (+Y up,
            -Z forward), NaN where a point is not known. Metres when ``metric``, else any unit.
        metric: whether the recorder measured lengths; if not, the fit takes the scale from the hand.
        note: what a reader of a table must know about this kind of recording.
    """

    name: str
    source: str
    times: NDArray[np.float64]
    points: NDArray[np.float64]
    metric: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        shape = (len(self.times), 2, MEDIAPIPE_JOINTS, 3)
        if self.points.shape != shape:
            raise FileFormatError(f"{self.name} has points of shape {self.points.shape}; {shape} was wanted")
        if len(self.times) > 1 and (np.diff(self.times) <= 0).any():
            raise FileFormatError(f"{self.name} has timestamps that do not increase; sort or drop repeats")

    @property
    def seen(self) -> NDArray[np.bool_]:
        """``(T, 2)`` whether enough of a hand is known to fit it: any point at all."""
        return np.asarray(np.isfinite(self.points).all(-1).any(-1))

    @property
    def present(self) -> tuple[bool, bool]:
        """Whether the left and the right hand are seen in at least half of the frames."""
        share = self.seen.mean(0)
        return bool(share[0] >= 0.5), bool(share[1] >= 0.5)


def increasing(times: FloatArray) -> NDArray[np.int64]:
    """Indices that keep, of timestamps closer than 1 ms or running backwards, the first."""
    kept: list[int] = []
    for index, time in enumerate(times):
        if not kept or time - times[kept[-1]] > 1e-3:
            kept.append(index)
    return np.asarray(kept, np.int64)


def resample(times: FloatArray, values: FloatArray, fps: float = FPS) -> tuple[FloatArray, FloatArray]:
    """Values at ``fps`` by linear interpolation, averaged over one output frame where the source is faster.

    Args:
        times: ``(T,)`` seconds.
        values: ``(T, ...)``; NaN gaps are bridged, ends are held. All-NaN columns stay NaN.
        fps: the wanted rate, Hz.

    Returns:
        New times ``(N,)`` and values ``(N, ...)``.
    """
    wanted = np.arange(times[0], times[-1] + 1e-9, 1.0 / fps)
    faster = len(times) / max(times[-1] - times[0], 1e-9) > 1.5 * fps
    offsets = np.linspace(-_BOX, _BOX, 5) if faster else np.zeros(1)
    flat = values.reshape(len(times), -1)
    out = np.full((len(wanted), flat.shape[1]), np.nan)
    for column in range(flat.shape[1]):
        known = np.isfinite(flat[:, column])
        if known.any():
            shifted = [np.interp(wanted + o, times[known], flat[known, column]) for o in offsets]
            out[:, column] = np.mean(shifted, axis=0)
    return wanted, out.reshape(len(wanted), *values.shape[1:])
