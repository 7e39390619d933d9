"""MANO files of the user's own: read without running them, and agreeing with smplx on the same file.

The files are made here, in MANO's format and with random contents; no number is MANO's.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tracemalloc
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from click.testing import CliRunner
from clutch_rt.cli.commands import command_line
from clutch_rt.errors import FileFormatError, InputError, UnsafeFileError
from clutch_rt.hand import forward, neutral_hand, skin
from clutch_rt.mano import (
    MANO_TIPS,
    import_mano,
    load_hand,
    load_hands,
    params_from_mano,
    params_to_mano,
    save_hand,
    save_hands,
)
from clutch_rt.motion import Motion
from clutch_rt.unpickle import load_arrays
from hypothesis import given
from hypothesis import strategies as st

KINTREE = np.array([[2**32 - 1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14], list(range(16))], np.uint32)


def mano_data(side: str, seed: int = 0) -> dict[str, Any]:
    """Random contents of a MANO file: a cloud of vertices around the joints of a hand-like skeleton."""
    rng = np.random.default_rng(seed)
    rest = neutral_hand(side).rest_joints.astype(np.float64) + np.array([0.09, 0.006, 0.006])
    vertices = rest[rng.integers(0, 16, 778)] + rng.normal(0, 0.01, (778, 3))
    regressor = np.zeros((16, 778))
    for joint in range(16):
        nearest = np.argsort(np.linalg.norm(vertices - rest[joint], axis=1))[:10]
        regressor[joint, nearest] = rng.dirichlet(np.ones(10))
    return {
        "v_template": vertices,
        "shapedirs": rng.normal(0, 0.003, (778, 3, 10)),
        "posedirs": rng.normal(0, 0.002, (778, 3, 135)),
        "J_regressor": scipy.sparse.csc_matrix(regressor),
        "J": regressor @ vertices,
        "weights": rng.dirichlet(np.full(16, 0.2), 778),
        "f": rng.integers(0, 778, (1538, 3)).astype(np.uint32),
        "kintree_table": KINTREE,
        "hands_components": np.linalg.qr(rng.normal(size=(45, 45)))[0],
        "hands_coeffs": rng.normal(size=(1554, 45)),
        "hands_mean": rng.normal(0, 0.3, 45),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


def write(path: Path, data: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    return path


@pytest.fixture
def fake_chumpy(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Something that pickles under chumpy's names, since chumpy itself no longer installs."""
    package, ch, reordering = (types.ModuleType(n) for n in ("chumpy", "chumpy.ch", "chumpy.reordering"))

    def make(module: types.ModuleType, name: str) -> None:
        kind = type(name, (), {"__module__": module.__name__, "__array__": lambda self: self.x})
        setattr(module, name, kind)

    make(ch, "Ch")
    make(ch, "ChLambda")
    make(reordering, "Select")
    make(reordering, "Reshape")
    for module in (package, ch, reordering):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    package.ch, package.reordering = ch, reordering  # type: ignore[attr-defined]
    yield package


