"""The clip store: Parquet shards that pyarrow, pandas, DuckDB, `datasets` and Ray Data read as they are.

One row is one clip. Columns, schema version 1:

    id       string                      unique within the store
    split    string                      "train", "val" or "test"
    length   int32                       frames, T, a multiple of 8 in clips of the corpus
    frames   list<float[198]>            T rows: the left hand's 99 numbers, then the right's
    texts    list<string>                sentences that describe the motion, normalised
    actions  list<struct<verb: string, hand: string, object: string?, speed: string, count: int32?,
                         frequency_hz: float?, amplitude: string, direction: string?, start: int32,
                         stop: int32>>        see train.corpus.clip.Action

The schema's metadata holds `clutch_rt.store` (the version), `clutch_rt.fps` and, for clips that were drawn,
`clutch_rt.corpus` (what they were drawn from, JSON). Shards are named SPLIT-NUMBER.parquet, so a reader of
one split opens only its files. Frames are float32 without loss; see `write_shard` for how they are packed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.layout import FPS, HAND_SIZE, Float32Array

from models.files import appearing
from train.corpus.clip import Action, Clip

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "Action",
    "Clip",
    "clips_of",
    "count_clips",
    "read_batches",
    "read_clips",
    "shard_metadata",
    "shards",
    "to_table",
    "write_shard",
]

SCHEMA_VERSION: Final = 1
ROW_GROUP: Final = 64  # clips; about 5 MB of frames, the least a reader must hold

_ROW: Final = 2 * HAND_SIZE
_VERSION_KEY: Final = b"clutch_rt.store"

ACTION: Final = pa.struct(
    [
        pa.field("verb", pa.string(), nullable=False),
        pa.field("hand", pa.string(), nullable=False),
        pa.field("object", pa.string()),
        pa.field("speed", pa.string(), nullable=False),
        pa.field("count", pa.int32()),
        pa.field("frequency_hz", pa.float32()),
        pa.field("amplitude", pa.string(), nullable=False),
        pa.field("direction", pa.string()),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("stop", pa.int32(), nullable=False),
    ]
)

SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
        pa.field("frames", pa.list_(pa.list_(pa.float32(), _ROW)), nullable=False),
        pa.field("texts", pa.list_(pa.string()), nullable=False),
        pa.field("actions", pa.list_(ACTION), nullable=False),
    ],
    metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode(), b"clutch_rt.fps": str(FPS).encode()},
)

_ACTION_FIELDS: Final = tuple(ACTION.field(i).name for i in range(ACTION.num_fields))


def to_table(clips: Sequence[Clip], metadata: Mapping[str, str] | None = None) -> pa.Table:
    """Clips as an Arrow table of `SCHEMA`, `metadata` added to it.

    Raises:
        InputError: for frames that are not `(T, 2, 99)`.
    """
    for clip in clips:
        if clip.frames.ndim != 3 or clip.frames.shape[1:] != (2, HAND_SIZE):
            raise InputError(
                f"clip {clip.id} has frames {clip.frames.shape}; the store wants (T, 2, {HAND_SIZE})"
            )
    lengths = np.array([len(clip.frames) for clip in clips], dtype=np.int32)
    flat = np.concatenate([clip.frames.reshape(-1) for clip in clips]) if clips else np.zeros(0)
    rows = pa.FixedSizeListArray.from_arrays(pa.array(flat.astype(np.float32, copy=False)), _ROW)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    schema = SCHEMA
    if metadata:
        extra = {key.encode(): value.encode() for key, value in metadata.items()}
        schema = SCHEMA.with_metadata({**(SCHEMA.metadata or {}), **extra})
    actions = [[{name: getattr(a, name) for name in _ACTION_FIELDS} for a in clip.actions] for clip in clips]
    columns = [
        pa.array([clip.id for clip in clips], pa.string()),
        pa.array([clip.split for clip in clips], pa.string()),
        pa.array(lengths),
        pa.ListArray.from_arrays(offsets, rows, type=SCHEMA.field("frames").type),
        pa.array([list(clip.texts) for clip in clips], pa.list_(pa.string())),
        pa.array(actions, pa.list_(ACTION)),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def write_shard(path: Path, clips: Sequence[Clip], metadata: Mapping[str, str] | None = None) -> None:
    """Write one shard; it appears by rename, whole or not at all.

    Frames are byte-stream-split and packed with zstd, which loses nothing and, since the corpus rounds its
    numbers to a grid of 2^-15, takes about a third of their size.

    Raises:
        InputError: for frames of another shape.
    """
    table = to_table(clips, metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    with appearing(path) as part:
        pq.write_table(
            table,
            part,
            row_group_size=ROW_GROUP,
            compression="zstd",
            compression_level=3,
            use_dictionary=["split"],
            column_encoding={"frames.list.element.list.element": "BYTE_STREAM_SPLIT"},
        )


def shards(source: Path | str, split: str | None = None) -> list[Path]:
    """The shard files of a store, in order: a folder's, or the one file given.

    Raises:
        InputError: when there is nothing there.
    """
    root = Path(source)
    if root.is_file():
        return [root]
    pattern = "*.parquet" if split is None else f"{split}-*.parquet"
    found = sorted(root.glob(pattern))
    if not found and not sorted(root.glob("*.parquet")):
        raise InputError(f"no clips in {root}; write some with `python -m train.corpus out={root}`")
    return found


def shard_metadata(path: Path) -> dict[str, str]:
    """The schema metadata of a shard, after checking that this version reads it.

    Raises:
        FileFormatError: for a file that is no shard, or of a newer schema.
    """
    try:
        raw = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise FileFormatError(f"{path} is not a readable Parquet file ({error}); write it again") from error
    version = raw.get(_VERSION_KEY, b"").decode()
    if not version.isdigit():
        raise FileFormatError(f"{path} is Parquet but no clip store; it lacks the key clutch_rt.store")
    if int(version) > SCHEMA_VERSION:
        raise FileFormatError(
            f"{path} has store version {version}; this program reads up to {SCHEMA_VERSION}: update it"
        )
    return {key.decode(): value.decode() for key, value in raw.items() if not key.startswith(b"ARROW:")}


def read_batches(
    source: Path | str,
    split: str | None = None,
    columns: Sequence[str] | None = None,
    batch_size: int = ROW_GROUP,
) -> Iterator[pa.RecordBatch]:
    """Arrow batches of a store, only the columns named; memory stays that of a row group.

    Raises:
        InputError: for an empty store or an unknown column.
        FileFormatError: for a file that is no shard.
    """
    unknown = sorted(set(columns or ()) - set(SCHEMA.names))
    if unknown:
        raise InputError(f"no column {unknown[0]!r} in a clip store; there are {', '.join(SCHEMA.names)}")
    for path in shards(source, split):
        shard_metadata(path)
        wanted = None if columns is None else list(dict.fromkeys([*columns, "split"]))
        for batch in pq.ParquetFile(path).iter_batches(batch_size=batch_size, columns=wanted):
            if split is not None:
                batch = batch.filter(pc.equal(batch["split"], split))
            if batch.num_rows:
                yield batch if columns is None else batch.select(list(columns))


def _frames(column: pa.ListArray) -> list[Float32Array]:
    """The frames of each row, `(T, 2, 99)`, copied out of Arrow's memory."""
    flat = column.flatten().flatten().to_numpy(zero_copy_only=False)
    ends = np.cumsum(column.value_lengths().to_numpy(zero_copy_only=False))
    rows = flat.reshape(-1, 2, HAND_SIZE)
    return [np.array(part, dtype=np.float32) for part in np.split(rows, ends[:-1])]


def _action(row: Mapping[str, Any]) -> Action:
    return Action(**{name: row[name] for name in _ACTION_FIELDS})


def clips_of(batch: pa.RecordBatch) -> list[Clip]:
    """The clips of a batch that has every column."""
    rows = batch.select(["id", "split", "texts", "actions"]).to_pylist()
    return [
        Clip(row["id"], row["split"], frames, tuple(row["texts"]), tuple(map(_action, row["actions"])))
        for row, frames in zip(rows, _frames(batch["frames"]), strict=True)
    ]


def read_clips(source: Path | str, split: str | None = None) -> Iterator[Clip]:
    """The clips of a store, one after the other.

    Args:
        source: a folder of shards, or one shard.
        split: only this one; None for all.

    Raises:
        InputError: for an empty store.
        FileFormatError: for a file that is no shard, or of a newer schema.
    """
    for batch in read_batches(source, split):
        yield from clips_of(batch)


def count_clips(source: Path | str, split: str | None = None) -> int:
    """How many clips a store has, from the files' footers."""
    return sum(pq.ParquetFile(path).metadata.num_rows for path in shards(source, split))
