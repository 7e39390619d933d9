"""The search for a caption finds what a search of everything finds, and never turns in a circle."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from clutch_rt.beams import Beams, read_back, search
from hypothesis import given, settings
from hypothesis import strategies as st

START, END = 0, 1
Table = dict[tuple[int, ...], np.ndarray]


def _table(seed: int, vocabulary: int) -> Table:
    """Logits after every beginning, drawn when they are first asked for."""
    rng = np.random.default_rng(seed)

    class Drawn(dict[tuple[int, ...], np.ndarray]):
        def __missing__(self, key: tuple[int, ...]) -> np.ndarray:
            logits = rng.normal(size=vocabulary).astype(np.float32)
            self[key] = logits
            return logits

    return Drawn()


def _found(table: Table, width: int, most: int, penalty: float = 1.0) -> list[list[int]]:
    def step(token: int, position: int, before: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
        said = (*before, token) if position else ()
        return table[said], said

    return search(step, (), Beams(width, START, END, most, penalty))


def _circles(said: tuple[int, ...]) -> bool:
    """Whether somewhere a run of two or more tokens is said twice in a row."""
    spans = ((at, n) for n in range(2, len(said) // 2 + 1) for at in range(len(said) - 2 * n + 1))
    return any(said[at : at + n] == said[at + n : at + 2 * n] for at, n in spans)


def _score(table: Table, whole: tuple[int, ...], penalty: float) -> float:
    """The log-probability of the tokens, over a power of their number."""
    logits = [table[whole[:place]].astype(np.float64) for place in range(len(whole))]
    each = [row[t] - np.logaddexp.reduce(row) for row, t in zip(logits, whole, strict=True)]
    return float(np.sum(each)) / len(whole) ** penalty


@given(st.integers(0, 2**32), st.integers(3, 4), st.integers(1, 5), st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=60)
def test_wide_enough_it_finds_the_best_of_all_sentences(
    seed: int, vocabulary: int, most: int, penalty: float
) -> None:
    table = _table(seed, vocabulary)
    sentences = _found(table, vocabulary**most, most, penalty)
    found = tuple(sentences[0])
    words = range(2, vocabulary)
    # Those that end; what is cut off at the longest counts only where nothing does.
    every = [said for length in range(most) for said in product(words, repeat=length)]
    best = max(_score(table, (*said, END), penalty) for said in every if not _circles(said))
    assert not _circles(found)
    # Both add the same few float64 logarithms, in another order.
    assert _score(table, (*found, END), penalty) == pytest.approx(best, abs=1e-9)
    scores = [_score(table, (*said, END), penalty) for said in sentences]
    assert all(a >= b - 1e-9 for a, b in pairwise(scores)), "the best come first"


@given(st.integers(0, 2**32), st.integers(3, 9), st.integers(1, 20))
@settings(max_examples=40)
def test_a_width_of_one_takes_the_likeliest_token_that_closes_no_circle(
    seed: int, vocabulary: int, most: int
) -> None:
    table, said = _table(seed, vocabulary), ()
    while len(said) < most:
        likeliest = sorted(range(1, vocabulary), key=lambda token: -table[said][token])
        token = next(t for t in likeliest if t == END or not _circles((*said, t)))
        if token == END:
            break
        said = (*said, token)
    assert tuple(_found(table, 1, most)[0]) == said


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

    found = search(step, None, Beams(width, START, END, 40))[0]
    assert not _circles(tuple(found)) and found[:3] == [2, 3, 4] and len(found) < 7


@pytest.mark.parametrize("end", [-2.0, -3.0, -6.0])
def test_a_sure_model_is_not_cut_off_by_ends_that_are_second_best(end: float) -> None:
    """The end is among the four likeliest at every step, and never likely until the sentence is over."""
    words = [2, 3, 4, 5, 6, 7, 8, 9]

    def step(token: int, position: int, before: None) -> tuple[np.ndarray, None]:
        logits = np.full(12, -12.0, np.float32)
        logits[END] = end
        logits[words[position] if position < len(words) else END] = 0.0
        return logits, None

    assert search(step, None, Beams(4, START, END, 40))[0] == words


def test_where_nothing_ends_the_best_is_cut_off() -> None:
    """And the start is never said, however likely it is."""
    logits = np.array([9.0, -np.inf, 1.0, 0.0, -1.0, -2.0], np.float32)
    found = search(lambda *_: (logits, None), None, Beams(3, START, END, 6))[0]
    assert len(found) == 6 and START not in found and not _circles(tuple(found))


def test_where_every_token_is_blocked_the_sentence_is_what_there_was() -> None:
    """Here 2 may be said three times; a fourth time would be 2, 2 said twice."""
    logits = np.array([-np.inf, -np.inf, 0.0], np.float32)
    assert search(lambda *_: (logits, None), None, Beams(2, START, END, 9))[0] == [2, 2, 2]


def test_of_equal_tokens_the_first_counts() -> None:
    """On every machine, whatever numpy's partition leaves where."""
    beams = Beams(4, START, END, 1)
    beams.advance(np.zeros((1, 1000), np.float32))
    assert beams.best == []  # the end is token 1, before all words
    beams = Beams(2, 999, 998, 3)
    assert beams.advance(np.zeros((1, 1000), np.float32)) == [0, 0] and beams.tokens == [0, 1]


def test_what_makes_no_sense_is_refused() -> None:
    for width, most in ((0, 5), (2, 0)):
        with pytest.raises(ValueError, match="1 is the least"):
            Beams(width, START, END, most)
    beams = Beams(2, START, END, 5)
    with pytest.raises(ValueError, match="not ended"):
        _ = beams.best
    beams.advance(np.zeros((1, 9), np.float32))
    with pytest.raises(ValueError, match="1 rows of logits came for 2"):
        beams.advance(np.zeros((1, 9), np.float32))


def test_of_sentences_read_back_the_one_with_most_of_the_labels_is_taken() -> None:
    wanted = np.array([[[3, 1], [0, 0], [0, 0]]])
    nothing, hand, both = (np.array([[[a, b], [0, 0], [0, 0]]]) for a, b in ((2, 2), (2, 1), (3, 1)))
    assert read_back([nothing, hand, both, both], wanted) == 2
    assert read_back([hand, hand, nothing], wanted) == 0
