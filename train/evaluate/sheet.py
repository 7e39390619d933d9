"""Generated motions to look at: ``python -m train.evaluate.sheet run=FOLDER out=FILE.png [bundle=PATH]``.

The sentences are those of the test split, in its order; above each row of stills stands its sentence, and in
red the faults that ``train.evaluate`` counts. Needs the packages of ``clutch-rt[preview]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.formats.scene import pictures_of
from clutch_rt.layout import Float32Array
from clutch_rt.motion import Motion
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from models.files import appearing
from train.command import command_main
from train.evaluate.__main__ import make_sampler, open_finished, split_arguments
from train.evaluate.contacts import contact, gaps
from train.evaluate.faults import faults
from train.evaluate.features import joints_of
from train.evaluate.sets import stored_clips
from train.run import prepare_machine

USAGE = """usage: python -m train.evaluate.sheet run=FOLDER out=FILE.png [bundle=PATH] [clips=60]

Draws generated motions of test sentences, five stills each, with the sentence above and the faults found in
red; with bundle=PATH those of the exported bundle."""

STILLS: Final = 5
_COLUMNS: Final = 3
_WIDE, _HIGH, _BAR, _GUTTER = 130, 104, 22, 10
_PAPER, _INK, _RED = (250, 250, 251), (40, 44, 52), (190, 30, 30)


@dataclass(frozen=True)
class Shown:
    """A motion ``(T, 2, 99)`` and what stands above it."""

    text: str
    frames: Float32Array

    @property
    def marks(self) -> str:
        """The faults found, by their names."""
        found = faults(joints_of(self.frames), contact(gaps(self.frames))).found
        return ", ".join(name.replace("_", " ") for name, has in found.items() if has)


def stills(frames: Float32Array, count: int = STILLS) -> list[Image.Image]:
    """Pictures of a motion, evenly over it but for the rest it begins and ends with."""
    chosen = np.round(np.linspace(0.1, 0.9, count) * (len(frames) - 1)).astype(np.int64)
    return [Image.fromarray(p) for p in pictures_of(Motion(frames), _WIDE, _HIGH, chosen, "viewer")]


def draw_sheet(shown: Sequence[Shown], progress: bool = False) -> Image.Image:
    """All of them, three to a row of the sheet.

    Raises:
        InputError: there is nothing to show.
    """
    if not shown:
        raise InputError("there are no motions to draw; ask for clips=1 or more")
    columns = min(_COLUMNS, len(shown))
    wide, high = STILLS * _WIDE + _GUTTER, _HIGH + _BAR + _GUTTER
    sheet = Image.new("RGB", (columns * wide, -(-len(shown) // columns) * high), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for number, item in enumerate(tqdm(shown, desc="sheet", unit="clip", disable=not progress)):
        left, top = number % columns * wide, number // columns * high
        marks = item.marks
        room = STILLS * _WIDE - pen.textlength(marks, font=font) - 30
        title = item.text
        while pen.textlength(title, font=font) > room:
            title = title[:-2].rstrip() + "…"
        pen.text((left + 4, top + 3), title, fill=_INK, font=font)
        place = left + 14 + pen.textlength(title, font=font)
        pen.text((place, top + 3), marks, fill=_RED, font=font)
        for column, picture in enumerate(stills(item.frames)):
            sheet.paste(picture, (left + column * _WIDE, top + _BAR))
    return sheet


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments, "bundle", "out", "clips")
    folder = open_finished(special, settings)
    if not special.get("out", "").lower().endswith(".png"):
        raise InputError(f"out={special.get('out', '')} is asked for; give out=FILE.png")
    wanted = special.get("clips", "60")
    if not wanted.isdecimal() or int(wanted) < 1:
        raise InputError(f"clips={wanted} is asked for; give a whole number of 1 or more")
    prepare_machine(folder.config)
    sampler = make_sampler(folder, special.get("bundle"))
    texts = [clip.texts[0] for clip in stored_clips(folder, int(wanted), "test")]
    made = sampler.generate(texts, list(range(len(texts))))
    shown = [Shown(text, frames) for text, frames in zip(texts, made, strict=True)]
    out = Path(special["out"])
    with appearing(out) as part:
        draw_sheet(shown, folder.config.machine.progress).save(part, "PNG")
    print(f"written: {out}, {len(shown)} motions by {sampler.name}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
