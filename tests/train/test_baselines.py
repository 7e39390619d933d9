"""The baselines: the arithmetic of diffusion, both models, their training and the table they end in."""

from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clutch_rt.errors import FileFormatError, InputError
from torch import Tensor

from models.shift import Shift
from train import corpus, tokenizer
from train.baselines import diffusion, gpt
from train.baselines.__main__ import main, train_missing
from train.baselines.budget import steps_within
from train.baselines.codes import decode, encode
from train.baselines.config import (
    BaselinesConfig,
    DiffusionConfig,
    GPTConfig,
    TextConfig,
    open_settings,
    tokenizer_fit,
)
from train.baselines.data import WIDTH, Batches, collate
from train.baselines.diffusion import MotionDiffusion, guided
from train.baselines.gpt import CodeBatch, MotionGPT, targets
from train.baselines.schedule import NoiseSchedule
from train.baselines.training import DIFFUSION, Trainer, load_diffusion, load_gpt
from train.command import Interrupted
from train.config import FitConfig, apply
from train.overrides import override
from train.presets import smoke
from train.run import RunFolder

PIECES, CODES = 420, 20
TEXT = TextConfig(width=16, layers=1, heads=2)
SMALL_GPT = GPTConfig(width=16, layers=2, heads=2, max_steps=6)
SMALL_DIFFUSION = DiffusionConfig(width=16, layers=1, heads=2, noise_steps=5)

TINY = (
    "text.width=16",
    "text.layers=1",
    "text.heads=2",
    "tokenizer.codes=24",
    "tokenizer.steps=4",
    "gpt.width=16",
    "gpt.layers=1",
    "gpt.heads=2",
    "gpt.steps=4",
    "gpt.batch_size=4",
    "diffusion.width=16",
    "diffusion.layers=1",
    "diffusion.heads=2",
    "diffusion.steps=4",
    "diffusion.batch_size=4",
    "diffusion.noise_steps=4",
)
GIVEN = tuple(f"baselines.{setting}" for setting in TINY)


# ---- the arithmetic of diffusion ---------------------------------------------------------------


def test_what_is_kept_follows_the_cosine() -> None:
    def f(share: float) -> float:
        return math.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2

    schedule = NoiseSchedule.cosine(50)
    wanted = [f((i + 1) / 50) / f(0) for i in range(49)]  # the last step is clipped
    assert schedule.kept[:-1].tolist() == pytest.approx(wanted, rel=1e-9)
    assert 0 < schedule.kept[-1] < 1e-3


def test_noising_at_once_has_the_mean_and_variance_of_noising_step_by_step() -> None:
    schedule = NoiseSchedule.cosine(20)
    alpha, mean, variance = schedule.kept / schedule.before, 1.0, 0.0
    x0, noise = torch.full((1, 3), 2.0, dtype=torch.float64), torch.ones(1, 3, dtype=torch.float64)
    for i in range(20):
        mean *= float(alpha[i]) ** 0.5
        variance = float(alpha[i]) * variance + 1.0 - float(alpha[i])
        step = torch.tensor([i])
        still = schedule.noised(x0, step, 0 * noise)
        moved = schedule.noised(x0, step, noise) - still
        assert still[0, 0].item() == pytest.approx(2.0 * mean, rel=1e-9)
        assert moved[0, 0].item() ** 2 == pytest.approx(variance, rel=1e-9)


