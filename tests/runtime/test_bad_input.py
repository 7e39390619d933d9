"""Whatever is thrown at the command line: one line, exit code 1, nothing half-written, nothing lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from clutch_rt.cli.commands import command_line

TEXT = "wave with the right hand"


@pytest.fixture(autouse=True)
def here(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one good file in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CLUTCH_RT_BUNDLE", str(toy))
    (folder / "good.npz").write_bytes(b"precious")
    return folder


def _names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def _refused(*args: str, files: Sequence[str] = ("good.npz",)) -> str:
    """Run, check all that a refusal promises, and return its one line."""
    done = CliRunner().invoke(command_line, args)
    assert done.exit_code == 1, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ") and len(lines[0]) < 500
    assert _names() == sorted(files)
    if "good.npz" in files:
        assert Path("good.npz").read_bytes() == b"precious"
    machine = CliRunner().invoke(command_line, [*args, "--json"])
    assert machine.exit_code == 1
    assert f"error: {json.loads(machine.stdout)['error']['message']}" == lines[0]
    return lines[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is empty; say what the hands should do, such as"),
        ("  \t ", "the text is blank"),
        ("👋🏽", "the text is without words"),
        ("揉面团", "holds no word this model knows; it reads plain English"),
        ("x" * 10_000, "the text is too long:"),
        ("wave " * 2_000, "this model reads 64; shorten it"),
    ],
)
@pytest.mark.parametrize("command", ["generate", "stream"])
def test_text(command: str, text: str, message: str) -> None:
    assert message in _refused(command, text, *(["-o", "good.npz"] if command == "generate" else []))


def test_text_that_is_not_utf8(here: Path) -> None:
    command = [sys.executable, "-m", "clutch_rt", "generate", b"wave \xff\xfe", "-o", "good.npz"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: the text holds bytes that are not UTF-8")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of files that are any bytes")
@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict"])
def test_what_stdout_cannot_encode_is_spelt_out(encoding: str) -> None:
    """A name that is not UTF-8, in a line and in JSON, and a word that is not ASCII."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "clutch_rt"]
    made, said, played = (
        subprocess.run(
            [*command, *args], input="wave naïve\n".encode(), capture_output=True, timeout=60, env=environment
        )
        for args in (
            ["generate", "wave naïve", "-o", b"caf\xe9.npz", "--seconds", "1"],
            ["caption", b"caf\xe9.npz", "--json"],
            ["live", "--queue"],
        )
    )
    for done in (made, said, played):
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr and b"error" not in done.stderr
    assert made.stdout.startswith(b"caf\\udce9.npz\n") and Path("caf\udce9.npz").stat().st_size > 0
    assert json.loads(said.stdout)["file"] == "caf\udce9.npz"
    assert "wave naïve" in [json.loads(line)["text"] for line in played.stdout.splitlines()]


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "-inf", "3.3", "1e300", "0.001"])
def test_seconds(seconds: str) -> None:
    line = _refused("generate", TEXT, "--seconds", seconds, "-o", "good.npz")
    assert "seconds is" in line and ("3.20 seconds" in line or "at least 0.033" in line)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--seed", "-1", "seed is -1; 0 to"),
        ("--seed", str(2**64), "18446744073709551615"),
        ("--temperature", "-1", "temperature is -1; 0"),
        ("--temperature", "nan", "temperature is nan"),
        ("--top-k", "-3", "top_k is -3"),
        ("--fps", "0", "fps is 0; 1 to 1000"),
        ("--fps", "nan", "fps is nan"),
        ("--threads", "0", "threads is 0"),
        ("--device", "quantum", "no device 'quantum'; choose one of auto, cpu"),
        ("-n", "0", "-n is 0; at least 1"),
        ("-n", "1000000", "at most 100000 at once"),
        ("--hand", "nowhere.npz", "no hand file at nowhere.npz"),
    ],
)
def test_options(option: str, value: str, message: str) -> None:
    assert message in _refused("generate", TEXT, option, value, "-o", "good.npz")


def test_a_device_this_runtime_lacks() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has the CUDA provider")
    line = _refused("generate", TEXT, "--device", "cuda", "-o", "good.npz")
    assert "CUDAExecutionProvider" in line and "onnxruntime-gpu" in line and "--device cpu" in line


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("hands.fbx", "unknown file ending '.fbx'"),
        ("hands", "missing file ending"),
        ("no/such/folder/x.npz", "there is no folder no/such/folder; make it"),
        ("good.npz/x.npz", "good.npz is a file, not a folder"),
        ("/", "missing file ending"),
    ],
)
def test_output(output: str, message: str) -> None:
    assert message in _refused("generate", TEXT, "-o", output)