def wrap(kind: type, **state: object) -> object:
    value = kind()
    # The leftovers that a real chumpy object carries.
    value.__dict__.update(state, _dirty_vars={"x"}, _itr=None, _depends_on_deps={})
    return value


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("with_shape", [True, False])
def test_agrees_with_smplx(tmp_path: Path, side: str, flat: bool, with_shape: bool) -> None:
    smplx = pytest.importorskip("smplx")
    torch = pytest.importorskip("torch")
    path = write(tmp_path / f"MANO_{side.upper()}.pkl", mano_data(side))
    rng = np.random.default_rng(3)
    count = 6
    betas = rng.normal(size=10) if with_shape else np.zeros(10)
    orient, pose = rng.normal(0, 1, (count, 3)), rng.normal(0, 0.5, (count, 45))
    moved = rng.normal(0, 0.3, (count, 3))
    model = smplx.MANO(
        str(path),
        is_rhand=side == "right",
        use_pca=False,
        flat_hand_mean=flat,
        batch_size=count,
        num_betas=10,
    )

    def tensor(values: np.ndarray) -> Any:
        return torch.tensor(values, dtype=torch.float32)

    with torch.no_grad():
        theirs = model(
            betas=tensor(np.tile(betas, (count, 1))),
            global_orient=tensor(orient),
            hand_pose=tensor(pose),
            transl=tensor(moved),
        )
    hand = import_mano(path, shape=betas)
    assert hand.side == side
    params = params_from_mano(hand, orient, pose, moved, flat_hand_mean=flat)
    vertices, joints = skin(hand, params), forward(hand, params).joints
    # 1e-5 m is what the product promises; both sides compute in float32.
    np.testing.assert_allclose(vertices, theirs.vertices.numpy(), atol=1e-5)
    np.testing.assert_allclose(joints[:, :16], theirs.joints[:, :16].numpy(), atol=1e-5)
    np.testing.assert_allclose(joints[:, 16:], theirs.vertices[:, list(MANO_TIPS)].numpy(), atol=1e-5)


def test_translation_is_the_wrist(tmp_path: Path) -> None:
    hand = import_mano(write(tmp_path / "MANO_RIGHT.pkl", mano_data("right")))
    params = params_from_mano(hand, [0.3, -1.0, 0.5], np.zeros(45), [0.1, 0.2, 0.3])
    np.testing.assert_allclose(params[6:9], np.array([0.1, 0.2, 0.3]) + hand.wrist_offset, atol=1e-7)
    np.testing.assert_allclose(forward(hand, params).joints[0], params[6:9], atol=1e-7)


@pytest.mark.parametrize("flat", [True, False])
def test_parameters_come_back(tmp_path: Path, flat: bool) -> None:
    hand = import_mano(write(tmp_path / "MANO_LEFT.pkl", mano_data("left")))
    rng = np.random.default_rng(0)
    orient, pose, moved = (
        rng.normal(0, 1, (5, 2, 3)),
        rng.normal(0, 0.5, (5, 2, 45)),
        rng.normal(size=(5, 2, 3)),
    )
    back = params_to_mano(hand, params_from_mano(hand, orient, pose, moved, flat), flat)
    # Rotation vectors of length over pi would come back shorter; these are not that long.
    np.testing.assert_allclose(back.hand_pose, pose, atol=2e-6)
    np.testing.assert_allclose(back.global_orient, orient, atol=2e-6)
    np.testing.assert_allclose(back.transl, moved, atol=1e-6)


