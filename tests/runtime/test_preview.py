"""Pictures and films: that something sensible is drawn, at the right size and speed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from clutch_rt.errors import FileFormatError, InputError, MissingExtraError
from clutch_rt.formats.preview import render
from clutch_rt.formats.raster import framing_camera, is_closed, rasterize
from clutch_rt.formats.scene import telling_frames
from clutch_rt.hand import neutral_hand
from clutch_rt.motion import Motion
from sample_motion import grasping_motion, tumbling_motion


def covered(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels show the left (bluish) and the right (warm) hand."""
    red, blue = pictures[..., 0].astype(int), pictures[..., 2].astype(int)
    return blue - red > 60, red - blue > 60


def test_both_hands_are_large_whole_and_on_their_side() -> None:
    pictures = render(grasping_motion(), 160, 120, frames=4)
    assert pictures.shape == (4, 120, 160, 3) and pictures.dtype == np.uint8
    left, right = covered(pictures)
    for hand in (left, right):
        assert 0.03 < hand.mean() < 0.4
        border = np.concatenate([hand[:, [0, -1]].ravel(), hand[:, :, [0, -1]].ravel()])
        assert not border.any()
    assert np.nonzero(left)[2].mean() < np.nonzero(right)[2].mean()


def test_from_the_front_the_hands_change_sides() -> None:
    left, right = covered(render(grasping_motion(), 160, 120, frames=1, view="front"))
    assert np.nonzero(left)[2].mean() > np.nonzero(right)[2].mean()


def test_the_camera_stands_still_and_keeps_everything_in_sight() -> None:
    motion = tumbling_motion()
    pictures = render(motion, 160, 120)
    assert len(pictures) == len(motion)
    for hand in covered(pictures):
        assert not hand[:, [0, -1]].any() and not hand[:, :, [0, -1]].any()
    np.testing.assert_array_equal(render(motion, 160, 120, [5])[0], pictures[5])
    np.testing.assert_array_equal(pictures[0][0, :2], pictures[-1][0, :2])


def test_which_frames() -> None:
    motion = tumbling_motion()
    every = render(motion, 32, 24)
    np.testing.assert_array_equal(render(motion, 32, 24, 3), every[[0, 12, 23]])
    np.testing.assert_array_equal(render(motion, 32, 24, [2, -1]), every[[2, 23]])
    assert len(render(motion, 32, 24, 100)) == 24
    with pytest.raises(InputError, match="Wanted numbers below 24"):
        render(motion, 32, 24, [24])
    with pytest.raises(InputError, match="at least 1"):
        render(motion, 32, 24, 0)


@pytest.mark.parametrize("claps", [3, 5])
def test_a_strip_shows_what_a_motion_does_however_its_times_fall(claps: int) -> None:
    """At even times, six stills of five claps fall between the meetings."""
    frames = np.repeat(grasping_motion(1).frames, 61, axis=0)
    swing = 0.1 * (0.5 - 0.5 * np.cos(2 * np.pi * claps * np.arange(61) / 60))
    frames[:, 0, 6] += swing
    frames[:, 1, 6] -= swing
    motion = Motion(frames)
    chosen = telling_frames(motion, 6)
    assert (chosen[0], chosen[-1]) == (0, 60) and (np.diff(chosen) > 0).all()
    assert swing[chosen].max() > 0.09 and (swing[chosen] > 0.09).sum() >= 2
    assert np.ptp(chosen[swing[chosen] > 0.09]) > 20, "of more than one meeting"


def test_a_still_motion_is_shown_at_even_times() -> None:
    still = Motion(np.repeat(grasping_motion(1).frames, 61, axis=0))
    np.testing.assert_array_equal(telling_frames(still, 5), [0, 15, 30, 45, 60])
    np.testing.assert_array_equal(telling_frames(Motion(still.frames[:2]), 6), [0, 1])


@pytest.mark.parametrize(("width", "height"), [(0, 100), (100, -5), (5000, 100)])
def test_sizes_out_of_range_are_refused(width: int, height: int) -> None:
    with pytest.raises(InputError, match="Wanted 16 to 4096"):
        render(tumbling_motion(), width, height)


def test_unknown_views_are_refused() -> None:
    with pytest.raises(InputError, match="viewer, front"):
        render(tumbling_motion(), 32, 24, view="below")


