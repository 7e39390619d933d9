"""The procedural corpus: deterministic, true to its words, anatomically sane, split without leaks."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from clutch_rt.errors import InputError
from clutch_rt.hand import two_hand_joints
from clutch_rt.layout import FRAMES_PER_STEP, HAND_SIZE, mirror_hand
from clutch_rt.prompts import normalise
from clutch_rt.rotations import matrix_from_6d
from clutch_rt.text import words_of

from train.corpus import VERBS, Clip, CorpusConfig, draw_clip, draw_contrast, draw_plan
from train.corpus.anatomy import joint_angles, joint_limits, joint_rotations
from train.corpus.clauses import pairs
from train.corpus.contact import sphere_centres, sphere_radii
from train.corpus.curves import min_jerk, sample, table
from train.corpus.inflect import inflect, plural, with_article
from train.corpus.modifiers import AMPLITUDE, DIRECTION, REPEATED, SPEED, count_phrases
from train.corpus.plan import clip_rng, draw_action, schedule, vary
from train.corpus.preview import contact_sheet, verb_clip, write_preview
from train.corpus.render import blend
from train.corpus.sentences import describe
from train.corpus.shapes import SHAPES
from train.corpus.verbs import TABLE
from train.corpus.verbs.spec import CHANNELS
from train.corpus.wordings import WORDINGS, many, noun_lists, things_of

CONFIG = CorpusConfig()
SMOKE = CorpusConfig.smoke()


@lru_cache(maxsize=1)
def clips() -> tuple[Clip, ...]:
    return tuple(draw_clip(0, i, ("train", "val", "test")[i % 3], CONFIG) for i in range(240))


@lru_cache(maxsize=4)
def sentences(split: str, clips: int) -> tuple[str, ...]:
    plans = (draw_plan(0, index, split, CONFIG) for index in range(clips))
    return tuple(text for plan in plans for text in describe(plan, CONFIG).sentences)


@lru_cache(maxsize=2)
def vocabulary(split: str, clips: int) -> Counter[str]:
    return Counter(word for text in sentences(split, clips) for word in words_of(text))


# ---- what a clip is -----------------------------------------------------------------------------


def test_there_are_at_least_forty_verbs_and_each_has_words():
    assert len(VERBS) == len(set(VERBS)) >= 40
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


# ---- a hand can do this -------------------------------------------------------------------------


def test_rotations_are_rotations():
    for clip in clips()[:40]:
        sixd = np.concatenate([clip.frames[..., :6], clip.frames[..., 9:]], -1)
        columns = sixd.reshape(*sixd.shape[:-1], 16, 2, 3)
        # The corpus rounds to 2^-15, so lengths are off by a few 1e-5.
        assert np.allclose(np.linalg.norm(columns, axis=-1), 1.0, atol=2e-4)
        assert np.abs((columns[..., 0, :] * columns[..., 1, :]).sum(-1)).max() < 2e-4


def test_joints_stay_inside_their_limits():
    low, high = joint_limits()
    rng = np.random.default_rng(0)
    angles = joint_angles(rng.normal(scale=2.0, size=(50, 21)))
    assert (angles >= low).all() and (angles <= high).all()
    # No shape the table names leans on the limits: they are there for the noise.
    for name, shape in SHAPES.items():
        free = joint_angles(shape)
        assert ((free > low - 1e-9) & (free < high + 1e-9)).all(), name


def test_last_joints_follow_middle_joints():
    angles = np.degrees(joint_angles(SHAPES["power"]))
    assert angles[2, 0] == pytest.approx(0.66 * angles[1, 0], abs=1.0)


def test_curling_a_finger_brings_its_tip_to_the_palm():
    flat, fist = (draw_pose(SHAPES[name]) for name in ("flat", "fist"))
    # MANO's palm is -Y: a curled index tip lies lower and nearer the wrist.
    assert fist[17, 1] < flat[17, 1] - 0.02
    assert np.linalg.norm(fist[17]) < 0.75 * np.linalg.norm(flat[17])


def draw_pose(shape: np.ndarray) -> np.ndarray:
    """Joints of a right hand at the origin in MANO's rest frame, (21, 3)."""
    rotations = joint_rotations(joint_angles(shape))
    return sphere_centres(np.eye(3), rotations, np.zeros(3))[:21]


