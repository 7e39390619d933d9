"""Whether actions come in their turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from clutch_rt.layout import Float32Array

from train.corpus import Clip, CorpusConfig, draw_clip
from train.evaluate import sequences
from train.evaluate.features import features
from train.evaluate.retrieval import Judge, JudgeConfig, Judgement
from train.evaluate.sequences import in_turn, stretches

TWO = CorpusConfig(verbs=("clap", "wave", "stir"), max_actions=2, action_weights=(0.0, 1.0))
JUDGE = Judge(JudgeConfig(vocab=300, verbs=("clap", "stir", "wave")))


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [draw_clip(0, i, "train", TWO) for i in range(6)]


@pytest.fixture
def knows_the_truth(monkeypatch: pytest.MonkeyPatch, clips: Sequence[Clip]) -> None:
    """The verb of the stretch of the clips' own motions that comes nearest, wherever each wrist is."""
    known = [
        (features(p).mean(0), a.verb)
        for c in clips
        for p, a in zip(stretches(c.frames, c), c.actions, strict=True)
    ]

    def judge(model: Judge, motions: Sequence[Float32Array]) -> Judgement:
        nearest = [min(known, key=lambda pair: float(np.abs(pair[0] - m.mean(0)).sum()))[1] for m in motions]
        return Judgement(np.zeros((len(motions), 1), np.float32), tuple(nearest), ("right",) * len(motions))

    monkeypatch.setattr(sequences, "judge_motions", judge)


def holds(part: Float32Array, frames: Float32Array) -> bool:
    """Whether ``frames`` stand in ``part``, one after another."""
    firsts = range(len(part) - len(frames) + 1)
    return any(np.array_equal(part[first : first + len(frames)], frames) for first in firsts)


def test_a_stretch_holds_its_action_at_any_tempo(clips: Sequence[Clip]) -> None:
    for clip in clips:
        slow = np.repeat(clip.frames, 2, axis=0)
        for action, own, twice in zip(
            clip.actions, stretches(clip.frames, clip), stretches(slow, clip), strict=True
        ):
            assert holds(own, clip.frames[action.start : action.stop])
            assert len(own) <= action.stop - action.start + 8
            assert abs(len(twice) - 2 * len(own)) <= 8
            assert holds(twice, slow[2 * action.start : 2 * action.stop])


def test_a_motion_far_too_short_is_held_not_refused(clips: Sequence[Clip]) -> None:
    for parts in (stretches(clips[0].frames[:1], clips[0]), stretches(clips[0].frames[:8], clips[0])):
        assert [len(part) >= 16 for part in parts] == [True, True]
        assert all(np.isfinite(part).all() for part in parts)


def test_a_short_stretch_goes_on_while_the_motion_does(clips: Sequence[Clip]) -> None:
    quick = clips[0].frames[::8]
    first = stretches(np.concatenate([quick, clips[0].frames[:16]]), clips[0])[0]
    assert len(first) == 16
    assert not np.array_equal(first[-1], first[-2])


@pytest.mark.usefixtures("knows_the_truth")
def test_actions_in_the_wrong_order_do_not_count(clips: Sequence[Clip]) -> None:
    motions = [clip.frames for clip in clips]
    assert in_turn(JUDGE, motions, clips) == [1.0] * len(clips)
    backwards = [motion[::-1].copy() for motion in motions]
    assert np.mean(in_turn(JUDGE, backwards, clips)) < 0.5
    first_alone = [np.repeat(stretches(m, c)[0], 4, axis=0) for m, c in zip(motions, clips, strict=True)]
    assert np.mean(in_turn(JUDGE, first_alone, clips)) < 0.8


def test_clips_of_one_action_have_no_order() -> None:
    one = draw_clip(0, 0, "train", CorpusConfig(max_actions=1))
    assert in_turn(JUDGE, [one.frames], [one]) == []
