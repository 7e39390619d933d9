"""Readers of real recordings, and the fit: made-up hands come back exactly, recorded ones closely."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clutch_rt.errors import FileFormatError, InputError, UnsafeFileError
from clutch_rt.hand import two_hand_joints
from clutch_rt.layout import ROTATION, TRANSLATION
from clutch_rt.rotations import matrix_from_6d, matrix_from_axis_angle
from hypothesis import given, settings
from hypothesis import strategies as st

from models.shift import Shift, ShiftConfig
from train.config import apply
from train.corpus import draw_clip
from train.presets import preset
from train.real import dexterous, fit, hot3d, leap, sign
from train.real.__main__ import main
from train.real.measure import measure, read_folder
from train.real.place import HOMES, clips_from_fit, clips_from_wrists, resting, windows
from train.real.recording import Recording, increasing, resample
from train.run import RunFolder
from train.store import write_shard

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "real" / "motion"
real = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings of real hands beside this checkout")


def hands(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Right-hand parameters ``(T, 99)`` with every solved angle inside its limits."""
    low, high = fit._limits()
    angles = rng.uniform(low + 0.25 * (high - low), high - 0.25 * (high - low), (frames, len(fit.ANGLES)))
    rotation = matrix_from_axis_angle(rng.normal(0, 1.0, (frames, 3)))
    return fit.parameters(rotation, rng.normal(0, 0.3, (frames, 3)), angles)


@settings(max_examples=3)
@given(st.integers(0, 2**31))
def test_a_hand_of_our_own_is_found_again(seed: int) -> None:
    target = fit.points(hands(np.random.default_rng(seed), 6))
    found = fit.points(fit.solve(target))
    # The pull towards the start costs a fraction of a millimetre; a lost local optimum would cost far more.
    error = np.linalg.norm(found - target, axis=-1) * 1000
    assert np.median(error) < 1.0 and error.mean() < 3.0


def test_a_left_hand_is_fitted_as_well_as_a_right_one() -> None:
    target = fit.points(hands(np.random.default_rng(1), 5))
    right = fit.fit_hand(target, 1, 1.0)
    left = fit.fit_hand(target * [-1.0, 1.0, 1.0], 0, 1.0)
    np.testing.assert_allclose(left.residual, right.residual, atol=1e-6)
    frames = np.stack([left.params, right.params], axis=1)
    joints = two_hand_joints(frames)
    np.testing.assert_allclose(joints[:, 0] * [-1.0, 1.0, 1.0], joints[:, 1], atol=1e-5)


def test_missing_points_and_another_size_do_not_mislead_the_fit() -> None:
    truth = hands(np.random.default_rng(2), 5)
    recorded = fit.points(truth)
    centre = recorded[:, [1, 5, 9, 13, 17]].mean(1, keepdims=True)
    bigger = centre + 1.2 * (recorded - centre)
    bigger[:, 0] = np.nan
    assert fit.hand_scale(bigger) == pytest.approx(1.2, rel=1e-6)
    found = fit.fit_hand(bigger, 1, fit.hand_scale(bigger))
    assert np.isnan(found.residual[:, 0]).all() and np.nanmedian(found.residual) < 1.0
    np.testing.assert_allclose(found.params[:, TRANSLATION], truth[:, TRANSLATION], atol=0.008)


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_kabsch_finds_a_rigid_motion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(6, 3))
    rotation, shift = matrix_from_axis_angle(rng.normal(size=(4, 3))), rng.normal(size=(4, 3))
    target = np.einsum("tij,nj->tni", rotation, source) + shift[:, None]
    found, moved = fit.kabsch(source, target, np.ones(6))
    np.testing.assert_allclose(found, rotation, atol=1e-8)
    np.testing.assert_allclose(moved, shift, atol=1e-8)
    with pytest.raises(InputError, match="fewer than three"):
        fit.kabsch(source, np.full((1, 6, 3), np.nan), np.ones(6))


def test_resampling_bridges_gaps_and_keeps_a_line() -> None:
    times = np.arange(0, 1.001, 1 / 110)
    values = 3.0 * times[:, None]
    values[20:24] = np.nan
    at, out = resample(times, values)
    assert len(at) == 31
    # The box over half a frame is cut at the ends.
    np.testing.assert_allclose(out[1:-1, 0], 3.0 * at[1:-1], atol=1e-9)
    assert increasing(np.asarray([0.0, 0.0001, 0.033, 0.03, 0.066])).tolist() == [0, 2, 4]


def test_recordings_refuse_nonsense() -> None:
    with pytest.raises(FileFormatError, match="points of shape"):
        Recording("x", "leap", np.arange(3.0), np.zeros((2, 2, 21, 3)))
    with pytest.raises(FileFormatError, match="do not increase"):
        Recording("x", "leap", np.zeros(3), np.zeros((3, 2, 21, 3)))
    nobody = Recording("x", "leap", np.arange(3.0), np.full((3, 2, 21, 3), np.nan))
    with pytest.raises(InputError, match="shows no hand"):
        fit.fit_recording(nobody)


