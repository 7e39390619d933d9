"""The procedural corpus: two-hand clips with text, drawn from a seed. `python -m train.corpus` writes one."""

from __future__ import annotations

from .clip import Action, Clip
from .config import SPLITS, CorpusConfig
from .draw import draw_clip, draw_contrast, make_clip
from .plan import draw_plan, split_of
from .verbs import VERBS

__all__ = [
    "SPLITS",
    "VERBS",
    "Action",
    "Clip",
    "CorpusConfig",
    "draw_clip",
    "draw_contrast",
    "draw_plan",
    "make_clip",
    "split_of",
]
