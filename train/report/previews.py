"""The same held-out sentences after every stage, as motions on disk.

RUN/previews/truth/NN.npz     the clip's own motion
RUN/previews/shift/NN.npz     the same through SHIFT and back
RUN/previews/STAGE/NN.npz     what the model of STAGE (pretrain, refine, instruct) makes of the sentence
RUN/previews/*/made.json      from which weights and clips, and what could not be shown

The motions are files of ``Motion.save``: any of them can be turned into a film or a ``.glb``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from clutch_rt import prompts
from clutch_rt.errors import ClutchError, InputError
from clutch_rt.layout import Float32Array
from clutch_rt.manifest import sha256_of
from clutch_rt.motion import Motion

from models.generation import generate, pad_prompts
from models.lm import MotionLM
from models.shift import Shift
from train.corpus import Clip
from train.evaluate.samplers import through_shift
from train.optim import device_type
from train.pretrain import stage_folder
from train.report.reading import read_json
from train.run import RunFolder, write_text
from train.store import read_clips
from train.tokenizer import TOKENIZER_FILE, encode, load_tokenizer

FOLDER: Final = "previews"
TRUTH: Final = "truth"
SHIFT: Final = "shift"
SPEAKING: Final = ("pretrain", "refine", "instruct")  # stages that leave a language model
COLUMNS: Final = (TRUTH, SHIFT, *SPEAKING)
SENTENCES: Final = 6
_ALONE: Final = 4  # of them with one action
_LOOKED_AT: Final = 256  # held-out clips that are chosen among
_MADE: Final = "made.json"
_WEIGHTS: Final = "model.safetensors"


@dataclass(frozen=True)
class Shown:
    """One cell: a motion, or why there is none."""

    motion: Motion | None
    trouble: str = ""


def choose(clips: Iterator[Clip] | Sequence[Clip], count: int = SENTENCES) -> list[Clip]:
    """The clips to watch: one action each, of as many verbs as can be, then of several."""
    alone: list[Clip] = []
    several: list[Clip] = []
    seen: set[str] = set()
    for clip in clips:
        verbs = {action.verb for action in clip.actions}
        if len(clip.actions) == 1 and not verbs & seen and len(alone) < count:
            alone.append(clip)
            seen |= verbs
        elif len(clip.actions) > 1 and len(several) < count:
            several.append(clip)
    first = alone[: max(_ALONE, count - len(several))]
    return [*first, *several[: count - len(first)]]


def watched(folder: RunFolder) -> list[Clip]:
    """The run's clips to watch, of the held-out split ``val``.

    Raises:
        InputError: the run has no such clips.
    """
    clips = read_clips(folder.path / "corpus", split="val")
    chosen = choose([clip for clip, _ in zip(clips, range(_LOOKED_AT), strict=False)])
    if not chosen:
        raise InputError(f"{folder.path} has no clips of the val split; run `python -m train.corpus` first")
    return chosen


def make_previews(folder: RunFolder) -> list[str]:
    """Write what is missing, or was made from other weights; returns the columns that were written.

    Training's random state is left as it was.

    Raises:
        InputError: clips or files of a finished stage are missing or damaged.
    """
    wanted = [name for name in COLUMNS if _source(folder, name) is not None]
    if not wanted:
        return []
    clips = watched(folder)
    stale = [name for name in wanted if _made(folder, name) != _stamp(folder, name, clips)]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for name in stale:
            _write(folder, name, clips, _motions(folder, name, clips))
    return stale


def _source(folder: RunFolder, name: str) -> Path | None:
    """The weights a column is made from (of the truth: the corpus); None where there are none yet."""
    needed = "corpus" if name == TRUTH else name
    if not folder.is_done(needed):
        return None
    if name == TRUTH:
        return folder.path / "corpus"
    path = (folder.path / SHIFT if name == SHIFT else stage_folder(folder, name)) / _WEIGHTS
    return path if path.is_file() else None


def _stamp(folder: RunFolder, name: str, clips: Sequence[Clip]) -> dict[str, Any]:
    """What a column depends on."""
    weights = [] if name == TRUTH else [SHIFT] if name == SHIFT else [SHIFT, stage_folder(folder, name).name]
    settings = folder.config.evaluate
    return {
        "clips": [clip.id for clip in clips],
        "texts": [clip.texts[0] for clip in clips],
        "weights": {w: sha256_of(folder.path / w / _WEIGHTS) for w in weights},
        "sampling": [settings.temperature, settings.top_k] if name in SPEAKING else [],
    }


def _made(folder: RunFolder, name: str) -> dict[str, Any] | None:
    found = read_json(folder.path / FOLDER / name / _MADE)
    return None if found is None else {k: v for k, v in found.items() if k != "trouble"}


def _motions(folder: RunFolder, name: str, clips: Sequence[Clip]) -> list[Float32Array]:
    if name == TRUTH:
        return [clip.frames for clip in clips]
    device = torch.device(device_type(folder.config.machine))
    shift = Shift.load(folder.path / SHIFT).to(device)
    if name == SHIFT:
        return through_shift(shift, [clip.frames for clip in clips]).motions
    return _generated(folder, MotionLM.load(stage_folder(folder, name)).to(device), shift, clips)


def _generated(folder: RunFolder, model: MotionLM, shift: Shift, clips: Sequence[Clip]) -> list[Float32Array]:
    """Motions ``(T, 2, 99)`` of the clips' first texts; seeds are the same for every stage."""
    settings, pieces = folder.config.evaluate, load_tokenizer(folder.path / TOKENIZER_FILE)
    asked = [encode(pieces, prompts.text_to_motion(clip.texts[0])) for clip in clips]
    ids, mask = pad_prompts(asked, model.device)
    codes = generate(
        model,
        ids,
        mask,
        range(len(clips)),
        temperature=settings.temperature,
        top_k=settings.top_k,
    )
    return [shift.decode(torch.from_numpy(c[None]).to(model.device))[0].cpu().numpy() for c in codes]


def _write(folder: RunFolder, name: str, clips: Sequence[Clip], motions: Sequence[Float32Array]) -> None:
    """A column's files, and last the note of what they were made from."""
    out = folder.path / FOLDER / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    trouble: dict[str, str] = {}
    for number, (clip, frames) in enumerate(zip(clips, motions, strict=True)):
        try:
            motion = Motion(np.asarray(frames), text=clip.texts[0], seed=None if name == TRUTH else number)
        except InputError as error:  # of a model that came apart: that is worth seeing, not worth dying of
            trouble[str(number)] = str(error)
            continue
        motion.save(out / f"{number:02d}.npz")
    made = {**_stamp(folder, name, clips), "trouble": trouble}
    write_text(out / _MADE, json.dumps(made, indent=1) + "\n")


def sentences(folder: RunFolder) -> list[str]:
    """The sentences that are watched; none before the corpus is there."""
    found = read_json(folder.path / FOLDER / TRUTH / _MADE) or {}
    return [str(text) for text in found.get("texts", [])]


def column(folder: RunFolder, name: str) -> list[Shown] | None:
    """A column's cells, one a sentence; None where the stage has made none yet."""
    found = read_json(folder.path / FOLDER / name / _MADE)
    if found is None:
        return None
    trouble = found.get("trouble", {})
    return [_shown(folder.path / FOLDER / name, n, trouble) for n in range(len(found.get("texts", [])))]


def _shown(path: Path, number: int, trouble: dict[str, str]) -> Shown:
    if str(number) in trouble:
        return Shown(None, trouble[str(number)])
    try:
        return Shown(Motion.load(path / f"{number:02d}.npz"))
    except ClutchError as error:
        return Shown(None, str(error))
