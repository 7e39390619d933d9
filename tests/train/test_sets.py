"""The judged sets: no motion stands in two of them, so that their figures are not one figure told twice."""

from __future__ import annotations

from pathlib import Path

from train.config import apply
from train.corpus.write import stage
from train.evaluate.sets import test_sets as sets_of
from train.presets import preset
from train.run import RunFolder


def test_no_plan_is_in_two_sets(tmp_path: Path) -> None:
    config = apply(preset("smoke"), ["corpus.clips=20", "machine.progress=no"])
    folder = RunFolder.open(tmp_path, config)
    stage(folder)
    sets = sets_of(folder, 24)
    parts = (sets.all, sets.single, sets.speed, sets.count, sets.direction)
    ids = [[clip.id for clip in part] for part in parts]
    assert all(ids)
    together = [name for part in ids for name in part]
    assert len(set(together)) == len(together)