def same(one: Any, other: Any) -> None:
    for name in ("vertices", "rest_joints", "rest_tips", "weights", "pose_dirs", "faces", "wrist_offset"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("form", ["csc", "csr", "coo", "dense"])
def test_every_protocol_and_matrix(tmp_path: Path, protocol: int, form: str) -> None:
    data = mano_data("right")
    plain = import_mano(write(tmp_path / "MANO_RIGHT.pkl", data))
    matrix = data["J_regressor"]
    data["J_regressor"] = (
        matrix.toarray() if form == "dense" else getattr(scipy.sparse, form + "_matrix")(matrix)
    )
    same(import_mano(write(tmp_path / "again_right.pkl", data, protocol)), plain)


def test_python_2_names(tmp_path: Path) -> None:
    """The official files were written by Python 2, whose scipy and builtins had other module names."""
    data = mano_data("right")
    raw = pickle.dumps(data, protocol=2)
    raw = raw.replace(b"scipy.sparse._csc\n", b"scipy.sparse.csc\n")
    raw = raw.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n")
    assert b"scipy.sparse.csc\n" in raw and b"numpy.core.multiarray\n" in raw
    (tmp_path / "MANO_RIGHT.pkl").write_bytes(raw)
    same(import_mano(tmp_path / "MANO_RIGHT.pkl"), import_mano(write(tmp_path / "b_RIGHT.pkl", data)))


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_chumpy_is_not_needed(tmp_path: Path, fake_chumpy: Any, protocol: int) -> None:
    data = mano_data("right")
    plain = import_mano(write(tmp_path / "plain_RIGHT.pkl", data), shape=[1.0, -1.0])
    everything = np.concatenate([data["shapedirs"], np.ones((778, 3, 5))], axis=-1)
    chosen = np.arange(everything.size).reshape(everything.shape)[..., :10].ravel()
    inner = wrap(fake_chumpy.ch.Ch, x=everything)
    data["shapedirs"] = wrap(
        fake_chumpy.reordering.Select, a=inner, idxs=chosen, preferred_shape=(778, 3, 10)
    )
    data["v_template"] = wrap(fake_chumpy.ch.Ch, x=data["v_template"])
    flat = wrap(fake_chumpy.ch.Ch, x=data["posedirs"].ravel())
    data["posedirs"] = wrap(fake_chumpy.reordering.Reshape, a=flat, newshape=(778, 3, 135))
    path = write(tmp_path / "MANO_RIGHT.pkl", data, protocol)
    for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
        del sys.modules[name]
    same(import_mano(path, shape=[1.0, -1.0]), plain)


def test_neither_scipy_nor_chumpy_is_needed(tmp_path: Path) -> None:
    path = write(tmp_path / "MANO_RIGHT.pkl", mano_data("right"))
    code = (
        "import sys; sys.modules['scipy'] = sys.modules['chumpy'] = sys.modules['torch'] = None\n"
        f"from clutch_rt.mano import import_mano; print(import_mano({str(path)!r}).side)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "right", run.stderr


class Call:
    """Pickles as a call of a function, the way a hostile file does it."""

    def __init__(self, function: Any, *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("function", "named"),
    [
        (os.system, "system"),
        (eval, "eval"),
        (exec, "exec"),
        (getattr, "getattr"),
        (__import__, "__import__"),
        (subprocess.Popen, "Popen"),
        (np.load, "load"),
        (open, "open"),
        (os.remove, "remove"),
        (types.SimpleNamespace, "SimpleNamespace"),
    ],
)
def test_a_file_that_runs_code_is_refused(tmp_path: Path, function: Any, named: str, protocol: int) -> None:
    marker = tmp_path / "ran"
    argument = (
        f"__import__('pathlib').Path({str(marker)!r}).touch()" if named in ("eval", "exec") else str(marker)
    )
    if named == "system":
        argument = f"touch {marker}"
    data = {**mano_data("right"), "extra": Call(function, argument)}
    with pytest.raises(UnsafeFileError, match=named):
        import_mano(write(tmp_path / "MANO_RIGHT.pkl", data, protocol))
    assert not marker.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"cchumpy.ch\nChLambda\n(tR.",
        b"c__builtin__\ngetattr\n(c__builtin__\nobject\nS'__subclasses__'\ntR.",
        # Building onto the class itself, to change what later loads do.
        b"cchumpy.ch\nCh\n(N(dS'resolve'\ncnumpy\nndarray\nstb.",
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nset\nc__builtin__\nobject\nNtR.",
    ],
)
def test_handwritten_attacks(raw: bytes) -> None:
    with pytest.raises((UnsafeFileError, FileFormatError)):
        load_arrays(raw, ["x"])
    data = {"x": np.arange(3.0)}
    np.testing.assert_array_equal(load_arrays(pickle.dumps(data), ["x"])["x"], data["x"])


_words = st.text(st.characters(min_codepoint=46, max_codepoint=122, exclude_characters="\n\\"), min_size=1)


@given(module=_words, name=_words)
def test_any_other_name_is_refused(module: str, name: str) -> None:
    with pytest.raises(UnsafeFileError):
        load_arrays(f"c{module}\n{name}\n.".encode(), [])


