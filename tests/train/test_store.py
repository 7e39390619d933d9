"""The clip store: what is written is read back, by us and by the readers people already have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from clutch_rt.errors import FileFormatError, InputError

from train.corpus import CorpusConfig, draw_clip
from train.corpus.__main__ import main
from train.corpus.clip import Clip
from train.corpus.write import CORPUS_KEY, plan_shards, split_sizes, write_corpus
from train.store import (
    SCHEMA,
    clips_of,
    count_clips,
    read_batches,
    read_clips,
    shard_metadata,
    shards,
    to_table,
    write_shard,
)

CONFIG = CorpusConfig(clips=30, shard_clips=10, max_actions=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("store") / "corpus"
    write_corpus(path, CONFIG, quiet=True)
    return path


def same(a: Clip, b: Clip) -> bool:
    return (a.id, a.split, a.texts) == (b.id, b.split, b.texts) and np.array_equal(a.frames, b.frames)


def test_a_store_gives_back_what_was_drawn(folder):
    for split, size in split_sizes(CONFIG).items():
        clips = list(read_clips(folder, split))
        assert len(clips) == size == count_clips(folder, split)
        for index, clip in enumerate(clips):
            drawn = draw_clip(CONFIG.seed, index, split, CONFIG)
            assert same(clip, drawn)
            for stored, action in zip(clip.actions, drawn.actions, strict=True):
                assert stored.verb == action.verb and stored.count == action.count
                assert (stored.frequency_hz or 0) == pytest.approx(action.frequency_hz or 0, rel=1e-6)
                assert (stored.start, stored.stop, stored.object) == (
                    action.start,
                    action.stop,
                    action.object,
                )


def test_splits_are_eighty_ten_ten(folder):
    assert split_sizes(CorpusConfig(clips=1000)) == {"train": 800, "val": 100, "test": 100}
    assert {clip.split for clip in read_clips(folder)} == {"train", "val", "test"}
    assert len(shards(folder)) == len(plan_shards(folder, CONFIG)) == 5


def test_columns_alone_can_be_read(folder):
    batches = list(read_batches(folder, "train", ["texts", "length"], batch_size=7))
    assert sum(batch.num_rows for batch in batches) == 24
    assert all(batch.schema.names == ["texts", "length"] for batch in batches)
    with pytest.raises(InputError, match="frames"):
        next(read_batches(folder, columns=["pose"]))


def test_a_folder_of_one_file_or_one_file_is_read(folder):
    path = shards(folder, "val")[0]
    assert [c.id for c in read_clips(path)] == [c.id for c in read_clips(folder, "val")]
    assert not list(read_clips(path, "train"))


def test_the_schema_is_the_documented_one(folder):
    stored = pq.read_schema(shards(folder)[0])
    assert stored.names == SCHEMA.names
    assert stored.field("frames").type == pa.list_(pa.list_(pa.float32(), 198))
    metadata = shard_metadata(shards(folder)[0])
    assert metadata["clutch_rt.store"] == "1" and metadata["clutch_rt.fps"] == "30.0"
    assert json.loads(metadata[CORPUS_KEY])["max_actions"] == 2


def test_the_same_settings_write_the_same_bytes(folder, tmp_path):
    write_corpus(tmp_path, CONFIG, quiet=True)
    for path in shards(folder):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_an_interrupted_corpus_is_finished_without_starting_over(folder, tmp_path, monkeypatch):
    for path in shards(folder)[:2]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / ".train-00001.parquet.part").write_bytes(b"half a shard")
    drawn = []

    def draw(seed, index, split, config):
        drawn.append((split, index))
        return draw_clip(seed, index, split, config)

    monkeypatch.setattr("train.corpus.write.draw_clip", draw)
    write_corpus(tmp_path, CONFIG, quiet=True)
    kept = sum(count_clips(path) for path in shards(folder)[:2])
    assert len(drawn) == CONFIG.clips - kept
    for path in shards(folder):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_corpus_of_other_settings_is_not_mixed_in(folder):
    with pytest.raises(InputError, match="other settings"):
        write_corpus(folder, CorpusConfig(clips=30, shard_clips=10, max_actions=2, seed=9), quiet=True)


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(InputError, match="no clips"):
        next(read_clips(tmp_path))
    pq.write_table(pa.table({"a": [1]}), tmp_path / "train-0.parquet")
    with pytest.raises(FileFormatError, match=r"no clip store"):
        next(read_clips(tmp_path))
    (tmp_path / "train-0.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(FileFormatError, match="not a readable Parquet"):
        next(read_clips(tmp_path))


def test_a_newer_store_is_refused(tmp_path):
    clip = draw_clip(0, 0, "train", CONFIG)
    newer = to_table([clip]).replace_schema_metadata({b"clutch_rt.store": b"2"})
    pq.write_table(newer, tmp_path / "train-0.parquet")
    with pytest.raises(FileFormatError, match=r"version 2.*up to 1"):
        next(read_clips(tmp_path))


def test_frames_of_another_shape_are_refused(tmp_path):
    clip = Clip("a", "train", np.zeros((8, 99), np.float32), ("x",), ())
    with pytest.raises(InputError, match=r"\(8, 99\)"):
        write_shard(tmp_path / "train-0.parquet", [clip])
    assert not list(tmp_path.iterdir())


def test_clips_without_actions_are_kept(tmp_path):
    clip = Clip("a", "train", np.ones((5, 2, 99), np.float32), ("one", "two"), ())
    write_shard(tmp_path / "train-0.parquet", [clip], {"source": "elsewhere"})
    (back,) = read_clips(tmp_path)
    assert same(back, clip) and back.actions == ()
    assert shard_metadata(tmp_path / "train-0.parquet")["source"] == "elsewhere"


# ---- other people's readers ---------------------------------------------------------------------


def test_pandas_reads_it(folder):
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(shards(folder, "val")[0])
    clip = next(read_clips(folder, "val"))
    row = table.iloc[0]
    assert np.array_equal(np.stack(row.frames).reshape(-1, 2, 99), clip.frames)
    assert tuple(row.texts) == clip.texts and row.actions[0]["verb"] == clip.actions[0].verb


def test_duckdb_reads_it(folder):
    duckdb = pytest.importorskip("duckdb")
    query = f"""select a.verb, count(*) from (select unnest(actions) as a from '{folder}/*.parquet')
        group by a.verb"""
    counted = dict(duckdb.sql(query).fetchall())
    verbs = [action.verb for clip in read_clips(folder) for action in clip.actions]
    assert counted == {verb: verbs.count(verb) for verb in set(verbs)}
    rows = duckdb.sql(f"select frames[1][7] from '{folder}/val-00000.parquet'").fetchall()
    assert rows[0][0] == next(read_clips(folder, "val")).frames[0, 0, 6]


def test_datasets_reads_it(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    files = {"train": f"{folder}/train-*.parquet", "test": f"{folder}/test-*.parquet"}
    loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path))
    clip = next(read_clips(folder, "train"))
    row = loaded["train"][0]
    assert loaded["train"].num_rows == 24 and row["texts"] == list(clip.texts)
    assert np.array_equal(np.asarray(row["frames"], np.float32).reshape(-1, 2, 99), clip.frames)


def test_pyarrow_datasets_read_it(folder):
    from pyarrow import dataset

    table = dataset.dataset(folder, format="parquet").to_table(
        columns=["length"], filter=dataset.field("split") == "val"
    )
    assert table.num_rows == 3


def test_ray_data_reads_it(folder):
    ray_data = pytest.importorskip("ray.data", reason="Ray is not installed")
    assert ray_data.read_parquet(str(folder)).count() == 30


def test_batches_become_clips(folder):
    batch = next(read_batches(folder, "test"))
    assert [c.id for c in clips_of(batch)] == batch["id"].to_pylist()


# ---- the command --------------------------------------------------------------------------------


def test_the_command_writes_and_finishes(tmp_path, capsys):
    out = tmp_path / "corpus"
    arguments = [f"out={out}", "clips=10", "shard_clips=5", "verbs=wave,clap", "max_actions=1"]
    assert main(arguments) == 0
    assert main(arguments) == 0
    assert {clip.actions[0].verb for clip in read_clips(out)} == {"wave", "clap"}
    assert "10 clips" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clips=10"], "nowhere to write"),
        (["out=x", "clip=10"], "clips"),
        (["out=x", "clips=ten"], "clips"),
        (["out=x", "fast"], "key=value"),
        (["out=x", "verbs=juggle"], "juggle"),
        (["out=x", "clips=1"], "at least 3"),
    ],
)
def test_mistakes_are_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and message in lines[0]
    assert not list(tmp_path.rglob("*.parquet"))
