"""Many motions at once: each is the one made alone, whatever is made beside it; and memory is bounded."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import clutch_rt
import numpy as np
import pytest
from clutch_rt import Cancelled, InputError, Model
from clutch_rt.batch import _WINDOW, ROWS
from clutch_rt.layout import Float32Array
from clutch_rt.loops import Loop
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = (
    "clap",
    "wave with the right hand",
    "knead the dough with both hands",
    "tap the table with the left hand three times",
    # A memory longer than the round length that short ones are filled up to.
    "pick up the cup with the left hand and pour water slowly, then wave with the right hand and clap",
)


@cache
def _model(precision: str) -> Model:
    pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
    from tests.tiny_bundle import tiny_bundle

    return clutch_rt.load(tiny_bundle("step", precision))  # type: ignore[arg-type]


@cache
def _alone(precision: str, text: str, seed: int, top_k: int | None) -> Float32Array:
    return _model(precision).generate(text, seed=seed, top_k=top_k).frames


def _check(precision: str, wanted: list[tuple[str, int]], top_k: int | None = None) -> None:
    texts, seeds = [text for text, _ in wanted], [seed for _, seed in wanted]
    made = list(_model(precision).generate_many(texts, seeds=seeds, top_k=top_k))
    assert [(motion.text, motion.seed) for motion in made] == wanted
    for motion, (text, seed) in zip(made, wanted, strict=True):
        np.testing.assert_array_equal(motion.frames, _alone(precision, text, seed, top_k))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
def test_each_of_many_is_the_one_made_alone(precision: str) -> None:
    wanted = [(TEXTS[n % len(TEXTS)], n // 3) for n in range(ROWS + 5)]
    lengths = {len(_alone(precision, text, seed, None)) for text, seed in wanted}
    assert len(lengths) > 3, "the motions should end at different steps"
    assert (_model(precision)._batches.graph() is None) == (precision == "int4"), "4 bits go one by one"
    _check(precision, wanted)


@given(
    st.lists(st.tuples(st.sampled_from(TEXTS), st.integers(0, 5)), min_size=1, max_size=9),
    st.sampled_from([None, 0, 1, 7]),
)
@settings(max_examples=15)
def test_neighbours_change_nothing(wanted: list[tuple[str, int]], top_k: int | None) -> None:
    _check("int8", wanted, top_k)


def test_asked_lengths_and_greedy_choices_too() -> None:
    model = _model("int8")
    for options in ({"seconds": 1.1}, {"temperature": 0.0}, {"seconds": 0.2, "temperature": 2.0}):
        made = model.generate_many(TEXTS, seeds=3, **options)  # type: ignore[arg-type]
        for motion, text in zip(made, TEXTS, strict=True):
            np.testing.assert_array_equal(motion.frames, model.generate(text, seed=3, **options).frames)  # type: ignore[arg-type]


@pytest.fixture(params=["toy", "toy_flat"])
def before(request: pytest.FixtureRequest) -> Iterator[Model]:
    """A bundle without the graph of batches."""
    folder: Path = request.getfixturevalue(request.param)
    with clutch_rt.load(folder) as model:
        assert model._batches.graph() is None
        yield model


def test_a_bundle_without_batches_makes_one_after_the_other(before: Model) -> None:
    texts = ["wave with the right hand", "clap slowly"] * 2
    for seed, (motion, text) in enumerate(
        zip(before.generate_many(texts, seeds=range(4)), texts, strict=True)
    ):
        np.testing.assert_array_equal(motion.frames, before.generate(text, seed=seed).frames)


def test_it_stops_within_a_step() -> None:
    model, stop, calls = _model("int8"), threading.Event(), itertools.count()
    loop = model._engine.loop

    def counted(*args: Any) -> Loop:
        made = loop(*args)
        run = made.run

        def once_more(feeds: Mapping[str, Any]) -> list[Any]:
            if next(calls) == 2:
                stop.set()
            return run(feeds)

        made.run = once_more  # type: ignore[method-assign]
        return made

    model._engine.loop = counted  # type: ignore[method-assign]
    try:
        with pytest.raises(Cancelled):
            list(model.generate_many(TEXTS * 3, seconds=3.0, cancel=stop))
        assert next(calls) == 3
    finally:
        model._engine.loop = loop  # type: ignore[method-assign]


def test_mistakes_are_told_before_anything_is_made() -> None:
    model = _model("int8")
    with pytest.raises(InputError, match="2 seeds came with 1 texts"):
        model.generate_many(["clap"], seeds=[1, 2])
    with pytest.raises(InputError, match="one sentence"):
        model.generate_many("clap")
    with pytest.raises(InputError):
        model.generate_many(["clap", ""])
    assert list(model.generate_many([])) == []


def test_memory_does_not_grow_with_the_number_of_motions() -> None:
    model = _model("int8")
    seconds = 12 * 8 / 30
    list(model.generate_many(["clap"] * 3, seconds=seconds))
    one = model.generate("clap", seconds=seconds).frames.nbytes
    peaks = []
    for windows in (1, 3):
        tracemalloc.start()
        for _ in model.generate_many(["clap"] * (windows * _WINDOW), seconds=seconds, top_k=1):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + _WINDOW * one / 4
