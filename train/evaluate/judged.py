"""Which weights were judged: their hashes stand beside the figures, lest these be shown for other weights."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from clutch_rt.errors import InputError
from clutch_rt.manifest import CARD, read_manifest, sha256_of

RUN_FILES: Final = ("lm/model.safetensors", "shift/model.safetensors", "tokenizer.model")


def files_of_run(run: Path) -> dict[str, str]:
    """SHA-256 of the networks and the vocabulary of a run, by path inside it.

    Raises:
        InputError: one of them is missing.
    """
    return {name: _sha256(run, name) for name in RUN_FILES}


def files_of_bundle(bundle: Path) -> dict[str, str]:
    """SHA-256 of every file of a bundle but its card, which is written after the judging, by name."""
    entries = read_manifest(bundle).files
    return {name: entry.sha256 for name, entry in sorted(entries.items()) if name != CARD}


def _sha256(run: Path, name: str) -> str:
    try:
        return sha256_of(run / name)
    except FileNotFoundError as error:
        raise InputError(
            f"{run} has no {name}, so its training is not finished: run `python -m train.all run={run}`"
        ) from error
