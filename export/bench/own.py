"""This project's systems: the graphs of the task under the runtime's own engine, and a whole bundle."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import clutch_rt
import numpy as np
from clutch_rt.bundle import Bundle
from clutch_rt.engine import Engine
from clutch_rt.grammar import Grammar
from clutch_rt.layout import FPS, FRAMES_PER_STEP
from clutch_rt.manifest import GRAPHS, MORE_GRAPHS, FileEntry, Limits, Manifest, Sampling, TextSettings
from clutch_rt.options import Request
from clutch_rt.sessions import Sessions

from export.weights import WEIGHTS_FILE

NATIVE: Final = "native.json"  # the section of a manifest


def bare_bundle(folder: Path, grammar: Grammar, precision: str) -> Bundle:
    """The language model's graphs in ``folder`` as a bundle that an engine takes: no words, no SHIFT."""
    native, weights = folder / NATIVE, folder / WEIGHTS_FILE
    more = [name for name in MORE_GRAPHS if (folder / f"{name}.onnx").exists()]
    manifest = Manifest(
        name=folder.name,
        form=grammar.form,
        precision=precision,
        grammar=grammar,
        sampling=Sampling(1.0, 0),
        limits=Limits(grammar.max_steps, 256),
        text=TextSettings(0, 1, 2, "{text}", ""),
        graphs={name: f"{name}.onnx" for name in (*GRAPHS, *more)},
        files={WEIGHTS_FILE: FileEntry("", weights.stat().st_size)},
        licence="",
        training_data="",
        metrics={},
        raw=json.loads(native.read_text()) if native.exists() else {},
    )
    return Bundle(folder, manifest)


class Clutch:
    """The language model's graphs in ``folder``, run by ``clutch_rt.engine``, noise and sampling included.

    Args:
        folder: holds ``text_encoder.onnx``, ``motion_step.onnx`` and the weights.
        grammar: its fields.
        prompt: ids.
        seed: of the noise.
        threads: of each session.
    """

    def __init__(
        self, folder: str, grammar: dict[str, Any], prompt: list[int], seed: int, threads: int
    ) -> None:
        bundle = bare_bundle(Path(folder), Grammar(**grammar), Path(folder).name.split("-")[-1])
        self._engine = Engine(bundle.manifest, Sessions(bundle, "cpu", threads))
        self._ids = np.asarray([prompt], np.int64)
        self._seed = seed

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("onnxruntime", "numpy")}

    def run(self, steps: int) -> list[float]:
        return self._draw(steps)[1]

    def encoder(self) -> float:
        """Seconds that the prompt takes until the first step can be made."""
        began = time.perf_counter()
        self._engine.remember(self._ids, Request(None, self._seed, 1.0, 0))
        return time.perf_counter() - began

    def codes(self, steps: int) -> list[list[int]]:
        """The motion that a run draws."""
        return self._draw(steps)[0]

    def _draw(self, steps: int) -> tuple[list[list[int]], list[float]]:
        began = time.perf_counter()
        request = Request(steps * FRAMES_PER_STEP, self._seed, 1.0, 0)
        rows, ends = [], []
        for codes in self._engine.steps(self._engine.remember(self._ids, request), request, steps):
            ends.append(time.perf_counter() - began)
            rows.append(codes.tolist())
        return rows, ends


class Shipped:
    """A bundle through the public interface: sentence in, frames out, the tokenizer and SHIFT included."""

    def __init__(self, bundle: str | None, sentence: str, threads: int) -> None:
        self._model = clutch_rt.load(bundle, device="cpu", threads=threads)
        self._sentence = sentence

    def versions(self) -> dict[str, str]:
        return {"onnxruntime": version("onnxruntime"), "bundle": self.about()["name"]}

    def about(self) -> dict[str, Any]:
        """Name, form and precision of the bundle."""
        info = self._model.info
        return json.loads(json.dumps({k: getattr(info, k) for k in ("name", "form", "precision")}))

    def run(self, steps: int) -> list[float]:
        """Stream a motion of ``steps`` steps, a chunk each."""
        began = time.perf_counter()
        ends = []
        for _ in self._model.stream(self._sentence, seconds=_seconds(steps), seed=7):
            ends.append(time.perf_counter() - began)
        return ends

    def throughput(self, steps: int, motions: int) -> dict[str, float]:
        """Seconds that whole motions of ``steps`` steps take, one after the other and together."""
        texts, seeds, seconds = [self._sentence] * motions, list(range(motions)), _seconds(steps)
        began = time.perf_counter()
        for seed in seeds:
            self._model.generate(self._sentence, seconds, seed)
        between = time.perf_counter()
        for _ in self._model.generate_many(texts, seconds, seeds):
            pass
        return {"single": between - began, "together": time.perf_counter() - between}


def _seconds(steps: int) -> float:
    return steps * FRAMES_PER_STEP / FPS
