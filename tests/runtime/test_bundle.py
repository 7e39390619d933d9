"""A bundle that is not whole, not ours, or not safe is refused with a reason; a good one is trusted once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clutch_rt import bundle as bundles
from clutch_rt.bundle import find_bundle, open_bundle
from clutch_rt.errors import BundleError
from clutch_rt.manifest import read_manifest


@pytest.fixture
def copy(toy: Path, tmp_path: Path) -> Path:
    """A bundle the test may spoil."""
    return Path(shutil.copytree(toy, tmp_path / "bundle"))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed since the test began."""
    names: list[str] = []
    real = bundles.sha256_of

    def spy(path: Path) -> str:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(bundles, "sha256_of", spy)
    return names


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def test_a_good_bundle_opens(toy: Path) -> None:
    bundle = open_bundle(toy)
    assert bundle.manifest.name == "toy"
    assert bundle.manifest.grammar.max_steps == bundle.manifest.limits.max_steps
    assert bundle.size == sum(p.stat().st_size for p in toy.iterdir() if p.name != "manifest.json")


def test_missing_folder_names_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no such folder \(.*bundle.*\); check the path"):
        open_bundle(tmp_path / "nowhere")


def test_a_file_is_no_bundle(toy: Path) -> None:
    with pytest.raises(BundleError, match="is a file; a bundle is a folder"):
        open_bundle(toy / "README.md")


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no manifest\.json, so it is not a bundle"):
        open_bundle(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[1, 2]", "null", "\xff\xfe", "[" * 100_000, '{"fps": 30}', f'{{"a": {"9" * 5000}}}']
)
def test_a_manifest_that_is_none(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BundleError, match=r"manifest\.json"):
        open_bundle(copy)


def test_a_newer_format_says_to_upgrade(copy: Path) -> None:
    _edit(copy, lambda m: m.update(format=2, grammar="of the future"))
    with pytest.raises(
        BundleError, match=r"format 2; this clutch-rt reads format 1; run `pip install --upgrade"
    ):
        open_bundle(copy)


@pytest.mark.parametrize(
    "key",
    [
        "form",
        "precision",
        "fps",
        "slots",
        "grammar",
        "noise",
        "sampling",
        "limits",
        "text",
        "graphs",
        "files",
    ],
)
def test_a_missing_key_is_named(copy: Path, key: str) -> None:
    _edit(copy, lambda m: m.pop(key))
    with pytest.raises(BundleError, match=f"lacks '{key}'"):
        open_bundle(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(fps=60), "fps is 60"),
        (lambda m: m.update(frames_per_step=4), "frames_per_step is 4"),
        (lambda m: m.update(noise="mersenne"), "noise is 'mersenne'"),
        (lambda m: m.update(slots=["left"]), "slots are"),
        (lambda m: m.update(form="spiral"), "form is 'spiral'"),
        (lambda m: m["grammar"].update(form="flat"), "the grammar's is 'flat'"),
        (
            lambda m: m["grammar"].update(pose_codes="many"),
            "'grammar.pose_codes' is 'many'; a whole number was wanted",
        ),
        (lambda m: m["grammar"].update(pose_codes=0), "'grammar.pose_codes' is 0; at least 1"),
        (lambda m: m["text"].update(eos=10**30), "; at most 9007199254740992 was wanted"),
        (lambda m: m["limits"].update(max_steps=10_000), "over the grammar's"),
        (lambda m: m["sampling"].update(temperature=-1), "temperature is -1"),
        (lambda m: m["sampling"].update(temperature=10**400), "; numbers below 2e+308 were wanted"),
        (lambda m: m.update(metrics={"loss": 10**400}), "; numbers below 2e+308 were wanted"),
        (lambda m: m.update(metrics=json.loads("[" * 200 + "]" * 200)), "nests over 32 levels"),
        (lambda m: m["text"].update(text_to_motion="\ud800 {text}"), "'\\ud800 {text}', half a character"),
        (lambda m: m.update(name="\udc80"), "half a character"),
        (lambda m: m.update({"\udc80": 1}), "half a character"),
        (lambda m: m["sampling"].update(top_k=True), "'sampling.top_k' is True"),
        (lambda m: m["text"].update(text_to_motion="no place"), "must hold {text}"),
        (lambda m: m["text"].update(words="elsewhere.txt"), "not among its files"),
        (lambda m: m["graphs"].update(motion_step="other.onnx"), "not among its files"),
        (lambda m: m["files"].pop("tokenizer.model"), "lists no 'tokenizer.model'"),
        (lambda m: m["files"].update({"../../etc/passwd": {}}), "leads outside the bundle"),
        (lambda m: m["files"].update({"C:evil": {}}), "leads outside the bundle"),
    ],
)
def test_a_manifest_with_a_wrong_value(
    copy: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    _edit(copy, change)
    with pytest.raises(BundleError) as caught:
        open_bundle(copy)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_keys_are_let_pass(copy: Path) -> None:
    _edit(copy, lambda m: m.update(colour="blue"))
    assert read_manifest(copy).raw["colour"] == "blue"


def test_truncated(copy: Path) -> None:
    file = copy / "motion_step.onnx"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(
        BundleError, match=r"motion_step\.onnx has \d+ bytes, its manifest says \d+: it is truncated"
    ):
        open_bundle(copy)


def test_grown(copy: Path) -> None:
    with (copy / "motion_step.onnx").open("ab") as file:
        file.write(b"more")
    with pytest.raises(BundleError, match="not the file that was exported"):
        open_bundle(copy)


def test_tampered_with(copy: Path) -> None:
    file = copy / "motion_step.onnx"
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match=r"was changed after export: its SHA-256 is"):
        open_bundle(copy)


