"""What the export needs of a training run: the two networks, the vocabulary, the settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sentencepiece
from clutch_rt import prompts
from clutch_rt.errors import ClutchError, InputError

from export.training import Training, training_of
from models.lm import MotionLM
from models.shift import Shift

TOKENIZER: Final = "tokenizer.model"
WORDS: Final = "words.txt"
SPECIAL_IDS: Final = (0, 1, 2)
"""pad, end of sentence, unknown: T5's, and this project's."""


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        path: the folder.
        shift, model: the networks, in evaluation mode, on the CPU.
        tokenizer: bytes of the SentencePiece model.
        words: bytes of the list of words the corpus taught; None for a vocabulary that came from elsewhere.
        settings: what ``RUN/config.json`` says; empty where there is none.
        training: the same, as a card says it.
    """

    path: Path
    shift: Shift
    model: MotionLM
    tokenizer: bytes
    words: bytes | None
    settings: Mapping[str, Any]
    training: Training

    def setting(self, *keys: str, default: Any = None) -> Any:
        """A setting by its path, such as ``("evaluate", "top_k")``."""
        value: Any = self.settings
        for key in keys:
            if not isinstance(value, Mapping) or key not in value:
                return default
            value = value[key]
        return value

    def prompt(self, text: str) -> list[int]:
        """Ids of the prompt for a motion of ``text``."""
        return self._encode(prompts.text_to_motion(text))

    def caption_prompt(self) -> list[int]:
        """Ids of the request for a caption."""
        return self._encode(prompts.MOTION_TO_TEXT)

    def _encode(self, text: str) -> list[int]:
        pieces = sentencepiece.SentencePieceProcessor(model_proto=self.tokenizer)
        return [*pieces.encode(text), SPECIAL_IDS[1]]


def read_run(path: Path) -> Run:
    """Open a run folder.

    Raises:
        ClutchError: a part is missing or damaged, or the parts do not belong together.
    """
    if not path.is_dir():
        raise InputError(
            f"{path} is no folder; give a run folder as `python -m train.all run={path}` makes it, "
            "with shift/, lm/ and tokenizer.model"
        )
    for part in ("shift", "lm", TOKENIZER):
        if not (path / part).exists():
            raise InputError(
                f"{path} has no {part}, so its training is not finished: "
                f"run `python -m train.all run={path}` and export again"
            )
    shift, model = Shift.load(path / "shift").eval(), MotionLM.load(path / "lm").eval()
    tokenizer = (path / TOKENIZER).read_bytes()
    settings = read_json(path / "config.json")
    run = Run(
        path=path,
        shift=shift,
        model=model,
        tokenizer=tokenizer,
        words=(path / WORDS).read_bytes() if (path / WORDS).exists() else None,
        settings=settings,
        training=training_of(settings),
    )
    _check(run)
    return run


def read_json(path: Path) -> Mapping[str, Any]:
    """The object of a JSON file, NaN read as None; empty where there is no file; InputError if damaged."""
    if not path.exists():
        return {}
    try:
        # A measure that could not be taken may be NaN, which is no JSON and no manifest's business.
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not JSON ({error}); make it again, or remove it") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a JSON {type(value).__name__}; an object is wanted: make it again")
    return value


def _check(run: Run) -> None:
    """The parts belong together: same codebooks, same vocabulary."""
    grammar = run.model.grammar
    found, wanted = run.shift.codebook_sizes, tuple(grammar.sizes.tolist())
    if found != wanted:
        raise ClutchError(
            f"{run.path}: SHIFT has codebooks of {found} entries per slot, the language model was trained "
            f"for {wanted}; they come from two trainings: run `python -m train.all run={run.path}` again"
        )
    pieces = sentencepiece.SentencePieceProcessor()
    try:
        pieces.load_from_serialized_proto(run.tokenizer)
    except RuntimeError as error:
        raise ClutchError(f"{run.path / TOKENIZER} is not a SentencePiece model; make it again") from error
    if pieces.get_piece_size() > grammar.text_vocab:
        raise ClutchError(
            f"{run.path / TOKENIZER} has {pieces.get_piece_size()} pieces, the language model embeds "
            f"{grammar.text_vocab}; use the vocabulary it was trained with"
        )
    special = (pieces.pad_id(), pieces.eos_id(), pieces.unk_id())
    if special != SPECIAL_IDS:
        raise ClutchError(
            f"{run.path / TOKENIZER} has pad, end and unknown at {special}; they must be at {SPECIAL_IDS}"
        )
