"""The step that a CUDA graph replays: the motions of the step it stands for, at places that never mix.

There is no GPU here, and a CPU captures nothing. All else is the same code: shapes that never change, one
address for every input and output, the past written where the next step reads it.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clutch_rt
import numpy as np
import pytest
from clutch_rt import BundleError, DeviceError, Model, ort, sessions
from clutch_rt.bundle import open_bundle
from clutch_rt.captured import Captured, CapturedLoop, Place
from clutch_rt.device import Placement, create_session
from clutch_rt.engine import Engine
from clutch_rt.loops import DeviceLoop, Loop, loop
from clutch_rt.options import make_request
from clutch_rt.ports import MEMORY_LENGTH
from clutch_rt.sampling import sampling
from clutch_rt.sessions import Sessions
from side_by_side import assert_alike_in_threads

pytest.importorskip("torch", reason="making the bundle needs the extra `export`")

from tests.tiny_bundle import tiny_bundle

pytestmark = pytest.mark.usefixtures("no_library")

TEXTS = ("wave with the right hand", "knead the dough with both hands", "clap slowly", "tap the table")
LONG = "wave with the right hand and then clap " * 3


@pytest.fixture(params=["fp32", "fp16", "int4"])
def folder(request: pytest.FixtureRequest) -> Path:
    return tiny_bundle("step", request.param)


@pytest.fixture
def captured(folder: Path, bound: None) -> Iterator[Model]:
    with clutch_rt.load(folder) as model:
        yield model


def _graphs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """The bundle by its graphs, with nothing bound."""
    monkeypatch.undo()
    return clutch_rt.load(folder)


def _of(model: Model) -> list[Any]:
    made = [model.generate(text, seed=seed).frames for seed, text in enumerate(TEXTS)]
    return [*made, model.generate(LONG, seed=9).frames, model.generate("wave", temperature=0.0).frames]


def test_it_draws_the_motions_of_the_graph_it_stands_for(
    captured: Model, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With sentences of several lengths of memory, and one motion after another at a place."""
    assert captured._tokenizer.motion_prompt(LONG).ids.shape[1] > MEMORY_LENGTH
    found = _of(captured)
    replayed = captured._sessions.captured("motion_step")
    assert isinstance(replayed, Captured)
    assert {length: len(places) for length, places in replayed._free.items()} == {32: 1, 96: 1}
    assert "motion_step" not in captured._sessions._sessions, "the weights would lie on the device twice"
    with _graphs(folder, monkeypatch) as plain:
        for a, b in zip(found, _of(plain), strict=True):
            assert np.array_equal(a, b)


def _steps(model: Model, text: str, seed: int) -> tuple[Loop, list[dict[str, Any]]]:
    """A loop of one motion before its first step, and what each step is fed."""
    engine, made = model._engine, model._sessions
    prompt, request = model._ask(text, None, seed, None, None)
    memory = engine.remember(prompt.ids, request)
    ports = engine.ports("motion_step")
    slots = engine.grammar.slots
    start = {
        **sampling(request),
        "codes": np.zeros((1, slots), np.int64),
        "given": np.full((1, slots), -1, np.int64),
        "steps": np.asarray([4], np.int64),
        **ports.start([memory.keys_values]),
    }
    rng = np.random.default_rng(seed)
    sizes = engine.grammar.drawn
    noise = rng.gumbel(size=(4, 1, len(sizes), int(sizes.max()))).astype(np.float32)
    feeds = [{"position": np.asarray([i], np.int64), "noise": drawn} for i, drawn in enumerate(noise)]
    return loop(made, "motion_step", ["next_codes"], ports.carried, start), feeds


def _drawn(steps: Loop, feeds: list[dict[str, Any]]) -> list[list[int]]:
    return [steps.run(feed)[0][0].tolist() for feed in feeds]


def test_motions_drawn_in_turn_have_places_of_their_own(captured: Model) -> None:
    alone = [_drawn(*_steps(captured, text, seed)) for seed, text in enumerate(TEXTS)]
    made = [_steps(captured, text, seed) for seed, text in enumerate(TEXTS)]
    together = [[steps.run(feeds[i])[0][0].tolist() for steps, feeds in made] for i in range(4)]
    assert [list(motion) for motion in zip(*together, strict=True)] == alone
    assert all(isinstance(steps, CapturedLoop) for steps, _ in made)


