"""Beam search for the likeliest sentence, and no sentence that turns in a circle.

A model that has learnt several sentences for one motion is unsure at every word, and the likeliest next word
leads it into circles ("with a whisk with a whisk with a ..."). So several beginnings are kept beside each
other, the sentence that is likeliest for its length is taken, and none may say the same twice in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import numpy as np

from clutch_rt.layout import Float32Array

WIDTH: Final = 4
_SHORTEST_CIRCLE: Final = 2  # tokens; one may well follow itself

State = TypeVar("State")


class Beams:
    """The beginnings of one sentence, and the sentences that were finished.

    With a width of 1 it is the likeliest token each time, but for circles.

    Args:
        width: beginnings that are kept.
        start: the token before the first.
        end: the token after the last.
        most: tokens of the longest sentence, its end not counted.
    """

    def __init__(self, width: int, start: int, end: int, most: int) -> None:
        self._width, self._start, self._end, self._most = width, start, end, most
        self._alive: list[tuple[float, list[int]]] = [(0.0, [])]
        self._finished: list[tuple[float, list[int]]] = []

    @property
    def tokens(self) -> list[int]:
        """The last token of each beginning; how many there are is at most the width."""
        return [said[-1] if said else self._start for _, said in self._alive]

    @property
    def done(self) -> bool:
        """Whether the search has ended."""
        return not self._alive

    @property
    def best(self) -> list[int]:
        """The tokens of the sentence that is likeliest for its length, without start and end."""
        return max(self._finished, key=lambda found: found[0] / (len(found[1]) + 1))[1]

    def advance(self, logits: Float32Array) -> list[int]:
        """Lengthen every beginning.

        Args:
            logits: ``(beginnings, vocabulary)`` of the next token.

        Returns:
            For each beginning that is kept, the row it came from.
        """
        before, self._alive = self._alive, []
        score = _log_softmax(logits) + np.array([[so_far] for so_far, _ in before])
        for row, (_, said) in enumerate(before):
            score[row, _closing(said)] = -np.inf
        sources: list[int] = []
        # Twice as many as are kept, for each beginning may end.
        for rank, flat in enumerate(_largest(score.ravel(), 2 * self._width)):
            row, token = divmod(int(flat), score.shape[1])
            so_far, said = float(score[row, token]), before[row][1]
            if so_far == -np.inf or len(self._alive) == self._width:
                break
            if token != self._end:
                self._alive.append((so_far, [*said, token]))
                sources.append(row)
            elif rank < self._width:
                self._finished.append((so_far, said))
        enough = len(self._finished) >= self._width
        if not enough and self._alive and len(self._alive[0][1]) < self._most:
            return sources
        if not enough:
            self._finished += (
                self._alive or before[:1]
            )  # none is alive where all that could follow was barred
        self._alive = []
        return []


def search(
    step: Callable[[int, int, State], tuple[Float32Array, State]], state: State, beams: Beams
) -> list[int]:
    """The sentence of a model that takes one beginning at a time.

    Args:
        step: a token, its position and what the model keeps of those before; to the logits
            ``(vocabulary,)`` of the next, and what it keeps now.
        state: what it keeps before the first.
        beams: the search.
    """
    states, position = [state], 0
    while not beams.done:
        found = [step(token, position, one) for token, one in zip(beams.tokens, states, strict=True)]
        states = [found[row][1] for row in beams.advance(np.stack([logits for logits, _ in found]))]
        position += 1
    return beams.best


def _log_softmax(logits: Float32Array) -> np.ndarray:
    score = logits.astype(np.float64)
    score -= score.max(axis=1, keepdims=True)
    return np.asarray(score - np.log(np.exp(score).sum(axis=1, keepdims=True)))


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Indices of the largest values, the largest first; of equal ones the first."""
    count = min(count, len(values))
    chosen = np.sort(np.argpartition(-values, count - 1)[:count])
    return chosen[np.argsort(-values[chosen], kind="stable")]


def _closing(said: Sequence[int]) -> list[int]:
    """The tokens that would make the last ones said the same as those before them."""
    lengths = range(_SHORTEST_CIRCLE, (len(said) + 1) // 2 + 1)
    return [said[-n] for n in lengths if said[len(said) - n + 1 :] == said[len(said) - 2 * n + 1 : -n]]
