"""The front door: asked length binds, a seed is a motion, streaming is generating, threads do not meet."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import clutch_rt
import numpy as np
import pytest
from clutch_rt import BundleError, Cancelled, ClutchError, DeviceError, InputError, Model, Motion
from clutch_rt.layout import Float32Array
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.resident import needs_statm, resident_bytes

TEXT = "wave with the right hand"


def _streamed(model: Model, **options: object) -> Float32Array:
    return np.concatenate([chunk.frames for chunk in model.stream(TEXT, **options)])  # type: ignore[arg-type]


@settings(max_examples=40)
@given(frames=st.integers(1, 96), form=st.sampled_from(["step", "flat"]), seed=st.integers(0, 2**64 - 1))
def test_asked_length_is_binding(models: dict[str, Model], frames: int, form: str, seed: int) -> None:
    motion = models[form].generate(TEXT, seconds=frames / 30, seed=seed)
    assert motion.frames.shape == (frames, 2, 99)
    assert (motion.fps, motion.text, motion.seed) == (30, TEXT, seed)


def test_half_frames_are_rounded(model: Model) -> None:
    assert len(model.generate(TEXT, seconds=1.01)) == 30
    assert len(model.generate(TEXT, seconds=1.02)) == 31


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    chunk_steps=st.integers(1, 15),
    seconds=st.none() | st.floats(0.05, 3.2),
    form=st.sampled_from(["step", "flat"]),
)
def test_streaming_is_generating_bit_for_bit(
    models: dict[str, Model], seed: int, chunk_steps: int, seconds: float | None, form: str
) -> None:
    model = models[form]
    whole = model.generate(TEXT, seconds=seconds, seed=seed)
    streamed = _streamed(model, seconds=seconds, seed=seed, chunk_steps=chunk_steps)
    np.testing.assert_array_equal(streamed, whole.frames)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_streaming_is_generating_with_real_graphs(precision: str) -> None:
    pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
    from tests.tiny_bundle import tiny_bundle

    with clutch_rt.load(tiny_bundle("step", precision)) as model:  # type: ignore[arg-type]
        whole = model.generate(TEXT, seconds=2.9, seed=3)
        for chunk_steps in (1, 3, 12):
            streamed = _streamed(model, seconds=2.9, seed=3, chunk_steps=chunk_steps)
            np.testing.assert_array_equal(streamed, whole.frames)
        assert model.reconstruct(whole).frames.shape == whole.frames.shape
        assert isinstance(model.caption(whole), str)


def test_chunks_say_where_they_belong(models: dict[str, Model]) -> None:
    chunks = list(models["step"].stream(TEXT, seconds=1.0, chunk_steps=2))
    assert [(c.index, len(c.frames), c.total) for c in chunks] == [(0, 16, 30), (16, 14, 30)]
    assert chunks[1].time == pytest.approx(16 / 30)
    assert chunks[0].joints("openxr").positions.shape == (16, 2, 26, 3)
    assert not chunks[0].frames.flags.writeable
    with pytest.raises(FrozenInstanceError):
        chunks[0].index = 3  # type: ignore[misc]


def test_the_flat_form_does_not_know_its_length_ahead(models: dict[str, Model]) -> None:
    assert next(models["flat"].stream(TEXT)).total is None
    assert next(models["flat"].stream(TEXT, seconds=1)).total == 30


def test_the_first_chunk_comes_before_the_rest_is_made(models: dict[str, Model]) -> None:
    stop = threading.Event()
    chunks = models["step"].stream(TEXT, seconds=3.2, cancel=stop)
    assert len(next(chunks).frames) == 8
    stop.set()
    with pytest.raises(Cancelled, match="cancelled by its caller"):
        next(chunks)


def test_cancel_before_the_start(model: Model) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        model.generate(TEXT, cancel=stop)
    with pytest.raises(Cancelled):
        model.caption(Motion(model.generate(TEXT).frames), cancel=stop)


def test_errors_of_a_stream_come_at_the_call(model: Model) -> None:
    with pytest.raises(InputError):
        model.stream("")
    with pytest.raises(InputError, match="chunk_steps is 0"):
        model.stream(TEXT, chunk_steps=0)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**63, 2**64 - 1])
def test_every_64_bit_seed(model: Model, seed: int) -> None:
    first, second = (model.generate(TEXT, seconds=1, seed=seed).frames for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1; 0 to 18446744073709551615"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"seed": 1.5}, "seed is 1.5; a whole number"),
        ({"seed": True}, "seed is True"),
        ({"seconds": 0}, "seconds is 0; this model makes more than 0 and at most 3.20 seconds"),
        ({"seconds": -2}, "seconds is -2"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"seconds": float("inf")}, "seconds is inf"),
        ({"seconds": 3.3}, "at most 3.20 seconds; for more, make several motions"),
        ({"seconds": 1e300}, "at most 3.20 seconds"),
        ({"seconds": 0.001}, "less than half a frame; at least 0.033"),
        ({"seconds": "two"}, "seconds is 'two'; a number is wanted"),
        ({"seconds": True}, "seconds is True; a number is wanted"),
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_k": 2.0}, "top_k is 2.0; a whole number"),
    ],
)
def test_numbers_out_of_range(model: Model, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        model.generate(TEXT, **options)  # type: ignore[arg-type]
    assert message in str(caught.value)
    with pytest.raises(InputError):
        model.check(TEXT, **options)  # type: ignore[arg-type]


def test_threads_do_not_meet(model: Model) -> None:
    def make(seed: int) -> Float32Array:
        if seed % 3 == 0:
            return _streamed(model, seed=seed)
        return model.generate(TEXT, seed=seed).frames

    alone = [make(seed) for seed in range(48)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(make, range(48)))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sessions_are_created_once_under_threads(toy: Path) -> None:
    with clutch_rt.load(toy) as model, ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda seed: model.generate(TEXT, seconds=0.3, seed=seed), [1] * 16))
        assert len(model._sessions._sessions) == 3
    for motion in made[1:]:
        np.testing.assert_array_equal(motion.frames, made[0].frames)


def test_a_closed_model_refuses(toy: Path) -> None:
    model = clutch_rt.load(toy)
    motion = model.generate(TEXT)
    chunks = model.stream(TEXT, seconds=3)
    next(chunks)
    model.close()
    model.close()
    for action in (
        lambda: model.generate(TEXT),
        lambda: model.stream(TEXT),
        lambda: next(chunks),
        lambda: model.caption(motion),
        lambda: model.reconstruct(motion),
    ):
        with pytest.raises(ClutchError, match="the model was closed; load it again"):
            action()


def test_close_while_others_generate(toy: Path) -> None:
    model = clutch_rt.load(toy)
    started, ended = threading.Event(), []

    def work() -> None:
        try:
            while True:
                model.generate(TEXT, seconds=3)
                started.set()
        except ClutchError as error:
            ended.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert started.wait(30)
    model.close()
    for thread in threads:
        thread.join(30)
    assert len(ended) == 4


@needs_statm
@pytest.mark.parametrize("which", ["graphs of a toy", "library, shipped"])
def test_a_thousand_motions_do_not_grow_the_process(toy: Path, which: str) -> None:
    """Memory that C++ keeps counts here too."""
    with clutch_rt.load(toy if which == "graphs of a toy" else None) as model:
        for seed in range(100):
            model.generate(TEXT, seconds=0.5, seed=seed)
        gc.collect()
        before = resident_bytes()
        for seed in range(1000):
            model.generate(TEXT, seconds=0.5, seed=seed)
        gc.collect()
        # 1,000 kept motions would be 12 MB, kept caches more; allocators breathe by a few.
        assert resident_bytes() - before < 8 * 2**20


def test_caption_reads_any_rate_and_length(model: Model) -> None:
    motion = model.generate(TEXT, seconds=1.1)
    assert model.caption(motion) == TEXT
    assert model.caption(motion.resample(120)) == TEXT
    assert model.caption(Motion(motion.frames[:1])) == TEXT


def test_a_motion_beyond_the_limit_is_refused(model: Model) -> None:
    frame = model.generate(TEXT).frames[:1]
    long = Motion(np.repeat(frame, 200, axis=0), fps=60)
    for action in (model.caption, model.reconstruct):
        with pytest.raises(InputError, match=r"lasts 3\.3\d s; this model reads 3\.20 s; cut it: .*:192"):
            action(long)
    assert model.caption(Motion(np.repeat(frame, 192, axis=0), fps=60)) == TEXT


@pytest.mark.parametrize("thing", [None, 3, "wave.npz", np.zeros((8, 2, 99))])
def test_what_is_no_motion_is_refused(model: Model, thing: Any) -> None:
    for action in (model.caption, model.reconstruct):
        with pytest.raises(InputError, match="a Motion is wanted"):
            action(thing)


def test_reconstruct_keeps_length_and_tags(model: Model) -> None:
    motion = model.generate(TEXT, seconds=1.1, seed=4)
    back = model.reconstruct(motion)
    assert back.frames.shape == motion.frames.shape
    assert (back.text, back.seed, back.fps) == (TEXT, 4, 30)


def test_unknown_words_are_logged(models: dict[str, Model], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "clutch_rt"):
        models["step"].generate("julienne the dough", seconds=0.3)
    assert 'did not learn "julienne"' in caplog.text
    assert models["step"].unknown_words("julienne the dough") == ("julienne",)


def test_info(toy: Path) -> None:
    with clutch_rt.load(toy, device="cpu", threads=2) as model:
        info = model.info
    assert (info.name, info.form, info.precision) == ("toy", "step", "fp32")
    assert (info.device, info.provider, info.threads) == ("cpu", "CPUExecutionProvider", 2)
    assert info.max_seconds == pytest.approx(3.2)
    assert info.metrics == {"mpjpe_mm": 1.0}


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, 10**6])
def test_threads_out_of_range(toy: Path, threads: object) -> None:
    with pytest.raises(InputError, match="threads is"):
        clutch_rt.load(toy, threads=threads)  # type: ignore[arg-type]


def test_an_unknown_device(toy: Path) -> None:
    with pytest.raises(DeviceError, match="no device 'gpu'; choose one of auto, cpu, cuda"):
        clutch_rt.load(toy, device="gpu")


def test_a_graph_that_is_none(toy: Path, tmp_path: Path) -> None:
    import json
    import shutil

    from tests.runtime.toy_bundle import write_manifest

    folder = shutil.copytree(toy, tmp_path / "bundle")
    (folder / "motion_step.onnx").write_bytes(b"rubbish")
    write_manifest(folder, json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    with (
        clutch_rt.load(folder) as model,
        pytest.raises(BundleError, match=r"motion_step\.onnx cannot be loaded"),
    ):
        model.generate(TEXT)


def test_the_public_names() -> None:
    assert clutch_rt.__all__ == sorted(clutch_rt.__all__)
    for name in clutch_rt.__all__:
        assert getattr(clutch_rt, name) is not None
    assert set(clutch_rt.__all__) <= set(dir(clutch_rt))
    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        _ = clutch_rt.lod  # type: ignore[attr-defined]
