"""What a clip will be, before any of it is drawn: actions, their modifiers, their timing.

A plan is small and pure data, so one modifier can be changed and everything else kept: a contrast pair.

Timing keeps to the grid of the tokens: actions begin on a step (8 frames) and periods are multiples of four
frames, three per verb. A cycle is then spelt by few codes that recur, which is what lets a language model
count cycles and hear tempo at all; the tempo a sentence asks for has three values, so nothing it can say
is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.layout import FRAMES_PER_STEP

from .config import SPLITS, CorpusConfig
from .verbs import TABLE, VERBS, Verb

SPEEDS = ("slow", "normal", "fast")
AMPLITUDES = ("small", "normal", "large")
HAND_NAMES = ("left", "right", "both")
_SPEED_WEIGHTS = (0.24, 0.47, 0.29)
_AMPLITUDE_WEIGHTS = (0.16, 0.68, 0.16)
_COUNT_SHARE = 0.6  # how often a verb that repeats has a number of cycles one may say
_TRANSITION = {"slow": 24, "normal": 16, "fast": 12}
_LONGEST = (256, 136, 168)  # frames a clip of 1, 2, 3 actions should not pass
_FIRST = 16  # frames of the way from rest to the first action, at least
_COUNT_WEIGHTS = (0.21, 0.26, 0.22, 0.14, 0.10, 0.07)
_MIRRORED = {
    "left": "right",
    "right": "left",
    "clockwise": "anticlockwise",
    "anticlockwise": "clockwise",
}


@dataclass(frozen=True)
class ActionPlan:
    """One action to come. `cycles` is what the hands do; `count` is it where a sentence may say it."""

    verb: str
    hand: str
    speed: str
    cycles: int
    count: int | None
    amplitude: str
    direction: str | None
    shape: str
    second_shape: str
    support: bool
    noise: int  # seed of this action's placement and pose noise

    @property
    def spec(self) -> Verb:
        """The verb's entry in the table."""
        return TABLE[self.verb]

    @property
    def period(self) -> int:
        """Frames per cycle; for an action that does not repeat, of all of it."""
        return self.spec.periods[SPEEDS.index(self.speed)]

    @property
    def frames(self) -> int:
        """Frames of the whole action, without the ways there and back."""
        return self.period * self.cycles

    @property
    def transition(self) -> int:
        """Fewest frames of the way to the action."""
        return _TRANSITION[self.speed]


@dataclass(frozen=True)
class ClipPlan:
    """A clip to come; `words` seeds its sentences."""

    id: str
    split: str
    actions: tuple[ActionPlan, ...]
    words: int


