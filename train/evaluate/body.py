"""What a row's motions are like whatever they mean: length, liveliness, the two hands together, faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from clutch_rt.layout import Float32Array, FloatArray

from train.corpus import Clip
from train.evaluate.contacts import contact, gaps
from train.evaluate.faults import FAULTS, faults
from train.evaluate.lengths import length_errors, near
from train.evaluate.metrics import Measured, mean_acceleration, over_draws

Motions = Sequence[Float32Array]
Joints = Callable[[Float32Array], FloatArray]


def body(
    draws: Sequence[Motions], clips: Sequence[Clip], joints: Joints, rng: np.random.Generator
) -> dict[str, Measured]:
    """Measures of one or more draws of motions, one for each clip.

    Args:
        draws: motions ``(T, 2, 99)``.
        clips: whose sentences they were made from.
        joints: of a motion, ``(T, 2, 21, 3)`` metres.
        rng: draws the intervals.

    Returns:
        ``frames``, ``acceleration``; ``duration``, the part within 15 % of the clip's length, and
        ``duration_off``, the mean part that is too long or short; ``contact_*``; and the part of the motions
        with each of ``FAULTS``, with any of them as ``faulty``.
    """
    off = [length_errors(motions, clips) for motions in draws]
    out = {
        "frames": over_draws([[len(m) for m in motions] for motions in draws], rng),
        "duration": over_draws([near(row) for row in off], rng),
        "duration_off": over_draws(off, rng),
        "acceleration": over_draws([[mean_acceleration(joints(m)) for m in row] for row in draws], rng),
    }
    return out | _hands(draws, clips, joints, rng)


def _hands(
    draws: Sequence[Motions], clips: Sequence[Clip], joints: Joints, rng: np.random.Generator
) -> dict[str, Measured]:
    own = [contact(gaps(clip.frames)).touched for clip in clips]
    seen = [[contact(gaps(motion)) for motion in motions] for motions in draws]
    found = [
        [faults(joints(motion), touch) for motion, touch in zip(motions, row, strict=True)]
        for motions, row in zip(draws, seen, strict=True)
    ]
    agree = [[float(c.touched == o) for c, o in zip(row, own, strict=True)] for row in seen]
    out = {
        "contact_share": over_draws([[c.share for c in row] for row in seen], rng),
        "contact_seconds": over_draws([[c.seconds for c in row] for row in seen], rng),
        "contact_rate": over_draws([[c.rate for c in row] for row in seen], rng),
        "contact_match": over_draws(agree, rng),
    }
    for name in FAULTS:
        out[name] = over_draws([[float(f.found[name]) for f in row] for row in found], rng)
    out["faulty"] = over_draws([[float(f.any) for f in row] for row in found], rng)
    return out
