"""The signal meter on motions whose period and count are known, and the bands that judge speed."""

from __future__ import annotations

import numpy as np
import pytest
from clutch_rt.errors import InputError
from clutch_rt.hand import two_hand_joints
from hypothesis import given, settings
from hypothesis import strategies as st

from train.corpus import Action, CorpusConfig, draw_plan, make_clip
from train.evaluate import meters
from train.evaluate.meters import Reading
from train.evaluate.timing import Timed, count_of, fit_bands
from train.real.place import resting

STILL = np.stack([resting(0, 1)[0], resting(1, 1)[0]])


def motion(period: float, cycles: int, way: int = 16, size: float = 0.06, drift: float = 0.0) -> np.ndarray:
    """Right wrist: 20 cm of way to the action, ``cycles`` strokes there and back, the way home. Joints."""
    time = np.arange(round(period * cycles)) / period
    stroke = 0.5 * size * (1.0 - np.cos(2 * np.pi * time)) + drift * time
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(way) / way)
    up = np.concatenate([ramp, np.ones(len(time)), ramp[::-1]])
    x = np.concatenate([np.zeros(way), stroke, np.full(way, stroke[-1]) * ramp[::-1]])
    frames = np.tile(STILL, (len(up), 1, 1))
    frames[:, 1, 6] += x
    frames[:, 1, 7] += 0.2 * up
    return two_hand_joints(frames)


@settings(max_examples=25)
@given(st.integers(12, 40), st.integers(2, 6))
def test_period_and_count_of_a_known_stroke(period: int, cycles: int) -> None:
    reading = meters.read(motion(period, cycles))
    assert reading.period == pytest.approx(period, rel=0.05)
    assert reading.frequency == pytest.approx(30.0 / period, rel=0.05)
    assert count_of(reading) == cycles


def test_cycles_of_different_sizes_on_a_wandering_place_are_cycles() -> None:
    """A person counts strokes of half to one and a half the size as strokes, wherever the hand drifts."""
    rng, right = np.random.default_rng(0), []
    for _ in range(100):
        period, sizes = int(rng.integers(14, 37)), rng.uniform(0.5, 1.5, int(rng.integers(2, 6)))
        joints = motion(period, len(sizes))
        rest = joints[0, 1, 0, 0]
        for number, size in enumerate(sizes):
            cycle = slice(16 + number * period, 16 + (number + 1) * period)
            joints[cycle, 1, :, 0] += (size - 1.0) * (joints[cycle, 1, :1, 0] - rest)
        turns = np.linspace(0.0, rng.uniform(1.0, 2.0), len(joints)) + rng.random()
        joints[:, 1] += 0.02 * np.sin(2 * np.pi * turns)[:, None, None] * rng.normal(size=3)
        right.append(count_of(meters.read(joints)) == len(sizes))
    assert np.mean(right) > 0.85  # as of the corpus's own clips, so changed


def test_noise_of_a_few_millimetres_does_not_change_the_reading() -> None:
    rng = np.random.default_rng(0)
    joints = motion(20, 4)
    reading = meters.read(joints + rng.normal(0, 0.003, joints.shape))
    assert reading.period == pytest.approx(20, rel=0.05)
    assert count_of(reading) == 4


def test_a_motion_that_repeats_while_it_travels_is_still_seen_to_repeat() -> None:
    reading = meters.read(motion(16, 6, size=0.03, drift=0.02))
    assert reading.period == pytest.approx(16, rel=0.08)


@pytest.mark.parametrize("joints", [motion(60, 1), two_hand_joints(np.tile(STILL, (60, 1, 1)))])
def test_one_stroke_and_stillness_do_not_repeat(joints: np.ndarray) -> None:
    reading = meters.read(joints)
    assert reading.period is None and reading.frequency is None and count_of(reading) == 1


def test_half_a_stroke_is_not_taken_for_the_cycle() -> None:
    """There and back differ by nothing but direction; the whole state returns only after both."""
    time = np.arange(96) / 24.0
    frames = np.tile(STILL, (96, 1, 1))
    frames[:, 1, 6] += 0.05 * np.sin(2 * np.pi * time)
    assert meters.read(two_hand_joints(frames)).period == pytest.approx(24, rel=0.03)


def test_short_motions_are_read_without_failing() -> None:
    for frames in (1, 2, 8, 17):
        assert meters.read(two_hand_joints(np.tile(STILL, (frames, 1, 1)))).cycles == 1.0


def test_the_corpus_is_counted_as_it_was_made() -> None:
    """On ground truth the meter must be near perfect, else it cannot judge anything else."""
    config = CorpusConfig(max_actions=1, verbs=("stir", "hammer", "saw", "clap", "tap", "knead"))
    right = []
    for index in range(40):
        plan = draw_plan(3, index, "train", config)
        reading = meters.read(two_hand_joints(make_clip(plan, config).frames))
        right.append(count_of(reading) == plan.actions[0].cycles)
    assert np.mean(right) >= 0.9


def action(verb: str, speed: str, repeats: bool = True) -> Action:
    return Action(verb, "right", None, speed, 3, 1.0 if repeats else None, "normal", None, 0, 10)


def timed(period: float | None, speed: float, frames: int = 90, cycles: float = 3.0) -> Timed:
    return Timed(Reading(period, cycles, 0, frames, speed, 2 * speed), frames)


def train_split(rng: np.random.Generator) -> list[tuple[Action, Timed]]:
    out = []
    for speed, period, frames in (("slow", 40.0, 120), ("normal", 24.0, 80), ("fast", 14.0, 50)):
        for _ in range(10):
            wobble = float(np.exp(rng.normal(0, 0.05)))
            out.append((action("stir", speed), timed(period * wobble, 8.0 / period)))
            length = round(frames * wobble)
            out.append((action("lift", speed, False), timed(None, 20.0 / frames, length)))
    return out


def test_bands_tell_slow_from_fast_by_period_where_it_repeats_and_by_length_where_not() -> None:
    bands = fit_bands(train_split(np.random.default_rng(0)))
    assert bands.speed("stir", timed(38.0, 0.2)) == "slow"
    assert bands.speed("stir", timed(15.0, 0.6)) == "fast"
    assert bands.speed("lift", timed(None, 0.17, 118)) == "slow"
    assert bands.speed("lift", timed(None, 0.4, 52)) == "fast"
    # Without a period the speed of the joints decides alone.
    assert bands.speed("stir", timed(None, 8.0 / 14.0)) == "fast"
    assert set(bands.verbs_of_speed) == {"stir", "lift"}
    assert bands.verbs_of_count == ("stir",)


def test_a_verb_the_meter_miscounts_is_left_out_of_counting() -> None:
    wrong = [(a, timed(24.0, 0.3, cycles=1.0)) for a, _ in train_split(np.random.default_rng(0))]
    assert fit_bands(wrong).verbs_of_count == ()


def test_an_unknown_verb_is_refused() -> None:
    with pytest.raises(InputError, match="no speed bands for 'juggle'"):
        fit_bands(train_split(np.random.default_rng(0))).speed("juggle", timed(20.0, 0.3))
