"""Is SHIFT worth its codes? The paper's ablation with rows of as many codes, and what else decides."""

from __future__ import annotations

from typing import Final

from models.shift_config import plan, slots
from train.config import RunConfig
from train.studies.arms import Arm, Study, Training
from train.studies.config import StudyConfig

NEEDS: Final = ("corpus",)
_AHEAD: Final = 4  # steps, where the decoder sees nine back: nearly as far both ways
_PLAIN: Final = ("shift.model.levels=1", "shift.model.trajectory_levels=0", "shift.model.beam=1")

NOTES: Final = (
    "tokens: codes to a step of 8 frames. bits: the logarithm of how many steps can be told apart. Rows of "
    "other tokens say how much more codes buy; rows of the same say how well they are spent.",
    "The paper, on its own data (MPJPE mm / ACCEL): SHIFT 45.94 / 5.395, part-only 95.27 / 7.500, single "
    "VQ-VAE 93.26 / 7.771, MotionGPT's VQ-VAE 93.49 / 8.340. Such figures do not compare across corpora.",
    "Errors are of whole held-out clips through the codes and back. All arms learn by the run's recipe.",
)


def _model(*settings: str) -> tuple[str, ...]:
    return tuple(f"shift.model.{setting}" for setting in settings)


def study(config: RunConfig, settings: StudyConfig) -> Study:
    """The arms over a run's settings; with other codes, levels or search than its own."""
    model, training = config.shift.model, Training("shift", settings.minutes)
    own = len(slots(plan(model)))
    found: list[tuple[str, str, tuple[str, ...], str]] = [
        ("shift", "the run's own SHIFT", (), ""),
        ("shift-4", "SHIFT as the paper has it: 4 tokens, no residual codes", _PLAIN, ""),
        ("part-2", "one code a hand (the paper's part-only)", (*_PLAIN, *_model("variant=part")), "shift-4"),
        ("single-1", "one code for both hands", (*_PLAIN, *_model("variant=single")), "shift-4"),
        (
            "motiongpt-2",
            "the shape of MotionGPT's VQ-VAE: one branch, 512 codes of 512 numbers, 3 dilated blocks a rate, "
            f"a decoder that sees {_AHEAD} steps ahead; two residual codes to 8 frames for its one to 4",
            _model(
                "variant=single",
                "levels=2",
                "beam=1",
                "trajectory_codes=512",
                "code_size=512",
                "depth=3",
                f"lookahead={_AHEAD}",
            ),
            "shift-4",
        ),
        ("part-4", "one code a hand, 2 levels", _model("variant=part", "levels=2"), "shift-4"),
    ]
    if own > 4:
        alike = "as many tokens as the run's own"
        found += [
            (
                f"part-{own}",
                f"one code a hand, {own // 2} levels: {alike}",
                _model("variant=part", f"levels={own // 2}"),
                "shift",
            ),
            (
                f"single-{own}",
                f"one code for both hands, {own} levels: {alike}",
                _model("variant=single", f"levels={own}"),
                "shift",
            ),
        ]
    if own != 8:
        even = _model("levels=2", "trajectory_levels=0")
        found.append(("shift-8", "two levels for trajectories as for poses", even, "shift"))
    found += [
        (
            "poses-more",
            "a level of residual codes more for poses",
            _model(f"levels={model.levels + 1}"),
            "shift",
        ),
        ("codes-half", "half as many entries of each codebook", _codes(config, 0.5), "shift"),
        ("codes-double", "twice as many", _codes(config, 2.0), "shift"),
        (
            "lookahead",
            f"a decoder that is not causal: it sees {_AHEAD} steps ahead",
            _model(f"lookahead={_AHEAD}"),
            "shift",
        ),
        ("velocity", "a wrist's place coded as its velocity", _model("velocity=yes"), "shift"),
    ]
    if model.beam > 1:
        found.append(("no-beam", "residual codes chosen one after the other", _model("beam=1"), "shift"))
    arms = tuple(Arm(name, says, given, training, against=other) for name, says, given, other in found)
    return Study("shift", "What SHIFT is worth", "shift", NEEDS, arms, NOTES)


def _codes(config: RunConfig, factor: float) -> tuple[str, ...]:
    model = config.shift.model
    return _model(
        f"trajectory_codes={max(1, int(factor * model.trajectory_codes))}",
        f"pose_codes={max(1, int(factor * model.pose_codes))}",
    )
