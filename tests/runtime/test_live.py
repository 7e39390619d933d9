"""Live streams as a game meets them: never waiting, the same hands every time, no jump, no growth."""

from __future__ import annotations

import gc
import threading
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import clutch_rt
import numpy as np
import pytest
from clutch_rt import Cancelled, ClutchError, InputError, Live, Model, Motion, Played
from clutch_rt.layout import FPS, TRANSLATION, Float32Array
from clutch_rt.native_step import NativeStep
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.resident import needs_statm, resident_bytes

TEXTS = ("wave with the right hand", "knead the dough with both hands", "clap slowly", "tap the table")


@pytest.fixture
def own_model(toy: Path) -> Iterator[Model]:
    """A model whose engine a test may interfere with."""
    with clutch_rt.load(toy) as model:
        yield model


class Gate:
    """Lets the engine's calls through, or holds them; counts them."""

    def __init__(self, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.calls, self.held = threading.Event(), 0, threading.Event()
        self.open.set()
        run = engine.run

        def wait(*args: Any) -> list[Any]:
            self.calls += 1
            if not self.open.is_set():
                self.held.set()
                assert self.open.wait(60)
            return run(*args)

        monkeypatch.setattr(engine, "run", wait)


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited a minute for what should come at once"
        time.sleep(0.0005)


def _read(live: Live, count: int) -> Float32Array:
    """The next frames, as soon as they are there: no reader is ever late."""
    parts = []
    while count:
        _until(lambda: live.stats.lead > 0)
        played = live.read(min(count, live.stats.lead))
        assert played.late == 0
        parts.append(played.frames)
        count -= len(played.frames)
    return np.concatenate(parts)


# -- one sentence


@settings(max_examples=20)
@given(
    text=st.sampled_from(TEXTS),
    seed=st.integers(0, 2**64 - 1),
    form=st.sampled_from(["step", "flat"]),
    ahead=st.integers(1, 20),
)
def test_a_sentence_is_generate_frame_for_frame(
    models: dict[str, Model], text: str, seed: int, form: str, ahead: int
) -> None:
    whole = models[form].generate(text, seed=seed).frames
    with models[form].live(text, seed=seed, look_ahead=ahead) as live:
        np.testing.assert_array_equal(_read(live, len(whole)), whole)


@settings(max_examples=20)
@given(frames=st.integers(1, 96), form=st.sampled_from(["step", "flat"]), seed=st.integers(0, 1000))
def test_asked_seconds_end_the_stream(models: dict[str, Model], frames: int, form: str, seed: int) -> None:
    model = models[form]
    whole = model.generate(TEXTS[0], seconds=frames / 30, seed=seed).frames
    with model.live(TEXTS[0], seconds=frames / 30, seed=seed) as live:
        played = list(live)
        np.testing.assert_array_equal(np.concatenate([p.frames for p in played]), whole)
        assert [p.index for p in played] == list(range(0, frames, 8))
        assert live.ended and live.frame == frames
        # Whoever goes on reading sees hands that come to a stand, and no lateness is counted.
        after = live.read(12)
        assert after.late == live.stats.late == 0 and after.index == frames
        np.testing.assert_allclose(after.frames[6:], np.broadcast_to(after.frames[6], (6, 2, 99)), atol=1e-6)


def test_after_the_sentence_the_hands_rest(model: Model) -> None:
    whole = model.generate(TEXTS[0], seed=3).frames
    with model.live(TEXTS[0], seed=3) as live:
        _read(live, len(whole) - 1)
        _until(lambda: live.stats.lead > 8)
        assert live.read().text == TEXTS[0]
        assert live.read().text is None
        frames = _read(live, 95)
    from clutch_rt.live.rest import Rest

    # At most 1.5 x 45 frames it takes to come to rest.
    np.testing.assert_array_equal(frames[71:79], Rest(seed=3).frames(len(whole) + 72, 8))


def test_without_a_sentence_the_hands_rest_at_once(model: Model) -> None:
    with model.live(seed=9) as live:
        first = live.read(8)
        assert (first.text, first.index, first.time, first.late) == (None, 0, 0.0, 0)
        assert not first.frames.flags.writeable
        assert first.joints("unity").positions.shape == (8, 2, 26, 3)


def test_a_pose_of_rest(model: Model) -> None:
    pose = model.generate(TEXTS[0]).frames[0]
    with model.live(rest=pose) as live:
        np.testing.assert_allclose(live.read().frames[0][:, TRANSLATION], pose[:, TRANSLATION], atol=0.005)


# -- several


@settings(max_examples=15)
@given(
    form=st.sampled_from(["step", "flat"]),
    opening=st.none() | st.sampled_from(TEXTS),
    script=st.lists(
        st.tuples(
            st.integers(0, 40),  # frames read before it is said
            st.none() | st.sampled_from(TEXTS),  # None: rest
            st.none() | st.integers(0, 60),  # so many frames from there on; None: the look-ahead
        ),
        max_size=6,
    ),
    sizes=st.lists(st.integers(1, 8), min_size=1, max_size=5),
    ahead=st.integers(1, 4),
)
def test_same_sentences_at_the_same_frames_same_hands(
    models: dict[str, Model],
    form: str,
    opening: str | None,
    script: list[tuple[int, str | None, int | None]],
    sizes: list[int],
    ahead: int,
) -> None:
    """However the reader and the decoder are timed: at once, or in small bites with pauses."""

    def play(live: Live, hesitate: bool) -> tuple[Float32Array, list[int]]:
        frames, starts, bites = [], [], 0
        for before, text, at in [*script, (64, None, None)]:
            while before:
                bite = min(before, sizes[bites % len(sizes)] if hesitate else 8)
                frames.append(_read(live, bite))
                before, bites = before - bite, bites + 1
                if hesitate and bites % 3 == 0:
                    time.sleep(0.001)
            where = None if at is None else live.frame + at
            starts.append(live.rest(where) if text is None else live.say(text, at=where))
        return np.concatenate(frames), starts

    found = []
    for hesitate in (False, True):
        with models[form].live(opening, seed=5, look_ahead=ahead) as live:
            found.append(play(live, hesitate))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def _begun(live: Live, start: int) -> None:
    """Wait until what was said for ``start`` is decoded."""
    while live.frame + live.stats.lead <= start:
        time.sleep(0.001)


@pytest.mark.parametrize("form", ["step", "flat"])
def test_a_sentence_that_has_begun_can_still_be_unsaid(models: dict[str, Model], form: str) -> None:
    """Nobody saw it: the hands are those of the other sentence alone."""
    found = []
    for first in (None, TEXTS[1]):
        with models[form].live(TEXTS[0], seed=5, look_ahead=3) as live:
            frames = [_read(live, 10)]
            if first is not None:
                _begun(live, live.say(first, seed=1, at=30))
            assert live.say(TEXTS[2], seed=2, at=30) == 32
            found.append(np.concatenate([*frames, _read(live, 60)]))
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("form", ["step", "flat"])
def test_a_sentence_said_for_an_earlier_frame_puts_none_out(models: dict[str, Model], form: str) -> None:
    found = []
    for late_first in (False, True):
        with models[form].live(TEXTS[0], seed=5, look_ahead=4) as live:
            frames = [_read(live, 10)]
            if late_first:
                _begun(live, live.say(TEXTS[1], seed=1, at=40))
            assert live.say(TEXTS[2], seed=2, at=24) == 24
            if not late_first:
                assert live.say(TEXTS[1], seed=1, at=40) == 40
            found.append(np.concatenate([*frames, _read(live, 70)]))
    np.testing.assert_array_equal(found[0], found[1])


def test_a_slow_engine_makes_the_same_hands(own_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def play() -> Float32Array:
        with own_model.live(TEXTS[0], seed=1) as live:
            start = _read(live, 12)
            live.say(TEXTS[1])
            live.say(TEXTS[2], at=live.frame + 30)
            return np.concatenate([start, _read(live, 90)])

    quick = play()
    rng, run = np.random.default_rng(0), own_model._sessions.run

    def slow(*args: Any) -> list[Any]:
        time.sleep(float(rng.uniform(0, 0.004)))
        return run(*args)

    monkeypatch.setattr(own_model._sessions, "run", slow)
    np.testing.assert_array_equal(play(), quick)


@settings(max_examples=10)
@given(cut=st.integers(0, 40), ahead=st.integers(1, 6))
def test_the_look_ahead_does_not_show(models: dict[str, Model], cut: int, ahead: int) -> None:
    found = []
    for steps in (1, ahead):
        with models["step"].live(TEXTS[0], seed=2, look_ahead=steps) as live:
            live.say(TEXTS[1], at=cut)
            found.append(_read(live, 80))
    np.testing.assert_array_equal(found[0], found[1])


def test_when_a_sentence_begins(model: Model) -> None:
    with model.live(seed=0, look_ahead=2) as live:
        assert live.say(TEXTS[0]) == 16
        _read(live, 3)
        assert live.say(TEXTS[1]) == 24  # the first step from frame 3 + 16 on
        assert live.say(TEXTS[2], at=3) == 8
        assert live.rest(at=40) == 40
        assert live.stats.sentences == 3
        with pytest.raises(InputError, match=r"at is 0\.07 s into the stream, which was played; 0\.10 s"):
            live.say(TEXTS[0], at=2)
        assert live.stats.sentences == 3
        texts = []
        while live.frame < 56:
            _until(lambda: live.stats.lead > 0)
            texts.append((live.frame, live.read().text))
    begun = [texts[0], *(b for a, b in pairwise(texts) if a[1] != b[1])]
    assert begun == [(3, None), (8, TEXTS[2]), (16, TEXTS[0]), (24, TEXTS[1]), (40, None)]


def test_the_sentence_said_last_for_a_step_counts(model: Model) -> None:
    frames = []
    for texts in ((TEXTS[1], TEXTS[0]), (TEXTS[0],)):
        with model.live(seed=0) as live:
            for text in texts:
                live.say(text, seed=4, at=8)
            frames.append(_read(live, 40))
    np.testing.assert_array_equal(frames[0], frames[1])


def test_seeds_count_on(model: Model) -> None:
    def play(*seeds: int | None) -> Float32Array:
        with model.live(TEXTS[0], seed=2**64 - 1) as live:
            for number, seed in enumerate(seeds, start=1):
                live.say(TEXTS[1], seed, at=16 * number)
            return _read(live, 64)

    np.testing.assert_array_equal(play(None, None), play(0, 1))
    assert not np.array_equal(play(None, None), play(0, 0))


def test_a_stream_that_ended_goes_on_when_spoken_to(model: Model) -> None:
    with model.live(TEXTS[0], seconds=0.5) as live:
        assert sum(len(p.frames) for p in live) == 15 and live.ended
        start = live.say(TEXTS[1], seconds=1.0)
        assert start == 24 and not live.ended
        assert sum(len(p.frames) for p in live) == 24 + 30 - 15
        assert live.ended


def test_too_many_sentences_are_refused(model: Model) -> None:
    with model.live() as live:
        for k in range(256):
            live.say(TEXTS[0], at=8 * (k + 10))
        live.say(TEXTS[1], at=80)  # takes another's place
        with pytest.raises(InputError, match="256 sentences wait"):
            live.say(TEXTS[0], at=10**6)


def test_a_sentence_that_cannot_be_said_changes_nothing(model: Model) -> None:
    with model.live(TEXTS[0], seed=1) as live, model.live(TEXTS[0], seed=1) as other:
        for text in ("", "\ud800", "xyzzy" * 1000):
            with pytest.raises(InputError):
                live.say(text)
        with pytest.raises(InputError):
            live.say(TEXTS[0], seconds=-1)
        np.testing.assert_array_equal(_read(live, 40), _read(other, 40))


# -- seams


def _jumps(frames: Float32Array) -> tuple[np.ndarray, np.ndarray]:
    """Greatest step and greatest change of step of any joint, metres, by frame."""
    places = Motion(frames).joints("mano").positions.astype(np.float64)
    steps = np.diff(places, axis=0)
    return (
        np.linalg.norm(steps, axis=-1).max((1, 2)),
        np.linalg.norm(np.diff(steps, axis=0), axis=-1).max((1, 2)),
    )


def test_no_jump_where_the_shipped_model_changes_its_mind() -> None:
    """At the seams, joints change place and speed no more than the model's own motions let them."""
    with clutch_rt.load() as model:
        own = [_jumps(model.generate(text, seed=seed).frames) for seed, text in enumerate(TEXTS)]
        step = max(speed.max() for speed, _ in own)
        change = max(changes.max() for _, changes in own)
        for seed in range(4):
            with model.live(TEXTS[seed], seed=seed) as live:
                live.say(TEXTS[seed - 1], at=32 + 8 * seed)
                speed, changes = _jumps(_read(live, 96))
            seam = 32 + 8 * seed
            assert speed[seam - 1 : seam + 1].max() <= step
            # The speeds of both motions are matched over one frame, whose own change comes on top.
            assert changes[seam - 2 : seam + 1].max() <= 1.5 * change


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), form=st.sampled_from(["step", "flat"]), at=st.integers(1, 8))
def test_after_the_blend_the_new_sentence_is_generate_frame_for_frame(
    models: dict[str, Model], seed: int, form: str, at: int
) -> None:
    whole = models[form].generate(TEXTS[1], seconds=3.2, seed=seed).frames
    with models[form].live(TEXTS[0], seed=seed) as live:
        live.say(TEXTS[1], seed, at=8 * at, seconds=3.2)
        frames = _read(live, 8 * at + 96)
    np.testing.assert_array_equal(frames[8 * at + 45 :], whole[45:])  # no blend is longer


