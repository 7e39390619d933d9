"""A part of a motion is given: it stays as it is, and what is made goes on from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clutch_rt
import numpy as np
import pytest
from clutch_rt import Cancelled, ClutchError, Given, InputError, Model, Motion
from clutch_rt.completion import PARTS, Part
from clutch_rt.completion_plan import plan_between, plan_hand, plan_wrists
from clutch_rt.grammar import UNKNOWN
from clutch_rt.layout import FPS, HAND_SIZE, HANDS, POSE, TRAJECTORY, Float32Array

from tests.runtime.sample_motion import grasping_motion, tumbling_motion
from tests.runtime.toy_bundle import MAX_STEPS, make_toy_bundle

TEXT = "wave with the right hand"
LIMIT = 8 * MAX_STEPS  # of both bundles


@pytest.fixture(scope="module")
def tiny() -> Iterator[Model]:
    """Real graphs of random weights."""
    from tests.tiny_bundle import tiny_bundle

    with clutch_rt.load(tiny_bundle()) as model:
        yield model


@pytest.fixture(params=["toy", "tiny"])
def model(request: pytest.FixtureRequest) -> Model:
    """Each of the two that complete; PyTorch is needed for the second alone."""
    if request.param == "tiny":
        return request.getfixturevalue("tiny")  # type: ignore[no-any-return]
    return request.getfixturevalue("models")["step"]  # type: ignore[no-any-return]


def given_of(part: Part, motion: Motion, split: int) -> Given:
    """A part of a motion; of ends, all but what lies about ``split``."""
    if part == "beginning":
        return Given.beginning(motion.frames[:split])
    if part == "ends":
        return Given.ends(motion.frames[:split], motion.frames[split:])
    return Given.wrists(motion) if part == "wrists" else Given.hand(motion, part)


def accelerations(frames: Float32Array) -> np.ndarray:
    """How much the velocity changes about each frame but the first and last, mm: the most of all joints."""
    places = Motion(frames).joints("mano").positions.astype(np.float64) * 1000.0
    return np.asarray(np.linalg.norm(np.diff(places, n=2, axis=0), axis=-1).max(axis=(1, 2)))


@pytest.mark.parametrize("text", [None, TEXT])
@pytest.mark.parametrize("part", PARTS)
def test_what_is_given_stays_and_the_rest_is_made(model: Model, part: Part, text: str | None) -> None:
    motion = grasping_motion(37)
    timed = part in ("beginning", "ends")
    made = model.complete(given_of(part, motion, 21), text, seconds=1.0 if timed else None, seed=4)
    assert (made.fps, made.text, made.seed) == (FPS, text, 4)
    if part == "beginning":
        assert len(made) == 21 + 30
        np.testing.assert_array_equal(made.frames[:21], motion.frames[:21])
    elif part == "ends":
        assert len(made) == 37 + 30
        np.testing.assert_array_equal(made.frames[:21], motion.frames[:21])
        np.testing.assert_array_equal(made.frames[-16:], motion.frames[21:])
    elif part == "wrists":
        np.testing.assert_array_equal(made.frames[..., TRAJECTORY], motion.frames[..., TRAJECTORY])
        assert np.abs(made.frames - motion.frames)[..., POSE].max() > 0.1
    else:
        side = HANDS.index(part)
        np.testing.assert_array_equal(made.frames[:, side], motion.frames[:, side])
        assert np.abs(made.frames - motion.frames)[:, 1 - side].max() > 0.1


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 40])
@pytest.mark.parametrize("count", [1, 5, 24, 31])
def test_every_length_is_kept_to_the_frame(models: dict[str, Model], length: int, count: int) -> None:
    motion = tumbling_motion(length + 9)
    first, last = motion.frames[:length], motion.frames[length:]
    on = models["step"].complete(Given.beginning(first), seconds=count / FPS).frames
    between = models["step"].complete(Given.ends(first, last), seconds=count / FPS).frames
    assert (len(on), len(between)) == (length + count, length + count + 9)
    for made in (on, between):
        np.testing.assert_array_equal(made[:length], first)
    np.testing.assert_array_equal(between[-9:], last)
    beside = models["step"].complete(Given.hand(motion, "left")).frames
    assert len(beside) == len(motion)


@pytest.mark.parametrize("first", [1, 2, 13, 16])
@pytest.mark.parametrize("last", [0, 1, 11])
@pytest.mark.parametrize("count", [24, 37])
def test_the_seams_have_no_jump(first: int, last: int, count: int) -> None:
    """However far from what is given the model's own motion lies, velocities go on over a seam.

    They change there by what they change within either motion, and by what it takes to close the gap in the
    frames there are; a gap left open, or closed at once, would show as hundreds of millimetres.
    """
    given, made = grasping_motion(LIMIT).frames, tumbling_motion(LIMIT).frames
    plan = plan_between(given[:first], given[70 : 70 + last] if last else None, count, MAX_STEPS)
    joined = plan.join(made[: 8 * plan.steps])
    gap = 1000.0 * np.abs(Motion(given).joints("mano").positions - Motion(made).joints("mano").positions)
    assert gap.max() > 200.0
    own = max(accelerations(given).max(), accelerations(made).max())
    change = accelerations(joined)
    for seam in (first, first + count)[: 2 if last else 1]:
        near = change[max(seam - 3, 0) : seam + 2]
        assert near.max() < 1.5 * own + 15.0 * gap.max() / (count + 1) ** 2


def test_nothing_is_moved_where_the_model_is_right() -> None:
    motion = grasping_motion(40).frames
    plan = plan_between(motion[:16], motion[32:40], 16, MAX_STEPS)
    np.testing.assert_allclose(plan.join(motion), motion, atol=1e-6)


def test_a_gap_closes_and_leaves_the_made_motion() -> None:
    motion = grasping_motion(80).frames
    made = np.array(motion)
    made[..., 6:9] += np.float32(0.03)
    plan = plan_between(motion[:16], None, 64, MAX_STEPS)
    joined = plan.join(made)
    gap = (made - joined)[:, 0, 6]
    np.testing.assert_array_equal(joined[:16], motion[:16])
    np.testing.assert_array_equal(joined[40:], Motion(made).frames[40:])
    assert (np.diff(gap[15:]) <= 1e-6).all() or (np.diff(gap[15:]) >= -1e-6).all()
    assert np.abs(np.diff(joined[..., 6:9] - motion[..., 6:9], n=2, axis=0)).max() < 0.002


def test_whole_steps_are_given() -> None:
    """A beginning ends with a step, an end fills one at least; where there is no room, parts are left out."""
    frames = tumbling_motion(LIMIT).frames
    codes = np.arange(4 * MAX_STEPS).reshape(MAX_STEPS, 4)

    def known(first: int, made: int, last: int) -> list[bool]:
        end = frames[:last] if last else None
        plan = plan_between(frames[:first], end, made, MAX_STEPS)
        given = plan.given(codes[: plan.steps], np.arange(4))
        assert ((given == UNKNOWN) | (given == codes[: plan.steps])).all()
        assert plan.count == first + made + last
        return [bool(x) for x in (given != UNKNOWN).all(axis=1)]

    assert known(8, 8, 0) == [True, False]
    assert known(1, 9, 0) == [True, False, False]
    assert known(13, 3, 8) == [True, True, False, True]
    assert known(8, 8, 1) == [True, False, True]
    assert known(8, 9, 1) == [True, False, False, True]
    assert known(8, 15, 9) == [True, False, False, True]
    assert known(LIMIT - 9, 9, 0) == [True] * (MAX_STEPS - 2) + [False, False]
    for plan, count in ((plan_hand(frames[:11], 1), 2), (plan_wrists(frames[:11]), 2)):
        given = plan.given(np.zeros((2, 8), np.int64), np.tile(np.arange(4), 2)) != UNKNOWN
        columns = [2, 3, 6, 7] if plan.known[0, 3] else [0, 2, 4, 6]
        assert given.sum() == count * 4 and given[:, columns].all()


def test_what_is_not_given_is_not_looked_at(model: Model) -> None:
    motion, other = grasping_motion(30), tumbling_motion(30)
    swapped, fingers = np.array(motion.frames), np.array(motion.frames)
    swapped[:, 1], fingers[..., POSE] = other.frames[:, 1], other.frames[..., POSE]
    for given, same in (
        (Given.hand(motion, "left"), Given.hand(swapped, "left")),
        (Given.wrists(motion), Given.wrists(Motion(fingers))),
    ):
        np.testing.assert_array_equal(model.complete(given).frames, model.complete(same).frames)


def test_what_is_given_counts(model: Model) -> None:
    """The rest hangs on the part that is given, on the sentence and on the seed."""
    motion, other = grasping_motion(24), tumbling_motion(24)
    toy = model.info.name == "toy"  # which makes wrists alone: all its fingers are straight
    for part in PARTS[: -1 if toy else None]:
        given = given_of(part, motion, 12)
        plain = model.complete(given).frames
        np.testing.assert_array_equal(model.complete(given).frames, plain)
        for made in (
            model.complete(given_of(part, other, 12)),
            model.complete(given, TEXT),
            model.complete(given, seed=1),
        ):
            assert len(made) == len(plain) and np.abs(made.frames - plain).max() > 1e-3


def test_wrists_of_a_tracker(model: Model) -> None:
    """Positions and quaternions of the wrist joint come back as they went in, at any rate."""
    motion = grasping_motion(48)
    joints = motion.joints("openxr")
    wrist = joints.names.index("WRIST")
    paths = np.concatenate([joints.positions[:, :, wrist], joints.orientations[:, :, wrist]], axis=-1)
    paths[5, 0, 3:] *= -1.0  # the same turn
    made = model.complete(Given.wrists(paths)).joints("openxr")
    np.testing.assert_allclose(made.positions[:, :, wrist], paths[..., :3], atol=1e-6)
    same = (made.orientations[:, :, wrist] * joints.orientations[:, :, wrist]).sum(-1)
    np.testing.assert_allclose(np.abs(same), 1.0, atol=1e-6)
    fast = model.complete(Given.wrists(paths, fps=60))
    assert (fast.fps, len(fast)) == (FPS, 25)
    np.testing.assert_allclose(fast.joints().positions[-1, :, wrist], paths[-1, :, :3], atol=1e-6)


def test_single_poses(model: Model) -> None:
    motion = grasping_motion(30)
    made = model.complete(Given.ends(motion.frames[0], motion.frames[20]), seconds=0.5).frames
    assert len(made) == 17
    np.testing.assert_array_equal(made[[0, -1]], motion.frames[[0, 20]])


def test_the_longest_motion(model: Model) -> None:
    """Where nothing can be held before it, a beginning of no whole steps is kept as well."""
    frames = grasping_motion(LIMIT).frames
    for length in (1, LIMIT - 5):
        made = model.complete(Given.beginning(frames[:length]), seconds=(LIMIT - length) / FPS)
        assert len(made) == LIMIT
        np.testing.assert_array_equal(made.frames[:length], frames[:length])
    ends = model.complete(Given.ends(frames[:50], frames[-41:]), seconds=(LIMIT - 91) / FPS).frames
    np.testing.assert_array_equal(ends[50 + LIMIT - 91 :], frames[-41:])
    assert len(model.complete(Given.hand(Motion(frames), "right"))) == LIMIT
    assert len(model.complete(Given.beginning(frames[:-5]))) == LIMIT  # 2 s, or what is left


def test_other_rates_and_hands_are_kept(model: Model) -> None:
    slow = grasping_motion(12, fps=15.0)
    made = model.complete(Given.beginning(slow), seconds=1)
    assert made.fps == FPS
    again = slow.resample(FPS)
    np.testing.assert_array_equal(made.frames[: len(again)], again.frames)
    assert made.hands == slow.hands


def test_threads_share_a_model(model: Model) -> None:
    given = [given_of(part, grasping_motion(20), 10) for part in PARTS]
    alone = [model.complete(one).frames for one in given]
    with ThreadPoolExecutor(5) as pool:
        together = list(pool.map(lambda one: model.complete(one).frames, given))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_temperature_zero_has_no_seed(tiny: Model) -> None:
    given = Given.beginning(grasping_motion(20))
    first, second = (tiny.complete(given, temperature=0, seed=seed).frames for seed in (0, 1))
    np.testing.assert_array_equal(first, second)


def test_cancel(model: Model) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        model.complete(Given.beginning(grasping_motion(20)), cancel=stop)


def test_bundles_that_cannot(models: dict[str, Model], tmp_path: Path) -> None:
    given = Given.beginning(grasping_motion(20))
    with pytest.raises(InputError, match="is of the 'flat' form, which makes motions of sentences only"):
        models["flat"].complete(given, TEXT)
    with clutch_rt.load(make_toy_bundle(tmp_path / "old", completes=False)) as old:
        assert len(old.generate(TEXT)) > 0
        with pytest.raises(InputError, match="'toy' was exported before motions could be completed"):
            old.complete(given, TEXT)


def test_a_closed_model(toy: Path) -> None:
    model = clutch_rt.load(toy)
    model.close()
    with pytest.raises(ClutchError, match="the model was closed"):
        model.complete(Given.beginning(grasping_motion(20)))


def wrists(frames: int = 10) -> np.ndarray:
    return np.tile(np.asarray([0.0, 0.0, -0.4, 0.0, 0.0, 0.0, 1.0]), (frames, 2, 1))


def broken(value: float, index: int) -> np.ndarray:
    paths = wrists()
    paths[3, 1, index] = value
    return paths


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Given.beginning(np.zeros((0, 2, HAND_SIZE))), "at least one frame"),
        (lambda: Given.beginning(np.zeros((5, 99))), "frames have shape"),
        (lambda: Given.beginning("wave"), r"the beginning is 'wave'; a Motion, a pose \(2, 99\)"),
        (lambda: Given.ends(grasping_motion(4), None), "the end is|frames have shape"),
        (lambda: Given.hand(grasping_motion(4), "both"), "the hand given is 'both'; left or right"),
        (lambda: Given("thumb", grasping_motion(4)), "no part 'thumb' can be given; choose one of beginning"),
        (lambda: Given("ends", grasping_motion(4)), "came without an end"),
        (lambda: Given("left", grasping_motion(4), grasping_motion(4)), "came with an end"),
        (lambda: Given("left", 3), "what is given is 3; a Motion is wanted"),
        (lambda: Given.wrists(np.zeros((4, 7))), r"the wrists have shape \(4, 7\); \(T, 2, 7\)"),
        (lambda: Given.wrists(wrists(0)), "at least one frame"),
        (lambda: Given.wrists(broken(np.nan, 1)), "not finite, the first in frame 3, right hand"),
        (lambda: Given.wrists(broken(0.5, 6)), "frame 3, right hand: the quaternion is of length 0.5"),
        (lambda: Given.wrists([[1], [2, 3]]), "the wrists is"),
        (lambda: Given.wrists(wrists(), fps=0), "fps is 0"),
        (lambda: Given.beginning(np.full((3, 2, HAND_SIZE), np.nan)), "not finite"),
    ],
)
def test_what_cannot_be_given(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (grasping_motion(9), {}, "given is Motion.*; a Given is wanted, such as Given.beginning"),
        (Given.beginning(grasping_motion(97)), {}, "what is given lasts 3.23 s; this model makes 3.20 s"),
        (Given.beginning(grasping_motion(96)), {}, "3.20 s are given .* so nothing can be made"),
        (Given.beginning(grasping_motion(90)), {"seconds": 1}, "so at most 0.20 s can be made"),
        (Given.ends(grasping_motion(60), grasping_motion(50)), {}, "so nothing can be made"),
        (Given.beginning(grasping_motion(9)), {"seconds": 0}, "seconds is 0"),
        (Given.beginning(grasping_motion(9)), {"seconds": float("nan")}, "seconds is nan"),
        (Given.wrists(grasping_motion(9)), {"seconds": 1}, "as long as the wrists are; leave it out"),
        (Given.hand(grasping_motion(9), "left"), {"seconds": 1}, "as long as the left hand is"),
        (Given.beginning(grasping_motion(9)), {"text": " "}, "the text is blank"),
        (Given.beginning(grasping_motion(9)), {"seed": -1}, "seed is -1"),
        (Given.beginning(grasping_motion(9)), {"temperature": -1}, "temperature is -1"),
    ],
)
def test_what_cannot_be_asked(
    models: dict[str, Model], given: Given, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        models["step"].complete(given, **options)  # type: ignore[arg-type]
