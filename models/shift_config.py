"""The size of a SHIFT model, as a dataclass and as a file, and which numbers each branch carries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.layout import HAND_SIZE, HANDS, POSE, TRAJECTORY

VARIANTS: Final = ("shift", "part", "single")


@dataclass(frozen=True)
class ShiftConfig:
    """The size of a SHIFT model and how its codebooks learn."""

    variant: str = "shift"  # codes a step and level, shift: 4; part: one per hand; single: one for both
    widths: tuple[int, ...] = (32, 64, 128, 192)  # channels at 30, 15, 7.5 and 3.75 instants per second
    depth: int = 1  # residual blocks per level, dilations 1, 3, 9, ...
    out_depth: int = 1  # residual blocks of the decoder at the full rate
    trajectory_codes: int = 2048  # entries of the trajectory codebook; of the only one in part and single
    pose_codes: int = 1024  # entries of the pose codebook
    code_size: int = 64  # numbers of a code
    levels: int = 1  # residual codes per slot, each level with codebooks of its own, of the same sizes
    trajectory_levels: int = 0  # of the trajectory branch; 0: as many as the other has
    beam: int = 1  # sums of codes that the search for the nearest keeps; in training at most 4
    decay: float = 0.97  # mu of the codebooks' moving averages
    restart: float = 0.2  # a code is lost under this part of the fair share of latents
    start_steps: int = 80  # training steps that leave latents unquantised
    # The rest is for studies: such a model cannot stream.
    lookahead: int = 0  # steps of codes after its own that the decoder sees
    velocity: bool = False  # a wrist's place is coded as its way from frame to frame

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise InputError(f"SHIFT variant is {self.variant!r}; it must be one of {', '.join(VARIANTS)}")
        if len(self.widths) != 4 or min(self.widths) < 1:
            raise InputError(f"SHIFT widths are {self.widths}; four positive channel counts are wanted")
        for name in ("trajectory_codes", "pose_codes", "code_size", "levels", "beam"):
            if getattr(self, name) < 1:
                raise InputError(f"SHIFT {name} is {getattr(self, name)}; it must be at least 1")
        for name in ("trajectory_levels", "lookahead"):
            if getattr(self, name) < 0:
                raise InputError(f"SHIFT {name} is {getattr(self, name)}; it must be 0 or more")

    @property
    def streams(self) -> bool:
        """Whether frames can be decoded as their codes come."""
        return not self.lookahead and not self.velocity


@dataclass(frozen=True)
class BranchPlan:
    """Which numbers of a motion a branch carries: ``part`` of each hand, or all of both hands together."""

    name: str
    part: slice
    codes: int
    levels: int
    both: bool = False

    @property
    def channels(self) -> int:
        """Numbers per frame that go through the branch."""
        size = self.part.stop - self.part.start
        return size * len(HANDS) if self.both else size


def plan(config: ShiftConfig) -> tuple[BranchPlan, ...]:
    """The branches of a variant, in the order of the slots."""
    hand = slice(0, HAND_SIZE)
    if config.variant == "single":
        return (BranchPlan("both", hand, config.trajectory_codes, config.levels, both=True),)
    if config.variant == "part":
        return (BranchPlan("hand", hand, config.trajectory_codes, config.levels),)
    paths = config.trajectory_levels or config.levels
    return (
        BranchPlan("trajectory", TRAJECTORY, config.trajectory_codes, paths),
        BranchPlan("pose", POSE, config.pose_codes, config.levels),
    )


@dataclass(frozen=True)
class Slot:
    """What one code of a step is: of which branch (its index), which hand (0 the left) and which level."""

    branch: int
    hand: int
    level: int


def slots(plans: Sequence[BranchPlan]) -> tuple[Slot, ...]:
    """The codes of a step in their order: level after level, and on each the left hand before the right."""
    hands = 1 if plans[0].both else len(HANDS)
    return tuple(
        Slot(branch, hand, level)
        for level in range(max(p.levels for p in plans))
        for hand in range(hands)
        for branch, p in enumerate(plans)
        if level < p.levels
    )


def config_from(values: Mapping[str, Any]) -> ShiftConfig:
    """The config that ``save`` wrote as plain values; FileFormatError where they are no such thing."""
    known = {f.name for f in fields(ShiftConfig)}
    unknown = sorted(set(values) - known - {"model"})
    if unknown:
        raise FileFormatError(f"a SHIFT config holds {', '.join(unknown)}, which this version does not know")
    kept: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known
    }
    try:
        return ShiftConfig(**kept)
    except TypeError as error:
        raise FileFormatError(f"a SHIFT config holds a wrong value ({error}); restore it") from error


def read_config(path: Path) -> ShiftConfig:
    """Read ``config.json`` of a SHIFT folder; FileFormatError says what is wrong with it."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileFormatError(f"{path} is missing; run `python -m train.shift` to make it") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path} is not JSON ({error}); restore it beside its weights") from error
    if not isinstance(values, dict) or values.get("model") != "shift":
        raise FileFormatError(f"{path} does not describe a SHIFT model; give the folder train.shift wrote")
    return config_from(values)
