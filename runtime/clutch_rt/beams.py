"""Beam search for the likeliest sentence, none of which turns in a circle.

A model that has learnt several sentences for one motion is unsure at every word, and the likeliest next word
leads it into circles ("with a whisk with a whisk with a ..."). So several hypotheses are kept beside each
other, the sentence with the best mean log-probability is taken (a length penalty of 1, Wu et al. 2016,
https://arxiv.org/abs/1609.08144), and a token is blocked that would say the same twice in a row.

Where a model reads labels from a motion and from a sentence alike, the sentences it finds are read back, and
that one is taken which says most of what the motion does. Then they are ordered by their whole probability
(a penalty of 0), for the mean favours long ones that repeat themselves, and they crowd the others out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from clutch_rt.layout import Float32Array, IntArray

BEAM_WIDTH: Final = 4
_SHORTEST_CIRCLE: Final = 2  # tokens; one token may follow itself, up to three in a row

State = TypeVar("State")
_Hypothesis = tuple[float, list[int]]  # the sum of its tokens' log-probabilities, and these


def penalty(planned: bool) -> float:
    """The length penalty of a search whose sentences are read back, ``planned``, or are not."""
    return 0.0 if planned else 1.0


class Beams:
    """The hypotheses of one sentence, and the sentences that were finished.

    With a width of 1 it is the likeliest token each time that closes no circle.

    Args:
        width: hypotheses that are kept.
        start: the token before the first, which is never said.
        end: the token after the last.
        most: tokens of the longest sentence, its end not counted.
        penalty: power of the number of tokens that a sum of log-probabilities is divided by.

    Raises:
        ValueError: ``width`` or ``most`` is below 1.
    """

    def __init__(self, width: int, start: int, end: int, most: int, penalty: float = 1.0) -> None:
        if min(width, most) < 1:
            raise ValueError(f"a beam of width {width} and at most {most} tokens; 1 is the least of each")
        self._width, self._start, self._end, self._most = width, start, end, most
        self._penalty = penalty
        self._alive: list[_Hypothesis] = [(0.0, [])]
        self._finished: list[_Hypothesis] = []  # the best first, with their score in place of the sum

    @property
    def tokens(self) -> list[int]:
        """The last token of each hypothesis; none when the search has ended."""
        return [said[-1] if said else self._start for _, said in self._alive]

    @property
    def best(self) -> list[int]:
        """The best sentence that was finished, without start and end; ValueError before the search ends."""
        return self.sentences[0]

    @property
    def sentences(self) -> list[list[int]]:
        """Those that were finished, the best first, at most the width; else as ``best``."""
        if self._alive:
            raise ValueError("the search has not ended")
        return [said for _, said in self._finished]

    def advance(self, logits: Float32Array) -> list[int]:
        """Lengthen every hypothesis.

        Args:
            logits: ``(hypotheses, vocabulary)`` of the next token.

        Returns:
            For each hypothesis that is kept, the row it came from.

        Raises:
            ValueError: there are not as many rows as hypotheses.
        """
        before = self._alive
        if len(logits) != len(before):
            raise ValueError(f"{len(logits)} rows of logits came for {len(before)} hypotheses")
        score = _log_softmax(logits) + np.array([[total] for total, _ in before])
        score[:, self._start] = -np.inf
        for row, (_, said) in enumerate(before):
            score[row, _closing(said)] = -np.inf
        self._alive, sources = [], []
        # Twice as many as are kept, for each may be an end.
        for rank, flat in enumerate(_largest(score.ravel(), 2 * self._width)):
            row, token = divmod(int(flat), score.shape[1])
            total, said = float(score[row, token]), before[row][1]
            if total == -np.inf or len(self._alive) == self._width:
                break
            if token != self._end:
                self._alive.append((total, [*said, token]))
                sources.append(row)
            elif rank < self._width:
                self._finish(total, len(said) + 1, said)
        return [] if self._ends(before) else sources

    def _score(self, total: float, tokens: int) -> float:
        return total / tokens**self._penalty

    def _finish(self, total: float, tokens: int, said: list[int]) -> None:
        self._finished.append((self._score(total, tokens), said))
        self._finished.sort(key=lambda found: -found[0])
        del self._finished[self._width :]

    def _ends(self, before: Sequence[_Hypothesis]) -> bool:
        """Whether the search is over: nothing can go on, or what does is no better than what is there."""
        if self._alive and len(self._alive[0][1]) < self._most:
            total, said = self._alive[0]
            full = len(self._finished) == self._width
            if not (full and self._finished[-1][0] >= self._score(total, len(said))):
                return False
        if not self._finished:
            # Cut off at the longest; or, where every token is blocked, what there was.
            total, said = (self._alive or before)[0]
            self._finish(total, max(len(said), 1), said)
        self._alive = []
        return True


def search(
    step: Callable[[int, int, State], tuple[Float32Array, State]], state: State, beams: Beams
) -> list[list[int]]:
    """The sentences of a model that takes one hypothesis at a time, the best first.

    Args:
        step: a token, its position and what the model keeps of those before; to the logits
            ``(vocabulary,)`` of the next, and what it keeps now.
        state: what it keeps before the first.
        beams: the search, not yet begun.
    """
    states, position = [state], 0
    while tokens := beams.tokens:
        found = [step(token, position, one) for token, one in zip(tokens, states, strict=True)]
        states = [found[row][1] for row in beams.advance(np.stack([logits for logits, _ in found]))]
        position += 1
    return beams.sentences


def read_back(labels: Sequence[IntArray], wanted: IntArray) -> int:
    """Which sentence's labels have most of those ``wanted``; of equal ones the first.

    All count alike: the fields are known here by their places alone, and of a caption the hand matters too.

    Args:
        labels: of each sentence, ``(..., actions, fields)``.
        wanted: of the motion, the same shape.
    """
    return int(np.argmax([(read == wanted).sum() for read in labels]))


def _log_softmax(logits: Float32Array) -> NDArray[np.float64]:
    """Log-probabilities over the last axis, ``(hypotheses, vocabulary)``."""
    score = logits.astype(np.float64)
    score -= score.max(axis=1, keepdims=True)
    score -= np.log(np.exp(score).sum(axis=1, keepdims=True))
    return score


def _largest(values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Indices of the ``count`` largest of ``values (n,)``, the largest first; of equal ones the first."""
    count = min(count, len(values))
    chosen = np.flatnonzero(values >= np.partition(values, -count)[-count])
    return chosen[np.argsort(-values[chosen], kind="stable")][:count]


def _closing(said: Sequence[int]) -> list[int]:
    """The tokens that would make the last ones said the same as those before them."""
    lengths = range(_SHORTEST_CIRCLE, (len(said) + 1) // 2 + 1)
    return [said[-n] for n in lengths if said[len(said) - n + 1 :] == said[len(said) - 2 * n + 1 : -n]]
