"""Writing a corpus: shard by shard, each by rename, so that an interrupted command goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clutch_rt.errors import InputError
from tqdm import tqdm

from train import store

from .config import CorpusConfig
from .draw import draw_clip
from .verbs import VERBS

if TYPE_CHECKING:
    from train.run import RunFolder

CORPUS_KEY = "clutch_rt.corpus"
# Settings that say how much is written and how, not what a clip looks like.
_QUANTITY = ("clips", "shard_clips", "val_share", "test_share")


@dataclass(frozen=True)
class Shard:
    """Clips `first` to `last` (exclusive) of a split, and the file they go to."""

    split: str
    first: int
    last: int
    path: Path


@dataclass(frozen=True)
class Written:
    """What a command left in the folder."""

    clips: int
    frames: int
    shards: int


def split_sizes(config: CorpusConfig) -> dict[str, int]:
    """How many clips of each split a corpus has; every split at least one."""
    val = max(1, round(config.clips * config.val_share))
    test = max(1, round(config.clips * config.test_share))
    return {"train": max(1, config.clips - val - test), "val": val, "test": test}


def plan_shards(folder: Path, config: CorpusConfig) -> list[Shard]:
    """The files of a corpus."""
    return [
        Shard(split, first, min(first + config.shard_clips, size), folder / f"{split}-{number:05d}.parquet")
        for split, size in split_sizes(config).items()
        for number, first in enumerate(range(0, size, config.shard_clips))
    ]


def recipe(config: CorpusConfig) -> str:
    """What decides the clips, as JSON: the settings without the quantities, and the verbs by name."""
    settings = {k: v for k, v in asdict(config).items() if k not in _QUANTITY}
    return json.dumps({**settings, "verbs": list(config.verbs or VERBS)}, sort_keys=True)


def _is_done(shard: Shard, made_of: str) -> bool:
    """Whether the shard is already there, whole and of this corpus."""
    if not shard.path.exists():
        return False
    if store.shard_metadata(shard.path).get(CORPUS_KEY) != made_of:
        raise InputError(
            f"{shard.path} holds clips of other settings than asked for; give another folder, or delete it"
        )
    return store.count_clips(shard.path) == shard.last - shard.first


def _draw(shard: Shard, config: CorpusConfig, bar: Any) -> Iterator[store.Clip]:
    for index in range(shard.first, shard.last):
        yield draw_clip(config.seed, index, shard.split, config)
        bar.update()


def write_corpus(folder: Path | str, config: CorpusConfig, quiet: bool = False) -> Written:
    """Write a corpus into `folder`, or finish one that was begun there.

    Args:
        folder: where the shards `SPLIT-NUMBER.parquet` go.
        config: what they are made of.
        quiet: no progress bar.

    Raises:
        InputError: when the folder holds clips of other settings, or the settings make no sense.
    """
    root = Path(folder)
    made_of = recipe(config)
    planned = plan_shards(root, config)
    missing = [shard for shard in planned if not _is_done(shard, made_of)]
    done = sum(s.last - s.first for s in planned) - sum(s.last - s.first for s in missing)
    total = sum(s.last - s.first for s in planned)
    with tqdm(total=total, initial=done, unit="clip", desc="corpus", mininterval=0.5, disable=quiet) as bar:
        for shard in missing:
            store.write_shard(shard.path, list(_draw(shard, config, bar)), {CORPUS_KEY: made_of})
    frames = sum(
        sum(batch["length"].to_pylist())
        for batch in store.read_batches(root, columns=["length"], batch_size=4096)
    )
    return Written(total, frames, len(planned))


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """The corpus stage of a training run: RUN/corpus; written by the first process alone."""
    from train.run import is_main

    if not is_main():
        return {}
    written = write_corpus(
        folder.path / "corpus", folder.config.corpus, quiet=not folder.config.machine.progress
    )
    return {
        "clips": written.clips,
        "frames": written.frames,
        "mean_frames": round(written.frames / written.clips, 1),
        "shards": written.shards,
    }
