"""The language model's stages on a tiny run: batches, losses, learning, resuming, what is left on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clutch_rt import prompts
from clutch_rt.errors import InputError
from torch import Tensor

from models.generation import caption, generate, pad_prompts
from models.lm import Encoded, MotionLM
from models.shift import Shift, ShiftConfig
from train import instruct, pretrain, refine, tokens
from train.config import LMTrainConfig, RunConfig, TokenizerConfig, apply, smoke
from train.corpus import draw_clip
from train.examples import IGNORE, Example, LMBatch, Schedule, Tasks, caption_rows, collate
from train.objectives import LMObjective
from train.pretrain import Materials, PretrainBatches, build_grammar, build_model, parameter_groups
from train.run import RunFolder
from train.seeding import generator
from train.templates import TEMPLATES
from train.tokenizer import TOKENIZER_FILE, decode, template_sentences, train_tokenizer

CLIPS, VALIDATION = 32, 8


def tiny(*settings: str) -> RunConfig:
    base = smoke()
    shift = replace(base.shift.model, widths=(8, 12, 16, 16), trajectory_codes=24, pose_codes=16, code_size=8)
    config = replace(
        base,
        shift=replace(base.shift, model=shift),
        tokens=replace(base.tokens, clips=CLIPS, validation=VALIDATION, shard_clips=CLIPS),
        machine=replace(base.machine, threads=1, progress=False, tensorboard=False, plots=False),
        lm=replace(base.lm, steps=9, batch_size=8, warmup=3, validation_clips=VALIDATION, learning_rate=3e-3),
        refine=replace(base.refine, steps=3, batch_size=4),
        instruct=replace(base.instruct, steps=4, batch_size=8),
    )
    return apply(config, settings)


@pytest.fixture(scope="module")
def materials_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes before the language model: a SHIFT, a vocabulary and tokens."""
    path = tmp_path_factory.mktemp("run")
    config = tiny()
    folder = RunFolder.open(path, config)
    torch.manual_seed(0)
    Shift(config.shift.model).save(folder.folder("shift"))
    tokens.stage(folder)
    texts = [
        prompts.normalise(t) for i in range(CLIPS) for t in draw_clip(0, i, "train", config.corpus).texts
    ]
    train_tokenizer([*texts, *template_sentences()], path / TOKENIZER_FILE, TokenizerConfig(vocab=420))
    return path


@pytest.fixture
def run(materials_folder: Path, tmp_path: Path) -> RunFolder:
    return folder_of(materials_folder, tmp_path)


def folder_of(materials: Path, path: Path, *settings: str) -> RunFolder:
    folder = RunFolder.open(path, tiny(*settings))
    for name in ("shift", "tokens", TOKENIZER_FILE):
        (path / name).symlink_to(materials / name)
    return folder


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


def test_a_schedule_of_few_clips_still_fills_batches() -> None:
    assert len(Schedule(np.ones(3, np.int64), 8, 0).clips(5)) == 8


def test_caption_rows_are_the_share_and_spread() -> None:
    assert len(caption_rows(48, 0.2)) == 10
    assert caption_rows(48, 0.0) == set()
    halves = [sum(r < 24 for r in caption_rows(48, 0.25)), sum(r >= 24 for r in caption_rows(48, 0.25))]
    assert halves == [6, 6], "two processes get alike shares"


def test_collating_pads_and_shifts() -> None:
    motion = Example([5, 1], codes=np.full((2, 4), 3))
    longer = Example([5, 6, 1], given=np.full((1, 4), 2), codes=np.full((3, 4), 4))
    text = Example([7, 1], given=np.full((2, 4), 1), answer=[8, 9, 1])
    short = Example([7, 1], answer=[8, 1])
    batch = collate([motion, text, longer, short], [10, 11, 12, 13])
    assert batch.motion is not None and batch.text is not None
    assert batch.motion.steps.tolist() == [2, 3]
    assert batch.motion.clips.tolist() == [10, -1], "a continuation is not the whole clip"
    assert batch.motion.given_mask is not None and batch.motion.given_mask.tolist() == [[False], [True]]
    assert batch.text.inputs.tolist() == [[0, 8, 9], [0, 8, 1]]
    assert batch.text.targets.tolist() == [[8, 9, 1], [8, 1, IGNORE]]


