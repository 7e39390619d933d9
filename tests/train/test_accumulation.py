"""A step in micro-batches learns what the whole batch learns."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from clutch_rt.errors import ClutchError, InputError
from torch import Tensor, nn

from models.lm import MotionLM
from models.shift import Shift, ShiftConfig
from tests.train.lm_run import folder_of
from train import instruct, pretrain, refine
from train.all import STAGES, check_batches
from train.command import Interrupted
from train.config import FitConfig, MachineConfig, ShiftTrainConfig
from train.examples import LMBatch, collate
from train.loop import fit, generator, share
from train.objectives import LMObjective
from train.presets import preset
from train.pretrain import Materials, build_grammar, build_model
from train.run import RunFolder, run_stage
from train.seeding import generator as seeded
from train.shift_loss import Objective
from train.throughput import Throughput, peak_flops
from train.whole import StepModel


def folder(path: Path, accumulate: int) -> RunFolder:
    machine = MachineConfig(progress=False, tensorboard=False, device="cpu", accumulate=accumulate)
    return RunFolder.open(path, replace(preset("smoke"), machine=machine))


class Told(StepModel):
    """A net whose loss is a mean over some of the rows, not as many in each part; it notes what it hears."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Linear(4, 4)
        self.heard: list[list[int]] = []
        self.whole = 1.0

    def begin(self, parts: Any) -> None:
        self.heard.append([len(part) for part in parts])
        self.whole = sum(float((part[:, 0] > 0).sum()) for part in parts) / len(parts)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.net(x)
        return made


def rows(step: int, rank: int, world: int) -> Tensor:
    return torch.from_numpy(generator(0, "rows", step).normal(size=(8, 4))[share(8, rank, world)]).float()


def loss(model: nn.Module, x: Tensor, step: int) -> tuple[Tensor, Mapping[str, Any]]:
    assert isinstance(model, Told)
    told = x[x[:, 0] > 0]
    return (model(told) - told.flip(-1)).square().sum() / model.whole, {"told": float(len(told))}


def toy(path: Path, accumulate: int) -> Told:
    model = Told()
    fit(folder(path, accumulate), "toy", model, rows, loss, FitConfig(steps=12))
    return model


