"""What people add to whatever they do: a posture, fingers that follow, hands that take part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clutch_rt.hand import two_hand_joints

from train.corpus import CorpusConfig
from train.corpus.anatomy import STATE, WRIST
from train.corpus.manner import BEND, draw_manner, follow, freedom, way
from train.corpus.plan import draw_action, schedule
from train.corpus.preview import verb_clip
from train.corpus.render import blend
from train.corpus.shapes import SHAPES
from train.corpus.verbs import TABLE

CONFIG = CorpusConfig()
LEFT, RIGHT = 0, 1
KNUCKLE = {"index": WRIST + 1, "little": WRIST + 13}


def states(verb: str, seed: int = 0, config: CorpusConfig = CONFIG, **changes: object) -> np.ndarray:
    """Both hands `(T, 2, 29)` of one action, in right-hand form."""
    drawn = draw_action(np.random.default_rng(seed), TABLE[verb])
    action = replace(drawn, **changes)  # type: ignore[arg-type]
    return blend((action,), schedule((action,)), config)


def test_a_person_rests_both_hands_alike_and_another_person_otherwise() -> None:
    first, second = (states("wave", seed, hand="right")[0] for seed in (1, 2))
    np.testing.assert_allclose(first[LEFT], first[RIGHT], atol=1e-12)
    assert np.abs(np.degrees(first[LEFT, WRIST:] - second[LEFT, WRIST:])).max() > 2.0


def test_without_noise_fingers_rest_as_the_table_has_them() -> None:
    plain = states("wave", 1, replace(CONFIG, pose_noise=0.0))[0, LEFT, WRIST:]
    np.testing.assert_allclose(plain, SHAPES["relaxed"], atol=1e-12)
    assert not draw_manner(3, 0.0).fingers.any()


def test_people_share_more_than_the_fingers_have_each_to_itself() -> None:
    drawn = np.degrees([draw_manner(seed, 2.5).fingers for seed in range(400)])
    knuckles = np.corrcoef(drawn[:, 1:16:4].T)
    assert np.diagonal(knuckles, 1).min() > 0.5, "neighbours go together"
    assert knuckles[0, 3] < np.diagonal(knuckles, 1).min(), "the farther, the less"
    assert np.abs(drawn).max() < 45.0


@pytest.mark.parametrize("seed", range(12))
def test_a_pinch_closes_whoever_pinches(seed: int) -> None:
    clip = verb_clip("pinch", hand="right", cycles=1, count=1, noise=seed)
    joints = two_hand_joints(clip.frames.astype(np.float64))[:, RIGHT]
    assert np.linalg.norm(joints[:, 16] - joints[:, 17], axis=-1).min() < 0.022


def test_fingers_that_meet_or_are_folded_are_not_free() -> None:
    pinch, fist, flat = (freedom(SHAPES[name][None]) for name in ("okay", "fist", "flat"))
    index, little = slice(0, 4), slice(12, 16)
    assert pinch[index].max() < 0.4 < 0.9 < pinch[little].min()
    assert fist[:16].max() < 0.4 and flat[:16].min() == 1.0


def test_the_hand_is_shaped_before_it_arrives_and_one_finger_after_the_other() -> None:
    done = way(np.arange(241.0), 0.0, 240.0)
    assert (done[0] == 0.0).all() and (done[-1] == 1.0).all()
    assert (np.diff(done, axis=0) >= 0.0).all()
    arrival = {name: int((done[:, k] < 0.97).sum()) for name, k in (("place", 0), *KNUCKLE.items())}
    onset = {name: int((done[:, k] < 0.05).sum()) for name, k in KNUCKLE.items()}
    assert arrival["index"] < arrival["little"] < arrival["place"]
    assert onset["index"] < onset["little"]
    fastest = int(np.diff(done[:, 0]).argmax())
    assert 100 <= fastest <= 112, "sooner at full speed than half way, for a soft arrival"


def test_loose_fingers_bend_as_the_wrist_is_bent_back_and_a_fist_does_not() -> None:
    state = np.zeros((40, STATE))
    state[:, BEND] = np.radians(40.0) * (0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, 40)))
    loose, fist = state.copy(), state.copy()
    follow(loose, freedom(SHAPES["relaxed"][None]))
    follow(fist, freedom(SHAPES["fist"][None]))
    bent = np.degrees(loose[-1, KNUCKLE["index"]])
    assert 3.0 < bent < 12.0
    assert np.degrees(fist[-1, KNUCKLE["index"]]) < 0.4 * bent
    np.testing.assert_array_equal(loose[:, :WRIST], state[:, :WRIST])


def test_an_idle_hand_takes_part_a_little() -> None:
    for verb in ("wave", "hammer", "throw", "punch"):
        state = states(verb, 3, hand="right", support=False)
        travel = np.ptp(state[:, LEFT, :3], axis=0).max()
        assert 0.002 < travel < 0.03, verb
        assert travel < 0.2 * np.ptp(state[:, RIGHT, :3], axis=0).max(), verb


def test_cycles_differ_a_little_and_keep_their_time() -> None:
    quiet = replace(CONFIG, place_noise=0.0, pose_noise=0.0)
    state = states("wave", 5, quiet, hand="right", speed="normal", cycles=5, count=5, amplitude="normal")
    period = TABLE["wave"].periods[1]
    start = 16  # the first step that a hand in no hurry reaches
    cycles = state[start : start + 5 * period, RIGHT].reshape(5, period, STATE)
    swing = int(np.ptp(cycles[0], axis=0)[3:WRIST].argmax()) + 3
    size = np.ptp(cycles[..., swing], axis=1)
    assert 0.005 < size.std() / size.mean() < 0.06
    peaks = cycles[..., swing].argmax(axis=1)
    assert np.ptp(peaks) <= 1, "each cycle takes as long as the other"