# -- time


def test_a_late_frame_is_made_up_for_and_counted(own_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = own_model.generate(TEXTS[0], seconds=3.2, seed=6).frames
    gate = Gate(own_model._sessions, monkeypatch)
    with own_model.live(TEXTS[0], seconds=3.2, seed=6) as live:
        _until(lambda: live.stats.lead >= 16)
        gate.open.clear()
        first = live.read(8)
        assert gate.held.wait(60)
        second = live.read(20)  # the engine is stuck, and yet this comes back
        ready = 20 - second.late
        assert 0 < ready < 20 and second.index == 8
        np.testing.assert_array_equal(second.frames[:ready], whole[8 : 8 + ready])
        third = live.read(2)
        assert third.late == 2 and third.index == live.frame == 8 + ready
        stats = live.stats
        assert (stats.frames, stats.late, stats.stalls, stats.lead) == (8 + ready, second.late + 2, 1, 0)
        gate.open.set()
        rest = _read(live, 96 - live.frame)
        assert live.stats.late == stats.late
        # 12 frames or more later, the stream itself again, none of its frames lost.
        np.testing.assert_array_equal(rest[46:], whole[len(whole) - len(rest) + 46 :])
        shown = np.concatenate([first.frames, second.frames, third.frames, rest])
    own = np.abs(np.diff(whole[..., TRANSLATION].astype(np.float64), 2, axis=0)).max()
    late = np.abs(np.diff(shown[..., TRANSLATION].astype(np.float64), 2, axis=0)).max()
    # Toy hands walk at up to 60 mm a frame; coming to a stand within 4 frames changes that by half at most.
    assert late <= own + 0.035


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), fps=st.sampled_from([10.0, 24.0, 60.0, 72.0, 90.0, 144.0]))
def test_other_rates_show_the_same_motion(models: dict[str, Model], seed: int, fps: float) -> None:
    from clutch_rt.frames import frames_at

    whole = models["step"].generate(TEXTS[0], seconds=2.0, seed=seed).frames
    with models["step"].live(TEXTS[0], seconds=2.0, seed=seed, fps=fps) as live:
        played = list(live)
    found = np.concatenate([p.frames for p in played])
    times = np.arange(len(found)) * 30 / fps
    assert times[-1] <= 59 and times[-1] + 30 / fps > 59 - 1e-6
    # float32 rounding: between which two frames a time lies is told in windows of the whole.
    np.testing.assert_allclose(found, frames_at(whole, times), atol=1e-5)
    assert [p.time for p in played] == pytest.approx([p.index / fps for p in played])


