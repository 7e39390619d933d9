"""How well the rest of a held-out clip is made: ``python -m train.evaluate.complete run=FOLDER``.

Every clip has one action and is completed five ways, with its sentence and without. What was given must come
back as it was; what was made is held against the clip's own motion, and for chance against another clip's.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import clutch_rt
import numpy as np
import torch
from clutch_rt import Given, Motion, prompts
from clutch_rt.completion import PARTS, Part, plan_of
from clutch_rt.errors import InputError
from clutch_rt.layout import FPS, FRAMES_PER_STEP, HANDS, Float32Array
from numpy.typing import NDArray

from models.generation import generate, pad_codes, pad_prompts
from models.lm import MotionLM
from models.shift import Shift
from train.command import command_main
from train.corpus import Clip, draw_clip
from train.evaluate.__main__ import open_finished, split_arguments
from train.evaluate.features import features, joints_of
from train.evaluate.judging import Pieces, device_of, make_judge
from train.evaluate.metrics import MILLIMETRES, bootstrap, joint_errors
from train.evaluate.report import table
from train.evaluate.retrieval import Judge, judge_motions
from train.evaluate.samplers import through_shift
from train.evaluate.sets import FIRST_INDEX
from train.run import RunFolder, prepare_machine, write_text
from train.tokenizer import TOKENIZER_FILE, encode, load_tokenizer

USAGE = """usage: python -m train.evaluate.complete run=FOLDER [bundle=PATH] [clips=64] [evaluate.KEY=VALUE]

Completes held-out clips of one action from each part that can be given, with their sentence and without, and
writes the table FOLDER/complete.md; with bundle=PATH the exported bundle does it, into complete-NAME.md.
Settings: temperature, top_k."""

CLIPS: Final = 64
_FEWEST: Final = 32  # frames, for a beginning and an end with something between
_BATCH: Final = 32


@dataclass(frozen=True)
class Task:
    """A clip of which a part is given.

    Attributes:
        clip: the whole of it.
        given: the part.
        seconds: to be made; None where that is known.
        kept: ``(T, 2, 21)`` bool, the joints that are given.
        seams: numbers of the frames that are the first behind a seam.
    """

    clip: Clip
    given: Given
    seconds: float | None
    kept: NDArray[np.bool_]
    seams: tuple[int, ...] = ()

    @property
    def made(self) -> NDArray[np.bool_]:
        """The joints that are not given."""
        return ~self.kept


class Completer(Protocol):
    """A model that completes motions."""

    name: str

    def complete(
        self, tasks: Sequence[Task], texts: Sequence[str | None], seeds: Sequence[int]
    ) -> list[Float32Array]:
        """A motion ``(T, 2, 99)`` for each task, as long as its clip."""


class TorchCompleter:
    """The models of a run, laid out and joined as the runtime does it."""

    name: str = "PyTorch models of the run"

    def __init__(self, folder: RunFolder) -> None:
        """Load the run's models; their errors say what is missing."""
        self._device = device_of(folder)
        self._shift = Shift.load(folder.path / "shift").to(self._device).eval()
        self._lm = MotionLM.load(folder.path / "lm").to(self._device).eval()
        self._pieces = load_tokenizer(folder.path / TOKENIZER_FILE)
        self._settings = folder.config.evaluate

    @torch.no_grad()
    def complete(
        self, tasks: Sequence[Task], texts: Sequence[str | None], seeds: Sequence[int]
    ) -> list[Float32Array]:
        """A motion for each task."""
        plans = [plan_of(task.given, task.seconds, self._lm.grammar.max_steps) for task in tasks]
        codes = through_shift(self._shift, [plan.frames for plan in plans]).codes or []
        places = self._lm.grammar.places
        asked = [prompts.COMPLETE if text is None else prompts.text_to_motion(text) for text in texts]
        ids, mask = pad_prompts([encode(self._pieces, prompt) for prompt in asked], self._device)
        chosen = generate(
            self._lm,
            ids,
            mask,
            seeds,
            temperature=self._settings.temperature,
            top_k=self._settings.top_k,
            given=[plan.given(found, places) for plan, found in zip(plans, codes, strict=True)],
        )
        out: list[Float32Array] = []
        for first in range(0, len(chosen), _BATCH):  # the decoder is causal: what is padded is cut off again
            padded = pad_codes(chosen[first : first + _BATCH], self._device)[0]
            decoded = self._shift.decode(padded).cpu().numpy()
            part = plans[first : first + _BATCH]
            out += [
                plan.join(frames[: plan.steps * FRAMES_PER_STEP])
                for plan, frames in zip(part, decoded, strict=True)
            ]
        return out


