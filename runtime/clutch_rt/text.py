"""A user's sentence on its way to the model: checked, folded, and cut into SentencePiece ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from clutch_rt.errors import BundleError, InputError
from clutch_rt.layout import IntArray
from clutch_rt.manifest import TextSettings
from clutch_rt.prompts import COMPLETE, normalise
from clutch_rt.words import Words

_EXAMPLE: Final = '"knead the dough with both hands"'
_APOSTROPHES: Final = str.maketrans("\u2018\u2019\u02bc\u00b4`", "'''''")
# Punctuation between two words with no space: "wave,then clap".
_CLOSE: Final = re.compile(r"(?<=[^\W\d_])([,;:!?]+|\.{2,})(?=[^\W\d_])")


@dataclass(frozen=True)
class Reading:
    """A word of the user's and what the model reads in its place."""

    said: str
    read: str

    def __str__(self) -> str:
        """As a note says it."""
        return f"{quote(self.said)} was read as {quote(self.read)}"


@dataclass(frozen=True)
class Prompt:
    """A sentence ready for the text encoder.

    Attributes:
        text: the sentence as the model reads it, without the prompt around it.
        ids: ``(1, L)`` int64, closed by the end mark.
        unknown: words that the model did not learn, in order.
        readings: words in whose place it reads others: other forms, near words, misspellings.
    """

    text: str
    ids: IntArray
    unknown: tuple[str, ...]
    readings: tuple[Reading, ...] = ()


def clean(text: object) -> str:
    """Check that ``text`` can be a request at all and fold it with ``prompts.normalise``.

    Emoji are left out, typographic apostrophes made plain, and words parted that only punctuation parts.

    Raises:
        InputError: it is no string, holds bytes that are not UTF-8, or has no content.
    """
    if not isinstance(text, str):
        raise InputError(f"the text is a {type(text).__name__}; a string is wanted, such as {_EXAMPLE}")
    # Python carries undecodable bytes of a command line or file as lone surrogates.
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError("the text holds bytes that are not UTF-8; save it or type it as UTF-8")
    # Punctuation that lets no space follow is given one before and after the folding, which may make more.
    folded = normalise("".join(" " if _is_emoji(c) else c for c in text.translate(_APOSTROPHES)))
    folded = normalise(_CLOSE.sub(r"\1 ", folded))
    if not folded:
        found = "without words" if text.strip() else "blank" if text else "empty"
        raise InputError(f"the text is {found}; say what the hands should do, such as {_EXAMPLE}")
    return folded


def quote(text: str, width: int = 40) -> str:
    """``text`` in quotation marks for a message of one line: shortened, without control characters."""
    safe = "".join(c if unicodedata.category(c)[0] not in "CZ" or c == " " else " " for c in text)
    return f'"{safe}"' if len(safe) <= width else f'"{safe[: width - 3]}..."'


def words_of(text: str) -> list[str]:
    """The words of a sentence, folded, without punctuation around them; numbers in digits are no words."""
    words = (_bare(word) for word in normalise(text).split())
    return [word for word in words if any(c.isalpha() for c in word)]


class Tokenizer:
    """The bundle's SentencePiece model together with its prompts. Safe to share between threads."""

    def __init__(
        self,
        model: Path,
        settings: TextSettings,
        max_prompt_tokens: int,
        words: Path | None = None,
        synonyms: Path | None = None,
    ) -> None:
        """Load ``model`` and, where there are such, the words the model learnt from and those near them.

        Raises:
            BundleError: ``model`` is not a SentencePiece model, ``words`` or ``synonyms`` not UTF-8 text.
        """
        import sentencepiece  # here, because checking a text needs no vocabulary

        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
        except (OSError, RuntimeError):
            raise BundleError(f"{model} is not a SentencePiece model; export the bundle again") from None
        try:
            self._words = Words.load(words, synonyms) if words else None
        except (OSError, UnicodeDecodeError):
            lists = f"{words} or {synonyms}" if synonyms else f"{words}"
            raise BundleError(f"{lists} is not a list of words in UTF-8; export the bundle again") from None
        self._settings = settings
        self._limit = max_prompt_tokens

    def motion_prompt(self, text: str) -> Prompt:
        """The prompt that asks for a motion of ``text``.

        Raises:
            InputError: the text is empty, not UTF-8, too long, or holds no word the model knows.
        """
        folded = clean(text)
        read = {word: self._read(word) for word in words_of(folded)}
        readings = tuple(Reading(said, found) for said, found in read.items() if found and found != said)
        said = " ".join(self._replaced(token, read) for token in folded.split()) if readings else folded
        ids = self.own_prompt(said)[0]
        if ids.size > self._limit:
            raise InputError(
                f"the text is too long: {ids.size} tokens with the prompt; this model reads {self._limit}; "
                "shorten it, or make several motions"
            )
        unknown = tuple(word for word, found in read.items() if found is None)
        if not _understood(read):
            raise InputError(
                f"{quote(folded)} holds no word this model knows; "
                f"it reads plain English about hands, such as {_EXAMPLE}"
            )
        return Prompt(said, ids[None], unknown, readings)

    def own_prompt(self, text: str) -> IntArray:
        """The prompt that asks for a motion of a text in the model's own words: ids ``(1, L)``."""
        return self._encode(self._settings.text_to_motion.replace("{text}", text))[None]

    def caption_prompt(self) -> IntArray:
        """The prompt that asks for a sentence about a motion: ids ``(1, L)``."""
        return self._encode(self._settings.motion_to_text)[None]

    def complete_prompt(self) -> IntArray:
        """The prompt that asks for what is missing of a motion, without a sentence: ids ``(1, L)``."""
        return self._encode(COMPLETE)[None]

    def decode(self, ids: list[int]) -> str:
        """Text of ``ids``; rows of the vocabulary that are no piece of text are left out."""
        pieces = self._pieces.get_piece_size()
        return str(self._pieces.decode([i for i in ids if i < pieces])).strip()

    def _encode(self, text: str) -> IntArray:
        return np.asarray([*self._pieces.encode(text), self._settings.eos], dtype=np.int64)

    def _read(self, word: str) -> str | None:
        """What a word is read as, None for one not learnt; without a list of words, itself if it has letters
        that the vocabulary has."""
        if self._words is not None:
            return self._words.read(word)
        ids = self._pieces.encode(word)
        strange = any(i == self._settings.unk or self._pieces.is_byte(i) for i in ids)
        return None if strange else word

    @staticmethod
    def _replaced(token: str, read: Mapping[str, str | None]) -> str:
        """A word of a sentence with the punctuation around it, what it is read as in its place."""
        word = _bare(token)
        found = read.get(word)
        return token.replace(word, found, 1) if found and found != word else token


def _understood(read: Mapping[str, str | None]) -> bool:
    """Whether enough of a sentence is known: a word as it stands, or at least half by what they are read as.

    In a sentence of another language a word or two come near some English ones.
    """
    near = sum(found is not None for found in read.values())
    return any(found == said for said, found in read.items()) or 0 < len(read) <= 2 * near


def _is_emoji(c: str) -> bool:
    """Whether a character is a pictogram or the mark that makes one of a letter; no sentence needs it."""
    return c == "\ufe0f" or unicodedata.category(c) in ("So", "Sk")


def _bare(word: str) -> str:
    """``word`` without the punctuation around it; empty for a word of punctuation alone."""
    start, stop = 0, len(word)
    while start < stop and unicodedata.category(word[start])[0] == "P":
        start += 1
    while stop > start and unicodedata.category(word[stop - 1])[0] == "P":
        stop -= 1
    return word[start:stop]