def test_frame_numbers_are_those_of_the_rate_asked_for(models: dict[str, Model]) -> None:
    with models["step"].live(fps=90, look_ahead=1) as live:
        assert live.fps == 90
        assert live.say(TEXTS[0]) == 24
        _until(lambda: live.stats.lead >= 8)
        live.read(5)
        assert live.frame == 5
        assert live.say(TEXTS[1], at=30) == 48


def test_poll_shows_the_moment(models: dict[str, Model]) -> None:
    from clutch_rt.frames import frames_at

    whole = models["step"].generate(TEXTS[0], seconds=2.0, seed=3).frames
    with models["step"].live(TEXTS[0], seconds=2.0, seed=3) as live:
        assert live.poll(100.0).time == 0.0
        moments = [0.0, 0.011, 0.011, 0.2, 1.0 / 3.0, 0.5]
        for moment in moments:
            _until(lambda: live.stats.lead >= 9)
            played = live.poll(100.0 + moment)
            assert played.time == pytest.approx(moment) and played.late == 0
            wanted = frames_at(whole, np.asarray([moment * 30]))
            np.testing.assert_allclose(played.frames, wanted, atol=1e-5)
        paused = live.poll(1000.0)  # the game was paused: the hands go on where they were
        assert paused.time == pytest.approx(0.5)
        assert live.poll(900.0).time == pytest.approx(0.5)  # a clock that goes back stands still