def test_the_nearer_triangle_is_seen() -> None:
    # Two overlapping triangles, the second nearer; y points down on the screen.
    screen = np.array([[1, 1, 2.0], [1, 9, 2.0], [9, 1, 2.0], [1, 1, 1.0], [1, 5, 1.0], [5, 1, 1.0]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    seen = rasterize(screen, faces, 10, 10, cull=True)
    picture = np.full(100, -1)
    picture[seen.pixels] = seen.faces
    picture = picture.reshape(10, 10)
    assert picture[1, 1] == 1 and picture[1, 6] == 0 and picture[9, 9] == -1
    np.testing.assert_allclose(seen.weights.sum(axis=1), 1, atol=1e-6)
    assert len(set(seen.pixels)) == len(seen.pixels)
    # From behind there is nothing, unless both sides are asked for.
    assert len(rasterize(screen, faces[:, ::-1], 10, 10, cull=True).pixels) == 0
    assert len(rasterize(screen, faces[:, ::-1], 10, 10, cull=False).pixels) == len(seen.pixels)


def test_neighbouring_triangles_leave_no_gap() -> None:
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), axis=-1).reshape(-1, 2) * 5
    inner = ((grid > 0) & (grid < 40)).all(axis=1)
    grid[inner] += rng.uniform(-1.5, 1.5, (int(inner.sum()), 2))
    corner = (np.arange(8)[:, None] * 9 + np.arange(8)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 9], 1), np.stack([corner + 1, corner + 10, corner + 9], 1)]
    )
    screen = np.concatenate([grid, np.ones((81, 1))], axis=1)
    assert len(rasterize(screen, faces, 40, 40, cull=False).pixels) == 1600


def test_nothing_in_sight_is_an_empty_picture() -> None:
    behind = np.array([[1, 1, -1.0], [1, 9, -1.0], [9, 1, -1.0]])
    outside = np.array([[-30, 1, 1.0], [-30, 9, 1.0], [-20, 1, 1.0]])
    for screen in (behind, outside):
        assert len(rasterize(screen, np.array([[0, 1, 2]]), 10, 10, cull=False).pixels) == 0


def test_the_camera_frames_points_tightly() -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(200, 3)) * [0.3, 0.1, 0.2] + [5.0, -2.0, 1.0]
    camera = framing_camera(points, 300, 200, np.array([0.3, 1.0, 0.5]), 0.5, 0.0)
    screen = camera.project(points)
    x, y = screen[:, 0] / 300, screen[:, 1] / 200
    assert x.min() > -1e-6 and x.max() < 1 + 1e-6 and y.min() > -1e-6 and y.max() < 1 + 1e-6
    assert max(np.ptp(x), np.ptp(y)) > 0.97


def test_the_neutral_hand_is_closed() -> None:
    faces = neutral_hand("right").faces
    assert is_closed(faces)
    assert not is_closed(faces[1:])


def test_png_is_a_strip_of_moments() -> None:
    image = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    grasping_motion().save(stream, format="png", frames=3, width=80, height=60)
    picture = image.open(stream)
    assert picture.format == "PNG" and picture.size == (3 * 80 + 2 * 6, 2 * 60 + 6 + 2 * 34)
    one = io.BytesIO()
    Motion(grasping_motion().frames[:1], text="wave " * 80).save(one, format="png", width=80, view="viewer")
    assert image.open(one).size[0] == 80


def test_gif_loops_at_the_true_speed(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    motion = grasping_motion(45)
    motion.save(tmp_path / "a.gif", width=64, height=48)
    with image.open(tmp_path / "a.gif") as picture:
        assert picture.size == (64, 48) and picture.info["loop"] == 0
        total = 0
        for page in range(picture.n_frames):
            picture.seek(page)
            total += picture.info["duration"]
    assert total == pytest.approx(1000 * motion.duration, abs=40)
    with pytest.raises(InputError, match="Wanted 1 to 50"):
        motion.save(tmp_path / "b.gif", fps=float("nan"))


def test_mp4_plays_every_frame_at_its_rate(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    motion = grasping_motion(45)
    motion.save(tmp_path / "a.mp4", width=65, height=49)
    reader = ffmpeg.read_frames(str(tmp_path / "a.mp4"))
    meta = next(reader)
    assert meta["size"] == (64, 48) and meta["fps"] == 30 and meta["codec"].startswith("h264")
    assert sum(1 for _ in reader) == 45
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_mp4_goes_to_a_stream() -> None:
    pytest.importorskip("imageio_ffmpeg")
    stream = io.BytesIO()
    grasping_motion(3).save(stream, format="mp4", width=64, height=48)
    assert stream.getvalue()[4:8] == b"ftyp"


@pytest.mark.parametrize(("module", "name"), [("PIL", "png"), ("PIL", "gif"), ("imageio_ffmpeg", "mp4")])
def test_a_missing_package_is_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    for loaded in [key for key in sys.modules if key == module or key.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r'pip install "clutch-rt\[preview\]"'):
        tumbling_motion(2).save(tmp_path / f"a.{name}", width=32, height=32)
    assert list(tmp_path.iterdir()) == []


def test_ffmpeg_failing_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/bin/false" if Path("/bin/false").exists() else sys.executable)
    with pytest.raises((FileFormatError, MissingExtraError)):
        tumbling_motion(2).save(tmp_path / "a.mp4", width=32, height=32)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "total"), [("png", 12), ("gif", 20), ("mp4", 24)])
def test_progress_is_told_picture_by_picture(kind: str, total: int) -> None:
    pytest.importorskip("PIL" if kind != "mp4" else "imageio_ffmpeg", reason="needs the preview packages")
    told: list[tuple[int, int]] = []
    tumbling_motion().save(
        io.BytesIO(), kind, width=32, height=32, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(done, total) for done in range(1, total + 1)]


def test_render_tells_its_progress() -> None:
    told: list[tuple[int, int]] = []
    render(tumbling_motion(), 32, 24, 3, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