def test_pinching_fingers_touch():
    joints = draw_pose(SHAPES["precision"])
    assert np.linalg.norm(joints[16] - joints[17]) < 0.02


def spheres(frames: np.ndarray) -> np.ndarray:
    """Sphere centres (T, 2, 40, 3) read back from frames, as a reader of the corpus would."""
    right = frames.astype(np.float64).copy()
    right[:, 0] = mirror_hand(right[:, 0])
    local = matrix_from_6d(right[..., 9:].reshape(len(frames), 2, 15, 6))
    points = sphere_centres(matrix_from_6d(right[..., :6]), local, right[..., 6:9])
    points[:, 0, :, 0] *= -1.0
    return points


def test_spheres_sit_on_the_joints_of_the_skeleton():
    frames = clips()[0].frames
    assert np.allclose(spheres(frames)[:, :, :21], two_hand_joints(frames.astype(np.float64)), atol=1e-6)


def test_hands_never_pass_through_each_other():
    radii = sphere_radii()
    least = radii[:, None] + radii[None, :]
    for clip in clips():
        points = spheres(clip.frames)
        gap = np.linalg.norm(points[:, 0, :, None] - points[:, 1, None], axis=-1) - least
        # The frames are rounded to 0.03 mm, and contact is found in float32.
        assert gap.min() > -2e-4, clip.actions


@pytest.mark.parametrize("verb", ["clap", "rub", "wash"])
def test_hands_that_should_touch_do(verb):
    points = spheres(verb_clip(verb).frames)
    gap = np.linalg.norm(points[:, 0, :, None] - points[:, 1, None], axis=-1) - 2 * sphere_radii().mean()
    assert gap.min() < 0.012


def test_motion_is_smooth():
    for clip in clips():
        place = clip.frames[..., 6:9].astype(np.float64)
        acceleration = np.linalg.norm(np.diff(place, 2, axis=0), axis=-1)
        # 60 mm per frame^2 is 54 m/s^2, what a hard clap or throw reaches; a jump would be far more.
        assert acceleration.max() < 0.06, clip.actions
        joints = two_hand_joints(clip.frames.astype(np.float64))
        assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.16, clip.actions


def test_hands_stay_in_front_of_the_viewer():
    for clip in clips():
        place = clip.frames[..., 6:9]
        assert place[..., 2].max() < -0.08 and place[..., 2].min() > -0.72
        assert place[..., 1].min() > -0.62 and place[..., 1].max() < 0.1
        assert np.abs(place[..., 0]).max() < 0.5


def test_wrists_bend_no_further_than_a_shoulder_can_help():
    elbow = np.array([[-0.25, -0.55, -0.10], [0.25, -0.55, -0.10]])
    for clip in clips():
        rotation = matrix_from_6d(clip.frames[..., :6].astype(np.float64))
        fingers = rotation[..., 0] * np.array([[1.0], [-1.0]])  # MANO's left fingers are +X, right -X
        forearm = clip.frames[..., 6:9] - elbow
        forearm = forearm / np.linalg.norm(forearm, axis=-1, keepdims=True)
        bend = np.degrees(np.arccos(np.clip((fingers * forearm).sum(-1), -1, 1)))
        # A wrist bends about 80 degrees; an elbow that may move 15 cm adds some 22 to that.
        assert bend.max() < 102, clip.actions


def test_a_clip_starts_and_ends_at_rest():
    for clip in clips()[:60]:
        ends = clip.frames[[0, -1]][..., 6:9]
        assert np.abs(ends - ends[0]).max() < 0.03
        assert np.linalg.norm(clip.frames[1, :, 6:9] - clip.frames[0, :, 6:9], axis=-1).max() < 0.01


# ---- the words are true -------------------------------------------------------------------------


def repeating(verb: str) -> bool:
    return TABLE[verb].counts is not None and verb != "count"


