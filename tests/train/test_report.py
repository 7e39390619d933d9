"""The report of a run: its numbers are the run's, what comes from data is escaped, and gaps are told."""

from __future__ import annotations

import base64
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from clutch_rt.layout import SLOTS
from clutch_rt.motion import Motion

from models.shift import Shift
from models.shift_config import ShiftConfig
from train import all as pipeline
from train.config import MachineConfig
from train.corpus import draw_clip
from train.evaluate.features import joints_of
from train.presets import preset
from train.pretrain import Materials, build_grammar, build_model, save_stage
from train.report import REPORT_FILE, after_stage, write_report
from train.report.__main__ import main
from train.report.charts import POINTS
from train.report.page import LEARNING, STAGES, render
from train.report.player import BONES, LONGEST, UNIT
from train.report.previews import COLUMNS, SENTENCES, choose, make_previews
from train.run import RunFolder
from train.store import write_shard
from train.tokens import schema

EVIL = 'wave </script><img src=x onerror=alert(1)> & "clap" <b>\''
VOID = {"meta", "link", "input", "img", "br", "hr"}


@dataclass
class Node:
    """An element as a browser finds it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str = "", **wanted: str) -> list[Node]:
        """Elements below, by tag and attributes."""
        found = [] if tag and self.tag != tag else [self]
        found = [n for n in found if all(n.attributes.get(k.rstrip("_")) == v for k, v in wanted.items())]
        return [*found, *(n for child in self.children for n in child.all(tag, **wanted))]

    def said(self) -> str:
        """Its text and that of what is in it."""
        return self.text + " ".join(child.said() for child in self.children)


class Page(HTMLParser):
    """Parses a page and demands that every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], "elements are left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {k: v or "" for k, v in attrs})
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].text += data


def parse(text: str) -> Node:
    return Page(text).root


def open_run(path: Path, **machine: Any) -> RunFolder:
    quiet = MachineConfig(progress=False, tensorboard=False, **machine)
    return RunFolder.open(path, replace(preset("smoke"), machine=quiet))


def section(page: Node, key: str) -> Node:
    (found,) = page.all("section", id=key)
    return found


def rows(page: Node, key: str) -> dict[str, list[str]]:
    (table,) = page.all("table", id=key)
    return {row.children[0].said(): [c.said() for c in row.children[1:]] for row in table.all("tr")}


def series(page: Node, stage: str, name: str, kind: str) -> tuple[list[int], list[float], Node]:
    """Steps, values and the drawn line of a curve."""
    for figure in section(page, f"curves-{stage}").all("figure"):
        if figure.all("strong")[0].said() == name:
            (group,) = figure.all("g", **{"data-name": kind})
            values = [float(v) for v in group.attributes["data-values"].split()]
            return [int(s) for s in group.attributes["data-steps"].split()], values, group
    raise AssertionError(f"no curve {name} of {stage}")


