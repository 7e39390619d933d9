"""``clutch-rt live`` as a user meets it: sentences in a pipe, frames out of one, and every way it can end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import clutch_rt
import numpy as np
import pytest
from click.testing import CliRunner, Result
from clutch_rt.cli.commands import command_line

TEXT = "wave with the right hand"
OTHER = "clap slowly"


@pytest.fixture(scope="module")
def short(toy: Path) -> int:
    """A seed with which both sentences are short, so that the tests need not wait for real time."""
    with clutch_rt.load(toy) as model:
        for seed in range(500):
            lengths = (
                len(model.generate(TEXT, seed=seed).frames),
                len(model.generate(OTHER, seed=seed + 1).frames),
            )
            if max(lengths) <= 24:
                return seed
    raise AssertionError("no seed makes short motions")


def _run(toy: Path, *args: str, stdin: str | bytes = b"") -> Result:
    return CliRunner().invoke(command_line, ["live", *args], input=stdin, env={"CLUTCH_RT_BUNDLE": str(toy)})


def _lines(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def _runs(lines: list[dict[str, Any]]) -> list[str | None]:
    """The sentences in the order they were shown."""
    texts = [line["text"] for line in lines]
    return [text for k, text in enumerate(texts) if k == 0 or text != texts[k - 1]]


def _start(toy: Path, *args: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "clutch_rt", "live", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "CLUTCH_RT_BUNDLE": str(toy)},
    )


def test_a_sentence_given_is_played_to_its_end(toy: Path, short: int) -> None:
    lines = _lines(_run(toy, TEXT, "--seed", str(short), "--layout", "params"))
    with clutch_rt.load(toy) as model:
        whole = model.generate(TEXT, seed=short).frames
    real = [line for line in lines if "late" not in line]
    assert [line["index"] for line in real] == list(range(len(whole) + 1))  # and one of the rest
    assert [line["time"] for line in real] == pytest.approx(np.arange(len(whole) + 1) / 30, abs=1e-6)
    assert _runs(real) == [TEXT, None]
    shown = np.asarray([line["params"] for line in real[:-1]])
    if len(real) == len(lines):  # a loaded machine may have been late
        np.testing.assert_allclose(shown, whole, atol=1e-6)  # six decimals are written


def test_sentences_from_a_pipe(toy: Path, short: int) -> None:
    lines = _lines(_run(toy, "--seed", str(short), stdin=f"\ufeff{TEXT}\r\n".encode()))
    assert _runs(lines) == [None, TEXT, None]
    assert np.asarray(lines[0]["joints"]["left"]).shape == (26, 7)


def test_the_last_of_several_at_once_counts(toy: Path, short: int) -> None:
    lines = _lines(_run(toy, TEXT, "--seed", str(short), stdin=f"tap the table\n{OTHER}\n"))
    assert _runs(lines)[-2:] == [OTHER, None]


def test_queue_plays_them_in_turn(toy: Path, short: int) -> None:
    lines = _lines(_run(toy, "--queue", "--seed", str(short), stdin=f"{TEXT}\n{OTHER}"))
    assert [text for text in _runs(lines) if text] == [TEXT, OTHER]


def test_an_empty_line_is_rest(toy: Path, short: int) -> None:
    lines = _lines(_run(toy, TEXT, "--seed", str(short), stdin="\n"))
    played = [line for line in lines if line["text"] == TEXT]
    assert len(played) <= 16  # of up to 24, had it not been for the empty line


def test_a_bad_line_is_an_error_message_and_the_hands_go_on(toy: Path, short: int) -> None:
    stdin = b"\xff\xfe\n...\n" + TEXT.encode() + b"\n"
    done = _run(toy, "--seed", str(short), stdin=stdin)
    assert TEXT in _runs(_lines(done))
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith("error: stdin, line 1: the text holds bytes that are not UTF-8")
    assert errors[1].startswith("error: stdin, line 2: the text is without words")


def test_nothing_but_bad_lines_is_a_failure(toy: Path) -> None:
    done = _run(toy, stdin="揉面团\n\n")
    assert done.exit_code == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: stdin, line 1: ")
    assert {json.loads(line)["text"] for line in done.stdout.splitlines()} == {None}
    done = _run(toy, "--json", stdin=b"...\n")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert [line["error"]["kind"] for line in lines if "error" in line] == ["InputError"]


def test_no_sentence_at_all_ends_at_once(toy: Path) -> None:
    assert len(_lines(_run(toy))) <= 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["", "--fps", "30"], "the text is empty"),
        ([TEXT, "--fps", "0"], "fps is 0"),
        ([TEXT, "--look-ahead", "0"], "look_ahead is 0"),
        ([TEXT, "--seed", "-1"], "seed is -1"),
    ],
)
def test_what_cannot_be_asked(toy: Path, args: list[str], message: str) -> None:
    done = _run(toy, *args)
    assert done.exit_code == 1 and message in done.stderr and done.stdout == ""


def test_a_program_at_the_other_end(toy: Path) -> None:
    """It reads a frame, says something, and is answered within the look-ahead; then it goes away."""
    process = _start(toy, "--layout", "params")
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    first = json.loads(process.stdout.readline())
    assert (first["index"], first["text"]) == (0, None)
    process.stdin.write(TEXT.encode() + b"\n")
    process.stdin.flush()
    for line in process.stdout:
        if json.loads(line)["text"] == TEXT:
            break
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stdin.close()
    process.stderr.close()
    assert process.wait(60) == 141


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_ends_it(toy: Path) -> None:
    process = _start(toy, TEXT)
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode() == "error: stopped by Ctrl-C; nothing half-made was left behind\n"
    assert not out or out.endswith(b"\n")  # no half line
    for line in out.splitlines():
        json.loads(line)