class BundleCompleter:
    """An exported bundle, through the runtime's ``Model.complete``.

    Held-out wordings have words the model never met; the runtime's notes about them are silenced.
    """

    def __init__(self, path: Path, folder: RunFolder) -> None:
        """Open and verify the bundle; its errors say what is wrong with it."""
        self._model = clutch_rt.load(path)
        logging.getLogger("clutch_rt").setLevel(logging.ERROR)
        self._settings = folder.config.evaluate
        self.name = f"bundle {self._model.info.name} ({self._model.info.precision})"

    def complete(
        self, tasks: Sequence[Task], texts: Sequence[str | None], seeds: Sequence[int]
    ) -> list[Float32Array]:
        """A motion for each task."""
        warmth, best = self._settings.temperature, self._settings.top_k
        return [
            self._model.complete(
                task.given, text, task.seconds, seed=seed, temperature=warmth, top_k=best
            ).frames
            for task, text, seed in zip(tasks, texts, seeds, strict=True)
        ]


def held_out(folder: RunFolder, count: int) -> list[Clip]:
    """``count`` clips of the test split's kind, of one action each, long enough to be given in parts."""
    config = replace(folder.config.corpus, max_actions=1)
    drawn = (draw_clip(config.seed, FIRST_INDEX + i, "test", config) for i in itertools.count())
    return list(itertools.islice((clip for clip in drawn if len(clip.frames) >= _FEWEST), count))


