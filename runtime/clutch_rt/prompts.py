"""How a user's sentence becomes the text the model reads; training and runtime share it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

TEXT_TO_MOTION: Final = "generate hand motion: {text}"
MOTION_TO_TEXT: Final = "describe the hand motion:"
COMPLETE: Final = "complete the hand motion:"
"""Asks for what is missing of a given motion, where no sentence says more; else ``TEXT_TO_MOTION`` does."""

_SPACE: Final = re.compile(r"\s+")
_TRAILING: Final = re.compile(r"[\s.!?;,:]+$")


def normalise(text: str) -> str:
    """Fold a sentence to the form the model was trained on.

    NFKC, lower case, control characters dropped, white space collapsed, closing punctuation removed.
    The empty string comes back for a text without content.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    text = "".join(c if not unicodedata.category(c).startswith("C") or c.isspace() else " " for c in text)
    return _TRAILING.sub("", _SPACE.sub(" ", text)).strip()


def text_to_motion(text: str) -> str:
    """The prompt that asks for a motion of ``text``, normalised."""
    return TEXT_TO_MOTION.format(text=normalise(text))
