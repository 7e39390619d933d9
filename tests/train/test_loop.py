"""The loop: the same weights whether stopped or not."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from clutch_rt.errors import ClutchError, DeviceError, FileFormatError
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from models.shift import Shift, ShiftConfig
from train.checkpoint import checkpoints, load_weights, weights_of
from train.command import Interrupted
from train.config import FitConfig, MachineConfig, ShiftTrainConfig, apply
from train.loop import FitReport, Group, derive_seed, fit, generator, share
from train.optim import make_accelerator, rate_at
from train.presets import preset
from train.run import RunFolder, prepare_machine
from train.shift_loss import Objective

STEPS = 12


def folder(path: Path, **machine: Any) -> RunFolder:
    quiet = MachineConfig(progress=False, tensorboard=False, device="cpu", **machine)
    return RunFolder.open(path, replace(preset("smoke"), machine=quiet))


def network() -> nn.Module:
    """A small net with dropout, so that PyTorch's own random state matters."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 4))


def rows(step: int, rank: int, world: int) -> Tensor:
    x = generator(0, "rows", step).normal(size=(8, 4)).astype(np.float32)
    return torch.from_numpy(x)[share(8, rank, world)]


def loss(model: nn.Module, x: Tensor, step: int) -> tuple[Tensor, Mapping[str, Any]]:
    value = (model(x) - x.flip(-1)).square().mean()
    return value, {"error": value}


def train(path: Path, stops: set[int] = frozenset(), number: int = signal.SIGINT) -> nn.Module:  # type: ignore[assignment]
    """Train to the end, sent a signal in the middle of the steps of ``stops``."""
    left = set(stops)

    def batch(step: int, rank: int, world: int) -> Tensor:
        if step in left:
            left.discard(step)
            os.kill(os.getpid(), number)
        return rows(step, rank, world)

    while True:
        model = network()
        try:
            fit(folder(path), "toy", model, batch, loss, FitConfig(steps=STEPS, validate_every=5))
        except Interrupted as stop:
            assert "run the same command again" in str(stop)
            continue
        return model


def assert_same(a: nn.Module, b: nn.Module) -> None:
    for (name, x), (_, y) in zip(a.named_parameters(), b.named_parameters(), strict=True):
        assert torch.equal(x, y), name


@settings(max_examples=8)
@given(stops=st.sets(st.integers(0, STEPS - 1), max_size=3))
def test_interrupted_anywhere_it_ends_with_the_same_bits(
    stops: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = train(tmp_path_factory.mktemp("whole"))
    assert_same(whole, train(tmp_path_factory.mktemp("stopped"), stops))


def test_sigterm_saves_too_and_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert_same(train(tmp_path / "a"), train(tmp_path / "b", {4}, signal.SIGTERM))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_killed_without_warning_it_goes_on_from_the_last_checkpoint(tmp_path: Path) -> None:
    class Crash(Exception):
        pass

    def crash(step: int, rank: int, world: int) -> Tensor:
        if step == 9:
            raise Crash
        return rows(step, rank, world)

    with pytest.raises(Crash):
        fit(
            folder(tmp_path, checkpoint_seconds=0.0),
            "toy",
            network(),
            crash,
            loss,
            FitConfig(steps=STEPS),
        )
    kept = checkpoints(tmp_path / "checkpoints" / "toy")
    assert [p.name for p in kept] == ["step-00000008", "step-00000009"]
    assert_same(train(tmp_path), train(tmp_path / "whole"))


def test_shift_itself_resumes_to_the_bit(tmp_path: Path) -> None:
    config = ShiftConfig(
        widths=(8, 8, 8, 8), depth=1, trajectory_codes=16, pose_codes=16, code_size=4, start_steps=3
    )
    settings = ShiftTrainConfig(model=config, steps=8, warmup=2, window=16, batch_size=4)

    def one(path: Path, stop: int | None) -> Shift:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = Shift(config)

        def batch(step: int, rank: int, world: int) -> Tensor:
            if step == stop and not checkpoints(path / "checkpoints" / "shift"):
                os.kill(os.getpid(), signal.SIGINT)
            return torch.from_numpy(generator(0, step).normal(size=(4, 16, 2, 99))).float()

        try:
            fit(folder(path), "shift", model, batch, Objective(model, settings), settings)
        except Interrupted:
            return one(path, None)
        return model

    whole, stopped = one(tmp_path / "a", None), one(tmp_path / "b", 5)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, stopped.state_dict()[name]), name


def test_a_damaged_checkpoint_is_explained(tmp_path: Path) -> None:
    train(tmp_path)
    newest = checkpoints(tmp_path / "checkpoints" / "toy")[-1]
    (newest / "model.safetensors").write_bytes(b"12345678")
    with pytest.raises(FileFormatError, match="delete that folder"):
        train(tmp_path)


