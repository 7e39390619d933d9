"""The choice of a row of logits, inside a graph: the rule of ``models.generation.choose``."""

from __future__ import annotations

from export.graph import GraphBuilder, Value


class Sampler:
    """Chooses one row of logits under temperature, top-k and Gumbel noise."""

    def __init__(self, g: GraphBuilder, temperature: Value, top_k: Value) -> None:
        self._g = g
        self._temperature = temperature
        # No cut is a bar that everything passes: TopK then finds one row, where keeping all would sort all.
        none = g.node("LessOrEqual", top_k, g.ints(0))
        self._k = g.node("Max", top_k, g.ints(1))
        self._cuts: dict[int, Value] = {}
        self._most = g.node("Where", none, g.scalar(float("-inf")), g.scalar(float("inf")))

    def choose(self, logits: Value, noise: Value, size: int | None = None) -> Value:
        """The row that is drawn of each motion, int64.

        Args:
            logits: ``(..., rows)``.
            noise: such as can be added to them.
            size: how many rows there are; None where only the graph knows, and then logits are ``(1, rows)``.
        """
        g = self._g
        scores = g.node("Div", logits, self._temperature)
        kept = g.node("Where", self._below(scores, size), g.scalar(float("-inf")), scores)
        return g.node("ArgMax", g.add(kept, noise), axis=-1, keepdims=0)

    def _below(self, scores: Value, size: int | None) -> Value:
        """Which of ``scores (..., rows)`` are below the k-th best of their motion, bool of the same shape."""
        g = self._g
        k = self._cut(size) if size else g.node("Min", self._k, g.gather(g.node("Shape", scores), g.ints(1)))
        best = g.nodes("TopK", [scores, k], 2, axis=-1)[0]
        bar = g.node("Min", g.node("ReduceMin", best, axes=[-1], keepdims=1), self._most)
        return g.node("Less", scores, bar)

    def _cut(self, size: int) -> Value:
        if size not in self._cuts:
            self._cuts[size] = self._g.node("Min", self._k, self._g.ints(size))
        return self._cuts[size]
