"""The procedural corpus: deterministic, true to its words, anatomically sane, split without leaks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from clutch_rt.errors import InputError
from clutch_rt.layout import FRAMES_PER_STEP, HAND_SIZE

from tests.train.corpus_clips import CONFIG, SMOKE, clips
from train.corpus import VERBS, draw_clip, draw_plan
from train.corpus.curves import min_jerk, sample, table
from train.corpus.plan import clip_rng, schedule
from train.corpus.preview import contact_sheet, write_preview
from train.corpus.shapes import SHAPES
from train.corpus.verbs import TABLE
from train.corpus.verbs.spec import CHANNELS
from train.corpus.wordings import WORDINGS

# ---- what a clip is -----------------------------------------------------------------------------


def test_there_are_at_least_seventy_two_verbs_and_each_has_words():
    assert len(VERBS) == len(set(VERBS)) >= 72
    assert set(WORDINGS) == set(VERBS)
    assert all(WORDINGS[verb].plain for verb in VERBS)


def test_the_same_seed_draws_the_same_clip_in_any_order():
    first = [draw_clip(3, i, "train", CONFIG) for i in (7, 2)]
    again = [draw_clip(3, i, "train", CONFIG) for i in (2, 7)][::-1]
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.frames, b.frames)
        assert (a.texts, a.actions, a.id) == (b.texts, b.actions, b.id)
    other = draw_clip(4, 7, "train", CONFIG)
    assert other.texts != first[0].texts


def test_a_clip_has_the_shape_the_tokenizer_wants():
    for clip in clips():
        assert clip.frames.dtype == np.float32
        assert clip.frames.shape[1:] == (2, HAND_SIZE)
        assert len(clip.frames) % FRAMES_PER_STEP == 0
        assert CONFIG.min_frames <= len(clip.frames) <= CONFIG.max_frames
        assert np.isfinite(clip.frames).all()
        assert 1 <= len(clip.actions) <= CONFIG.max_actions
        for action in clip.actions:
            assert action.start % FRAMES_PER_STEP == 0
            assert 0 < action.start < action.stop < len(clip.frames)


def test_mean_length_is_about_a_hundred_frames():
    lengths = [schedule(draw_plan(0, i, "train", CONFIG).actions).frames for i in range(1500)]
    assert 95 < np.mean(lengths) < 120


def test_every_verb_is_drawn_about_equally_often():
    drawn = Counter(a.verb for i in range(3000) for a in draw_plan(0, i, "train", CONFIG).actions)
    assert set(drawn) == set(VERBS)
    assert min(drawn.values()) > 0.4 * max(drawn.values())


def test_the_smoke_corpus_has_six_verbs():
    drawn = {a.verb for i in range(200) for a in draw_plan(0, i, "train", SMOKE).actions}
    assert drawn == set(SMOKE.verbs) and len(drawn) == 6


def test_wrong_arguments_are_refused_with_what_is_possible():
    with pytest.raises(InputError, match="train, val, test"):
        draw_clip(0, 0, "dev", CONFIG)
    with pytest.raises(InputError, match=r"juggle.*knead"):
        draw_clip(0, 0, "train", replace(CONFIG, verbs=("juggle",)))
    with pytest.raises(InputError, match="max_frames=24 is too short"):
        draw_clip(0, 0, "train", replace(CONFIG, min_frames=0, max_frames=24))


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ({"clips": -1}, "clips=-1 .*at least 3"),
        ({"captions": 0}, "captions=0 .*at least 1"),
        ({"shard_clips": 0}, "shard_clips=0 .*at least 1"),
        ({"seed": -1}, "seed=-1 .*at least 0"),
        ({"max_actions": 0}, "max_actions=0 .*1 to 3"),
        ({"max_actions": 4}, "max_actions=4 .*1 to 3"),
        ({"action_weights": (0.5, -0.1, 0.6)}, "action_weights.*0 or more"),
        ({"action_weights": (0.5,)}, "action_weights.*each number of actions"),
        ({"action_weights": (0.2, 0.3, 0.3, 0.2)}, "action_weights.*3 at most"),
        ({"action_weights": (0.0, 0.0, 1.0), "max_actions": 2}, "not all of them 0"),
        ({"max_frames": 100}, "max_frames=100 .*multiple of 8"),
        ({"max_frames": 264}, "max_frames=264 .*256 at most"),
        ({"min_frames": 80, "max_frames": 64}, "min_frames=80 .*0 to max_frames=64"),
        ({"place_noise": -0.1}, "place_noise=-0.1 .*0 or more"),
        ({"pose_noise": float("nan")}, "pose_noise=nan .*0 or more"),
        ({"mention": 1.5}, "mention=1.5 .*0 to 1"),
        ({"val_share": 2.0}, "val_share=2.0 .*0 to 1"),
        ({"val_share": 0.6, "test_share": 0.4}, "nothing to train on"),
    ],
)
def test_numbers_out_of_range_are_refused_at_once(setting, wanted):
    with pytest.raises(InputError, match=wanted):
        replace(CONFIG, **setting)


def test_a_short_clip_is_made_as_long_as_asked():
    short = draw_clip(0, 5, "train", replace(CONFIG, max_actions=1, max_frames=64, verbs=("tap",)))
    asked = replace(CONFIG, max_actions=1, max_frames=64, verbs=("tap",), min_frames=64)
    longer = draw_clip(0, 5, "train", asked)
    assert len(short.frames) < len(longer.frames) == 64
    assert short.actions == longer.actions


# ---- curves and tables --------------------------------------------------------------------------


def test_curves_meet_at_the_ends_of_a_cycle():
    p = np.linspace(0.0, 1.0, 101)
    assert min_jerk(p)[0] == 0.0 and min_jerk(p)[-1] == 1.0
    tables = np.stack([table("bump"), table(((0.0, 0.0), (1.0, 1.0)))])
    values = sample(tables, np.array([[2.0, 2.5], [2.5, 7.0]]), np.array([True, False]))
    assert values[0] == pytest.approx([0.0, 1.0]) and values[1] == pytest.approx([1.0, 1.0])


def test_the_verb_table_is_sound():
    for verb in TABLE.values():
        assert all(period % 4 == 0 for period in verb.periods), verb.name
        assert verb.periods[0] > verb.periods[1] >= verb.periods[2]
        for track in (verb.lead, verb.support, verb.second):
            if track is None:
                continue
            assert set(track.shapes) <= set(SHAPES)
            assert all(wave.channel in CHANNELS for wave in track.waves)
            assert any(w.channel == "morph" for w in track.waves) == (track.other is not None)
        assert any(w.channel == "aim" for w in verb.lead.waves) == bool(verb.aims)


def test_generators_of_clips_are_their_own():
    numbers = {clip_rng(s, split, i).random() for s in (0, 1) for split in ("train", "test") for i in (0, 1)}
    assert len(numbers) == 8


def test_preview_shows_each_verb(tmp_path):
    pytest.importorskip("PIL")
    sheet = contact_sheet(("wave", "clap"), count=2, size=64)
    assert sheet.width == 128 and len(sheet.getcolors(1 << 20)) > 50
    write_preview(tmp_path / "look", ("tap",))
    assert {p.name for p in (tmp_path / "look").iterdir()} == {"contact_sheet.png", "tap.gif"}