class Danger:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("this pickle ran code",))


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps([Danger()]))
    with pytest.raises(UnsafeFileError, match="was refused"):
        dexterous.read(path)
    assert capsys.readouterr().out == ""


def test_a_pickle_of_arrays_is_read_and_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "hand.pkl"
    arrays = [np.random.default_rng(i).normal(size=(21, 3)) for i in range(4)]
    for protocol in (3, 4):
        path.write_bytes(pickle.dumps(arrays, protocol=protocol))
        assert all((a == b).all() for a, b in zip(dexterous.read_arrays(path), arrays, strict=True))
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(FileFormatError, match="no list of float arrays"):
        dexterous.read(path)
    path.write_bytes(pickle.dumps([np.zeros((20, 3))], protocol=4))
    with pytest.raises(FileFormatError, match=r"\(20, 3\)"):
        dexterous.read(path)
    path.write_bytes(b"hello")
    with pytest.raises(FileFormatError, match="not a pickled list"):
        dexterous.read(path)


def test_the_depth_unit_is_the_one_that_keeps_bones_long() -> None:
    shapes = fit.points(hands(np.random.default_rng(3), 60)) * 500.0
    shapes = shapes - shapes[:, :1]
    flattened = shapes / [1.0, 1.0, 400.0]
    assert sign.depth_unit(flattened, np.asarray([100.0, 200.0, 400.0, 800.0])) == 400.0


@pytest.mark.parametrize("content", [b"", b"hello", bytes(range(256)) * 4])
def test_what_is_no_pose_file_is_named(content: bytes, tmp_path: Path) -> None:
    pytest.importorskip("pose_format")
    (tmp_path / "x.pose").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"x\.pose is not a \.pose file"):
        sign.read(tmp_path / "x.pose")


def hot3d_file(folder: Path, headset: str = "Quest3") -> Path:
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps({"headset": headset}))
    rows = []
    for i in range(40):
        wrist = {"t_xyz": [0.1 * np.sin(i / 5), 0.8, -0.3], "q_wxyz": [1.0, 0.0, 0.0, 0.0]}
        other = {"t_xyz": [0.3, 0.8, -0.3], "q_wxyz": [np.cos(i / 40), 0.0, np.sin(i / 40), 0.0]}
        poses = {h: {"pose": [0.0] * 15, "wrist_xform": w} for h, w in (("0", wrist), ("1", other))}
        rows.append(json.dumps({"timestamp_ns": int(i * 1e9 / 30), "hand_poses": poses}))
    path = folder / "mano_hand_pose_trajectory.jsonl"
    path.write_text("\n".join(rows))
    return path


def test_wrist_recordings_keep_paths_and_turns(tmp_path: Path) -> None:
    clips = clips_from_wrists(hot3d.read(hot3d_file(tmp_path / "q")))
    assert [len(c.frames) for c in clips] == [40] and clips[0].present == (True, True)
    frames = clips[0].frames
    np.testing.assert_allclose(frames[..., TRANSLATION].mean(0), HOMES, atol=1e-4)
    assert np.ptp(frames[:, 0, 6]) == pytest.approx(0.2, abs=0.01)
    turned = matrix_from_6d(frames[:, 1, ROTATION])
    # 2 * 39 / 40 radians about +Y over the whole recording.
    angle = np.arccos((np.trace(turned[0].T @ turned[-1]) - 1) / 2)
    assert angle == pytest.approx(2 * 39 / 40, abs=0.02)
    with pytest.raises(FileFormatError, match="headset is 'Index'"):
        hot3d.read(hot3d_file(tmp_path / "i", "Index"))
    for damaged in ("{", "[]"):
        (tmp_path / "i" / "metadata.json").write_text(damaged)
        with pytest.raises(FileFormatError, match="no JSON object"):
            hot3d.read(tmp_path / "i" / "mano_hand_pose_trajectory.jsonl")


def test_windows_are_whole_steps_at_home() -> None:
    assert [len(w) for w in windows(np.zeros((300, 2, 99), np.float32))] == [128, 128, 40]
    fitted = fit.fit_hand(fit.points(hands(np.random.default_rng(4), 17)), 1, 1.0)
    (clip,) = clips_from_fit("x", "leap", "", (None, fitted))
    assert clip.frames.shape == (16, 2, 99) and clip.present == (False, True)
    np.testing.assert_allclose(clip.frames[:, 1, TRANSLATION].mean(0), HOMES[1], atol=1e-5)
    np.testing.assert_array_equal(clip.frames[:, 0], resting(0, 16))


def test_a_resting_hand_has_its_palm_down_and_fingers_forward() -> None:
    joints = two_hand_joints(np.stack([resting(0, 1), resting(1, 1)], axis=1))[0]
    for side, thumb_side in ((0, 1.0), (1, -1.0)):
        assert joints[side, 18, 2] < joints[side, 0, 2] - 0.1
        assert thumb_side * (joints[side, 16, 0] - joints[side, 20, 0]) > 0.05
        assert joints[side, 18, 1] < joints[side, 4, 1]


