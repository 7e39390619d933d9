"""The stream of the ``flat`` form, ``<som> t p t p ... <eom>``: its ids, and who sees whom in it."""

from __future__ import annotations

import torch
from clutch_rt.grammar import Grammar
from torch import Tensor
from torch.nn import functional as F

_UNSEEN = -1e9  # added to a score of attention, leaves it no weight


def flat_ids(grammar: Grammar, codes: Tensor) -> Tensor:
    """Codes ``(B, S, K)`` as flat ids ``(B, K S)``, without markers."""
    return (codes + torch.as_tensor(grammar.bases, device=codes.device)).flatten(1)


def flat_inputs(grammar: Grammar, codes: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Teacher-forced ids ``(B, K S + 1)``; ``hidden (B, S)`` as in ``MotionLM.step_inputs``.

    Of a hidden step only the last token is replaced, by ``<som>``: it is the first input of the step after.
    The step's own slots follow the others, which ``flat_scores`` hides from later steps.
    """
    ids = flat_ids(grammar, codes)
    ids = torch.cat([torch.full_like(ids[:, :1], grammar.som), ids], 1)
    if hidden is not None:
        first = torch.zeros_like(ids, dtype=torch.bool)
        first[:, : -1 : grammar.slots] = hidden
        ids = torch.where(first, grammar.som, ids)
    return ids


def flat_scores(hidden: Tensor, slots: int) -> Tensor:
    """What each position of the flat stream may attend to: 0, or ``_UNSEEN``; ``(B, 1, K S + 1, K S + 1)``.

    As in the step form, a hidden step is kept from every later step (at any layer), while the slots within it
    see each other.
    """
    at = torch.arange(slots * hidden.shape[1] + 1, device=hidden.device)
    gone = F.pad(hidden[:, 1:], (0, 2)).repeat_interleave(slots, dim=1)[:, : len(at)]
    gone = gone & (at % slots != 0)  # the last token of a step is <som> there already
    step = at // slots
    unseen = (at > at[:, None]) | (gone[:, None] & (step < step[:, None]))
    return torch.zeros(unseen.shape, device=hidden.device).masked_fill(unseen, _UNSEEN).unsqueeze(1)
