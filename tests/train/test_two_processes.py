"""What two processes learn together is what one learns alone: SHIFT, and the language model's stages."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes
import two_processes_lm
from safetensors.torch import load_file

from models.lm import MotionLM
from tests.train.lm_run import folder_of
from train.all import STAGES
from train.checkpoint import checkpoints
from train.corpus.write import write_corpus
from train.pretrain import Materials, build_grammar, build_model
from train.run import RunFolder

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


TORCHRUN = ("torch.distributed.run", "--nproc-per-node=2", "--master-port={port}")
# Without --multi_gpu it would start one process, and leave the other to mpirun.
ACCELERATE = (
    "accelerate.commands.launch",
    *("--multi_gpu", "--num_processes=2", "--mixed_precision=no", "--main_process_port={port}"),
)


def launch(*arguments: str | Path, launcher: tuple[str, ...] = TORCHRUN) -> subprocess.CompletedProcess[str]:
    """Run a script or a module on two processes, on the CPU."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [part.format(port=port) for part in launcher]
    return subprocess.run(
        [sys.executable, "-m", *command, *map(str, arguments)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def succeed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def shift_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shift") / "two"
    succeed(launch(HERE / "two_processes.py", path))
    return path


def test_shift_with_its_codebooks(shift_of_two: Path, tmp_path: Path) -> None:
    """Gradients, averages and restarts must all agree."""
    two_processes.main(tmp_path / "one")
    one = load_file(tmp_path / "one" / "rank-0.safetensors")
    two, other = (load_file(shift_of_two / f"rank-{r}.safetensors") for r in range(2))
    for name, value in two.items():
        assert torch.equal(value, other[name]), name
        # The same sums in another order; after a few steps of AdamW, which divides by small numbers.
        torch.testing.assert_close(value, one[name], atol=2e-4, rtol=1e-3, msg=lambda m, n=name: f"{n}: {m}")


def test_accelerate_launches_the_same(shift_of_two: Path, tmp_path: Path) -> None:
    succeed(launch(HERE / "two_processes.py", tmp_path, launcher=ACCELERATE))
    for rank in range(2):
        name = f"rank-{rank}.safetensors"
        assert (tmp_path / name).read_bytes() == (shift_of_two / name).read_bytes()


def test_a_stop_that_one_of_them_hears_is_a_stop_of_both(shift_of_two: Path, tmp_path: Path) -> None:
    script, path = HERE / "two_processes.py", tmp_path / "stopped"
    assert launch(script, path, "3").returncode != 0
    assert [p.name for p in checkpoints(path / "checkpoints" / "shift")] == ["step-00000004"]
    assert not list(path.glob("rank-*"))
    succeed(launch(script, path))
    for rank in range(2):
        name = f"rank-{rank}.safetensors"
        whole, stopped = load_file(shift_of_two / name), load_file(path / name)
        assert all(torch.equal(value, stopped[key]) for key, value in whole.items())


def flat(model: MotionLM) -> torch.Tensor:
    """All weights in one vector."""
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_the_stages_of_the_language_model(materials_folder: Path, tmp_path: Path) -> None:
    # A past of its own is drawn by each process from noise of its own, as in refinement: another batch. And
    # at the rates of the tiny run a weight that rounding moves the other way goes as far as it is large.
    settings = "lm.own_share=0", "lm.learning_rate=1e-3", "instruct.learning_rate=5e-4"
    folders = {n: folder_of(materials_folder, tmp_path / n, *settings) for n in ("one", "two")}
    two_processes_lm.main(tmp_path / "one")
    succeed(launch(HERE / "two_processes_lm.py", tmp_path / "two"))
    for stage in ("pretrain", "instruct", "refine"):
        two, other = (MotionLM.load(tmp_path / "two" / f"{stage}-rank-{r}").state_dict() for r in range(2))
        assert all(torch.equal(two[name], other[name]) for name in two), stage
    run, materials = folders["one"], Materials.open(folders["one"])
    start = flat(
        build_model(
            build_grammar(run, materials.processor), run.config.lm, run.config.seed, materials.train.labels
        )
    )
    # Refinement is left out: each process draws Gumbel noise of its own, so its batch is another one.
    for stage in ("pretrain", "instruct"):
        one, two = (flat(MotionLM.load(tmp_path / n / f"{stage}-rank-0")) for n in ("one", "two"))
        # The same sums in another order. AdamW takes its first steps by sign, so that rounding alone moves a
        # weight whose gradient is next to nothing; of the whole way that is little.
        assert float((two - one).norm()) < 5e-3 * float((one - start).norm()), stage
        assert float((two - one).abs().mean()) < 1e-5, stage


@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_every_stage_of_the_readmes_command_runs(tmp_path: Path, launcher: tuple[str, ...]) -> None:
    settings = """corpus.clips=40 shift.steps=4 shift.warmup=1 shift.clips=8 shift.validation_clips=2
        tokens.clips=16 tokens.validation=4 tokens.shard_clips=4 lm.steps=2 lm.batch_size=4
        lm.validation_clips=4 refine.steps=1 refine.batch_size=2 instruct.steps=2 instruct.batch_size=4
        evaluate.clips=4 evaluate.captions=2 evaluate.retrieval_steps=2 evaluate.retrieval_clips=16
        evaluate.meter_clips=24
        machine.threads=1 machine.progress=no machine.plots=no machine.tensorboard=no"""
    run = tmp_path / "run"
    done = launch("-m", "train.all", "preset=smoke", f"run={run}", *settings.split(), launcher=launcher)
    succeed(done)
    assert {p.stem for p in (run / "done").iterdir()} == set(STAGES)
    assert done.stdout.count("evaluate: done in") == 1, "one process speaks"
    alone = RunFolder(tmp_path / "alone", RunFolder.read_config(run))
    write_corpus(alone.path / "corpus", alone.config.corpus, quiet=True)
    for path in sorted((alone.path / "corpus").glob("*.parquet")):
        assert (run / "corpus" / path.name).read_bytes() == path.read_bytes()
