"""The card of a bundle: its own figures, the command that is exactly the run's, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import InputError
from clutch_rt.machine import this_machine
from hypothesis import given
from hypothesis import strategies as st

from export.card import main
from export.figure_table import figure_table, shortcomings
from export.onnx import export_bundle
from export.training import overrides, train_command, training_of
from tests.tiny_bundle import METRICS, tiny_bundle, tiny_run, write_metrics
from train.command import MISTAKE
from train.config import apply, what_is_learnt
from train.evaluate.judged import files_of_bundle, files_of_run
from train.presets import PRESETS, preset


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run and, as ``bundle`` beside it, the int8 bundle that was exported from it; not judged yet."""
    shutil.copytree(tiny_bundle("step", "int8"), tmp_path / "bundle")
    return Path(shutil.copytree(tiny_run("step"), tmp_path / "run"))


def judge(run: Path, **values: float) -> None:
    """What ``train.evaluate run=RUN bundle=BUNDLE`` leaves."""
    files = files_of_bundle(run.parent / "bundle")
    write_metrics(run / "evaluate" / "bundle-bundle" / "metrics.json", files, **values)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_the_bundles_own_figures_stand_first_beside_those_of_pytorch(run: Path) -> None:
    bundle = run.parent / "bundle"
    before = contents(bundle)
    judge(run, verb=0.5, kid=-0.0001)
    assert main([str(run), str(bundle)]) == 0
    after = contents(bundle)
    assert {n for n in after if after[n] != before.get(n)} == {"README.md", "manifest.json"}
    metrics = open_bundle(bundle).manifest.metrics  # verifies the hashes too
    assert list(metrics)[: len(METRICS)] == list(METRICS)
    assert metrics["generated.verb"]["value"] == 0.5 and metrics["pytorch.generated.verb"]["value"] == 0.96
    card = after["README.md"].decode()
    assert "|  | the clips' own motions | this bundle | PyTorch model |" in card
    assert "| verb as asked | 1.00 [1.00, 1.00] | 0.50 [0.50, 0.50] | 0.96 [0.93, 0.98] |" in card
    assert "| KID |  | 0.000 [0.000, 0.000] |  |" in card
    assert "not judged" not in card and "among the first k\nof 32" in card
    assert sorted(p.name for p in run.parent.iterdir()) == ["bundle", "run"]
    assert main([str(run), str(bundle)]) == 0
    assert contents(bundle) == after


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("nothing", "was not judged; run `python -m train.evaluate run="),
        ("other weights", "of other weights: weights.bin differ"),
        ("old", "does not say which weights"),
        ("old pytorch", "of other weights: lm/model.safetensors differ"),
        ("other sampling", "of temperature 0.9 and top-k 5, the bundle draws with 0.9 and 16"),
        ("other clips", "under other settings of the evaluation (clips)"),
        ("other run", "was not written from the weights of"),
    ],
)
def test_figures_of_something_else_are_refused_and_the_bundle_stays(
    run: Path, fault: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, own = run.parent / "bundle", run / "evaluate" / "bundle-bundle" / "metrics.json"
    if fault != "nothing":
        judge(run)
    if fault == "other weights":
        write_metrics(own, {**files_of_bundle(bundle), "weights.bin": "0" * 64})
    if fault == "old":
        own.write_text(json.dumps(METRICS))
    if fault == "old pytorch":
        files = {**files_of_run(run), "lm/model.safetensors": "0" * 64}
        write_metrics(run / "evaluate" / "metrics.json", files)
    if fault == "other sampling":
        own.write_text(own.read_text().replace('"top_k": 16', '"top_k": 5'))
    if fault == "other clips":
        own.write_text(own.read_text().replace('"clips": 32', '"clips": 31'))
    if fault == "other run":
        with (run / "lm" / "model.safetensors").open("ab") as file:
            file.write(b"\0")
    before = contents(bundle)
    assert main([str(run), str(bundle)]) == MISTAKE
    message = capsys.readouterr().err
    assert wanted in message and "Traceback" not in message
    assert contents(bundle) == before


def test_the_card_says_how_it_was_judged(run: Path) -> None:
    bundle = run.parent / "bundle"
    judge(run)
    for folder in ("evaluate", "evaluate/bundle-bundle"):
        path = run / folder / "metrics.json"
        path.write_text(path.read_text().replace('"clips": 32', '"clips": 31'))
    assert main([str(run), str(bundle)]) == 0
    name = json.loads((bundle / "manifest.json").read_text())["name"]
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert f"python -m train.evaluate run=runs/run bundle={name} evaluate.clips=31\n" in card


def precisions(run: Path, **changed: Any) -> Path:
    """What ``export.precisions`` leaves of this run."""
    row = {
        "bytes": 22_700_000,
        "figures": {"generated.verb": METRICS["generated.verb"]},
        "parity": {"token_agreement": 0.875, "generated_mm": 4.66},
        "times_real_time": {"median": 607.2, "least": 590.0, "most": 620.0},
    }
    record = {
        "made_from": files_of_run(run),
        "machine": asdict(this_machine()),
        "versions": {"numpy": "2.4.6"},
        "seconds": 8.0,
        "rounds": 9,
        "rows": {"int8": row},
    }
    path = run.parent / "precisions.json"
    path.write_text(json.dumps({**record, **changed}))
    return path


def test_the_card_has_the_table_of_precisions_and_keeps_it(run: Path) -> None:
    bundle = run.parent / "bundle"
    judge(run)
    assert main([str(run), str(bundle), "--precisions", str(precisions(run))]) == 0
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert "## In other precisions" in card
    assert "motions of 8.0 s, median of 9 rounds" in " ".join(card.split())
    assert "| int8 | 22.7 | 0.96 [0.93, 0.98] |" in card and "| 0.875 | 4.66 | 607 |" in card
    assert "python -m export.precisions runs/run -o precisions.md --work runs/precisions\n" in card
    assert main([str(run), str(bundle)]) == 0
    assert (bundle / "README.md").read_text(encoding="utf-8") == card


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"made_from": {"lm/model.safetensors": "0" * 64}}, "is of other weights than those of"),
        ({"rows": {}}, "is no record of precisions"),
        ({"rows": {"int8": {}}}, "is no record of precisions (KeyError('figures'))"),
        ({"machine": {}}, "is no record of precisions"),
    ],
)
def test_a_table_of_something_else_is_refused(
    run: Path, changed: dict[str, Any], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(run)
    before = contents(run.parent / "bundle")
    table = precisions(run, **changed)
    assert main([str(run), str(run.parent / "bundle"), "--precisions", str(table)]) == MISTAKE
    message = capsys.readouterr().err
    assert wanted in message and "run `python -m export.precisions" in message
    table.unlink()
    assert main([str(run), str(run.parent / "bundle"), "--precisions", str(table)]) == MISTAKE
    assert "there is no" in capsys.readouterr().err
    assert contents(run.parent / "bundle") == before


def test_an_export_leaves_out_figures_of_other_weights(run: Path) -> None:
    write_metrics(run / "evaluate" / "metrics.json", {"lm/model.safetensors": "0" * 64})
    lines: list[str] = []
    export_bundle(run, run.parent / "new", "int8", log=lines.append)
    assert open_bundle(run.parent / "new").manifest.metrics == {}
    assert any("other weights" in line for line in lines)


def test_the_card_names_every_setting_that_is_not_the_presets() -> None:
    card = (tiny_bundle("step", "int8") / "README.md").read_text(encoding="utf-8")
    run = tiny_run("step").name
    settings = "seed=11 lm.max_prompt=96 evaluate.temperature=0.9 evaluate.top_k=16"
    assert f"python -m train.all preset=smoke run=runs/{run} {settings}\n" in card


@given(
    name=st.sampled_from(sorted(PRESETS)),
    steps=st.integers(1, 10**6),
    rate=st.floats(1e-7, 1.0),
    verbs=st.lists(st.sampled_from(["wave", "stir", "clap"]), max_size=2, unique=True),
    init=st.sampled_from(["", "google/flan-t5-small", "my models/t5"]),
)
def test_the_settings_told_make_the_same_run(
    name: str, steps: int, rate: float, verbs: list[str], init: str
) -> None:
    given_ = [f"lm.steps={steps}", f"lm.learning_rate={rate!r}", f"lm.init={init}", "machine.threads=7"]
    config = apply(preset(name), [*given_, f"corpus.verbs={','.join(verbs)}"])
    told = training_of(json.loads(json.dumps(asdict(config)))).settings
    assert what_is_learnt(apply(preset(name), told)) == what_is_learnt(config)
    assert not any(setting.startswith("machine.") for setting in told)


def test_a_run_of_a_preset_alone_needs_no_settings() -> None:
    for name in PRESETS:
        assert overrides(preset(name)) == ()
    assert train_command("paper", "runs/my run", ("lm.init=",)) == (
        "python -m train.all preset=paper 'run=runs/my run' lm.init="
    )
    with pytest.raises(InputError, match=r"unknown setting lm\.stepps"):
        training_of({"lm": {"stepps": 3}})


def test_shortcomings_are_read_off_the_figures() -> None:
    def share(value: float, spread: float = 0.05) -> dict[str, object]:
        return {"value": value, "interval": [value - spread, value + spread], "count": 48}

    metrics = {
        "truth.speed": share(0.96),
        "generated.speed": share(0.6),
        "shuffled.speed": share(0.34),
        "truth.count": share(0.99),
        "generated.count": share(0.2),
        "generated.count_off": share(2.1),
        "shuffled.count": share(0.21),
        "shift.count": share(0.7),
    }
    speed, count = shortcomings(metrics)
    assert "60% get the speed they say (96% in the clips' own motions, 34% by chance)." in speed
    assert "chance." not in speed.removesuffix("by chance).")
    assert "20% get the count they say, off by 2.1 on average (99%" in count
    assert "70% after SHIFT alone" in count and count.endswith("not clearly better than chance.")
    assert shortcomings({}) == []
    assert "PyTorch" not in figure_table(metrics)
