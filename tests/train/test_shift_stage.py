"""The stage that trains SHIFT: windows, losses, measures, and the whole on a small corpus."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clutch_rt.errors import InputError
from clutch_rt.layout import Float32Array
from torch import Tensor

from models.kinematics import HandKinematics
from models.shift import VARIANTS, Shift, ShiftConfig
from train.config import MachineConfig, RunConfig, ShiftTrainConfig
from train.corpus import free_clips
from train.evaluate.errors import reconstruction_errors, usage
from train.evaluate.samplers import through_shift
from train.loop import fit, generator
from train.presets import preset
from train.run import RunFolder
from train.shift import _training_clips, draw, groups, measure, stage
from train.shift_loss import Objective, gap_error
from train.windows import Motions, first, whole_steps

SMALL = ShiftConfig(
    widths=(16, 16, 24, 24), depth=1, trajectory_codes=64, pose_codes=64, code_size=16, start_steps=10
)
IDENTITY = np.asarray([1, 0, 0, 0, 1, 0], dtype=np.float32)


def wave(frames: int, seed: int) -> Float32Array:
    """Two flat hands that swing along x, each at its own pace: ``(frames, 2, 99)``."""
    rng = np.random.default_rng(seed)
    hands = np.concatenate([IDENTITY, np.zeros(3, np.float32), np.tile(IDENTITY, 15)])
    motion = np.tile(hands, (frames, 2, 1))
    time = np.arange(frames) / 30.0
    for hand, side in enumerate((-0.15, 0.15)):
        swing = 0.05 * np.sin(2 * np.pi * rng.uniform(0.5, 1.5) * time + rng.uniform(0, 6))
        motion[:, hand, 6:9] = np.stack([side + swing, swing - 0.3, 0 * swing - 0.4], axis=-1)
    return motion.astype(np.float32)


def waves(count: int, seed: int = 0) -> list[Float32Array]:
    return [wave(48 + 8 * (i % 4), seed + i) for i in range(count)]


def test_windows_lie_in_one_motion_and_pad_with_its_last_frame() -> None:
    clips = [np.full((t, 2, 99), i, np.float32) for i, t in enumerate((8, 40))]
    clips[0][:, 0, 0] = clips[1][:8, 0, 0] = np.arange(8)
    motions = Motions.gather(clips)
    windows = motions.windows(16, 200, np.random.default_rng(0))
    assert windows.shape == (200, 16, 2, 99)
    assert bool((windows[:, :, 1] == windows[:, :1, 1]).all())
    short = windows[windows[:, 0, 1, 0] == 0]
    assert len(short) > 0 and bool((short[:, 7:, 0, 0] == 7).all())


def test_the_ends_of_a_motion_come_more_often_where_that_is_asked_for() -> None:
    clip = np.zeros((40, 2, 99), np.float32)
    clip[:, 0, 0] = np.arange(40)
    motions = Motions.gather([clip])

    def firsts(ends: int) -> list[int]:
        windows = motions.windows(16, 900, np.random.default_rng(1), ends)[:, 0, 0, 0]
        return np.bincount(windows.long().numpy(), minlength=25).tolist()

    plain, pulled = firsts(0), firsts(10)
    assert len(plain) == len(pulled) == 25
    # 25 places of 900 windows; of 45 places laid out, 11 are moved to each end.
    assert max(plain[0], plain[-1]) < 70 < 150 < min(pulled[0], pulled[-1])


def test_no_clips_is_an_error_with_the_command() -> None:
    with pytest.raises(InputError, match=r"train\.corpus"):
        Motions.gather([])


@pytest.mark.parametrize(("frames", "wanted"), [(8, 8), (9, 16), (15, 16), (1, 8)])
def test_a_motion_is_filled_to_whole_steps(frames: int, wanted: int) -> None:
    motion = torch.from_numpy(wave(frames, 0))
    filled = whole_steps(motion)
    assert len(filled) == wanted and torch.equal(filled[:frames], motion)
    assert bool((filled[frames:] == motion[-1]).all())


def test_shares_of_the_processes_make_up_the_batch_of_one() -> None:
    motions, settings = Motions.gather(waves(6)), ShiftTrainConfig(batch_size=8, window=16, short_share=0.0)
    whole = draw(motions, settings, 0, 5, 0, 1)
    halves = torch.cat([draw(motions, settings, 0, 5, rank, 2) for rank in range(2)])
    assert torch.equal(whole, halves)
    assert not torch.equal(whole, draw(motions, settings, 0, 6, 0, 1))


def test_some_steps_have_shorter_windows_and_more_of_them() -> None:
    motions, settings = Motions.gather(waves(6)), ShiftTrainConfig(batch_size=4, window=32, short_share=0.5)
    shapes = {tuple(draw(motions, settings, 0, step, 0, 2).shape[:2]) for step in range(40)}
    assert shapes == {(2, 32), (2, 24), (4, 16), (8, 8)}  # half of the batch each


def test_hands_that_come_too_near_cost_more_than_hands_that_stay_away() -> None:
    kinematics = HandKinematics()
    frames = torch.from_numpy(wave(8, 0))
    frames[:, 0, 6:9], frames[:, 1, 6:9] = 0.0, torch.tensor([0.0, 0.03, 0.0])
    true = kinematics(frames)
    assert float(gap_error(true, true)) == pytest.approx(0.0, abs=1e-7)
    wrong = []
    for metres in (0.01, -0.01):
        moved = frames.clone()
        moved[:, 1, 7] += metres
        wrong.append(float(gap_error(kinematics(moved), true)))
    assert wrong[1] > 1.5 * wrong[0] > 0.0
    frames[:, 1, 7] = 1.0  # far away, nothing is near
    assert float(gap_error(true, kinematics(frames))) == 0.0


def test_kernels_learn_by_muon_and_vectors_do_not() -> None:
    kernels, vectors = groups(Shift(SMALL))
    assert kernels.blocks == (1, 1) and all(p.ndim >= 2 for p in kernels.parameters)
    assert vectors.blocks is None and all(p.ndim == 1 for p in vectors.parameters)
    assert len([*kernels.parameters, *vectors.parameters]) == len(list(Shift(SMALL).parameters()))


def test_a_perfect_reconstruction_has_no_joint_loss_and_a_shifted_one_only_a_world_loss() -> None:
    class Shifted(torch.nn.Module):
        def __init__(self, model: Shift, metres: float) -> None:
            super().__init__()
            self.model, self.metres = model, metres

        def forward(self, frames: Tensor) -> object:
            moved = frames.clone()
            moved[..., 6] += self.metres
            return replace(self.model(frames), frames=moved)

    model = Shift(SMALL).eval()
    objective = Objective(model, ShiftTrainConfig(model=SMALL))
    frames = torch.from_numpy(np.stack(waves(2)[:1] * 2))
    for metres in (0.0, 0.03):
        _, parts = objective(Shifted(model, metres), frames, 0)
        # One axis of three moves; float32 metres leave about 1e-4 mm.
        assert float(parts["world_mm"]) == pytest.approx(metres * 1000 / 3, abs=1e-3)
        assert float(parts["relative_mm"]) == pytest.approx(0.0, abs=1e-3)
        assert float(parts["velocity"]) == pytest.approx(0.0, abs=1e-9)


def quiet(variant: str = "shift") -> RunConfig:
    settings = ShiftTrainConfig(
        model=replace(SMALL, variant=variant),
        steps=80,
        batch_size=8,
        window=32,
        warmup=5,
        learning_rate=3e-3,
        validate_every=0,
    )
    machine = MachineConfig(progress=False, tensorboard=False, plots=False)
    return replace(preset("smoke"), machine=machine, shift=settings)


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_learns_and_measures_what_it_learnt(variant: str, tmp_path: Path) -> None:
    """So does each row of the paper's ablation, by the measures of the evaluation too."""
    config = quiet(variant)
    config = replace(
        config, shift=replace(config.shift, steps=160)
    )  # one codebook for both hands starts late
    motions, held_out = Motions.gather(waves(24)), waves(4, seed=100)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Shift(config.shift.model)
    model.fit_normaliser(motions.frames)
    before = measure(model.eval(), held_out)
    fit(
        RunFolder.open(tmp_path, config),
        "shift",
        model,
        lambda step, rank, world: draw(motions, config.shift, 0, step, rank, world),
        Objective(model, config.shift),
        config.shift,
    )
    after = measure(model, held_out)
    assert after["mpjpe"] < 0.9 * before["mpjpe"]
    books = {"shift": {"trajectory", "pose"}, "part": {"hand"}, "single": {"both"}}[variant]
    numbers = {f"{book}_{number}" for book in books for number in ("used", "perplexity")}
    assert set(after) == {"mpjpe", "wrist_aligned", "accel"} | numbers
    assert all(after[f"{book}_used"] <= 64 for book in books)
    moving = {"shift": "trajectory", "part": "hand", "single": "both"}[variant]  # the fingers of waves rest
    assert after[f"{moving}_used"] > 1

    rebuilt = through_shift(model, held_out)
    judged = reconstruction_errors(held_out, rebuilt.motions, np.random.default_rng(0))
    # The evaluation averages over clips, the stage over frames, and these clips are of 48 to 72.
    assert judged.mpjpe.value == pytest.approx(after["mpjpe"], rel=0.1)
    assert rebuilt.codes is not None and rebuilt.codes[0].shape == (6, model.tokens_per_step)
    assert set(usage(rebuilt.codes, rebuilt.books, rebuilt.sizes)) == books


