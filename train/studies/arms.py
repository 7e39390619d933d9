"""What a study is made of: arms, each a run of its own under settings of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from clutch_rt.errors import InputError

# The group of settings whose ``steps`` a stage takes.
GROUPS: Final = {"shift": "shift", "pretrain": "lm", "refine": "refine", "instruct": "instruct"}


@dataclass(frozen=True)
class Training:
    """A stage that an arm runs, for so many processor-minutes of its steps."""

    stage: Literal["shift", "pretrain", "refine", "instruct"]
    minutes: float


@dataclass(frozen=True)
class Arm:
    """One row of a study.

    Attributes:
        name: of the row, and of its folder.
        says: what it is, for the reader of the table.
        settings: over those of the run, as ``key=value``.
        trains: what it runs; None judges what it goes on from.
        after: the arm whose models it goes on from; empty for those of the run.
        against: the arm it is held against, of the same time.
    """

    name: str
    says: str
    settings: tuple[str, ...] = ()
    trains: Training | None = None
    after: str = ""
    against: str = ""


@dataclass(frozen=True)
class Study:
    """A question and its arms.

    Attributes:
        name: on the command line.
        title: of its report.
        judges: ``shift`` judges what SHIFT gives back, ``lm`` the motions that sentences become.
        needs: what the run must have, by path inside it; every arm has a link to it.
        arms: in the order of the table, each behind what it goes on from.
        notes: sentences under the tables.
    """

    name: str
    title: str
    judges: Literal["shift", "lm"]
    needs: tuple[str, ...]
    arms: tuple[Arm, ...]
    notes: tuple[str, ...]

    def arm(self, name: str) -> Arm:
        """An arm by its name; InputError lists them."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise InputError(f"arms={name}: {', '.join(a.name for a in self.arms)} are those of {self.name}")

    def chain(self, arm: Arm) -> list[Arm]:
        """What an arm goes on from, the first before, and itself."""
        return [*(self.chain(self.arm(arm.after)) if arm.after else []), arm]

    def chosen(self, names: Sequence[str]) -> tuple[Arm, ...]:
        """The arms of those names with all that they go on from, in order; every arm where there are none."""
        wanted = {link.name for name in names for link in self.chain(self.arm(name))}
        return tuple(arm for arm in self.arms if arm.name in wanted or not names)

    def goes_on(self, arm: Arm) -> bool:
        """Whether another arm goes on from this one."""
        return any(other.after == arm.name for other in self.arms)
