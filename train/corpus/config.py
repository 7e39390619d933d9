"""What a corpus is made of: the one configuration every command of the corpus reads."""

from __future__ import annotations

from dataclasses import dataclass

SPLITS = ("train", "val", "test")

SMOKE_VERBS = ("wave", "stir", "clap", "hammer", "point", "type")


@dataclass(frozen=True)
class CorpusConfig:
    """A procedural corpus; `(seed, split, index)` and this decide every clip.

    Raises:
        InputError: for an unknown verb or numbers out of range, when a clip is first drawn.
    """

    clips: int = 20_000  # clips to write, over the three splits
    seed: int = 0
    verbs: tuple[str, ...] = ()  # empty = every verb there is
    max_actions: int = 3  # actions in sequence, 1 to 3
    action_weights: tuple[float, ...] = (0.61, 0.27, 0.12)  # how often 1, 2, 3 actions
    captions: int = 3  # captions per clip
    min_frames: int = 40
    max_frames: int = 256  # a clip that would be longer drops cycles, then actions
    place_noise: float = 0.008  # metres, standard deviation of where an action happens
    pose_noise: float = 2.5  # degrees, standard deviation per finger angle and action
    mention: float = 0.7  # how often a caption names a modifier that is not the default
    val_share: float = 0.1
    test_share: float = 0.1
    shard_clips: int = 2_000

    @staticmethod
    def smoke() -> CorpusConfig:
        """Six verbs and few clips, for the smoke training of CI."""
        return CorpusConfig(clips=600, verbs=SMOKE_VERBS, max_actions=2, max_frames=160, shard_clips=200)
