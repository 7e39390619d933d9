"""Geometric refinement: the language model judged by the motion its codes make.

Teacher-forced logits become soft codes by Gumbel-Softmax, SHIFT's decoder (frozen) turns them into frames,
and these are held to the clip's own: ``L = alpha * L_LM + lambda * L_rec``. In part of the steps a share of
the decoder's inputs is hidden and ``alpha = 0`` (masked prediction). After CLUTCH (ICLR 2026).

``python -m train.refine run=RUN`` goes on from ``RUN/lm-pretrain`` and writes ``RUN/lm-refine``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from clutch_rt.errors import InputError
from clutch_rt.layout import FRAMES_PER_STEP, TRAJECTORY_SIZE
from torch import Tensor, nn
from torch.nn import functional as F

from models.kinematics import HandKinematics
from models.lm import MotionLM
from models.shift import Shift
from train.config import LMTrainConfig, RefineConfig, RunConfig
from train.corpus import draw_clip
from train.examples import LMBatch, MotionRows, Schedule, Tasks, collate, moved, real_steps
from train.loop import fit
from train.objectives import LMObjective, encode_rows, motion_predictions, under_plan
from train.pretrain import TEXT_WEIGHT, Materials, Validation, parameter_groups, save_stage, stage_folder
from train.run import RunFolder, stage_main
from train.seeding import generator, share

STAGE: Final = "refine"
JOINT_WEIGHT: Final = 10.0  # of a metre of joint error, beside a standard deviation of a parameter
JOINT_STRIDE: Final = 4  # joints are compared every so many frames


@dataclass(frozen=True)
class RefineBatch:
    """Rows to predict and their frames: ``frames (B, 8 S, 2, 99)``, the last held behind the end.

    There are no frames where ``lambda = 0``: nothing looks at them.
    """

    rows: MotionRows
    frames: Tensor
    masked: bool

    def to(self, device: torch.device | str) -> RefineBatch:
        """The same on a device."""
        return replace(self, rows=moved(self.rows, device), frames=self.frames.to(device))


class RefineObjective(LMObjective):
    """The language model with a frozen SHIFT behind it.

    Args:
        lm: the model that learns.
        shift: the tokenizer whose codes it speaks; its weights stay as they are.
        settings: weights and temperature.
        lm_settings: weights of the cross-entropies.
    """

    def __init__(
        self, lm: MotionLM, shift: Shift, settings: RefineConfig, lm_settings: LMTrainConfig
    ) -> None:
        super().__init__(lm, lm_settings.length_weight, TEXT_WEIGHT, lm_settings.rhythm_weight)
        self.settings = settings
        self.geometry = Geometry(shift)

    def begin(self, parts: Sequence[Any]) -> None:
        """Count what a step's RefineBatches hold, in every process."""
        super().begin([LMBatch(part.rows, None) for part in parts])

    def flops(self, part: Any) -> float:
        """Of a RefineBatch; SHIFT's decoder is left out too."""
        return super().flops(LMBatch(part.rows, None))

    def refine(self, batch: RefineBatch) -> dict[str, Tensor]:
        """Losses by name; ``total`` is the one to minimise."""
        rows, alpha = batch.rows, 0.0 if batch.masked else self.settings.alpha
        encoded = under_plan(self.lm, encode_rows(self.lm, rows), rows)
        logits, losses = motion_predictions(self.lm, encoded, rows)
        if not self.settings.weight:
            return {**losses, "total": alpha * self.total(losses, self.shares(LMBatch(rows, None)))}
        # bfloat16 keeps 8 bits of a wrist's place, which at half a metre is a few mm.
        with torch.autocast(rows.codes.device.type, enabled=False):
            soft = [F.gumbel_softmax(x.float(), tau=self.settings.temperature) for x in logits]
            parameters, joints = self.geometry(soft, batch.frames, real_steps(rows))
        shares = self.shares(LMBatch(rows, None))
        rebuilt = (parameters + JOINT_WEIGHT * joints) * shares.get("rebuilt", 1.0)
        total = alpha * self.total(losses, shares) + self.settings.weight * rebuilt
        return {**losses, "parameters": parameters, "joints_mm": joints * 1000.0, "total": total}

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """A RefineBatch, or a plain LMBatch for validation."""
        return self.refine(batch) if isinstance(batch, RefineBatch) else super().forward(batch)


