"""The thread that decodes a little ahead of what is shown, and the orders it works by.

What is laid down at a frame depends only on the sentences and the frames they were said for. No reader is
given a frame beyond one at which another sentence begins until that one is decoded, so no timing of threads
shows in the motion.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from clutch_rt.engine import Engine
from clutch_rt.errors import Cancelled, ClutchError, InputError
from clutch_rt.layout import FPS, FRAMES_PER_STEP, HAND_SIZE, HANDS, Float32Array
from clutch_rt.live.rest import Rest
from clutch_rt.live.steps import Laid, Said, resting, speaking, turned
from clutch_rt.live.times import down, up

# Far more than a conversation needs; what is never read must not fill the memory.
MOST_WAITING: Final = 256


@dataclass(frozen=True)
class Taken:
    """Frames of the stream for some times asked for.

    Attributes:
        frames: ``(m, 2, 99)``, from frame ``first`` of the stream on.
        first: the frame at or before the first time.
        due: how many of the times, the first ones, they cover.
        text: the sentence at the last time covered; None where the hands rest, or none is covered.
    """

    frames: Float32Array
    first: int
    due: int
    text: str | None


class Decoding:
    """Steps of a stream, decoded in a thread of their own. All methods may be called from any thread.

    Frames are numbered from 0 at 30 per second; sentences begin at multiples of 8.
    """

    def __init__(self, engine: Engine, rest: Rest, look_ahead: int, opening: Said | None) -> None:
        """Start decoding ``opening``, or the rest, ``look_ahead`` steps ahead of the reader."""
        self._engine = engine
        self._rest = rest
        self._ahead = look_ahead * FRAMES_PER_STEP
        self._gate = threading.Condition()
        self._stop = threading.Event()
        self._over = False
        self._error: ClutchError | None = None
        self._steps: deque[Laid] = deque()
        self._first = 0  # number of the first frame of the first step held
        self._read = 0  # number of the next frame the reader wants
        self._end: int | None = None  # where a sentence of asked length ends the stream
        self._waiting: dict[int, Said | None] = {}
        # What began at frames not read yet, and the step in whose place it came: it may still be unsaid.
        self._begun: dict[int, tuple[Said | None, Laid]] = {}
        self._source: Iterator[Laid] = (
            resting(rest, 0) if opening is None else speaking(engine, opening, rest, 0, self._stop)
        )
        # A daemon, so that a forgotten stream does not keep the interpreter; `Live` stops it on the way out.
        self._thread = threading.Thread(target=self._work, name="clutch-rt live", daemon=True)
        self._thread.start()

    def order(self, said: Said | None, at: int | None) -> int:
        """Let a sentence, or for None the rest, begin at the first step from frame ``at`` on.

        Args:
            said: takes the place of what was ordered for the same step.
            at: a frame not yet read; None is the look-ahead away from the next frame to be read.

        Returns:
            The frame at which it begins, a multiple of 8.

        Raises:
            InputError: ``at`` has been read already, or too many sentences wait. As ``check``.
        """
        with self._gate:
            self.check()
            wanted = self._read + self._ahead if at is None else at
            if wanted < self._read:
                found, now = wanted / FPS, self._read / FPS
                raise InputError(
                    f"at is {found:.2f} s into the stream, which was played; {now:.2f} s or later is wanted"
                )
            start = -(-wanted // FRAMES_PER_STEP) * FRAMES_PER_STEP
            if len(self._waiting) >= MOST_WAITING and start not in self._waiting:
                raise InputError(f"{MOST_WAITING} sentences wait to be played; play on before saying more")
            self._waiting[start] = said
            self._gate.notify_all()
            return start

    def take(self, times: Sequence[float], after: Sequence[float]) -> Taken:
        """What is there now of the frames about n times; never waits.

        Args:
            times: n of them, rising, in frames.
            after: n + 1 times: ``after[k]`` is the next that is wanted once k of them were taken. The
                decoding follows, and what lies well before is forgotten.

        Raises:
            As ``check``.
        """
        with self._gate:
            self.check()
            limit = self._limit()
            due = sum(up(time) < limit for time in times)
            first = down(times[0])
            held = (first - self._first) // FRAMES_PER_STEP
            stop = (up(times[due - 1]) - self._first) // FRAMES_PER_STEP + 1 if due else held
            steps = list(islice(self._steps, held, stop))
            self._advance(down(after[due]))
        if not steps:
            return Taken(np.empty((0, len(HANDS), HAND_SIZE), np.float32), first, 0, None)
        frames = np.concatenate([step.frames for step in steps])
        last = down(times[due - 1]) // FRAMES_PER_STEP - first // FRAMES_PER_STEP
        return Taken(frames[first % FRAMES_PER_STEP :], first, due, steps[last].text)

    def wait(self, frame: int) -> bool:
        """Wait until ``frame`` is there; False where the stream ends before it.

        Raises:
            As ``check``.
        """
        with self._gate:
            self._gate.wait_for(lambda: self._limit() > frame or self._ended(frame) or self._dead())
            self.check()
            return self._limit() > frame

    def ends_by(self, time: float) -> int | None:
        """The number of frames of a stream that ends at or before ``time``; None where it goes on."""
        with self._gate:
            return self._end if self._ended(up(time)) else None

    @property
    def lead(self) -> int:
        """Frames that lie ready for the reader."""
        with self._gate:
            return max(self._limit() - self._read, 0)

    def check(self) -> None:
        """Raise what the thread failed of, or Cancelled where it was stopped."""
        if self._error is not None:
            raise type(self._error)(str(self._error)) from self._error
        if self._stop.is_set():
            raise Cancelled("the live stream was stopped; open another with model.live()")
        if self._over:
            raise ClutchError("the live stream's thread has died; please report the traceback on stderr")

    def stop(self) -> None:
        """Make the thread end within one step; does not wait for it."""
        self._stop.set()
        with self._gate:
            self._gate.notify_all()

    def close(self) -> None:
        """Stop the thread and wait until it has ended."""
        self.stop()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        with self._gate:
            self._steps.clear()
            self._waiting.clear()

    # -- under the gate

    def _advance(self, frame: int) -> None:
        self._read = max(self._read, frame)
        while self._steps and self._first + FRAMES_PER_STEP <= self._read:
            self._steps.popleft()
            self._first += FRAMES_PER_STEP
        for frame in [frame for frame in self._begun if frame < self._read]:
            del self._begun[frame]
        self._gate.notify_all()

    def _made(self) -> int:
        return self._first + len(self._steps) * FRAMES_PER_STEP

    def _next_start(self) -> int | None:
        return min(self._waiting, default=None)

    def _limit(self) -> int:
        """Frames before this one are settled and may be read."""
        start = self._next_start()
        edge = self._end if start is None else start
        return self._made() if edge is None else min(self._made(), edge)

    def _ended(self, frame: int) -> bool:
        return self._end is not None and not self._waiting and frame >= self._end

    def _dead(self) -> bool:
        return self._over or self._stop.is_set()

    def _short(self) -> bool:
        """Whether another step of the present source is wanted."""
        start, edge = self._next_start(), self._read + self._ahead + FRAMES_PER_STEP
        if start is None and self._end is not None:
            return False
        if start is not None and start < edge:
            edge = start + FRAMES_PER_STEP  # the step in whose place the sentence comes joins the two
        return self._made() < edge

    def _due(self) -> int | None:
        """Where a sentence can begin now."""
        start = self._next_start()
        return start if start is not None and self._made() >= start + FRAMES_PER_STEP else None

    # -- in the thread

    def _work(self) -> None:
        try:
            while self._work_once():
                pass
        except Cancelled:
            pass
        except ClutchError as error:
            self._error = error
        finally:
            with self._gate:
                self._over = True
                self._gate.notify_all()

    def _work_once(self) -> bool:
        """Wait for work and do it; False once stopped."""
        with self._gate:
            self._gate.wait_for(lambda: self._stop.is_set() or self._due() is not None or self._short())
            if self._stop.is_set():
                return False
            start = self._due()
            if start is not None:
                said = self._waiting[start]
                begun = self._begun.get(start)
                old = self._steps[(start - self._first) // FRAMES_PER_STEP] if begun is None else begun[1]
        if start is None:
            self._lay(next(self._source))
        else:
            self._turn(start, said, old)
        return True

    def _lay(self, step: Laid) -> None:
        with self._gate:
            if step.end is not None:
                self._end = self._made() + step.end
            self._steps.append(step)
            self._advance(self._read)

    def _turn(self, start: int, said: Said | None, old: Laid) -> None:
        """Begin a sentence, or the rest, in place of the step ``old``."""
        if said is None:
            source = turned(old, resting(self._rest, start), ease=True)
        else:
            new = speaking(self._engine, said, self._rest, start, self._stop)
            source = turned(old, new)
        step = next(source)
        with self._gate:
            # Something else may have been said meanwhile, for the same step or for one before.
            if self._next_start() != start or self._waiting[start] is not said:
                return
            del self._waiting[start]
            # What had begun later begins once more, out of this.
            for later in [frame for frame in self._begun if frame > start]:
                self._waiting.setdefault(later, self._begun.pop(later)[0])
            self._begun[start] = said, old
            while self._made() > start:
                self._steps.pop()
            self._source, self._end = source, None
            self._lay(step)
