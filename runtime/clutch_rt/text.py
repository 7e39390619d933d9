"""A user's sentence on its way to the model: checked, folded, and cut into SentencePiece ids."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import sentencepiece

from clutch_rt.errors import BundleError, InputError
from clutch_rt.layout import IntArray
from clutch_rt.manifest import TextSettings
from clutch_rt.prompts import normalise

_EXAMPLE: Final = '"knead the dough with both hands"'
_SPACE_MARK: Final = "\u2581"

# A word that falls apart into pieces of one or two letters was not among the words the vocabulary grew from.
# Shorter words are no evidence either way.
_TELLING_LENGTH: Final = 4
_KNOWN_PIECE_LENGTH: Final = 2.0


@dataclass(frozen=True)
class Prompt:
    """A sentence ready for the text encoder.

    Attributes:
        text: the sentence as the model reads it, without the prompt around it.
        ids: ``(1, L)`` int64, closed by the end mark.
        unknown: words that the model has no notion of, in order.
    """

    text: str
    ids: IntArray
    unknown: tuple[str, ...]


def clean(text: object) -> str:
    """Check that ``text`` can be a request at all and fold it with ``prompts.normalise``.

    Raises:
        InputError: it is no string, holds bytes that are not UTF-8, or has no content.
    """
    if not isinstance(text, str):
        raise InputError(f"the text is a {type(text).__name__}; a string is wanted, such as {_EXAMPLE}")
    # Python carries undecodable bytes of a command line or file as lone surrogates.
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError("the text holds bytes that are not UTF-8; save it or type it as UTF-8")
    folded = normalise(text)
    if not folded:
        found = "blank" if text else "empty"
        raise InputError(f"the text is {found}; say what the hands should do, such as {_EXAMPLE}")
    return folded


def quote(text: str, width: int = 40) -> str:
    """``text`` in quotation marks for a message of one line: shortened, without control characters."""
    safe = "".join(c if unicodedata.category(c)[0] not in "CZ" or c == " " else " " for c in text)
    return f'"{safe}"' if len(safe) <= width else f'"{safe[: width - 3]}..."'


class Tokenizer:
    """The bundle's SentencePiece model together with its prompts. Safe to share between threads."""

    def __init__(self, model: Path, settings: TextSettings, max_prompt_tokens: int) -> None:
        """Load ``model``; BundleError where it is not a SentencePiece model."""
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
        except (OSError, RuntimeError):
            raise BundleError(f"{model} is not a SentencePiece model; export the bundle again") from None
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
        return Prompt(folded, ids[None], self._unknown(folded))

    def caption_prompt(self) -> IntArray:
        """The prompt that asks for a sentence about a motion: ids ``(1, L)``."""
        return self._encode(self._settings.motion_to_text)[None]

    def decode(self, ids: list[int]) -> str:
        """Text of ``ids``, without its special marks."""
        return str(self._pieces.decode(ids)).strip()

    def _encode(self, text: str) -> IntArray:
        return np.asarray([*self._pieces.encode(text), self._settings.eos], dtype=np.int64)

    def _unknown(self, folded: str) -> tuple[str, ...]:
        words = [w for w in (_letters(word) for word in folded.split()) if w]
        unknown = [word for word in words if not self._knows(word)]
        telling = [word for word in words if word not in unknown and len(word) >= _TELLING_LENGTH]
        if len(unknown) == len(words) or (unknown and not telling):
            raise InputError(
                f"{quote(folded)} holds no word this model knows; "
                f"it reads plain English about hands, such as {_EXAMPLE}"
            )
        return tuple(dict.fromkeys(unknown))

    def _knows(self, word: str) -> bool:
        ids = self._pieces.encode(word)
        if any(i == self._settings.unk or self._pieces.is_byte(i) for i in ids):
            return False
        pieces = [p for p in (self._pieces.id_to_piece(i).strip(_SPACE_MARK) for i in ids) if p]
        return len(word) < _TELLING_LENGTH or len(word) / max(len(pieces), 1) >= _KNOWN_PIECE_LENGTH


def _letters(word: str) -> str:
    """``word`` without the punctuation around it; empty for a word of punctuation alone."""
    start, stop = 0, len(word)
    while start < stop and unicodedata.category(word[start])[0] == "P":
        start += 1
    while stop > start and unicodedata.category(word[stop - 1])[0] == "P":
        stop -= 1
    return word[start:stop]
