"""Motions as ``.npz``: our frames, and the same motion as MANO parameters for everyone else.

Arrays in the file (``openxr`` space, metres, radians, hands ordered left, right):
``format`` (1), ``frames`` (T, 2, 99), ``fps`` (), ``global_orient`` (T, 2, 3), ``hand_pose`` (T, 2, 45),
``transl`` (T, 2, 3), ``betas`` (2, 10), ``sides`` (2,), ``hands`` (2,) their names, and where known
``text`` () and ``seed`` (). Nothing is pickled. Reading needs only ``frames`` and ``fps``.
"""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.errors import FileFormatError
from clutch_rt.formats.arrays import ArchiveError, ArchiveTooLarge, read_arrays, text_of

if TYPE_CHECKING:
    from clutch_rt.motion import Motion

NPZ_FORMAT: Final = 1

# Over a million of our frames, eleven hours; a file that unpacks to more is no motion.
_MAX_BYTES: Final = 1 << 30
_READ: Final = ("format", "frames", "fps", "text", "seed")
_REMEDY: Final = "write it again with Motion.save, or store frames (T, 2, 99) and fps with numpy.savez"


@dataclass(frozen=True, eq=False)
class Stored:
    """What a file says of a motion, not yet checked as one.

    Attributes:
        frames: floats, to be ``(T, 2, 99)``.
        fps: frames per second.
        text, seed: of the motion, where the file has them.
    """

    frames: NDArray[Any]
    fps: float
    text: str | None
    seed: int | None


def encode_npz(motion: Motion) -> bytes:
    """The bytes of a ``.npz`` file; the same motion always gives the same bytes."""
    mano = motion.to_mano()
    arrays: dict[str, Any] = {
        "format": np.int64(NPZ_FORMAT),
        "frames": motion.frames,
        "fps": np.float64(motion.fps),
        "global_orient": mano["global_orient"],
        "hand_pose": mano["hand_pose"],
        "transl": mano["transl"],
        "betas": mano["betas"],
        "sides": np.array(mano["sides"]),
        "hands": np.array([hand.name for hand in motion.hands]),
    }
    if motion.text is not None:
        arrays["text"] = np.array(motion.text)
    if motion.seed is not None:
        # Seeds may be larger than any numpy integer, so they travel as decimal text.
        arrays["seed"] = np.array(str(motion.seed))
    return _pack(arrays)


def _pack(arrays: dict[str, Any]) -> bytes:
    """A zip of ``.npy`` members with a fixed date, which ``numpy.savez`` would fill with the clock."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(value), allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), compress_type=zipfile.ZIP_DEFLATED
            )
    return buffer.getvalue()


def read_npz(path: str | os.PathLike[str]) -> Stored:
    """Read back what a motion is made of.

    Args:
        path: a ``.npz`` file.

    Raises:
        FileFormatError: no path, no such file, not an ``.npz``, damaged, pickled, or too large unpacked;
            an array that is missing or of another kind.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise FileFormatError(
            f"cannot read a motion from {path!r:.40}. Wanted the path of a motion (.npz); "
            "give its name as text."
        )
    arrays = _unpack(Path(path))
    for name in ("frames", "fps"):
        if name not in arrays:
            raise FileFormatError(
                f"{path}: holds no array named {name!r}. Wanted a motion (.npz); {_REMEDY}."
            )
    version = _scalar(path, arrays.get("format", np.int64(NPZ_FORMAT)), "format")
    if version != NPZ_FORMAT:
        raise FileFormatError(
            f"{path}: motion format {version}. Wanted {NPZ_FORMAT}; update clutch-rt or write the file again."
        )
    text = arrays.get("text")
    return Stored(
        frames=_numbers(path, arrays["frames"]),
        fps=_scalar(path, arrays["fps"], "fps"),
        text=None if text is None else _text(path, text),
        seed=_seed(path, arrays.get("seed")),
    )


def _unpack(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the file that a motion needs."""
    try:
        return read_arrays(path, _MAX_BYTES, _READ)
    except ArchiveTooLarge as error:
        raise FileFormatError(
            f"{path}: {error}. Wanted at most {_MAX_BYTES:,}; cut the motion into several files."
        ) from error
    except ArchiveError as error:
        raise FileFormatError(f"{path}: {error}. Wanted a motion (.npz); {_REMEDY}.") from error
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file. Wanted a motion (.npz); check the path.") from error
    except OSError as error:
        raise FileFormatError(
            f"{path}: {error.strerror or error}. Wanted a readable file; check it."
        ) from error


def _numbers(path: object, values: NDArray[Any]) -> NDArray[Any]:
    if not np.issubdtype(values.dtype, np.floating):
        raise FileFormatError(f"{path}: frames are of type {values.dtype}. Wanted floats; {_REMEDY}.")
    return values


def _scalar(path: object, value: NDArray[Any] | np.generic, name: str) -> float:
    array = np.asarray(value)
    if array.size != 1 or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise FileFormatError(
            f"{path}: {name} is of shape {array.shape} and type {array.dtype}. Wanted one number; {_REMEDY}."
        )
    return float(array.reshape(()))


def _text(path: object, value: NDArray[Any]) -> str:
    try:
        return text_of(value)
    except ValueError as error:
        raise FileFormatError(f"{path}: text holds what is no character; {_REMEDY}.") from error


def _seed(path: object, value: NDArray[Any] | None) -> int | None:
    if value is None:
        return None
    try:
        return int(value.item())
    except (TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(f"{path}: seed {value!r} is not a whole number; {_REMEDY}.") from error