def make_task(clip: Clip, part: Part, rng: np.random.Generator) -> Task:
    """A clip with a part given: a third to a half as a beginning, a fifth to a third as either end."""
    motion, count = Motion(clip.frames), len(clip.frames)
    kept = np.zeros((count, len(HANDS), 21), np.bool_)
    if part == "beginning":
        start = int(rng.integers(count // 3, count // 2 + 1))
        kept[:start] = True
        return Task(clip, Given.beginning(motion.frames[:start]), (count - start) / FPS, kept, (start,))
    if part == "ends":
        start, left = (int(n) for n in rng.integers(count // 5, count // 3 + 1, 2))
        stop = count - left
        kept[:start] = kept[stop:] = True
        given = Given.ends(motion.frames[:start], motion.frames[stop:])
        return Task(clip, given, (stop - start) / FPS, kept, (start, stop))
    if part == "wrists":
        kept[:, :, 0] = True
        return Task(clip, Given.wrists(motion), None, kept)
    kept[:, HANDS.index(part)] = True
    return Task(clip, Given.hand(motion, part), None, kept)


@dataclass(frozen=True)
class Numbers:
    """What is measured of one motion.

    Attributes:
        kept: of what was given, mm from the clip; the mean over joints, as all distances.
        made: of what was made, mm from the clip.
        other: the same, from another clip: chance.
        jump: mm that joints move from the frame before a seam to the one behind, the larger of two seams.
        jerk: mm per frame by which that movement differs from the one before or after it.
        true_jump, true_jerk: of the clip itself, there.
    """

    kept: float
    made: float
    other: float
    jump: float
    jerk: float
    true_jump: float
    true_jerk: float


def measure(task: Task, frames: Float32Array, other: Clip) -> Numbers:
    """Hold a completed motion against its clip and against another one, whose last pose is held."""
    joints, true = joints_of(frames), joints_of(task.clip.frames)
    away = joints_of(other.frames)[np.minimum(np.arange(len(true)), len(other.frames) - 1)]
    errors = joint_errors(joints, true)
    return Numbers(
        float(errors[task.kept].mean()),
        float(errors[task.made].mean()),
        float(joint_errors(joints, away)[task.made].mean()),
        *_seams(joints, task.seams),
        *_seams(true, task.seams),
    )


def _seams(joints: NDArray[np.floating], seams: Sequence[int]) -> tuple[float, float]:
    """The larger movement and change of movement over seams, mm per frame; NaN without one."""
    if not seams:
        return float("nan"), float("nan")
    steps = np.diff(joints.astype(np.float64), axis=0) * MILLIMETRES  # row t - 1 leads to frame t
    changes = np.linalg.norm(np.diff(steps, axis=0), axis=-1).mean(axis=(1, 2))
    sizes = np.linalg.norm(steps, axis=-1).mean(axis=(1, 2))
    jumps = [float(sizes[seam - 1]) for seam in seams]
    jerks = [float(changes[max(seam - 2, 0) : seam].max()) for seam in seams]
    return max(jumps), max(jerks)


def table_of(
    completer: Completer, judge: Judge, clips: Sequence[Clip], rng: np.random.Generator
) -> tuple[str, dict[str, list[Float32Array]]]:
    """The table in Markdown, and the motions by row.

    Args:
        completer: the model.
        judge: whose verbs are believed.
        clips: of one action each.
        rng: draws what is given, and the intervals.
    """
    rows, motions = [], {}
    truth = _verbs(judge, clips, [clip.frames for clip in clips])
    rows.append(["the clips themselves", *["-"] * 6, _cell(truth, rng, 2)])
    for part in PARTS:
        tasks = [make_task(clip, part, rng) for clip in clips]
        for told in (True, False):
            name = f"{_NAMES[part]}, {'with' if told else 'without'} its sentence"
            texts = [clip.texts[0] if told else None for clip in clips]
            made = completer.complete(tasks, texts, list(range(len(tasks))))
            rows.append(_row(name, tasks, made, judge, rng))
            motions[name] = made
    return table(_HEADINGS, rows), motions


_NAMES: Final[Mapping[Part, str]] = {
    "beginning": "beginning",
    "ends": "both ends",
    "left": "left hand",
    "right": "right hand",
    "wrists": "wrists",
}
_HEADINGS: Final = (
    "given",
    "given part, mm off",
    "made part, mm off",
    "made part, mm off another clip",
    "over the seam, mm/frame",
    "the clip there",
    "change of velocity there, mm/frame (the clip's)",
    "verb",
)


def _row(
    name: str, tasks: Sequence[Task], made: Sequence[Float32Array], judge: Judge, rng: np.random.Generator
) -> list[str]:
    clips = [task.clip for task in tasks]
    others = [*clips[1:], clips[0]]
    found = [measure(*three) for three in zip(tasks, made, others, strict=True)]
    seams = bool(tasks[0].seams)
    jerks = f"{_cell([n.jerk for n in found], rng)} ({_cell([n.true_jerk for n in found], rng)})"
    return [
        name,
        f"{max(n.kept for n in found):.4f}",
        _cell([n.made for n in found], rng),
        _cell([n.other for n in found], rng),
        _cell([n.jump for n in found], rng) if seams else "-",
        _cell([n.true_jump for n in found], rng) if seams else "-",
        jerks if seams else "-",
        _cell(_verbs(judge, clips, made), rng, 2),
    ]


def _verbs(judge: Judge, clips: Sequence[Clip], motions: Sequence[Float32Array]) -> list[float]:
    """1 for each motion that the judge takes for its clip's verb."""
    seen = judge_motions(judge, [features(frames) for frames in motions]).verbs
    return [float(verb == clip.actions[0].verb) for verb, clip in zip(seen, clips, strict=True)]


def _cell(values: Sequence[float], rng: np.random.Generator, digits: int = 1) -> str:
    found = bootstrap(values, rng)
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def report(folder: RunFolder, completer: Completer, count: int, command: str) -> str:
    """The page of a run: the table, and what its columns mean."""
    judge = make_judge(folder, Pieces(folder.path / TOKENIZER_FILE))
    clips = held_out(folder, count)
    if len(clips) < 2:
        raise InputError(f"{len(clips)} clips are too few to compare; ask for clips=2 or more")
    settings = folder.config.evaluate
    shown = table_of(completer, judge, clips, np.random.default_rng([folder.config.seed, 30]))[0]
    return f"""# Completing motions

{completer.name}, {len(clips)} held-out clips of one action, temperature {settings.temperature:g},
top-k {settings.top_k}; means with 95 % intervals over clips. Made by `{command}`.

{shown}

Given are a third to a half of the clip as a beginning, a fifth to a third as each of two ends, all frames of
a hand, or the ways of both wrists. *Given part*: the worst clip's mean over joints. *Made part*: mean joint
distance to the clip's own motion, which is one of many that would do, and for chance to another clip's.
*Over the seam*: mean movement of the joints between the last frame given and the first one made (the larger
of two seams); the clip's own movement at the same frames stands beside it. *Verb*: how often the judge, of
{len(judge.config.verbs)} verbs, takes the whole motion for the clip's.
"""


def _run(arguments: Sequence[str]) -> None:
    special, settings = split_arguments(arguments, "bundle", "clips")
    folder = open_finished(special, settings)
    prepare_machine(folder.config)
    try:
        count = int(special.get("clips", CLIPS))
    except ValueError:
        raise InputError(f"clips is {special['clips']!r}; a whole number is wanted") from None
    command = " ".join(["python -m train.evaluate.complete", *arguments])
    if "bundle" in special:
        path = Path(special["bundle"])
        out = folder.path / f"complete-{path.resolve().name}.md"
        completer: Completer = BundleCompleter(path, folder)
    else:
        out, completer = folder.path / "complete.md", TorchCompleter(folder)
    write_text(out, report(folder, completer, count, command))
    print(f"written: {out}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(USAGE, _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
