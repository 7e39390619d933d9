"""The hand of the dex-retargeting example: a pickled list of ``(21, 3)`` arrays at 30 fps.

The joints are in metres, MediaPipe order, and already rotated and moved into the wrist's own frame (the
wrist is the origin in every frame), so there is no trajectory to measure: only fingers.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np
from clutch_rt.errors import FileFormatError, UnsafeFileError
from clutch_rt.layout import FPS, RIGHT, FloatArray

from train.real.recording import MEDIAPIPE_JOINTS, Recording

NOTE = "right hand in its wrist's own frame: fingers only, the wrist stands still"

# The source's wrist frame has the fingers along +Z and the thumb's side along +Y, the palm towards +X. Turned
# so that the fingers point forward (-Z) and the palm down (-Y), as a hand is held in front of a viewer.
_TO_VIEWER: Final = np.asarray([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def _empty_array(kind: type[np.ndarray], shape: Any, code: Any) -> np.ndarray:
    """What numpy's own ``_reconstruct`` does for plain arrays."""
    return np.ndarray.__new__(kind, (0,), np.int8)


_ALLOWED: Final[dict[tuple[str, str], Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that can build lists of numpy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise UnsafeFileError(
                f"the file asks for {module}.{name} and was refused; a list of numpy arrays was wanted"
            )
        return _ALLOWED[module, name]


def read_arrays(path: Path) -> list[FloatArray]:
    """The arrays of a pickled list, without running anything the file brings.

    Raises:
        UnsafeFileError: it names anything but numpy arrays.
        FileFormatError: it is no pickle, or no list of float arrays.
    """
    try:
        with path.open("rb") as file:
            content = _ArraysOnly(file).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ValueError, TypeError) as error:
        raise FileFormatError(f"{path.name} is not a pickled list of arrays: {error!r}") from error
    plain = isinstance(content, list) and all(
        isinstance(item, np.ndarray) and np.issubdtype(item.dtype, np.floating) for item in content
    )
    if not plain:
        raise FileFormatError(f"{path.name} holds no list of float arrays; one array per frame was wanted")
    return content


def read(path: Path) -> Recording:
    """Read ``human_joint_right.pkl``: a right hand, ``openxr`` axes after :data:`_TO_VIEWER`.

    Raises:
        FileFormatError: the arrays are not ``(21, 3)``.
    """
    arrays = read_arrays(path)
    if not arrays or any(array.shape != (MEDIAPIPE_JOINTS, 3) for array in arrays):
        shapes = sorted({array.shape for array in arrays})
        raise FileFormatError(f"{path.name} holds arrays of shapes {shapes}; (21, 3) per frame was wanted")
    points = np.full((len(arrays), 2, MEDIAPIPE_JOINTS, 3), np.nan)
    points[:, RIGHT] = np.stack(arrays) @ _TO_VIEWER.T
    return Recording(path.stem, "dexterous video", np.arange(len(arrays)) / FPS, points, note=NOTE)
