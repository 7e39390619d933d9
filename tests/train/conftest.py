"""The materials of a tiny language model, made once for all its tests; none of them writes into these."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.train.lm_run import folder_of, make_materials, tiny
from train.examples import Tasks
from train.pretrain import Materials
from train.run import RunFolder


@pytest.fixture(scope="session")
def materials_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SHIFT, vocabulary and tokens."""
    path = tmp_path_factory.mktemp("run")
    make_materials(path)
    return path


@pytest.fixture
def run(materials_folder: Path, tmp_path: Path) -> RunFolder:
    """A run of its own over the materials."""
    return folder_of(materials_folder, tmp_path)


@pytest.fixture(scope="session")
def run_tasks(materials_folder: Path) -> Tasks:
    """The training clips as tasks."""
    return Materials.open(RunFolder(materials_folder, tiny())).train
