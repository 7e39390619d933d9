"""The search for a caption finds what a search of everything finds, and never turns in a circle."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from clutch_rt.beams import Beams, search
from hypothesis import given, settings
from hypothesis import strategies as st

START, END = 0, 1
Table = dict[tuple[int, ...], np.ndarray]


def _table(seed: int, vocabulary: int) -> Table:
    """Logits after every beginning, drawn when they are first asked for; the start is never likely."""
    rng = np.random.default_rng(seed)

    class Drawn(dict[tuple[int, ...], np.ndarray]):
        def __missing__(self, key: tuple[int, ...]) -> np.ndarray:
            logits = rng.normal(size=vocabulary).astype(np.float32)
            logits[START] = -1e9
            self[key] = logits
            return logits

    return Drawn()


def _found(table: Table, width: int, most: int) -> list[int]:
    def step(token: int, position: int, before: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
        said = (*before, token) if position else ()
        return table[said], said

    return search(step, (), Beams(width, START, END, most))


def _circles(said: tuple[int, ...]) -> bool:
    """Whether somewhere a run of two or more tokens is said twice in a row."""
    spans = ((at, n) for n in range(2, len(said) // 2 + 1) for at in range(len(said) - 2 * n + 1))
    return any(said[at : at + n] == said[at + n : at + 2 * n] for at, n in spans)


def _score(table: Table, said: tuple[int, ...], most: int) -> float:
    """The mean log-probability of a sentence with its end; one that was cut off has none."""
    whole = said if len(said) == most else (*said, END)
    total = 0.0
    for place, token in enumerate(whole):
        logits = table[said[:place]].astype(np.float64)
        total += logits[token] - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
    return total / (len(said) + 1)


@given(st.integers(0, 2**32), st.integers(3, 4), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_wide_enough_it_finds_the_best_of_all_sentences(seed: int, vocabulary: int, most: int) -> None:
    table = _table(seed, vocabulary)
    found = tuple(_found(table, vocabulary**most, most))
    words = range(2, vocabulary)
    every = [said for length in range(most + 1) for said in product(words, repeat=length)]
    best = max(_score(table, said, most) for said in every if not _circles(said))
    assert not _circles(found)
    # Both add the same few float64 logarithms, in another order.
    assert _score(table, found, most) == pytest.approx(best, abs=1e-9)


@given(st.integers(0, 2**32), st.integers(3, 9), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_a_width_of_one_takes_the_likeliest_token_that_closes_no_circle(
    seed: int, vocabulary: int, most: int
) -> None:
    table, said = _table(seed, vocabulary), ()
    while len(said) < most:
        likeliest = sorted(range(1, vocabulary), key=lambda token: -table[said][token])
        token = next((t for t in likeliest if t == END or not _circles((*said, t))), END)
        if token == END:
            break
        said = (*said, token)
    assert tuple(_found(table, 1, most)) == said


@pytest.mark.parametrize("width", [1, 4])
def test_a_model_that_turns_in_a_circle_is_led_out_of_it(width: int) -> None:
    """As a trained one does: "with a whisk" is followed by "with", surely, for ever."""
    likely = {START: 2, 2: 3, 3: 4, 4: 2}
    logits = np.full((6, 6), -9.0, np.float32)
    for before, after in likely.items():
        logits[before, after] = 0.0
    logits[:, END] = -5.0

    def step(token: int, position: int, before: None) -> tuple[np.ndarray, None]:
        return logits[token], None

    found = search(step, None, Beams(width, START, END, 40))
    assert not _circles(tuple(found)) and found[:3] == [2, 3, 4] and len(found) < 7
