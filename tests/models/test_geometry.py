"""Tables of codes that begin where SHIFT's codes are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.geometry import take_geometry
from models.lm import MotionLM
from models.shift import Shift
from tests.tiny_bundle import tiny_run, tiny_shift
from train.pretrain import STAGE
from train.seeding import derive_seed


@pytest.fixture
def shift() -> Shift:
    """One whose codes lie along a line of their book, finer from level to level.

    A trained one's lie in few directions too; random codes are all equally far from each other.
    """
    shift, generator = tiny_shift(), torch.Generator().manual_seed(2)
    for plan in shift.plans:
        for level in range(plan.levels):
            book = shift.branch(plan.name).quantizer.level(level).codebook
            way, noise = (
                torch.randn(1, book.shape[1], generator=generator),
                torch.randn(book.shape, generator=generator),
            )
            book.copy_((torch.linspace(-1, 1, len(book))[:, None] * way + 0.1 * noise) * 0.5**level)
    return shift


@pytest.fixture
def models(shift: Shift) -> tuple[MotionLM, MotionLM]:
    """One as it was initialised, and one that took SHIFT's geometry."""
    config = MotionLM.load(tiny_run("step") / "lm").config
    plain, taught = MotionLM(config, seed=3), MotionLM(config, seed=3)
    take_geometry(taught, shift, seed=5)
    return plain, taught


def _tables(model: MotionLM) -> list[tuple[str, int, Tensor]]:
    """Every table with a row for each code, with the slot that it is of."""
    ahead = model.choices - model.slots
    kinds: dict[str, Any] = {
        "slot": model.slot_embedding,
        "depth": model.depth_embedding[ahead:],
        "head": model.depth_head[ahead:],
    }
    return [
        (kind, k, table.weight.detach()) for kind, tables in kinds.items() for k, table in enumerate(tables)
    ]


def _alike(a: Tensor, b: Tensor) -> float:
    """How far the distances among the rows of one table go with those among the other's: a correlation."""
    return float(torch.corrcoef(torch.stack([torch.pdist(a), torch.pdist(b)]))[0, 1])


def test_codes_that_are_alike_are_read_and_scored_alike(
    shift: Shift, models: tuple[MotionLM, MotionLM]
) -> None:
    books = [
        shift.branch(shift.plans[slot.branch].name).quantizer.level(slot.level).codebook
        for slot in shift.slots
    ]
    for (_, k, before), (_, _, after) in zip(*map(_tables, models), strict=True):
        # Random rows know nothing of the books: over 780 pairs a correlation of .2 is five standard errors.
        assert abs(_alike(before, books[k])) < 0.2
        assert _alike(after, books[k]) > 0.5


def test_what_is_read_of_a_hand_follows_the_latent_that_its_levels_stand_for(
    shift: Shift, models: tuple[MotionLM, MotionLM]
) -> None:
    """So two steps whose hands are alike in SHIFT are alike to the language model, by other codes even."""
    plain, taught = models
    plan = shift.plans[0]
    mine = [k for k, slot in enumerate(shift.slots) if (slot.branch, slot.hand) == (0, 1)]
    codes = torch.randint(plan.codes, (60, plan.levels), generator=torch.Generator().manual_seed(1))
    latents = shift.branch(plan.name).quantizer.lookup(codes)

    def summed(model: MotionLM) -> Tensor:
        rows = [model.slot_embedding[k].weight[codes[:, i]] for i, k in enumerate(mine)]
        return torch.stack(rows).sum(dim=0).detach()

    assert _alike(summed(taught), latents) > _alike(summed(plain), latents) + 0.2


def test_a_step_is_as_large_as_before(models: tuple[MotionLM, MotionLM]) -> None:
    """In the sum of its tables; the projections of two lines may differ by a quarter in length."""
    plain, taught = (
        sum(float(table.square().mean()) for kind, _, table in _tables(model) if kind == "slot")
        for model in models
    )
    assert taught == pytest.approx(plain, rel=0.25)


def test_only_the_tables_of_codes_change(models: tuple[MotionLM, MotionLM]) -> None:
    plain, taught = (model.state_dict() for model in models)
    changed = {name.split(".")[0] for name in plain if not torch.equal(plain[name], taught[name])}
    assert changed == {"slot_embedding", "depth_embedding", "depth_head"}
    rhythm = "depth_head.0.weight"
    assert torch.equal(plain[rhythm], taught[rhythm]), "the rhythm is no code"


def test_no_word_lies_along_a_code(shift: Shift) -> None:
    """Even where the seeds are alike: a fresh model's own first numbers are its table of words."""
    config = MotionLM.load(tiny_run("step") / "lm").config
    plain, taught = MotionLM(config, seed=3), MotionLM(config, seed=3)
    take_geometry(taught, shift, derive_seed(3, STAGE, "geometry"))
    words = F.normalize(plain.t5.shared.weight.detach(), dim=1)
    for k in range(plain.slots):
        moved = taught.slot_embedding[k].weight - plain.slot_embedding[k].weight * 0.5**0.5
        way = torch.linalg.svd(moved.detach(), full_matrices=False).Vh[0]
        # Random directions among 48: six standard deviations, where those of the words would be 1.
        assert float((words @ way).abs().max()) < 6 * 48**-0.5
