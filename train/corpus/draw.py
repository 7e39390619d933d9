"""A clip from a seed: the corpus as a pure function."""

from __future__ import annotations

from clutch_rt.layout import FPS

from .clip import Action, Clip
from .config import CorpusConfig
from .plan import ActionPlan, ClipPlan, Schedule, draw_plan, vary
from .render import render
from .sentences import describe


def _action(plan: ActionPlan, thing: str | None, start: int, stop: int) -> Action:
    return Action(
        verb=plan.verb,
        hand=plan.hand,
        object=thing,
        speed=plan.speed,
        count=plan.count,
        frequency_hz=FPS / plan.period if plan.spec.counts else None,
        amplitude=plan.amplitude,
        direction=plan.direction,
        start=start,
        stop=stop,
    )


def make_clip(plan: ClipPlan, config: CorpusConfig, told: str | None = None) -> Clip:
    """Draw a plan's frames and sentences; `told` names a modifier that every sentence must mention."""
    frames, when = render(plan, config)
    texts = describe(plan, config, told)
    spans: Schedule = when
    actions = tuple(
        _action(a, thing, start, stop)
        for a, thing, start, stop in zip(plan.actions, texts.objects, spans.starts, spans.stops, strict=True)
    )
    return Clip(plan.id, plan.split, frames, texts.sentences, actions)


def draw_clip(seed: int, index: int, split: str = "train", config: CorpusConfig | None = None) -> Clip:
    """Draw clip `index` of a split; the same on every machine and in any order.

    Args:
        seed: of the corpus.
        index: any number from 0; there is no last one.
        split: "train", "val" or "test"; the latter two use wordings and verb-object pairs train never has.
        config: what the corpus is made of; None for the whole corpus.

    Raises:
        InputError: for an unknown split or verb, or a negative index.
    """
    config = config or CorpusConfig()
    return make_clip(draw_plan(seed, index, split, config), config)


def draw_contrast(
    seed: int,
    index: int,
    split: str,
    modifier: str,
    values: tuple[str | int, str | int],
    config: CorpusConfig | None = None,
) -> tuple[Clip, Clip]:
    """Draw one clip twice, its first action differing in one modifier only, which both texts mention.

    Args:
        seed, index, split, config: as for `draw_clip`.
        modifier: "speed", "count", "direction", "amplitude" or "hand".
        values: the two values.

    Raises:
        InputError: when the clip's first verb has no such modifier or value.
    """
    config = config or CorpusConfig()
    plan = draw_plan(seed, index, split, config)
    first, second = (make_clip(vary(plan, modifier, value), config, told=modifier) for value in values)
    return first, second
