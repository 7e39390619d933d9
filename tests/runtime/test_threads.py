"""One model, many threads: everybody gets what they would have got alone, whoever gives up meanwhile."""

from __future__ import annotations

import gc
import random
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clutch_rt
import numpy as np
import pytest
from clutch_rt import Cancelled, Model
from clutch_rt.layout import Float32Array

TEXTS = ("wave with the right hand", "knead the dough with both hands", "clap slowly", "tap the table")
THREADS = 8


@pytest.fixture(scope="module", params=["step", "flat", "real"])
def model(toy: Path, toy_flat: Path, request: pytest.FixtureRequest) -> Iterator[Model]:
    """Both forms on toy graphs, and one on real ones."""
    folder = {"step": toy, "flat": toy_flat}.get(request.param)
    if folder is None:
        pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
        from tests.tiny_bundle import tiny_bundle

        folder = tiny_bundle("step", "int8")
    with clutch_rt.load(folder) as loaded:
        yield loaded


def _generate(model: Model, seed: int) -> Float32Array:
    return model.generate(TEXTS[seed % len(TEXTS)], seed=seed).frames


def _stream(model: Model, seed: int) -> Float32Array:
    chunks = model.stream(TEXTS[seed % len(TEXTS)], seed=seed, chunk_steps=1 + seed % 3)
    return np.concatenate([chunk.frames for chunk in chunks])


def _live(model: Model, seed: int) -> Float32Array:
    with model.live(TEXTS[seed % len(TEXTS)], seed=seed) as live:
        live.say(TEXTS[(seed + 1) % len(TEXTS)], at=16, seconds=1.0)
        return np.concatenate([played.frames for played in live])


def _round_trip(model: Model, seed: int) -> Float32Array:
    motion = model.generate(TEXTS[seed % len(TEXTS)], seconds=0.5, seed=seed)
    model.caption(motion)
    return model.reconstruct(motion).frames


WAYS: tuple[Callable[[Model, int], Float32Array], ...] = (_generate, _stream, _live, _round_trip)


def _cancelled(model: Model, seed: int) -> None:
    """Begin something and give it up at some moment; whatever was made till then is thrown away."""
    rng = random.Random(seed)
    stop = threading.Event()
    timer = threading.Timer(rng.uniform(0.0, 0.004), stop.set)
    timer.start()
    try:
        if seed % 3 == 0:
            with model.live(TEXTS[0], seed=seed) as live:
                live.read(4)
                live.cancel()
        elif seed % 3 == 1:
            for _ in model.stream(TEXTS[0], seed=seed, cancel=stop):
                time.sleep(0.0005)
        else:
            model.generate(TEXTS[0], seed=seed, cancel=stop)
    except Cancelled:
        pass
    finally:
        timer.cancel()
        timer.join()


def test_eight_threads_and_as_many_changes_of_mind(model: Model) -> None:
    jobs = [(seed, WAYS[seed % len(WAYS)]) for seed in range(64)]
    alone = [way(model, seed) for seed, way in jobs]

    def work(job: tuple[int, Callable[[Model, int], Float32Array]]) -> Float32Array:
        seed, way = job
        _cancelled(model, seed)
        return way(model, seed)

    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(work, jobs))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_thread_is_left_over(model: Model) -> None:
    before = set(threading.enumerate())
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda seed: _cancelled(model, 3 * seed), range(24)))  # live streams
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before


def test_python_keeps_nothing_of_a_thousand_motions(model: Model) -> None:
    def work(seeds: range) -> None:
        for seed in seeds:
            model.generate(TEXTS[seed % len(TEXTS)], seconds=0.3, seed=seed)

    def all_of(first: int, count: int) -> None:
        parts = [range(first + k, first + count, THREADS) for k in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, parts))

    all_of(0, 80)
    gc.collect()
    tracemalloc.start()
    try:
        all_of(80, 80)  # what tracing itself, and the first use under it, keep
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        all_of(160, 1000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # 1,000 motions of 9 frames are 7 MB, and 1,000 of anything at all 50 kB; a pool's threads leave a few kB.
    assert grown < 50_000
