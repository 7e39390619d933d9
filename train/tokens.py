"""Motion to codes, once: fresh clips drawn from the corpus, encoded by SHIFT, kept with their texts.

RUN/tokens/{train,val}-NNNNN.parquet, one row per clip:

    id        string                 the clip's id in the corpus
    texts     list<string>           its captions, as drawn
    codes     list<list<int16>[K]>   S steps of 8 frames, K slots each
    actions   list<struct>           as in the clip store; see train.store

A shard holds the same clips however many processes make it; those already there are left as they are, so the
stage resumes where it stopped. Clips are drawn by index, without end: no clip need be seen twice. On a CPU
each worker draws and encodes shards of its own; on a GPU the workers draw, and one process encodes.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from clutch_rt.errors import InputError
from clutch_rt.layout import IntArray
from tqdm import tqdm

from models.files import appearing
from models.shift import CONFIG_FILE, Shift, read_config
from models.shift_config import ShiftConfig
from train.config import RunConfig
from train.corpus import Clip, CorpusConfig, draw_clip
from train.optim import device_type
from train.run import RunFolder, is_main, process_count, process_index, stage_main
from train.store import ACTION

R = TypeVar("R")

STAGE: Final = "tokens"
PIECE: Final = 128  # clips that a drawing process hands over at once, about 11 MB


def schema(slots: int) -> pa.Schema:
    """The columns of a shard whose steps have so many slots."""
    return pa.schema(
        [
            ("id", pa.string()),
            ("texts", pa.list_(pa.string())),
            ("codes", pa.list_(pa.list_(pa.int16(), slots))),
            ("actions", pa.list_(ACTION)),
        ]
    )


@dataclass(frozen=True)
class Shard:
    """A file to be made: clips ``first`` to ``last`` of a split."""

    split: str
    number: int
    first: int
    last: int

    def path(self, folder: Path) -> Path:
        """Where it goes."""
        return folder / f"{self.split}-{self.number:05d}.parquet"


def plan(clips: int, validation: int, size: int) -> list[Shard]:
    """The shards of both splits, ``size`` clips each but for the last."""
    return [
        Shard(split, n, first, min(first + size, total))
        for split, total in (("val", validation), ("train", clips))
        for n, first in enumerate(range(0, total, size))
    ]


@torch.no_grad()
def encode_clips(shift: Shift, clips: Sequence[Clip], batch_size: int) -> list[IntArray]:
    """Codes ``(S_i, K)`` of each clip; clips of one length go together, so none sees padding."""
    device = shift.mean.device
    lengths = np.asarray([len(c.frames) for c in clips])
    out: list[IntArray] = [np.zeros((0, shift.tokens_per_step), np.int64)] * len(clips)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for first in range(0, len(rows), batch_size):
            part = rows[first : first + batch_size]
            frames = torch.from_numpy(np.stack([clips[i].frames for i in part])).to(device)
            for i, codes in zip(part, shift.encode(frames).cpu().numpy(), strict=True):
                out[i] = codes
    return out


def draw(shard: Shard, corpus: CorpusConfig) -> list[Clip]:
    """The clips of a shard, or of a piece of one."""
    return [draw_clip(corpus.seed, i, shard.split, corpus) for i in range(shard.first, shard.last)]


def make_shard(shard: Shard, config: RunConfig, shift: Shift, folder: Path) -> None:
    """Draw, encode and write one shard, by rename; nothing is done where it is there."""
    if not shard.path(folder).exists():
        save_shard(shard, draw(shard, config.tokens_corpus()), config, shift, folder)


def save_shard(shard: Shard, clips: Sequence[Clip], config: RunConfig, shift: Shift, folder: Path) -> None:
    """Encode and write the clips of a shard, by rename."""
    codes = encode_clips(shift, clips, config.tokens.batch_size)
    rows = [_row(c, k) for c, k in zip(clips, codes, strict=True)]
    table = pa.Table.from_pylist(rows, schema=schema(shift.tokens_per_step))
    with appearing(shard.path(folder)) as part:
        pq.write_table(table, part, compression="zstd")


def _row(clip: Clip, codes: IntArray) -> dict[str, Any]:
    names = [f.name for f in ACTION]
    return {
        "id": clip.id,
        "texts": list(clip.texts),
        "codes": codes.tolist(),
        "actions": [{n: getattr(action, n) for n in names} for action in clip.actions],
    }


@functools.lru_cache(maxsize=1)
def _shift(folder: Path) -> Shift:
    return Shift.load(folder)


def _work(shard: Shard, config: RunConfig, run: Path) -> None:
    """One shard, on the CPU."""
    make_shard(shard, config, _shift(run / "shift"), run / "tokens")


def shift_config(run: Path) -> ShiftConfig:
    """The config of a run's SHIFT.

    Raises:
        InputError: it is of the ablation, with codes that are not those of the grammar, or cannot stream.
        FileFormatError: it is missing or damaged.
    """
    config = read_config(run / "shift" / CONFIG_FILE)
    if config.variant != "shift":
        raise InputError(
            f"the SHIFT in {run} is of variant {config.variant!r}, and a language model reads the codes "
            f"of 'shift'; its own figures are in {run / 'shift' / 'metrics.json'}, and for a language model "
            "train another run without shift.model.variant"
        )
    if not config.streams:
        raise InputError(
            f"the SHIFT in {run} has lookahead={config.lookahead} and velocity={config.velocity} and cannot "
            "stream; it is for studies of SHIFT alone: train another run without these"
        )
    return config


def stage(folder: RunFolder) -> Mapping[str, Any]:
    """Write ``RUN/tokens``."""
    shift_config(folder.path)
    config, out = folder.config, folder.folder("tokens")
    shards = plan(config.tokens.clips, config.tokens.validation, config.tokens.shard_clips)
    mine = [s for s in shards[process_index() :: process_count()] if not s.path(out).exists()]
    workers, device = _workers(config), device_type(config.machine)
    if device == "cpu":
        work = functools.partial(_work, config=config, run=folder.path)
        made = in_order(work, mine, min(workers, len(mine)))
    else:
        made = encode_here(mine, config, Shift.load(folder.path / "shift").to(device), out, workers)
    bar = tqdm(total=len(mine), desc=STAGE, unit="shard", disable=not (config.machine.progress and is_main()))
    with bar:
        for _ in made:
            bar.update()
    return {"shards": len(shards), "clips": config.tokens.clips, "validation": config.tokens.validation}


def encode_here(
    shards: Sequence[Shard], config: RunConfig, shift: Shift, folder: Path, workers: int
) -> Iterator[None]:
    """Make the shards with one model, in this process: the workers only draw, and open no device."""
    parts = [part for shard in shards for part in pieces(shard)]
    drawn = in_order(functools.partial(draw, corpus=config.tokens_corpus()), parts, min(workers, len(parts)))
    for shard in shards:
        clips = [clip for _ in pieces(shard) for clip in next(drawn)]
        save_shard(shard, clips, config, shift, folder)
        yield


def pieces(shard: Shard) -> list[Shard]:
    """A shard in runs of ``PIECE`` clips."""
    starts = range(shard.first, shard.last, PIECE)
    return [replace(shard, first=first, last=min(first + PIECE, shard.last)) for first in starts]


def in_order(work: Callable[[Shard], R], items: Sequence[Shard], workers: int) -> Iterator[R]:
    """``work`` of each item, in order, by so many processes; in this one where one is enough.

    No more than two items a process are in hand or wait to be taken, so memory stays bounded; a stop waits
    for those in hand only.
    """
    if workers <= 1:
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker)
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            if len(waiting) == 2 * workers:
                yield waiting.popleft().result()
            waiting.append(pool.submit(work, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """In a worker: one thread, as many workers as cores; and Ctrl-C is the parent's to answer."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _workers(config: RunConfig) -> int:
    """Processes that draw for this one: as many as threads are asked for, or its share of the cores."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return config.machine.threads or max(1, (os.cpu_count() or 1) // here)


def slots_of(shard: Path) -> int:
    """Codes to a step, K, as a shard's own schema says."""
    return int(pq.read_schema(shard).field("codes").type.value_type.list_size)


