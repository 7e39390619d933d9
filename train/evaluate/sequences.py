"""Actions one after another: whether each is done, and in its turn.

R-precision hardly notices order, and verb and hand are judged on clips of a single action.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from clutch_rt.layout import FRAMES_PER_STEP, Float32Array

from train.corpus import Clip
from train.evaluate.features import features
from train.evaluate.retrieval import Judge, judge_motions

# The verb classifier learnt from whole clips, and wants to see a hand come and go.
_MARGIN = 4


def stretches(motion: Float32Array, clip: Clip) -> list[Float32Array]:
    """The part of a motion ``(T, 2, 99)`` in which each action of ``clip`` should be done.

    The actions' times are those of the clip, stretched to the length of the motion; each part is at least two
    steps long, the last frame held where the motion ends before.
    """
    scale, shortest = len(motion) / len(clip.frames), 2 * FRAMES_PER_STEP
    parts = []
    for action in clip.actions:
        first = min(max(0, int(action.start * scale) - _MARGIN), len(motion) - 1)
        part = motion[first : max(int(action.stop * scale) + _MARGIN, first + shortest)]
        held = np.repeat(part[-1:], max(0, shortest - len(part)), axis=0)
        parts.append(np.concatenate([part, held]))
    return parts


def in_turn(judge: Judge, motions: Sequence[Float32Array], clips: Sequence[Clip]) -> list[float]:
    """Of each clip of several actions, the part of them whose verb is seen where it should be done."""
    chosen = [(m, c) for m, c in zip(motions, clips, strict=True) if len(c.actions) > 1]
    if not chosen:
        return []
    parts = [part for motion, clip in chosen for part in stretches(motion, clip)]
    seen = iter(judge_motions(judge, [features(part) for part in parts]).verbs)
    return [float(np.mean([next(seen) == a.verb for a in clip.actions])) for _, clip in chosen]