def test_measures_count_frames_not_clips() -> None:
    model = Shift(SMALL).eval()
    clips = [wave(64, 1), wave(16, 2)]
    parts = [measure(model, [c])["mpjpe"] for c in clips]
    both = measure(model, clips)["mpjpe"]
    assert both == pytest.approx((64 * parts[0] + 16 * parts[1]) / 80, rel=1e-6)


def test_first_takes_no_more_than_it_needs() -> None:
    endless = (np.zeros((8, 2, 99), np.float32) for _ in iter(int, 1))
    assert len(first(endless, 3)) == 3


def corpus_of_waves(folder: Path) -> None:
    """Twelve clips to train on and three held out, in ``folder/corpus``."""
    store, clip = pytest.importorskip("train.store"), pytest.importorskip("train.corpus.clip")
    rng = generator(0, "texts")
    clips = [
        clip.Clip(f"{split}-{i}", split, motion, (f"wave {rng.integers(9)} times",), ())
        for split, count in (("train", 12), ("val", 3))
        for i, motion in enumerate(waves(count, seed=100 if split == "val" else 0))
    ]
    store.write_shard(folder / "corpus" / "train-00000.parquet", clips[:12])
    store.write_shard(folder / "corpus" / "val-00000.parquet", clips[12:])


def test_free_motion_takes_its_share_of_the_clips_and_the_corpus_the_rest(tmp_path: Path) -> None:

    def gathered(free_share: float, clips: int = 8000) -> list[Float32Array]:
        config = replace(quiet(), shift=replace(quiet().shift, free_share=free_share, clips=clips))
        folder = tmp_path / f"{free_share}-{clips}"  # for a folder keeps its config
        corpus_of_waves(folder)
        return list(_training_clips(RunFolder.open(folder, config)))

    whole = gathered(free_share=0.0)
    assert len(whole) == 12 and np.array_equal(whole[0], wave(48, 0))
    mixed = gathered(free_share=0.25)
    assert len(mixed) == 16 and all(np.array_equal(a, b) for a, b in zip(mixed, whole, strict=False))
    assert all(np.array_equal(a, b) for a, b in zip(mixed[12:], free_clips(0, "train", 4), strict=True))
    few = gathered(free_share=0.25, clips=8)
    assert len(few) == 8 and np.array_equal(few[6], mixed[12])


def test_the_stage_reads_the_corpus_and_leaves_a_model(tmp_path: Path) -> None:
    corpus_of_waves(tmp_path)
    config = replace(quiet(), shift=replace(quiet().shift, steps=6, warmup=2))
    report = stage(RunFolder.open(tmp_path, config))
    model = Shift.load(tmp_path / "shift")
    assert model.config == SMALL
    assert json.loads((tmp_path / "shift" / "metrics.json").read_text()) == dict(report)
    assert measure(model, waves(3, seed=100))["mpjpe"] == pytest.approx(report["mpjpe"], rel=1e-5)
    free = list(free_clips(0, "val", config.shift.validation_clips // 4))
    assert measure(model, free)["mpjpe"] == pytest.approx(report["free_mpjpe"], rel=1e-5)
