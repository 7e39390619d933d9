"""A tiny run of the language model: its settings, and what must be there before its first stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from clutch_rt import prompts

from models.shift import Shift
from train import tokens
from train.config import RunConfig, TokenizerConfig, apply
from train.corpus import draw_clip
from train.presets import smoke
from train.run import RunFolder
from train.tokenizer import TOKENIZER_FILE, template_sentences, train_tokenizer

CLIPS, VALIDATION = 32, 8


def tiny(*settings: str) -> RunConfig:
    """The smoke preset, made smaller yet."""
    base = smoke()
    shift = replace(base.shift.model, widths=(8, 12, 16, 16), trajectory_codes=24, pose_codes=16, code_size=8)
    config = replace(
        base,
        shift=replace(base.shift, model=shift),
        tokens=replace(base.tokens, clips=CLIPS, validation=VALIDATION, shard_clips=CLIPS),
        machine=replace(base.machine, threads=1, progress=False, tensorboard=False, plots=False),
        lm=replace(base.lm, steps=9, batch_size=8, warmup=3, validation_clips=VALIDATION, learning_rate=3e-3),
        refine=replace(base.refine, steps=3, batch_size=4),
        instruct=replace(base.instruct, steps=4, batch_size=8),
    )
    return apply(config, settings)


def make_materials(path: Path) -> None:
    """What comes before the language model: a SHIFT, a vocabulary and tokens."""
    config = tiny()
    folder = RunFolder.open(path, config)
    torch.manual_seed(0)
    Shift(config.shift.model).save(folder.folder("shift"))
    tokens.stage(folder)
    texts = [
        prompts.normalise(t) for i in range(CLIPS) for t in draw_clip(0, i, "train", config.corpus).texts
    ]
    train_tokenizer([*texts, *template_sentences()], path / TOKENIZER_FILE, TokenizerConfig(vocab=420))


def folder_of(materials: Path, path: Path, *settings: str) -> RunFolder:
    """A run that shares the materials of another folder."""
    folder = RunFolder.open(path, tiny(*settings))
    for name in ("shift", "tokens", TOKENIZER_FILE):
        if not (path / name).exists():
            (path / name).symlink_to(materials / name)
    return folder