@given(raw=st.binary(max_size=200))
def test_noise_is_refused_politely(raw: bytes) -> None:
    with contextlib.suppress(FileFormatError, UnsafeFileError):
        load_arrays(raw, ["x"])


_SMALL = pickle.dumps(
    {"x": np.arange(6.0).reshape(2, 3), "y": scipy.sparse.csc_matrix(np.eye(3))}, protocol=2
)


@given(place=st.integers(0, len(_SMALL) - 1), byte=st.integers(0, 255))
def test_a_flipped_byte_is_refused_politely_or_harmless(place: int, byte: int) -> None:
    raw = _SMALL[:place] + bytes([byte]) + _SMALL[place + 1 :]
    with contextlib.suppress(FileFormatError, UnsafeFileError):
        load_arrays(raw, ["x", "y"])


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\x80\x02}r\xff\xff\xff\x7f.", id="memo"),
        pytest.param(b"}p2147483647\n.", id="memo in text"),
        pytest.param(b"\x80\x04\x95\xff\xff\xff\xff\xff\x00\x00\x00}.", id="frame"),
    ],
)
def test_a_small_file_cannot_ask_for_gigabytes(raw: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UnsafeFileError, match="asks for room"):
            load_arrays(raw, ["x"])
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("head", "call", "tail"),
    [
        pytest.param(b"(" + b"K\x01" * 500 + b"tq\x01", b"c__builtin__\nset\nh\x01\x85R", b"", id="sets"),
        pytest.param(
            b"X\xff\x03\x00\x00" + b"a" * 1023 + b"X\x06\x00\x00\x00latin1\x86q\x01",
            b"c_codecs\nencode\nh\x01R",
            b"",
            id="bytes",
        ),
    ],
)
def test_copies_of_one_thing_cost_nothing(head: bytes, call: bytes, tail: bytes) -> None:
    """Each call costs a few bytes of file; a copy each would make the whole square."""
    raw = b"\x80\x02" + head + b"0}X\x01\x00\x00\x00x](" + call * 2000 + tail + b"es."
    tracemalloc.start()
    try:
        load_arrays(raw, [])
        assert tracemalloc.get_traced_memory()[1] < 30 * len(raw)
    finally:
        tracemalloc.stop()


def test_pointers_that_wrap_around_are_refused() -> None:
    matrix = scipy.sparse.csr_matrix((4, 4))
    matrix.indptr = np.array([0, 2**62, -(2**63), -(2**62), 0])
    with pytest.raises(FileFormatError, match="pointers do not fit"):
        load_arrays(pickle.dumps({"x": matrix}, protocol=2), ["x"])


def test_raw_bytes_as_python_2_wrote_them_in_text() -> None:
    raw = np.array([1.5, -2.0]).tobytes().decode("latin1")
    spelt = "".join(c if 31 < ord(c) < 127 or ord(c) > 160 else f"\\x{ord(c):02x}" for c in raw)
    text = (
        "(dS'x'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\nt"
        f"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'{spelt}'\ntbs."
    )
    found = load_arrays(text.encode("latin1"), ["x"])
    np.testing.assert_array_equal(found["x"], [1.5, -2.0])


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    raw = pickle.dumps(mano_data("right"), protocol=2)
    for fraction in (0.0, 0.01, 0.5, 0.999):
        path = tmp_path / "MANO_RIGHT.pkl"
        path.write_bytes(raw[: int(len(raw) * fraction)])
        with pytest.raises(FileFormatError, match="MANO_RIGHT"):
            import_mano(path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("v_template", None, "no v_template"),
        ("v_template", np.zeros((6890, 3)), "6890"),
        ("weights", np.full((778, 16), np.nan), "not finite"),
        ("posedirs", "hello", "posedirs"),
        ("f", np.full((10, 3), 900), "outside"),
        ("kintree_table", np.zeros((2, 16)), "hang together"),
        ("hands_mean", np.array(["a"] * 45, object), "numbers"),
    ],
)
def test_not_a_mano_hand(tmp_path: Path, key: str, value: Any, said: str) -> None:
    data = mano_data("right")
    data[key] = value
    if value is None:
        del data[key]
    with pytest.raises(FileFormatError, match=said):
        import_mano(write(tmp_path / "MANO_RIGHT.pkl", data))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no file at"):
        import_mano(tmp_path / "MANO_RIGHT.pkl")


