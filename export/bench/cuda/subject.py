"""What is timed: a language model of the ``step`` form, its graphs, and the motions that are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from clutch_rt.bundle import Bundle
from clutch_rt.errors import InputError
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array
from clutch_rt.noise import block_noise
from clutch_rt.options import Request
from clutch_rt.sessions import Sessions

from export.bench import artefacts, task
from export.bench.own import bare_bundle
from export.bundle_writer import write_graphs
from export.lm_graphs import lm_graphs
from export.parity import SENTENCES
from export.run_folder import read_run
from export.weights import WeightStore
from models import generation
from models.generation import DEFAULT_TEMPERATURE, DEFAULT_TOP_K
from models.lm import Encoded, MotionLM


@dataclass(frozen=True)
class Subject:
    """A model and its graphs.

    Attributes:
        name: in tables.
        model: on the CPU, float32, in evaluation mode.
        prompts: ids of sentences.
        bundle: its graphs in fp32, the step of fixed shapes among them.
        bytes: of weights that a step must read in float32.
    """

    name: str
    model: MotionLM
    prompts: tuple[tuple[int, ...], ...]
    bundle: Bundle
    bytes: float


@dataclass(frozen=True)
class Case:
    """Motions that are drawn together; a seed stands for its sentence, too.

    Attributes:
        subject: whose.
        seeds: of each motion.
        steps: how long they are.
        noise: of each step ``(B, C, rows)``.
    """

    subject: Subject
    seeds: tuple[int, ...]
    steps: int
    noise: list[Float32Array]

    @classmethod
    def of(cls, subject: Subject, seeds: Iterable[int], steps: int) -> Case:
        """Its noise is drawn here, so that no way is timed with it."""
        seeds = tuple(seeds)
        rows = subject.model.grammar.drawn.tolist()
        blocks = [block_noise(seed, 0, steps, rows) for seed in seeds]
        noise = [np.stack([block[step] for block in blocks]) for step in range(steps)]
        return cls(subject, seeds, steps, noise)

    @property
    def batch(self) -> int:
        """How many motions there are."""
        return len(self.seeds)

    def prompt(self, row: int) -> tuple[int, ...]:
        """Ids of one motion's sentence."""
        return self.subject.prompts[self.seeds[row] % len(self.subject.prompts)]

    def request(self, row: int) -> Request:
        """What one motion is asked for."""
        return Request(self.steps * FRAMES_PER_STEP, self.seeds[row], DEFAULT_TEMPERATURE, DEFAULT_TOP_K)

    @cached_property
    def encoded(self) -> Encoded:
        """The memory of all, as PyTorch makes it on the CPU; under the plans that their seeds draw."""
        with torch.no_grad():
            return self._encode()

    def _encode(self) -> Encoded:
        model = self.subject.model
        encoded = model.encode(*generation.pad_prompts([self.prompt(row) for row in range(self.batch)]))
        if model.plan is None:
            return encoded
        plans = generation.draw_plans(model, encoded, self.seeds, DEFAULT_TEMPERATURE)
        return model.with_plan(encoded, plans)


def of_run(path: Path, work: Path) -> Subject:
    """The model of a finished run; its graphs are written into ``work``."""
    run = read_run(path)
    prompts = tuple(tuple(run.prompt(text)) for text in SENTENCES)
    return _subject(path.resolve().name, run.model, prompts, work)


def of_size(size: str, work: Path) -> Subject:
    """A model of one of the sizes in ``models.t5.SIZES``, of random weights."""
    return _subject(f"{size}, random weights", artefacts.models(size)["step"], (task.PROMPT,), work)


def sessions(subject: Subject, device: str) -> Sessions:
    """Of its graphs in fp32; DeviceError where the device cannot be had."""
    return Sessions(subject.bundle, device, torch.get_num_threads())


def _subject(name: str, model: MotionLM, prompts: tuple[tuple[int, ...], ...], work: Path) -> Subject:
    if model.grammar.form != "step":
        raise InputError(
            f"{name} is a model of the form {model.grammar.form!r}; this measures the form 'step'"
        )
    folder = work / "graphs"
    folder.mkdir(parents=True)
    store = WeightStore()
    write_graphs(folder, lm_graphs(model, store, "fp32"), store)
    size = task.work(model.config, "fp32").per_position
    return Subject(name, model, prompts, bare_bundle(folder, model.grammar, "fp32"), size)
