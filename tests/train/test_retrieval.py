"""The judge learns to match texts and motions, and the evaluation ranks what it should rank."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from clutch_rt.errors import InputError
from clutch_rt.layout import Float32Array

from train.config import apply
from train.corpus import Clip, CorpusConfig, draw_clip
from train.evaluate.__main__ import main, open_finished, split_arguments
from train.evaluate.features import SIZE, Normaliser, features
from train.evaluate.judging import evaluate
from train.evaluate.metrics import retrieval_hits
from train.evaluate.report import flat, markdown
from train.evaluate.retrieval import Example, Judge, JudgeConfig, judge_motions, judge_texts, train_judge
from train.evaluate.samplers import Reconstruction
from train.evaluate.sets import test_sets as sets_of
from train.presets import smoke
from train.run import RunFolder
from train.store import write_shard
from train.tokenizer import train_tokenizer

VERBS = ("clap", "hammer", "point", "stir", "type", "wave")
CONFIG = CorpusConfig(verbs=VERBS, max_actions=1, max_frames=160)


def words(texts: Sequence[str], vocabulary: dict[str, int]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(vocabulary.setdefault(w, len(vocabulary) + 1) for w in text.split()) for text in texts)


@pytest.fixture(scope="module")
def judged() -> tuple[Judge, list[Clip], dict[str, int]]:
    vocabulary: dict[str, int] = {}
    clips = [draw_clip(0, i, "train", CONFIG) for i in range(150)]
    examples = [
        Example(features(c.frames), words(c.texts, vocabulary), c.actions[0].verb, c.actions[0].hand)
        for c in clips
    ]
    config = JudgeConfig(2000, VERBS, width=32, text_width=32, size=32)
    judge = train_judge(examples, config, 60, np.random.default_rng(0), batch_size=24)
    return judge, clips, vocabulary


def test_the_judge_beats_chance_by_far_on_clips_it_has_not_seen(
    judged: tuple[Judge, list[Clip], dict[str, int]],
) -> None:
    judge, _, vocabulary = judged
    held = [draw_clip(0, 1000 + i, "train", CONFIG) for i in range(64)]
    found = judge_motions(judge, [features(c.frames) for c in held])
    assert np.mean([v == c.actions[0].verb for v, c in zip(found.verbs, held, strict=True)]) > 0.6
    assert np.mean([h == c.actions[0].hand for h, c in zip(found.hands, held, strict=True)]) > 0.6
    texts = judge_texts(judge, [words(c.texts[:1], vocabulary)[0] for c in held])
    hits = retrieval_hits(texts, found.embeddings, 32, 3, np.random.default_rng(0))
    # Chance is 3/32.
    assert hits.mean() > 0.25
    mixed = retrieval_hits(texts, found.embeddings[::-1], 32, 3, np.random.default_rng(0))
    assert mixed.mean() < hits.mean()


def test_judgement_does_not_depend_on_the_batch(judged: tuple[Judge, list[Clip], dict[str, int]]) -> None:
    judge, clips, _ = judged
    motions = [features(c.frames) for c in clips[:9]]
    alone = judge_motions(judge, motions, batch_size=1).embeddings
    # Float rounding of other matrix shapes only.
    np.testing.assert_allclose(judge_motions(judge, motions, batch_size=9).embeddings, alone, atol=2e-5)


def test_a_saved_judge_comes_back_only_for_the_same_training(
    judged: tuple[Judge, list[Clip], dict[str, int]], tmp_path: Path
) -> None:
    judge, clips, _ = judged
    judge.save(tmp_path, {"steps": 80, "verbs": VERBS})
    again = Judge.load(tmp_path, {"steps": 80, "verbs": VERBS})
    assert again is not None
    motions = [features(clips[0].frames)]
    np.testing.assert_array_equal(
        judge_motions(again, motions).embeddings, judge_motions(judge, motions).embeddings
    )
    assert Judge.load(tmp_path, {"steps": 81, "verbs": VERBS}) is None
    assert Judge.load(tmp_path / "nowhere", {}) is None
    weights, stamp = tmp_path / "judge.safetensors", tmp_path / "judge.json"
    whole = weights.read_bytes()
    for damage in (lambda: weights.write_bytes(whole[:100]), lambda: stamp.write_text("{"), stamp.unlink):
        judge.save(tmp_path, {"steps": 80})
        assert Judge.load(tmp_path, {"steps": 80}) is not None
        damage()
        assert Judge.load(tmp_path, {"steps": 80}) is None


def test_features_do_not_see_where_fingertips_are_when_only_the_wrist_turns() -> None:
    clip = draw_clip(0, 0, "train", CONFIG)
    values = features(clip.frames)
    assert values.shape == (len(clip.frames), SIZE) and np.isfinite(values).all()
    turned = clip.frames.copy()
    turned[..., 6:9] += 0.1
    tips = [c for hand in (0, 42) for c in range(hand + 12, hand + 42)]
    np.testing.assert_allclose(features(turned)[:, tips], values[:, tips], atol=1e-6)


def test_normaliser_pads_to_whole_steps() -> None:
    rng = np.random.default_rng(0)
    motions = [rng.normal(size=(n, SIZE)).astype(np.float32) for n in (16, 21)]
    batch = Normaliser.fit(motions).batch(motions, torch.device("cpu"))
    assert batch.values.shape == (2, 24, SIZE) and batch.steps.tolist() == [2, 3]
    assert (batch.values[0, 16:] == 0).all()
    assert torch.equal(batch.values[1, 23], batch.values[1, 20])


BOOKS = ("trajectory", "pose", "trajectory", "pose")


class Echo:
    """A sampler that knows the answer: for a text of the test sets, the clip's own motion."""

    name = "an echo"
    files: ClassVar[dict[str, str]] = {"weights": "0123"}

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._known = {clip.texts[0]: clip for clip in clips}

    def generate(self, texts: Sequence[str], seeds: Sequence[int]) -> list[Float32Array]:
        assert len(set(seeds)) == len(texts)
        return [self._known[text].frames for text in texts]

    def reconstruct(self, motions: Sequence[Float32Array]) -> Reconstruction:
        codes = [np.zeros((len(m) // 8, 4), np.int64) for m in motions]
        return Reconstruction(list(motions), codes, BOOKS, (4, 8, 4, 8))

    def caption(self, motions: Sequence[Float32Array]) -> list[str]:
        return ["wave the right hand"] * len(motions)


def small_run(path: Path) -> RunFolder:
    config = apply(
        smoke(),
        [
            "evaluate.clips=24",
            "evaluate.pool=16",
            "evaluate.retrieval_steps=12",
            "evaluate.meter_clips=60",
            "machine.progress=no",
        ],
    )
    folder = RunFolder.open(path, config)
    train = [draw_clip(0, i, "train", config.corpus) for i in range(90)]
    test = [draw_clip(0, i, "test", config.corpus) for i in range(24)]
    write_shard(folder.folder("corpus") / "train-00000.parquet", train)
    write_shard(folder.folder("corpus") / "test-00000.parquet", test)
    train_tokenizer([t for c in train for t in c.texts], path / "tokenizer.model", config.tokenizer)
    return folder


def test_a_perfect_sampler_scores_the_ceiling_and_the_floor_is_below(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    sets = sets_of(folder, 24)
    echo = Echo((*sets.all, *sets.single, *sets.speed, *sets.count, *sets.direction))
    found = evaluate(folder, echo, tmp_path / "out", "a command")
    truth, shift, made, floor = found.rows
    for key in ("r1", "r3", "r3_of_1", "r3_of_2", "verb", "hand", "sequence", "mm_distance"):
        assert made.values[key].value == pytest.approx(truth.values[key].value)
        assert shift.values[key].value == pytest.approx(truth.values[key].value)
    # To other clips of the same law, so it is of the size of chance for the clips' own motions too.
    assert shift.values["kid"].value == pytest.approx(truth.values["kid"].value)
    assert truth.values["kid"].low < 0 < truth.values["kid"].high
    assert truth.values["duration"].value == made.values["duration"].value == 1.0
    assert floor.values["duration"].value < 1.0 and floor.values["contact_match"].value < 1.0
    # The same clip by other people is no one motion, but nearer than another clip.
    assert 0.0 < truth.values["multimodality"].value < truth.values["diversity"].value
    assert truth.values["duration_of_1"].value < made.values["duration_of_1"].value == 1.0
    # Every draw of the echo is the same motion.
    assert made.values["multimodality"].value == 0.0 and made.values["verb"].between == 0.0
    assert "asked_kept" not in made.values  # it takes no lengths
    assert floor.values["verb"].value < truth.values["verb"].value
    assert found.errors.mpjpe.value == 0.0
    assert found.usage["pose"].used == 1 and found.usage["pose"].size == 8
    figures = flat(found)
    assert {"truth.r3", "generated.sequence", "shuffled.count", "codes.pose.used"} <= set(figures)
    assert set(figures["truth.verb"]) == {"value", "interval", "count"}
    assert set(figures["generated.verb"]) == {"value", "interval", "count", "between"}
    assert figures["truth.caption_verb"]["value"] == 1.0 > figures["captions.verb"]["value"]
    assert figures["truth.caption_bleu4"]["value"] > figures["captions.others_bleu4"]["value"]
    text = markdown(found)
    assert "a command" in text and "| ground truth |" in text
    files = {p.name for p in (tmp_path / "out").iterdir()}
    assert files == {"metrics.json", "report.md", "report.png", "confusion.json"}
    seen = json.loads((tmp_path / "out" / "confusion.json").read_text(encoding="utf-8"))["rows"]["generated"]
    right = sum(n for asked, judged, n in seen if asked == judged) / sum(n for *_, n in seen)
    assert right == pytest.approx(made.values["verb"].value) and right < 1
    written = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    judged = written.pop("judged")
    assert judged["files"] == Echo.files and judged["settings"]["clips"] == 24 and judged["pool"] == 16
    assert written == figures


def test_an_evaluation_that_was_stopped_ends_with_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small_run(tmp_path / "run")
    sets = sets_of(folder, 24)
    echo = Echo((*sets.all, *sets.single, *sets.speed, *sets.count, *sets.direction))
    evaluate(folder, echo, tmp_path / "whole", "a command")
    shutil.rmtree(folder.path / "evaluate")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(echo, "reconstruct", stop)
        with pytest.raises(KeyboardInterrupt):
            evaluate(folder, echo, tmp_path / "stopped", "a command")
    assert not (tmp_path / "stopped").exists() and (folder.path / "evaluate" / "judge").is_dir()
    # The judge is not trained again: what it learnt comes back from its file.
    monkeypatch.setattr("train.evaluate.judging.train_judge", stop)
    evaluate(folder, echo, tmp_path / "stopped", "a command")
    for name in ("metrics.json", "report.md"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_judged_sets_say_what_they_are_judged_by(tmp_path: Path) -> None:
    sets = sets_of(small_run(tmp_path / "run"), 24)
    assert len(sets.all) == 24 and len(sets.single) == len(sets.speed) == len(sets.count) == 12
    assert all(len(c.actions) == 1 for part in (sets.single, sets.speed, sets.count) for c in part)
    speeds = [c.actions[0].speed for c in sets.speed]
    assert [speeds.count(s) for s in ("slow", "normal", "fast")] == [4, 4, 4]
    assert all(c.actions[0].count is not None for c in sets.count)
    assert all(clip.split == "test" for clip in (*sets.all, *sets.single, *sets.speed, *sets.count))


def test_arguments_that_are_wrong_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    special, settings = split_arguments(["run=a", "bundle=b", "evaluate.clips=3"], "bundle")
    assert special == {"run": "a", "bundle": "b"} and settings == ["evaluate.clips=3"]
    with pytest.raises(InputError, match="no run folder given"):
        open_finished({}, [])
    with pytest.raises(InputError, match="no setting of the evaluation"):
        open_finished({"run": "x"}, ["shift.steps=1"])
    assert main([f"run={tmp_path}"]) == 2
    assert "is not a run folder" in capsys.readouterr().err
    assert main([f"run={tmp_path}", "data=x"]) == 2
    assert "'data=x' is no setting of the evaluation" in capsys.readouterr().err