@pytest.mark.parametrize("verb", [v for v in VERBS if repeating(v)])
def test_period_and_count_are_what_the_action_says(verb):
    low, high = TABLE[verb].counts or (0, 0)
    for speed in ("slow", "fast"):
        clip = verb_clip(verb, speed=speed, cycles=3, count=3 if TABLE[verb].counted else None)
        action = clip.actions[0]
        period = round(30.0 / (action.frequency_hz or 1.0))
        assert low <= 3 <= high
        assert action.stop - action.start == 3 * period
        hands = {"left": [0], "right": [1], "both": [0, 1]}[action.hand]
        span = clip.frames[action.start : action.stop + 1, hands].reshape(3 * period + 1, -1)
        span = span.astype(np.float64)
        span -= span.mean(0)
        drift = np.linspace(-0.5, 0.5, len(span))[:, None] * (span[-1] - span[0])
        level = span - drift
        first, second = level[:period], level[period : 2 * period]
        moved = np.ptp(first, axis=0).max()
        assert np.abs(first - second).max() < 0.25 * moved, "a cycle repeats"
        half = period // 2
        assert np.abs(first[:half] - first[half:]).max() > 0.25 * moved, "and half of one does not"


def test_speed_shows_in_frequency():
    for verb in VERBS:
        slow, normal, fast = TABLE[verb].periods
        if TABLE[verb].timed:
            assert 0.5 <= normal / slow <= 0.72 and 1.4 <= normal / fast <= 2.05, verb


def test_counting_raises_as_many_fingers_as_said():
    for count in range(1, 6):
        clip = verb_clip("count", cycles=count, count=count)
        action = clip.actions[0]
        joints = two_hand_joints(clip.frames)[action.stop, 1]
        reach = np.linalg.norm(joints[[17, 18, 19, 20]] - joints[0], axis=-1)
        assert (reach > 0.12).sum() == min(count, 4)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("direction", "axis", "sign"), [("left", 0, -1), ("right", 0, 1), ("up", 1, 1), ("down", 1, -1)]
)
def test_directions_are_the_viewers_whatever_the_hand(side, direction, axis, sign):
    clip = verb_clip("point", hand=side, direction=direction)
    hand = ("left", "right").index(side)
    action = clip.actions[0]
    middle = (action.start + action.stop) // 2
    joints = two_hand_joints(clip.frames)[middle, hand]
    finger = joints[17] - joints[1]
    assert sign * finger[axis] / np.linalg.norm(finger) > 0.5


def test_the_left_hand_is_the_right_hands_mirror_image():
    config = replace(CONFIG, place_noise=0.0, pose_noise=0.0)
    right = blend_of("wave", "right", config)
    left = blend_of("wave", "left", config)
    # Both are in right-hand form; only the turn noise, a few degrees, differs.
    assert np.abs(right[:, 1, :3] - left[:, 0, :3]).max() < 1e-9


def blend_of(verb: str, hand: str, config: CorpusConfig) -> np.ndarray:
    action = replace(draw_action(np.random.default_rng(5), TABLE[verb]), hand=hand, noise=1)
    return blend((action,), schedule((action,)), config)


def test_an_idle_hand_rests():
    clip = verb_clip("wave", hand="right")
    travel = np.ptp(clip.frames[..., 6:9], axis=0)
    assert travel[0].max() < 0.03 < 0.1 < travel[1].max()


def test_captions_name_the_hand_unless_it_is_the_usual_one():
    for index in range(400):
        plan = draw_plan(0, index, "train", CONFIG)
        for text in describe(plan, CONFIG).sentences:
            for action in plan.actions:
                usual = action.spec.hands[0][0]
                if action.hand != usual:
                    word = (
                        "left"
                        if action.hand == "left"
                        else "right"
                        if action.hand == "right"
                        else ("both", "two")
                    )
                    assert any(w in text for w in (word if isinstance(word, tuple) else (word,))), text


def test_modifiers_are_named_in_most_captions():
    named: Counter[str] = Counter()
    total: Counter[str] = Counter()
    config = replace(CONFIG, max_actions=1)
    for index in range(1500):
        plan = draw_plan(1, index, "train", config)
        action = plan.actions[0]
        for text in describe(plan, config).sentences:
            if action.speed != "normal":
                total["speed"] += 1
                named["speed"] += any(word in text for word in SPEED[action.speed])
            if action.count is not None and action.verb != "count":
                total["count"] += 1
                named["count"] += any(words in text for words in count_phrases(action.verb, action.count))
    assert named["speed"] > 0.6 * total["speed"]
    assert named["count"] > 0.6 * total["count"]


