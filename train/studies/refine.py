"""How alpha and lambda matter: geometric refinement of the run's own pre-trained model."""

from __future__ import annotations

from typing import Final

from train.config import RunConfig
from train.studies.arms import Arm, Study, Training
from train.studies.config import StudyConfig
from train.studies.lm import NEEDS
from train.studies.lm import NOTES as LM_NOTES
from train.studies.stages import CROSS_ENTROPY

ALPHAS: Final = (0.0, 0.5, 1.0)
LAMBDAS: Final = (0.3, 1.0, 3.0)

NOTES: Final = (
    "alpha weighs the cross-entropy and lambda the reconstruction. Every arm goes on from the one "
    "pre-trained model of the run, so seeds tell of refinement's own chance (clips, noise, masks) and of "
    "sampling, not of pre-training's. ce has the same minutes of cross-entropy alone, at the same rate.",
    *LM_NOTES,
)


def study(config: RunConfig, settings: StudyConfig) -> Study:
    """A grid of both weights, the model as it is, its control, and masked prediction left out."""
    training = Training("refine", settings.minutes)
    grid = [
        Arm(
            f"a{alpha:g}-l{weight:g}",
            f"alpha {alpha:g}, lambda {weight:g}",
            (f"refine.alpha={alpha:g}", f"refine.weight={weight:g}"),
            training,
            against="ce",
        )
        for alpha in ALPHAS
        for weight in LAMBDAS
    ]
    arms = (
        Arm("none", "the pre-trained model as it is"),
        Arm("ce", "cross-entropy alone: lambda 0, no masked prediction", CROSS_ENTROPY, training),
        *grid,
        Arm(
            "a1-l1-unmasked",
            "alpha 1, lambda 1, no masked prediction",
            ("refine.alpha=1", "refine.weight=1", "refine.masked_share=0"),
            training,
            against="ce",
        ),
    )
    return Study(
        "refine",
        "Geometric refinement: alpha and lambda",
        "lm",
        (*NEEDS, "lm-pretrain"),
        arms,
        NOTES,
    )
