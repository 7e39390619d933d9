"""Motion to codes: shards are the same however they are made, and come back as they went in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from clutch_rt.errors import InputError

from models.shift import Shift, ShiftConfig
from train.config import RunConfig
from train.corpus import draw_clip
from train.presets import smoke
from train.run import RunFolder
from train.tokens import Shard, TokenStore, encode_clips, encode_here, in_order, make_shard, plan, stage


@pytest.fixture(scope="module")
def shift() -> Shift:
    torch.manual_seed(0)
    config = ShiftConfig(widths=(8, 12, 16, 16), depth=1, trajectory_codes=24, pose_codes=16, code_size=8)
    return Shift(config).eval()


@pytest.fixture
def config() -> RunConfig:
    base = smoke()
    return replace(
        base,
        tokens=replace(base.tokens, clips=10, validation=3, shard_clips=4),
        machine=replace(base.machine, threads=1, progress=False),
    )


def test_the_plan_covers_every_clip_once() -> None:
    shards = plan(10, 3, 4)
    rows = [(s.split, i) for s in shards for i in range(s.first, s.last)]
    assert sorted(rows) == sorted([("train", i) for i in range(10)] + [("val", i) for i in range(3)])
    assert len({s.path(Path()) for s in shards}) == len(shards)


def test_a_clip_is_encoded_as_if_alone(shift: Shift, config: RunConfig) -> None:
    clips = [draw_clip(0, i, "train", config.corpus) for i in range(6)]
    for clip, codes in zip(clips, encode_clips(shift, clips, 4), strict=True):
        alone = shift.encode(torch.from_numpy(clip.frames)[None])[0].numpy()
        assert codes.shape == (len(clip.frames) // 8, 4)
        # a latent on the border of two codes may fall to either side in another order of summing
        assert (codes == alone).mean() > 0.98


def test_the_stage_makes_resumes_and_reads_back(shift: Shift, config: RunConfig, tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path, config)
    shift.save(folder.folder("shift"))
    stage(folder)
    files = sorted((tmp_path / "tokens").glob("*.parquet"))
    assert [f.name for f in files] == [
        "train-00000.parquet",
        "train-00001.parquet",
        "train-00002.parquet",
        "val-00000.parquet",
    ]
    before = [f.read_bytes() for f in files]
    files[1].unlink()
    kept = files[0].stat().st_mtime_ns
    stage(folder)
    assert [f.read_bytes() for f in files] == before
    assert files[0].stat().st_mtime_ns == kept

    store = TokenStore(tmp_path / "tokens", "train")
    assert len(store) == 10
    for i in (0, 5, 9):
        clip = draw_clip(config.corpus.seed, i, "train", config.tokens_corpus())
        assert store.texts(i) == list(clip.texts)
        assert [a["verb"] for a in store.actions(i)] == [a.verb for a in clip.actions]
        np.testing.assert_array_equal(store.codes(i), encode_clips(shift, [clip], 1)[0])
        assert store.steps[i] == len(clip.frames) // 8
    assert pq.read_table(files[0]).column_names == ["id", "texts", "codes", "actions"]


def test_the_stage_draws_as_many_actions_as_the_tokens_ask_for(
    shift: Shift, config: RunConfig, tmp_path: Path
) -> None:
    for most, weights in ((1, (1.0, 0.0)), (2, (0.0, 1.0))):
        asked = replace(config, tokens=replace(config.tokens, action_weights=weights))
        folder = RunFolder.open(tmp_path / str(most), asked)
        shift.save(folder.folder("shift"))
        stage(folder)
        store = TokenStore(folder.path / "tokens", "train")
        # Of two that are too long together one is left; the corpus itself would have both kinds.
        assert max(len(store.actions(i)) for i in range(len(store))) == most


@pytest.mark.parametrize("variant", ["part", "single"])
def test_a_variant_of_the_ablation_ends_with_its_own_figures(
    variant: str, config: RunConfig, tmp_path: Path
) -> None:
    folder = RunFolder.open(tmp_path, config)
    Shift(ShiftConfig(variant=variant, widths=(8, 8, 8, 8), code_size=4)).save(folder.folder("shift"))
    with pytest.raises(InputError, match=rf"variant '{variant}'.*metrics\.json"):
        stage(folder)
    assert not (tmp_path / "tokens").exists()


@pytest.mark.parametrize("setting", [{"lookahead": 1}, {"velocity": True}])
def test_what_cannot_stream_gets_no_tokens(
    setting: dict[str, Any], config: RunConfig, tmp_path: Path
) -> None:
    folder = RunFolder.open(tmp_path, config)
    Shift(ShiftConfig(widths=(8, 8, 8, 8), code_size=4, **setting)).save(folder.folder("shift"))
    with pytest.raises(InputError, match="cannot stream"):
        stage(folder)


class Inline:
    """A pool whose work is done when it is handed in."""

    def __init__(self, *_: object) -> None: ...

    def submit(self, work: Callable[[Shard], Any], item: Shard) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(item))
        return done

    def shutdown(self, cancel_futures: bool) -> None: ...


def test_one_process_encodes_what_others_draw(
    shift: Shift, config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU: the same shards to the byte, the model in this process alone."""
    monkeypatch.setattr("train.tokens.PIECE", 3)
    monkeypatch.setattr("train.tokens.ProcessPoolExecutor", Inline)
    shards = plan(10, 3, 4)
    for name in ("alone", "here"):
        (tmp_path / name).mkdir()
    for shard in shards:
        make_shard(shard, config, shift, tmp_path / "alone")
    assert len(list(encode_here(shards, config, shift, tmp_path / "here", 2))) == len(shards)
    wanted = {p.name: p.read_bytes() for p in (tmp_path / "alone").iterdir()}
    assert {p.name: p.read_bytes() for p in (tmp_path / "here").iterdir()} == wanted


def test_no_more_is_drawn_ahead_than_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.tokens.ProcessPoolExecutor", Inline)
    begun: list[int] = []

    def work(shard: Shard) -> int:
        begun.append(shard.number)
        return shard.number

    for number, result in enumerate(in_order(work, plan(40, 0, 2), 3)):
        assert result == number and len(begun) <= number + 2 * 3
    assert begun == list(range(20))


def test_a_shard_is_whole_or_absent(
    shift: Shift, config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("train.tokens.pq.write_table", fail)
    with pytest.raises(OSError, match="no space"):
        make_shard(plan(4, 0, 4)[0], config, shift, tmp_path)
    assert not list(tmp_path.glob("*.parquet"))


def test_missing_tokens_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"python -m train\.tokens"):
        TokenStore(tmp_path, "val")
