"""Does CUDA draw what the CPU draws? The runtime's own step on both, in float32, under the same noise.

A GPU sums in other orders, so logits differ in the last bits, and where two choices score alike to those bits
either may be drawn; all that follows then differs. So every motion must have the codes that the CPU draws, or
part from them at a tie: the two choices score within ``TIE`` of each other in PyTorch on the CPU, taken
relative to the largest score where that is above 1. It is the tolerance that an fp32 export is held to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from clutch_rt.engine import Engine
from clutch_rt.layout import IntArray
from clutch_rt.sessions import Sessions

from export.agreement import TIE, gap, relative_difference
from export.bench.cuda.ort_step import BundleSteps, GrowingSteps
from export.bench.cuda.subject import Case, Subject
from models.generation import DEFAULT_TEMPERATURE


@dataclass(frozen=True)
class Parting:
    """Where a motion parts from the CPU's.

    Attributes:
        motion, step, choice: where.
        apart: how much better the CPU's choice scores.
        allowed: how much it may.
    """

    motion: int
    step: int
    choice: int
    apart: float
    allowed: float


@dataclass(frozen=True)
class Tokens:
    """What was found.

    Attributes:
        motions, tokens: drawn by the CPU; where the model draws a rhythm it is one of the tokens of a step.
        equal: tokens that the device drew alike, in their place.
        lengths: motions whose length, drawn by each for itself, is the same.
        memory: largest difference of what the text encoder makes, of its largest value.
        partings: motions that part.
        tie: the tolerance.
    """

    motions: int
    tokens: int
    equal: int
    lengths: int
    memory: float
    partings: list[Parting] = field(default_factory=list)
    tie: float = TIE

    @property
    def agreed(self) -> bool:
        """Whether all is within the tolerance."""
        return self.lengths == self.motions and all(p.apart <= p.allowed for p in self.partings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the verdict with them."""
        return {**asdict(self), "agreed": self.agreed}

    def text(self) -> str:
        """In a sentence or two."""
        found = (
            f"{self.equal} of {self.tokens} tokens of {self.motions} motions equal the CPU's in fp32 under "
            f"the same noise, and {self.lengths} of {self.motions} lengths; memories differ by at most "
            f"{self.memory:.1e} of their largest value. Tolerance: a motion may part only where the two "
            f"choices score within {self.tie:g} (of the largest score, where that is above 1)."
        )
        for p in self.partings:
            verdict = "a tie" if p.apart <= p.allowed else "NOT a tie"
            found += (
                f" Motion {p.motion} parts at step {p.step}, choice {p.choice}, "
                f"{p.apart:.1e} apart: {verdict}."
            )
        return f"{found} {'Within' if self.agreed else 'OUTSIDE'} the tolerance."


def compare(
    subject: Subject,
    cpu: Sessions,
    other: Sessions,
    way: Callable[[Case, Sessions], BundleSteps],
    motions: int,
) -> Tokens:
    """Draw ``motions`` motions of the length that the model chooses, on the CPU and in another way.

    Args:
        subject: whose.
        cpu, other: sessions of its graphs.
        way: to run the step on the other, its rhythm shown.
        motions: how many; motion b has prompt and seed of ``Case``.
    """
    equal = tokens = lengths = 0
    apart, partings = 0.0, []
    for motion in range(motions):
        steps = _length(subject, cpu, motion)
        lengths += steps == _length(subject, other, motion)
        case = Case.of(subject, [motion], steps)
        first = GrowingSteps(case, cpu, None, rhythm=True)
        second = way(case, other)
        apart = max(apart, relative_difference(second.memories[0], first.memories[0]))
        wanted, found = (_drawn(steps, case) for steps in (first, second))
        equal, tokens = equal + int((wanted == found).sum()), tokens + wanted.size
        if not np.array_equal(wanted, found):
            partings.append(parting(case, wanted, found))
    return Tokens(motions, tokens, equal, lengths, apart, partings)


@torch.no_grad()
def parting(case: Case, wanted: IntArray, found: IntArray) -> Parting:
    """Where two draws ``(S, C)`` of the one motion of ``case`` part, and how near a tie PyTorch is there."""
    model = case.subject.model
    step, choice = (int(i) for i in np.argwhere(wanted != found)[0])
    drawn, steps = torch.from_numpy(wanted)[None], torch.tensor([len(wanted)])
    logits = model.slot_logits(case.encoded, drawn, steps)[choice][0, step].numpy()
    scores = logits / DEFAULT_TEMPERATURE
    noise = case.noise[step][0, choice, : len(scores)]
    apart = gap(scores + noise, int(wanted[step, choice]), int(found[step, choice]))
    return Parting(case.seeds[0], step, choice, apart, TIE * max(1.0, float(np.abs(scores).max())))


def _length(subject: Subject, sessions: Sessions, motion: int) -> int:
    """In steps, as the model draws it."""
    engine, case = Engine(subject.bundle.manifest, sessions), Case.of(subject, [motion], 1)
    request = replace(case.request(0), frames=None)
    steps = engine.length(engine.remember(np.asarray([case.prompt(0)], np.int64), request), request)
    assert steps is not None  # only the flat form leaves it open
    return steps


def _drawn(way: BundleSteps, case: Case) -> IntArray:
    """``(S, C)``."""
    return np.concatenate([way.step(position, noise) for position, noise in enumerate(case.noise)])