def test_a_place_is_given_back_and_taken_again(captured: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand motions one after another want one; two at once want two."""
    made: list[Place] = []
    honest = Captured.capture

    def counted(self: Captured, length: int) -> Place:
        made.append(honest(self, length))
        return made[-1]

    monkeypatch.setattr(Captured, "capture", counted)
    for seed in range(5):
        captured.generate("wave", seconds=0.6, seed=seed)
    assert len(made) == 1
    first, second = (captured.stream("clap", seconds=2.0, chunk_steps=1) for _ in range(2))
    next(first), next(second)
    assert len(made) == 2
    del first, second  # left in the middle
    for _ in range(2):
        captured.generate("wave", seconds=0.6)
    assert len(made) == 2


class Capturing:
    """A session as ONNX Runtime has one on CUDA: on a thread that has not captured a graph it runs three
    times, and a capture is lost where another session is at work."""

    now = False  # whether one captures

    def __init__(self, session: Any, busy: list[int]) -> None:
        self._session = session
        self._busy = busy
        self.run = session.run
        self._captured: set[tuple[int, str]] = set()
        for name in ("get_inputs", "get_outputs", "io_binding", "get_providers"):
            setattr(self, name, getattr(session, name))

    def run_with_iobinding(self, binding: Any, options: Any) -> None:
        key = (threading.get_ident(), options.get_run_config_entry("gpu_graph_id"))
        if key[1] != "-1" and key not in self._captured:
            self._captured.add(key)
            Capturing.now = True
            for _ in range(2):
                self._session.run_with_iobinding(binding, options)
            time.sleep(0.02)
            Capturing.now = False
            if self._busy:
                raise RuntimeError("operation not permitted when stream is capturing")
        self._session.run_with_iobinding(binding, options)


@pytest.fixture
def capturing(folder: Path, bound: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """A model whose captured session keeps what it captured by thread, and loses it to others."""
    busy: list[int] = []
    honest = Sessions.run_with

    def create(path: Path, placement: Placement, threads: int) -> Any:
        session = create_session(path, placement, threads)
        return Capturing(session, busy) if placement.captures else session

    def watched(self: Sessions, name: str, work: Any) -> Any:
        def marked(session: Any) -> Any:
            busy.append(1)
            try:
                assert not Capturing.now, "a capture would be lost"
                return work(session)
            finally:
                busy.pop()

        return honest(self, name, marked)

    monkeypatch.setattr(sessions, "create_session", create)
    monkeypatch.setattr(Sessions, "run_with", watched)
    with clutch_rt.load(folder) as model:
        yield model


def test_whatever_thread_draws_a_motion_nothing_is_captured_in_its_middle(
    capturing: Model, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[int, Any] = {}

    def work(seed: int) -> None:
        text = LONG if seed % 3 == 2 else TEXTS[seed % 3]  # of two lengths of memory
        found[seed] = capturing.generate(text, seed=seed).frames

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with capturing.live(TEXTS[0], seconds=1.6, seed=4) as live:  # which draws on a thread of its own
        played = np.concatenate([part.frames for part in live])
    assert "node by node" not in caplog.text and set(found) == set(range(9))
    with _graphs(folder, monkeypatch) as plain:
        for seed, frames in found.items():
            text = LONG if seed % 3 == 2 else TEXTS[seed % 3]
            assert np.array_equal(frames, plain.generate(text, seed=seed).frames)
        with plain.live(TEXTS[0], seconds=1.6, seed=4) as live:
            assert np.array_equal(played, np.concatenate([part.frames for part in live]))


def test_what_is_replayed_wrongly_is_not_used(
    folder: Path, bound: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as a graph that stays with the position it was captured at."""
    honest = Place.step

    def stuck(self: Place, feeds: Any, wanted: Any) -> Any:
        return honest(self, {}, wanted)

    monkeypatch.setattr(Place, "step", stuck)
    with clutch_rt.load(folder) as model:
        found = model.generate("clap slowly", seed=2).frames
    assert "what is replayed is not what was captured" in caplog.text
    with _graphs(folder, monkeypatch) as plain:
        assert np.array_equal(found, plain.generate("clap slowly", seed=2).frames)


def test_a_motion_without_a_place_is_run_node_by_node(
    captured: Model, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As where the device's memory is used up, after others were captured."""
    captured.generate("wave")

    def full(*_: Any) -> None:
        raise RuntimeError("CUDA failure 2: out of memory")

    monkeypatch.setattr(Place, "__init__", full)
    held = captured.stream("wave", seconds=1.0, chunk_steps=1)
    next(held)
    found = captured.generate("clap slowly", seed=2).frames
    captured.generate("wave", seed=3)
    assert caplog.text.count("node by node") == 1 and "out of memory" in caplog.text
    del held
    replayed = captured._sessions.captured("motion_step")
    assert replayed is not None and not replayed.full(MEMORY_LENGTH) and replayed.free(MEMORY_LENGTH)
    with _graphs(folder, monkeypatch) as plain:
        assert np.array_equal(found, plain.generate("clap slowly", seed=2).frames)


def test_an_old_onnx_runtime_captures_nothing(
    folder: Path, bound: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ort.onnxruntime, "__version__", "1.20.3")
    with clutch_rt.load(folder) as model:
        model.generate("wave")
    assert "1.20.3; 1.21 or newer is wanted" in caplog.text


def test_threads_have_places_of_their_own(captured: Model) -> None:
    assert_alike_in_threads(captured, TEXTS)


def test_what_cannot_be_captured_is_run_node_by_node_and_says_so(
    folder: Path, bound: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(path: Path, placement: Placement, threads: int) -> Any:
        if placement.captures:
            raise DeviceError("this session cannot use the graph capture feature")
        return create_session(path, placement, threads)

    monkeypatch.setattr(sessions, "create_session", refused)
    with caplog.at_level(logging.WARNING), clutch_rt.load(folder) as model:
        found = _of(model)
        assert isinstance(_steps(model, "wave", 0)[0], DeviceLoop)
    said = [record.getMessage() for record in caplog.records if "node by node" in record.getMessage()]
    assert len(said) == 1 and "capture feature" in said[0]
    with _graphs(folder, monkeypatch) as plain:
        for a, b in zip(found, _of(plain), strict=True):
            assert np.array_equal(a, b)


def test_what_does_not_fit_its_address_is_refused(captured: Model) -> None:
    steps, feeds = _steps(captured, "wave", 0)
    with pytest.raises(BundleError, match=r"motion_fixed.*noise is"):
        steps.run({**feeds[0], "noise": feeds[0]["noise"][..., :-1]})


def test_only_cuda_is_asked_to_capture() -> None:
    cuda = Placement("cuda", "CUDAExecutionProvider", captures=True)
    assert cuda.provider_options == [{"use_tf32": "0", "enable_cuda_graph": "1"}, {}]
    assert Placement("cuda", "CUDAExecutionProvider").provider_options == [{"use_tf32": "0"}, {}]
    assert Placement("cpu", "CPUExecutionProvider", captures=True).provider_options == [{}]


def test_the_flat_form_has_a_place_for_each_length_of_prompt(
    bound: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And without one its motions are those of the graph too."""
    folder = tiny_bundle("flat")
    with clutch_rt.load(folder) as model:
        found = _of(model)
        replayed = model._sessions.captured("motion_step")
        assert isinstance(replayed, Captured)
        prompts = [model._tokenizer.motion_prompt(text).ids for text in (*TEXTS, LONG, "wave")]
        lengths = {model._engine.remember(ids).keys_values.shape[3] for ids in prompts}
        assert {n for n, places in replayed._free.items() if places} == lengths | {MEMORY_LENGTH}
        monkeypatch.setattr(Sessions, "place", lambda *_: None)
        placeless = _of(model)
    with _graphs(folder, monkeypatch) as plain:
        for a, b, c in zip(found, placeless, _of(plain), strict=True):
            assert np.array_equal(a, c) and np.array_equal(b, c)


def test_bundles_without_such_a_step_do_without(bound: None, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_bundle("flat"), tmp_path / "older")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["graphs"]["motion_fixed"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    bundle = open_bundle(folder)
    made = Sessions(bundle, "cpu", 1)
    try:
        assert "motion_fixed" not in bundle.manifest.graphs and made.captured("motion_step") is None
        engine = Engine(bundle.manifest, made)
        request = make_request(bundle.manifest)
        assert engine.remember(np.asarray([[5, 9, 1]], np.int64), request).keys_values.shape[3] >= 3
    finally:
        made.close()


def test_the_cpu_by_itself_captures_nothing(folder: Path) -> None:
    made = Sessions(open_bundle(folder), "cpu", 1)
    try:
        assert made.captured("motion_step") is None
    finally:
        made.close()
