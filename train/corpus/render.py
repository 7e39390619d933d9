"""From a plan to frames: waves on tracks, blended from one action to the next.

Everything is linear in the 29 numbers of a hand's state until the very end, so a track is a base vector
plus (curves x gains), and a clip is a weighted sum of its tracks with minimum-jerk weights.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from clutch_rt.layout import LEFT, Float32Array
from numpy.typing import NDArray

from .anatomy import ANGLES, FINGERS, STATE, THUMB, WRIST, Posed, pose, to_frames
from .config import CorpusConfig
from .contact import keep_apart, per_frame
from .curves import SAMPLES, sample, table
from .manner import TOGETHER, Manner, draw_manner, follow, freedom, take_part, way
from .plan import ActionPlan, ClipPlan, Schedule, next_step, opposite, schedule
from .shapes import SHAPES
from .verbs import Track, Verb, Wave

FloatArray = NDArray[np.float64]

AMPLITUDE = {"small": 0.6, "normal": 1.0, "large": 1.45}
# A faster hand travels a little less far: people keep their speed from growing as much as their tempo.
HASTE = {"slow": 1.05, "normal": 1.0, "fast": 0.86}
REST = Track((0.16, -0.335, -0.33), (14, 16, 30), ("relaxed",))
_WRIST_CHANNELS = ("x", "y", "z", "yaw", "pitch", "roll", "bend", "dev")
_TURN_NOISE = np.radians(2.0)
_SWELL = 0.04  # by which cycles grow and shrink from one to the next
_SWELL_RATE = 0.37  # swells per cycle
_EASE = 6.0  # frames over which a cycle gathers speed before it counts


def _finger_gain(channel: str) -> FloatArray:
    """Gain `(21,)` of a finger channel, per degree."""
    gain = np.zeros(ANGLES)
    if channel == "thumb":
        gain[THUMB] = (0.0, 0.5, 0.0, 0.7, 0.7)
    elif channel == "oppose":
        gain[THUMB] = (1.0, 0.0, 0.4, 0.0, 0.0)
    elif channel == "spread":
        gain[[0, 8, 12]] = (1.0, 0.7, 1.3)
    else:
        for f, finger in enumerate(FINGERS):
            if channel in (finger, "curl"):
                gain[4 * f + 1 : 4 * f + 3] = 1.0
    return np.radians(gain)


def _gain(wave: Wave, track: Track, shape: str, aim: tuple[float, ...]) -> FloatArray:
    """What one unit of the wave's curve adds to the state, `(29,)`."""
    gain = np.zeros(STATE)
    if wave.channel == "aim":
        gain[:3], gain[3:6] = aim[:3], np.radians(aim[3:])
    elif wave.channel == "morph":
        gain[WRIST:] = SHAPES[track.other or shape] - SHAPES[shape]
    elif wave.channel in _WRIST_CHANNELS:
        place = _WRIST_CHANNELS.index(wave.channel)
        gain[place] = 1.0 if place < 3 else np.radians(1.0)
    else:
        gain[WRIST:] = _finger_gain(wave.channel)
    return gain * wave.size


class _Part:
    """A track made ready: base `(29,)`, curves `(W, N)`, gains `(W, 29)` and how each phase runs."""

    def __init__(self, track: Track, shape: str, aim: tuple[float, ...], repeats: bool) -> None:
        self.base = np.concatenate([track.place, np.radians(track.turn), (0.0, 0.0), SHAPES[shape]])
        waves = track.waves
        empty = np.zeros((0, SAMPLES + 1))
        self.tables = np.stack([table(w.curve) for w in waves]) if waves else empty
        self.gains = np.array([_gain(w, track, shape, aim) for w in waves]).reshape(len(waves), STATE)
        self.whole = np.array([w.whole for w in waves], dtype=bool)
        self.periodic = np.array([repeats and not (w.whole or w.once) for w in waves], dtype=bool)
        self.rate = np.array([w.rate for w in waves])
        self.shift = np.array([w.shift for w in waves])
        self.scales = np.array([w.scales for w in waves], dtype=bool)
        self.free = freedom(self._postures())

    def _postures(self) -> FloatArray:
        """Finger angles that a cycle, or the whole action, passes through, `(17, 21)`."""
        phase = np.linspace(0.0, 1.0, 17)[:, None] * np.where(self.whole, 1.0, self.rate) + self.shift
        values = sample(self.tables, phase, np.ones(len(self.rate), dtype=bool))
        return np.asarray((self.base + values @ self.gains)[:, WRIST:])


@lru_cache(maxsize=4096)
def _part(verb: Verb, kind: str, shape: str, direction: str | None) -> _Part:
    track = {"lead": verb.lead, "support": verb.support, "second": verb.second}[kind]
    assert track is not None
    aim = dict(verb.aims).get(direction or "", (0.0,) * 6)
    return _Part(track, shape, aim, verb.counts is not None)


@lru_cache(maxsize=1)
def rest_state() -> FloatArray:
    """The state of an idle hand, `(29,)`."""
    return _Part(REST, "relaxed", (0.0,) * 6, False).base


def _clock(local: FloatArray, length: int, period: int) -> FloatArray:
    """Frames since the start `(T,)`, easing in just before 0 and out just after `length`."""
    ease = min(_EASE, 0.3 * period)
    before = np.clip(local, -ease, 0.0)
    after = np.clip(local - length, 0.0, ease)
    inside = np.clip(local, 0.0, length)
    return inside + before + before**2 / (2 * ease) + after - after**2 / (2 * ease)