def test_curves_are_those_of_metrics_jsonl(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    values = [5.0 / (step + 1) + 0.1 for step in range(30)]
    for step, value in enumerate(values):
        run.log("pretrain", 20 * step, {"loss": value, "motion": value / 3, "rate": 1e-3})
    for step in (200, 400):
        run.log("pretrain", step, {"val_motion": 2.0 - step / 1000, "val_text_gain": step / 1000})
    page = parse(render(run))
    steps, found, line = series(page, "pretrain", "loss", "train")
    assert steps == [20 * i for i in range(30)] and found == pytest.approx(values, rel=1e-5)
    places = [tuple(map(float, p.split(","))) for p in line.all("polyline")[0].attributes["points"].split()]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted(y for _, y in places), "what falls is drawn falling"
    assert series(page, "pretrain", "motion", "held out")[:2] == ([200, 400], pytest.approx([1.8, 1.6]))
    assert rows(page, "held")["text gain"][0] == "0.4"
    folded = [d for d in section(page, "curves-pretrain").all("details") if "More curves" in d.said()]
    assert "rate" in folded[0].said() and "motion" not in folded[0].all("strong")[0].said()


def test_long_curves_are_thinned_and_broken_ones_say_so(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    for step in range(3000):
        run.log("shift", step, {"loss": math.nan if step == 7 else 1.0 + step})
    run.log("shift", 2999, {"val_mpjpe": 31.25})
    page = parse(render(run))
    steps, found, _ = series(page, "shift", "loss", "train")
    assert len(steps) == POINTS and (steps[0], steps[-1]) == (0, 2999) and 7 not in steps
    assert found == pytest.approx([1.0 + step for step in steps])
    assert "1 value(s) not finite" in section(page, "curves-shift").said()
    assert rows(page, "once-shift")["mpjpe"][:2] == ["-", "31.2"], "a single number is no curve"


def fill(run: RunFolder, text: str = "wave with the left hand", frames: int = 40) -> None:
    """A run folder with everything in it, by hand."""
    for name in STAGES:
        run.mark_done(name, {"seconds": 61.0})
    for stage in LEARNING:
        for step in range(3):
            run.log(stage, step, {"loss": 3.0 - step, "val_motion": 2.0 - step})
    for name in COLUMNS:
        out = run.folder(f"previews/{name}")
        for number in range(SENTENCES):
            clip = draw_clip(0, number, "val", run.config.corpus)
            moving = np.tile(clip.frames, (-(-frames // len(clip.frames)), 1, 1))[:frames]
            Motion(moving, text=text).save(out / f"{number:02d}.npz")
        made = {"clips": [], "texts": [text] * SENTENCES, "weights": {}, "sampling": [], "trouble": {}}
        (out / "made.json").write_text(json.dumps(made))
    fine = [7, 6, 5, 4]
    codes = [[[0, 1, 2, 3, *fine], [0, 1, 5, 3, *fine]], [[0, 9, 2, 3, *fine]]]
    table = {"id": ["a", "b"], "texts": [["x"], ["y"]], "codes": codes, "actions": [[], []]}
    pq.write_table(pa.table(table, schema=schema(8)), run.folder("tokens") / "train-00000.parquet")
    shift = ShiftConfig(trajectory_codes=8, pose_codes=16, levels=2)
    (run.folder("shift") / "config.json").write_text(json.dumps({"model": "shift", **asdict(shift)}))
    (run.path / "shift" / "metrics.json").write_text(json.dumps({"mpjpe": 14.8, "pose_used": 7}))


def judged(run: RunFolder, command: str = "python -m train.evaluate run=x", verb: str = "wave") -> None:
    """What an evaluation leaves, with a measure that the report has never heard of."""
    number = {"value": 0.96, "interval": [0.94, 0.97], "count": 9}
    metrics: dict[str, Any] = {
        "judged": {"model": "m", "command": command},
        **{f"{row}.verb": number for row in ("truth", "shift", "generated", "shuffled")},
        "generated.new_measure": {"value": 3.5, "interval": None, "count": 9},
        "truth.speed": {"value": None, "interval": None, "count": 0},
        "shift.mpjpe": {"value": 14.8, "interval": [14.4, 15.3], "count": 9},
    }
    out = run.folder("evaluate")
    (out / "metrics.json").write_text(json.dumps(metrics))
    seen = {"generated": [[verb, verb, 7], [verb, "clap", 3], ["clap", "clap", 2]]}
    (out / "confusion.json").write_text(json.dumps({"verbs": [], "rows": seen}))


@pytest.fixture
def whole(tmp_path: Path) -> Node:
    run = open_run(tmp_path / "run")
    fill(run)
    judged(run)
    return parse(render(run))


def test_figures_stand_with_their_intervals(whole: Node) -> None:
    measures = rows(whole, "measures")
    assert [c.split("]")[0] + "]" for c in measures["verb"]] == ["0.96 [0.94, 0.97]"] * 4
    assert measures["new measure"] == ["-", "-", "3.50", "-"], "what the evaluation adds comes along"
    assert "speed" not in measures
    assert rows(whole, "errors")["MPJPE mm"] == ["14.80 [14.40, 15.30]"]
    assert "generated: 9 of 12 motions" in section(whole, "results").said()
    squares = [r.said() for r in section(whole, "results").all("rect") if r.children]
    assert sorted(squares) == [
        "asked clap, seen clap: 2 of 2",
        "asked wave, seen clap: 3 of 10",
        "asked wave, seen wave: 7 of 10",
    ]
    assert rows(whole, "verbs-generated")["wave"] == ["7 of 10", "clap 3"]
    assert rows(whole, "stages-done")["refine"][:2] == ["done", "1 min 1 s"]


def test_codes_are_counted_slot_by_slot(whole: Node) -> None:
    use = rows(whole, "code-use")
    assert use["left trajectory"] == ["8", "1", "7", "1", "100.0 %"]
    assert use["left pose"][:3] == ["16", "2", "14"]
    assert use["trajectory codebook"][:3] == ["8", "3", "5"] and use["pose codebook"][:3] == ["16", "3", "13"]
    assert rows(whole, "shift-held-out") == {"": ["value"], "MPJPE, mm": ["14.8"], "pose used": ["7"]}
    assert use["right trajectory 1"][:3] == ["8", "1", "7"] and use["trajectory 1 codebook"][:3] == [
        "8",
        "2",
        "6",
    ]
    assert len(section(whole, "codes").all("svg")) == 2 * len(SLOTS)


def test_codes_that_no_codebook_has_are_told(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    fill(run)
    (run.path / "shift" / "config.json").write_text(
        json.dumps({"model": "shift", **asdict(ShiftConfig(trajectory_codes=5, pose_codes=16, levels=2))})
    )
    page = section(parse(render(run)), "codes")
    assert "codes beyond the 5 entries" in page.all("p", class_="gap")[0].said()


def test_hands_are_the_motions_to_a_twentieth_of_a_millimetre(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    fill(run)
    far = Motion.load(tmp_path / "previews" / "refine" / "01.npz").frames.copy()
    far[:, 1, 6] = 7.0  # metres to the right: beyond what the page can say
    Motion(far).save(tmp_path / "previews" / "refine" / "01.npz")
    page = parse(render(run))
    (script,) = page.all("script", id="motions")
    data = json.loads(script.text)
    assert data["fps"] == 30 and len(data["rows"]) == SENTENCES and set(data["rows"][0]) == set(COLUMNS)
    truth = joints_of(Motion.load(tmp_path / "previews" / "truth" / "01.npz").frames)
    shown = np.frombuffer(base64.b64decode(data["rows"][1]["truth"]), "<i2").reshape(truth.shape)
    assert np.abs(shown * data["unit"] - truth).max() <= 0.51 * UNIT
    lost = np.frombuffer(base64.b64decode(data["rows"][1]["refine"]), "<i2").reshape(truth.shape)
    assert (lost[:, 1, :, 0] > 32000).all() and abs(lost[:, 0].astype(int) - shown[:, 0]).max() <= 1
    # Each bone is as long in every frame: they join what belongs together.
    joints = truth[:, 0]
    lengths = np.stack([np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in data["bones"]])
    assert len(BONES) == 20 and np.ptp(lengths, axis=1).max() < 1e-4 and lengths.max() < 0.12


def test_the_page_stays_small_and_says_where_it_cut(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    fill(run, frames=LONGEST + 200)
    for stage in LEARNING:
        for step in range(1000):
            run.log(stage, step, {f"number_{i}": 1.0 + step / (i + 1) for i in range(12)})
    path = write_report(run)
    assert path == tmp_path / REPORT_FILE and path.stat().st_size < 5_000_000
    assert f"the first {LONGEST / 30:.1f} s shown" in section(parse(path.read_text()), "previews").said()


def test_what_comes_from_data_is_escaped(tmp_path: Path) -> None:
    run = open_run(tmp_path / "<b>run & co")
    fill(run, text=EVIL)
    judged(run, command=EVIL, verb=EVIL)
    run.log("pretrain", 9, {EVIL: 1.0, f"val_{EVIL}": 2.0})
    (run.path / "evaluate" / f"bundle-{EVIL.replace('/', '')}").mkdir()
    (run.path / "evaluate" / f"bundle-{EVIL.replace('/', '')}" / "metrics.json").write_text(
        (run.path / "evaluate" / "metrics.json").read_text()
    )
    page = parse(render(run))
    assert not page.all("img") and not page.all("b") and len(page.all("script")) == 2
    assert not [n for n in page.all() if any(a.startswith("on") for a in n.attributes)]
    assert [h.said() for h in section(page, "previews").all("h3")] == [EVIL] * SENTENCES
    assert EVIL in section(page, "results").said() and EVIL in section(page, "curves-pretrain").said()
    assert page.all("h1")[0].said() == "<b>run & co"
    canvas = page.all("canvas")[0]
    assert EVIL in canvas.attributes["aria-label"]


def test_a_page_that_can_be_read_without_eyes_or_mouse(whole: Node) -> None:
    identities = [n.attributes["id"] for n in whole.all() if "id" in n.attributes]
    assert len(identities) == len(set(identities))
    tables = whole.all("table")
    assert len(tables) > 6 and all(t.children[0].tag == "caption" and t.children[0].said() for t in tables)
    scopes = [c.attributes.get("scope") for t in tables for c in t.all("th")]
    assert set(scopes) == {"row", "col"}
    pictures = [*whole.all("svg"), *whole.all("canvas")]
    labelled = [p for p in pictures if p.attributes.get("aria-hidden") != "true"]
    assert len(labelled) > 10
    assert all(p.attributes["role"] == "img" and p.attributes["aria-label"] for p in labelled)
    boxes = whole.all("div", class_="scroll")
    assert boxes and all(b.attributes["tabindex"] == "0" and b.attributes["aria-label"] for b in boxes)
    controls = [*whole.all("input"), *whole.all("select")]
    labels = [n for label in whole.all("label") for n in label.all()]
    assert len(controls) == 3 and all(any(n is c for n in labels) for c in controls)
    assert whole.all("html")[0].attributes["lang"] == "en" and whole.all("meta", name="viewport")
    for link in whole.all("a"):
        assert link.attributes["href"].removeprefix("#") in identities


def test_the_page_loads_nothing(whole: Node) -> None:
    (policy,) = whole.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy.attributes["content"].startswith("default-src 'none'")
    for node in whole.all():
        for name in ("src", "href", "srcset", "poster", "data"):
            assert re.match(r"#|data:|$", node.attributes.get(name, "")), node
    code = "".join(n.text for n in whole.all("script") + whole.all("style"))
    assert not re.search(r"https?:|fetch\(|import\b|url\(|XMLHttpRequest", code)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    page = parse(render(run))
    for key in ("previews", "held-out", *(f"curves-{s}" for s in LEARNING), "results", "codes"):
        assert section(page, key).all("p", class_="gap"), key
    assert not page.all("canvas") and not page.all("svg")
    assert all(cells[0] == "not yet" for name, cells in rows(page, "stages-done").items() if name)
    fill(run)
    for stage in ("refine", "instruct"):
        for file in (tmp_path / "previews" / stage).iterdir():
            file.unlink()
    note = tmp_path / "previews" / "pretrain" / "made.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "trouble": {"2": "not finite"}}))
    (tmp_path / "previews" / "pretrain" / "03.npz").write_bytes(b"torn")
    page = section(parse(render(run)), "previews")
    empty = [n.said() for n in page.all("div", class_="empty")]
    assert empty.count("not there yet") == 2 * SENTENCES
    assert "no usable motion: not finite" in empty and len(empty) == 2 * SENTENCES + 2
    assert len(page.all("canvas")) == 3 * SENTENCES - 2


def test_clips_to_watch_are_of_many_verbs_and_some_of_several_actions() -> None:
    clips = [draw_clip(0, i, "val", preset("smoke").corpus) for i in range(200)]
    chosen = choose(clips)
    verbs = [c.actions[0].verb for c in chosen if len(c.actions) == 1]
    assert len(chosen) == SENTENCES and len(verbs) == len(set(verbs)) == 4
    assert choose(clips[:3]) and len(choose([c for c in clips if len(c.actions) == 1])) == SENTENCES
    assert len(choose([c for c in clips if len(c.actions) > 1])) == SENTENCES


@pytest.fixture
def speaking(run: RunFolder) -> RunFolder:
    """A run whose pre-training has just ended, and the held-out clips it is watched on."""
    clips = [draw_clip(0, i, "val", run.config.corpus) for i in range(40)]
    write_shard(run.folder("corpus") / "val-00000.parquet", clips)
    model = build_model(build_grammar(run, Materials.open(run).processor), run.config.lm, seed=1)
    save_stage(run, "pretrain", model)
    for stage in ("corpus", "shift", "tokenizer", "tokens", "pretrain"):
        run.mark_done(stage)
    return run


def test_every_stage_makes_the_same_sentences_move(speaking: RunFolder) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert make_previews(speaking) == ["truth", "shift", "pretrain"]
    assert torch.equal(torch.random.get_rng_state(), before), "training draws what it would have drawn"
    made = {name: _motions(speaking, name) for name in ("truth", "shift", "pretrain")}
    texts = [m.text for m in made["truth"]]
    assert [m.text for m in made["pretrain"]] == texts and len(set(texts)) == SENTENCES
    assert [len(m) for m in made["shift"]] == [len(m) for m in made["truth"]]
    clip = next(
        c
        for c in (draw_clip(0, i, "val", speaking.config.corpus) for i in range(40))
        if c.texts[0] == texts[0]
    )
    np.testing.assert_allclose(made["truth"][0].frames, clip.frames, atol=1e-4)
    assert make_previews(speaking) == [], "what is there stays"


def test_previews_follow_the_weights(speaking: RunFolder) -> None:
    make_previews(speaking)
    old = [m.frames for m in _motions(speaking, "pretrain")]
    model = build_model(
        build_grammar(speaking, Materials.open(speaking).processor), speaking.config.lm, seed=2
    )
    save_stage(speaking, "refine", model)
    speaking.mark_done("refine")
    assert make_previews(speaking) == ["refine"]
    save_stage(speaking, "pretrain", model)
    assert make_previews(speaking) == ["pretrain"]
    new = [m.frames for m in _motions(speaking, "pretrain")]
    refined = [m.frames for m in _motions(speaking, "refine")]
    assert all(np.array_equal(a, b) for a, b in zip(new, refined, strict=True)), "same weights, same hands"
    assert not all(np.array_equal(a, b) for a, b in zip(new, old, strict=True))


def test_a_model_that_came_apart_is_shown_as_such(speaking: RunFolder) -> None:
    weights = speaking.path / "lm-pretrain"
    model = build_model(
        build_grammar(speaking, Materials.open(speaking).processor), speaking.config.lm, seed=1
    )
    shift = Shift.load(speaking.path / "shift")
    shift.mean.fill_(math.nan)
    (speaking.path / "shift").unlink()  # a link to what other tests share
    shift.save(speaking.folder("shift"))
    model.save(weights)
    make_previews(speaking)
    page = section(parse(render(speaking)), "previews")
    empty = [n.said() for n in page.all("div", class_="empty")]
    assert sum("no usable motion" in said for said in empty) == 2 * SENTENCES


def _motions(run: RunFolder, name: str) -> list[Motion]:
    return [Motion.load(path) for path in sorted((run.path / "previews" / name).glob("*.npz"))]


def test_the_pipeline_keeps_the_report_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[str] = []

    def stage(folder: RunFolder) -> Mapping[str, Any]:
        path = folder.path / REPORT_FILE
        done: Sequence[list[str]] = (
            list(rows(parse(path.read_text()), "stages-done").values()) if path.exists() else []
        )
        states.append(str(sum(cells[0] == "done" for cells in done)))
        return {}

    monkeypatch.setattr(pipeline, "load_stage", lambda name: stage)
    run = open_run(tmp_path)
    pipeline.run_all(run)
    assert states == [str(n) for n in range(len(STAGES))] and pipeline.STAGES == STAGES
    report = tmp_path / REPORT_FILE
    written = report.stat().st_mtime_ns
    pipeline.run_all(run)
    assert report.stat().st_mtime_ns == written, "nothing new, nothing written"
    quiet = open_run(tmp_path / "quiet", plots=False)
    pipeline.run_all(quiet)
    assert not (tmp_path / "quiet" / REPORT_FILE).exists()


def test_a_report_that_fails_ends_no_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = open_run(tmp_path)
    (tmp_path / REPORT_FILE).mkdir()
    os.utime(tmp_path / REPORT_FILE, (0, 0))
    run.mark_done("corpus")
    after_stage(run, "corpus")
    said = capsys.readouterr().out
    assert "report: no new previews" in said and "train.corpus" in said
    assert "report: not written" in said and REPORT_FILE in said


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"run={tmp_path / 'none'}"]) == 2 and "not a run folder" in capsys.readouterr().err
    fill(open_run(tmp_path))
    assert main([f"run={tmp_path}"]) == 0 and (tmp_path / REPORT_FILE).is_file()
    assert main([f"run={tmp_path}", "shift.steps=3"]) == 2
    assert main(["--help"]) == 0 and "run=FOLDER" in capsys.readouterr().out
