"""How the baselines learn: three stages of the run, each through ``train.loop.fit``.

``baseline-tokenizer`` and ``baseline-gpt`` make the T2M-GPT-style model, ``baseline-diffusion`` the HumanMDM-
style one. They leave ``RUN/baselines/tokenizer``, ``gpt`` and ``diffusion``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from torch import nn

from models.shift import Shift
from train.baselines.budget import steps_within
from train.baselines.codes import CodeBatches, Coded
from train.baselines.config import BaselinesConfig, DiffusionConfig, GPTConfig, TextConfig, tokenizer_fit
from train.baselines.data import Batches, TextMotions, validation_batches
from train.baselines.diffusion import DiffusionObjective, MotionDiffusion
from train.baselines.files import load_config, load_into, save_model
from train.baselines.gpt import GPTObjective, MotionGPT, code_loss
from train.baselines.text import Sentences
from train.config import FitConfig
from train.loop import Batch, FitReport, Loss, Validate, fit, forked_random
from train.optim import device_type
from train.overrides import build
from train.run import RunFolder, is_main
from train.shift import draw, measure
from train.shift_loss import Objective
from train.tokenizer import TOKENIZER_FILE, load_tokenizer

TOKENIZER: Final = "baseline-tokenizer"
GPT: Final = "baseline-gpt"
DIFFUSION: Final = "baseline-diffusion"
_VALIDATION: Final = 256  # held-out clips

S = TypeVar("S", bound=FitConfig)


@dataclass(frozen=True)
class Trainer:
    """Trains the baselines of a run; each method is a stage."""

    config: BaselinesConfig
    train: TextMotions
    val: TextMotions
    pieces: int

    @classmethod
    def open(cls, folder: RunFolder, config: BaselinesConfig) -> Trainer:
        """Read the run's corpus and vocabulary; their errors say what is missing."""
        sentences = open_sentences(folder, config.text)
        corpus = folder.path / "corpus"
        train = TextMotions.read(corpus, "train", config.clips, sentences)
        return cls(config, train, TextMotions.read(corpus, "val", _VALIDATION, sentences), sentences.pieces)

    def tokenizer(self, folder: RunFolder) -> Mapping[str, Any]:
        """The VQ-VAE with one codebook, by the losses and windows of the run's SHIFT."""
        settings, seed = tokenizer_fit(self.config, folder.config), folder.config.seed
        with _weights(folder, TOKENIZER):
            model = Shift(settings.model)
        model.fit_normaliser(self.train.motions.frames[::4])
        held_out = [self.val.motions[i].numpy() for i in range(min(settings.validation_clips, len(self.val)))]
        report = _fit(
            folder,
            TOKENIZER,
            model,
            lambda step, rank, world: draw(self.train.motions, settings, seed, step, rank, world),
            Objective(model, settings),
            settings,
            lambda m, step: measure(m, held_out),
            self.config.minutes * self.config.tokenizer_share,
        )
        if is_main():
            model.save(models_of(folder) / "tokenizer")
        return _told(report, settings.batch_size, len(self.train))

    def gpt(self, folder: RunFolder) -> Mapping[str, Any]:
        """The transformer over the codes."""
        settings = self.config.gpt
        tokenizer = Shift.load(models_of(folder) / "tokenizer")
        with _weights(folder, GPT):
            model = MotionGPT(self.pieces, self.config.tokenizer.codes, settings, self.config.text)
        coded = Coded(tokenizer, self.train, settings.max_steps)
        held_out = Coded(tokenizer, self.val, settings.max_steps)
        batches = [held_out.batch(b) for b in validation_batches(self.val, settings.batch_size)]

        def validate(m: nn.Module, step: int) -> dict[str, float]:
            device = next(m.parameters()).device
            parts = [b.to(device) for b in batches]
            losses = [float(code_loss(m(b.ids, b.ids_mask, b.codes), b, model.end)) for b in parts]
            return {"loss": sum(losses) / len(losses)}

        report = _fit(
            folder,
            GPT,
            model,
            CodeBatches(Batches(self.train, settings.batch_size, folder.config.seed, GPT), coded),
            GPTObjective(model.end, settings.corruption),
            settings,
            validate,
            self.config.minutes * (1.0 - self.config.tokenizer_share),
        )
        shape = {"pieces": self.pieces, "codes": model.end, **_shape(settings, self.config.text)}
        if is_main():
            save_model(models_of(folder) / "gpt", model, shape)
        return _told(report, settings.batch_size, len(self.train))

    def diffusion(self, folder: RunFolder) -> Mapping[str, Any]:
        """The diffusion model."""
        settings = self.config.diffusion
        with _weights(folder, DIFFUSION):
            model = MotionDiffusion(self.pieces, settings, self.config.text)
        model.fit_normaliser(self.train.motions.frames[::4])
        objective = DiffusionObjective(model, settings)
        batches = validation_batches(self.val, settings.batch_size)

        def validate(m: nn.Module, step: int) -> dict[str, float]:
            device = model.mean.device
            losses = [float(objective(m, b.to(device), 0)[0]) for b in batches]
            return {"loss": sum(losses) / len(losses)}

        report = _fit(
            folder,
            DIFFUSION,
            model,
            Batches(self.train, settings.batch_size, folder.config.seed, DIFFUSION),
            objective,
            settings,
            validate,
            self.config.minutes,
        )
        if is_main():
            shape = {"pieces": self.pieces, **_shape(settings, self.config.text)}
            save_model(models_of(folder) / "diffusion", model, shape)
        return _told(report, settings.batch_size, len(self.train))


