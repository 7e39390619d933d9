"""The procedural corpus: two-hand clips with text, drawn from a seed. `python -m train.corpus` writes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .clip import Action, Clip
from .config import SPLITS, CorpusConfig
from .draw import draw_clip, draw_contrast, make_clip
from .free import draw_free, free_clips
from .plan import draw_plan
from .verbs import VERBS

if TYPE_CHECKING:
    from train.run import RunFolder


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """The corpus stage of a training run: clips into RUN/corpus."""
    from .write import stage as write_stage  # here, for the store needs this package first

    return write_stage(folder)


__all__ = [
    "SPLITS",
    "VERBS",
    "Action",
    "Clip",
    "CorpusConfig",
    "draw_clip",
    "draw_contrast",
    "draw_free",
    "draw_plan",
    "free_clips",
    "make_clip",
    "stage",
]
