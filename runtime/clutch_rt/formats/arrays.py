"""Reading ``.npz`` archives that came from anywhere: nothing is unpickled, nothing is trusted."""

from __future__ import annotations

import zipfile
from collections.abc import Container
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_ZIP: Final = b"PK"
_ENCRYPTED: Final = 1  # a bit of a member's flags


class ArchiveError(Exception):
    """A file is no archive of arrays, or a damaged one; says why, without the file's name."""


class ArchiveTooLarge(ArchiveError):
    """The arrays would take more memory than they may; says how many bytes."""


def read_arrays(path: str | Path, most: int, wanted: Container[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of an archive by name; members that are none are left out.

    Args:
        path: of the file.
        most: bytes that the arrays may unpack to.
        wanted: names; the others are neither counted nor unpacked. All by default.

    Raises:
        OSError: the file cannot be opened or read.
        ArchiveError: it is no zip archive, or is damaged, encrypted or pickled.
        ArchiveTooLarge: it unpacks to more than ``most``.
    """
    try:
        return _read(Path(path), most, wanted)
    except ArchiveError:
        raise
    except Exception as error:  # what zipfile, its decompressors and numpy's headers raise is not documented
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ArchiveError(str(error) or type(error).__name__) from error


def text_of(value: NDArray[Any]) -> str:
    """What an array of text says; ValueError where its characters are no text."""
    try:
        text = str(value.item() if value.size == 1 else value)
    except SystemError as error:  # numpy's answer to a number beyond the last character
        raise ValueError(str(error)) from error
    text.encode()
    return text


def _read(path: Path, most: int, wanted: Container[str] | None) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:  # numpy would take it for a pickle and say how to run it
            raise ArchiveError("not an .npz archive")
    with zipfile.ZipFile(path) as archive:
        members = [entry for entry in archive.infolist() if _is_in(entry.filename, wanted)]
    if any(entry.flag_bits & _ENCRYPTED for entry in members):
        raise ArchiveError("its arrays are encrypted")
    size = sum(entry.file_size for entry in members)
    if size > most:
        raise ArchiveTooLarge(f"its arrays unpack to {size:,} bytes")
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files if wanted is None or name in wanted}
    # A member that is no .npy file comes back as bytes.
    return {name: value for name, value in arrays.items() if isinstance(value, np.ndarray)}


def _is_in(member: str, wanted: Container[str] | None) -> bool:
    return wanted is None or member.removesuffix(".npy") in wanted
