"""Signs and finger-spelling as MediaPipe Holistic landmarks in ``.pose`` files (pose-format).

The landmarks are image coordinates: pixels for x and y, and a depth relative to each hand's own wrist
whose unit the file does not keep. So neither the scale nor the depth of a wrist is known. The unit of
depth is chosen per recording as the one under which bones keep their length best, the size of the hand
is set to our neutral hand's, and the wrist moves in one plane; report such figures apart.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np
from clutch_rt.errors import FileFormatError, MissingExtraError
from clutch_rt.layout import FloatArray
from numpy.typing import NDArray

from train.real.recording import MEDIAPIPE_JOINTS, Recording

NOTE = "image landmarks: scale and wrist depth are not measured, the wrist moves in a plane"
# Holistic names hands by the signer's body, so its left hand is the left hand (MediaPipe's stand-alone hand
# tracker is the one that labels as if the image were mirrored).
_COMPONENTS: Final = ("LEFT_HAND_LANDMARKS", "RIGHT_HAND_LANDMARKS")
# A camera facing the signer: image right is the signer's left, image down is down, and MediaPipe's depth
# shrinks towards the camera, which is the signer's forward (-Z).
_TO_VIEWER: Final = np.asarray([-1.0, -1.0, 1.0])
_BONES: Final = tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, MEDIAPIPE_JOINTS))


def bone_lengths(points: FloatArray) -> FloatArray:
    """Lengths of the 20 segments of MediaPipe hands: ``(..., 21, 3)`` -> ``(..., 20)``."""
    start, stop = np.asarray(_BONES).T
    return np.linalg.norm(points[..., stop, :] - points[..., start, :], axis=-1)


def depth_unit(points: FloatArray, candidates: FloatArray | None = None) -> float:
    """The factor on z under which bones vary least over time, relative to their length.

    Args:
        points: ``(N, 21, 3)`` poses of hands, x and y in pixels, z in an unknown unit.
        candidates: factors to try; 50 to 2000 by default, which brackets any image width.
    """
    tried = np.geomspace(50.0, 2000.0, 60) if candidates is None else candidates

    def spread(factor: float) -> float:
        lengths = bone_lengths(points * np.asarray([1.0, 1.0, factor]))
        return float(np.mean(lengths.std(0) / lengths.mean(0)))

    return float(tried[int(np.argmin([spread(float(factor)) for factor in tried]))])


def _landmarks(path: Path) -> tuple[float, NDArray[np.float64]]:
    try:
        from pose_format import Pose
    except ImportError as error:
        raise MissingExtraError(
            "pose-format is not installed; .pose files need it: pip install pose-format"
        ) from error
    try:
        pose = Pose.read(path.read_bytes())
        hands = []
        for name in _COMPONENTS:
            body = pose.get_components([name]).body
            data = np.asarray(np.ma.getdata(body.data)[:, 0], np.float64)
            data[np.asarray(body.confidence)[:, 0] <= 0] = np.nan
            hands.append(data)
        return float(pose.body.fps), np.stack(hands, axis=1)
    except (ValueError, LookupError, TypeError, AttributeError, NotImplementedError, struct.error) as error:
        raise FileFormatError(
            f"{path.name} is not a .pose file with a person's two hands: {error!r}"
        ) from error


def read(path: Path) -> Recording:
    """Read one ``.pose`` file; see the module for what its coordinates can and cannot say.

    Raises:
        FileFormatError: it is no such file, there are no two hands of 21 landmarks, or none is ever seen.
        MissingExtraError: the pose-format package is absent.
    """
    fps, points = _landmarks(path)
    if points.shape[1:] != (2, MEDIAPIPE_JOINTS, 3):
        raise FileFormatError(f"{path.name} has hands of shape {points.shape[2:]}; (21, 3) was wanted")
    known = np.isfinite(points).all((-1, -2))
    if not known.any():
        raise FileFormatError(f"{path.name} shows no hand in any frame; another recording is needed")
    points[..., 2] -= points[..., :1, 2]
    points = points * np.asarray([1.0, 1.0, depth_unit(points[known])]) * _TO_VIEWER
    times = np.arange(len(points)) / fps
    return Recording(path.stem, "sign (image landmarks)", times, points, metric=False, note=NOTE)
