"""Lengths: what was asked is kept, what was not is held against the clip's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_bundle import MAX_STEPS, tiny_bundle, tiny_run
from train.corpus import CorpusConfig, draw_clip, draw_plan
from train.evaluate.lengths import asked_lengths, length_ceiling, length_errors, lengths_kept, near
from train.evaluate.samplers import BundleSampler, TorchSampler

CLIPS = [draw_clip(0, i, "test", CorpusConfig.smoke()) for i in range(3)]


def test_a_length_is_off_by_its_part_of_the_clips_own() -> None:
    clip = replace(CLIPS[0], frames=np.zeros((80, 2, 99), np.float32))
    made = [np.zeros((count, 2, 99), np.float32) for count in (80, 92, 93, 68, 40)]
    off = length_errors(made, [clip] * 5)
    assert off == pytest.approx([0.0, 0.15, 13 / 80, 0.15, 0.5])
    assert near(off).tolist() == [1.0, 1.0, 0.0, 1.0, 0.0]


def test_lengths_that_are_asked_are_of_every_size_and_seldom_whole_steps() -> None:
    frames = asked_lengths(400, 32, np.random.default_rng(0))
    assert frames.min() >= 8 and frames.max() <= 256 and len(set(frames.tolist())) > 150
    assert np.mean(frames % 8 == 0) < 0.25


def test_the_run_and_its_bundle_keep_what_is_asked() -> None:
    for sampler in (TorchSampler(tiny_run(), 0.9, 16), BundleSampler(tiny_bundle(), 0.9, 16)):
        made = sampler.generate_frames([c.texts[0] for c in CLIPS], [4, 5, 6], [9, 16, 23])
        assert [motion.shape for motion in made] == [(9, 2, 99), (16, 2, 99), (23, 2, 99)]
        assert lengths_kept(sampler, CLIPS, MAX_STEPS, np.random.default_rng(1)) == [1.0, 1.0, 1.0]


def test_a_sampler_that_ignores_the_length_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = TorchSampler(tiny_run(), 0.9, 16)
    monkeypatch.setattr(
        sampler, "generate_frames", lambda texts, seeds, frames: sampler.generate(texts, seeds)
    )
    assert 0.0 in lengths_kept(sampler, CLIPS, MAX_STEPS, np.random.default_rng(1))


def test_a_sentence_that_tells_all_leaves_no_length_open() -> None:
    """With every modifier named, only a normal tempo and an unsaid count are open; with none, far more."""
    told = CorpusConfig(verbs=("reach",), mention=1.0, max_actions=1)
    open_ = replace(told, mention=0.0)
    all_told, nothing_told = (length_ceiling(config, 0, 400) for config in (told, open_))
    assert all_told.best == pytest.approx(all_told.drawn) == pytest.approx(1.0)
    assert nothing_told.drawn < nothing_told.best < 0.7


def test_the_ceiling_is_what_naming_the_likeliest_length_scores() -> None:
    """``reach`` is slow, normal or fast in known shares, and none of the three lengths is near another."""
    config = CorpusConfig(verbs=("reach",), mention=0.0, max_actions=1)
    speeds = [draw_plan(0, i, "test", config).actions[0].speed for i in range(60_000_000, 60_000_400)]
    shares = np.asarray([speeds.count(speed) for speed in ("slow", "normal", "fast")]) / 400
    assert length_ceiling(config, 0, 400).best == pytest.approx(shares[1])
