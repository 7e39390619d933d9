"""Pre-training: text to motion and motion to text, by cross-entropy.

``python -m train.pretrain run=RUN`` writes ``RUN/lm-pretrain``, and ``RUN/lm`` until a later stage does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.grammar import Grammar
from sentencepiece import SentencePieceProcessor
from torch import Tensor, nn

from models.geometry import take_geometry
from models.lm import LMConfig, MotionLM
from models.rhythm import RHYTHMS
from models.shift import Shift
from models.t5 import SIZES, open_pretrained
from train.config import LMTrainConfig
from train.examples import (
    Example,
    LMBatch,
    Schedule,
    Tasks,
    caption_rows,
    collate,
    hide_past,
    validation_batches,
)
from train.labels import LabelVocabulary
from train.loop import fit
from train.objectives import LMObjective, validation_losses
from train.optim import Group
from train.probes import Probes
from train.run import RunFolder, is_main, stage_main
from train.seeding import derive_seed, generator, share
from train.tokenizer import TOKENIZER_FILE, load_tokenizer
from train.tokens import TokenStore, shift_config

STAGE: Final = "pretrain"
TEXT_WEIGHT: Final = (
    0.25  # a caption's pieces are far easier than codes; more would only slow the motion down
)

PROBES_FILE: Final = "probes.safetensors"


def build_grammar(folder: RunFolder, processor: SentencePieceProcessor) -> Grammar:
    """The grammar that the run's SHIFT, vocabulary and settings make; raises as ``shift_config``."""
    shift, lm = shift_config(folder.path), folder.config.lm
    pieces, books = processor.get_piece_size(), (shift.trajectory_codes, shift.pose_codes)
    rhythm = RHYTHMS if lm.rhythm and lm.form == "step" else 0
    return Grammar(pieces, *books, lm.max_steps, lm.form, shift.levels, rhythm, shift.trajectory_levels)


def build_model(
    grammar: Grammar, lm: LMTrainConfig, seed: int, labels: LabelVocabulary | None = None
) -> MotionLM:
    """A fresh model of the size asked for, or a checkpoint with motion added; with ``labels`` it plans.

    Raises:
        InputError: unknown size, a checkpoint that cannot be had, or a plan that nothing would teach.
    """
    plan = labels.plan if labels and lm.plan else {}
    if any(plan.values()) and not lm.label_weight:
        raise InputError("lm.plan=true wants lm.label_weight above 0: nothing else teaches it to read labels")
    # Clips without labels teach no plan either, and then none may be drawn.
    planned = any(plan.values())
    shape = LMConfig(grammar, dropout=lm.dropout, plan=plan if planned else {}, planned_captions=planned)
    if lm.init:
        pretrained = open_pretrained(lm.init)
        config = replace(shape, **pretrained.shape)
        return MotionLM.from_pretrained(pretrained, config, seed)
    if lm.size not in SIZES:
        raise InputError(f"lm.size={lm.size}: one of {', '.join(SIZES)} is wanted")
    return MotionLM(replace(shape, **SIZES[lm.size]), seed)


def parameter_groups(objective: LMObjective, lm: LMTrainConfig) -> list[Group]:
    """Who learns how: matrices of layers by Muon, the rest by AdamW; tables fast, the reading slowly.

    At AdamW's and the decoder's rate the encoder falls into writing one vector for every sentence (measured:
    all lengths and motions alike, the length's cross-entropy at chance), and nothing brings it back. The
    biases of relative positions are tables too: held back with the norms, they stay next to nothing and the
    encoder never learns to tell "the left hand while the right" from "the right hand while the left".
    """
    width = objective.lm.config.d_kv
    tables, outputs, vectors = [], [], []
    layers: dict[tuple[float, tuple[int, int]], list[nn.Parameter]] = {}
    for name, p in objective.named_parameters():
        if "embedding" in name or name.endswith(("attention_bias.weight", "shared.weight", ".start")):
            tables.append(p)
        elif p.ndim < 2:
            vectors.append(p)
        elif "coder.block" in name or "depth_mlp" in name:
            slow = "encoder.block" in name or "EncDecAttention" in name
            layers.setdefault((lm.encoder_rate if slow else 1.0, _blocks(name, p, width)), []).append(p)
        else:
            outputs.append(p)
    return [
        Group(tables, lm.embedding_rate, decay=False),
        Group(outputs),
        Group(vectors, lm.vector_rate, decay=False),
        *(Group(matrices, scale, blocks=blocks) for (scale, blocks), matrices in layers.items()),
    ]


def _blocks(name: str, matrix: Tensor, width: int) -> tuple[int, int]:
    """Blocks of rows and columns that a matrix learns in: its inner side in pieces as wide as a head.

    Heads are matrices of their own. Cutting the hidden units of a feed-forward alike costs a quarter of the
    time that they would take in one piece.
    """
    out = name.endswith((".o.weight", ".wo.weight", ".2.weight"))
    inner = matrix.shape[1 if out else 0]
    pieces = inner // width if inner % width == 0 else 1
    return (1, pieces) if out else (pieces, 1)