@dataclass(frozen=True)
class Schedule:
    """When things happen, in frames: `starts[i]` to `stops[i]` is action i, `frames` the clip."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    frames: int


def opposite(direction: str | None) -> str | None:
    """The direction as a mirror shows it: left and right change places, and so do the two turns."""
    return None if direction is None else _MIRRORED.get(direction, direction)


def clip_rng(seed: int, split: str, index: int) -> np.random.Generator:
    """The generator of one clip, the same on every machine.

    Raises:
        InputError: for an unknown split or a negative index.
    """
    if split not in SPLITS or index < 0:
        raise InputError(
            f"no clip {index} in split {split!r}; splits are {', '.join(SPLITS)}, indices 0 and up"
        )
    return np.random.default_rng([seed, SPLITS.index(split), index])


def verbs_of(config: CorpusConfig) -> tuple[str, ...]:
    """The verbs a corpus draws from.

    Raises:
        InputError: for a verb that is not in the table.
    """
    unknown = [verb for verb in config.verbs if verb not in TABLE]
    if unknown:
        raise InputError(f"no verb called {unknown[0]!r} in the corpus; there are {', '.join(VERBS)}")
    return config.verbs or VERBS


def _pick(rng: np.random.Generator, names: tuple[str, ...], weights: tuple[float, ...]) -> str:
    edge = rng.random() * sum(weights)
    for name, weight in zip(names, weights, strict=True):
        edge -= weight
        if edge < 0.0:
            return name
    return names[-1]


def _draw_cycles(rng: np.random.Generator, verb: Verb) -> tuple[int, int | None]:
    if verb.counts is None:
        return 1, None
    low, high = verb.counts
    if verb.counted and (rng.random() < _COUNT_SHARE or verb.name == "count"):
        weights = _COUNT_WEIGHTS[low - 1 : high]
        count = int(_pick(rng, tuple("12345678"[low - 1 : high]), weights))
        return count, count
    return int(rng.integers(max(low, 2), max(high - 2, 2) + 1)), None


def draw_action(rng: np.random.Generator, verb: Verb) -> ActionPlan:
    """Draw everything about one action of `verb`."""
    hand = _pick(rng, tuple(h for h, _ in verb.hands), tuple(w for _, w in verb.hands))
    speed = _pick(rng, SPEEDS, _SPEED_WEIGHTS) if verb.timed else "normal"
    cycles, count = _draw_cycles(rng, verb)
    amplitude = _pick(rng, AMPLITUDES, _AMPLITUDE_WEIGHTS) if verb.amplitudes else "normal"
    direction = None
    if verb.aims and verb.steered:
        direction = verb.directions[int(rng.integers(len(verb.aims)))]
        if hand == "both" and direction in ("left", "right"):
            direction = verb.directions[0]
    second = verb.support or verb.second or verb.lead
    return ActionPlan(
        verb=verb.name,
        hand=hand,
        speed=speed,
        cycles=cycles,
        count=count,
        amplitude=amplitude,
        direction=direction,
        shape=verb.lead.shapes[int(rng.integers(len(verb.lead.shapes)))],
        second_shape=second.shapes[int(rng.integers(len(second.shapes)))],
        support=verb.support is not None and rng.random() < verb.support_share,
        noise=int(rng.integers(2**31)),
    )


def schedule(actions: tuple[ActionPlan, ...]) -> Schedule:
    """Lay actions on the frame grid: every action begins on a step, and the clip ends on one."""
    starts, stops, now = [], [], 0
    for action in actions:
        start = next_step(max(now + action.transition, _FIRST))
        starts.append(start)
        now = start + action.frames
        stops.append(now)
    return Schedule(tuple(starts), tuple(stops), next_step(now + actions[-1].transition))


def next_step(frame: int) -> int:
    """The first frame of a step at or after `frame`."""
    return -(-frame // FRAMES_PER_STEP) * FRAMES_PER_STEP


def _fit(actions: tuple[ActionPlan, ...], longest: int) -> tuple[ActionPlan, ...]:
    """Take cycles, then actions, away until the clip is short enough."""
    while schedule(actions).frames > longest:
        worst = max(range(len(actions)), key=lambda i: actions[i].frames if actions[i].cycles > 1 else 0)
        action = actions[worst]
        if action.cycles > 1:
            fewer = replace(action, cycles=action.cycles - 1)
            fewer = replace(fewer, count=None if action.count is None else fewer.cycles)
            actions = (*actions[:worst], fewer, *actions[worst + 1 :])
        elif len(actions) > 1:
            actions = actions[:-1]
        elif action.speed != "fast":
            actions = (replace(action, speed="normal" if action.speed == "slow" else "fast"),)
        else:
            raise InputError(
                f"max_frames={longest} is too short for {action.verb!r}, which needs "
                f"{schedule(actions).frames} frames at its fastest; give more"
            )
    return actions


def draw_plan(seed: int, index: int, split: str, config: CorpusConfig) -> ClipPlan:
    """Draw the plan of one clip; a pure function of its arguments.

    Raises:
        InputError: for an unknown split, a negative index, a verb the table has not, or one that does not
            fit into ``max_frames``.
    """
    rng = clip_rng(seed, split, index)
    names = verbs_of(config)
    weights = config.action_weights[: config.max_actions]
    wanted = int(_pick(rng, tuple("123"[: len(weights)]), weights))
    actions: list[ActionPlan] = []
    while len(actions) < wanted:
        verb = names[int(rng.integers(len(names)))]
        if (actions and verb == actions[-1].verb and len(names) > 1) or (
            verb == "rest" and wanted > 1 and actions == []
        ):
            continue
        actions.append(draw_action(rng, TABLE[verb]))
    fitted = _fit(tuple(actions), min(config.max_frames, _LONGEST[wanted - 1]))
    return ClipPlan(f"{split}-{seed}-{index}", split, fitted, int(rng.integers(2**31)))


def vary(plan: ClipPlan, modifier: str, value: str | int, action: int = 0) -> ClipPlan:
    """The same clip with one modifier of one action changed: half of a contrast pair.

    Args:
        plan: the clip to change.
        modifier: `"speed"`, `"count"`, `"direction"`, `"amplitude"` or `"hand"`.
        value: what it shall be.
        action: which action of the plan.

    Raises:
        InputError: when the verb has no such modifier or value.
    """
    old = plan.actions[action]
    allowed: dict[str, tuple[str | int, ...]] = {
        "speed": SPEEDS if old.spec.timed else ("normal",),
        "amplitude": AMPLITUDES if old.spec.amplitudes else ("normal",),
        "hand": tuple(hand for hand, _ in old.spec.hands),
        "direction": old.spec.directions if old.spec.steered else (),
        "count": tuple(range(old.spec.counts[0], old.spec.counts[1] + 1)) if old.spec.counts else (),
    }
    if value not in allowed.get(modifier, ()):
        known = ", ".join(str(v) for v in allowed.get(modifier, ())) or "none"
        raise InputError(f"{old.verb} cannot have {modifier} {value!r}; possible here: {known}")
    changes = {modifier: value}
    if modifier == "count":
        changes["cycles"] = value
    new = replace(old, **changes)  # type: ignore[arg-type]
    return replace(plan, actions=(*plan.actions[:action], new, *plan.actions[action + 1 :]))
