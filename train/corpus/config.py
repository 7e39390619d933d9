"""What a corpus is made of: the one configuration every command of the corpus reads."""

from __future__ import annotations

import math
from dataclasses import dataclass

from clutch_rt.errors import InputError
from clutch_rt.layout import FRAMES_PER_STEP

SPLITS = ("train", "val", "test")

LONGEST = 256  # frames; the language model's 32 steps of 8
MOST_ACTIONS = 3

SMOKE_VERBS = ("wave", "stir", "clap", "hammer", "point", "type")


@dataclass(frozen=True)
class CorpusConfig:
    """A procedural corpus; `(seed, split, index)` and this decide every clip.

    Raises:
        InputError: for numbers out of range, at once; for an unknown verb, when a clip is first drawn.
    """

    clips: int = 20_000  # clips to write, over the three splits
    seed: int = 0
    verbs: tuple[str, ...] = ()  # empty = every verb there is
    max_actions: int = 3  # actions in sequence, 1 to 3
    # How often 1, 2, 3 actions: of the store that SHIFT and the judges learn from, and of the test split.
    action_weights: tuple[float, ...] = (0.61, 0.27, 0.12)
    captions: int = 3  # captions per clip
    min_frames: int = 40  # a clip that would be shorter takes longer to come back to rest
    max_frames: int = 256  # a clip that would be longer drops cycles, then actions
    place_noise: float = 0.008  # metres, standard deviation of where an action happens
    pose_noise: float = 2.5  # degrees, how much fingers differ: of people, and per angle and action
    mention: float = 0.7  # how often a caption names a modifier that is not the default
    val_share: float = 0.1
    test_share: float = 0.1
    shard_clips: int = 2_000

    def __post_init__(self) -> None:
        _count("clips", self.clips, 3, "one for each split")
        _count("seed", self.seed, 0)
        _count("max_actions", self.max_actions, 1, most=MOST_ACTIONS)
        _count("captions", self.captions, 1)
        _count("shard_clips", self.shard_clips, 1)
        _weights(self.action_weights, self.max_actions)
        _frames(self.min_frames, self.max_frames)
        for name in ("place_noise", "pose_noise"):
            _share(name, getattr(self, name), math.inf)
        for name in ("mention", "val_share", "test_share"):
            _share(name, getattr(self, name), 1.0)
        if self.val_share + self.test_share >= 1.0:
            raise InputError(
                f"val_share={self.val_share} and test_share={self.test_share} leave nothing to train on; "
                "give shares that sum to less than 1"
            )

    @staticmethod
    def smoke() -> CorpusConfig:
        """Six verbs and few clips, for the smoke training of CI."""
        return CorpusConfig(clips=600, verbs=SMOKE_VERBS, max_actions=2, max_frames=160, shard_clips=200)


def _count(name: str, value: int, least: int, why: str = "", most: int | None = None) -> None:
    if value < least or (most is not None and value > most):
        wanted = f"at least {least}" if most is None else f"{least} to {most}"
        raise InputError(f"{name}={value} is asked for; give {wanted}{', ' + why if why else ''}")


def _share(name: str, value: float, most: float) -> None:
    if not 0.0 <= value <= most or math.isinf(value):
        wanted = "0 or more" if math.isinf(most) else f"0 to {most:g}"
        raise InputError(f"{name}={value} is asked for; give a number of {wanted}")


def _weights(weights: tuple[float, ...], actions: int) -> None:
    usable = all(math.isfinite(w) and w >= 0.0 for w in weights) and sum(weights[:actions]) > 0.0
    if not actions <= len(weights) <= MOST_ACTIONS or not usable:
        raise InputError(
            f"action_weights={weights} for clips of up to {actions} actions; give one weight of 0 or more "
            f"for each number of actions, {MOST_ACTIONS} at most, and not all of them 0"
        )


def _frames(least: int, most: int) -> None:
    if most % FRAMES_PER_STEP or not FRAMES_PER_STEP <= most <= LONGEST:
        raise InputError(
            f"max_frames={most} is asked for; give a multiple of {FRAMES_PER_STEP}, {LONGEST} at most"
        )
    if not 0 <= least <= most:
        raise InputError(f"min_frames={least} is asked for; give 0 to max_frames={most}")
