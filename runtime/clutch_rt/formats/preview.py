"""Pictures and films of a motion: ``.png`` strips, ``.gif`` loops and ``.mp4`` films.

They need the packages of ``clutch-rt[preview]``; ``render`` itself needs numpy only.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from clutch_rt.errors import FileFormatError, InputError, MissingExtraError
from clutch_rt.formats.scene import (
    VIEWS,
    Progress,
    choose_frames,
    pictures_of,
    render,
    telling_frames,
    watched,
)

if TYPE_CHECKING:
    from clutch_rt.motion import Motion

__all__ = ["VIEWS", "encode_gif", "encode_mp4", "encode_png", "render"]

_BAR: Final = 34  # pixels: the line of text above, and the row of times below
_GUTTER: Final = 6
_PAPER: Final = (250, 250, 251)
_INK: Final = (52, 56, 64)
_FAINT: Final = (128, 134, 144)
_GIF_COLORS: Final = 160
_PALETTE_SAMPLES: Final = 6


def encode_png(
    motion: Motion,
    *,
    frames: int = 6,
    width: int = 280,
    height: int = 250,
    view: str | None = None,
    progress: Progress | None = None,
) -> bytes:
    """A strip of moments: columns are times, rows are views, with the sentence above.

    Args:
        motion: what to draw.
        frames: how many moments: the first and the last, and those least like each other.
        width, height: of each picture, pixels.
        view: ``"viewer"`` or ``"front"``; both, one above the other, by default.
        progress: called after each picture with how many are drawn, and of how many.

    Raises:
        MissingExtraError: Pillow is not installed. InputError: a size, count or view that cannot be.
    """
    image, draw, font = _pillow()
    chosen = telling_frames(motion, _whole(frames, "frames"))
    views = tuple(VIEWS) if view is None else (view,)
    size = (len(chosen) * (width + _GUTTER) - _GUTTER, len(views) * (height + _GUTTER) - _GUTTER + 2 * _BAR)
    sheet = image.new("RGB", size, _PAPER)
    drawn = chain.from_iterable(pictures_of(motion, width, height, chosen, name) for name in views)
    for index, picture in enumerate(watched(drawn, len(views) * len(chosen), progress)):
        row, column = divmod(index, len(chosen))
        place = (column * (width + _GUTTER), _BAR + row * (height + _GUTTER))
        sheet.paste(image.fromarray(picture), place)
    pen, write = draw.Draw(sheet), font.load_default(size=16)
    note = f"{motion.duration:.1f} s"
    note_width = pen.textlength(note, font=write)
    title = _shortened(
        motion.text or "", lambda t: pen.textlength(t, font=write), sheet.width - note_width - 40
    )
    pen.text((12, 8), title, fill=_INK, font=write)
    pen.text((sheet.width - note_width - 12, 8), note, fill=_FAINT, font=write)
    for column, frame in enumerate(chosen):
        place = (column * (width + _GUTTER) + 12, sheet.height - _BAR + 8)
        pen.text(place, f"{frame / motion.fps:.2f} s", fill=_FAINT, font=write)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def encode_gif(
    motion: Motion,
    *,
    width: int = 480,
    height: int = 360,
    fps: float = 25.0,
    view: str = "viewer",
    progress: Progress | None = None,
) -> bytes:
    """A loop of the motion at its true speed.

    Args:
        motion: what to draw.
        width, height: pixels.
        fps: pictures per second; GIF counts in hundredths of a second, so the nearest of 50, 33.3, 25, 20 ...
        view: ``"viewer"`` or ``"front"``.
        progress: called after each picture with how many are drawn, and of how many.

    Raises:
        MissingExtraError: Pillow is not installed. InputError: a size, rate or view that cannot be.
    """
    image, _, _ = _pillow()
    if not (np.isfinite(fps) and 1.0 <= fps <= 100.0):
        raise InputError(f"a GIF at {fps} pictures per second was asked for. Wanted 1 to 50.")
    hundredths = max(2, round(100.0 / fps))  # browsers slow down anything faster
    timed = motion.resample(100.0 / hundredths)
    chosen = choose_frames(len(timed), None)
    samples = render(timed, width, height, _PALETTE_SAMPLES, view)
    palette = image.fromarray(np.concatenate(samples, axis=0)).quantize(_GIF_COLORS)
    pages = [
        image.fromarray(picture).quantize(palette=palette, dither=image.Dither.NONE)
        for picture in watched(pictures_of(timed, width, height, chosen, view), len(chosen), progress)
    ]
    buffer = io.BytesIO()
    pages[0].save(
        buffer, "GIF", save_all=True, append_images=pages[1:], duration=10 * hundredths, loop=0, disposal=1
    )
    return buffer.getvalue()


def encode_mp4(
    motion: Motion,
    *,
    width: int = 640,
    height: int = 480,
    view: str = "viewer",
    progress: Progress | None = None,
) -> bytes:
    """A film of the motion at its own rate: H.264 that players and browsers open.

    Args:
        motion: what to draw.
        width, height: pixels; made even, as H.264 wants.
        view: ``"viewer"`` or ``"front"``.
        progress: called after each picture with how many are drawn, and of how many.

    Raises:
        MissingExtraError: imageio-ffmpeg, or the ffmpeg it brings, is not there. InputError: a size or view
            that cannot be. FileFormatError: ffmpeg failed.
    """
    width, height = width // 2 * 2, height // 2 * 2
    drawn = pictures_of(motion, width, height, choose_frames(len(motion), None), view)
    pictures = watched(drawn, len(motion), progress)
    # An mp4's index is written last and then moved to the front, for which ffmpeg needs a real file.
    with tempfile.TemporaryDirectory(prefix="clutch-rt-") as folder:
        path = Path(folder) / "film.mp4"
        _film(path, pictures, (width, height), motion.fps)
        return path.read_bytes()


def _film(path: Path, pictures: Iterator[NDArray[np.uint8]], size: tuple[int, int], fps: float) -> None:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise _missing("imageio-ffmpeg", ".mp4") from error
    options = ["-crf", "20", "-preset", "veryfast", "-movflags", "+faststart"]
    try:
        writer = imageio_ffmpeg.write_frames(
            str(path),
            size,
            fps=fps,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            ffmpeg_log_level="error",
            output_params=options,
        )
        first = next(pictures)  # before ffmpeg starts, which would complain of a Ctrl-C without a picture
        with closing(writer):
            writer.send(None)
            for picture in chain([first], pictures):
                writer.send(np.ascontiguousarray(picture))
    except RuntimeError as error:  # no ffmpeg for this platform
        raise _missing("ffmpeg", ".mp4") from error
    except OSError as error:
        raise FileFormatError(
            f"ffmpeg could not write the film ({error}). Wanted room for a temporary file in "
            f"{path.parent.parent} and an ffmpeg with libx264; free space there, or choose .gif."
        ) from error
    if not path.exists() or path.stat().st_size == 0:
        raise FileFormatError(
            "ffmpeg wrote no film. Wanted an ffmpeg with libx264; reinstall imageio-ffmpeg, or choose .gif."
        )


def _missing(package: str, ending: str) -> MissingExtraError:
    return MissingExtraError(
        f"{ending} needs {package}, which is not installed. Wanted the preview packages; "
        'run: pip install "clutch-rt[preview]"'
    )


def _pillow() -> tuple[Any, Any, Any]:
    """Pillow's Image, ImageDraw and ImageFont modules."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise _missing("Pillow", ".png or .gif") from error
    return Image, ImageDraw, ImageFont


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InputError(f"{name} is {value!r}. Wanted a whole number.")
    return int(value)


def _shortened(text: str, measure: Any, room: float) -> str:
    """The text on one line, cut with an ellipsis to fit a width in pixels."""
    line = " ".join(text.split())
    if measure(line) <= room:
        return line
    while line and measure(line + "...") > room:
        line = line[: max(0, min(len(line) - 1, int(len(line) * 0.97)))]
    return line.rstrip() + "..."
