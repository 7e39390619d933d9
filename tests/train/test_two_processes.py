"""What two processes learn together is what one learns alone: SHIFT, and the language model's stages.

Either may also take on what the other began.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import two_processes
import two_processes_lm
from safetensors.torch import load_file

from models.lm import MotionLM
from tests.train.lm_run import folder_of
from train.all import STAGES, run_all
from train.checkpoint import checkpoints
from train.command import Interrupted
from train.corpus.write import write_corpus
from train.pretrain import Materials, build_grammar, build_model
from train.run import RunFolder, open_run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


TORCHRUN = ("torch.distributed.run", "--nproc-per-node=2", "--master-port={port}")
# Without --multi_gpu it would start one process, and leave the other to mpirun.
ACCELERATE = (
    "accelerate.commands.launch",
    *("--multi_gpu", "--num_processes=2", "--mixed_precision=no", "--main_process_port={port}"),
)


def spawn(*arguments: str | Path, launcher: tuple[str, ...] = TORCHRUN) -> subprocess.Popen[str]:
    """Begin to run a script or a module on two processes, on the CPU."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [part.format(port=port) for part in launcher]
    return subprocess.Popen(
        [sys.executable, "-m", *command, *map(str, arguments)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def launch(*arguments: str | Path, launcher: tuple[str, ...] = TORCHRUN) -> subprocess.CompletedProcess[str]:
    """Run a script or a module on two processes, on the CPU, to its end."""
    with spawn(*arguments, launcher=launcher) as running:
        try:
            out, errors = running.communicate(timeout=900)
        except BaseException:
            running.terminate()  # the launcher ends its processes
            raise
    return subprocess.CompletedProcess(running.args, running.returncode, out, errors)


def succeed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def shift_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shift") / "two"
    succeed(launch(HERE / "two_processes.py", path))
    return path


@pytest.fixture(scope="module")
def shift_of_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    path = tmp_path_factory.mktemp("shift") / "one"
    two_processes.main(path)
    return load_file(path / "rank-0.safetensors")


def assert_near(found: Path, wanted: dict[str, torch.Tensor]) -> None:
    """The same sums in another order; after a few steps of AdamW, which divides by small numbers."""
    for name, value in load_file(found).items():
        torch.testing.assert_close(
            value, wanted[name], atol=2e-4, rtol=1e-3, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_shift_with_its_codebooks(shift_of_two: Path, shift_of_one: dict[str, torch.Tensor]) -> None:
    """Gradients, averages and restarts must all agree."""
    two, other = (load_file(shift_of_two / f"rank-{r}.safetensors") for r in range(2))
    for name, value in two.items():
        assert torch.equal(value, other[name]), name
    assert_near(shift_of_two / "rank-0.safetensors", shift_of_one)


def test_accelerate_launches_the_same(shift_of_two: Path, tmp_path: Path) -> None:
    succeed(launch(HERE / "two_processes.py", tmp_path, launcher=ACCELERATE))
    for rank in range(2):
        name = f"rank-{rank}.safetensors"
        assert (tmp_path / name).read_bytes() == (shift_of_two / name).read_bytes()


def test_what_one_began_two_end(tmp_path: Path, shift_of_one: dict[str, torch.Tensor]) -> None:
    with pytest.raises(Interrupted, match="after step 3 of 6"):
        two_processes.main(tmp_path, 2)
    succeed(launch(HERE / "two_processes.py", tmp_path))
    for rank in range(2):
        assert_near(tmp_path / f"rank-{rank}.safetensors", shift_of_one)


def test_a_stop_that_one_of_them_hears_is_a_stop_of_both_and_either_number_goes_on(
    shift_of_two: Path, shift_of_one: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    script, path = HERE / "two_processes.py", tmp_path / "stopped"
    assert launch(script, path, "3").returncode != 0
    assert [p.name for p in checkpoints(path / "checkpoints" / "shift")] == ["step-00000004"]
    assert not list(path.glob("rank-*"))
    alone = shutil.copytree(path, tmp_path / "alone")
    two_processes.main(alone)
    assert_near(alone / "rank-0.safetensors", shift_of_one)
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


PAPER = """corpus.clips=48 shift.model.widths=8,12,16,16 shift.model.depth=1 shift.model.out_depth=1
    shift.model.trajectory_codes=24 shift.model.pose_codes=16 shift.model.code_size=8
    shift.model.start_steps=1 shift.steps=3 shift.batch_size=8 shift.warmup=1 shift.clips=16
    shift.validation_clips=2 tokenizer.vocab=480 tokens.clips=32 tokens.validation=4
    tokens.shard_clips=16 tokens.batch_size=16
    lm.size=nano lm.steps=12 lm.batch_size=8 lm.warmup=2 lm.validation_clips=4 lm.caption_share=0.125
    refine.steps=1 refine.batch_size=4 refine.warmup=1
    machine.threads=1 machine.progress=no machine.plots=no machine.tensorboard=no
    machine.checkpoint_seconds=0 machine.keep_checkpoints=1"""


def begin_the_paper(run: Path) -> None:
    """Two processes take ``preset=paper``, small, into pre-training, and are stopped there by SIGTERM."""
    settings = ["preset=paper", f"run={run}", *PAPER.split(), "machine.accumulate=2"]
    with spawn("-m", "train.all", *settings) as running:
        until = time.monotonic() + 900
        while not checkpoints(run / "checkpoints" / "pretrain"):
            if running.poll() is not None or time.monotonic() > until:
                running.terminate()
                pytest.fail(f"no step of pre-training: {running.communicate()[1][-2000:]}")
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        errors = running.communicate(timeout=300)[1]
    assert running.returncode != 0 and "pretrain: stopped after step" in errors, errors[-2000:]


def test_the_papers_preset_is_begun_by_two_in_micro_batches_and_ended_by_one(tmp_path: Path) -> None:
    """In bfloat16, with dropout and pasts of the model's own; four parts a step throughout.

    A batch has one caption, and it lies in a part that is no process's last: what captions alone need (their
    table of outputs) has its gradient from a pass that the processes do not share.
    """
    run, whole = tmp_path / "run", tmp_path / "whole"
    begin_the_paper(run)
    shutil.copytree(run, whole)
    shutil.rmtree(whole / "checkpoints")
    for path, stages in ((run, STAGES[: STAGES.index("instruct")]), (whole, ["pretrain"])):
        run_all(open_run([f"run={path}", "machine.accumulate=4"]), stages)
    folder = RunFolder(run, RunFolder.read_config(run))
    assert folder.config.lm.precision == "bf16" and folder.config.lm.dropout and folder.config.lm.own_share
    assert {p.stem for p in (run / "done").iterdir()} == set(STAGES[: STAGES.index("instruct")])
    assert folder.report("pretrain")["steps"] == folder.config.lm.steps
    materials = Materials.open(folder)
    first = build_model(
        build_grammar(folder, materials.processor), folder.config.lm, 0, materials.train.labels
    )
    stopped, unstopped = (flat(MotionLM.load(path / "lm-pretrain")) for path in (run, whole))
    # Each part is the same, noise included; only the order in which four gradients are summed is another, and
    # that now and then rounds a number of bfloat16 the other way.
    assert float((stopped - unstopped).norm()) < 0.05 * float((unstopped - flat(first)).norm())
