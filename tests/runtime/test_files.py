"""Writing: files appear whole or not at all, and every refusal says what to do."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest
from clutch_rt import formats
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.formats import files
from clutch_rt.formats.files import atomic_file, write_bytes
from clutch_rt.motion import Motion
from sample_motion import tumbling_motion


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_appears_with_its_content(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a.bin", b"hello")
    assert (tmp_path / "a.bin").read_bytes() == b"hello"
    assert names_in(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("failure", [RuntimeError("boom"), KeyboardInterrupt()])
def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, failure: BaseException
) -> None:
    path = tmp_path / "good.glb"
    path.write_bytes(b"good")
    with pytest.raises(type(failure)), atomic_file(path) as stream:
        stream.write(b"half of")
        raise failure
    assert path.read_bytes() == b"good"
    assert names_in(tmp_path) == ["good.glb"]


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "not allowed")],
)
def test_the_disk_refusing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "good.npz"
    path.write_bytes(b"good")
    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(FileFormatError, match=f"cannot write .*good.npz.*{advice}"):
        tumbling_motion().save(path)
    assert path.read_bytes() == b"good"
    assert names_in(tmp_path) == ["good.npz"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_named() -> None:
    with pytest.raises(FileFormatError, match="the disk is full"):
        tumbling_motion().save("/dev/full", format="npz")
    assert Path("/dev/full").is_char_device()  # written into, not replaced


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"folder .*nowhere does not exist.*make it first"):
        tumbling_motion().save(tmp_path / "nowhere" / "a.glb")
    assert names_in(tmp_path) == []


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="it is a folder"):
        tumbling_motion().save(tmp_path, format="glb")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may write everywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FileFormatError, match="not allowed"):
        tumbling_motion().save(tmp_path / "a.glb")


def test_a_protected_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(b"mine")
    monkeypatch.setattr(files.os, "access", lambda place, mode: False)  # as root everything is writable
    with pytest.raises(FileFormatError, match="not allowed"):
        tumbling_motion().save(path)
    assert path.read_bytes() == b"mine"


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_the_file_behind_a_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.npz").symlink_to(tmp_path / "real" / "file.npz")
    tumbling_motion().save(tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    assert len(Motion.load(tmp_path / "real" / "file.npz")) == 24


@pytest.mark.parametrize("name", ["glb", "bvh", "usda", "npz"])
def test_a_stream_gets_the_same_bytes_as_a_file(tmp_path: Path, name: str) -> None:
    motion, stream = tumbling_motion(), io.BytesIO()
    motion.save(stream, format=name)
    motion.save(tmp_path / f"a.{name}")
    assert stream.getvalue() == (tmp_path / f"a.{name}").read_bytes() != b""


def test_a_stream_that_takes_a_little_at_a_time_gets_everything() -> None:
    class Narrow(io.RawIOBase):
        def __init__(self) -> None:
            self.taken = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: memoryview) -> int:  # type: ignore[override]
            self.taken += bytes(data[:100])
            return min(100, len(data))

    stream = Narrow()
    write_bytes(stream, bytes(range(256)) * 3)
    assert stream.taken == bytes(range(256)) * 3


def test_a_closed_pipe_is_a_message() -> None:
    read, written = os.pipe()
    os.close(read)
    with (
        os.fdopen(written, "wb", buffering=0) as stream,
        pytest.raises(FileFormatError, match="reader at the other"),
    ):
        tumbling_motion().save(stream, format="npz")


def test_places_that_are_no_places() -> None:
    with pytest.raises(
        FileFormatError, match=r"cannot write to a StringIO\. Wanted a path or a binary stream"
    ):
        tumbling_motion().save(io.StringIO(), format="npz")
    with pytest.raises(FileFormatError, match="cannot write to a object"):
        tumbling_motion().save(object(), format="npz")
    with pytest.raises(FileFormatError, match="null byte"):
        tumbling_motion().save("a\0b.npz")


def test_unknown_endings_name_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"'\.fbx'.*\.glb, \.bvh, \.usda, \.npz, \.mp4, \.gif, \.png"):
        tumbling_motion().save(tmp_path / "hands.fbx")
    with pytest.raises(FileFormatError, match="missing file ending"):
        tumbling_motion().save(tmp_path / "hands")
    with pytest.raises(FileFormatError, match=r"unknown format 'fbx'\. Wanted one of glb.*choose one"):
        tumbling_motion().save(tmp_path / "hands.glb", format="fbx")
    with pytest.raises(FileFormatError, match="a stream has no file ending"):
        tumbling_motion().save(io.BytesIO())
    assert names_in(tmp_path) == []


def test_endings_are_read_without_regard_to_case(tmp_path: Path) -> None:
    tumbling_motion().save(tmp_path / "HANDS.NPZ")
    assert len(Motion.load(tmp_path / "HANDS.NPZ")) == 24


def test_unknown_options_name_the_near_one() -> None:
    with pytest.raises(InputError, match=r"unknown option 'flatt' for \.glb.*did you mean 'flat'"):
        tumbling_motion().save(io.BytesIO(), format="glb", flatt=True)
    with pytest.raises(InputError, match=r"for \.npz.*Wanted one of: none"):
        tumbling_motion().save(io.BytesIO(), format="npz", flat=True)


def test_every_format_is_described() -> None:
    assert tuple(formats.FORMATS) == ("glb", "bvh", "usda", "npz", "mp4", "gif", "png")
    for name, kind in formats.FORMATS.items():
        assert kind.name == name and kind.description
        assert kind.encoder.__doc__