def test_poll_of_a_stuck_engine(own_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(own_model._sessions, monkeypatch)
    with own_model.live(TEXTS[0], seconds=3.2) as live:
        _until(lambda: live.stats.lead >= 16)
        gate.open.clear()
        now, late = 0.0, 0
        for _ in range(120):
            now += 1 / 60
            late += live.poll(now).late
        assert late > 60 and live.stats.stalls == 1
        stood = live.poll(now).time
        gate.open.set()
        _until(lambda: live.stats.lead > 8)
        played = live.poll(now + 1 / 60)
        assert played.late == 0 and played.time == pytest.approx(stood + 1 / 60)


def test_poll_after_the_end_is_not_late(models: dict[str, Model]) -> None:
    with models["step"].live(TEXTS[0], seconds=0.2) as live:
        for k in range(40):
            assert live.poll(k / 60).late == 0
        assert live.ended and live.stats.late == 0


# -- stopping


@pytest.mark.parametrize("which", ["graphs of a toy", "library, shipped"])
def test_cancel_stops_within_one_step_from_any_thread(
    toy: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = which == "graphs of a toy"
    model = clutch_rt.load(toy if graphs else None)
    gate = Gate(model._sessions if graphs else NativeStep, monkeypatch)
    live = model.live(TEXTS[0], seconds=3.2)
    _until(lambda: live.stats.lead >= 16)
    gate.open.clear()
    live.read(16)
    assert gate.held.wait(60)
    calls = gate.calls
    caller = threading.Thread(target=live.cancel)
    caller.start()
    caller.join(60)
    assert not caller.is_alive(), "cancel waited for the engine"
    gate.open.set()
    live.close()
    # The call that was in flight ended; at most the SHIFT decoder finished the step of its codes.
    assert gate.calls <= calls + 1
    for action in (
        live.read,
        live.poll,
        lambda: live.say(TEXTS[0]),
        lambda: live.rest(),
        lambda: next(iter(live)),
    ):
        with pytest.raises(Cancelled, match="was stopped"):
            action()
    model.close()


def test_closing_wakes_a_waiting_reader(own_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(own_model._sessions, monkeypatch)
    live = own_model.live(TEXTS[0], seconds=3.2)
    seen: list[object] = []

    def work() -> None:
        try:
            for played in live:
                seen.append(played)
        except Cancelled as error:
            seen.append(error)

    gate.open.clear()
    reader = threading.Thread(target=work)
    reader.start()
    _until(lambda: bool(seen) and live.stats.lead == 0)
    live.cancel()
    reader.join(60)
    assert not reader.is_alive() and isinstance(seen[-1], Cancelled)
    gate.open.set()
    live.close()
    live.close()


def test_a_closed_model_is_an_error_of_its_streams(toy: Path) -> None:
    model = clutch_rt.load(toy)
    with model.live(TEXTS[0], seconds=3.2) as live:
        model.close()
        with pytest.raises(ClutchError, match="the model was closed"):
            for _ in live:
                pass
        with pytest.raises(ClutchError, match="the model was closed"):
            live.read()
        with pytest.raises(ClutchError, match="the model was closed"):
            live.say(TEXTS[0])
    with pytest.raises(ClutchError, match="the model was closed"):
        model.live(TEXTS[0])


def test_a_thread_that_dies_is_noticed(own_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    live = own_model.live(TEXTS[0], seconds=3.2)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # what it would print is expected

    def broken(*_: Any) -> list[Any]:
        raise MemoryError

    monkeypatch.setattr(own_model._sessions, "run", broken)
    with live, pytest.raises(ClutchError, match="thread has died"):
        for _ in live:
            pass


def test_a_forgotten_stream_ends_its_thread(models: dict[str, Model]) -> None:
    live = models["step"].live(TEXTS[0])
    thread, gone = live._decoding._thread, weakref.ref(live)
    live.read()
    del live
    gc.collect()
    assert gone() is None
    thread.join(60)
    assert not thread.is_alive()


def test_an_interpreter_ends_with_a_stream_open(toy: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, clutch_rt\n"
        "live = clutch_rt.load(sys.argv[1]).live('clap slowly', look_ahead=64)\n"
        "live.read()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(toy)], capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": 0}, "fps is 0; more than 0 and at most 1000"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"fps": "fast"}, "fps is 'fast'; a number"),
        ({"look_ahead": 0}, "look_ahead is 0; 1 to 64"),
        ({"look_ahead": 1.5}, "look_ahead is 1.5; a whole number"),
        ({"seed": -1}, "seed is -1"),
        ({"temperature": -1}, "temperature is -1"),
        ({"top_k": 1.5}, "top_k is 1.5"),
        ({"seconds": 1.0}, "seconds is 1.0 without a text"),
        ({"text": TEXTS[0], "seconds": 60}, "at most 3.20 seconds"),
        ({"text": " "}, "the text is blank"),
        ({"rest": np.zeros((2, 3))}, "the pose of rest has shape (2, 3)"),
    ],
)
def test_what_cannot_be_opened(model: Model, options: dict[str, Any], message: str) -> None:
    threads = threading.active_count()
    with pytest.raises(InputError) as caught:
        model.live(**options)
    assert message in str(caught.value)
    assert threading.active_count() == threads