def test_a_loss_that_is_no_number_stops_the_stage(tmp_path: Path) -> None:
    def bad(model: nn.Module, x: Tensor, step: int) -> tuple[Tensor, Mapping[str, Any]]:
        return model(x).mean() * (float("nan") if step > 2 else 1.0), {}

    with pytest.raises(ClutchError, match="no longer a finite number"):
        fit(folder(tmp_path, log_every=1), "toy", network(), rows, bad, FitConfig(steps=STEPS))
    assert checkpoints(tmp_path / "checkpoints" / "toy") == []


def test_validation_and_numbers_are_reported_and_logged(tmp_path: Path) -> None:
    run = folder(tmp_path)

    def validate(model: nn.Module, step: int) -> dict[str, float]:
        assert not model.training and not torch.is_grad_enabled()
        return {"step": float(step)}

    model = network()
    report = fit(run, "toy", model, rows, loss, FitConfig(steps=STEPS, validate_every=5), validate=validate)
    assert isinstance(report, FitReport) and report.steps == STEPS and report.validation == {"step": 12.0}
    assert [m["step"] for m in run.metrics("toy") if "val_step" in m] == [5, 10, 12]
    assert report.numbers["loss"] == report.numbers["error"] and not model.training
    speeds = [m["clips_per_second"] for m in run.metrics("toy") if "loss" in m]
    assert len(speeds) == 1 and speeds[0] > 0 and "clips_per_second" not in report.numbers


def test_groups_learn_at_their_own_rate(tmp_path: Path) -> None:
    model = network()
    frozen, moving = list(model[0].parameters()), list(model[3].parameters())  # type: ignore[index]
    before = [p.detach().clone() for p in frozen]
    groups = [Group(frozen, scale=0.0), Group(moving, scale=4.0, decay=False)]
    fit(folder(tmp_path), "toy", model, rows, loss, FitConfig(steps=3), groups=groups)
    assert all(torch.equal(a, b) for a, b in zip(before, frozen, strict=True))


def test_the_global_random_state_is_left_alone(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    train(tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())


def test_rate_warms_up_and_falls_to_its_floor() -> None:
    settings = FitConfig(steps=100, warmup=10, final_rate=0.1)
    rates = [rate_at(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == pytest.approx(1.0)
    assert all(a >= b for a, b in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.1, abs=1e-3)


def test_seeds_depend_on_every_part() -> None:
    parts = [(0, "a", 1, 0), (1, "a", 1, 0), (0, "b", 1, 0), (0, "a", 2, 0), (0, "a", 1, 1), (0, "a", 10)]
    assert len({derive_seed(*p) for p in parts}) == len(parts)
    assert derive_seed(0, "a") == derive_seed(0, "a") < 2**63


def test_tied_weights_are_written_once_and_come_back() -> None:
    def tied() -> nn.Module:
        model = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
        model["b"].weight = model["a"].weight  # type: ignore[assignment]
        return model

    first, second = tied(), tied()
    assert sorted(weights_of(first)) == ["a.bias", "a.weight", "b.bias"]
    load_weights(second, weights_of(first))
    assert_same(first, second)
    with pytest.raises(RuntimeError, match="do not fit"):
        load_weights(second, {"a.bias": torch.zeros(3)})


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ClutchError, match="choose a multiple"):
        share(9, 0, 2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_that_is_asked_for_and_absent_is_an_error() -> None:
    machine = MachineConfig(device="cuda")
    for use in (make_accelerator, lambda machine: prepare_machine(replace(preset("smoke"), machine=machine))):
        with pytest.raises(DeviceError, match=r"machine\.device=cpu"):
            use(machine)


@pytest.mark.parametrize(("device", "said"), [("auto", "takes CUDA: a card"), ("cuda", ""), ("cpu", "")])
def test_cuda_that_was_not_asked_for_is_told(
    device: Literal["auto", "cpu", "cuda"],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    prepare_machine(replace(preset("smoke"), machine=MachineConfig(device=device)))
    out = capsys.readouterr().out
    assert said in out if said else not out


def test_overrides_reach_the_loop(tmp_path: Path) -> None:
    config = apply(preset("smoke"), ["seed=5", "machine.progress=no", "machine.tensorboard=no"])
    runs = [RunFolder.open(tmp_path / "a", config), RunFolder.open(tmp_path / "b", replace(config, seed=6))]
    models = [network(), network()]
    for run, model in zip(runs, models, strict=True):
        fit(run, "toy", model, rows, loss, FitConfig(steps=3))
    assert not torch.equal(models[0][0].weight, models[1][0].weight)  # type: ignore[index]
