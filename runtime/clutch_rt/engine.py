"""The corridor from prompt ids to frames and back, over the graphs of a bundle.

Codes and frames are exactly the same whatever the chunking: noise belongs to a step, not to a call, and the
compiled library sums a row of a product in one order, however many rows there are; so do ONNX Runtime's CPU
kernels, where there is no library. So on the CPU a motion that is wanted whole goes through SHIFT in blocks
of steps, which reads its weights once a block; a stream is given a step at a time, as is every other device.
Hands that the codes put into each other are moved apart, each frame by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np

from clutch_rt.beams import BEAM_WIDTH, Beams, penalty, search
from clutch_rt.errors import BundleError, Cancelled, InputError
from clutch_rt.flesh import parted
from clutch_rt.grammar import UNKNOWN, Grammar
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array, IntArray
from clutch_rt.loops import Loop, loop, resumable
from clutch_rt.manifest import CAPTION_ENCODER, Manifest
from clutch_rt.noise import STREAM_LENGTH, gumbel, plan_noise
from clutch_rt.options import Request
from clutch_rt.ports import Ports
from clutch_rt.providers import CPU
from clutch_rt.sampling import Noise, sampling
from clutch_rt.sessions import Sessions
from clutch_rt.shift import Decoder

MAX_CAPTION_TOKENS: Final = 64

_STREAM: Final = "shift_decoder"
_BLOCK: Final = "shift_block"

_FORBID: Final = -1e9
_ALLOW: Final = 0.0


@dataclass(frozen=True)
class Memory:
    """What the text encoder made of a prompt.

    Attributes:
        keys_values: ``(2N, 1, H, M, D)`` cross-attention keys and values, layer by layer.
        length_logits: ``(max_steps,)``, index i means i + 1 steps; None in the ``flat`` form.
    """

    keys_values: Float32Array
    length_logits: Float32Array | None


@dataclass(frozen=True)
class Step:
    """One step of a motion, as soon as it is decoded.

    Attributes:
        frames: ``(n, 2, 99)`` float32, not yet orthonormal; n is 8, or less where an asked length ends.
        total: frames of the whole motion; None where the model has not yet decided.
    """

    frames: Float32Array
    total: int | None


@dataclass(frozen=True)
class Captions:
    """What the model finds to say of a motion.

    Attributes:
        sentences: text ids without the end mark, the likeliest first.
        labels: what is read of the motion, as of a prompt by ``Engine.read``, ``(1, actions, fields)``; None
            where nothing is.
    """

    sentences: list[list[int]]
    labels: IntArray | None


class Engine:
    """Runs a bundle's graphs. Holds no state of any single motion, so threads may share it."""

    def __init__(self, manifest: Manifest, sessions: Sessions) -> None:
        self._manifest = manifest
        self._grammar = manifest.grammar
        self._sessions = sessions

    @property
    def grammar(self) -> Grammar:
        """Of the bundle's motions."""
        return self._grammar

    def remember(
        self, ids: IntArray, request: Request | None = None, codes: IntArray | None = None
    ) -> Memory:
        """Encode prompt ids ``(1, L)``.

        Args:
            ids: of the prompt.
            request: its seed and temperature draw the plan, where the bundle makes one; None with codes only.
            codes: of a motion ``(S, K)``, to be told or to be completed; then there is no plan.
        """
        motion = np.zeros((1, 0, self._grammar.slots), np.int64) if codes is None else codes[None]
        step_form = self._grammar.form == "step"
        names = ["memory", "length_logits"] if step_form else ["memory"]
        feeds = {"ids": ids, "codes": motion, **self._plan(request)}
        outputs = self._sessions.run("text_encoder", names, feeds)
        return Memory(outputs[0], outputs[1][0] if step_form else None)

    @property
    def plans(self) -> bool:
        """Whether the memory of a prompt hangs on the seed: its actions are drawn before the motion."""
        return self._plan_shape() is not None

    def _plan_shape(self) -> tuple[int, int] | None:
        shape = self._sessions.inputs("text_encoder").get("plan_noise")
        return None if shape is None else (shape[1], shape[2])

    def _plan(self, request: Request | None) -> dict[str, Any]:
        """The inputs that draw a plan, where the graph has them; without noise it is the likeliest."""
        shape = self._plan_shape()
        if shape is None:
            return {}
        if request is None or request.temperature == 0:
            noise = np.zeros(shape, np.float32)
        else:
            noise = plan_noise(request.seed, *shape)
        warmth = 1.0 if request is None else request.temperature or 1.0
        return {"plan_noise": noise[None], "temperature": np.asarray([warmth], np.float32)}

    def length(self, memory: Memory, request: Request) -> int | None:
        """Steps of the motion to come: as asked, else drawn; None where the ``flat`` stream will tell."""
        if request.steps is not None or memory.length_logits is None:
            return request.steps
        logits = memory.length_logits[: self._manifest.limits.max_steps]
        if request.temperature > 0:
            noise = gumbel(request.seed, STREAM_LENGTH, 0, 0, logits.size)
            logits = logits / np.float32(request.temperature) + noise
        return int(np.argmax(logits)) + 1

    def whole(self, ids: IntArray, request: Request, cancel: threading.Event | None = None) -> Float32Array:
        """All frames ``(T, 2, 99)`` of the motion of a prompt ``(1, L)``: those of :meth:`motion`, sooner.

        Raises:
            Cancelled: as :meth:`motion` does.
        """
        memory = self.remember(ids, request)
        length = self.length(memory, request)
        return parted(self.decode(self.steps(memory, request, length, cancel))[: request.frames])

    def motion(
        self, ids: IntArray, request: Request, cancel: threading.Event | None = None
    ) -> Iterator[Step]:
        """The motion of a prompt ``(1, L)``, step by step.

        Raises:
            Cancelled: ``cancel`` was set; it is looked at before every engine call.
        """
        memory = self.remember(ids, request)
        length = self.length(memory, request)
        total = request.frames or (length * FRAMES_PER_STEP if length else None)
        decoder = self.decoder()
        made = 0
        for codes in self.steps(memory, request, length, cancel):
            frames = parted(decoder.decode(codes)[: None if total is None else total - made])
            made += len(frames)
            yield Step(frames, total)

    def steps(
        self,
        memory: Memory,
        request: Request,
        length: int | None,
        cancel: threading.Event | None = None,
        given: IntArray | None = None,
    ) -> Iterator[IntArray]:
        """Draw the motion step by step: codes ``(K,)`` at a time.

        Where ``given (S, K)`` is not ``UNKNOWN`` it is taken as it is; ``completes`` says whether it may be.

        Raises:
            InputError: something is given, and the bundle cannot complete.
            Cancelled: ``cancel`` was set; it is looked at before every engine call.
        """
        if given is not None and not self.completes:
            raise InputError("a part of the motion is given, and this bundle cannot complete motions")
        return self._draw(memory, request, length, cancel, given)

    @property
    def completes(self) -> bool:
        """Whether the bundle can complete a motion: its step takes codes that are given."""
        return "given" in self.ports("motion_step")

    def ports(self, graph: str) -> Ports:
        """How a step graph takes memory and cache."""
        return Ports(self._sessions.inputs(graph))

    def loop(
        self, graph: str, wanted: Sequence[str], carried: Mapping[str, str], start: Mapping[str, Any]
    ) -> Loop:
        """A graph that is run step after step; arguments as of ``loops.loop``."""
        return loop(self._sessions, graph, wanted, carried, start)

    def decoder(self, rows: int = 1) -> Decoder:
        """A fresh SHIFT decoder of one step at a time, for one motion, or several where the bundle can."""
        return Decoder(self._sessions, _STREAM, rows)

    def block_decoder(self, rows: int = 1) -> Decoder:
        """One for motions that are wanted whole: of several steps at a time where that gives the same."""
        return Decoder(self._sessions, _BLOCK if self._has_blocks else _STREAM, rows)

    def decode(self, codes: Iterable[IntArray]) -> Float32Array:
        """Frames ``(8 S, 2, 99)`` of a whole motion, codes ``(K,)`` of each of its S steps."""
        decoder, left = self.block_decoder(), iter(codes)
        parts = []
        while block := list(islice(left, decoder.steps)):
            parts.append(decoder.decode_block(np.stack(block)[None])[0])
        return np.concatenate(parts)

    @property
    def stream_graphs(self) -> tuple[str, ...]:
        """Names of the graphs that a stream runs."""
        return ("text_encoder", "motion_step", _STREAM)

    @property
    def whole_graphs(self) -> tuple[str, ...]:
        """Names of those that a motion runs that is wanted whole."""
        return ("text_encoder", "motion_step", _BLOCK if self._has_blocks else _STREAM)

    @property
    def _has_blocks(self) -> bool:
        return _BLOCK in self._manifest.graphs and self._sessions.placement.provider == CPU

    def tokenise(self, frames: Float32Array) -> IntArray:
        """SHIFT codes ``(S, K)`` of frames ``(8 S, 2, 99)``."""
        (codes,) = self._sessions.run("shift_encoder", ["codes"], {"frames": frames[None]})
        return np.asarray(codes[0], dtype=np.int64)

    def captions(self, ids: IntArray, codes: IntArray, cancel: threading.Event | None = None) -> Captions:
        """Sentences about a motion, see ``beams``; told under a plan, where the bundle has such captions.

        The plan is read by a graph of its own, on the CPU too: the compiled library has no such encoder.

        Args:
            ids: of the prompt, ``(1, L)``.
            codes: of the motion, ``(S, K)``.
            cancel: looked at before each word.

        Raises:
            Cancelled: ``cancel`` was set.
        """
        text, planned = self._manifest.text, CAPTION_ENCODER in self._manifest.graphs
        check(cancel)
        if planned:
            feeds = {"ids": ids, "codes": codes[None]}
            memory, labels = self._sessions.run(CAPTION_ENCODER, ["memory", "plan"], feeds)
        else:
            memory, labels = self.remember(ids, codes=codes).keys_values, None
        start = {"memory": memory, "cache": self._sessions.zeros("caption_step", "cache")}
        graph = resumable(self._sessions, "caption_step", ["logits"], {"next_cache": "cache"}, start)

        def step(
            token: int, position: int, past: Mapping[str, Any]
        ) -> tuple[Float32Array, Mapping[str, Any]]:
            check(cancel)
            graph.go_on_from(past)
            numbers = {"token": token, "position": position}
            (logits,) = graph.run({name: np.asarray([n], np.int64) for name, n in numbers.items()})
            return logits[0], graph.past

        beams = Beams(BEAM_WIDTH, text.pad, text.eos, MAX_CAPTION_TOKENS, penalty(planned))
        return Captions(search(step, graph.past, beams), labels)

    def read(self, ids: IntArray, cancel: threading.Event | None = None) -> IntArray:
        """The likeliest labels of what a prompt ``(1, L)`` asks for, ``(1, actions, fields)``.

        Raises:
            BundleError: the bundle makes no plans. Cancelled: ``cancel`` was set.
        """
        check(cancel)
        feeds = {"ids": ids, "codes": np.zeros((1, 0, self._grammar.slots), np.int64), **self._plan(None)}
        return np.asarray(self._sessions.run("text_encoder", ["plan"], feeds)[0])

    def _draw(
        self,
        memory: Memory,
        request: Request,
        length: int | None,
        cancel: threading.Event | None,
        given: IntArray | None,
    ) -> Iterator[IntArray]:
        ports = self._checked_ports()
        noise, eom = Noise(request, self._grammar.drawn.tolist()), self._grammar.size(0)
        position, bias = np.zeros(1, np.int64), np.zeros(1, np.float32)
        start: dict[str, Any] = {
            **sampling(request),
            "codes": np.zeros((1, self._grammar.slots), np.int64),
            **ports.start([memory.keys_values]),
        }
        if "steps" in ports:
            start["steps"] = np.asarray([length], np.int64)
        if "given" in ports:
            start["given"] = np.full((1, self._grammar.slots), UNKNOWN, np.int64)
        draw = self.loop("motion_step", ["next_codes"], ports.carried, start)
        for step in range(length or self._manifest.limits.max_steps):
            check(cancel)
            position[0] = step
            drawn = noise.of(step)
            feeds: dict[str, Any] = {
                "position": position,
                "noise": drawn[None] if ports.batched_noise else drawn,
            }
            if given is not None:
                feeds["given"] = given[step : step + 1]
            if "eom_bias" in ports:
                # A motion has at least one step; one of asked length ends there and nowhere else.
                bias[0] = _FORBID if length is not None or step == 0 else _ALLOW
                feeds["eom_bias"] = bias
            (codes,) = draw.run(feeds)
            if codes[0, 0] == eom:  # of the flat form: the row behind the first codebook
                return
            yield codes[0].copy()

    def _checked_ports(self) -> Ports:
        """How the step takes memory and past; BundleError where it is not the manifest's."""
        ports = self.ports("motion_step")
        if ("rhythm" in ports) != bool(self._grammar.rhythm):
            raise BundleError("the manifest and the graph motion_step differ in the rhythm; export it again")
        if ("eom_bias" in ports) != (self._grammar.form == "flat") or "codes" not in ports:
            raise BundleError(
                "the graph motion_step does not make whole steps of the bundle's form; export it again"
            )
        return ports


def check(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise Cancelled("the generation was cancelled by its caller")
