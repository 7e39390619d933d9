"""Runs the graphs of a bundle as plainly as can be: what the exported files say, for the parity check.

It is not the runtime. It streams nothing, cancels nothing, and can tap logits inside a graph; being a second
reading of the graphs' contract, it also shows that the contract is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from clutch_rt import noise
from clutch_rt.beams import Beams, search
from clutch_rt.errors import ClutchError
from clutch_rt.grammar import UNKNOWN, Grammar
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array, IntArray
from clutch_rt.manifest import CAPTION_ENCODER
from clutch_rt.ort import onnxruntime
from clutch_rt.ports import Ports, zeros
from onnx import TensorProto, helper

_FORBID: Final = -1e9
_CERTAIN: Final = 1e9
PAD: Final = 0
EOS: Final = 1


@dataclass(frozen=True)
class Draw:
    """How a motion is drawn: see ``models.generation.choose``."""

    temperature: float
    top_k: int


@dataclass(frozen=True)
class Read:
    """What the text encoder makes of a prompt.

    Attributes:
        memory: cross-attention keys and values ``(2N, 1, H, M, D)``.
        lengths: logits ``(max_steps,)``; None in the flat form, and from ``CAPTION_ENCODER``.
        plan: labels ``(1, ACTIONS, fields)``; None where none is made.
    """

    memory: Float32Array
    lengths: Float32Array | None
    plan: IntArray | None


class Driver:
    """The graphs in ``folder``, by the names of a manifest.

    Args:
        folder: holds ``NAME.onnx`` and the weights.
        grammar: of the model.
        threads: of each session.
    """

    def __init__(self, folder: Path, grammar: Grammar, threads: int = 1) -> None:
        self.folder = folder
        self.grammar = grammar
        self._threads = threads
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def close(self) -> None:
        """Let go of every session."""
        self._sessions.clear()

    def _session(self, name: str, taps: Sequence[str] = ()) -> onnxruntime.InferenceSession:
        key = f"{name}{'.tap' if taps else ''}"
        if key not in self._sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads
            path = self._tapped(name, taps) if taps else self.folder / f"{name}.onnx"
            try:
                self._sessions[key] = onnxruntime.InferenceSession(
                    str(path), options, providers=["CPUExecutionProvider"]
                )
            finally:
                if taps:
                    path.unlink()
        return self._sessions[key]

    def _tapped(self, name: str, taps: Sequence[str]) -> Path:
        """A copy of a graph that also gives what lies under the labels ``taps``; same weights file."""
        model = onnx.load(self.folder / f"{name}.onnx", load_external_data=False)
        for tap in taps:
            model.graph.output.append(helper.make_tensor_value_info(tap, TensorProto.FLOAT, None))
        path = self.folder / f".{name}.tap.onnx"
        onnx.save(model, path)
        return path

    def run(
        self, name: str, wanted: Sequence[str], feeds: Mapping[str, Any], taps: Sequence[str] = ()
    ) -> list[Any]:
        """Run a graph; with ``taps``, their values come behind those of ``wanted``."""
        return list(self._session(name, taps).run([*wanted, *taps], dict(feeds)))

    def _empty(self, name: str, entry: str, rows: int = 1) -> Float32Array:
        """Zeros for an input; its dynamic axes are empty, but for the batch."""
        for node in self._session(name).get_inputs():
            if node.name == entry:
                return zeros(node.shape, rows)
        raise KeyError(f"{name} has no input {entry}")

    # ---- language model -------------------------------------------------------------------------------

    def encode(
        self, ids: Sequence[int], codes: IntArray | None = None, seed: int = 0, temperature: float = 1.0
    ) -> Read:
        """Prompt ids, and perhaps codes ``(S, K)``; where a plan is made, the seed's noise draws it."""
        motion = np.zeros((0, self.grammar.slots), np.int64) if codes is None else codes
        feeds: dict[str, Any] = {"ids": np.asarray([ids], np.int64), "codes": motion[None]}
        shapes = {node.name: node.shape for node in self._session("text_encoder").get_inputs()}
        if "plan_noise" in shapes:
            feeds["plan_noise"] = noise.plan_noise(seed, *shapes["plan_noise"][1:])[None]
            feeds["temperature"] = np.asarray([temperature], np.float32)
        given = [node.name for node in self._session("text_encoder").get_outputs()]
        found = dict(zip(given, self.run("text_encoder", given, feeds), strict=True))
        lengths, plan = found.get("length_logits"), found.get("plan")
        return Read(found["memory"], None if lengths is None else lengths[0], plan if codes is None else None)

    def seen(self, ids: Sequence[int], codes: IntArray) -> Read:
        """What a caption of codes ``(S, K)`` is told from; under a plan, where the captions have one."""
        if not self.has(CAPTION_ENCODER):
            return self.encode(ids, codes)
        feeds = {"ids": np.asarray([ids], np.int64), "codes": codes[None]}
        memory, plan = self.run(CAPTION_ENCODER, ["memory", "plan"], feeds)
        return Read(memory, None, plan)

    def length(self, logits: Float32Array, seed: int, temperature: float) -> int:
        """Draw a length in steps."""
        gumbel = noise.gumbel(seed, noise.STREAM_LENGTH, 0, 0, self.grammar.max_steps)
        return int(np.argmax(logits / np.float32(temperature) + gumbel)) + 1

    def has(self, graph: str) -> bool:
        """Whether there is a graph of this name."""
        return (self.folder / f"{graph}.onnx").exists()

    def generate(
        self,
        ids: Sequence[int],
        seed: int,
        draw: Draw,
        given: IntArray | None = None,
        graph: str = "motion_step",
    ) -> IntArray:
        """Draw a motion by ``graph``, its length too; or complete ``given (S, K)`` (``step`` form).

        Returns:
            ``(S, C)``: of each step the rhythm, if any, and the codes.
        """
        read = self.encode(ids, given, seed, draw.temperature)
        steps = self._steps(read, seed, draw, given)
        ports, feeds = self._ports(graph), self._start_steps(read.memory, steps, draw, graph)
        sizes, rows = self.grammar.drawn, []
        for s in range(steps):
            feeds["position"] = np.asarray([s], np.int64)
            feeds["noise"] = noise.step_noise(seed, s, int(sizes.max()), len(sizes))[None]
            if given is not None:
                feeds["given"] = given[s : s + 1]
            if "eom_bias" in feeds:
                feeds["eom_bias"] = np.asarray([_FORBID if s == 0 else 0.0], np.float32)
            feeds["codes"], *carried = self.run(graph, ports.outputs, feeds)
            if feeds["codes"][0, 0] == self.grammar.size(0):  # <eom>
                break
            ports.advance(feeds, carried)
            rhythm = [feeds["rhythm"]] if self.grammar.rhythm else []
            rows.append(np.concatenate([*rhythm, feeds["codes"]], axis=1)[0])
        return np.stack(rows)

    def _steps(self, read: Read, seed: int, draw: Draw, given: IntArray | None) -> int:
        """Steps of a motion; in the flat form, whose stream tells, the most."""
        if given is not None:
            return len(given)
        if read.lengths is None:
            return self.grammar.max_steps
        return self.length(read.lengths, seed, draw.temperature)

    def _start_steps(self, memory: Any, steps: int, draw: Draw, graph: str = "motion_step") -> dict[str, Any]:
        codes = np.zeros((1, self.grammar.slots), np.int64)
        feeds = {"codes": codes, **self._ports(graph).start([memory]), **self._sampling(draw)}
        if self.grammar.form == "flat":
            return {**feeds, "eom_bias": np.asarray([_FORBID], np.float32)}
        return {**feeds, "given": np.full_like(codes, UNKNOWN), "steps": np.asarray([steps], np.int64)}

    def _ports(self, graph: str) -> Ports:
        return Ports({node.name: node.shape for node in self._session(graph).get_inputs()})

    def _sampling(self, draw: Draw) -> dict[str, Any]:
        return {
            "temperature": np.asarray([draw.temperature], np.float32),
            "top_k": np.asarray([draw.top_k], np.int64),
        }

    def forced_logits(self, memory: Any, drawn: IntArray, graph: str = "motion_step") -> list[Float32Array]:
        """Logits of each choice of a step when ``drawn (S, C)`` is: C arrays ``(S, values)``.

        The choice is forced through the noise, so it is the shipped graph that runs, with its logits tapped.
        Those of ``<eom>`` are left out.
        """
        choices, widest = len(self.grammar.drawn), int(self.grammar.drawn.max())
        values = self.grammar.sizes if self.grammar.form == "flat" else self.grammar.drawn
        taps = [f"logits.{c}" for c in range(choices)]
        ports, feeds = self._ports(graph), self._start_steps(memory, len(drawn), Draw(1.0, 0), graph)
        rows: list[list[Float32Array]] = []
        for s, chosen in enumerate(drawn):
            feeds["position"] = np.asarray([s], np.int64)
            feeds["noise"] = np.zeros((1, choices, widest), np.float32)
            feeds["noise"][0, np.arange(choices), chosen] = _CERTAIN
            feeds["codes"], *rest = self.run(graph, ports.outputs, feeds, taps)
            ports.advance(feeds, rest[:-choices])
            rows.append([x.reshape(-1)[:n] for x, n in zip(rest[-choices:], values, strict=True)])
        return [np.stack(choice) for choice in zip(*rows, strict=True)]

    def forced_token_logits(self, memory: Any, codes: IntArray) -> list[Float32Array]:
        """What :meth:`forced_logits` gives in the flat form, by the graph of a single token.

        Raises:
            ClutchError: the graph draws another token than the one that is forced.
        """
        grammar, rows = self.grammar, int(self.grammar.drawn.max())
        feeds: dict[str, Any] = {"memory": memory, "cache": self._empty("motion_token", "cache")}
        feeds |= {**self._sampling(Draw(1.0, 0)), "eom_bias": np.asarray([_FORBID], np.float32)}
        token = np.asarray([grammar.som], np.int64)
        slots = [list[Float32Array]() for _ in range(grammar.slots)]
        for n, code in enumerate(codes.reshape(-1)):
            k = n % grammar.slots
            certain = np.zeros(rows, np.float32)
            certain[code] = _CERTAIN
            feeds |= {"token": token, "slot": np.asarray([k]), "position": np.asarray([n]), "noise": certain}
            token, feeds["cache"], logits = self.run(
                "motion_token", ["next_token", "next_cache"], feeds, ["logits"]
            )
            if token[0] != grammar.base(k) + code:
                raise ClutchError(f"motion_token drew {token[0]} at token {n}, where the noise wants {code}")
            slots[k].append(logits[0, : grammar.size(k)])
        return [np.stack(slot) for slot in slots]

    def caption_logits(self, memory: Any, tokens: Sequence[int]) -> Float32Array:
        """Logits after each of ``tokens``, which begin with pad: ``(len(tokens), text_vocab)``."""
        cache, rows = self._empty("caption_step", "cache"), []
        for position, token in enumerate(tokens):
            logits, cache = self._word(memory, token, position, cache)
            rows.append(logits)
        return np.stack(rows)

    def caption(self, memory: Any, most: int) -> list[int]:
        """A caption by a search of width 1, without pad and end mark."""
        step = partial(self._word, memory)
        return search(step, self._empty("caption_step", "cache"), Beams(1, PAD, EOS, most))[0]

    def _word(self, memory: Any, token: int, position: int, cache: Any) -> tuple[Float32Array, Any]:
        """Logits ``(text_vocab,)`` after a token, and the cache with it."""
        feeds = {"token": np.asarray([token], np.int64), "position": np.asarray([position], np.int64)}
        feeds |= {"memory": memory, "cache": cache}
        logits, after = self.run("caption_step", ["logits", "next_cache"], feeds)
        return logits[0], after

    # ---- SHIFT ----------------------------------------------------------------------------------------

    def shift_encode(self, frames: Float32Array) -> IntArray:
        """Frames ``(T, 2, 99)`` to codes ``(T/8, 4)``."""
        return np.asarray(self.run("shift_encoder", ["codes"], {"frames": frames[None]})[0][0], np.int64)

    def shift_decode(self, codes: IntArray) -> Float32Array:
        """Codes ``(S, K)`` to frames ``(8 S, 2, 99)``, streamed step by step."""
        return self.shift_decode_many(codes[None])[0]

    def shift_decode_many(self, codes: IntArray, graph: str = "shift_decoder") -> Float32Array:
        """Codes ``(B, S, K)`` to frames ``(B, 8 S, 2, 99)``, as many steps at a time as ``graph`` takes."""
        first, *rest = self._session(graph).get_inputs()
        inputs, steps = [node.name for node in rest], int(first.shape[1])
        state: dict[str, Any] = {name: self._empty(graph, name, len(codes)) for name in inputs}
        parts = []
        for step in range(0, codes.shape[1], steps):
            block = codes[:, step : step + steps]
            filled = np.pad(block, ((0, 0), (0, steps - block.shape[1]), (0, 0)))
            feeds = {"codes": filled, **state}
            frames, *after = self.run(graph, ["frames", *(f"next_{n}" for n in inputs)], feeds)
            state = dict(zip(inputs, after, strict=True))
            parts.append(frames)
        return np.concatenate(parts, axis=1)[:, : codes.shape[1] * FRAMES_PER_STEP]
