"""What is carried from step to step may stay on a device: the same codes, frames and words as through arrays.

There is no GPU here. The binding is the same whatever memory it names, so it is made to name the CPU's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clutch_rt
import numpy as np
import pytest
from clutch_rt import BundleError, ClutchError, Given, Model
from clutch_rt.bundle import open_bundle
from clutch_rt.device import Placement
from clutch_rt.engine import Engine
from clutch_rt.grammar import UNKNOWN, Form
from clutch_rt.loops import DeviceLoop, HostLoop, Loop, loop
from clutch_rt.options import make_request
from clutch_rt.ports import Ports
from clutch_rt.sessions import Sessions
from side_by_side import assert_alike_in_threads

pytestmark = pytest.mark.usefixtures("no_library")

TEXTS = ("wave with the right hand", "knead the dough with both hands", "clap slowly", "tap the table")
PROMPT = np.asarray([[5, 9, 300, 1]], np.int64)


def _tiny(form: Form, precision: str) -> Path:
    pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
    from tests.tiny_bundle import tiny_bundle

    return tiny_bundle(form, precision)  # type: ignore[arg-type]


@pytest.fixture(params=["toy", "toy_flat", "step fp32", "step int8", "flat fp32"])
def folder(request: pytest.FixtureRequest) -> Path:
    if request.param.startswith("toy"):
        return Path(request.getfixturevalue(request.param))
    form, precision = request.param.split()
    return _tiny(form, precision)


def _all(folder: Path) -> Iterator[Any]:
    """Everything that is made step by step."""
    with clutch_rt.load(folder) as model:
        for seed, text in enumerate(TEXTS):
            motion = model.generate(text, seed=seed)
            yield motion.frames
            yield model.caption(motion)
        yield from (motion.frames for motion in model.generate_many(TEXTS * 2, seeds=range(8)))
        if model.info.form == "step" and model._engine.completes:
            given = Given.beginning(model.generate("wave", seconds=0.8))
            yield model.complete(given, "clap", seconds=1.6).frames


def test_bound_is_the_same_to_the_last_bit(
    folder: Path, bound: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostLoop, "run", None)  # nothing goes that way
    found = list(_all(folder))
    monkeypatch.undo()
    wanted = list(_all(folder))
    assert len(found) == len(wanted) > 2 * len(TEXTS)
    for a, b in zip(found, wanted, strict=True):
        assert np.array_equal(a, b)


def test_the_cpu_by_itself_hands_on_in_arrays(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeviceLoop, "run", None)
    with clutch_rt.load(toy) as model:
        model.generate("clap")


def test_cuda_leaves_it_on_the_device() -> None:
    assert Placement("cuda", "CUDAExecutionProvider").memory == "cuda"
    assert Placement("cpu", "CPUExecutionProvider").memory is None


@pytest.fixture
def sessions(toy: Path) -> Iterator[Sessions]:
    made = Sessions(open_bundle(toy), "cpu", 1)
    yield made
    made.close()


def _step(sessions: Sessions) -> tuple[Loop, Engine]:
    bundle = open_bundle(sessions._engines._bundle.path)
    engine = Engine(bundle.manifest, sessions)
    request = make_request(bundle.manifest)
    memory = engine.remember(PROMPT, request)
    ports: Ports = engine.ports("motion_step")
    start = {
        "temperature": np.ones(1, np.float32),
        "top_k": np.zeros(1, np.int64),
        "codes": np.zeros((1, engine.grammar.slots), np.int64),
        "given": np.full((1, engine.grammar.slots), UNKNOWN, np.int64),
        "steps": np.asarray([3], np.int64),
        **ports.start([memory.keys_values]),
    }
    return loop(sessions, "motion_step", ["next_codes"], ports.carried, start), engine


def test_what_is_carried_never_comes_to_the_host(sessions: Sessions, bound: None) -> None:
    """Of all outputs the codes alone are read; the others go in again as they came out."""
    step, engine = _step(sessions)
    assert isinstance(step, DeviceLoop)
    shape = next(i.shape for i in sessions.get("motion_step").get_inputs() if i.name == "noise")
    noise = np.zeros([n if isinstance(n, int) else 1 for n in shape], np.float32)
    for position in range(3):
        given = step.run({"position": np.asarray([position], np.int64), "noise": noise})
        assert [codes.shape for codes in given] == [(1, engine.grammar.slots)]
        held = {name: value for name, value in step._held.items() if not isinstance(value, np.ndarray)}
        assert set(held) == set(engine.ports("motion_step").carried.values())
        assert {tuple(v.shape())[-2] for n, v in held.items() if n.startswith("cache")} == {position + 1}


def test_what_a_graph_refuses_is_our_error(sessions: Sessions, bound: None) -> None:
    step, _ = _step(sessions)
    with pytest.raises(BundleError, match="motion_step"):
        step.run({"position": np.zeros((2, 2), np.float32)})


def test_it_ends_with_its_model(toy: Path, bound: None) -> None:
    model: Model = clutch_rt.load(toy)
    stream = model.stream("clap", seconds=2.0, chunk_steps=1)
    next(stream)
    model.close()
    with pytest.raises(ClutchError, match="closed"):
        next(stream)


def test_threads_have_bindings_of_their_own(toy: Path, bound: None) -> None:
    with clutch_rt.load(toy) as model:
        assert_alike_in_threads(model, TEXTS)
