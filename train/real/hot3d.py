"""HOT3D hand poses: wrist rotations and places of both hands from motion capture, as JSON lines.

A file gives each hand's MANO pose as 15 coefficients of MANO's pose space, whose basis is part of the
licence-gated model; without it they cannot become joint angles, and they are not read. The wrist's
rotation is exact, for our rest axes are MANO's. Its place is exact up to a constant per hand: ``t_xyz``
moves MANO's origin, and the rest wrist that would have to be added is gated too. So each hand is put at
its home by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from clutch_rt.errors import FileFormatError
from clutch_rt.layout import FPS, FloatArray
from clutch_rt.rotations import matrix_from_quaternion, quaternion_from_matrix
from numpy.typing import NDArray

from train.real.recording import increasing, resample

NOTE = "trajectory only: the fingers are a fixed relaxed pose, since MANO's pose basis is licence-gated"

# The world's up axis is not written in the files. Aria's SLAM world has gravity along -Z, Quest's along -Y;
# under these the two hands of the sample stand as hands do (thumbs up round an object; palms down).
_WORLD: Final[dict[str, NDArray[np.float64]]] = {
    "Aria": np.asarray([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    "Quest3": np.eye(3),
}
_HANDS: Final = ("0", "1")


@dataclass(frozen=True)
class WristRecording:
    """Wrists of two hands over time, ``openxr`` axes, in metres.

    Attributes:
        name, source: where it comes from.
        times: ``(T,)`` seconds.
        rotations: ``(T, 2, 3, 3)`` rest axes to the world.
        wrists: ``(T, 2, 3)`` places, each hand up to its own constant.
        note: what a reader of a table must know.
    """

    name: str
    source: str
    times: FloatArray
    rotations: FloatArray
    wrists: FloatArray
    note: str = NOTE

    def at_fps(self, fps: float = FPS) -> WristRecording:
        """Resampled to ``fps``: places linearly, rotations as normalised quaternions."""
        quaternion = quaternion_from_matrix(self.rotations)
        # One hemisphere over time, so that the linear blend of neighbours is the short way round.
        flips = np.sign((quaternion[1:] * quaternion[:-1]).sum(-1, keepdims=True))
        quaternion[1:] *= np.cumprod(np.where(flips == 0, 1.0, flips), axis=0)
        times, wrists = resample(self.times, self.wrists, fps)
        _, turned = resample(self.times, quaternion, fps)
        return WristRecording(
            self.name, self.source, times, matrix_from_quaternion(turned), wrists, self.note
        )


def _facing(rotations: NDArray[np.float64], wrists: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn about +Y that lays the mean way from left to right wrist along +X: the viewer's front."""
    x, _, z = (wrists[:, 1] - wrists[:, 0]).mean(0)
    length = max(float(np.hypot(x, z)), 1e-9)
    c, s = x / length, z / length
    return np.asarray([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def _headset(path: Path) -> str:
    metadata = path.parent / "metadata.json"
    if not metadata.exists():
        raise FileFormatError(f"{path.name} has no metadata.json beside it; it names the headset")
    try:
        name = json.loads(metadata.read_text(encoding="utf-8")).get("headset")
    except (ValueError, AttributeError) as error:
        raise FileFormatError(f"{metadata.name} beside {path.name} is no JSON object: {error!r}") from error
    if name not in _WORLD:
        raise FileFormatError(f"headset is {name!r}; {' or '.join(_WORLD)} is known here")
    return str(name)


def _rows(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [row for row in rows if all(hand in row["hand_poses"] for hand in _HANDS)]


def read(path: Path) -> WristRecording:
    """Read a ``mano_hand_pose_trajectory.jsonl``; frames that lack a hand are left out.

    Raises:
        FileFormatError: it is not such a file, or its headset is unknown.
    """
    headset = _headset(path)
    try:
        rows = _rows(path)
        times = np.asarray([row["timestamp_ns"] for row in rows], np.float64) / 1e9
        pose = [[row["hand_poses"][hand]["wrist_xform"] for hand in _HANDS] for row in rows]
        wrists = np.asarray([[hand["t_xyz"] for hand in row] for row in pose], np.float64)
        quaternion = np.asarray([[hand["q_wxyz"] for hand in row] for row in pose], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path.name} is not a HOT3D hand pose trajectory: {error!r}") from error
    if len(times) < 2:
        raise FileFormatError(f"{path.name} has {len(times)} frames with both hands; at least 2 are needed")
    # Both cameras' frames are listed, a tenth of a millisecond apart.
    keep = increasing(times)
    turn = _WORLD[headset]
    rotations = turn @ matrix_from_quaternion(quaternion[keep][..., [1, 2, 3, 0]])
    wrists = wrists[keep] @ turn.T
    yaw = _facing(rotations, wrists)
    return WristRecording(
        f"{headset}", "HOT3D (wrists)", times[keep] - times[0], yaw @ rotations, wrists @ yaw.T
    )