class TokenStore:
    """Clips as codes and texts, in memory: two bytes a code.

    Args:
        folder: ``RUN/tokens``.
        split: ``train`` or ``val``.

    Raises:
        InputError: where the folder holds no such split.
    """

    def __init__(self, folder: Path | str, split: str) -> None:
        folder = Path(folder)
        files = sorted(folder.glob(f"{split}-*.parquet"))
        if not files:
            raise InputError(
                f"{folder} holds no {split} tokens; run `python -m train.tokens run={folder.parent}`"
            )
        self.slots = slots_of(files[0])
        columns = schema(self.slots)
        table = pa.concat_tables([pq.read_table(f, schema=columns) for f in files]).combine_chunks()
        codes = table["codes"].combine_chunks()
        flat = codes.flatten().flatten().to_numpy(zero_copy_only=False)
        self._codes = flat.reshape(-1, self.slots).astype(np.int16)
        self._offsets = codes.offsets.to_numpy() - codes.offsets[0].as_py()
        self._texts = table["texts"]
        self._actions = table["actions"]
        self.steps: IntArray = np.diff(self._offsets).astype(np.int64)
        self.ids = table["id"]

    def __len__(self) -> int:
        return len(self.steps)

    def codes(self, clip: int) -> IntArray:
        """Codes ``(S, K)`` int64."""
        return self._codes[self._offsets[clip] : self._offsets[clip + 1]].astype(np.int64)

    def texts(self, clip: int) -> list[str]:
        """Captions, as drawn."""
        return self._texts[clip].as_py()

    def actions(self, clip: int) -> list[dict[str, Any]]:
        """Labels of the actions, in order."""
        return self._actions[clip].as_py()

    def label_values(self, field: str) -> list[Any]:
        """What a label of the actions is, anywhere in the store; each value once, null left out."""
        values = pc.struct_field(pc.list_flatten(self._actions), field)
        return [v for v in pc.unique(values).to_pylist() if v is not None]


def main() -> int:
    """``python -m train.tokens``."""
    return stage_main(STAGE, stage)


if __name__ == "__main__":
    sys.exit(main())