def _fit(
    folder: RunFolder,
    stage: str,
    model: nn.Module,
    batch: Batch,
    loss: Loss,
    settings: FitConfig,
    validate: Validate,
    minutes: float,
) -> FitReport:
    """``train.loop.fit``, for as many steps as the budget has."""
    model.to(device_type(folder.config.machine))
    steps = steps_within(folder, stage, minutes, model, batch, loss, settings)
    return fit(folder, stage, model, batch, loss, replace(settings, steps=steps), validate=validate)


def _weights(folder: RunFolder, stage: str) -> Any:
    return forked_random(torch.device("cpu"), folder.config.seed, stage, "weights")


def _told(report: FitReport, batch_size: int, clips: int) -> dict[str, Any]:
    """What a stage reports."""
    return {
        "steps": report.steps,
        "batch_size": batch_size,
        "clips": clips,
        "validation": report.validation,
    }


def _shape(settings: FitConfig, text: TextConfig) -> dict[str, Any]:
    return {"model": asdict(settings), "text": asdict(text)}


def models_of(folder: RunFolder) -> Path:
    """Where the baselines of a run are."""
    return folder.path / "baselines"


def open_sentences(folder: RunFolder, text: TextConfig) -> Sentences:
    """The run's vocabulary."""
    return Sentences(load_tokenizer(folder.path / TOKENIZER_FILE), text.max_pieces)


def load_gpt(folder: Path) -> MotionGPT:
    """The transformer that a folder holds, in evaluation mode; FileFormatError where it cannot be had."""
    found = load_config(folder)
    settings, text = build(GPTConfig, found["model"]), build(TextConfig, found["text"])
    model = MotionGPT(found["pieces"], found["codes"], settings, text)
    load_into(folder, model)
    return model.eval()


def load_diffusion(folder: Path) -> MotionDiffusion:
    """The diffusion model that a folder holds, in evaluation mode; as ``load_gpt``."""
    found = load_config(folder)
    settings, text = build(DiffusionConfig, found["model"]), build(TextConfig, found["text"])
    model = MotionDiffusion(found["pieces"], settings, text)
    load_into(folder, model)
    return model.eval()