@pytest.mark.parametrize("form", ["step", "flat"])
def test_padding_does_not_count_in_the_loss(run: RunFolder, form: str) -> None:
    lm = replace(run.config.lm, form=form)
    materials = Materials.open(run)
    grammar = replace(build_grammar(run, materials.processor), form=form)
    objective = LMObjective(build_model(grammar, lm, 0).eval(), 0.3, 0.25)
    a, b = (materials.train.text_to_motion(i, generator(i)) for i in (0, 1))
    with torch.no_grad():
        alone = [objective(collate([e]))["motion"] for e in (a, b)]
        both = objective(collate([a, b]))["motion"]
    assert a.codes is not None and b.codes is not None and len(a.codes) != len(b.codes)
    extra = 1 if form == "flat" else 0  # <eom> is a target too
    weights = torch.tensor([4.0 * len(e.codes) + extra for e in (a, b) if e.codes is not None])
    wanted = (torch.stack(alone) * weights).sum() / weights.sum()
    torch.testing.assert_close(both, wanted, rtol=1e-5, atol=1e-5)


def test_every_parameter_learns_in_exactly_one_group(run: RunFolder) -> None:
    materials = Materials.open(run)
    model = build_model(build_grammar(run, materials.processor), run.config.lm, 0)
    objective = LMObjective(model, 0.3, 0.25, 1.0)
    groups = parameter_groups(objective, LMTrainConfig())
    ids = [id(p) for g in groups for p in g.parameters]
    assert sorted(ids) == sorted(id(p) for p in objective.parameters())
    fast = {id(p) for p in groups[0].parameters}
    assert id(model.t5.shared.weight) in fast and id(model.depth_embedding[0].weight) in fast
    assert id(model.depth_head[0].weight) not in fast


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


