"""One decoder position to a step, or the paper's stream of tokens: quality and speed after the same time."""

from __future__ import annotations

from typing import Final

from train.config import RunConfig
from train.studies.arms import Arm, Study, Training
from train.studies.config import StudyConfig
from train.studies.lm import NEEDS, NOTES

_PLAIN: Final = ("lm.rhythm=no", "lm.own_share=0", "lm.complete_share=0", "lm.code_geometry=no")


def study(config: RunConfig, settings: StudyConfig) -> Study:
    """Pre-training in both forms, and in the step form without what the stream cannot have."""
    training = Training("pretrain", settings.minutes)
    arms = (
        Arm("flat", "the paper's stream: one position to a token", ("lm.form=flat",), training),
        Arm("step", "one position to a step", ("lm.form=step",), training, against="flat"),
        Arm(
            "step-plain",
            "the same without what the stream has not: rhythm, own pasts, completion, SHIFT's geometry",
            ("lm.form=step", *_PLAIN),
            training,
            against="flat",
        ),
    )
    return Study("form", "A position to a step, or to a token", "lm", NEEDS, arms, NOTES)