class Geometry(nn.Module):
    """How far soft codes decode from frames. SHIFT is held outside the module's parameters: it is frozen."""

    def __init__(self, shift: Shift) -> None:
        super().__init__()
        self._frozen = (shift.eval().requires_grad_(False), HandKinematics())

    def forward(self, soft: Sequence[Tensor], frames: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Mean absolute error of normalised parameters (both parts alike), and of joints, metres."""
        shift, kinematics = (m.to(frames.device) for m in self._frozen)
        assert isinstance(shift, Shift)
        shown = real.repeat_interleave(FRAMES_PER_STEP, dim=1)
        made = shift.decode_soft(soft)
        error = (shift.normalise(made) - shift.normalise(frames)).abs()[shown]
        parts = error[..., :TRAJECTORY_SIZE].mean() + error[..., TRAJECTORY_SIZE:].mean()
        few = slice(None, None, JOINT_STRIDE)
        keep = shown[:, few]
        distance = kinematics(made[:, few][keep]) - kinematics(frames[:, few][keep])
        return 0.5 * parts, distance.square().sum(-1).add(1e-10).sqrt().mean()


class RefineBatches:
    """Batches of refinement: clips of the store with the frames they were drawn from."""

    def __init__(self, tasks: Tasks, config: RunConfig) -> None:
        self.tasks, self.config = tasks, config
        self.schedule = Schedule(tasks.store.steps, config.refine.batch_size, config.seed, STAGE)

    def __call__(self, step: int, rank: int, world: int) -> RefineBatch:
        config, seed = self.config.refine, self.config.seed
        rows = range(config.batch_size)[share(config.batch_size, rank, world)]
        clips = [int(self.schedule.clips(step)[row]) for row in rows]
        rngs = [generator(seed, STAGE, step, row) for row in rows]
        made = [self.tasks.text_to_motion(c, rng) for c, rng in zip(clips, rngs, strict=True)]
        motion = collate(made, clips).motion
        assert motion is not None
        masked = bool(generator(seed, STAGE, step, "masked").random() < config.masked_share)
        if masked:
            width = motion.codes.shape[1]
            hidden = np.stack([rng.random(width) < config.mask_rate for rng in rngs])
            motion = replace(motion, hidden=torch.from_numpy(hidden))
        frames = self._frames(motion) if config.weight else torch.zeros(len(clips), 0, 2, 99)
        return RefineBatch(motion, frames, masked)

    def _frames(self, rows: MotionRows) -> Tensor:
        """The clips' frames, drawn again: row n of the training store is clip n of the tokens' corpus.

        Raises:
            InputError: the store was drawn under other settings, or by another corpus.
        """
        batch, width = rows.codes.shape[:2]
        frames = torch.zeros(batch, width * FRAMES_PER_STEP, 2, 99)
        corpus = self.config.tokens_corpus()
        for row, clip in enumerate(rows.clips.tolist()):
            whole = draw_clip(corpus.seed, clip, "train", corpus)
            stored = self.tasks.store.texts(clip)
            if stored != list(whole.texts):
                raise InputError(
                    f"clip {clip} of the tokens is {stored[0]!r}, but the corpus draws {whole.texts[0]!r}: "
                    "they were made under other settings, or before the corpus changed; start another run"
                )
            drawn = whole.frames[: frames.shape[1]]
            frames[row, : len(drawn)] = torch.from_numpy(drawn)
            frames[row, len(drawn) :] = frames[row, len(drawn) - 1]
        return frames


def loss(objective: nn.Module, batch: RefineBatch, step: int) -> tuple[Tensor, Mapping[str, Any]]:
    """The loop's loss, and its parts to log; masked steps are logged apart."""
    losses = objective(batch)
    total = losses.pop("total")
    return total, {f"masked_{k}": v for k, v in losses.items()} if batch.masked else losses


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """Refine the pre-trained model."""
    config = folder.config
    materials = Materials.open(folder)
    model = MotionLM.load(stage_folder(folder, "pretrain"))
    materials.check(model)
    shift = Shift.load(folder.path / "shift")
    objective = RefineObjective(model, shift, config.refine, config.lm)
    report = fit(
        folder,
        STAGE,
        objective,
        RefineBatches(materials.train, config),
        loss,
        config.refine,
        # No table of codes is to move faster than the rest.
        groups=parameter_groups(objective, replace(config.lm, embedding_rate=1.0)),
        validate=Validation(materials.val, config.lm.validation_clips),
    )
    save_stage(folder, STAGE, model)
    return {"steps": report.steps, **report.numbers, "validation": report.validation}


def main() -> int:
    """``python -m train.refine``."""
    return stage_main(STAGE, stage)


if __name__ == "__main__":
    sys.exit(main())
