"""The evaluation of completions: a run does what its bundle does, and the numbers mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clutch_rt.completion import PARTS, Part
from clutch_rt.layout import HANDS, TRANSLATION

from tests.tiny_bundle import MAX_STEPS, tiny_bundle, tiny_run
from train.corpus import Clip, draw_clip
from train.evaluate.complete import BundleCompleter, TorchCompleter, held_out, make_task, measure
from train.presets import smoke
from train.run import RunFolder


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Three clips of one action, not longer than the tiny models make."""
    config = replace(smoke().corpus, max_actions=1)
    drawn = [draw_clip(0, index, "test", config) for index in range(3)]
    return [replace(clip, frames=clip.frames[: 8 * MAX_STEPS - 9]) for clip in drawn]


@pytest.mark.parametrize("part", PARTS)
def test_the_run_and_its_bundle_agree(clips: list[Clip], part: Part) -> None:
    """The same codes are given, drawn and decoded in PyTorch as in the runtime, and joined alike."""
    run = tiny_run()
    folder = RunFolder(run, RunFolder.read_config(run))
    tasks = [make_task(clip, part, np.random.default_rng(5)) for clip in clips]
    texts = ["knead the dough with both hands", None, "wave with the right hand"]
    ours = TorchCompleter(folder).complete(tasks, texts, [1, 2, 3])
    theirs = BundleCompleter(tiny_bundle(), folder).complete(tasks, texts, [1, 2, 3])
    for task, a, b in zip(tasks, ours, theirs, strict=True):
        assert len(a) == len(b) == len(task.clip.frames)
        np.testing.assert_allclose(a, b, atol=2e-4)
        found = measure(task, b, clips[0])
        assert found.kept < 0.01 < found.made


@pytest.mark.parametrize("part", PARTS)
def test_a_clip_is_its_own_best_completion(clips: list[Clip], part: Part) -> None:
    task = make_task(clips[0], part, np.random.default_rng(1))
    found = measure(task, clips[0].frames, clips[1])
    assert (found.kept, found.made) == (0.0, 0.0) and found.other > 1.0
    if part in ("beginning", "ends"):
        assert (found.jump, found.jerk) == (found.true_jump, found.true_jerk)
    else:
        assert np.isnan(found.jump)
    if part in HANDS:
        assert task.kept[:, HANDS.index(part)].all() and task.kept.mean() == 0.5


def test_a_jump_is_seen(clips: list[Clip]) -> None:
    task = make_task(clips[0], "beginning", np.random.default_rng(1))
    frames = np.array(clips[0].frames)
    frames[task.seams[0] :, :, TRANSLATION] += np.float32(0.03)
    found = measure(task, frames, clips[1])
    aside = 1000.0 * 0.03 * 3**0.5
    assert found.kept == 0.0 and found.made == pytest.approx(aside, rel=1e-3)
    assert found.jump > aside - 2 * found.true_jump - 1.0 and found.jerk > aside - 10.0


def test_clips_are_held_out_and_of_one_action() -> None:
    run = tiny_run()
    clips = held_out(RunFolder(run, RunFolder.read_config(run)), 2)
    assert [len(clip.actions) for clip in clips] == [1, 1]