@pytest.mark.parametrize("accumulate", [2, 4, 8])
def test_the_mean_of_the_parts_is_learnt(accumulate: int, tmp_path: Path) -> None:
    whole, parted = toy(tmp_path / "whole", 1), toy(tmp_path / "parted", accumulate)
    assert whole.heard == [[8]] * 12 and parted.heard == [[8 // accumulate] * accumulate] * 12
    for a, b in zip(whole.parameters(), parted.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)  # the same float32 terms in another order
    lines = [RunFolder(tmp_path / n, preset("smoke")).metrics("toy")[-1] for n in ("whole", "parted")]
    for name in ("loss", "gradient"):
        assert lines[0][name] == pytest.approx(lines[1][name], rel=1e-4)


def test_shift_and_its_codebooks_learn_once_a_step(tmp_path: Path) -> None:
    config = ShiftConfig(
        widths=(8, 8, 8, 8), depth=1, trajectory_codes=32, pose_codes=32, code_size=4, levels=2, start_steps=2
    )
    settings = ShiftTrainConfig(model=config, steps=6, warmup=2, window=16, batch_size=8)

    def learnt(accumulate: int) -> Shift:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = Shift(config)

        def batch(step: int, rank: int, world: int) -> Tensor:
            frames = generator(0, step).normal(size=(8, 16, 2, 99))
            return torch.from_numpy(frames[share(8, rank, world)]).float()

        run = folder(tmp_path / str(accumulate), accumulate)
        fit(run, "shift", model, batch, Objective(model, settings), settings)
        return model

    whole, parted = learnt(1), learnt(4).state_dict()
    for name, value in whole.state_dict().items():
        if name.endswith("updates"):
            assert int(value) == int(parted[name]) == settings.steps
        # As for two processes: the same sums in another order, after AdamW, which divides by small numbers.
        torch.testing.assert_close(
            value, parted[name], atol=2e-4, rtol=1e-3, msg=lambda m, n=name: f"{n}: {m}"
        )


def flat(model: MotionLM) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("stage", [pretrain, instruct, refine], ids=lambda module: module.STAGE)
def test_the_stages_of_the_language_model(
    stage: ModuleType, materials_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each part draws noise of its own: pasts of the model's own, and Gumbel noise.
    monkeypatch.setattr(refine.F, "gumbel_softmax", lambda logits, tau: (logits / tau).softmax(-1))
    settings = "lm.own_share=0", "lm.learning_rate=1e-3", "instruct.learning_rate=5e-4"
    made = []
    for parts in (1, 4):
        run = folder_of(materials_folder, tmp_path / str(parts), *settings, f"machine.accumulate={parts}")
        materials = Materials.open(run)
        grammar = build_grammar(run, materials.processor)
        start = build_model(grammar, run.config.lm, run.config.seed, materials.train.labels)
        start.save(run.path / "lm-pretrain")
        run_stage(run, stage.STAGE, stage.stage)
        made.append(flat(MotionLM.load(run.path / f"lm-{stage.STAGE}")))
    one, four = made
    # As for two processes: what rounding does to weights whose gradient is next to nothing.
    assert float((four - one).norm()) < 5e-3 * float((one - flat(start)).norm())
    assert float((four - one).abs().mean()) < 1e-5


def test_a_batch_that_does_not_divide_is_refused_before_the_first_stage(tmp_path: Path) -> None:
    with pytest.raises(ClutchError, match="batch_size=8 does not divide into 3 parts"):
        fit(folder(tmp_path / "a", 3), "toy", Told(), rows, loss, FitConfig(steps=2))
    run = folder(tmp_path / "b", 16)
    with pytest.raises(InputError, match=r"refine\.batch_size=8 does not divide into 16 parts"):
        check_batches(run, STAGES)
    run.mark_done("refine")
    check_batches(run, STAGES)


def test_a_stop_falls_between_steps_and_another_number_of_parts_goes_on(tmp_path: Path) -> None:
    def stopping(step: int, rank: int, world: int) -> Tensor:
        if (step, rank) == (5, 1):
            signal.raise_signal(signal.SIGINT)
        return rows(step, rank, world)

    with pytest.raises(Interrupted, match="after step 6 of 12"):
        fit(folder(tmp_path / "a", 4), "toy", Told(), stopping, loss, FitConfig(steps=12))
    resumed, whole = toy(tmp_path / "a", 2), toy(tmp_path / "b", 1)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


# ---- throughput ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "tera"),
    [
        ("NVIDIA H200", 989),
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L4", 121),
        ("NVIDIA L40", None),
        ("NVIDIA GeForce RTX 4090", 165),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", None),
    ],
)
def test_peaks_are_of_the_very_card(card: str, tera: int | None) -> None:
    assert peak_flops(card) == (tera and tera * 1e12)


def test_throughput_counts_from_line_to_line_and_knows_no_gpu_without_one() -> None:
    meter = Throughput(torch.device("cpu"), batch_size=24, bf16=True)
    assert not meter.counts_flops
    meter.add(0.5, 0.0)
    meter.add(1.5, 0.0)
    assert meter.take() == {"clips_per_second": 24.0}
    meter.add(1.0, 0.0)
    assert meter.take() == {"clips_per_second": 24.0}


def test_operations_are_six_for_each_weight_and_position(run: RunFolder) -> None:
    materials = Materials.open(run)
    model = build_model(build_grammar(run, materials.processor), run.config.lm, 0)
    objective, tasks = LMObjective(model, 0.3, 0.25, 0.3), materials.train
    motion = collate([tasks.text_to_motion(i, seeded(i)) for i in range(3)]).motion
    text = collate([tasks.motion_to_text(i, seeded(i)) for i in range(2)]).text
    assert motion is not None and text is not None and text.given_mask is not None
    layers = {
        room: sum(p.numel() for n, p in model.named_parameters() if room in n and p.ndim > 1)
        for room in ("encoder.block", "decoder.block", "depth_mlp")
    }
    told = layers["decoder.block"] + layers["depth_mlp"]
    b, s, _ = motion.codes.shape
    wanted = 6.0 * (layers["encoder.block"] * motion.ids.numel() + told * b * s)
    assert objective.flops(LMBatch(motion, None)) == wanted
    read = text.ids.numel() + text.given_mask.numel()
    wanted += 6.0 * (layers["encoder.block"] * read + told * text.inputs.numel())
    assert objective.flops(LMBatch(motion, text)) == wanted