@pytest.fixture(scope="module")
def claps() -> Recording:
    """Two hands, clapping three times; Leap's older layout."""
    pytest.importorskip("lzstring")
    return leap.read(RECORDINGS / "leap" / "three-claps.json.lz")


def beginning(recording: Recording, frames: int) -> Recording:
    return replace(recording, times=recording.times[:frames], points=recording.points[:frames])


@real
def test_leap_hands_are_fitted_within_millimetres(claps: Recording) -> None:
    assert claps.present == (True, True)
    for found in fit.fit_recording(beginning(claps, 120)):
        # Leap's hand has other proportions at the thumb's base (15 mm); all else lies within a few.
        assert found is not None
        assert np.nanmedian(found.residual) < 5.0 and 0.9 < found.scale < 1.1


@real
def test_leaps_packed_layout_is_read_too() -> None:
    pytest.importorskip("lzstring")
    recording = leap.read(RECORDINGS / "leap" / "pinch-57fps.json.lz")
    assert recording.present == (False, True) and len(recording.times) == 133
    # A pinch: the tips of thumb and index finger come within 3 cm.
    gap = np.linalg.norm(recording.points[:, 1, 4] - recording.points[:, 1, 8], axis=-1)
    assert gap.min() < 0.03 < gap.max()


@real
def test_the_claps_are_three(claps: Recording) -> None:
    palms = claps.points[:, :, [5, 9, 13, 17]].mean(2)
    gap = np.linalg.norm(palms[:, 0] - palms[:, 1], axis=-1)
    near = gap < gap.min() + 0.3 * np.ptp(gap)
    assert np.count_nonzero(np.diff(near.astype(int)) == 1) + int(near[0]) == 3


@real
def test_sign_landmarks_and_the_dexterous_hand_are_read() -> None:
    pytest.importorskip("pose_format")
    recording = sign.read(sorted((RECORDINGS / "sign_pose").glob("*.pose"))[0])
    assert not recording.metric and recording.present == (True, True)
    # The signer's left hand is on the viewer's left after turning to face as the signer does.
    assert np.nanmean(recording.points[:, 0, 0, 0]) < np.nanmean(recording.points[:, 1, 0, 0])
    hand = dexterous.read(RECORDINGS / "dexterous_video" / "human_joint_right.pkl")
    assert hand.points.shape == (621, 2, 21, 3) and hand.present == (False, True)
    found = fit.fit_recording(beginning(hand, 40))[1]
    assert found is not None and np.median(found.residual) < 10.0


@real
def test_headset_wrists_are_read_from_both_headsets() -> None:
    for name in ("Aria", "Quest3"):
        path = RECORDINGS / "hot3d_sample" / name / "mano_hand_pose_trajectory.jsonl"
        recording = hot3d.read(path)
        step = np.diff(recording.times)
        assert (step > 0.03).all() and (step < 0.037).all()
        # Hands in front of a person: left of right once the recording faces the viewer's way.
        assert (recording.wrists[:, 1, 0] > recording.wrists[:, 0, 0]).all()


def test_errors_are_per_source_and_count_recorded_hands_only(tmp_path: Path) -> None:
    hot3d_file(tmp_path / "hot3d_sample" / "Quest3")
    (tmp_path / "dexterous_video").mkdir()
    points = fit.points(hands(np.random.default_rng(5), 16))
    pickled = tmp_path / "dexterous_video" / "hand.pkl"
    pickled.write_bytes(pickle.dumps(list(points), protocol=4))
    torch.manual_seed(0)
    shift = Shift(ShiftConfig(widths=(8, 8, 8, 8), depth=1, trajectory_codes=8, pose_codes=8)).eval()
    reports = measure(shift, read_folder(tmp_path), 0)
    assert [r.source for r in reports] == ["dexterous video", "HOT3D (wrists)"]
    assert reports[0].residual is not None and reports[1].residual is None
    assert all(np.isfinite(r.errors.mpjpe.value) for r in reports)


def test_the_command_writes_a_table_beside_the_corpus_figure(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run", apply(preset("smoke"), ["evaluate.clips=2"]))
    torch.manual_seed(0)
    shift = Shift(ShiftConfig(widths=(8, 8, 8, 8), depth=1, trajectory_codes=8, pose_codes=8)).eval()
    shift.save(folder.folder("shift"))
    clips = [draw_clip(0, i, "test", folder.config.corpus) for i in range(2)]
    write_shard(folder.folder("corpus") / "test-00000.parquet", clips)
    hot3d_file(tmp_path / "data" / "hot3d_sample" / "Quest3")
    assert main([f"run={folder.path}", f"data={tmp_path / 'data'}"]) == 0
    report = (folder.path / "evaluate" / "report_real.md").read_text(encoding="utf-8")
    assert "| corpus, held-out clips |" in report and "| HOT3D (wrists) |" in report


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="holds no recording"):
        read_folder(tmp_path)
    assert main(["data=x"]) == 2
    assert "no run folder given" in capsys.readouterr().err
    assert main([]) == 2 and main(["--help"]) == 0
