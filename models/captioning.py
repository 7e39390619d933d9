"""Motions told in words in torch: the reference that captions of an export are held to.

Of the sentences that a beam search finds the likeliest is taken, or, where captions are told under a plan,
the one that reads back as most of it; see ``clutch_rt.beams``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from clutch_rt.beams import BEAM_WIDTH, Beams, penalty, read_back
from clutch_rt.layout import IntArray
from torch import Tensor

from models.generation import EOS, PAD, new_cache, pad_codes, pad_prompts
from models.lm import Encoded, MotionLM
from models.plan import Plan


@torch.no_grad()
def seen(
    model: MotionLM, ids: Tensor, ids_mask: Tensor, codes: Tensor, codes_mask: Tensor
) -> tuple[Encoded, Tensor | None]:
    """What motions are told in words from, and what is read of them.

    Arguments as of ``MotionLM.encode``.

    Returns:
        The memory, and the likeliest labels ``(B, ACTIONS, fields)`` under which it is; None where captions
        have no plan.
    """
    encoded = model.encode(ids, ids_mask, codes, codes_mask)
    if model.caption_plan is None:
        return encoded, None
    labels = likeliest(model.caption_plan, encoded)
    return model.with_plan(encoded, labels), labels


def likeliest(plan: Plan, encoded: Encoded) -> Tensor:
    """The likeliest labels ``(B, ACTIONS, fields)`` of all that was read, words and codes, without a plan."""
    return torch.stack([x.argmax(-1) for x in plan.reader.scores(encoded.memory, encoded.mask)], -1)


@torch.no_grad()
def caption(
    model: MotionLM,
    prompt: Sequence[int],
    motions: Sequence[IntArray],
    max_tokens: int = 64,
    batch_size: int = 64,
    width: int = BEAM_WIDTH,
    ask: Callable[[list[int]], list[int]] | None = None,
) -> list[list[int]]:
    """Describe motions, as ``clutch_rt.beams`` searches.

    Args:
        model: in evaluation mode.
        prompt: ids of the request, ``<eos>`` at its end.
        motions: arrays ``(S_i, K)`` int64.
        max_tokens: the longest caption.
        batch_size: motions decoded together.
        width: of the beam.
        ask: ids of a caption to those of the prompt that asks for such a motion. With it the captions found
            are read back, where the model plans them, as ``clutch_rt`` does; else the likeliest is taken.

    Returns:
        Ids of each caption, without pad and ``<eos>``.
    """
    out: list[list[int]] = []
    for first in range(0, len(motions), batch_size):
        part = motions[first : first + batch_size]
        ids, mask = pad_prompts([list(prompt)] * len(part), model.device)
        encoded, labels = seen(model, ids, mask, *pad_codes(part, model.device))
        searches = [Beams(width, PAD, EOS, max_tokens, penalty(labels is not None)) for _ in part]
        _search(model, encoded, searches)
        if labels is None or ask is None:
            out += [beams.best for beams in searches]
            continue
        for beams, wanted in zip(searches, labels.cpu().numpy(), strict=True):
            asked = pad_prompts([ask(said) for said in beams.sentences], model.device)
            assert model.caption_plan is not None
            read = likeliest(model.caption_plan, model.encode(*asked)).cpu().numpy()
            out.append(beams.sentences[read_back(list(read), wanted)])
    return out


def _search(model: MotionLM, encoded: Encoded, searches: Sequence[Beams]) -> None:
    """Run searches to their ends together, all of their hypotheses one batch."""
    cache, rows = new_cache(), encoded
    while tokens := [token for beams in searches for token in beams.tokens]:
        column = torch.tensor(tokens, device=model.device).unsqueeze(1)
        logits = model.text_logits(rows, column, cache)[:, -1].float().cpu().numpy()
        sources: list[int] = []
        owners: list[int] = []
        first = 0
        for owner, beams in enumerate(searches):
            last = first + len(beams.tokens)
            if last > first:
                kept = beams.advance(logits[first:last])
                sources += [first + row for row in kept]
                owners += [owner] * len(kept)
            first = last
        if sources:
            cache.reorder_cache(cast(torch.LongTensor, torch.tensor(sources, device=model.device)))
            rows = encoded.rows(torch.tensor(owners, device=model.device))
