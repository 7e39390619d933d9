"""``clutch-rt complete`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import clutch_rt
import numpy as np
import pytest
from click.testing import CliRunner, Result
from clutch_rt import Given, Motion
from clutch_rt.cli.commands import command_line
from clutch_rt.cli.complete import _PARTS
from clutch_rt.completion import PARTS

from tests.runtime.sample_motion import grasping_motion
from tests.runtime.toy_bundle import make_toy_bundle

TEXT = "wave with the right hand"


@pytest.fixture
def here(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two motions in it, and the toy bundle to be found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLUTCH_RT_BUNDLE", str(toy))
    grasping_motion(20).save("a.npz")
    Motion(grasping_motion(30).frames[12:]).save("b.npz")
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(command_line, ["complete", *args])


def test_the_parts_are_those_of_the_api() -> None:
    assert _PARTS == PARTS


@pytest.mark.parametrize("text", [(), (TEXT,)])
@pytest.mark.parametrize("part", PARTS)
def test_the_file_is_what_the_api_makes(here: Path, toy: Path, part: str, text: tuple[str, ...]) -> None:
    a, b = Motion.load("a.npz"), Motion.load("b.npz")
    given = {
        "beginning": Given.beginning(a),
        "ends": Given.ends(a, b),
        "left": Given.hand(a, "left"),
        "right": Given.hand(a, "right"),
        "wrists": Given.wrists(a),
    }[part]
    seconds = ("--seconds", "1.1") if part in ("beginning", "ends") else ()
    other = ("--with", "b.npz") if part == "ends" else ()
    done = run("a.npz", *text, "--keep", part, "-o", "out.npz", "--seed", "3", *seconds, *other)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    words = dict(line.split(maxsplit=1) for line in lines[1:])
    assert lines[0] == "out.npz" and words["kept"] == f"{part} of 0.67 s" and words["seed"] == "3"
    with clutch_rt.load(toy) as model:
        wanted = model.complete(given, *text, seconds=1.1 if seconds else None, seed=3)
    found = Motion.load("out.npz")
    np.testing.assert_array_equal(found.frames, wanted.frames)
    assert (found.text, found.seed) == (wanted.text, 3)
    assert words["motion"] == f"{found.duration:.2f} s, 30 frames per second"


def test_json_rate_and_name(here: Path) -> None:
    done = run("a.npz", "--keep", "left", "--fps", "60", "--format", "npz", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["kept"], said["file"], said["fps"], said["text"]) == ("left", "a-whole.npz", 60.0, None)
    assert said["frames"] == len(Motion.load("a-whole.npz")) == 39


def test_stdout(here: Path) -> None:
    done = run("a.npz", "--keep", "wrists", "-o", "-", "--format", "bvh")
    assert done.exit_code == 0 and done.stdout.startswith("HIERARCHY")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("a.npz",), 2, "Missing option '--keep'"),
        (("a.npz", "--keep", "thumb"), 2, "'thumb' is not one of"),
        (("a.npz", "--keep", "ends"), 2, "--keep ends needs --with FILE"),
        (("a.npz", "--keep", "left", "--with", "b.npz"), 2, "--keep ends needs --with FILE"),
        (("none.npz", "--keep", "left"), 1, "none.npz: no such file"),
        (("a.npz", "--keep", "ends", "--with", "none.npz"), 1, "none.npz: no such file"),
        (("a.npz", " ", "--keep", "left"), 1, "the text is blank"),
        (("a.npz", "--keep", "left", "--seconds", "1"), 1, "as long as the left hand is"),
        (("a.npz", "--keep", "beginning", "--seconds", "9"), 1, "seconds is 9; this model makes"),
        (("a.npz", "--keep", "left", "-o", "out.doc"), 1, "doc"),
        (("a.npz", "--keep", "left", "-o", "no/out.glb"), 1, "there is no folder no"),
        (("a.npz", "--keep", "left", "-o", "-"), 2, "-o - needs --format"),
        (("a.npz", "--keep", "left", "--fps", "0"), 1, "fps is 0"),
    ],
)
def test_mistakes(here: Path, args: tuple[str, ...], code: int, message: str) -> None:
    before = sorted(p.name for p in here.iterdir())
    done = run(*args)
    assert done.exit_code == code, done.output
    line = done.stderr.strip()
    assert line.startswith("error: ") and "\n" not in line and message in line
    assert sorted(p.name for p in here.iterdir()) == before


def test_an_old_bundle(here: Path, tmp_path: Path) -> None:
    old = make_toy_bundle(tmp_path / "old", completes=False)
    done = run("a.npz", "--keep", "beginning", "--bundle", str(old), "--json")
    assert done.exit_code == 1
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "InputError" and "exported before motions could be completed" in error["message"]