@pytest.mark.parametrize("form", ["step", "flat"])
def test_an_encoder_that_says_nothing_gains_nothing(
    run: RunFolder, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    materials = Materials.open(run)
    grammar = replace(build_grammar(run, materials.processor), form=form)
    objective = LMObjective(build_model(grammar, replace(run.config.lm, form=form), 0).eval(), 0.3, 0.25)
    validation = pretrain.Validation(materials.val, VALIDATION)
    numbers = validation(objective, 0)
    assert numbers["text_gain"] == pytest.approx(numbers["motion_shuffled"] - numbers["motion"])
    assert abs(numbers["text_gain"]) > 1e-4, "even a fresh model's codes differ with the sentence"
    assert np.isfinite(numbers["motion_blind"]) and numbers["motion_blind"] != numbers["motion"]

    encode = MotionLM.encode

    def collapsed(self: MotionLM, *args: Any) -> Encoded:
        made = encode(self, *args)
        return replace(made, memory=torch.ones_like(made.memory))

    monkeypatch.setattr(MotionLM, "encode", collapsed)
    # float32 sums of equal vectors over prompts of other lengths
    assert validation(objective, 0)["text_gain"] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("form", ["step", "flat"])
def test_a_bag_of_codes_teaches_the_encoder_and_forgets_the_order(run: RunFolder, form: str) -> None:
    materials = Materials.open(run)
    grammar = replace(build_grammar(run, materials.processor), form=form)
    objective = LMObjective(build_model(grammar, replace(run.config.lm, form=form), 0), 0.3, 0.25, 1.0)
    examples = [materials.train.text_to_motion(i, generator(i)) for i in range(3)]
    bag = objective(collate(examples))["bag"]
    # Untrained heads know nothing: near the mean log of the codebooks, within what random logits of about
    # unit spread add.
    assert float(bag.detach()) == pytest.approx(np.mean([np.log(grammar.size(k)) for k in range(4)]), abs=1.0)
    bag.backward()
    gradients = [p.grad for p in objective.lm.t5.encoder.parameters()]
    assert any(g is not None and float(g.abs().max()) > 0 for g in gradients)
    backwards = [replace(e, codes=e.codes[::-1].copy()) for e in examples if e.codes is not None]
    torch.testing.assert_close(objective(collate(backwards))["bag"], bag, rtol=1e-5, atol=1e-6)
    assert not any("bag" in name for name in objective.lm.state_dict()), "it is no part of the model"


def test_a_batch_of_one_has_no_other_sentence(run: RunFolder) -> None:
    materials = Materials.open(run)
    objective = LMObjective(build_model(build_grammar(run, materials.processor), run.config.lm, 0), 0.3, 0.25)
    numbers = pretrain.Validation(materials.val, 1)(objective, 0)
    assert "motion_blind" in numbers and "text_gain" not in numbers


@pytest.mark.parametrize("form", ["step", "flat"])
def test_pretraining_learns_and_resumes_to_the_bit(
    materials_folder: Path, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = f"lm.form={form}"
    whole = folder_of(materials_folder, tmp_path / "whole", setting)
    report = pretrain.stage(whole)
    losses = [line["motion"] for line in whole.metrics("pretrain") if "motion" in line]
    assert report["validation"]["motion"] < np.log(24), "no better than chance after training"
    assert all(np.isfinite(losses))

    always = "machine.checkpoint_seconds=0"
    stopped = folder_of(materials_folder, tmp_path / "stopped", setting, always)

    class Stop(Exception):
        pass

    original = PretrainBatches.__call__

    def until_five(self: PretrainBatches, step: int, rank: int, world: int) -> LMBatch:
        if step == 5:
            raise Stop
        return original(self, step, rank, world)

    monkeypatch.setattr(PretrainBatches, "__call__", until_five)
    with pytest.raises(Stop):
        pretrain.stage(stopped)
    monkeypatch.setattr(PretrainBatches, "__call__", original)
    pretrain.stage(stopped)
    one, two = (MotionLM.load(f.path / "lm-pretrain").state_dict() for f in (whole, stopped))
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_the_whole_line_leaves_a_model_that_speaks_both_ways(run: RunFolder) -> None:
    pretrain.stage(run)
    before = MotionLM.load(run.path / "lm").state_dict()
    report = refine.stage(run)
    assert np.isfinite(report["validation"]["motion"])
    lines = run.metrics("refine")
    assert any("joints_mm" in line or "masked_joints_mm" in line for line in lines)
    instruct.stage(run)
    model = MotionLM.load(run.path / "lm")
    assert (run.path / "lm-refine" / "model.safetensors").exists()
    assert not torch.equal(model.t5.shared.weight, before["t5.shared.weight"])

    tasks = Materials.open(run).val
    ids, mask = pad_prompts([tasks.ids(prompts.text_to_motion("wave with the left hand"))])
    codes = generate(model, ids, mask, [3])[0]
    model.grammar.check(codes)
    frames = Shift.load(run.path / "shift").decode(torch.from_numpy(codes)[None])
    assert frames.shape == (1, 8 * len(codes), 2, 99) and bool(frames.isfinite().all())
    words = caption(model, tasks.ids(prompts.MOTION_TO_TEXT), [codes], max_tokens=8)[0]
    assert isinstance(decode(tasks.processor, words), str)


def test_refinement_moves_the_language_model_and_not_shift(run: RunFolder) -> None:
    config, materials = run.config, Materials.open(run)
    shift = Shift.load(run.path / "shift")
    before = {k: v.clone() for k, v in shift.state_dict().items()}
    model = build_model(build_grammar(run, materials.processor), config.lm, 0)
    objective = refine.RefineObjective(model, shift, config.refine, config.lm)
    assert not any("shift" in name or "geometry" in name for name in objective.state_dict())
    batches = refine.RefineBatches(materials.train, config)
    masked = [batches(step, 0, 1).masked for step in range(20)]
    assert any(masked) and not all(masked)
    batch = batches(masked.index(True), 0, 1)
    assert batch.rows.hidden is not None
    losses = objective(batch)
    rebuilt = losses["parameters"] + refine.JOINT_WEIGHT * losses["joints_mm"] / 1000
    torch.testing.assert_close(losses["total"], rebuilt)  # alpha = 0 in masked prediction
    losses["total"].backward()
    gradient = model.depth_head[0].weight.grad
    assert gradient is not None and float(gradient.abs().sum()) > 0
    assert all(torch.equal(v, before[k]) for k, v in shift.state_dict().items())


def test_refinement_judges_motion_in_full_precision(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    config, materials = run.config, Materials.open(run)
    model = build_model(build_grammar(run, materials.processor), config.lm, 0)
    shift = Shift.load(run.path / "shift")
    objective = refine.RefineObjective(model, shift, config.refine, config.lm)
    seen: list[tuple[bool, torch.dtype]] = []
    decode_soft = Shift.decode_soft

    def watched(self: Shift, soft: Any) -> Tensor:
        seen.append((torch.is_autocast_enabled("cpu"), soft[0].dtype))
        return decode_soft(self, soft)

    monkeypatch.setattr(Shift, "decode_soft", watched)
    with torch.autocast("cpu", torch.bfloat16):
        losses = objective(refine.RefineBatches(materials.train, config)(0, 0, 1))
    assert seen == [(False, torch.float32)] and losses["parameters"].dtype == torch.float32
    losses["total"].backward()


def test_refinement_of_the_stream_holds_its_ending(run: RunFolder) -> None:
    config, materials = run.config, Materials.open(run)
    grammar = replace(build_grammar(run, materials.processor), form="flat")
    model = build_model(grammar, replace(config.lm, form="flat"), 0)
    objective = refine.RefineObjective(model, Shift.load(run.path / "shift"), config.refine, config.lm)
    batches = refine.RefineBatches(materials.train, config)
    batch = next(b for b in (batches(step, 0, 1) for step in range(20)) if not b.masked)
    losses = objective(batch)
    with torch.no_grad():
        wanted = LMObjective(model, 0.3, 0.25)(LMBatch(batch.rows, None))["motion"]
    torch.testing.assert_close(losses["motion"], wanted)  # the paper's stream, <eom> among its targets
    losses["total"].backward()
    gradient = model.t5.shared.weight.grad
    assert gradient is not None and float(gradient[grammar.eom].abs().sum()) > 0


def test_the_truth_costs_no_more_than_shift_itself(run: RunFolder) -> None:
    """With the true codes, one-hot, the geometric loss is SHIFT's own error; other codes cost more."""
    shift = Shift.load(run.path / "shift")
    batch = refine.RefineBatches(Materials.open(run).train, run.config)(0, 0, 1)
    geometry = refine.Geometry(shift)
    sizes = shift.codebook_sizes
    hot = [torch.nn.functional.one_hot(batch.rows.codes[..., k], n).float() for k, n in enumerate(sizes)]
    real = refine.real_steps(batch.rows)
    parameters, joints = geometry(hot, batch.frames, real)
    decoded = shift.decode(batch.rows.codes)
    shown = real.repeat_interleave(8, 1)
    error = (shift.normalise(decoded) - shift.normalise(batch.frames)).abs()[shown]
    wanted = 0.5 * (error[..., :9].mean() + error[..., 9:].mean())
    torch.testing.assert_close(parameters, wanted)
    assert float(joints) > 0


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.prompt[:40])
def test_every_template_can_be_filled(run_tasks: Tasks, template: Any) -> None:
    rng = generator("fill")
    for clip in range(CLIPS):
        known = instruct.facts(run_tasks, clip, rng)
        if template.fields <= set(known):
            break
    else:
        pytest.fail("no clip has the labels it wants")
    codes = run_tasks.codes(clip)
    made = instruct.fill(run_tasks, template, known, codes, rng)
    assert (made.codes is None) != (made.answer is None)
    assert made.prompt[-1] == 1
    if template.given == "beginning" and made.codes is not None and made.given is not None:
        np.testing.assert_array_equal(np.concatenate([made.given, made.codes]), codes)
    if made.answer is not None:
        assert decode(run_tasks.processor, made.answer) == template.answer.format(**known)


@pytest.fixture(scope="module")
def run_tasks(materials_folder: Path) -> Tasks:
    return Materials.open(RunFolder(materials_folder, tiny())).train


def test_facts_are_left_out_where_they_are_not_clear(run_tasks: Tasks) -> None:
    for clip in range(CLIPS):
        actions, known = run_tasks.store.actions(clip), instruct.facts(run_tasks, clip, generator(clip))
        assert ("verb" in known) == (len(actions) == 1)
        assert ("hand" in known) == (len({a["hand"] for a in actions}) == 1)
        seconds = float(known["seconds"])
        assert abs(seconds - 8 * run_tasks.store.steps[clip] / 30) <= 0.25 + 1e-9


def test_mistakes_are_named(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.pretrain"):
        instruct.stage(run)
    materials = Materials.open(run)
    grammar = build_grammar(run, materials.processor)
    with pytest.raises(InputError, match=r"lm\.size=huge"):
        build_model(grammar, LMTrainConfig(size="huge"), 0)
    Shift(ShiftConfig(variant="part", widths=(8, 12, 16, 16))).save(tmp_path / "other" / "shift")
    with pytest.raises(InputError, match="part"):
        build_grammar(RunFolder(tmp_path / "other", run.config), materials.processor)


def test_numbers_are_logged_by_name(run: RunFolder) -> None:
    report: Mapping[str, Any] = pretrain.stage(run)
    wanted = {
        "motion",
        "trajectory",
        "pose",
        "length",
        "text",
        "text_gain",
        "motion_shuffled",
        "motion_blind",
    }
    assert wanted <= set(report["validation"])
    assert any("val_text_gain" in line for line in run.metrics("pretrain"))
    assert report["steps"] == 9 and report["parameters"] > 0
