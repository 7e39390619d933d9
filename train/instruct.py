"""Instruction tuning: one model, many requests, worded as ``train.templates`` has them.

``python -m train.instruct run=RUN`` goes on from ``RUN/lm-refine`` (or ``RUN/lm-pretrain`` where that was
left out) and writes ``RUN/lm-instruct`` and the final ``RUN/lm``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from clutch_rt import prompts
from clutch_rt.errors import InputError
from clutch_rt.layout import FPS, FRAMES_PER_STEP, IntArray

from models.lm import MotionLM
from train.completion import PARTS, SHORTEST, keep_part
from train.config import InstructConfig
from train.examples import Example, LMBatch, Schedule, Tasks, collate, hide_past
from train.loop import fit
from train.pretrain import (
    PROBES_FILE,
    Materials,
    Validation,
    build_objective,
    build_probes,
    loss,
    parameter_groups,
    save_stage,
    stage_folder,
)
from train.run import RunFolder, stage_main
from train.seeding import generator, share
from train.templates import TEMPLATES, Template

STAGE: Final = "instruct"

_WEIGHTS: Final = np.asarray([t.weight for t in TEMPLATES]) / sum(t.weight for t in TEMPLATES)


def facts(tasks: Tasks, clip: int, text: str) -> dict[str, str]:
    """What the templates may say of a clip; labels it does not have, or not clearly, are left out.

    ``text`` is the caption to say.
    """
    frames = int(tasks.store.steps[clip]) * FRAMES_PER_STEP
    known = {
        "text": text,
        "frames": str(frames),
        "seconds": f"{round(frames / FPS * 2) / 2:g}",
    }
    actions = tasks.store.actions(clip)
    hands = {a["hand"] for a in actions}
    if len(hands) == 1:
        hand = hands.pop()
        known["hand"] = "both hands" if hand == "both" else f"{hand} hand"
    if len(actions) == 1:
        known["verb"] = prompts.normalise(str(actions[0]["verb"]).replace("_", " "))
        known["speed"] = str(actions[0]["speed"])
        if actions[0]["count"] is not None:
            known["count"] = str(actions[0]["count"])
    return known


def instruction(tasks: Tasks, clip: int, rng: np.random.Generator) -> Example:
    """A clip under a template drawn by weight; the plain prompt where the clip does not suit it.

    The ``flat`` form has no completions, and the plain prompt in their place.
    """
    template = TEMPLATES[int(rng.choice(len(TEMPLATES), p=_WEIGHTS))]
    draw = tasks.caption if "{text}" in template.answer else tasks.sentence
    known, codes = facts(tasks, clip, draw(clip, rng)), tasks.codes(clip)
    short = template.given in ("start", *PARTS) and len(codes) < SHORTEST
    unfit = template.given in PARTS and not tasks.completes
    if short or unfit or not template.fields <= set(known):
        template = TEMPLATES[0]
    said = "{text}" in template.prompt and template.given == "nothing" and not template.answer
    told = tasks.told(clip) if said or template.given == "whole" else None
    made = fill(tasks, template, known, codes, rng, told)
    return made if made.codes is None else replace(made, rhythm=tasks.rhythm(clip))


def fill(
    tasks: Tasks,
    template: Template,
    known: Mapping[str, str],
    codes: IntArray,
    rng: np.random.Generator,
    told: IntArray | None = None,
) -> Example:
    """A template with its fields filled; the start of a clip is 1 step to two thirds of it.

    ``told`` are the clip's labels, where the prompt tells them or the motion is given whole.
    """
    prompt = tasks.ids(template.prompt.format(**known))
    answer = tasks.ids(template.answer.format(**known)) if template.answer else None
    given = None
    if template.given == "whole":
        given = codes
    elif template.given == "start":
        given = codes[: int(rng.integers(1, max(2, 2 * len(codes) // 3 + 1)))]
    elif template.given != "nothing":
        given = keep_part(codes, tasks.places, template.given, rng)
    return Example(prompt, given, None if answer else codes, answer, labels=told)


class InstructBatches:
    """Batches of instructions: ``(step, rank, world)`` to rows."""

    def __init__(self, tasks: Tasks, settings: InstructConfig, hide_share: float, seed: int) -> None:
        self.tasks, self.seed, self.size, self.hide_share = tasks, seed, settings.batch_size, hide_share
        self.schedule = Schedule(tasks.store.steps, settings.batch_size, seed, STAGE)

    def __call__(self, step: int, rank: int, world: int) -> LMBatch:
        clips = self.schedule.clips(step)
        rows = range(self.size)[share(self.size, rank, world)]
        examples = []
        for row in rows:
            made = instruction(self.tasks, int(clips[row]), generator(self.seed, STAGE, step, row))
            past = generator(self.seed, STAGE, "past", step, row)
            examples.append(hide_past(made, self.hide_share, past))
        return collate(examples)


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """Tune the refined model on every template."""
    config = folder.config
    materials = Materials.open(folder)
    model = MotionLM.load(_start(folder))
    materials.check(model)
    probes = build_probes(model, materials, config.lm)
    probes.load(stage_folder(folder, "pretrain") / PROBES_FILE)
    objective = build_objective(model, config.lm, probes)
    report = fit(
        folder,
        STAGE,
        objective,
        InstructBatches(materials.train, config.instruct, config.lm.hide_share, config.seed),
        loss,
        config.instruct,
        groups=parameter_groups(objective, config.lm),
        validate=Validation(materials.val, config.lm.validation_clips),
    )
    save_stage(folder, STAGE, model)
    return {"steps": report.steps, **report.numbers, "validation": report.validation}


def _start(folder: RunFolder) -> Path:
    for name in ("refine", "pretrain"):
        start = stage_folder(folder, name)
        if (start / "config.json").exists():
            return start
    raise InputError(
        f"{folder.path} has no pre-trained model; run `python -m train.pretrain run={folder.path}`"
    )


def main() -> int:
    """``python -m train.instruct``."""
    return stage_main(STAGE, stage)


if __name__ == "__main__":
    sys.exit(main())
