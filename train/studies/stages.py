"""The paper's table of stages: pre-training, geometric refinement, instruction tuning, at equal time."""

from __future__ import annotations

from typing import Final

from train.config import RunConfig
from train.studies.arms import Arm, Study, Training
from train.studies.config import StudyConfig
from train.studies.lm import NEEDS
from train.studies.lm import NOTES as LM_NOTES

# The control of refinement: its steps, rates and rows, and nothing of its geometry.
CROSS_ENTROPY: Final = ("refine.weight=0", "refine.masked_share=0", "refine.alpha=1")

NOTES: Final = (
    "pt: pre-training, gr: geometric refinement, ift: instruction tuning, ce: what refinement is without "
    "geometry, cross-entropy alone, for the same minutes and at the same rate. pt-long pre-trains for the "
    "minutes of pt, gr and ift together, under one schedule.",
    "The paper, on its own data (R@3 of text to motion / of motion to text, KID): PT 0.53 / 0.50; PT+IFT "
    "0.69 / 0.57, 0.297; PT+GR+IFT 0.72 / 0.57, 0.216. Such figures do not compare across corpora.",
    *LM_NOTES,
)


def study(config: RunConfig, settings: StudyConfig) -> Study:
    """The paper's three rows, and for each stage a control that had its time."""
    whole = settings.minutes
    refine = Training("refine", whole * settings.refine_share)
    instruct = Training("instruct", whole * settings.instruct_share)
    first = Training("pretrain", whole - refine.minutes - instruct.minutes)
    alike = "pt+ce" if refine.minutes == instruct.minutes else ""
    arms = (
        Arm("pt", "pre-training", trains=first),
        Arm("pt-long", "pre-training for the whole time", trains=Training("pretrain", whole)),
        Arm("pt+ift", "and instruction tuning", trains=instruct, after="pt", against=alike),
        Arm("pt+ce", "and cross-entropy for the time of refinement", CROSS_ENTROPY, refine, after="pt"),
        Arm("pt+gr", "and geometric refinement", trains=refine, after="pt", against="pt+ce"),
        Arm("pt+ce+ift", "and instruction tuning", trains=instruct, after="pt+ce", against="pt-long"),
        Arm("pt+gr+ift", "all three stages", trains=instruct, after="pt+gr", against="pt-long"),
    )
    return Study("stages", "What each stage is worth", "lm", NEEDS, arms, NOTES)
