"""Trains each stage of a tiny language model and writes each process's weights; run by test_two_processes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from models.lm import MotionLM
from train import instruct, pretrain, refine
from train.probes import Probes
from train.run import RunFolder, open_run, prepare_machine, process_count, process_index, run_stage


def keep_every_process(stage: ModuleType) -> None:
    """Let every process write its weights, where the stage itself writes those of the first."""
    save = stage.save_stage

    def save_all(folder: RunFolder, name: str, model: MotionLM, *probes: Probes) -> None:
        model.save(folder.path / f"{name}-rank-{process_index()}")
        save(folder, name, model, *probes)

    stage.save_stage = save_all  # type: ignore[attr-defined]


def main(path: Path) -> None:
    folder = open_run([f"run={path}", "machine.device=cpu"])
    if process_count() > 1:
        prepare_machine(folder.config)
    # Refinement last, so that instruction tuning goes on from what both ways of running share.
    for stage in (pretrain, instruct, refine):
        before = stage.save_stage
        keep_every_process(stage)
        try:
            run_stage(folder, stage.STAGE, stage.stage)
        finally:
            stage.save_stage = before  # type: ignore[attr-defined]
    folder.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
