"""Contact of the two hands, and the faults of a motion, on motions that are made to have them."""

from __future__ import annotations

import numpy as np
import pytest
from clutch_rt.flesh import two_hand_spheres
from clutch_rt.layout import LEFT, RIGHT, TRANSLATION, Float32Array
from numpy.typing import ArrayLike

from train.corpus import Clip, CorpusConfig, draw_clip
from train.corpus.preview import verb_clip
from train.evaluate.contacts import TOUCH, contact, gaps
from train.evaluate.faults import FAULTS, Faults, faults
from train.evaluate.features import joints_of

CLAP = verb_clip("clap")


def moved(frames: Float32Array, side: int, way: ArrayLike) -> Float32Array:
    """A motion one of whose hands is shifted by metres ``(3,)`` or ``(T, 3)``."""
    out = frames.copy()
    out[:, side, TRANSLATION] += np.asarray(way, np.float32)
    return out


def checked(frames: Float32Array) -> Faults:
    return faults(joints_of(frames), contact(gaps(frames)))


def test_flesh_lies_about_the_joints_on_either_hand() -> None:
    clip = draw_clip(0, 3, "test", CorpusConfig())
    np.testing.assert_allclose(two_hand_spheres(clip.frames)[:, :, :21], joints_of(clip.frames), atol=2e-5)


def test_gaps_grow_by_what_the_hands_are_moved_apart() -> None:
    near = gaps(CLAP.frames)
    assert near.min() == pytest.approx(0.0, abs=2e-3)  # the palms meet, and no more
    apart = moved(CLAP.frames, RIGHT, [0.05, 0.0, 0.0])
    closest = int(near.argmin())
    assert 0.03 < gaps(apart)[closest] <= 0.0501
    assert np.isinf(gaps(moved(CLAP.frames, RIGHT, [1.0, 0.0, 0.0]))).all()


def test_contact_counts_stretches_and_their_time() -> None:
    apart = np.full(60, 0.2)
    apart[10:16] = TOUCH
    apart[30:42] = 0.5 * TOUCH
    apart[35] = -0.004
    found = contact(apart)
    assert found.share == pytest.approx(18 / 60) and found.rate == pytest.approx(2 / 2.0)
    assert found.seconds == pytest.approx(9 / 30) and found.depth == pytest.approx(0.004)
    nothing = contact(np.full(60, 0.2))
    assert not nothing.touched and nothing.rate == 0.0 and np.isnan(nothing.seconds)


def test_claps_touch_as_often_as_they_are_counted_and_a_wave_never() -> None:
    found = contact(gaps(CLAP.frames))
    assert round(found.rate * len(CLAP.frames) / 30) == CLAP.actions[0].count == 2
    assert not contact(gaps(verb_clip("wave").frames)).touched


def test_the_corpus_itself_has_no_faults() -> None:
    clips: list[Clip] = [draw_clip(0, 70_000 + i, "train", CorpusConfig()) for i in range(25)]
    assert not any(checked(clip.frames).any for clip in clips)


def test_each_fault_is_found_where_it_is_made() -> None:
    rng, time = np.random.default_rng(0), np.linspace(0.0, 1.0, len(CLAP.frames))[:, None]
    made = {
        "inside": moved(CLAP.frames, RIGHT, [-0.03, 0.0, 0.0]),
        "trembles": moved(CLAP.frames, LEFT, 0.002 * rng.normal(size=(len(time), 3))),
        "drifts": moved(CLAP.frames, LEFT, time * [-0.08, 0.0, 0.0]),
        "no_rest": CLAP.frames[: CLAP.actions[0].start + 6],
    }
    assert set(made) == set(FAULTS)
    assert not checked(CLAP.frames).any
    for name, frames in made.items():
        found = checked(frames)
        assert found.any and found.found[name], name
    assert not checked(made["trembles"]).found["drifts"] and not checked(made["drifts"]).found["trembles"]


def test_the_shortest_motion_can_be_checked() -> None:
    found = checked(CLAP.frames[:1])
    assert found.end_speed == found.drift == 0.0 and found.shaking == pytest.approx(0.0, abs=1e-6)
