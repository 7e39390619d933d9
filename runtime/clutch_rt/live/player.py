"""``Live``: hands for a game loop. Reading never waits; sentences change in mid-motion."""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final

import numpy as np

from clutch_rt.engine import Engine
from clutch_rt.errors import InputError
from clutch_rt.frames import frames_at
from clutch_rt.layout import FPS, FRAMES_PER_STEP, HAND_SIZE, HANDS, Float32Array
from clutch_rt.live.decoding import Decoding, Taken
from clutch_rt.live.rest import Rest
from clutch_rt.live.screen import Screen
from clutch_rt.live.steps import Said
from clutch_rt.live.times import up
from clutch_rt.options import MAX_SEED, Request, number, whole
from clutch_rt.results import LiveStats, Played
from clutch_rt.text import Prompt

Ask = Callable[[str, "float | None", int], "tuple[Prompt, Request]"]

LOOK_AHEAD: Final = 1
_MOST_AHEAD: Final = 64
_FASTEST: Final = 1000.0
_MOST_FRAMES: Final = 10_000
# Longer between two polls, and the game was paused: the hands go on where they were.
_PAUSE: Final = 0.25


class Live:
    """Two hands that never stop: a thread decodes a little ahead, and whoever shows them reads.

    What is shown is settled by the sentences, their seeds and the frames they were said at, whatever the
    timing of threads; only a frame that is late (``Played.late``, ``stats``) makes a difference, and those
    after it are the same ones, a moment later. One thread reads; ``say``, ``rest``, ``cancel`` and ``close``
    may be called from any. Memory does not grow with time.

    Example:
        with model.live("knead the dough") as live:
            while game.runs():
                hands = live.poll().joints("unity")  # never waits
                if game.player_waves():
                    live.say("wave with the right hand")
    """

    def __init__(
        self,
        engine: Engine,
        ask: Ask,
        text: str | None = None,
        *,
        seconds: float | None = None,
        seed: int = 0,
        fps: float = FPS,
        look_ahead: int = LOOK_AHEAD,
        rest: Any = None,
    ) -> None:
        """Open a stream, once its first frame is there; ``Model.live`` says what the arguments are."""
        self._ask = ask
        self._fps = _clean_fps(fps)
        self._step = FPS / self._fps  # from one frame to the next, in frames of 1/30 s
        self._seed = whole(seed, "seed", 0, MAX_SEED)
        steps = whole(look_ahead, "look_ahead", 1, _MOST_AHEAD)
        if text is None and seconds is not None:
            raise InputError(f"seconds is {seconds!r} without a text; give a text, or leave out seconds")
        opening = None if text is None else self._said(text, self._seed, seconds)
        self._count = 0 if opening is None else 1
        self._base, self._played = 0.0, 0  # the next frame lies `_played` steps after `_base`
        self._clock: float | None = None
        self._text: str | None = None  # of the frame shown last
        self._in_time = self._late = self._stalls = 0
        self._saying, self._reading = threading.Lock(), threading.Lock()
        self._decoding = Decoding(engine, Rest(rest, self._seed), steps, opening)
        # Also at the interpreter's end: a thread must not be inside the engine when that is taken down.
        self._finish = weakref.finalize(self, self._decoding.close)
        try:
            self._decoding.wait(0)
            self._screen = Screen(self._decoding.take([0.0], [0.0, 0.0]).frames[0])
        except BaseException:
            self.close()
            raise

    def read(self, n: int = 1) -> Played:
        """The next n frames at the stream's fps; never waits for decoding.

        Where decoding is late, the hands slow down to a stand and go on smoothly when it has caught up. At
        the end of a stream of asked length they stand.

        Raises:
            InputError: n is no whole number from 1 to 10,000. As ``say`` for a stream that was stopped.
        """
        count = whole(n, "n", 1, _MOST_FRAMES)
        with self._reading:
            return self._play(count, cover=True)

    def poll(self, now: float | None = None) -> Played:
        """The one pose of the moment ``now``, at whatever rate it is called; never waits for decoding.

        The stream's time begins with the first call. It stands still while decoding is late, and over gaps of
        more than a quarter of a second, which count as a pause.

        Args:
            now: seconds on any clock that goes forward; None is ``time.monotonic()``.

        Raises:
            InputError: ``now`` is no finite number. As ``say`` for a stream that was stopped.
        """
        moment = time.monotonic() if now is None else number(now, "now")
        if not math.isfinite(moment):
            raise InputError(f"now is {moment}; a finite number of seconds is wanted")
        with self._reading:
            gap = 0.0 if self._clock is None else max(moment - self._clock, 0.0)
            self._clock = moment
            frames = 0.0 if gap > _PAUSE else gap * FPS
            return self._show_at(self._next() + frames, frames)

    def __iter__(self) -> Iterator[Played]:
        """Frames as they are decoded, about a step at a time, without end or to the asked end; this waits.

        Raises:
            As ``say`` for a stream that was stopped.
        """
        count = math.ceil(FRAMES_PER_STEP / self._step)
        while True:
            self._decoding.wait(up(self._next(count - 1)))
            with self._reading:
                played = self._play(count, cover=False)
            if len(played.frames):
                yield played
            elif self.ended:
                return

    def say(
        self, text: str, seed: int | None = None, *, at: int | None = None, seconds: float | None = None
    ) -> int:
        """Let the hands do something else, from where they are and without a jump.

        Args:
            text: what the hands do now.
            seed: None is the stream's seed plus the number of sentences said before.
            at: the frame, at the stream's fps, from which they shall do it, as soon as a step of 8 frames
                (0.27 s) ends; None is ``look_ahead`` steps from the next frame to be read. A sentence said
                for a later frame waits; one for a step that another waits for takes its place.
            seconds: length wanted, after which the stream ends; None lets the model choose, and then the
                hands rest.

        Returns:
            The frame at which it begins.

        Raises:
            InputError: as ``Model.generate``; ``at`` was played already. Cancelled: the stream was stopped.
            ClutchError: what decoding failed of.
        """
        with self._saying:
            own = (self._seed + self._count) % (MAX_SEED + 1) if seed is None else seed
            said = self._said(text, own, seconds)
            start = self._decoding.order(said, self._frame_30(at))
            self._count += 1
        return self._frame_fps(start)

    def rest(self, at: int | None = None) -> int:
        """Let the hands come to rest; arguments, result and errors as in ``say``."""
        return self._frame_fps(self._decoding.order(None, self._frame_30(at)))

    def cancel(self) -> None:
        """Stop within one step, from any thread; does not wait. What is called after it raises Cancelled."""
        self._decoding.stop()

    def close(self) -> None:
        """Stop, and wait until the thread has ended. Closing twice is harmless."""
        self._finish()

    def __enter__(self) -> Live:
        """The stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the stream."""
        self.close()

    @property
    def fps(self) -> float:
        """Frames per second of ``read`` and of frame numbers."""
        return self._fps

    @property
    def frame(self) -> int:
        """Number of the next frame to be read, at the stream's fps."""
        return self._frame_fps(self._next())

    @property
    def ended(self) -> bool:
        """Whether all frames of a stream of asked length were read."""
        return self._decoding.ends_by(self._next()) is not None

    @property
    def stats(self) -> LiveStats:
        """How the stream is doing."""
        return LiveStats(
            frames=self._in_time,
            late=self._late,
            stalls=self._stalls,
            sentences=self._count,
            lead=self._decoding.lead,
        )

    def _said(self, text: str, seed: int, seconds: float | None) -> Said:
        prompt, request = self._ask(text, seconds, seed)
        return Said(text, prompt, request)

    def _next(self, ahead: int = 0) -> float:
        """Time of the frame ``ahead`` frames after the next one, in frames of 1/30 s."""
        return self._base + self._step * (self._played + ahead)

    def _play(self, count: int, cover: bool) -> Played:
        """The next frames, as many as are there; with ``cover``, stand-ins for those that are not."""
        times = [self._next(k) for k in range(count + 1)]
        taken = self._decoding.take(times[:-1], times)
        self._played += taken.due
        shown = [self._screen.show(frame, self._step) for frame in _frames_of(taken, times)]
        late = self._count_late(taken, count - taken.due if cover else 0, times[taken.due])
        shown += [self._screen.cover(self._step) for _ in range(count - len(shown) if cover else 0)]
        return self._result(shown, times[0], late)

    def _show_at(self, time: float, gap: float) -> Played:
        """The pose of a time, ``gap`` after the one before, or a stand-in."""
        taken = self._decoding.take([time], [self._next(), time])
        end = None if taken.due else self._decoding.ends_by(time)
        if taken.due or end is not None:
            self._base, self._played = time if end is None else float(end), 0
        shown = [self._screen.show(frame, gap) for frame in _frames_of(taken, [time])]
        late = self._count_late(taken, 1 - taken.due, time)
        return self._result(shown or [self._screen.cover(gap)], self._base, late)

    def _count_late(self, taken: Taken, missing: int, time: float) -> int:
        """Note what was shown, and how much is late from ``time`` on. Nothing is, after the end."""
        late = missing if missing and self._decoding.ends_by(time) is None else 0
        self._stalls += late > 0 and (taken.due > 0 or not self._screen.late)
        self._in_time += taken.due
        self._late += late
        if taken.due:
            self._text = taken.text
        return late

    def _result(self, shown: list[Float32Array], first: float, late: int) -> Played:
        frames = np.stack(shown) if shown else np.empty((0, len(HANDS), HAND_SIZE), np.float32)
        frames.setflags(write=False)
        return Played(frames, self._frame_fps(first), first / FPS, late, self._text)

    def _frame_30(self, at: int | None) -> int | None:
        return None if at is None else up(whole(at, "at", 0, 2**53) * self._step)

    def _frame_fps(self, time: float) -> int:
        return up(time / self._step)


def _frames_of(taken: Taken, times: Sequence[float]) -> Float32Array:
    """The frames ``(due, 2, 99)`` at those of ``times`` that are covered; whole times give theirs exactly."""
    if not taken.due:
        return taken.frames
    within = np.asarray(times[: taken.due]) - taken.first
    whole_ones = np.round(within)
    if np.abs(within - whole_ones).max() < 1e-6:
        return taken.frames[whole_ones.astype(np.int64)]
    return frames_at(taken.frames, np.clip(within, 0.0, None))


def _clean_fps(fps: object) -> float:
    rate = number(fps, "fps")
    if not 0.0 < rate <= _FASTEST:
        raise InputError(f"fps is {rate:g}; more than 0 and at most {_FASTEST:g} is wanted")
    return rate
