"""The words a model learnt from, and what it makes of those it did not: another form, a near one, a slip."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from clutch_rt.spelling import LONGEST, Speller, plain_forms

_HALF: Final = 3  # letters of the shorter of two words that were run together, at least
_JOINTS: Final = re.compile(r"[-/_]")


@dataclass(frozen=True)
class Words:
    """What the model can read. Safe to share between threads.

    Attributes:
        known: the words of its training.
        near: other English words, and what each is read as, or "" for one that has no near word: it is
            English, so it is no misspelling.
    """

    known: frozenset[str]
    near: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, words: Path, synonyms: Path | None) -> Words:
        """Read the two lists of a bundle; OSError or UnicodeDecodeError where that cannot be done.

        Of ``synonyms`` a line that starts with ``#`` is a remark, any other a word and what it is read as.
        """
        known = frozenset(words.read_text(encoding="utf-8").split())
        if synonyms is None:
            return cls(known)
        lines = synonyms.read_text(encoding="utf-8").splitlines()
        pairs = (line.partition(" ") for line in lines if line and not line.startswith("#"))
        return cls(known, {word: read.strip() for word, _, read in pairs})

    def read(self, word: str) -> str | None:
        """What a word is read as: itself where it is known, None where nothing is near.

        A known word's other form ("kneaded") is read as that word, a near word as the listed one ("squish" as
        "squash"), words run together apart ("lefthand"), and what is left as the word it misspells
        (``spelling``). Short words and numbers are never guessed, and no misspelling is without the list of
        near words: only with it can one be told from other English.
        """
        if word in self.known:
            return word
        if found := self._form(word) or self._hyphened(word):
            return found
        if len(word) > 2 * LONGEST:
            return None
        if not self.near or any(form in self.near for form in (word, *plain_forms(word))):
            return None  # English, and not what the corpus speaks of
        # Words run together are one slip too: a space left out.
        return self._speller.meant(word, 1) or self._parted(word) or self._speller.meant(word)

    def _form(self, word: str) -> str | None:
        """The known or near word that this is, or is a form of."""
        plain = list(self._plain(word))
        known = next((form for form in plain if form in self.known), None)
        return known or next((self.near[form] for form in (word, *plain) if self.near.get(form)), None)

    @staticmethod
    def _plain(word: str) -> Iterable[str]:
        for owner in ("'s", "s'", "'"):
            if word.endswith(owner) and len(word) > len(owner) + 1:
                yield word.removesuffix(owner)
        yield from plain_forms(word)

    def _hyphened(self, word: str) -> str | None:
        """The words that hyphens join, if any of them is known."""
        parts = [part for part in _JOINTS.split(word) if part]
        read = [part if part in self.known else self._form(part) for part in parts]
        if len(parts) < 2 or not any(read):
            return None
        return " ".join(found or part for found, part in zip(read, parts, strict=True))

    def _parted(self, word: str) -> str | None:
        """Two known words with nothing between them, if there is one way to cut it so ("righthand")."""
        cuts = [i for i in range(_HALF, len(word) - _HALF + 1) if {word[:i], word[i:]} <= self.known]
        return f"{word[: cuts[0]]} {word[cuts[0] :]}" if len(cuts) == 1 else None

    @cached_property
    def _speller(self) -> Speller:
        return Speller(self.known)
