"""The files a motion can become: one encoder per ending, every one of them ``Motion -> bytes``.

Encoders finish in memory before a file is touched, so a failure while encoding cannot harm a file.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.formats.files import Target, is_folder, write_bytes

if TYPE_CHECKING:
    from clutch_rt.motion import Motion

__all__ = ["FORMATS", "Format", "encode", "format_of", "options_of", "write"]


@dataclass(frozen=True)
class Format:
    """A kind of file: its ending without the dot, what it is for, where its encoder lives, whether text."""

    name: str
    description: str
    module: str
    function: str
    is_text: bool = False

    @property
    def encoder(self) -> Callable[..., bytes]:
        """The function ``(motion, **options) -> bytes``; imported on first use, as few need all of them."""
        encoder: Callable[..., bytes] = getattr(import_module(self.module), self.function)
        return encoder


FORMATS: Final[dict[str, Format]] = {
    entry.name: entry
    for entry in (
        Format("glb", "glTF 2.0: skinned hands with their animation", "clutch_rt.formats.glb", "encode_glb"),
        Format(
            "bvh",
            "BVH: skeleton and rotations, centimetres",
            "clutch_rt.formats.bvh",
            "encode_bvh",
            is_text=True,
        ),
        Format(
            "usda",
            "USD: skinned hands with their animation",
            "clutch_rt.formats.usda",
            "encode_usda",
            is_text=True,
        ),
        Format("npz", "numpy: frames and MANO parameters", "clutch_rt.formats.npz", "encode_npz"),
        Format("mp4", "film of the motion", "clutch_rt.formats.preview", "encode_mp4"),
        Format("gif", "looping picture of the motion", "clutch_rt.formats.preview", "encode_gif"),
        Format("png", "strip of moments of the motion", "clutch_rt.formats.preview", "encode_png"),
    )
}


def format_of(path: str | os.PathLike[str], format: str | None = None) -> Format:
    """The format meant by a file's ending, or by an explicit name.

    Raises:
        FileFormatError: the ending or name is unknown, and the message lists the known ones; or there is no
            ending because the path is a folder.
    """
    found = Path(path).suffix if format is None else format
    name = found.lower().removeprefix(".")
    if name in FORMATS:
        return FORMATS[name]
    if format is not None:
        raise FileFormatError(f"unknown format {format!r}. Wanted one of {', '.join(FORMATS)}; choose one.")
    if not found and is_folder(path):
        raise FileFormatError(
            f"missing file ending: {os.fspath(path)!r} is a folder. Wanted a file; "
            f"name one in it, such as {Path(path) / 'hands.glb'}."
        )
    known = ", ".join(f".{name}" for name in FORMATS)
    what = f"unknown file ending {found!r}" if found else "missing file ending"
    raise FileFormatError(f"{what} of {os.fspath(path)!r}. Wanted one of {known}; rename the output.")


def options_of(format: Format) -> tuple[str, ...]:
    """The names of the options an encoder takes."""
    return tuple(
        name
        for name, parameter in inspect.signature(format.encoder).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    )


def encode(motion: Motion, format: str, **options: Any) -> bytes:
    """The bytes of a motion in one format.

    Args:
        motion: what to write.
        format: a name of ``FORMATS``, with or without its dot.
        options: the encoder's own, see each encoder.

    Raises:
        FileFormatError: unknown format. InputError: unknown option. MissingExtraError: a preview without
            the packages it needs.
    """
    kind = format_of("", format)
    known = options_of(kind)
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "leave it out."
            listed = ", ".join(known) or "none"
            raise InputError(f"unknown option {name!r} for .{kind.name}. Wanted one of: {listed}; {hint}")
    return kind.encoder(motion, **options)


def write(motion: Motion, target: Target, format: str | None = None, **options: Any) -> None:
    """Write a motion to a file (by rename) or to a binary stream.

    Args:
        motion: what to write.
        target: a path, whose ending tells the format, or a binary stream.
        format: needed for a stream; overrides the ending of a path.
        options: the encoder's own.

    Raises:
        FileFormatError: unknown ending, or the place cannot be written to; nothing is left behind.
    """
    if isinstance(target, (str, os.PathLike)):
        kind = format_of(target, format)
    elif format is None:
        known = ", ".join(FORMATS)
        raise FileFormatError(f"a stream has no file ending. Wanted a format; pass format= one of {known}.")
    else:
        kind = format_of("", format)
    write_bytes(target, encode(motion, kind.name, **options))
