"""Looking at the corpus: a contact sheet with a row of stills per verb, and a short animation of each.

Needs the packages of `clutch-rt[preview]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from clutch_rt.formats.preview import encode_gif
from clutch_rt.formats.scene import pictures_of
from clutch_rt.motion import Motion
from PIL import Image, ImageDraw
from tqdm import tqdm

from models.files import appearing

from .clauses import fingerprint
from .clip import Clip
from .config import CorpusConfig
from .draw import make_clip
from .plan import ActionPlan, ClipPlan, draw_action
from .verbs import TABLE, VERBS

_PAPER = (250, 250, 251)
_INK = (40, 44, 52)
_BAR = 20


def verb_action(verb: str, seed: int = 0) -> ActionPlan:
    """A plain example of a verb: at normal speed and size, with two cycles where it repeats."""
    spec = TABLE[verb]
    action = draw_action(np.random.default_rng(seed), spec)
    cycles = 1 if spec.counts is None else (5 if verb == "count" else 2)
    return replace(
        action,
        hand=max(spec.hands, key=lambda pair: pair[1])[0],
        speed="normal",
        amplitude="normal",
        direction=spec.directions[0] if spec.aims and spec.steered else None,
        cycles=cycles,
        count=cycles if spec.counts and spec.counted else None,
        support=spec.support is not None,
    )


def verb_clip(verb: str, seed: int = 0, config: CorpusConfig | None = None, **changes: object) -> Clip:
    """A clip of one plain example of a verb; `changes` overrides fields of its `ActionPlan`."""
    action = replace(verb_action(verb, seed), **changes)  # type: ignore[arg-type]
    plan = ClipPlan(f"preview-{verb}", "train", (action,), seed + fingerprint(verb))
    return make_clip(plan, config or CorpusConfig())


def stills(clip: Clip, count: int, size: int, view: str = "viewer") -> list[Image.Image]:
    """Pictures `size` wide of a clip's first action, evenly from its start to its end."""
    action = clip.actions[0]
    chosen = np.round(np.linspace(action.start, action.stop, count)).astype(np.int64)
    motion = Motion(frames=clip.frames, fps=30.0, text=None, seed=None)
    return [Image.fromarray(p) for p in pictures_of(motion, size, int(size * 0.8), chosen, view)]


def contact_sheet(
    verbs: Sequence[str] = VERBS, count: int = 8, size: int = 150, seed: int = 0
) -> Image.Image:
    """One row of `count` stills per verb, its name and a sentence above."""
    high = int(size * 0.8) + _BAR
    sheet = Image.new("RGB", (count * size, high * len(verbs)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for row, verb in enumerate(tqdm(verbs, desc="contact sheet", unit="verb", leave=False)):
        clip = verb_clip(verb, seed)
        pen.text((6, row * high + 4), f"{verb}   |   {clip.texts[0]}", fill=_INK)
        for column, picture in enumerate(stills(clip, count, size)):
            sheet.paste(picture, (column * size, row * high + _BAR))
    return sheet


def write_preview(folder: Path, verbs: Sequence[str] = VERBS, seed: int = 0) -> None:
    """Write `contact_sheet.png` and one `VERB.gif` per verb into `folder`; files appear by rename."""
    folder.mkdir(parents=True, exist_ok=True)
    with appearing(folder / "contact_sheet.png") as part:
        contact_sheet(verbs, seed=seed).save(part, "PNG")
    for verb in tqdm(verbs, desc="animations", unit="verb"):
        clip = verb_clip(verb, seed)
        motion = Motion(frames=clip.frames, fps=30.0, text=clip.texts[0], seed=None)
        with appearing(folder / f"{verb}.gif") as part:
            part.write_bytes(encode_gif(motion, width=240, height=192, fps=15.0))