def test_tampered_with_after_it_was_trusted(copy: Path) -> None:
    open_bundle(copy)
    test_tampered_with(copy)


def test_a_missing_file(copy: Path) -> None:
    (copy / "skeleton.npz").unlink()
    with pytest.raises(BundleError, match=r"skeleton\.npz is missing from the bundle"):
        open_bundle(copy)


def test_hashes_are_verified_once(copy: Path, hashed: list[str]) -> None:
    open_bundle(copy)
    assert "motion_step.onnx" in hashed
    hashed.clear()
    open_bundle(copy)
    assert hashed == []


def test_a_touched_file_is_verified_again(copy: Path, hashed: list[str]) -> None:
    open_bundle(copy)
    hashed.clear()
    file = copy / "motion_step.onnx"
    file.write_bytes(file.read_bytes())
    open_bundle(copy)
    assert hashed == ["motion_step.onnx"]


def test_a_moved_bundle_is_verified_again(copy: Path, hashed: list[str]) -> None:
    open_bundle(copy)
    hashed.clear()
    open_bundle(copy.rename(copy.with_name("moved")))
    assert hashed


@pytest.mark.parametrize("spoil", ["file in the way", "rubbish"])
def test_a_cache_that_cannot_be_used_costs_only_time(
    copy: Path, hashed: list[str], private_cache: Path, spoil: str
) -> None:
    if spoil == "rubbish":
        open_bundle(copy)
        for file in (private_cache / "verified").iterdir():
            file.write_text("rubbish")
    else:
        (private_cache / "verified").write_text("a file where a folder should be")
    hashed.clear()
    assert open_bundle(copy).manifest.name == "toy"
    assert hashed


def test_no_home_no_cache(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("CLUTCH_RT_CACHE")
    monkeypatch.setattr(Path, "home", homeless)
    assert bundles.cache_dir() is None
    assert open_bundle(copy).manifest.name == "toy"


def test_where_a_bundle_is_looked_for(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "BUNDLES", tmp_path)
    with pytest.raises(BundleError, match="this installation holds no bundle"):
        find_bundle()
    shutil.copytree(toy, tmp_path / "one")
    assert find_bundle() == tmp_path / "one"
    assert find_bundle("one") == tmp_path / "one"
    shutil.copytree(toy, tmp_path / "two")
    with pytest.raises(BundleError, match=r"several bundles are shipped \(one, two\)"):
        find_bundle()
    shutil.copytree(toy, tmp_path / "default")
    assert find_bundle() == tmp_path / "default"
    monkeypatch.setenv("CLUTCH_RT_BUNDLE", str(toy))
    assert find_bundle() == toy
