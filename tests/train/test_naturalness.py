"""Corpus, free motion and recordings side by side: what is alike reads alike, what is not does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from train.corpus import free_clips
from train.corpus.anatomy import STATE, WRIST, pose, to_frames
from train.real.naturalness import compare, hands_of, main
from train.real.quantities import (
    QUANTITIES,
    HandMotion,
    measure_hand,
    nearest_posture,
    nearest_turn,
)
from train.real.synergies import find_synergies

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "real" / "motion"
real = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings of real hands beside this checkout")


def moving_index(degrees_a_frame: float) -> np.ndarray:
    """Two hands, fingers forward, palms down, whose index knuckles bend evenly as both rise 1 cm a frame."""
    state = np.zeros((16, 2, STATE))
    state[:, :, 1] = 0.01 * np.arange(16)[:, None]
    state[:, :, WRIST + 1] = np.radians(degrees_a_frame) * np.arange(16)[:, None]
    return to_frames(pose(state))


@pytest.mark.parametrize("side", [0, 1])
def test_quantities_are_what_they_say(side: int) -> None:
    values = measure_hand(moving_index(3.0)[:, side], side).values
    assert values["knuckle bend"].max() == pytest.approx(45.0, abs=0.05)
    assert values["finger speed"].max() == pytest.approx(90.0, abs=0.5)
    assert values["wrist speed"] == pytest.approx(0.3, abs=2e-3)
    assert values["palm faces up"] == pytest.approx(-90.0, abs=0.5)
    assert values["fingers point up"] == pytest.approx(0.0, abs=0.05)
    assert values["turning speed"].max() < 0.5


def test_the_distance_to_itself_is_nothing_and_grows_with_a_shift() -> None:
    hands = hands_of(free_clips(3, "train", 6))
    for quantity in QUANTITIES:
        own = np.concatenate([hand.values[quantity.name] for hand in hands])
        same = compare(quantity, own, hands, hands)
        moved = compare(quantity, own + 2.0 * own.std(), hands, hands)
        assert same.corpus == pytest.approx(0.0, abs=1e-9) and same.free_reach > 0.95
        assert moved.corpus == pytest.approx(2.0, rel=1e-6) and moved.corpus_reach < same.corpus_reach


def test_the_nearest_of_its_own_frames_is_itself() -> None:
    hand = hands_of(free_clips(3, "train", 1))[0]
    assert nearest_posture(hand.postures[:9], hand.postures).max() < 1e-6
    assert nearest_turn(hand.turns[:9], hand.turns).max() < 0.05
    moved = hand.postures[:1] + np.array([0.003, 0.0, 0.004])
    moved[:, 0] = 0.0
    assert nearest_posture(moved, hand.postures[:1])[0] == pytest.approx(5.0, rel=1e-3)


def bending(bends: np.ndarray) -> HandMotion:
    """A hand by its bends `(T, 3, 4)`: knuckles, middle, last joints of index, middle, little and ring."""
    names = ("knuckle bend", "middle joint bend", "last joint bend")
    values = {name: bends[:, k].ravel() for k, name in enumerate(names)}
    return HandMotion(values, np.zeros((0, 21, 3)), np.zeros((0, 3, 3)))


def test_one_synergy_explains_a_hand_that_only_opens_and_closes() -> None:
    closing = np.random.default_rng(0).normal(size=(500, 1, 1)) * np.ones((1, 3, 4))
    closing[:, 2] *= 0.5
    found = find_synergies([bending(closing)])
    assert found.explained[0] == pytest.approx(1.0) and found.neighbours == pytest.approx(1.0)
    assert found.in_finger == pytest.approx(1.0) and found.last_per_middle == pytest.approx(0.5)
    assert found.unlike(found) == 0.0


def test_fingers_of_their_own_need_many_synergies_and_read_as_unlike() -> None:
    rng = np.random.default_rng(0)
    together, own = (
        find_synergies([bending(rng.normal(size=shape) * np.ones((1, 3, 4)))])
        for shape in ((4000, 1, 1), (4000, 1, 4))
    )
    assert own.explained[0] < 0.3 < 0.99 < own.explained[3]
    assert own.neighbours == pytest.approx(0.0, abs=0.05) and own.in_finger == pytest.approx(1.0)
    assert own.unlike(together) == pytest.approx(54 / 66, abs=0.05), "54 of the 66 pairs are of two fingers"


def test_a_mistake_in_the_arguments_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data=x"]) == 2 and "out= is missing" in capsys.readouterr().err
    assert main(["data=x", "out=y", "clips=none"]) == 2 and "clips=none" in capsys.readouterr().err


@real
def test_free_motion_reaches_recorded_hands_that_the_corpus_does_not(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "leap").symlink_to(RECORDINGS / "leap")
    out = tmp_path / "out"
    assert main([f"data={tmp_path / 'data'}", f"out={out}", "clips=60"]) == 0
    found = json.loads((out / "naturalness.json").read_text())
    posture = next(n for n in found["nearest"] if n["what"] == "posture")
    assert posture["free"][0] < posture["corpus"][0] and posture["free"][1] < posture["corpus"][1]
    assert len(found["synergies"]["corpus"]) == 12
    assert "spread, degrees" in (out / "naturalness.md").read_text()
    assert (out / "naturalness.png").read_bytes().startswith(b"\x89PNG")
