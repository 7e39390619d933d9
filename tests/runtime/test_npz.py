"""The .npz file: to the bit there and back, and every bad file refused with a reason."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clutch_rt.errors import FileFormatError
from clutch_rt.formats import npz
from clutch_rt.motion import Motion
from sample_motion import tumbling_motion


@pytest.mark.parametrize("seed", [None, 0, -5, 2**64 - 1, 10**30])
@pytest.mark.parametrize("text", [None, "", "knead the dough 🥖"])
def test_there_and_back_to_the_bit(tmp_path: Path, seed: int | None, text: str | None) -> None:
    motion = Motion(tumbling_motion().frames, 59.94, text, seed)
    motion.save(tmp_path / "a.npz")
    again = Motion.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.frames, motion.frames)
    assert (again.fps, again.text, again.seed) == (59.94, text, seed)


def test_anyone_finds_mano_parameters_in_it(tmp_path: Path) -> None:
    motion = tumbling_motion()
    motion.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
        assert list(arrays["sides"]) == ["left", "right"]
        np.testing.assert_array_equal(arrays["hand_pose"], motion.to_mano()["hand_pose"])
    assert shapes["frames"] == (24, 2, 99)
    assert shapes["global_orient"] == (24, 2, 3)
    assert shapes["hand_pose"] == (24, 2, 45)
    assert shapes["transl"] == (24, 2, 3)


def test_the_same_motion_gives_the_same_bytes() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    tumbling_motion().save(first, format="npz")
    tumbling_motion().save(second, format="npz")
    assert first.getvalue() == second.getvalue()


def test_frames_and_fps_are_enough(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=tumbling_motion().frames.astype(np.float64), fps=24)
    motion = Motion.load(tmp_path / "a.npz")
    assert motion.fps == 24.0 and motion.text is None and motion.seed is None


GOOD: dict[str, Any] = {"frames": tumbling_motion().frames, "fps": 30.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": np.ones((4, 99))}, r"shape \(4, 99\)"),
        ({"frames": np.ones((0, 2, 99))}, "at least one frame"),
        ({"frames": np.full((4, 2, 99), np.nan)}, "not finite"),
        ({"frames": np.zeros((4, 2, 99))}, "no rotation"),
        ({"frames": np.array([["a"]])}, "Wanted floats"),
        ({"frames": np.array([{"a": 1}], dtype=object)}, "Object arrays"),
        ({"fps": np.nan}, "fps is nan"),
        ({"fps": 0}, "fps is 0"),
        ({"fps": [30, 30]}, "Wanted one number"),
        ({"fps": "thirty"}, "Wanted one number"),
        ({"format": 2}, "motion format 2"),
        ({"seed": "soon"}, "not a whole number"),
        ({"frames": None}, "no array named 'frames'"),
        ({"fps": None}, "no array named 'fps'"),
    ],
)
def test_unusable_content_is_refused_in_words(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "bad.npz"
    content = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    np.savez(path, **content)
    with pytest.raises(FileFormatError, match=message) as caught:
        Motion.load(path)
    assert str(path) in str(caught.value)


def write_text(path: Path) -> None:
    path.write_text("this is not a motion")


def write_nothing(path: Path) -> None:
    path.write_bytes(b"")


def write_half(path: Path) -> None:
    tumbling_motion().save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_flipped_bytes(path: Path) -> None:
    tumbling_motion().save(path)
    data = bytearray(path.read_bytes())
    data[2000:2050] = bytes(50)
    path.write_bytes(bytes(data))


def write_single_array(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.ones(3))


def write_other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("frames", "not an array")


def write_pickle(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def write_zip_of_junk(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("frames.npy", b"\x93NUMPY\x01\x00\xff\xff not a header")
        archive.writestr("fps.npy", b"")


def write_huge_header(path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999, 2, 99), }"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("frames.npy", member)


def write_encrypted(path: Path) -> None:
    """The mark of encryption is enough: no reader gets to the content without a password."""
    tumbling_motion().save(path)
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature)
        while place >= 0:
            data[place + flags] |= 1
            place = data.find(signature, place + 1)
    path.write_bytes(bytes(data))


def write_text_of_no_characters(path: Path) -> None:
    text = np.array([0x7FFFFFFF], np.uint32).view("<U1").reshape(())
    np.savez(path, text=text, **GOOD)


@pytest.mark.parametrize(
    "write",
    [
        write_text,
        write_nothing,
        write_half,
        write_flipped_bytes,
        write_single_array,
        write_other_zip,
        write_pickle,
        write_zip_of_junk,
        write_huge_header,
        write_encrypted,
        write_text_of_no_characters,
    ],
)
def test_files_that_are_no_motion_are_refused(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "bad.npz"
    write(path)
    with pytest.raises(FileFormatError, match=r"bad\.npz"):
        Motion.load(path)


def test_a_file_of_another_kind_is_not_called_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "hands.glb"
    path.write_bytes(b"glTF and more")
    with pytest.raises(FileFormatError, match=r"hands\.glb: not an \.npz archive") as caught:
        Motion.load(path)
    assert "allow_pickle" not in str(caught.value)


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        Motion.load(tmp_path / "none.npz")
    with pytest.raises(FileFormatError, match=r"[Dd]irectory|denied"):
        Motion.load(tmp_path)


@pytest.mark.parametrize("path", [None, 3, b"hands.npz"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(FileFormatError, match=r"cannot read a motion from .*Wanted the path"):
        Motion.load(path)


def test_a_file_that_unpacks_to_more_than_any_motion_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.npy", bytes(2_000_000))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(npz, "_MAX_BYTES", 1_000_000)  # the true limit would take a second to write
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(FileFormatError, match=r"bomb\.npz: its arrays unpack to 2,000,000 bytes"):
        Motion.load(path)


def test_what_a_motion_does_not_need_may_be_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "a.npz", **GOOD, notes=np.zeros(1_000_000))
    monkeypatch.setattr(npz, "_MAX_BYTES", 1_000_000)
    assert len(Motion.load(tmp_path / "a.npz")) == 24
