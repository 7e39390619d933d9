"""The command line as a user meets it: files, pipes, JSON, exit codes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from clutch_rt import Motion, load
from clutch_rt.cli.commands import command_line
from clutch_rt.cli.info import _metrics
from clutch_rt.hand import neutral_hand
from clutch_rt.handfile import save_hand

TEXT = "wave with the right hand"


class Shell:
    """Runs commands in a folder of their own, with the toy bundle."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "CLUTCH_RT_BUNDLE": str(bundle)}

    def run(self, *args: str, stdin: bytes | None = None) -> Result:
        """In this process."""
        return CliRunner().invoke(command_line, args, input=stdin, env=self.environment)

    def start(self, *args: str, **options: Any) -> subprocess.Popen[bytes]:
        """In a process of its own."""
        command = [sys.executable, "-m", "clutch_rt", *args]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, **options
        )

    def files(self) -> list[str]:
        return sorted(p.name for p in self.folder.iterdir())


@pytest.fixture
def shell(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Shell(folder, toy)


def test_generate_ends_with_honest_lines(shell: Shell) -> None:
    done = shell.run("generate", TEXT, "-o", "wave.glb", "--seed", "7", "--seconds", "2")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "wave.glb"
    words = dict(line.split(maxsplit=1) for line in lines[1:])
    assert words["model"] == "toy, step form, fp32"
    assert words["provider"].startswith("CPUExecutionProvider (auto), 1 thread")
    assert words["seed"] == "7"
    assert words["motion"] == "2.00 s, 30 frames per second"
    assert "times real time" in words["took"]
    assert (shell.folder / "wave.glb").read_bytes().startswith(b"glTF")


@pytest.mark.parametrize("suffix", ["glb", "bvh", "npz"])
def test_every_ending(shell: Shell, suffix: str) -> None:
    assert shell.run("generate", TEXT, "-o", f"wave.{suffix}").exit_code == 0
    assert shell.files() == [f"wave.{suffix}"]


def test_without_output_the_file_is_named_after_the_sentence(shell: Shell) -> None:
    assert shell.run("generate", "Wave, with the RIGHT hand!", "--format", "npz").exit_code == 0
    assert shell.files() == ["wave-with-the-right-hand.npz"]


def test_the_file_is_what_the_api_makes(shell: Shell, toy: Path) -> None:
    shell.run("generate", TEXT, "-o", "a.npz", "--seed", "5", "--temperature", "0.7", "--top-k", "4")
    with load(toy) as model:
        wanted = model.generate(TEXT, seed=5, temperature=0.7, top_k=4)
    found = Motion.load(shell.folder / "a.npz")
    np.testing.assert_array_equal(found.frames, wanted.frames)
    assert (found.text, found.seed) == (TEXT, 5)


def test_fps(shell: Shell) -> None:
    shell.run("generate", TEXT, "-o", "a.npz", "--fps", "90", "--seconds", "2")
    motion = Motion.load(shell.folder / "a.npz")
    assert motion.fps == 90
    assert motion.duration == pytest.approx(2, abs=1 / 30)


def test_variants_have_numbers_and_seeds(shell: Shell) -> None:
    done = shell.run("generate", TEXT, "-n", "10", "--seed", "4", "-o", "w.npz", "--json")
    assert shell.files() == [f"w-{k:02d}.npz" for k in range(1, 11)]
    assert [m["seed"] for m in json.loads(done.stdout)["motions"]] == list(range(4, 14))
    assert Motion.load("w-03.npz").seed == 6


def test_a_file_of_sentences(shell: Shell) -> None:
    Path("s.txt").write_bytes("\ufeffclap slowly\r\n\n# a remark\ntap the table\n".encode())
    done = shell.run("generate", "--file", "s.txt", "-n", "2", "-o", "out.npz", "--json")
    motions = json.loads(done.stdout)["motions"]
    assert [(m["text"], m["seed"]) for m in motions] == [
        ("clap slowly", 0),
        ("clap slowly", 1),
        ("tap the table", 0),
        ("tap the table", 1),
    ]
    assert [m["file"] for m in motions] == [f"out-{k}.npz" for k in range(1, 5)]


def test_sentences_from_a_pipe(shell: Shell) -> None:
    assert shell.run("generate", "--file", "-", "-o", "x.npz", stdin=b"clap slowly\n").exit_code == 0
    assert shell.files() == ["x.npz"]


def test_output_to_stdout_is_the_file_and_nothing_else(shell: Shell) -> None:
    process = shell.start("generate", TEXT, "-o", "-", "--format", "npz", stdout=subprocess.PIPE)
    out, talk = process.communicate(timeout=60)
    assert process.returncode == 0
    with np.load(io.BytesIO(out), allow_pickle=False) as arrays:
        assert arrays["frames"].shape[1:] == (2, 99)
    assert b"times real time" in talk


def test_json_with_output_to_stdout_goes_to_stderr(shell: Shell) -> None:
    done = shell.run("generate", TEXT, "-o", "-", "--format", "npz", "--json")
    assert done.stdout_bytes.startswith(b"PK")
    assert json.loads(done.stderr)["motions"][0]["file"] is None


def test_json_has_everything(shell: Shell) -> None:
    done = shell.run("generate", "julienne the dough", "-o", "a.npz", "--json")
    result = json.loads(done.stdout)
    assert {"model", "form", "precision", "device", "provider", "threads", "load_seconds"} < result.keys()
    (motion,) = result["motions"]
    assert motion["unknown_words"] == ["julienne"]
    assert motion["frames"] == len(Motion.load("a.npz"))
    assert motion["times_real_time"] == pytest.approx(motion["seconds"] / motion["generate_seconds"])
    assert 'note: the model did not learn "julienne"' in done.stderr


def test_own_hands(shell: Shell) -> None:
    save_hand(neutral_hand("right"), "right.npz")
    assert shell.run("generate", TEXT, "--hand", "right.npz", "-o", "a.glb").exit_code == 0
    twice = shell.run("generate", TEXT, "--hand", "right.npz", "--hand", "right.npz", "-o", "b.glb")
    assert twice.exit_code == 1
    assert "is a second right hand" in twice.stderr


def _frames(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("layout", "joints"), [("openxr", 26), ("webxr", 25), ("mediapipe", 21)])
def test_stream_joints(shell: Shell, toy: Path, layout: str, joints: int) -> None:
    lines = _frames(shell.run("stream", TEXT, "--layout", layout, "--seconds", "0.5"))
    assert [line["index"] for line in lines] == list(range(15))
    assert lines[3]["time"] == pytest.approx(0.1)
    with load(toy) as model:
        poses = model.generate(TEXT, seconds=0.5).joints(layout)
    for side, name in enumerate(("left", "right")):
        found = np.asarray([line["joints"][name] for line in lines])
        assert found.shape == (15, joints, 7)
        # Six decimals are written.
        np.testing.assert_allclose(found[..., :3], poses.positions[:, side], atol=1e-6)
        np.testing.assert_allclose(found[..., 3:], poses.orientations[:, side], atol=1e-6)


def test_stream_params_whatever_the_chunking(shell: Shell) -> None:
    each = shell.run("stream", TEXT, "--layout", "params")
    all_at_once = shell.run("stream", TEXT, "--layout", "params", "--chunk-steps", "99")
    assert np.asarray([line["params"] for line in _frames(each)]).shape[1:] == (2, 99)
    assert each.stdout == all_at_once.stdout


def test_caption(shell: Shell) -> None:
    shell.run("generate", TEXT, "-o", "wave.npz")
    assert shell.run("caption", "wave.npz").stdout == f"{TEXT}\n"
    result = json.loads(shell.run("caption", "wave.npz", "--json").stdout)
    assert (result["caption"], result["file"]) == (TEXT, "wave.npz")


def test_info(shell: Shell) -> None:
    done = shell.run("info")
    assert done.exit_code == 0
    for word in ("toy", "CPUExecutionProvider", "onnxruntime", "3.20 s", "mpjpe_mm 1", "CC0"):
        assert word in done.stdout
    result = json.loads(shell.run("info", "--json").stdout)
    assert result["layouts"]["webxr"][0] == "wrist"
    assert result["devices"][0] == "cpu"


def test_metrics_are_shown_in_groups() -> None:
    metrics = {"shift.mpjpe": {"value": 12.3456, "interval": [11, 13]}, "shift.verb": 0.5, "fid": None}
    metrics |= {"pytorch.shift.verb": 0.6}
    assert _metrics(metrics) == {"shift": ["mpjpe 12.35", "verb 0.5"], "": ["fid None"]}


@pytest.mark.parametrize("command", [[], ["generate"], ["stream"], ["caption"], ["info"], ["hand", "import"]])
def test_help(shell: Shell, command: list[str]) -> None:
    done = shell.run(*command, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith("Usage: ")
    assert "Examples:" in done.stdout or command == ["info"]
    assert (
        "\b" not in done.stdout
    )  # click's mark for lines to keep, shown where no blank line stands before it


def test_version(shell: Shell) -> None:
    assert shell.run("--version").stdout.startswith("clutch-rt, version ")


@pytest.mark.parametrize(
    "args",
    [
        ["generate"],
        ["generate", TEXT, "--file", "s.txt"],
        ["generate", TEXT, "--sead", "3"],
        ["generate", TEXT, "--seconds", "two"],
        ["generate", TEXT, "-o", "-"],
        ["generate", TEXT, "-o", "-", "--format", "npz", "-n", "2"],
        ["stream"],
        ["stream", TEXT, "--layout", "kinect"],
        ["caption"],
        ["hand", "import"],
        ["engine", "build", "--target", "rtx", "--precision", "nonsense"],
        ["dance"],
    ],
)
def test_wrong_usage_exits_2(shell: Shell, args: list[str]) -> None:
    done = shell.run(*args)
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and "--help`" in lines[0]
    assert shell.files() == []
    machine = shell.run(*args, "--json")
    assert machine.exit_code == 2
    if args != ["dance"]:
        said = machine.stderr if "-" in args else machine.stdout
        assert json.loads(said or machine.stdout)["error"]["kind"] == "UsageError"


def test_a_reader_that_goes_away_is_met_with_silence(shell: Shell) -> None:
    process = shell.start("stream", TEXT, "--seconds", "3.2", stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    assert json.loads(process.stdout.readline())["index"] == 0
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 141


def test_stream_writes_every_frame(shell: Shell) -> None:
    process = shell.start("stream", TEXT, "--seconds", "3.2", stdout=subprocess.PIPE, bufsize=0)
    out, _ = process.communicate(timeout=60)
    assert out.count(b"\n") == 96 and process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_leaves_whole_files_only(shell: Shell) -> None:
    process = shell.start("generate", TEXT, "-n", "20000", "-o", "w.npz", stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while len(shell.files()) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode() == "error: stopped by Ctrl-C; nothing half-made was left behind\n"
    made = shell.files()
    assert 1 <= len(made) < 20000
    assert all(name.startswith("w-") and name.endswith(".npz") for name in made)
    Motion.load(made[-1])


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_while_a_library_loads() -> None:
    """A library of machine code turns the interruption of its start into an ImportError."""
    code = """
import os, signal, sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "clutch_rt.cli.commands":
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(30)
            except KeyboardInterrupt:
                raise ImportError("initialization failed")
sys.meta_path.insert(0, Slow())
from clutch_rt.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, b"error: stopped by Ctrl-C\n")