def test_a_contrast_pair_differs_in_one_modifier_and_says_so():
    config = replace(CONFIG, max_actions=1, verbs=("stir",))
    slow, fast = draw_contrast(0, 3, "train", "speed", ("slow", "fast"), config)
    assert (slow.actions[0].speed, fast.actions[0].speed) == ("slow", "fast")
    assert replace(slow.actions[0], speed="", frequency_hz=0.0, start=0, stop=0) == replace(
        fast.actions[0], speed="", frequency_hz=0.0, start=0, stop=0
    )
    assert len(slow.frames) > len(fast.frames)
    two, five = draw_contrast(0, 3, "train", "count", (2, 5), config)
    assert all("tw" in text or "2" in text for text in two.texts)
    assert all("five" in text or "5" in text for text in five.texts)
    with pytest.raises(InputError, match="clockwise"):
        vary(draw_plan(0, 3, "train", config), "direction", "sideways")


def test_texts_are_normal_and_different():
    for clip in clips():
        assert len(clip.texts) >= 2
        assert len(set(clip.texts)) == len(clip.texts)
        for text in clip.texts:
            assert text == normalise(text) and "{" not in text and "  " not in text


def test_the_corpus_speaks_many_words():
    # The tokenizer has 2000 pieces, so that most words can be one.
    assert 1400 < len(vocabulary("train", 6000)) < 1800
    assert min(len(words) for words in noun_lists().values()) >= 7


def test_held_out_texts_use_no_new_words_but_new_sentences():
    train, test = vocabulary("train", 6000), vocabulary("test", 1500)
    # Single rare nouns have not come up yet in a corpus this small.
    assert sum(count for word, count in test.items() if word not in train) < 1e-3 * sum(test.values())
    wordings = {p for w in WORDINGS.values() for p in many(w.unseen)}
    known = {
        word
        for w in WORDINGS.values()
        for text in (w.phrases, w.plain, *(t for _, t in w.towards), *(t for t, _ in w.more))
        for word in text.split()
    }
    known |= {word for verb in VERBS for thing in things_of(verb) for word in thing.split()}
    grammar = {"after", "will", "with", "the", "from"}
    for phrase in wordings:
        missing = set(phrase.replace("{o}", "").replace("{n}", "").split()) - known - grammar
        assert not missing, (phrase, missing)


def test_held_out_pairs_never_meet_in_training():
    seen, unseen = pairs()
    assert sum(map(len, unseen.values())) > 60
    elsewhere = {thing for things in seen.values() for thing in things}
    for verb in VERBS:
        assert not set(seen[verb]) & set(unseen[verb])
        assert set(unseen[verb]) <= elsewhere
    for index in range(1500):
        plan = draw_plan(0, index, "train", CONFIG)
        for action, thing in zip(plan.actions, describe(plan, CONFIG).objects, strict=True):
            assert thing is None or thing in seen[action.verb]
    test_things = [
        (action.verb, thing)
        for index in range(400)
        for plan in [draw_plan(0, index, "test", CONFIG)]
        for action, thing in zip(plan.actions, describe(plan, CONFIG).objects, strict=True)
    ]
    assert any(thing in unseen[verb] for verb, thing in test_things if thing)


def test_held_out_phrases_are_not_said_in_training():
    for verb, wording in WORDINGS.items():
        said = {
            phrase
            for text in (wording.phrases, wording.plain, *(t for t, _ in wording.more))
            for phrase in many(text)
        }
        assert not said & set(many(wording.unseen)), verb
    train = " / ".join(sentences("train", 6000))
    for phrase in ("uncurl the hand", "tap a finger on", "clap the palms together"):
        assert phrase not in train
    assert ", and finally" in train


SHAPES_OF_TRAINING = (
    r"^with the (left|right) hand,? \w+",
    r"^(using|with) both hands,? \w+",
    r"^(he|she|a person) will \w+",
    r"^(a person|the person|she) is \w+ing",
    r"^i am \w+ing",
    r"^(you|we|they) \w+",
    r"^c \w+s ",
    r"^the camera wearer \w+s",
    r"^after \w+ing [^,]*, \w+",
    r"^(keep|continue|carry on|go on) \w+ing",
    r"^(start|begin) (to )?\w+",
    r" is continuing to \w+",
    r"^still \w+ing",
    r"^two hands \w+",
    r"^hands \w+ing",
    r"^a hand \w+s",
    r"^can you \w+",
    r"^(make|let) (the|both|two) \w*",
    r"(animation|video|clip) of ([a-z]+ )*hands? \w+ing",
    r"hands that \w+",
    r"with my (left|right) hand",
    r"(his|her|their) left hand",
    r"left-handed",
    r"with both my hands",
    r"[a-z]\. then \w+",
    r"^(clap|wave|stir|knead|tap|shake|pull|drum|write|type)$",
    r"^(cut|chop|slice|stir|wash|peel|hold|get|take) (?!the |an? |some )\w+",
)