def test_the_posterior_is_what_bayes_makes_of_the_step_and_of_what_came_before() -> None:
    schedule, generator = NoiseSchedule.cosine(30), torch.Generator().manual_seed(0)
    x0, x = (torch.randn(29, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    steps = torch.arange(1, 30)
    found = schedule.posterior(x0, x, steps)
    before, alpha = schedule.kept[:-1, None], (schedule.kept[1:] / schedule.kept[:-1])[:, None]
    precision = 1.0 / (1.0 - before) + alpha / (1.0 - alpha)
    mean = (before.sqrt() * x0 / (1.0 - before) + alpha.sqrt() * x / (1.0 - alpha)) / precision
    assert torch.allclose(found.mean, mean, rtol=1e-9)
    assert torch.allclose(found.variance, 1.0 / precision, rtol=1e-9)
    first = schedule.posterior(x0[:1], x[:1], torch.tensor([0]))
    assert torch.allclose(first.mean, x0[:1]) and first.variance.item() == 0.0


def test_a_spaced_schedule_keeps_some_steps_and_begins_at_the_noisiest() -> None:
    schedule = NoiseSchedule.cosine(50)
    some = schedule.spaced(7)
    assert len(some) == 7 and some.times[-1] == 49 and bool((some.times.diff() > 0).all())
    assert torch.equal(some.kept, schedule.kept[some.times])
    assert torch.equal(schedule.spaced(50).times, schedule.times)
    with pytest.raises(InputError, match="51 is asked for of a schedule of 50"):
        schedule.spaced(51)


# ---- the diffusion model -----------------------------------------------------------------------


def diffuser(kind: type[MotionDiffusion] = MotionDiffusion) -> MotionDiffusion:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(PIECES, SMALL_DIFFUSION, TEXT).eval()


def sentences(rows: int, length: int = 5) -> tuple[Tensor, Tensor]:
    ids = torch.randint(3, PIECES, (rows, length), generator=torch.Generator().manual_seed(1))
    return ids, torch.ones_like(ids, dtype=torch.bool)


def test_sampling_with_a_model_that_knows_the_answer_ends_in_it() -> None:
    answer = torch.randn(1, 8, WIDTH, generator=torch.Generator().manual_seed(2))

    class Knowing(MotionDiffusion):
        def denoise(self, x: Tensor, mask: Tensor, times: Tensor, sentence: Tensor) -> Tensor:
            return answer.expand(len(x), -1, -1)

    made = diffusion.sample(diffuser(Knowing), *sentences(1), [8], [3])
    assert np.allclose(made[0].reshape(8, WIDTH), answer[0].numpy(), atol=1e-5)


def test_guidance_of_weight_one_is_the_conditional_model_and_of_zero_the_other() -> None:
    model, (ids, mask) = diffuser(), sentences(2)
    x, seen, times = torch.randn(2, 8, WIDTH), torch.ones(2, 8, dtype=torch.bool), torch.tensor([1, 3])
    with torch.no_grad():
        sentence = model.text(ids, mask)
        said = model.denoise(x, seen, times, sentence)
        unsaid = model.denoise(x, seen, times, torch.zeros_like(sentence))
    assert not torch.allclose(said, unsaid, atol=1e-3)
    assert torch.equal(guided(model, x, seen, times, sentence, 1.0), said)
    assert torch.allclose(guided(model, x, seen, times, sentence, 1.0 + 1e-6), said, atol=1e-4)
    assert torch.equal(guided(model, x, seen, times, sentence, 0.0), unsaid)
    wanted = 2.5 * said - 1.5 * unsaid
    assert torch.allclose(guided(model, x, seen, times, sentence, 2.5), wanted, atol=1e-4)


def test_a_motion_has_the_asked_length_and_is_its_seeds_alone_whatever_else_is_made() -> None:
    model, (ids, mask) = diffuser(), sentences(3)
    together = diffusion.sample(model, ids, mask, [8, 24, 16], [5, 6, 7])
    assert [m.shape for m in together] == [(t, 2, 99) for t in (8, 24, 16)]
    alone = diffusion.sample(model, ids[:1], mask[:1], [8], [5])[0]
    assert np.allclose(alone, together[0], atol=1e-4)
    again = diffusion.sample(model, ids, mask, [8, 24, 16], [5, 6, 7])
    assert all(np.array_equal(a, b) for a, b in zip(together, again, strict=True))
    other = diffusion.sample(model, ids[:1], mask[:1], [8], [8])[0]
    assert not np.allclose(alone, other, atol=1e-2)
    with pytest.raises(InputError, match="3 sentences came with 2 lengths"):
        diffusion.sample(model, ids, mask, [8, 8], [1, 2, 3])


def test_normalised_frames_have_unit_spread_where_they_move_and_come_back() -> None:
    model = diffuser()
    frames = torch.randn(400, 2, 99, generator=torch.Generator().manual_seed(3)) * 0.3 + 0.5
    frames[:, :, 20] = 1.0  # a number that never moves must not divide by nothing
    model.fit_normaliser(frames)
    x = model.normalise(frames[None])
    assert x.shape == (1, 400, WIDTH) and torch.allclose(model.denormalise(x)[0], frames, atol=1e-5)
    spread = x[0].std(0)
    assert spread[[0, 8, 30, 150]].tolist() == pytest.approx([1.0] * 4, abs=0.1) and spread[20] == 0


# ---- the transformer over codes ----------------------------------------------------------------


def reader() -> MotionGPT:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MotionGPT(PIECES, CODES, SMALL_GPT, TEXT).eval()


def test_a_place_sees_the_sentence_and_the_codes_before_it_alone() -> None:
    model, (ids, mask) = reader(), sentences(1)
    codes = torch.arange(5)[None]
    changed = codes.clone()
    changed[0, 2] = 9
    with torch.no_grad():
        one, two = model(ids, mask, codes), model(ids, mask, changed)
        said = model(ids.flip(1), mask, codes)
    assert one.shape == (1, 6, CODES + 1)
    assert torch.allclose(one[:, :3], two[:, :3], atol=1e-5)
    assert not torch.allclose(one[:, 3:], two[:, 3:], atol=1e-3)
    assert not torch.allclose(one[:, 0], said[:, 0], atol=1e-4)


def test_the_end_is_told_once_behind_the_last_code() -> None:
    codes = torch.tensor([[4, 5, 0], [1, 2, 3]])
    batch = CodeBatch(codes, torch.tensor([2, 3]), *sentences(2))
    assert targets(batch, CODES).tolist() == [[4, 5, CODES, -100], [1, 2, 3, CODES]]


def test_sampling_step_by_step_is_the_greedy_choice_of_the_whole() -> None:
    model, (ids, mask) = reader(), sentences(2)
    drawn = gpt.sample(model, ids, mask, [1, 2], temperature=1.0, top_k=1)
    for row, codes in enumerate(drawn):
        assert 1 <= len(codes) <= SMALL_GPT.max_steps and codes.max() < CODES
        with torch.no_grad():
            logits = model(ids[row : row + 1], mask[row : row + 1], torch.from_numpy(codes)[None])[0]
        logits[0, CODES] = -1e9  # a motion has one step at least
        best = logits.argmax(-1).tolist()
        assert best[: len(codes)] == codes.tolist()
        assert len(codes) == SMALL_GPT.max_steps or best[len(codes)] == CODES


@pytest.mark.parametrize(("bias", "length"), [(1e6, 1), (-1e6, SMALL_GPT.max_steps)])
def test_the_end_ends_a_motion_but_not_before_its_first_step(bias: float, length: int) -> None:
    model, (ids, mask) = reader(), sentences(2)
    with torch.no_grad():
        model.head.bias[CODES] = bias
    drawn = gpt.sample(model, ids, mask, [1, 2], temperature=1.0, top_k=0)
    assert [len(codes) for codes in drawn] == [length, length]


def test_codes_are_their_seeds_alone() -> None:
    model, (ids, mask) = reader(), sentences(3)
    three = gpt.sample(model, ids, mask, [1, 2, 3], 1.0, 0)
    assert np.array_equal(three[1], gpt.sample(model, ids[1:2], mask[1:2], [2], 1.0, 0)[0])
    assert not np.array_equal(three[1], gpt.sample(model, ids[1:2], mask[1:2], [9], 1.0, 0)[0])
    with pytest.raises(InputError, match="2 seeds came with 3 sentences"):
        gpt.sample(model, ids, mask, [1, 2], 1.0, 0)


def test_padding_of_a_sentence_changes_nothing() -> None:
    model, (ids, mask) = reader(), sentences(1)
    padded = torch.cat([ids, torch.zeros(1, 3, dtype=torch.long)], 1)
    longer = torch.cat([mask, torch.zeros(1, 3, dtype=torch.bool)], 1)
    with torch.no_grad():
        assert torch.allclose(model.text(ids, mask), model.text(padded, longer), atol=1e-5)
        assert not torch.allclose(model.text(ids, mask), model.text(ids.flip(1), mask), atol=1e-4)


# ---- training and the table --------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with a small corpus and a vocabulary, and no model."""
    wanted = [
        "corpus.clips=48",
        f"tokenizer.vocab={PIECES}",
        "shift.model.widths=8,8,16,16",
        "shift.batch_size=4",
        "shift.window=32",
        "machine.progress=false",
        "machine.tensorboard=false",
        "machine.plots=false",
        "machine.device=cpu",
        "evaluate.clips=4",
        "evaluate.pool=4",
        "evaluate.retrieval_steps=4",
        "evaluate.repeats=1",
        "evaluate.modality_texts=2",
        "evaluate.modality_draws=2",
        "evaluate.meter_clips=30",
    ]
    folder = RunFolder.open(tmp_path_factory.mktemp("run"), apply(smoke(), wanted))
    corpus.stage(folder)
    tokenizer.stage(folder)
    return folder


def copied(folder: RunFolder, path: Path) -> RunFolder:
    """A run of its own over the same corpus and vocabulary."""
    other = RunFolder.open(path, folder.config)
    for name in ("corpus", "tokenizer.model"):
        (path / name).symlink_to(folder.path / name)
    return other


def tiny(*settings: str) -> BaselinesConfig:
    config = BaselinesConfig()
    for setting in (*TINY, *settings):
        key, _, value = setting.partition("=")
        config = override(config, key, value)
    return config


def test_a_batch_is_a_function_of_its_step_and_holds_whole_clips(finished: RunFolder) -> None:
    data = Trainer.open(finished, tiny()).train
    batches = Batches(data, 4, 0, "x")
    one, again = batches(3, 0, 1), Batches(data, 4, 0, "x")(3, 0, 1)
    assert torch.equal(one.frames, again.frames) and torch.equal(one.ids, again.ids)
    assert not torch.equal(one.clips, batches(4, 0, 1).clips)
    halves = [batches(3, rank, 2).clips for rank in range(2)]
    assert torch.equal(torch.cat(halves), one.clips)
    for row, clip in enumerate(one.clips.tolist()):
        length = int(one.lengths[row])
        assert torch.equal(one.frames[row, :length], data.motions[clip])
        assert bool((one.frames[row, length:] == data.motions[clip][-1]).all())
        text = tuple(one.ids[row][one.ids_mask[row]].tolist())
        assert text in data.texts[clip]


def test_codes_of_a_motion_come_back_as_whole_steps_whatever_they_are_decoded_with(
    finished: RunFolder,
) -> None:
    data = Trainer.open(finished, tiny()).train
    model = Shift(tokenizer_fit(tiny(), finished.config).model).eval()
    assert model.tokens_per_step == 1 and model.codebook_sizes == (24,)
    codes = [encode(model, data.motions[i], limit) for i, limit in ((0, 32), (1, 3))]
    assert len(codes[0]) == data.steps[0] and len(codes[1]) == 3
    both, alone = decode(model, codes, 8), decode(model, codes[1:], 8)
    assert both[1].shape == (24, 2, 99) and np.allclose(both[1], alone[0], atol=1e-5)


def test_a_loss_falls_to_nothing_where_nothing_is_left_to_tell(finished: RunFolder) -> None:
    """The objective with a model that knows: every part is zero; shifted, the parts say by how much."""
    data = Trainer.open(finished, tiny()).train
    model = diffuser()
    batch = collate(data, np.asarray([0, 1]), [data.texts[i][0] for i in (0, 1)])

    class Shifted(torch.nn.Module):
        def __init__(self, metres: float) -> None:
            super().__init__()
            self.metres = metres

        def forward(self, x: Tensor, *rest: object) -> Tensor:
            moved = batch.frames.clone()
            moved[..., 6] += self.metres
            return model.normalise(moved)

    objective = diffusion.DiffusionObjective(model, SMALL_DIFFUSION)
    loss, _ = objective(Shifted(0.0), batch, 0)
    assert float(loss) == pytest.approx(0.0, abs=1e-8)
    _, parts = objective(Shifted(0.1), batch, 0)
    assert float(parts["joints_m2"]) == pytest.approx(0.01 / 3, rel=1e-3)  # one axis of three
    assert float(parts["velocity_m2"]) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("stage", ["gpt", "diffusion"])
def test_a_stage_that_was_stopped_ends_with_the_same_bits(
    finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """Dropout, corruption, hidden sentences and noise all come from the step."""
    whole, stopped = copied(finished, tmp_path / "whole"), copied(finished, tmp_path / "stopped")
    settings = tiny("gpt.dropout=0.2")
    for folder in (whole, stopped):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            Shift(tokenizer_fit(settings, folder.config).model).save(folder.path / "baselines" / "tokenizer")
    getattr(Trainer.open(whole, settings), stage)(whole)
    draw, left = Batches.__call__, [2]

    def interrupting(self: Batches, step: int, rank: int, world: int) -> object:
        if step in left:
            left.remove(step)
            os.kill(os.getpid(), signal.SIGINT)
        return draw(self, step, rank, world)

    monkeypatch.setattr(Batches, "__call__", interrupting)
    with pytest.raises(Interrupted, match="stopped after step 3 of 4"):
        getattr(Trainer.open(stopped, settings), stage)(stopped)
    assert not (stopped.path / "baselines" / stage).exists()
    getattr(Trainer.open(stopped, settings), stage)(stopped)
    load = load_gpt if stage == "gpt" else load_diffusion
    one, two = (load(folder.path / "baselines" / stage).state_dict() for folder in (whole, stopped))
    assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_the_command_trains_once_and_writes_the_table(
    finished: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(finished, tmp_path / "run")
    given = [f"run={folder.path}", "baselines.judging.noise_steps=2"]
    assert main([*given, *GIVEN]) == 0
    report = (folder.path / "baselines.md").read_text(encoding="utf-8")
    for row in ("ground truth", "HumanMDM-style", "T2M-GPT-style", "shuffled"):
        assert f"| {row} |" in report
    assert "| ours |" not in report  # there is no language model in this run
    assert "true length" in report and "4 x 4" in report and "CLIP" in report
    figures = json.loads((folder.path / "baselines" / "metrics.json").read_text(encoding="utf-8"))["rows"]
    for name in ("HumanMDM-style", "T2M-GPT-style"):
        assert {"r3", "mm_distance", "kid", "diversity", "multimodality", "verb", "hand", "count"} <= set(
            figures[name]
        )
    # The diffusion model is given the true lengths, the other one is not.
    assert figures["HumanMDM-style"]["frames"]["value"] == figures["ground truth"]["frames"]["value"]
    weights = folder.path / "baselines" / "diffusion" / "model.safetensors"
    made = weights.stat().st_mtime_ns
    capsys.readouterr()
    again = open_settings(folder, ["baselines.judging.guidance=1"])  # may change, for it trains nothing
    train_missing(folder, again)
    assert again.judging.guidance == 1.0 and weights.stat().st_mtime_ns == made
    assert main([*given, "baselines.diffusion.width=32"]) == 2
    assert "diffusion.width: 16 -> 32" in capsys.readouterr().err
    assert main([*given, "gpt.steps=9"]) == 2
    assert "did you mean baselines.gpt.steps=9?" in capsys.readouterr().err


def test_steps_that_are_not_said_are_those_of_the_runs_own_models(
    finished: RunFolder, tmp_path: Path
) -> None:
    folder, run = copied(finished, tmp_path), finished.config
    config = open_settings(folder, [])
    assert config.tokenizer.steps == run.shift.steps
    assert config.gpt.steps == config.diffusion.steps == run.lm.steps + run.refine.steps + run.instruct.steps
    with pytest.raises(InputError, match=r"diffusion\.steps"):
        open_settings(folder, ["baselines.difusion.steps=3"])
    with pytest.raises(InputError, match="width=30 and heads=4"):
        open_settings(folder, ["baselines.gpt.width=30"])


def test_a_budget_of_time_becomes_steps_once(finished: RunFolder, tmp_path: Path) -> None:
    folder, trainer = copied(finished, tmp_path), Trainer.open(finished, tiny())
    model = diffuser()
    model.fit_normaliser(trainer.train.motions.frames)
    before = [p.clone() for p in model.parameters()]
    objective = diffusion.DiffusionObjective(model, SMALL_DIFFUSION)
    settings, batches = replace(SMALL_DIFFUSION, steps=3), Batches(trainer.train, 4, 0, DIFFUSION)

    def steps(minutes: float, wanted: FitConfig = settings) -> int:
        return steps_within(folder, DIFFUSION, minutes, model, batches, objective, wanted)

    assert steps(0.0) == 3
    found = steps(0.5)
    kept = json.loads((folder.path / "baselines" / f"{DIFFUSION}-budget.json").read_text())
    assert found == kept["steps"] == pytest.approx(30.0 / kept["seconds_a_step"], abs=2, rel=0.1)
    assert steps(0.5) == found
    assert all(torch.equal(p, q) for p, q in zip(before, model.parameters(), strict=True))


def test_weights_of_another_shape_are_refused_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"config\.json is missing"):
        load_gpt(tmp_path)
