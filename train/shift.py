"""Train SHIFT, the tokenizer of motion: ``python -m train.shift run=FOLDER``.

Reads ``RUN/corpus``, writes ``RUN/shift`` (the model, and ``metrics.json`` measured on held-out clips).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array
from torch import Tensor, nn

from models.kinematics import HandKinematics
from models.shift import Shift
from train.config import ShiftTrainConfig
from train.corpus.free import free_clips
from train.evaluate.errors import usage
from train.evaluate.metrics import acceleration_error, mpjpe, wrist_aligned_mpjpe
from train.loop import fit, forked_random, generator, share
from train.optim import Group
from train.run import RunFolder, is_main, stage_main, write_text
from train.shift_loss import Objective
from train.store import read_clips
from train.windows import Motions, first, whole_steps

STAGE: Final = "shift"
_FREE_PART: Final = 4  # as many held-out clips of the corpus come with one of free motion


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """Train on the corpus of the run, save the model, and report held-out errors."""
    settings = folder.config.shift
    train = Motions.gather(_training_clips(folder))
    held_out = first(_frames(folder, "val"), settings.validation_clips)
    free = _free_held_out(folder)
    with forked_random(torch.device("cpu"), folder.config.seed, STAGE, "weights"):
        model = Shift(settings.model)
    model.fit_normaliser(train.frames)
    objective = Objective(model, settings)
    report = fit(
        folder,
        STAGE,
        model,
        batch=lambda step, rank, world: draw(train, settings, folder.config.seed, step, rank, world),
        loss=objective,
        settings=settings,
        groups=groups(model),
        validate=lambda m, step: {**measure(m, held_out), **_free_errors(m, free)},
    )
    if is_main():
        model.save(folder.folder("shift"))
        write_text(folder.path / "shift" / "metrics.json", json.dumps(report.validation, indent=2) + "\n")
    return report.validation


def _frames(folder: RunFolder, split: str) -> Iterator[Float32Array]:
    return (clip.frames for clip in read_clips(folder.path / "corpus", split=split))


def _training_clips(folder: RunFolder) -> Sequence[Float32Array]:
    """The corpus's clips and, for ``shift.free_share`` of them all, free motion: any posture, place and turn.

    A corpus with fewer clips than asked for gets fewer of the others as well, so the share holds.
    """
    settings = folder.config.shift
    clips = first(_frames(folder, "train"), settings.clips - int(settings.free_share * settings.clips))
    free = int(len(clips) * settings.free_share / (1.0 - settings.free_share))
    return [*clips, *free_clips(folder.config.corpus.seed, "train", free)]


def _free_held_out(folder: RunFolder) -> Sequence[Float32Array]:
    settings = folder.config.shift
    count = max(settings.validation_clips // _FREE_PART, 1) if settings.free_share else 0
    return list(free_clips(folder.config.corpus.seed, "val", count))


def _free_errors(model: nn.Module, clips: Sequence[Float32Array]) -> dict[str, float]:
    """``free_mpjpe`` and ``free_wrist_aligned`` of held-out free motion, mm; nothing where none is learnt."""
    if not clips:
        return {}
    errors = measure(model, clips)
    return {f"free_{name}": errors[name] for name in ("mpjpe", "wrist_aligned")}


def draw(motions: Motions, settings: ShiftTrainConfig, seed: int, step: int, rank: int, world: int) -> Tensor:
    """A process's share of a step's windows, ``(batch_size / world, window, 2, 99)``, or shorter and more.

    In ``short_share`` of training they last any whole number of 8 frames, and are about as many frames in
    all: of a motion of a second little has passed that it could be decoded from, and of 8 frames nothing.
    """
    rng = generator(seed, STAGE, "windows", step)
    size, count = settings.window, settings.batch_size
    if rng.random() < settings.short_share:
        size = FRAMES_PER_STEP * int(rng.integers(1, size // FRAMES_PER_STEP + 1))
        count *= settings.window // size
    return motions.windows(size, count, rng, settings.ends)[share(count, rank, world)]


def groups(model: nn.Module) -> list[Group]:
    """Kernels learn by Muon, each as a matrix of its outputs by all that they see; vectors by AdamW."""
    kernels = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [Group(kernels, blocks=(1, 1)), Group(vectors, decay=False)]


@torch.no_grad()
def measure(model: nn.Module, clips: Sequence[Float32Array]) -> dict[str, float]:
    """Errors of whole clips through the codes and back.

    Returns:
        ``mpjpe`` and ``wrist_aligned`` in mm, ``accel`` in mm per frame squared (clip means averaged by
        frames), and per codebook ``NAME_used`` (entries) and ``NAME_perplexity``.
    """
    assert isinstance(model, Shift)
    device = model.mean.device
    kinematics = HandKinematics().to(device)
    errors, weights, codes = [], [], []
    for clip in clips:
        frames = whole_steps(torch.from_numpy(clip))[None].to(device)
        code = model.encode(frames)
        made = kinematics(model.decode(code))[0, : len(clip)].cpu().numpy()
        true = kinematics(frames)[0, : len(clip)].cpu().numpy()
        errors.append((mpjpe(made, true), wrist_aligned_mpjpe(made, true), acceleration_error(made, true)))
        weights.append(len(clip))
        codes.append(code[0].cpu().numpy())
    means = np.average(np.asarray(errors), axis=0, weights=weights)
    named = dict(zip(("mpjpe", "wrist_aligned", "accel"), means.tolist(), strict=True))
    return {**named, **_usage(model, np.concatenate(codes))}


def _usage(model: Shift, codes: np.ndarray) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, found in usage([codes], model.codebook_names, model.codebook_sizes).items():
        numbers[f"{name}_used"] = float(found.used)
        numbers[f"{name}_perplexity"] = found.perplexity
    return numbers


def main() -> int:
    """``python -m train.shift``."""
    return stage_main(STAGE, stage)


if __name__ == "__main__":
    sys.exit(main())