def test_what_cannot_be_read(model: Model) -> None:
    with model.live() as live:
        for n in (0, -1, 1.5, True, 10**9):
            with pytest.raises(InputError, match="n is"):
                live.read(n)  # type: ignore[arg-type]
        for now in (float("nan"), float("inf"), "now"):
            with pytest.raises(InputError, match="now is"):
                live.poll(now)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=r"at is 1\.5; a whole number"):
            live.say(TEXTS[0], at=1.5)  # type: ignore[arg-type]


# -- for ever


def _held(live: Live) -> int:
    return len(live._decoding._steps)


def test_python_keeps_nothing_of_what_was_played(models: dict[str, Model]) -> None:
    """2,000 steps, nine minutes, a new sentence every 5 to 20 of them."""
    rng = np.random.default_rng(0)
    with models["step"].live(seed=1) as live:

        def play(steps: int) -> None:
            until = 0
            for played in live:
                assert _held(live) <= 5  # the step being read, the look-ahead, and those at a seam
                if (until := until - 1) < 0:
                    until = int(rng.integers(5, 20))
                    live.say(TEXTS[int(rng.integers(len(TEXTS)))])
                if (steps := steps - len(played.frames) // 8) <= 0:
                    return

        play(1600)
        tracemalloc.start()
        try:
            play(80)
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            play(320)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        # One step is 6 kB of frames; 320 of them kept would be 2 MB.
        assert grown < 100_000


@needs_statm
def test_nothing_grows_in_an_hour() -> None:
    """The shipped model, a new sentence every 20 steps."""
    held, frames = [], 0
    with clutch_rt.load() as model, model.live(seed=1) as live:
        for step, played in enumerate(live):
            frames += len(played.frames)
            if step % 20 == 0:
                live.say(TEXTS[step // 20 % len(TEXTS)])
            if step % 1_500 == 0:
                held.append(resident_bytes())
            if frames >= 3600 * FPS:
                break
    assert frames >= 3600 * FPS and len(held) > 4
    # The frames of an hour are 85 MB; allocators breathe by a few.
    assert held[-1] - held[1] < 8 * 2**20


def test_hands_stay_where_hands_can_be() -> None:
    """A real decoder that is never reset would show it if its state drifted."""
    pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
    from tests.tiny_bundle import tiny_bundle

    with clutch_rt.load(tiny_bundle("step", "fp32")) as model:
        reach = np.abs(np.concatenate([model.generate(TEXTS[0], seed=k).frames for k in range(8)])).max()
        with model.live(TEXTS[0], seed=1) as live:
            for number, played in enumerate(live):
                # Blends and rests lie between poses of motions.
                assert np.abs(played.frames).max() <= 1.2 * reach
                if number % 4 == 0:
                    live.say(TEXTS[number // 4 % len(TEXTS)])
                if number == 400:
                    break


def test_played_is_what_it_says() -> None:
    assert set(Played.__dataclass_fields__) == {"frames", "index", "time", "late", "text"}
