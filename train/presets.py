"""The three sets of values that a run may start from: smoke, default (the model that ships), and paper."""

from __future__ import annotations

from typing import Final, Literal

from clutch_rt.errors import InputError

from models.shift_config import ShiftConfig
from train.config import (
    EvaluateConfig,
    InstructConfig,
    LMTrainConfig,
    MachineConfig,
    RefineConfig,
    RunConfig,
    ShiftTrainConfig,
    TokenizerConfig,
    TokensConfig,
)
from train.corpus.config import CorpusConfig


def smoke() -> RunConfig:
    """About 3 CPU-minutes, 6 verbs, 600 clips: proves that every stage runs and learns; no quality."""
    return RunConfig(
        preset="smoke",
        corpus=CorpusConfig.smoke(),
        shift=ShiftTrainConfig(
            model=ShiftConfig(
                widths=(32, 48, 64, 64),
                depth=1,
                trajectory_codes=128,
                pose_codes=128,
                trajectory_levels=2,
                start_steps=20,
            ),
            steps=160,
            batch_size=16,
            clips=480,
            free_share=0.1,
            validation_clips=32,
            validate_every=0,
        ),
        tokenizer=TokenizerConfig(vocab=480),
        tokens=TokensConfig(clips=600, validation=64, shard_clips=100),
        lm=LMTrainConfig(size="nano", steps=150, batch_size=16, validate_every=0, validation_clips=64),
        refine=RefineConfig(steps=10, batch_size=8, warmup=2, validate_every=0),
        instruct=InstructConfig(steps=10, batch_size=16, warmup=2, validate_every=0),
        evaluate=EvaluateConfig(
            clips=32,
            retrieval_steps=60,
            repeats=2,
            captions=32,
            modality_texts=4,
            modality_draws=3,
            asked=4,
            choice_clips=16,
        ),
    )


def default() -> RunConfig:
    """About three hours on two cores: the model that ships."""
    return RunConfig(
        preset="default",
        machine=MachineConfig(threads=2),
        # Measured: with two levels for all, the turns of wrists made 6.0 of 6.6 mm of wrist-aligned error,
        # and fingers 2.0. After 500 steps, by (levels x codes) of trajectory and pose, MPJPE and aligned:
        # (2 x 1024, 2 x 512) 14.5 and 8.0 mm, (3 x 1024, 1 x 1024) 11.0 and 6.6, (4 x 1024, 1 x 1024) 9.1
        # and 5.9; with relative_weight 60 for 30, (4 x 512, 1 x 1024) 10.6 and 5.9. Smaller books are easier
        # for the language model. Beams of 4, 8, 16 and 32 in the encoder of one model: 9.0, 8.9, 8.7 and
        # 8.7 mm, leap's recordings 16.9, 16.5, 15.4 and 14.3; but codes found by 16 are harder to foretell,
        # and a language model that learnt them obeys less (docs/studies/shift.md). By AdamW at
        # 1e-3 and by Muon at 2e-3, after 500: aligned 8.8 and 7.1 mm, ACCEL error 1.53 and 1.19. A step of
        # Muon costs a third more; 1000 of it come about as far as 3600 of AdamW. Three levels of 512 codes
        # for poses, and half free motion, in place of one of 1,024: recordings of fingers 13.0 and 12.0 mm
        # aligned to 9.5 and 8.1; 7,500 steps and .6 of free motion are no better (docs/studies/shift.md).
        shift=ShiftTrainConfig(
            model=ShiftConfig(trajectory_codes=512, trajectory_levels=4, pose_codes=512, levels=3, beam=4),
            steps=6000,
            clips=10_000,
            free_share=0.5,
            learning_rate=3e-3,
            relative_weight=80.0,
        ),
        tokenizer=TokenizerConfig(vocab=2800),  # words of the corpus are whole in most
        lm=LMTrainConfig(steps=9500),
        refine=RefineConfig(steps=0),  # gains nothing that can be seen (docs/studies/stages.md)
        # Measured: 200 steps at 1e-3 take the codes' held-out cross-entropy from 1.88 to 1.93 and the text
        # gain from .94 to .84, and nothing judged gains; completion and captions are learnt before.
        instruct=InstructConfig(steps=0),
        # Of temperatures .3 to .9, with and without the cut at 20, the best on validation clips.
        evaluate=EvaluateConfig(top_k=0),
    )


def paper() -> RunConfig:
    """T5-base and a wide SHIFT, on a GPU: the size of the CLUTCH paper."""
    gpu: Literal["bf16"] = "bf16"
    return RunConfig(
        preset="paper",
        corpus=CorpusConfig(clips=200_000),
        shift=ShiftTrainConfig(
            model=ShiftConfig(widths=(256, 384, 512, 512), depth=3, out_depth=2),
            steps=60_000,
            batch_size=256,
            learning_rate=2e-3,  # Muon's does not hang on the width
            warmup=1000,
            clips=50_000,  # 4.5 GB in memory, and four times that while they are measured: 24 GB will do
            validate_every=2000,
        ),
        tokens=TokensConfig(clips=400_000, validation=4_000, batch_size=256),
        lm=LMTrainConfig(
            size="base",
            steps=100_000,
            batch_size=128,
            learning_rate=5e-4,
            warmup=2000,
            precision=gpu,
            dropout=0.1,
            validate_every=5000,
        ),
        refine=RefineConfig(steps=5000, batch_size=64, learning_rate=5e-5, warmup=200, precision=gpu),
        instruct=InstructConfig(steps=20_000, batch_size=128, learning_rate=2e-4, warmup=500, precision=gpu),
        evaluate=EvaluateConfig(
            clips=3200,
            retrieval_steps=20_000,
            repeats=5,
            modality_texts=100,
            modality_draws=30,
            choice_clips=512,
        ),
    )


PRESETS: Final = {"smoke": smoke, "default": default, "paper": paper}


def preset(name: str) -> RunConfig:
    """A preset by name; InputError lists them."""
    if name not in PRESETS:
        raise InputError(f"preset={name}: one of {', '.join(PRESETS)} is wanted")
    return PRESETS[name]()
