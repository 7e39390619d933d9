"""Words as people mistype and bend them: which known word was meant, if it is clear which."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

SHORTEST: Final = 4  # letters of a word that may be a misspelling; shorter ones have too many neighbours
MOST: Final = 2  # slips that are forgiven
LONG: Final = 8  # letters from which on two slips are forgiven
LONGEST: Final = 24  # letters of an English word; the work grows with their square


def slips(word: str) -> int:
    """How many slips a word of this length may hold."""
    return 0 if not SHORTEST <= len(word) <= LONGEST else 1 if len(word) < LONG else MOST


def shorter(word: str) -> set[str]:
    """A word and all that remains of it with as many letters left out as it may hold slips.

    Two words at most so many slips apart always share one of these; most that are further apart share none.
    """
    found = {word}
    for _ in range(slips(word)):
        found |= {part[:i] + part[i + 1 :] for part in found for i in range(len(part))}
    return found


def distance(one: str, other: str) -> int:
    """Letters to insert, leave out, change or exchange with their neighbour, to make one word the other.

    Damerau's distance where no place is changed twice ("optimal string alignment").
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        older, before, row = before, row, [i]
        for j, wanted in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]


class Speller:
    """Finds the known word that an unknown one was meant to be. Safe to share between threads."""

    def __init__(self, known: Collection[str]) -> None:
        """Words of letters alone can be meant; others are never guessed."""
        self._by_part: dict[str, list[str]] = {}
        for word in sorted(word for word in known if word.isalpha() and len(word) >= SHORTEST - 1):
            for part in shorter(word):
                self._by_part.setdefault(part, []).append(word)

    def meant(self, word: str, most: int = MOST) -> str | None:
        """The one known word nearest to it, None where that is unclear.

        It is within ``most`` slips, and within those that the word's length forgives.

        Of several as near, those with its first letter are preferred, then those of the same letters (two
        exchanged); if more than one is left, none was clearly meant.
        """
        if not word.isalpha() or slips(word) == 0:
            return None
        near = {
            other: distance(word, other) for part in shorter(word) for other in self._by_part.get(part, ())
        }
        least = min(near.values(), default=LONG)
        if least > min(slips(word), most):
            return None
        best = [other for other, apart in near.items() if apart == least]
        for same in (lambda other: other[0] == word[0], lambda other: sorted(other) == sorted(word)):
            best = [other for other in best if same(other)] or best
        return best[0] if len(best) == 1 else None


def plain_forms(word: str) -> Iterator[str]:
    """What a word ending in -s, -ed or -ing may be a form of, the likeliest first."""
    for ending in ("ing", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < (2 if ending == "s" else 3):
            continue  # "thing" is no form of "the"
        if ending == "es" or (ending == "ed" and stem.endswith("i")):
            yield from ((f"{stem[:-1]}y",) if stem.endswith("i") else ())
        if ending in ("ing", "ed") and len(stem) > 2 and stem[-1] == stem[-2]:
            yield stem[:-1]  # "stirred"
        yield stem
        if ending in ("ing", "ed"):
            yield f"{stem}e"  # "wiped"
    if word.endswith("ves"):
        yield f"{word[:-3]}f"
        yield f"{word[:-3]}fe"
