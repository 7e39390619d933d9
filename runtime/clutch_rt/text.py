"""A user's sentence on its way to the model: checked, folded, and cut into SentencePiece ids."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from clutch_rt.errors import BundleError, InputError
from clutch_rt.layout import IntArray
from clutch_rt.manifest import TextSettings
from clutch_rt.prompts import normalise

_EXAMPLE: Final = '"knead the dough with both hands"'


@dataclass(frozen=True)
class Prompt:
    """A sentence ready for the text encoder.

    Attributes:
        text: the sentence as the model reads it, without the prompt around it.
        ids: ``(1, L)`` int64, closed by the end mark.
        unknown: words that the model did not learn, in order.
    """

    text: str
    ids: IntArray
    unknown: tuple[str, ...]


def clean(text: object) -> str:
    """Check that ``text`` can be a request at all and fold it with ``prompts.normalise``, emoji left out.

    Raises:
        InputError: it is no string, holds bytes that are not UTF-8, or has no content.
    """
    if not isinstance(text, str):
        raise InputError(f"the text is a {type(text).__name__}; a string is wanted, such as {_EXAMPLE}")
    # Python carries undecodable bytes of a command line or file as lone surrogates.
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError("the text holds bytes that are not UTF-8; save it or type it as UTF-8")
    folded = normalise("".join(" " if _is_emoji(c) else c for c in text))
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
        self, model: Path, settings: TextSettings, max_prompt_tokens: int, words: Path | None = None
    ) -> None:
        """Load ``model`` and, where there is one, the list of words the model learnt from.

        Raises:
            BundleError: ``model`` is not a SentencePiece model, or ``words`` is not UTF-8 text.
        """
        import sentencepiece  # here, because checking a text needs no vocabulary

        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
        except (OSError, RuntimeError):
            raise BundleError(f"{model} is not a SentencePiece model; export the bundle again") from None
        try:
            self._words = frozenset(words.read_text(encoding="utf-8").split()) if words else None
        except (OSError, UnicodeDecodeError):
            raise BundleError(f"{words} is not a list of words in UTF-8; export the bundle again") from None
        self._settings = settings
        self._limit = max_prompt_tokens

    def motion_prompt(self, text: str) -> Prompt:
        """The prompt that asks for a motion of ``text``.

        Raises:
            InputError: the text is empty, not UTF-8, too long, or holds no word the model knows.
        """
        folded = clean(text)
        ids = self._encode(self._settings.text_to_motion.replace("{text}", folded))
        if ids.size > self._limit:
            raise InputError(
                f"the text is too long: {ids.size} tokens with the prompt; this model reads {self._limit}; "
                "shorten it, or make several motions"
            )
        words = words_of(folded)
        unknown = tuple(dict.fromkeys(word for word in words if not self._knows(word)))
        if all(word in unknown for word in words):
            raise InputError(
                f"{quote(folded)} holds no word this model knows; "
                f"it reads plain English about hands, such as {_EXAMPLE}"
            )
        return Prompt(folded, ids[None], unknown)

    def caption_prompt(self) -> IntArray:
        """The prompt that asks for a sentence about a motion: ids ``(1, L)``."""
        return self._encode(self._settings.motion_to_text)[None]

    def decode(self, ids: list[int]) -> str:
        """Text of ``ids``; rows of the vocabulary that are no piece of text are left out."""
        pieces = self._pieces.get_piece_size()
        return str(self._pieces.decode([i for i in ids if i < pieces])).strip()

    def _encode(self, text: str) -> IntArray:
        return np.asarray([*self._pieces.encode(text), self._settings.eos], dtype=np.int64)

    def _knows(self, word: str) -> bool:
        """Whether training had the word; without a list of words, whether the vocabulary has its letters."""
        if self._words is not None:
            return word in self._words
        ids = self._pieces.encode(word)
        return not any(i == self._settings.unk or self._pieces.is_byte(i) for i in ids)


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
