"""The front door: load a bundle, then ask it for motions, streams and captions."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final

import numpy as np

from clutch_rt.batch import Batches, Wish
from clutch_rt.beams import read_back
from clutch_rt.bundle import Bundle, open_bundle
from clutch_rt.engine import Engine
from clutch_rt.errors import ClutchError, InputError
from clutch_rt.layout import FPS, FRAMES_PER_STEP, Float32Array, IntArray
from clutch_rt.manifest import TOKENIZER
from clutch_rt.motion import Motion
from clutch_rt.options import Request, make_request, max_seconds
from clutch_rt.quality import degradations, quality_warning
from clutch_rt.results import Chunk, Info
from clutch_rt.sessions import Sessions
from clutch_rt.text import Prompt, Tokenizer, quote

if TYPE_CHECKING:
    from clutch_rt.completion import Given
    from clutch_rt.live import Live

# Measured on two cores: a step of the shipped model is too small to share out between threads.
DEFAULT_THREADS: Final = 1

log = logging.getLogger(__name__)


class Model:
    """A loaded bundle. Use it from any number of threads; close it, or use it in a ``with`` block.

    Example:
        with clutch_rt.load() as model:
            motion = model.generate("knead the dough with both hands", seed=7)
            motion.save("knead.glb")
    """

    def __init__(self, bundle: Bundle, device: str = "auto", threads: int | None = None) -> None:
        """Prepare a verified bundle; sessions are created when first needed.

        Raises:
            DeviceError: an unknown device, or one the installed ONNX Runtime lacks.
            InputError: ``threads`` is not a positive whole number.
        """
        manifest = bundle.manifest
        self._bundle = bundle
        self._threads = _checked_threads(threads)
        self._tokenizer = Tokenizer(
            bundle.file(TOKENIZER),
            manifest.text,
            manifest.limits.max_prompt_tokens,
            words=bundle.file(manifest.text.words) if manifest.text.words else None,
            synonyms=bundle.file(manifest.text.synonyms) if manifest.text.synonyms else None,
        )
        self._sessions = Sessions(bundle, device, self._threads)
        self._engine = Engine(manifest, self._sessions)
        # The kernels of 4 bits round one row otherwise than several: those motions are made one by one.
        graphs = () if manifest.precision == "int4" else tuple(manifest.graphs)
        self._batches = Batches(self._engine, self._sessions, graphs, self._threads)
        if warning := quality_warning(manifest.precision, manifest.metrics):
            log.warning("%s", warning)
        elif not degradations(manifest.metrics):
            log.info("what %s weights cost this bundle was not measured", manifest.precision)

    def generate(
        self,
        text: str,
        seconds: float | None = None,
        seed: int = 0,
        temperature: float | None = None,
        top_k: int | None = None,
        cancel: threading.Event | None = None,
    ) -> Motion:
        """Make a motion of a sentence.

        Args:
            text: what the hands do, in plain English.
            seconds: length wanted, kept to the frame; None lets the model choose.
            seed: 0 to 2**64 - 1; the same seed gives the same hands.
            temperature: 0 always takes the likeliest code; None is the bundle's default.
            top_k: only the k likeliest codes are in play, 0 leaves all; None is the bundle's default.
            cancel: set it from another thread to stop within one step.

        Raises:
            InputError: a text or number that cannot be used. Cancelled: ``cancel`` was set.
            DeviceError, BundleError: the sessions cannot be created. ClutchError: the model was closed.
        """
        prompt, request = self._ask(text, seconds, seed, temperature, top_k)
        return Motion(self._engine.whole(prompt.ids, request, cancel), FPS, text=text, seed=request.seed)

    def generate_many(
        self,
        texts: Sequence[str],
        seconds: float | None = None,
        seeds: int | Sequence[int] = 0,
        temperature: float | None = None,
        top_k: int | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Motion]:
        """Make many motions, several at a time: each the one that ``generate`` makes, in less time.

        Args and errors are those of ``generate``; what is wrong with any of the requests is raised here, not
        at the first motion. Motions come in the order of the texts; memory does not grow with their number.

        Args:
            texts: what the hands do, one sentence a motion; a sentence may come again.
            seeds: one for all, or one a motion.

        Raises:
            InputError: also where texts and seeds do not match.
        """
        if isinstance(texts, str):
            raise InputError("texts is one sentence; give a list of sentences, or call generate")
        each = [seeds] * len(texts) if isinstance(seeds, int) else list(seeds)
        if len(each) != len(texts):
            raise InputError(
                f"{len(each)} seeds came with {len(texts)} texts; give one for all, or one a text"
            )
        wishes = []
        for text, seed in zip(texts, each, strict=True):
            prompt, request = self._ask(text, seconds, seed, temperature, top_k)
            wishes.append(Wish(prompt.ids, request))
        made = self._batches.motions(wishes, cancel)
        return (
            Motion(frames, FPS, text=text, seed=wish.request.seed)
            for text, wish, frames in zip(texts, wishes, made, strict=True)
        )

    def stream(
        self,
        text: str,
        seconds: float | None = None,
        seed: int = 0,
        temperature: float | None = None,
        top_k: int | None = None,
        chunk_steps: int = 1,
        cancel: threading.Event | None = None,
    ) -> Iterator[Chunk]:
        """Make a motion of a sentence and hand out its frames while it is being made.

        Args and errors are those of ``generate``; what is wrong with the request is raised here, not at the
        first frame. The frames are the same as ``generate`` gives, whatever ``chunk_steps`` is.

        Args:
            chunk_steps: steps of 8 frames (0.27 s) per chunk; 1 gives the first frames soonest.
        """
        if isinstance(chunk_steps, bool) or not isinstance(chunk_steps, int) or chunk_steps < 1:
            raise InputError(f"chunk_steps is {chunk_steps!r}; a whole number of 1 or more is wanted")
        prompt, request = self._ask(text, seconds, seed, temperature, top_k)
        return self._chunks(prompt, request, chunk_steps, cancel)

    def live(
        self,
        text: str | None = None,
        *,
        seconds: float | None = None,
        seed: int = 0,
        fps: float = FPS,
        look_ahead: int = 1,
        temperature: float | None = None,
        top_k: int | None = None,
        rest: Float32Array | None = None,
    ) -> Live:
        """Open a stream for a game loop: reading never waits, and sentences may change in mid-motion.

        It begins with the frames that ``generate`` gives for ``text`` and then rests until ``Live.say``.

        Args:
            text: what the hands do first; None lets them rest.
            seconds: length wanted of that motion, after which the stream ends; None never ends.
            seed: of the sentence and of the rest; see ``Live.say`` for the sentences that follow.
            fps: frames per second of ``Live.read``; above 30 they lie between those the model makes.
            look_ahead: steps of 8 frames decoded ahead, 1 to 64; a new sentence begins as much later.
            temperature, top_k: as in ``generate``, for all sentences.
            rest: ``(2, 99)`` pose of hands that do nothing; None takes a natural one.

        Raises:
            InputError: a text, number or pose that cannot be used. DeviceError, BundleError: the sessions
            cannot be created. ClutchError: the model was closed.
        """
        from clutch_rt.live import Live

        def ask(text: str, seconds: float | None, seed: int) -> tuple[Prompt, Request]:
            return self._ask(text, seconds, seed, temperature, top_k)

        make_request(self._bundle.manifest, None, seed, temperature, top_k)
        self._sessions.prepare(self._engine.stream_graphs)
        return Live(
            self._engine, ask, text, seconds=seconds, seed=seed, fps=fps, look_ahead=look_ahead, rest=rest
        )

    def complete(
        self,
        given: Given,
        text: str | None = None,
        seconds: float | None = None,
        seed: int = 0,
        temperature: float | None = None,
        top_k: int | None = None,
        cancel: threading.Event | None = None,
    ) -> Motion:
        """Make the rest of a motion of which a part is given, 30 fps.

        What is given is kept: its frames (brought to 30 fps) stand in the result unchanged, and what is made
        joins them without a jump. Of one hand or of the wrists the other hand or the fingers are as the model
        makes them.

        Args:
            given: ``Given.beginning``, ``Given.ends``, ``Given.hand`` or ``Given.wrists``.
            text: what the hands do, in plain English; None lets what is given tell.
            seconds: to be made after a beginning or between two ends, kept to the frame; None is 2 s, or what
                the model's limit leaves. What is made for a hand or for wrists is as long as they are.
            seed, temperature, top_k, cancel: as in ``generate``.

        Raises:
            InputError: what is given, a text or a number cannot be used, or the bundle cannot complete a
            motion. Else as ``generate``.
        """
        from clutch_rt import completion  # here, because most models are never asked for one

        ids, request = self._ask_rest(text, seed, temperature, top_k)
        plan = completion.plan_of(given, seconds, self._bundle.manifest.limits.max_steps)
        completion.check_bundle(self._engine, self._bundle.manifest)
        frames = completion.complete(self._engine, ids, plan, request, cancel)
        return Motion(frames, FPS, text, request.seed, given.motion.hands)

    def caption(self, motion: Motion, cancel: threading.Event | None = None) -> str:
        """Say in a sentence what two hands do.

        The motion is brought to 30 fps and to whole steps of 8 frames, the last frame held. Of the sentences
        the model finds, it is the likeliest, or, where the bundle's captions have a plan, the one that reads
        back as most of what the model sees the hands do.

        Raises:
            InputError: no motion, or one longer than the model's limit. Cancelled: ``cancel`` was set.
        """
        codes = self._codes(self._model_frames(motion))
        told = self._engine.captions(self._tokenizer.caption_prompt(), codes, cancel)
        texts = [self._tokenizer.decode(ids) for ids in told.sentences]
        if told.labels is None:
            return texts[0]
        read = [self._engine.read(self._tokenizer.own_prompt(text), cancel) for text in texts]
        return texts[read_back(read, told.labels)]

    def reconstruct(self, motion: Motion) -> Motion:
        """Send a motion through SHIFT and back: what remains of it in tokens. 30 fps, the same length.

        Raises:
            InputError: no motion, or one longer than the model's limit.
        """
        frames = self._model_frames(motion)
        found = self._engine.decode(self._codes(frames))[: len(frames)]
        return Motion(found, FPS, motion.text, motion.seed, motion.hands)

    def warm_up(self) -> None:
        """Create the sessions of ``generate`` and ``stream`` now, so that the first call is as quick as any.

        Raises:
            DeviceError, BundleError: the sessions cannot be created.
        """
        graphs = (*self._engine.stream_graphs, *self._engine.whole_graphs)
        self._sessions.prepare(tuple(dict.fromkeys(graphs)))

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Words of ``text`` the model did not learn; InputError where the text could not be used at all."""
        return self._tokenizer.motion_prompt(text).unknown

    def check(
        self,
        text: str,
        seconds: float | None = None,
        seed: int = 0,
        temperature: float | None = None,
        top_k: int | None = None,
    ) -> None:
        """Raise InputError if ``generate`` would refuse this request; make nothing."""
        self._tokenizer.motion_prompt(text)
        make_request(self._bundle.manifest, seconds, seed, temperature, top_k)

    @property
    def info(self) -> Info:
        """What this model is and where it runs; finding out where creates the first session."""
        manifest, placement = self._bundle.manifest, self._sessions.placement
        return Info(
            name=manifest.name,
            path=os.fspath(self._bundle.path),
            form=manifest.form,
            precision=manifest.precision,
            bytes=self._bundle.size,
            device=placement.name,
            provider=placement.provider,
            threads=self._threads,
            max_seconds=max_seconds(manifest.limits.max_steps),
            max_prompt_tokens=manifest.limits.max_prompt_tokens,
            temperature=manifest.sampling.temperature,
            top_k=manifest.sampling.top_k,
            licence=manifest.licence,
            training_data=manifest.training_data,
            metrics=dict(manifest.metrics),
            passed_over=placement.passed_over,
            kernels=self._sessions.kernels,
        )

    def close(self) -> None:
        """Give the memory back. Waits for engine calls in flight; later requests are refused."""
        self._sessions.close()

    def __enter__(self) -> Model:
        """The model itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the model."""
        self.close()

    def _ask(
        self, text: str, seconds: float | None, seed: int, temperature: float | None, top_k: int | None
    ) -> tuple[Prompt, Request]:
        self._check_open()
        prompt = self._tokenizer.motion_prompt(text)
        for reading in prompt.readings:
            log.warning("%s", reading)
        if prompt.unknown:
            words = ", ".join(quote(word) for word in prompt.unknown)
            log.warning("the model did not learn %s, and goes mostly by the other words", words)
        return prompt, make_request(self._bundle.manifest, seconds, seed, temperature, top_k)

    def _ask_rest(
        self, text: str | None, seed: int, temperature: float | None, top_k: int | None
    ) -> tuple[IntArray, Request]:
        """The prompt ids of a completion and its request."""
        if text is not None:
            prompt, request = self._ask(text, None, seed, temperature, top_k)
            return prompt.ids, request
        self._check_open()
        request = make_request(self._bundle.manifest, None, seed, temperature, top_k)
        return self._tokenizer.complete_prompt(), request

    def _check_open(self) -> None:
        if self._sessions.closed:
            raise ClutchError("the model was closed; load it again with clutch_rt.load()")

    def _chunks(
        self, prompt: Prompt, request: Request, chunk_steps: int, cancel: threading.Event | None
    ) -> Iterator[Chunk]:
        held: list[Float32Array] = []
        index = 0
        total: int | None = None
        for step in self._engine.motion(prompt.ids, request, cancel):
            held.append(step.frames)
            total = step.total
            if len(held) == chunk_steps:
                yield _chunk(held, index, total)
                index += sum(map(len, held))
                held = []
        if held:
            yield _chunk(held, index, total)

    def _model_frames(self, motion: Motion) -> Float32Array:
        """Frames ``(T, 2, 99)`` of a motion at the model's rate; InputError where it is none, or too long."""
        if not isinstance(motion, Motion):
            raise InputError(
                f"the motion is {motion!r:.40}; a Motion is wanted, such as Motion.load(FILE) gives"
            )
        limit = self._bundle.manifest.limits.max_steps
        longest = max_seconds(limit)
        if motion.duration > longest + 1e-9:
            found = f"the motion lasts {motion.duration:.2f} s; this model reads {longest:.2f} s"
            keep = int(longest * motion.fps + 1e-9)
            if keep == 0:
                raise InputError(f"{found}, less than one frame at {motion.fps:g} per second; check the fps")
            raise InputError(f"{found}; cut it: Motion(motion.frames[:{keep}], motion.fps)")
        # Resampling keeps the first and the last frame, which can make one frame more than the limit.
        return motion.resample(FPS).frames[: limit * FRAMES_PER_STEP]

    def _codes(self, frames: Float32Array) -> IntArray:
        """SHIFT codes ``(S, K)`` of frames at the model's rate, the last one held to a whole step."""
        missing = -len(frames) % FRAMES_PER_STEP
        padded = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
        return self._engine.tokenise(np.ascontiguousarray(padded, dtype=np.float32))


def load(
    path: str | os.PathLike[str] | None = None, device: str = "auto", threads: int | None = None
) -> Model:
    """Load a bundle.

    Args:
        path: a bundle's folder or the name of a shipped one; None takes ``$CLUTCH_RT_BUNDLE``, else the
            shipped one.
        device: ``auto``, ``cpu``, ``cuda``, ``tensorrt``, ``tensorrt-rtx``, ...; a device named is a device
            had, or a DeviceError. ``auto`` takes the best that starts, see ``Info.passed_over``.
        threads: threads per engine call; few are faster for the small models. The compiled library makes a
            step in one, and there they share the motions of ``generate_many``.

    Raises:
        BundleError: missing, not a bundle, truncated, tampered with, or of a newer format.
        DeviceError: the device cannot be had; the message says how to mend it.
    """
    return Model(open_bundle(path), device, threads)


def _chunk(held: list[Float32Array], index: int, total: int | None) -> Chunk:
    return Chunk(Motion(np.concatenate(held)).frames, index, total)


def _checked_threads(threads: int | None) -> int:
    if threads is None:
        return DEFAULT_THREADS
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 1024:
        raise InputError(f"threads is {threads!r}; a whole number from 1 to 1024 is wanted")
    return threads
