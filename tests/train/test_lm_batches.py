"""What the language model learns from: schedules, rows, shares of the processes, padded batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clutch_rt.grammar import UNKNOWN
from torch import Tensor

from tests.train.lm_run import CLIPS, tiny
from train import instruct
from train.examples import IGNORE, Example, LMBatch, Schedule, caption_rows, collate
from train.pretrain import Materials, PretrainBatches
from train.run import RunFolder
from train.seeding import generator


def tensors(batch: LMBatch) -> list[Tensor]:
    rows = [r for r in (batch.motion, batch.text) if r is not None]
    return [v for r in rows for v in vars(r).values() if v is not None]


def test_each_epoch_passes_once_over_all_in_another_order() -> None:
    steps = generator("lengths").integers(1, 30, 96)
    schedule = Schedule(steps, 8, 0, "test")
    first = np.concatenate([schedule.clips(s) for s in range(12)])
    second = np.concatenate([schedule.clips(s) for s in range(12, 24)])
    assert sorted(first) == sorted(second) == list(range(96))
    assert not np.array_equal(first, second)
    again = Schedule(steps, 8, 0, "test")
    np.testing.assert_array_equal(again.clips(17), schedule.clips(17))
    spread = np.mean([np.ptp(steps[schedule.clips(s)]) for s in range(12)])
    assert spread < 0.5 * np.ptp(steps), "clips of a batch are of like length"


def test_a_prompt_says_left_and_right_oftener_than_an_answer(materials_folder: Path) -> None:
    weight = 9.0
    tasks = Materials.open(RunFolder(materials_folder, tiny(f"lm.both_hands_weight={weight}")))

    def both(text: str) -> bool:
        return "left" in text and "right" in text

    texts = tasks.train.store.texts
    clip = next(i for i in range(CLIPS) if 0 < sum(map(both, texts(i))) < len(texts(i)))
    share = sum(map(both, texts(clip))) / len(texts(clip))
    asked = weight * share / (weight * share + 1 - share)

    def drawn(draw: Callable[[int, np.random.Generator], str]) -> float:
        return float(np.mean([both(draw(clip, generator("said", i))) for i in range(400)]))

    margin = 4 * 0.5 / 400**0.5  # four standard errors of a share
    assert abs(drawn(tasks.train.sentence) - asked) < margin
    assert abs(drawn(tasks.train.caption) - share) < margin
    assert abs(asked - share) > 2 * margin, "the two can be told apart"
    assert tasks.val.both_hands_weight == 1.0, "what is judged comes as it is"


def test_a_schedule_of_few_clips_still_fills_batches() -> None:
    assert len(Schedule(np.ones(3, np.int64), 8, 0).clips(5)) == 8


def test_caption_rows_are_the_share_and_spread() -> None:
    assert len(caption_rows(48, 0.2)) == 10
    assert caption_rows(48, 0.0) == set()
    halves = [sum(r < 24 for r in caption_rows(48, 0.25)), sum(r >= 24 for r in caption_rows(48, 0.25))]
    assert halves == [6, 6], "two processes get alike shares"


def test_collating_pads_and_shifts() -> None:
    motion = Example([5, 1], codes=np.full((2, 4), 3))
    longer = Example([5, 6, 1], given=np.full((3, 4), UNKNOWN), codes=np.full((3, 4), 4))
    text = Example([7, 1], given=np.full((2, 4), 1), answer=[8, 9, 1])
    short = Example([7, 1], answer=[8, 1])
    batch = collate([motion, text, longer, short], [10, 11, 12, 13])
    assert batch.motion is not None and batch.text is not None
    assert batch.motion.steps.tolist() == [2, 3]
    assert batch.motion.clips.tolist() == [10, 12]
    assert batch.motion.given_mask is not None
    assert batch.motion.given_mask.tolist() == [[False] * 3, [True] * 3]
    assert batch.motion.rhythm.eq(IGNORE).all()
    assert batch.text.inputs.tolist() == [[0, 8, 9], [0, 8, 1]]
    assert batch.text.targets.tolist() == [[8, 9, 1], [8, 1, IGNORE]]


def test_batches_are_a_function_of_the_step_and_divide_among_processes(run: RunFolder) -> None:
    batches = PretrainBatches(Materials.open(run).train, run.config.lm, 0)
    again = PretrainBatches(Materials.open(run).train, run.config.lm, 0)
    for x, y in zip(tensors(batches(5, 0, 1)), tensors(again(5, 0, 1)), strict=True):
        assert torch.equal(x, y)
    whole, halves = batches(2, 0, 1), [batches(2, rank, 2) for rank in (0, 1)]
    assert whole.motion is not None
    clips = [c for h in halves if h.motion is not None for c in h.motion.clips.tolist()]
    assert clips == whole.motion.clips.tolist()


@pytest.mark.parametrize("stage", ["pretrain", "instruct"])
def test_what_is_hidden_does_not_hang_on_the_number_of_processes(run: RunFolder, stage: str) -> None:
    tasks, lm = Materials.open(run).train, run.config.lm
    settings = run.config.instruct
    batches: Any = (
        PretrainBatches(tasks, lm, 0)
        if stage == "pretrain"
        else instruct.InstructBatches(tasks, settings, lm.hide_share, 0)
    )
    hid = 0
    for step in range(4):
        whole = rows_of(batches(step, 0, 1))
        assert whole == [row for rank in (0, 1) for row in rows_of(batches(step, rank, 2))]
        hid += sum(any(hidden) for _, _, hidden in whole)
    assert 0 < hid < 4 * 8


def rows_of(batch: LMBatch) -> list[tuple[list[int], list[list[int]], list[bool]]]:
    """Prompt, codes and mask of each motion, without padding."""
    motion = batch.motion
    if motion is None:
        return []
    assert motion.hidden is not None
    return [
        (motion.ids[i][motion.mask[i]].tolist(), motion.codes[i, :n].tolist(), motion.hidden[i, :n].tolist())
        for i, n in enumerate(motion.steps.tolist())
    ]
