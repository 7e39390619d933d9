"""Sampling of motions from the language model in torch, batched and cached: what exports are held to.

The noise is the counter-based one of ``clutch_rt.noise`` and belongs to an item's seed alone, so a motion
does not change with the batch it was drawn in. One slot is chosen as
``argmax(top_k(logits / temperature) + gumbel)``, and so is the rhythm, where the model has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from clutch_rt import noise
from clutch_rt.errors import InputError
from clutch_rt.grammar import UNKNOWN
from clutch_rt.layout import IntArray
from torch import Tensor
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from models.lm import Encoded, MotionLM
from models.plan import ACTIONS
from models.rhythm import following

PAD, EOS = 0, 1
DEFAULT_TEMPERATURE = 0.8
DEFAULT_TOP_K = 20
_FORBID, _FORCE = -1e9, 1e9


def pad_prompts(
    prompts: Sequence[Sequence[int]], device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Right-pad id lists to ``ids (B, L)`` int64 and ``mask (B, L)`` bool."""
    length = max(len(p) for p in prompts)
    ids = torch.full((len(prompts), length), PAD, dtype=torch.long)
    mask = torch.zeros(len(prompts), length, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.as_tensor(prompt, dtype=torch.long)
        mask[row, : len(prompt)] = True
    return ids.to(device), mask.to(device)


def pad_codes(motions: Sequence[IntArray], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Right-pad motions ``(S_i, K)`` to ``codes (B, S, K)`` int64 (zeros behind) and ``mask (B, S)`` bool."""
    length = max(len(m) for m in motions)
    codes = torch.zeros(len(motions), length, motions[0].shape[1], dtype=torch.long)
    mask = torch.zeros(len(motions), length, dtype=torch.bool)
    for row, motion in enumerate(motions):
        codes[row, : len(motion)] = torch.as_tensor(motion)
        mask[row, : len(motion)] = True
    return codes.to(device), mask.to(device)


def choose(logits: Tensor, gumbel: Tensor, temperature: float, top_k: int) -> Tensor:
    """Sample one entry per row.

    Args:
        logits: ``(B, K)``.
        gumbel: ``(B, K)`` standard Gumbel noise.
        temperature: above 0; lower is surer.
        top_k: only the k best may be chosen; 0 or less means all.

    Returns:
        ``(B,)`` int64.
    """
    scores = logits / temperature
    if 0 < top_k < scores.shape[-1]:
        bar = scores.topk(top_k, dim=-1).values[:, -1:]
        scores = scores.masked_fill(scores < bar, -torch.inf)
    return (scores + gumbel).argmax(-1)


@torch.no_grad()
def generate(
    model: MotionLM,
    ids: Tensor,
    ids_mask: Tensor,
    seeds: Sequence[int],
    steps: int | Sequence[int] | None = None,
    temperature: float = DEFAULT_TEMPERATURE,
    top_k: int = DEFAULT_TOP_K,
    given: Sequence[IntArray] | None = None,
    batch_size: int = 64,
) -> list[IntArray]:
    """Draw a motion for each prompt.

    Args:
        model: in evaluation mode.
        ids, ids_mask: ``(B, L)`` prompts.
        seeds: one per prompt; alone decides the noise.
        steps: lengths asked for (one, or one per prompt); None lets the model choose.
        temperature, top_k: see ``choose``; a greedy choice is ``top_k=1``.
        given: a motion ``(S_i, K)`` to complete for each prompt, ``UNKNOWN`` where the model shall choose;
            its length is the result's. ``step`` form only.
        batch_size: prompts decoded together; changes memory and speed only.

    Returns:
        B arrays ``(S_i, K)`` int64, each valid in the model's grammar.

    Raises:
        InputError: temperature, seeds, steps or what is given make no sense.
        GrammarError: what is given is no motion of the model's grammar.
    """
    whole = draw(model, ids, ids_mask, seeds, steps, temperature, top_k, given, batch_size)
    return [drawn[:, -model.slots :] for drawn in whole]


@torch.no_grad()
def draw(
    model: MotionLM,
    ids: Tensor,
    ids_mask: Tensor,
    seeds: Sequence[int],
    steps: int | Sequence[int] | None = None,
    temperature: float = DEFAULT_TEMPERATURE,
    top_k: int = DEFAULT_TOP_K,
    given: Sequence[IntArray] | None = None,
    batch_size: int = 64,
) -> list[IntArray]:
    """As ``generate``, but all that was drawn: B arrays ``(S_i, C)``, the rhythm, if any, and the codes."""
    if given is not None:
        steps = _given_lengths(model, len(ids), given, steps)
    lengths = _check(model, len(ids), seeds, steps, temperature)
    encode = _encoder(model, ids, ids_mask, given, seeds, temperature)
    if lengths is None and model.config.form == "step":
        parts = torch.arange(len(ids)).split(batch_size)
        lengths = np.concatenate(
            [_lengths(model, encode(p), [seeds[i] for i in p], temperature) for p in parts]
        )
    order = torch.arange(len(ids)) if lengths is None else torch.as_tensor(np.argsort(lengths, kind="stable"))
    out: list[IntArray] = [np.zeros((0, len(model.grammar.drawn)), np.int64)] * len(ids)
    for part in order.split(batch_size):
        asked = None if lengths is None else lengths[part.numpy()]
        encoded, chosen_seeds = encode(part), [seeds[i] for i in part]
        if model.config.form == "flat":
            drawn = _draw_flat(model, encoded, chosen_seeds, asked, temperature, top_k)
        else:
            assert asked is not None
            forced = None if given is None else [given[i] for i in part]
            drawn = _draw_steps(model, encoded, chosen_seeds, asked, temperature, top_k, forced)
        for row, motion in zip(part.tolist(), drawn, strict=True):
            out[row] = motion
    return out


def _encoder(
    model: MotionLM,
    ids: Tensor,
    mask: Tensor,
    given: Sequence[IntArray] | None,
    seeds: Sequence[int],
    temperature: float,
) -> Callable[[Tensor], Encoded]:
    """Rows of a batch to their memory; under a plan, but where a motion is given."""

    def encode(rows: Tensor) -> Encoded:
        longest = int(mask[rows].sum(1).max()) if _right_padded(mask) else ids.shape[1]
        motion = (None, None) if given is None else pad_codes([given[i] for i in rows], model.device)
        encoded = model.encode(ids[rows, :longest], mask[rows, :longest], *motion)
        if model.plan is None or given is not None:
            return encoded
        return model.with_plan(encoded, draw_plans(model, encoded, [seeds[i] for i in rows], temperature))

    return encode


def draw_plans(model: MotionLM, encoded: Encoded, seeds: Sequence[int], temperature: float) -> Tensor:
    """Labels of the actions of each sentence, each drawn alone, ``(B, ACTIONS, fields)``.

    Always from the whole distribution, as a length is: a sentence that leaves the speed open has motions of
    every speed. Arguments as of ``plan_scores``.
    """
    return torch.stack([x.argmax(-1) for x in plan_scores(model, encoded, seeds, temperature)], -1)


def plan_scores(model: MotionLM, encoded: Encoded, seeds: Sequence[int], temperature: float) -> list[Tensor]:
    """What the labels of sentences are the best of, for each field ``(B, ACTIONS, values)``.

    Args:
        model: one that plans.
        encoded: without a plan, and without a motion.
        seeds: one per sentence.
        temperature: see ``choose``.
    """
    assert model.plan is not None
    sizes = model.config.plan_sizes
    drawn_noise = np.stack([noise.plan_noise(seed, ACTIONS, sum(sizes)) for seed in seeds])
    gumbel = torch.as_tensor(drawn_noise).to(encoded.memory).split(sizes, dim=-1)
    scores = model.plan.reader.scores(encoded.memory, encoded.text_mask)
    return [x / temperature + g for x, g in zip(scores, gumbel, strict=True)]


def _given_lengths(
    model: MotionLM, batch: int, given: Sequence[IntArray], steps: int | Sequence[int] | None
) -> list[int]:
    """The lengths of what is given, in steps, once it is known to fit."""
    if model.config.form != "step":
        raise InputError("a motion to complete was given; only a model of the 'step' form can complete one")
    if steps is not None:
        raise InputError("a motion to complete was given, and steps too; its own length is the result's")
    if len(given) != batch:
        raise InputError(f"{len(given)} motions to complete came with {batch} prompts; give one per prompt")
    for motion in given:
        model.grammar.check(motion, unknown=True)
    return [len(motion) for motion in given]


def _right_padded(mask: Tensor) -> bool:
    return bool((mask[:, 1:] <= mask[:, :-1]).all())


def _check(
    model: MotionLM, batch: int, seeds: Sequence[int], steps: int | Sequence[int] | None, temperature: float
) -> IntArray | None:
    if not 0.0 < temperature < float("inf"):
        raise InputError(f"temperature is {temperature}; it must be above 0 (top_k=1 is the greedy choice)")
    if len(seeds) != batch:
        raise InputError(f"{len(seeds)} seeds came with {batch} prompts; give one seed per prompt")
    if steps is None:
        return None
    lengths = np.broadcast_to(np.asarray(steps, dtype=np.int64), (batch,)).copy()
    most = model.grammar.max_steps
    if batch and (lengths.min() < 1 or lengths.max() > most):
        raise InputError(f"steps run from {lengths.min()} to {lengths.max()}; this model makes 1 to {most}")
    return lengths


def _lengths(model: MotionLM, encoded: Encoded, seeds: Sequence[int], temperature: float) -> IntArray:
    """Sample a length in steps for each prompt, ``(B,)``; always from the whole distribution."""
    most = model.grammar.max_steps
    gumbel = np.stack([noise.gumbel(seed, noise.STREAM_LENGTH, 0, 0, most) for seed in seeds])
    logits = model.length_logits(encoded)
    return choose(logits, torch.as_tensor(gumbel).to(logits), temperature, 0).cpu().numpy() + 1


def new_cache() -> EncoderDecoderCache:
    """Of a decoder that has seen nothing."""
    return EncoderDecoderCache(DynamicCache(), DynamicCache())


def _draw_steps(
    model: MotionLM,
    encoded: Encoded,
    seeds: Sequence[int],
    lengths: IntArray,
    temperature: float,
    top_k: int,
    given: Sequence[IntArray] | None = None,
) -> list[IntArray]:
    """Sample in the ``step`` form; items past their length run on unread until the longest is done."""
    device, g = model.device, model.grammar
    steps = torch.as_tensor(lengths, device=device).unsqueeze(1)
    known = None if given is None else _known(given, device)
    cache, rows = new_cache(), []
    widest, choices = int(g.drawn.max()), len(g.drawn)
    follows = torch.from_numpy(following()).to(device) if g.rhythm else None
    chosen = torch.zeros(len(seeds), choices, dtype=torch.long, device=device)
    for s in range(int(lengths.max())):
        drawn_noise = [noise.step_noise(seed, s, widest, choices) for seed in seeds]
        gumbel = torch.as_tensor(np.stack(drawn_noise)).to(encoded.memory)
        previous = model.start.expand(len(seeds), 1, -1) if s == 0 else model.embed_drawn(chosen).unsqueeze(1)
        position = torch.full_like(steps, s)
        context = model.decode(previous + model.place(position, steps), encoded, cache)[:, 0]
        forced = None if known is None else known[:, s]
        barred = None if follows is None else ~follows[chosen[:, 0]]
        chosen = _draw_depth(model, context, gumbel, temperature, top_k, forced, barred)
        rows.append(chosen.cpu().numpy())
    drawn = np.stack(rows, 1)
    return [drawn[i, :n] for i, n in enumerate(lengths)]


def _known(given: Sequence[IntArray], device: torch.device) -> Tensor:
    """What is given, ``(B, S, K)``, ``UNKNOWN`` behind the end."""
    codes, real = pad_codes(given, device)
    return codes.masked_fill(~real.unsqueeze(-1), UNKNOWN)


def _draw_depth(
    model: MotionLM,
    context: Tensor,
    gumbel: Tensor,
    temperature: float,
    top_k: int,
    given: Tensor | None = None,
    barred: Tensor | None = None,
) -> Tensor:
    """The choices of one step in turn: ``context (B, d)`` and ``gumbel (B, C, rows)`` to ``(B, C)``.

    What is ``given (B, K)`` of the codes is taken as it is, where it is not ``UNKNOWN``. The rhythms that are
    ``barred (B, RHYTHMS)`` are not chosen.
    """

    def pick(choice: int, logits: Tensor) -> Tensor:
        if choice == 0 and barred is not None:
            logits = logits.masked_fill(barred, -torch.inf)
        return choose(logits, gumbel[:, choice, : logits.shape[-1]], temperature, top_k)

    return model.draw_depth(context, pick, given)


def _draw_flat(
    model: MotionLM,
    encoded: Encoded,
    seeds: Sequence[int],
    lengths: IntArray | None,
    temperature: float,
    top_k: int,
) -> list[IntArray]:
    """Sample in the ``flat`` form: slot k sees one codebook, and at slot 0 also ``<eom>``, as its last row.

    A motion has at least one step; ``<eom>`` is forbidden before the length asked for and forced at it.
    """
    g, device = model.grammar, model.device
    asked = torch.as_tensor(np.full(len(seeds), -1) if lengths is None else lengths, device=device)
    ends = torch.where(asked < 0, g.max_steps, asked)
    cache, rows = new_cache(), []
    token = torch.full((len(seeds),), g.som, dtype=torch.long, device=device)
    length, widest = torch.full_like(ends, -1), int(g.drawn.max())
    for n in range(g.slots * g.max_steps + 1):
        s, k = divmod(n, g.slots)
        hidden = model.decode(model.t5.shared(token).unsqueeze(1), encoded, cache)[:, 0]
        logits = model.head(hidden, g.base(k), g.base(k) + g.size(k))
        if k == 0:
            bias = torch.where(ends == s, _FORCE, torch.where((asked < 0) & (s > 0), 0.0, _FORBID))
            logits = torch.cat([logits, model.head(hidden, g.eom, g.eom + 1) + bias.unsqueeze(1)], 1)
        gumbel = np.stack([noise.gumbel(seed, noise.STREAM_MOTION, s, k, widest) for seed in seeds])
        gumbel_rows = torch.as_tensor(gumbel[:, : logits.shape[1]]).to(logits)
        code = choose(logits, gumbel_rows, temperature, top_k)
        over = code == g.size(k)
        length = torch.where(over & (length < 0), s, length)
        if bool((length >= 0).all()):
            break
        token = torch.where(over, g.eom, code + g.base(k))
        rows.append(code.cpu().numpy())
    drawn = np.stack(rows[: len(rows) // g.slots * g.slots], 1).reshape(len(seeds), -1, g.slots)
    return [drawn[i, :n] for i, n in enumerate(length.tolist())]
