"""What a comparison with PyTorch measures, the bounds it is held to, and the words of a refusal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import torch
from clutch_rt.errors import ClutchError
from clutch_rt.hand import two_hand_joints
from clutch_rt.layout import Float32Array, FloatArray

from export.graph import Precision

TIE: Final = 1e-4
FRAMES: Final = 1e-5
MEMORY: Final = 1e-4
MOTION_MM: Final = 1.0
KL_NATS: Final[dict[Precision, float]] = {"fp32": 1e-6, "fp16": 1e-3, "int8": 0.05, "int4": 0.05}


class ParityError(ClutchError):
    """An exported graph disagrees with the network it was written from."""


@dataclass(frozen=True)
class Report:
    """What the check measured.

    Attributes:
        prompts: sentences tried.
        tokens: motion tokens that PyTorch drew.
        token_agreement: part of them that the bundle, drawing freely, drew alike.
        same_length: part of the prompts with the same number of steps.
        ties: prompts that parted at a tie (fp32) and agreed up to there.
        kl_length, kl_motion, kl_caption: mean divergence of what is drawn, with forced tokens, nats.
        logits: largest difference of a forced motion logit.
        caption_agreement: part of the captions that are equal.
        code_agreement: part of the SHIFT codes that are equal.
        frames: largest difference of a raw frame number, same codes.
        decode_mm: mean joint distance, same codes, mm.
        generated_mm: mean joint distance between the motions drawn freely, over their common steps, mm.
    """

    prompts: int
    tokens: int
    token_agreement: float = 1.0
    same_length: float = 1.0
    ties: int = 0
    kl_length: float = 0.0
    kl_motion: float = 0.0
    kl_caption: float = 0.0
    logits: float = 0.0
    caption_agreement: float = 1.0
    code_agreement: float = 1.0
    frames: float = 0.0
    decode_mm: float = 0.0
    generated_mm: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, rounded to what means something."""
        return {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in asdict(self).items()}


def largest_difference(found: Float32Array, wanted: Float32Array) -> float:
    """Largest absolute difference; infinite where either holds a NaN or an infinity."""
    difference = np.abs(found - wanted)
    return float(difference.max()) if np.isfinite(difference).all() else float("inf")


def relative_difference(found: Float32Array, wanted: Float32Array) -> float:
    """Largest difference over the largest value, which counts as 1 at least."""
    return largest_difference(found, wanted) / max(1.0, float(np.abs(wanted).max()))


def divergence(wanted: Float32Array, found: Float32Array) -> Float32Array:
    """KL(softmax(wanted) || softmax(found)) over the last axis, nats."""
    p, q = (torch.from_numpy(np.asarray(x)).double().log_softmax(-1) for x in (wanted, found))
    return np.asarray((p.exp() * (p - q)).sum(-1).numpy())


def millimetres(a: Float32Array, b: Float32Array) -> float:
    """Mean distance of the joints of two motions ``(T, 2, 99)``, mm."""
    return float(np.linalg.norm(two_hand_joints(a) - two_hand_joints(b), axis=-1).mean() * 1000.0)


def parting(wanted: list[int], found: list[int]) -> int:
    """The first place where two sequences differ; the end of the shorter if it begins the longer."""
    pairs = enumerate(zip(wanted, found, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(wanted), len(found)))


def gap(scores: FloatArray, wanted: int, found: int) -> float:
    """How much better ``wanted`` scores than ``found``."""
    return float(scores[wanted] - scores[found])


def require(graph: str, where: str, error: float, limit: float, what: str) -> None:
    """ParityError unless ``error <= limit``; a NaN is an error."""
    if not error <= limit:
        raise ParityError(
            f"graph {graph} disagrees with PyTorch at {where}: {error:.3g} {what}, {limit:.3g} is allowed; "
            "no bundle was written. If the checkpoint is sound this is a fault of the export: report it, "
            "or try another --precision"
        )