@pytest.mark.skipif(sys.platform == "win32", reason="the limit of POSIX file systems")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-o", "x" * 300 + ".npz"], "cannot write xxx"),
        (["-o", "x" * 300], "missing file ending"),
        (["-o", "good.npz", "--bundle", "x" * 300], "cannot open the bundle xxx"),
        (["-o", "good.npz", "--hand", "x" * 300 + ".npz"], "cannot read xxx"),
    ],
)
def test_a_name_that_is_too_long(args: list[str], message: str) -> None:
    line = _refused("generate", TEXT, *args)
    assert message in line and "output stream" not in line


def test_a_folder_that_may_not_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.stat

    def locked(path: str | os.PathLike[str], **more: bool) -> os.stat_result:  # root may look anywhere
        if "locked" in Path(path).parts[:-1]:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return real(path, **more)

    monkeypatch.setattr(os, "stat", locked)
    assert "cannot write locked/x.npz: Permission denied" in _refused("generate", TEXT, "-o", "locked/x.npz")
    line = _refused("generate", TEXT, "-o", "good.npz", "--bundle", "locked/bundle")
    assert "there is no bundle" in line or "cannot open the bundle locked/bundle: Permission denied" in line


def test_a_file_that_fails_is_not_called_the_output_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **named: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "model.onnx")

    monkeypatch.setattr("clutch_rt.model.load", fail)
    assert "cannot use model.onnx: Input/output error; check" in _refused("stream", TEXT)


def test_output_that_is_a_folder() -> None:
    Path("folder.npz").mkdir()
    line = _refused("generate", TEXT, "-o", "folder.npz", files=["good.npz", "folder.npz"])
    assert "folder.npz is a folder; name a file in it" in line


@pytest.mark.parametrize("output", [".", "..", "./"])
@pytest.mark.parametrize("more", [[], ["--format", "glb"], ["--format", "glb", "-n", "2"]])
def test_output_that_is_the_folder_one_is_in(output: str, more: list[str]) -> None:
    assert "is a folder" in _refused("generate", TEXT, "-o", output, *more)


def test_a_read_only_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("locked")
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.geteuid() == 0:  # root may write anywhere; the answer a user would get stands in
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder)
    line = _refused("generate", TEXT, "-o", "locked/x.npz", files=["good.npz", "locked"])
    assert "the folder locked is read-only for you" in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "command",
    [["generate", TEXT, "-o", "-", "--format", "npz"], ["stream", TEXT], ["info"], ["--help"], ["--version"]],
)
def test_stdout_on_a_full_disk(command: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "clutch_rt", *command], stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: cannot write the output stream: No space left on device")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams with a POSIX shell")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"stream '{TEXT}' >&-", b"error: stdout is closed; send it to a file or a pipe"),
        (f"generate '{TEXT}' -o - --format npz >&-", b"error: stdout is closed;"),
        ("generate --file - -o x.npz <&-", b"error: stdin is closed; give it sentences"),
    ],
)
def test_streams_that_are_closed(command: str, message: bytes) -> None:
    line = f"exec '{sys.executable}' -m clutch_rt {command}"
    done = subprocess.run(["sh", "-c", line], stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(message) and done.stderr.count(b"\n") == 1


def test_a_disk_that_fills_up_loses_nothing() -> None:
    resource = pytest.importorskip("resource", reason="limits the size of files, POSIX only")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000));"
        "from clutch_rt.cli import main; sys.argv = sys.argv[:1] + sys.argv[2:]; main()"
    )
    assert resource
    done = subprocess.run(
        [sys.executable, "-c", code, "-", "generate", TEXT, "-o", "good.npz"], capture_output=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: cannot write good.npz: File too large")
    assert done.stderr.count(b"\n") == 1
    assert _names() == ["good.npz"]
    assert Path("good.npz").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"wave with the hand\nclap \xff\n", "s.txt, line 2: the text holds bytes that are not UTF-8"),
        ("wave\n\n👋\n".encode(), "s.txt, line 3: the text is without words"),
        (b"wave\n" + b"x" * 10_000, "s.txt, line 2: the text is too long"),
        ("wave\n揉面团".encode(), "s.txt, line 2: "),
        (b"", "s.txt holds no sentence; write one per line"),
        (b"\n # remark\n", "s.txt holds no sentence"),
    ],
)
def test_a_file_of_sentences(content: bytes, message: str) -> None:
    Path("s.txt").write_bytes(content)
    files = ["good.npz", "s.txt"]
    assert message in _refused("generate", "--file", "s.txt", "-o", "out.npz", files=files)


def test_a_file_of_sentences_that_is_missing() -> None:
    assert "cannot read s.txt: No such file" in _refused("generate", "--file", "s.txt", "-o", "out.npz")