def _play(part: _Part, local: FloatArray, action: ActionPlan, scale: FloatArray, shift: float) -> FloatArray:
    """One track over the frames `local` (frames since the action's start), `scale` by frame: `(T, 29)`."""
    clock = _clock(local, action.frames, action.period)[:, None]
    phase = clock / action.period * part.rate + part.shift + shift
    phase = np.where(part.whole, clock / action.frames, phase)
    values = sample(part.tables, phase, part.periodic)
    values = np.where(part.scales, values * scale[:, None], values)
    return part.base + values @ part.gains


def _kinds(action: ActionPlan) -> tuple[str | None, str | None]:
    """What the left and the right hand do: "lead", "support", "second", or None for rest."""
    if action.hand == "both":
        return ("second" if action.spec.second else "lead"), "lead"
    other = "support" if action.support else None
    return (other, "lead") if action.hand == "right" else ("lead", other)


def _scale(action: ActionPlan, local: FloatArray, rng: np.random.Generator) -> FloatArray:
    """How large the waves are in each of the frames `local`, `(T,)`: no two cycles are quite alike."""
    size = AMPLITUDE[action.amplitude] * HASTE[action.speed] * float(1.0 + 0.05 * rng.uniform(-1.0, 1.0))
    swell = np.sin(2.0 * np.pi * (_SWELL_RATE * local / action.period + rng.uniform()))
    return np.asarray(size * (1.0 + _SWELL * swell))


def _action_state(action: ActionPlan, local: FloatArray, manner: Manner, config: CorpusConfig) -> FloatArray:
    """Both hands over the frames `local`: `(T, 2, 29)`, right-hand form."""
    rng = np.random.default_rng(action.noise)
    noise = rng.normal(size=(2, STATE)).clip(-2.0, 2.0)
    noise[:, :3] *= config.place_noise
    noise[:, 3:WRIST] *= _TURN_NOISE
    noise[:, WRIST:] *= np.radians(manner.noise)
    noise[:, [WRIST, WRIST + 4, WRIST + 8, WRIST + 12]] *= 0.5
    scale = _scale(action, local, rng)
    state = np.empty((len(local), 2, STATE))
    kinds = _kinds(action)
    starts = np.empty((2, STATE))
    for hand, kind in enumerate(kinds):
        if kind is None:
            continue
        shape = action.shape if kind == "lead" else action.second_shape
        towards = action.direction or next(iter(action.spec.directions), None)
        direction = opposite(towards) if hand == LEFT else towards
        shift = action.spec.alternate if action.hand == "both" and hand == LEFT else 0.0
        part = _part(action.spec, kind, shape, direction)
        free = part.free * (TOGETHER if action.hand == "both" else 1.0)
        own = noise[hand] + manner.posture(free, 1.0 if None in kinds else TOGETHER)
        state[:, hand] = _play(part, local, action, scale, shift) + own
        starts[hand] = part.base + own
        follow(state[:, hand], part.free)
    for hand, kind in enumerate(kinds):
        if kind is None:
            state[:, hand] = take_part(resting(manner), state[:, 1 - hand], starts[1 - hand])
    return state


def resting(manner: Manner) -> FloatArray:
    """The state of a person's idle hand, `(29,)`."""
    return rest_state() + manner.posture(np.ones(ANGLES))


def blend(actions: tuple[ActionPlan, ...], when: Schedule, config: CorpusConfig) -> FloatArray:
    """The whole clip, `(T, 2, 29)`: rest, the actions, rest, each reached on a `way`."""
    manner = draw_manner(actions[0].noise, config.pose_noise)
    total = np.zeros((when.frames, 2, STATE))
    time = np.arange(when.frames, dtype=np.float64)
    edges = [
        (0, when.starts[0]),
        *zip(when.stops[:-1], when.starts[1:], strict=True),
        (when.stops[-1], when.frames - 1),
    ]
    rises = [way(time, a, b) for a, b in edges]
    total += (1.0 - rises[0] + rises[-1])[:, None] * resting(manner)
    for i, action in enumerate(actions):
        window = slice(edges[i][0], edges[i + 1][1] + 1)
        weight = (rises[i] - rises[i + 1])[window, None]
        total[window] += weight * _action_state(action, time[window] - when.starts[i], manner, config)
    return total


def _separate(posed: Posed, actions: tuple[ActionPlan, ...], when: Schedule) -> Posed:
    """Keep the hands apart, each action along the axis its verb names; a steadying hand stays put."""
    edges = [(a + b) // 2 for a, b in zip(when.stops[:-1], when.starts[1:], strict=True)]
    axes, lefts = [], []
    for action in actions:
        upward = 2 if action.hand == "left" else 1
        axes.append(upward if action.spec.push == "y" else 0)
        lefts.append({"left": 1.0, "right": 0.0}[action.hand] if action.support else 0.5)
    left = per_frame(lefts, edges, when.frames)
    axis = per_frame(axes, edges, when.frames).astype(np.int64)
    return keep_apart(posed, axis, np.stack([left, 1.0 - left], axis=1))


def render(plan: ClipPlan, config: CorpusConfig) -> tuple[Float32Array, Schedule]:
    """Draw a plan: frames `(T, 2, 99)` in `openxr` space, and when each action happens."""
    when = schedule(plan.actions)
    if when.frames < config.min_frames:
        when = replace(when, frames=next_step(config.min_frames))
    posed = pose(blend(plan.actions, when, config))
    return to_frames(_separate(posed, plan.actions, when)), when