@pytest.mark.parametrize("shape", SHAPES_OF_TRAINING)
def test_training_has_the_sentences_people_type(shape):
    assert any(re.search(shape, text) for text in sentences("train", 6000)), shape


def test_held_out_forms_are_in_test_alone():
    shapes = (
        r" can be seen \w+ing",
        r" will be \w+ing",
        r"^when done \w+ing",
        r"^before \w+ing",
        r"^(with|using) (the|only|both|two)[a-z ]* hands?, (he|she|a person|the person) ",
        r"^[a-z -]+ after \w+ing",
    )
    test, train = sentences("test", 1500), sentences("train", 6000)
    for shape in shapes:
        assert any(re.search(shape, text) for text in test), shape
        assert not any(re.search(shape, text) for text in train), shape
    held_out = sum(any(re.search(shape, text) for shape in shapes) for text in test)
    assert 0.35 < held_out / len(test) < 0.6


def test_no_words_mean_two_modifiers():
    tables = [*SPEED.values(), *AMPLITUDE.values(), *DIRECTION.values(), REPEATED]
    tables += [count_phrases("pull", count) for count in range(1, 9)]
    for i, words in enumerate(tables):
        for other in tables[i + 1 :]:
            assert not set(words) & set(other)


@pytest.mark.parametrize("modifier", ["speed", "count", "amplitude", "direction", "hand"])
def test_a_told_modifier_is_in_every_sentence(modifier):
    config = replace(CONFIG, max_actions=1)
    for split in ("train", "test"):
        for index in range(400):
            plan = draw_plan(7, index, split, config)
            action = plan.actions[0]
            wanted: tuple[str, ...] = ()
            if modifier == "speed" and action.spec.timed:
                wanted = SPEED[action.speed]
            elif modifier == "count" and action.count and action.verb != "count":
                wanted = count_phrases(action.verb, action.count)
            elif modifier == "amplitude" and action.amplitude != "normal":
                wanted = AMPLITUDE[action.amplitude]
            elif modifier == "direction" and action.direction:
                wanted = DIRECTION[action.direction]
            elif modifier == "hand":
                wanted = ("both", "two", "hands", "palms") if action.hand == "both" else (action.hand,)
            for text in describe(plan, config, modifier).sentences if wanted else ():
                mine = re.sub(r"(my|your|his|her|their|our) (?=left|right|body)", "the ", text)
                assert any(word in mine for word in wanted), (text, wanted)


@pytest.mark.parametrize(
    ("phrase", "third", "ing"),
    [
        ("stir the soup", "stirs the soup", "stirring the soup"),
        ("scroll", "scrolls", "scrolling"),
        ("clap", "claps", "clapping"),
        ("catch it", "catches it", "catching it"),
        ("carry it", "carries it", "carrying it"),
        ("tie", "ties", "tying"),
        ("make a fist", "makes a fist", "making a fist"),
        ("unzip the bag", "unzips the bag", "unzipping the bag"),
        ("play", "plays", "playing"),
        ("throw", "throws", "throwing"),
        ("take off the lid", "takes off the lid", "taking off the lid"),
        ("turn on the tap", "turns on the tap", "turning on the tap"),
        ("raise the hand and wave", "raises the hand and waves", "raising the hand and waving"),
        ("undo the zip", "undoes the zip", "undoing the zip"),
        ("go on", "goes on", "going on"),
        ("begin", "begins", "beginning"),
    ],
)
def test_inflection(phrase, third, ing):
    assert inflect(phrase, "third") == third
    assert inflect(phrase, "ing") == ing


def test_articles():
    assert with_article("apple", 0.9) == "an apple"
    assert with_article("uniform", 0.9) == "a uniform"
    assert with_article("urn", 0.9) == "an urn"
    assert with_article("water", 0.9) == "some water"
    assert with_article("scissors", 0.9) == "some scissors"
    assert with_article("dough", 0.1) == "dough" and with_article("onion", 0.1) == "the onion"
    assert [plural(noun) for noun in ("potato", "knife", "berry", "peach")] == [
        *("potatoes", "knives", "berries", "peaches")
    ]


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
