"""How a study is run: ``key=value`` on its command line, beside the settings that all of its arms take."""

from __future__ import annotations

from dataclasses import dataclass

from clutch_rt.errors import InputError


@dataclass(frozen=True)
class StudyConfig:
    """The size of a study."""

    seeds: int = 3  # trainings of each arm, from the run's own seed on
    minutes: float = 10.0  # processor-minutes of an arm's steps, of all threads together
    arms: tuple[str, ...] = ()  # only these, and what they go on from; empty takes all
    trial: int = 20  # steps that are timed, three times, to know how many fit
    refine_share: float = 0.15  # study stages: part of the minutes that refinement takes
    instruct_share: float = 0.15  # study stages: part of the minutes that instruction tuning takes
    keep: bool = False  # keep the language models of arms that no other goes on from, once they are judged

    def __post_init__(self) -> None:
        for name, least in (("seeds", 1), ("trial", 1), ("refine_share", 0.01), ("instruct_share", 0.01)):
            if getattr(self, name) < least:
                raise InputError(f"{name}={getattr(self, name)} is asked for; give {least} or more")
        if not self.minutes > 0:
            raise InputError(f"minutes={self.minutes:g} is asked for; give more than 0")
        if not self.refine_share + self.instruct_share < 1:
            raise InputError(
                "refine_share and instruct_share are parts of the minutes; give less than 1 in all"
            )