@dataclass(frozen=True)
class Materials:
    """What every stage of the language model works with."""

    processor: SentencePieceProcessor
    train: Tasks
    val: Tasks

    def check(self, model: MotionLM) -> None:
        """InputError where a model's plan has other labels than these tokens."""
        found, wanted = (
            {k: list(v) for k, v in plan.items()} for plan in (model.config.plan, self.train.labels.plan)
        )
        if found and found != wanted:
            raise InputError(
                "the model's plan has other labels than the tokens of this run, which were made anew since: "
                "train it again"
            )

    @classmethod
    def open(cls, folder: RunFolder) -> Materials:
        """Read vocabulary and tokens of a run."""
        lm = folder.config.lm
        processor = load_tokenizer(folder.path / TOKENIZER_FILE)
        stores = [TokenStore(folder.path / "tokens", split) for split in ("train", "val")]
        labels = LabelVocabulary.of(stores[0])
        shared = processor, labels, build_grammar(folder, processor).places, lm.max_prompt, lm.max_steps
        completes = lm.form == "step"
        train = Tasks(stores[0], *shared, lm.both_hands_weight, completes)
        return cls(processor, train, Tasks(stores[1], *shared, completes=completes))


class PretrainBatches:
    """Batches of pre-training: ``(step, rank, world)`` to rows, ``caption_share`` of them captions.

    Of the others ``complete_share`` are completions, but in the ``flat`` form, which has none.
    """

    def __init__(self, tasks: Tasks, lm: LMTrainConfig, seed: int) -> None:
        self.tasks, self.seed, self.size, self.hide_share = tasks, seed, lm.batch_size, lm.hide_share
        self.schedule = Schedule(tasks.store.steps, lm.batch_size, seed, STAGE)
        self.captions = caption_rows(lm.batch_size, lm.caption_share)
        self.complete_share = lm.complete_share if lm.form == "step" else 0.0

    def __call__(self, step: int, rank: int, world: int) -> LMBatch:
        clips = self.schedule.clips(step)
        rows = range(self.size)[share(self.size, rank, world)]
        examples = []
        for row in rows:
            rng = generator(self.seed, STAGE, step, row)
            make = self.tasks.motion_to_text if row in self.captions else self._motion_task(step, row)
            past = generator(self.seed, STAGE, "past", step, row)
            examples.append(hide_past(make(int(clips[row]), rng), self.hide_share, past))
        return collate(examples, [int(clips[row]) for row in rows])

    def _motion_task(self, step: int, row: int) -> Callable[[int, np.random.Generator], Example]:
        whole = generator(self.seed, STAGE, "complete", step, row).random() >= self.complete_share
        return self.tasks.text_to_motion if whole else self.tasks.completion


def loss(objective: nn.Module, batch: LMBatch, step: int) -> tuple[Tensor, Mapping[str, Any]]:
    """The loop's loss: the objective's total, and its parts to log."""
    losses = objective(batch)
    return losses.pop("total"), losses


class Validation:
    """Held-out losses of both directions, on the same batches each time.

    ``text_gain`` among them tells whether the model listens to its sentence; see ``text_measures``.
    """

    def __init__(self, tasks: Tasks, clips: int, batch_size: int = 64) -> None:
        self.batches = validation_batches(tasks, clips, batch_size, tasks.text_to_motion)
        self.batches += validation_batches(tasks, clips // 4, batch_size, tasks.motion_to_text)

    def __call__(self, objective: nn.Module, step: int) -> dict[str, float]:
        assert isinstance(objective, LMObjective)
        return validation_losses(objective, self.batches)


def build_probes(model: MotionLM, materials: Materials, lm: LMTrainConfig) -> Probes:
    """Fresh probes of what the model reads."""
    return Probes(model, lm.bag_weight, lm.label_weight, materials.train.labels.sizes)


def build_objective(model: MotionLM, lm: LMTrainConfig, probes: Probes | None = None) -> LMObjective:
    """What the model is trained towards, under the settings' weights."""
    return LMObjective(model, lm.length_weight, TEXT_WEIGHT, lm.rhythm_weight, probes, lm.own_share)


def stage_folder(folder: RunFolder, stage: str) -> Path:
    """Where a stage leaves its model."""
    return folder.path / f"lm-{stage}"


def save_stage(folder: RunFolder, stage: str, model: MotionLM, probes: Probes | None = None) -> None:
    """Write the model as ``RUN/lm-STAGE``, with its probes beside it, and as ``RUN/lm``, the newest."""
    if is_main():
        out = stage_folder(folder, stage)
        model.save(out)
        if probes is not None:
            probes.save(out / PROBES_FILE)
        model.save(folder.path / "lm")


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """Train from noise, or from ``lm.init``, on the run's tokens."""
    config = folder.config
    materials = Materials.open(folder)
    grammar = build_grammar(folder, materials.processor)
    model = build_model(grammar, config.lm, config.seed, materials.train.labels)
    if config.lm.code_geometry and config.lm.form == "step":
        take_geometry(model, Shift.load(folder.path / "shift"), derive_seed(config.seed, STAGE, "geometry"))
    probes = build_probes(model, materials, config.lm)
    objective = build_objective(model, config.lm, probes)
    report = fit(
        folder,
        STAGE,
        objective,
        PretrainBatches(materials.train, config.lm, config.seed),
        loss,
        config.lm,
        groups=parameter_groups(objective, config.lm),
        validate=Validation(materials.val, config.lm.validation_clips),
    )
    save_stage(folder, STAGE, model, probes)
    size = sum(p.numel() for p in model.parameters())
    return {"steps": report.steps, "parameters": size, **report.numbers, "validation": report.validation}


def main() -> int:
    """``python -m train.pretrain``."""
    return stage_main(STAGE, stage)


if __name__ == "__main__":
    sys.exit(main())
