"""Leap Motion recordings made with leapjs-playback: LZString-compressed JSON, one or two hands.

Two layouts circulate. Older files hold one object per frame with named fields; format 2 packs lists and
names their fields in the first frame. Positions are millimetres with +X right, +Y up, +Z towards the
user (Leap Motion developer documentation, "Coordinate systems"): the axes of ``openxr``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from clutch_rt.errors import FileFormatError, MissingExtraError
from numpy.typing import NDArray

from train.real.recording import Recording, increasing

# A Leap finger of type 0-4 is thumb to pinky; its joints are MediaPipe's four of that finger. The thumb has
# no metacarpal in Leap's model, so its "mcp" is the carpometacarpal joint that MediaPipe calls CMC.
_JOINTS = ("mcpPosition", "pipPosition", "dipPosition", "tipPosition")
_BONE_TIP = "btipPosition"
NOTE = "no wrist point: it follows from the palm"


def _decompress(path: Path) -> Any:
    try:
        import lzstring
    except ImportError as error:
        raise MissingExtraError(
            "lzstring is not installed; Leap recordings need it: pip install lzstring"
        ) from error
    text = lzstring.LZString().decompressFromBase64(path.read_text(encoding="ascii").strip())
    if not text:
        raise FileFormatError(f"{path.name} is not LZString base64; a leapjs-playback recording was wanted")
    return json.loads(text)


def _unpack(names: list[Any], values: list[Any]) -> dict[str, Any]:
    """One record of the packed layout; a nested ``{"hands": [[fields]]}`` names a list of records."""
    record: dict[str, Any] = {}
    for name, value in zip(names, values, strict=False):
        if isinstance(name, str):
            record[name] = value
        elif isinstance(name, dict):
            (key, fields), *_ = name.items()
            nested = fields and isinstance(fields[0], list)
            record[key] = [_unpack(fields[0], row) for row in value] if nested else value
    return record


def _frames(data: Any) -> list[dict[str, Any]]:
    frames = data["frames"]
    if frames and isinstance(frames[0], list):
        return [_unpack(frames[0], row) for row in frames[1:]]
    return [frame for frame in frames if isinstance(frame, dict)]


def _points(frame: dict[str, Any]) -> NDArray[np.float64]:
    """``(2, 21, 3)`` metres of one frame, NaN where Leap tracked nothing."""
    points = np.full((2, 21, 3), np.nan)
    side = {hand["id"]: int(hand["type"] == "right") for hand in frame.get("hands", [])}
    for order, finger in enumerate(frame.get("pointables", [])):
        hand = side.get(finger.get("handId"))
        if hand is None or finger.get("tool"):
            continue
        # Fingers are listed thumb to pinky; an explicit type and the id's last digit say the same.
        kind = int(finger.get("type", finger["id"] % 10 if "id" in finger else order % 5))
        for joint, name in enumerate(_JOINTS):
            key = _BONE_TIP if joint == 3 and _BONE_TIP in finger else name
            points[hand, 1 + 4 * kind + joint] = np.asarray(finger[key], np.float64) / 1000.0
    return points


def read(path: Path) -> Recording:
    """Read one ``.json.lz`` recording.

    Raises:
        FileFormatError: the file is not such a recording.
        MissingExtraError: the lzstring package is absent.
    """
    try:
        frames = _frames(_decompress(path))
        times = np.asarray([frame["timestamp"] for frame in frames], np.float64) / 1e6
        points = np.stack([_points(frame) for frame in frames])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FileFormatError(f"{path.name} is not a leapjs-playback recording: {error!r}") from error
    keep = increasing(times)
    return Recording(path.name.split(".")[0], "leap", times[keep], points[keep], note=NOTE)