def _bundle(toy: Path, fault: str) -> Path:
    folder = Path("..") / fault
    if fault == "missing":
        return folder
    shutil.copytree(toy, folder)
    manifest, graph = folder / "manifest.json", folder / "text_encoder.onnx"
    if fault == "not-a-bundle":
        manifest.unlink()
    elif fault == "truncated":
        graph.write_bytes(graph.read_bytes()[:100])
    elif fault == "tampered":
        graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    elif fault == "newer":
        manifest.write_text(json.dumps({"format": 99}))
    return folder


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("missing", "no such folder"),
        ("not-a-bundle", "so it is not a bundle"),
        ("truncated", "it is truncated"),
        ("tampered", "was changed after export"),
        ("newer", "the bundle has format 99; this clutch-rt reads format 1; run `pip install --upgrade"),
    ],
)
@pytest.mark.parametrize("command", ["generate", "stream", "info", "caption"])
def test_bundles(toy: Path, fault: str, message: str, command: str) -> None:
    arguments = {
        "generate": [TEXT, "-o", "good.npz"],
        "stream": [TEXT],
        "info": [],
        "caption": ["../motion.npz"],
    }
    if command == "caption":
        frames = np.tile(np.asarray([1, 0, 0, 0, 1, 0], np.float32), 17)[:99]
        np.savez("../motion.npz", frames=np.tile(frames, (8, 2, 1)), fps=30.0)
    folder = _bundle(toy, fault)
    assert message in _refused(command, *arguments[command], "--bundle", str(folder))


def _frames() -> np.ndarray:
    hand = np.concatenate([[1, 0, 0, 0, 1, 0], np.zeros(3), np.tile([1, 0, 0, 0, 1, 0], 15)])
    return np.tile(hand, (8, 2, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("frames", "fps", "message"),
    [
        (_frames()[:, :, :98], 30.0, "(T, 2, 99)"),
        (_frames()[:, 0], 30.0, "(T, 2, 99)"),
        (_frames()[:0], 30.0, "(T, 2, 99)"),
        (_frames() * np.nan, 30.0, "not finite"),
        (_frames() * 0, 30.0, "no rotation"),
        (_frames(), 0.0, "fps is 0"),
        (_frames(), 1e-6, "less than one frame at 1e-06 per second; check the fps"),
        (np.repeat(_frames(), 50, axis=0), 30.0, "the motion lasts 13.33 s; this model reads 3.20 s"),
    ],
)
def test_motion_files(frames: np.ndarray, fps: float, message: str) -> None:
    np.savez("../motion.npz", frames=frames, fps=fps)
    assert message in _refused("caption", "../motion.npz")


def test_a_motion_file_of_another_rate_is_read() -> None:
    np.savez("../motion.npz", frames=np.repeat(_frames(), 4, axis=0), fps=120.0)
    done = CliRunner().invoke(command_line, ["caption", "../motion.npz"])
    assert (done.exit_code, done.stdout) == (0, f"{TEXT}\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no"), (b"", "not"), (b"PK\x03\x04rubbish", "not"), (b"\x80\x04K\x01.", "not")],
)
def test_motion_files_that_are_none(content: bytes | None, message: str) -> None:
    if content is not None:
        Path("../motion.npz").write_bytes(content)
    assert message in _refused("caption", "../motion.npz").lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.pkl", "-o", "x.npz"], "nowhere.pkl"),
        (["nowhere.pkl"], "nowhere.pkl"),
        (["."], "Is a directory"),
        (["good.npz", "-o", "x.glb"], "a hand is written as .npz"),
        (["good.npz", "-o", "x.npz"], "good.npz: the file is not a pickle of arrays, or is damaged"),
        (["good.npz", "-o", "x.npz", "--betas", "a,b"], "numbers with commas between"),
        (["good.npz", "-o", "no/x.npz"], "there is no folder no"),
    ],
)
def test_hand_import(arguments: list[str], message: str) -> None:
    assert message in _refused("hand", "import", *arguments)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 and so on", "other.pkl is a zip archive, such as an .npz, not a pickle"),
        (b"PK\x03\x04 and so on", "`clutch-rt generate --hand`"),
        (b"Iwave\xe9\n", "other.pkl: the file is not a pickle of arrays, or is damaged"),
        (b"\x89PNG\r\n", "; name MANO_RIGHT.pkl or MANO_LEFT.pkl"),
        (b"", "other.pkl: the file is empty"),
    ],
)
def test_what_is_no_pickle_is_called_by_its_name(content: bytes, message: str) -> None:
    Path("other.pkl").write_bytes(content)
    line = _refused("hand", "import", "other.pkl", "-o", "x.npz", files=["good.npz", "other.pkl"])
    assert message in line and "codec" not in line and "opcode" not in line


def test_a_pickle_that_runs_code_is_refused() -> None:
    Path("evil.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    line = _refused("hand", "import", "evil.pkl", "-o", "x.npz", files=["good.npz", "evil.pkl"])
    assert "evil.pkl" in line
