"""Muon: orthogonal steps, in blocks, beside an AdamW that is PyTorch's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from clutch_rt.errors import FileFormatError
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from train.checkpoint import Progress, load_checkpoint, save_checkpoint
from train.config import FitConfig
from train.muon import cut, joined, orthogonal
from train.optim import Group, default_groups, make_optimizer

SETTINGS = FitConfig(learning_rate=0.01, weight_decay=0.1)


@given(blocks=st.integers(1, 4), size=st.integers(1, 3), other=st.integers(1, 5), by_rows=st.booleans())
def test_blocks_join_to_the_matrix_they_were_cut_from(
    blocks: int, size: int, other: int, by_rows: bool
) -> None:
    shape = (blocks * size, other) if by_rows else (other, blocks * size)
    rows, columns = (blocks, 1) if by_rows else (1, blocks)
    matrix = torch.arange(float(shape[0] * shape[1])).reshape(shape)
    parts = cut(matrix, rows, columns)
    assert parts.shape == ((blocks, size, other) if by_rows else (blocks, other, size))
    assert torch.equal(parts[0], matrix[:size] if by_rows else matrix[:, :size])
    assert torch.equal(joined(parts, rows, columns), matrix)


@given(
    seed=st.integers(0, 1000),
    shape=st.sampled_from([(8, 8), (4, 24), (24, 4)]),
    scale=st.sampled_from([1e-4, 1.0, 1e4]),
)
def test_every_direction_of_a_step_is_about_as_long(seed: int, shape: tuple[int, int], scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    rank = min(shape)
    u, _ = torch.linalg.qr(torch.randn(shape[0], rank, generator=generator))
    v, _ = torch.linalg.qr(torch.randn(shape[1], rank, generator=generator))
    # The smallest direction is a hundredth of the largest: gradients of an encoder are worse than that.
    given_values = torch.logspace(-2, 0, rank) * scale
    found = orthogonal((u * given_values @ v.T).unsqueeze(0))[0]
    sizes = torch.diagonal(u.T @ found @ v)
    # The bounds of the three quintics over that range, as the docstring of `orthogonal` gives them.
    assert float(sizes.min()) > 0.18 and float(sizes.max()) < 1.9
    torch.testing.assert_close(found, u * sizes @ v.T, atol=1e-4, rtol=0)


def test_no_gradient_makes_no_step() -> None:
    assert torch.equal(orthogonal(torch.zeros(2, 3, 4)), torch.zeros(2, 3, 4))


class _Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.matrix = nn.Parameter(torch.randn(8, 12))
        self.other = nn.Parameter(torch.randn(6, 5))
        self.unused = nn.Parameter(torch.randn(4, 4))

    def teach(self, step: int) -> None:
        noise = torch.Generator().manual_seed(step)
        for p in (self.matrix, self.other):
            p.grad = torch.randn(p.shape, generator=noise)

    def groups(self) -> list[Group]:
        return [Group([self.matrix, self.unused], 0.5, blocks=(2, 1)), Group([self.other])]


def test_other_groups_learn_as_pytorch_has_it() -> None:
    ours, theirs = _Two(), _Two()
    own = make_optimizer(ours.groups(), SETTINGS)
    adamw = torch.optim.AdamW([theirs.other], lr=0.01, weight_decay=0.1, betas=(0.9, 0.99))
    for step in range(5):
        for model, optimizer in ((ours, own), (theirs, adamw)):
            model.teach(step)
            optimizer.step()
            optimizer.zero_grad()
    torch.testing.assert_close(ours.other, theirs.other)
    assert torch.equal(ours.unused, _Two().unused), "what got no gradient stays as it was"


def test_a_step_is_as_long_as_its_rate_says() -> None:
    model = _Two()
    optimizer = make_optimizer([Group([model.matrix], blocks=(2, 1), decay=False)], SETTINGS)
    before = model.matrix.detach().clone()
    model.teach(0)
    optimizer.step()
    # Two blocks of 4 rows and 12 columns, in all 8 singular values of about 1 (`orthogonal`'s .18 to 1.9),
    # times .2 * sqrt(12) and the rate.
    length = float((model.matrix.detach() - before).norm()) / (0.01 * 0.2 * 12**0.5)
    assert 0.18 * 8**0.5 < length < 1.9 * 8**0.5


def test_a_kernel_learns_as_the_matrix_of_its_outputs() -> None:
    kernel = nn.Parameter(torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(1)))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    optimizer = make_optimizer([Group([kernel, matrix], blocks=(1, 1))], SETTINGS)
    for step in range(3):
        kernel.grad = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(step))
        matrix.grad = kernel.grad.flatten(1)
        optimizer.step()
    torch.testing.assert_close(kernel.detach().flatten(1), matrix.detach())


@pytest.mark.parametrize("blocks", [(2, 1), (1, 3)])
def test_steps_are_those_of_the_formula(blocks: tuple[int, int]) -> None:
    model = _Two()
    optimizer = make_optimizer([Group([model.matrix], 0.5, blocks=blocks)], SETTINGS)
    rate, decay = 0.01, SETTINGS.weight_decay  # the loop sets `lr`; at first it is the peak
    size = 0.2 * max(cut(model.matrix.detach(), *blocks).shape[1:]) ** 0.5
    wanted, momentum = model.matrix.detach().clone(), torch.zeros(8, 12)
    for step in range(3):
        model.teach(step)
        gradient = model.matrix.grad
        assert gradient is not None
        momentum = 0.95 * momentum + 0.05 * gradient
        ahead = gradient + 0.95 * (momentum - gradient)
        before = wanted
        wanted = wanted * (1 - rate * decay)
        wanted = wanted - rate * size * joined(orthogonal(cut(ahead, *blocks)), *blocks)
        down = (cut(before * (1 - rate * decay) - wanted, *blocks) * cut(ahead, *blocks)).sum((1, 2))
        assert bool((down > 0).all()), "every block goes downhill"
        optimizer.step()
    torch.testing.assert_close(model.matrix.detach(), wanted, rtol=1e-5, atol=1e-6)


def test_a_state_of_another_layout_is_refused(tmp_path: Path) -> None:
    model = _Two()
    optimizer = make_optimizer(model.groups(), SETTINGS)
    model.teach(0)
    optimizer.step()
    path = save_checkpoint(tmp_path, model, optimizer, Progress(1), keep=1)
    for groups in (model.groups()[::-1], [Group([model.matrix, model.unused, model.other])]):
        with pytest.raises(FileFormatError, match="another version or another model"):
            load_checkpoint(path, model, make_optimizer(groups, SETTINGS))


def test_default_groups_hold_no_matrix_of_muons() -> None:
    optimizer = make_optimizer(default_groups(_Two()), SETTINGS)
    assert all(group["rows"] == 0 for group in optimizer.param_groups)


@pytest.mark.parametrize("at", [1, 4])
def test_it_goes_on_from_a_checkpoint_to_the_bit(tmp_path: Path, at: int) -> None:
    whole = _Two()
    optimizer = make_optimizer(whole.groups(), SETTINGS)
    for step in range(6):
        if step == at:
            path = save_checkpoint(tmp_path, whole, optimizer, Progress(step), keep=1)
        whole.teach(step)
        optimizer.step()
    resumed = _Two()
    again = make_optimizer(resumed.groups(), SETTINGS)
    assert load_checkpoint(path, resumed, again).step == at
    for step in range(at, 6):
        resumed.teach(step)
        again.step()
    assert torch.equal(resumed.matrix, whole.matrix) and torch.equal(resumed.other, whole.other)
