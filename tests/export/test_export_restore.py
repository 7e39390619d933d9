"""A bundle back into a run folder: its weights, its settings, what later commands find, refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import InputError

from export.bundle_run import run_of_bundle
from export.onnx import export_bundle
from export.restore import MADE, main, restore_run
from tests.tiny_bundle import tiny_bundle, tiny_run
from train.run import RunFolder


def changed_manifest(bundle: Path, **values: object) -> None:
    path = bundle / "manifest.json"
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in (raw | values).items() if v is not None}))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle("step", "fp32"), tmp_path / "bundle"))


def test_an_export_of_the_restored_run_gives_the_same_hands(tmp_path: Path) -> None:
    """What a bundle rounded rounds to itself, so weights do not wear on the way back and forth."""
    first = open_bundle(tiny_bundle("step", "int8"))
    restore_run(first.path, tmp_path / "run", log=lambda line: None)
    assert (tmp_path / "run" / "tokenizer.model").read_bytes() == first.file("tokenizer.model").read_bytes()
    export_bundle(tmp_path / "run", tmp_path / "again", "int8")
    one, two = run_of_bundle(first), run_of_bundle(open_bundle(tmp_path / "again"))
    for name, value in one.model.state_dict().items():
        torch.testing.assert_close(two.model.state_dict()[name], value, rtol=1e-5, atol=1e-7, msg=name)
    for name, value in one.shift.state_dict().items():
        if value.numel():  # sums of taps are kept in 16 bits, of which 11 are the number's
            atol = 2.0**-10 * float(value.abs().max())
            torch.testing.assert_close(two.shift.state_dict()[name], value, rtol=0.0, atol=atol, msg=name)


def test_the_run_goes_on_under_the_settings_it_was_trained_with(tmp_path: Path) -> None:
    folder = restore_run(tiny_bundle("step", "fp32"), tmp_path / "run", ["evaluate.clips=7"], lambda _: None)
    kept, wanted = RunFolder.read_config(folder.path), RunFolder.read_config(tiny_run("step"))
    assert (kept.seed, kept.lm, kept.corpus) == (11, wanted.lm, wanted.corpus)
    assert kept.evaluate.top_k == 16 and kept.evaluate.clips == 7
    assert [stage for stage in ("corpus", "tokens", *MADE) if folder.is_done(stage)] == list(MADE)


def test_a_folder_with_models_keeps_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Path(shutil.copytree(tiny_run("step"), tmp_path / "run"))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert main([str(tiny_bundle("step", "fp32")), str(run)]) == 2
    assert "has shift, tokenizer.model, lm already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"preset": None}, "does not say how it was trained"),
        ({"preset": "huge"}, "does not say how it was trained"),
        ({"preset": ["smoke"]}, "does not say how it was trained"),
        ({"settings": [3]}, "does not say how it was trained"),
        ({"settings": ["lm.sice=tiny"]}, "does not know: .*lm.sice"),
    ],
)
def test_a_bundle_without_its_settings_is_named(
    bundle: Path, tmp_path: Path, values: dict[str, object], said: str
) -> None:
    changed_manifest(bundle, **values)
    with pytest.raises(InputError, match=said):
        restore_run(bundle, tmp_path / "run", log=lambda line: None)
    assert not (tmp_path / "run").exists()


def test_what_words_are_read_as_comes_back(tmp_path: Path) -> None:
    restore_run("tiny", tmp_path / "run", log=lambda line: None)
    for name in ("tokenizer.model", "words.txt", "synonyms.txt"):
        assert (tmp_path / "run" / name).read_bytes() == open_bundle("tiny").file(name).read_bytes()


def test_other_networks_cannot_be_asked_for(tmp_path: Path) -> None:
    for setting in ("shift.model.levels=2", "lm.size=base", "tokenizer.vocab=900"):
        with pytest.raises(InputError, match="are as they are"):
            restore_run("tiny", tmp_path / "run", [setting], lambda line: None)
    assert not (tmp_path / "run").exists()


def test_a_form_that_cannot_be_read_back_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="flat"):
        restore_run(tiny_bundle("flat", "fp32"), tmp_path / "run", log=lambda line: None)
    assert not (tmp_path / "run").exists()