def test_side_is_seen_and_contradiction_is_said(tmp_path: Path) -> None:
    assert import_mano(write(tmp_path / "some.pkl", mano_data("left"))).side == "left"
    path = write(tmp_path / "MANO_RIGHT.pkl", mano_data("left"))
    with pytest.raises(FileFormatError, match="side="):
        import_mano(path)
    assert import_mano(path, side="left").side == "left"


def test_left_shape_sign(tmp_path: Path) -> None:
    left, right = mano_data("left"), mano_data("right")
    left["shapedirs"] = right["shapedirs"]
    path, betas = write(tmp_path / "MANO_LEFT.pkl", left), np.arange(10) / 5
    with pytest.raises(InputError, match="beside it"):
        import_mano(path, betas, left_shape="auto")
    write(tmp_path / "MANO_RIGHT.pkl", right)
    flipped = import_mano(path, betas, left_shape="flip")
    same(import_mano(path, betas, left_shape="auto"), flipped)
    assert np.abs(import_mano(path, betas).vertices - flipped.vertices).max() > 1e-3
    left["shapedirs"] = right["shapedirs"] * np.array([-1.0, 1.0, 1.0])[:, None]
    write(path, left)
    same(import_mano(path, betas, left_shape="auto"), import_mano(path, betas))
    with pytest.raises(InputError, match="shape must be"):
        import_mano(path, np.zeros(11))


def test_the_shape_of_a_hand_goes_where_the_hand_goes(tmp_path: Path) -> None:
    pair = []
    for side, betas in (("left", None), ("right", [0.5, -1.0])):
        hand = import_mano(write(tmp_path / f"{side}.pkl", mano_data(side)), betas)
        save_hand(hand, tmp_path / f"{side}.npz")
        pair.append(load_hand(tmp_path / f"{side}.npz"))
    assert pair[0].betas is None
    frames = np.tile([1.0, 0, 0, 0, 1, 0, 0, 0, 0, *[1.0, 0, 0, 0, 1, 0] * 15], (1, 2, 1))
    found = Motion(frames.astype(np.float32), hands=(pair[0], pair[1])).to_mano()["betas"]
    np.testing.assert_array_equal(found, np.float32([[0] * 10, [0.5, -1, *[0] * 8]]))


def test_a_hand_survives_a_file(tmp_path: Path) -> None:
    for hand in (import_mano(write(tmp_path / "MANO_LEFT.pkl", mano_data("left"))), neutral_hand("right")):
        save_hand(hand, tmp_path / "hand.npz")
        back = load_hand(tmp_path / "hand.npz")
        params = np.random.default_rng(0).normal(size=(4, 99)).astype(np.float32)
        np.testing.assert_array_equal(skin(back, params), skin(hand, params))
        np.testing.assert_array_equal(forward(back, params).joints, forward(hand, params).joints)
        assert (back.side, back.name, back.licence) == (hand.side, hand.name, hand.licence)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["MANO_LEFT.pkl", "hand.npz"]


