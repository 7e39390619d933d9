"""The form of a verb's wording."""

from __future__ import annotations

from dataclasses import dataclass, field


def many(text: str) -> tuple[str, ...]:
    """The parts of a text between bars."""
    return tuple(" ".join(part.split()) for part in text.split("|") if part.strip())


@dataclass(frozen=True)
class Wording:
    """How one verb of the table is said; alternatives are written with bars between them.

    The first word of a phrase is its verb and is inflected by rule; `{o}` is the thing it is done to, `{n}`
    a number. `unseen` phrases are kept for validation and test: new combinations of words training has.

    Attributes:
        phrases: with a thing.
        things: nouns, or names of lists of nouns written `@name`.
        plain: without a thing.
        unseen: held out, with or without a thing.
        towards: phrases that say one direction of the verb, (direction, phrases).
        support: what the other hand does meanwhile, as a third person.
        more: further phrases that fit only certain things, (phrases, things).
    """

    phrases: str = ""
    things: str = ""
    plain: str = ""
    unseen: str = ""
    towards: tuple[tuple[str, str], ...] = field(default=())
    support: str = ""
    more: tuple[tuple[str, str], ...] = field(default=())
