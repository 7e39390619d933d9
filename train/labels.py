"""The labels of a clip's actions as numbers: verb, hand, direction, speed, count, amplitude."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from clutch_rt.layout import IntArray

from models.plan import ACTIONS
from train.tokens import TokenStore

__all__ = ["ACTIONS", "FIELDS", "LabelVocabulary"]

FIELDS: Final = ("verb", "hand", "direction", "speed", "count", "amplitude")


@dataclass(frozen=True)
class LabelVocabulary:
    """The values that each of ``FIELDS`` takes; value i has the number i + 1, and 0 is for none.

    Attributes:
        values: of each field, in order.
    """

    values: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, store: TokenStore) -> LabelVocabulary:
        """All values that occur in a store."""
        return cls(tuple(tuple(sorted(map(str, store.label_values(name)))) for name in FIELDS))

    @property
    def sizes(self) -> list[int]:
        """Numbers of each field, none included."""
        return [len(values) + 1 for values in self.values]

    @property
    def plan(self) -> dict[str, list[str]]:
        """The same as a model's config has it."""
        return {name: list(values) for name, values in zip(FIELDS, self.values, strict=True)}

    def numbers(self, actions: Sequence[Mapping[str, Any]]) -> IntArray:
        """Labels of a clip's actions, ``(ACTIONS, len(FIELDS))``; 0 also where a value is not known here."""
        numbers = np.zeros((ACTIONS, len(FIELDS)), np.int64)
        for row, action in zip(numbers, actions, strict=False):
            for k, (name, known) in enumerate(zip(FIELDS, self.values, strict=True)):
                value = action.get(name)
                row[k] = known.index(str(value)) + 1 if value is not None and str(value) in known else 0
        return numbers