def test_a_pair_survives_a_file(tmp_path: Path) -> None:
    pair = neutral_hand("left"), neutral_hand("right")
    save_hands(pair, tmp_path / "skeleton.npz")
    for one, other in zip(load_hands(tmp_path / "skeleton.npz"), pair, strict=True):
        np.testing.assert_array_equal(one.vertices, other.vertices)
        assert one.side == other.side
    with pytest.raises(InputError, match="left, then right"):
        save_hands((pair[1], pair[0]), tmp_path / "skeleton.npz")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rest_joints": None}, "no rest_joints"),
        ({"rest_joints": np.zeros((3, 3), np.float32)}, "rest_joints"),
        ({"vertices": np.full((1159, 3), np.nan, np.float32)}, "not finite"),
        ({"weights": np.ones((1159, 16), np.float32)}, "sum to 1"),
        ({"faces": np.full((4, 3), 5000)}, "outside"),
        ({"faces": np.zeros((4, 4), int)}, "faces"),
        ({"side": np.array("up")}, "side"),
        ({"parents": np.zeros(16, int)}, "order"),
        ({"format": np.array(2)}, "upgrade"),
        ({"format": None}, "not a hand file"),
        ({"wrist_offset": np.full(3, 1e300)}, "not finite"),
        ({"name": np.array([0x7FFFFFFF], np.uint32).view("<U1").reshape(())}, "no character"),
        ({"vertices": np.array([os.path], object)}, "damaged"),
    ],
)
def test_a_bad_hand_file_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "hand.npz"
    save_hand(neutral_hand("right"), path)
    with np.load(path) as stored:
        arrays = {**{name: stored[name] for name in stored.files}, **change}
    if "vertices" in change and change["vertices"].dtype == object:
        arrays["vertices"] = np.array([{"a": 1}], object)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(FileFormatError, match=said):
        load_hand(path)


def test_damaged_hand_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hand.npz"
    save_hand(neutral_hand("right"), path)
    raw = path.read_bytes()
    for broken in (b"", b"hello", raw[: len(raw) // 2], raw[:2000] + b"\0" * 500 + raw[2500:]):
        path.write_bytes(broken)
        with pytest.raises(FileFormatError, match=r"hand\.npz"):
            load_hand(path)
    with pytest.raises(FileFormatError, match="no hand file"):
        load_hand(tmp_path / "none.npz")


def test_an_encrypted_hand_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hand.npz"
    save_hand(neutral_hand("right"), path)
    raw = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.find(signature) + flags] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(FileFormatError, match=r"hand\.npz.*encrypted"):
        load_hand(path)


@pytest.mark.parametrize("place", range(40, 1000, 60))
def test_a_flipped_byte_in_a_hand_file_is_refused_or_harmless(tmp_path: Path, place: int) -> None:
    path = tmp_path / "hand.npz"
    save_hand(neutral_hand("right"), path)
    raw = bytearray(path.read_bytes())
    raw[place] ^= 0xFF
    path.write_bytes(bytes(raw))
    with contextlib.suppress(FileFormatError):
        load_hand(path)


def test_a_member_that_is_no_array_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "hand.npz"
    save_hand(neutral_hand("right"), path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme.txt", "hello")
    assert load_hand(path).side == "right"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format", "1")
    with pytest.raises(FileFormatError, match="no format number"):
        load_hand(path)


def test_saving_never_leaves_a_part(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="npz"):
        save_hand(neutral_hand("right"), tmp_path / "hand.pkl")
    with pytest.raises(FileFormatError, match="cannot write"):
        save_hand(neutral_hand("right"), tmp_path / "missing" / "hand.npz")
    assert list(tmp_path.iterdir()) == []


def test_the_command_needs_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mano").mkdir()
    write(tmp_path / "mano" / "MANO_RIGHT.pkl", mano_data("right"))
    done = CliRunner().invoke(command_line, ["hand", "import", "mano/MANO_RIGHT.pkl"])
    assert done.exit_code == 0, done.output
    assert done.stdout == "MANO_RIGHT.npz: the right hand of mano/MANO_RIGHT.pkl, 778 vertices\n"
    assert load_hand(tmp_path / "MANO_RIGHT.npz").side == "right"
