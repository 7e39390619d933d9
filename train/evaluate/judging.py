"""The evaluation itself: train the judges on the train split, judge the test split, write the report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clutch_rt import prompts
from clutch_rt.layout import Float32Array

from train.corpus import Clip
from train.evaluate import meters
from train.evaluate.confusion import write_confusion
from train.evaluate.directions import DirectionMeter, fit_directions
from train.evaluate.errors import reconstruction_errors, usage
from train.evaluate.features import features, joints_of
from train.evaluate.metrics import Measured, bootstrap, retrieval_hits
from train.evaluate.report import Findings, flat, rows_table, write_report
from train.evaluate.retrieval import (
    Example,
    Judge,
    JudgeConfig,
    judge_motions,
    judge_texts,
    train_judge,
)
from train.evaluate.rows import Context, Draw, Row, measure_row, shuffled
from train.evaluate.samplers import Reconstruction, Sampler
from train.evaluate.sets import Sets, test_sets, train_clips, train_directions
from train.evaluate.timing import Bands, Timed, fit_bands
from train.optim import device_type
from train.run import RunFolder, write_text
from train.tokenizer import load_tokenizer

NOTES = (
    "R-precision: text and motion retrieval in pools of {pool}, by a model trained on the train split only; "
    "the first row is its ceiling, the last its floor.",
    "Verb and hand: classifiers of that model, over the 3 x {half} clips of one action; two thirds of these "
    "are of verbs with a tempo or a count.",
    "Verbs in turn: of the clips of several actions, the part of the actions whose verb that classifier sees "
    "in the stretch of the motion where it should be done.",
    "Test clips: about half of the sentences have a form, and of the phrases a wording, kept from training, "
    "and half of the objects of a verb that has held-out ones are held out with it.",
    "Speed and count are read off the motion by a signal meter (its period and repeating stretch), judged by "
    "the train split's bands; the texts say them. Speed covers {speeds} verbs; count those {counts} of "
    "{countable} countable verbs that the meter counts right in at least 80 % of train clips.",
    "Direction is read off the acting wrist's path, judged by clips of the train split's kind; the texts say "
    "it. It covers those {ways} of {steered} verbs with a direction that the meter reads right in at least "
    "90 % of clips it did not learn from.",
    "Sampling: temperature {temperature}, top-k {top_k}, {repeats} draw(s) of {clips} + 4 x {half} clips of "
    "the test split.",
)


class Pieces:
    """The run's SentencePiece vocabulary, as the judge reads texts."""

    def __init__(self, path: Path) -> None:
        self._model = load_tokenizer(path)

    @property
    def size(self) -> int:
        """Rows of an embedding."""
        return int(self._model.get_piece_size())

    def encode(self, text: str) -> tuple[int, ...]:
        """Ids of a normalised text."""
        return tuple(self._model.encode(prompts.normalise(text)))


def example(clip: Clip, pieces: Pieces) -> Example:
    """A train clip as the judge sees it."""
    alone = clip.actions[0] if len(clip.actions) == 1 else None
    texts = tuple(pieces.encode(text) for text in clip.texts)
    return Example(features(clip.frames), texts, alone.verb if alone else None, alone.hand if alone else None)


def make_judge(folder: RunFolder, pieces: Pieces) -> Judge:
    """The run's judge: the one in ``RUN/evaluate/judge`` if it was trained the same way, else a new one."""
    settings = folder.config.evaluate
    stamp = {
        "steps": settings.retrieval_steps,
        "clips": settings.retrieval_clips,
        "seed": folder.config.seed,
        "vocabulary": pieces.size,
        "corpus": json.loads(json.dumps(vars(folder.config.corpus))),
    }
    path = folder.path / "evaluate" / "judge"
    found = Judge.load(path, stamp)
    if found is not None:
        return found
    clips = train_clips(folder, settings.retrieval_clips)
    verbs = tuple(sorted({action.verb for clip in clips for action in clip.actions}))
    examples = [example(clip, pieces) for clip in clips]
    rng = np.random.default_rng([folder.config.seed, 20])
    config, progress = JudgeConfig(pieces.size, verbs), folder.config.machine.progress
    judge = train_judge(examples, config, settings.retrieval_steps, rng, progress=progress)
    judge.save(path, stamp)
    return judge


def _timed(clip: Clip) -> Timed:
    return Timed(meters.read(joints_of(clip.frames)), len(clip.frames))


def make_bands(folder: RunFolder) -> Bands:
    """What is slow and fast, from train clips of one action; written to ``RUN/evaluate/bands.json``."""
    single = [c for c in train_clips(folder, 4 * folder.config.evaluate.meter_clips) if len(c.actions) == 1]
    chosen = single[: folder.config.evaluate.meter_clips]
    bands = fit_bands([(clip.actions[0], _timed(clip)) for clip in chosen])
    write_text(folder.folder("evaluate") / "bands.json", json.dumps(bands.to_dict(), indent=1) + "\n")
    return bands


def make_directions(folder: RunFolder) -> DirectionMeter:
    """Which way is which, from clips of the train split's kind."""
    clips = train_directions(folder, folder.config.evaluate.meter_clips // 2)
    return fit_directions([(clip.actions[0], clip.frames) for clip in clips])


def truth_of(sets: Sets) -> Draw:
    """The clips' own motions."""
    return Draw(*([clip.frames for clip in part] for part in _parts(sets)))


def through(sampler: Sampler, truth: Draw, rebuilt: Reconstruction) -> Draw:
    """SHIFT reconstructions of the clips' own motions; those of ``truth.all`` are ``rebuilt``."""
    _, *parts = _parts(truth)
    return Draw(rebuilt.motions, *(sampler.reconstruct(motions).motions for motions in parts))


def generated(sampler: Sampler, sets: Sets, repeat: int) -> Draw:
    """Motions made from the first text of every clip; seeds differ by clip, set and repeat."""

    def draw(number: int, clips: Sequence[Clip]) -> list[Float32Array]:
        first = (repeat * 8 + number) * 1_000_000
        return sampler.generate([c.texts[0] for c in clips], [first + i for i in range(len(clips))])

    return Draw(*(draw(number, clips) for number, clips in enumerate(_parts(sets))))


def _parts(whole: Sets | Draw) -> Iterator[Any]:
    """The clips, or the motions, of each set, in the order that ``Draw`` has them."""
    return (getattr(whole, field.name) for field in fields(Draw))


def _captions(sampler: Sampler, context: Context, truth: Draw, pieces: Pieces, clips: int) -> Measured | None:
    """R@3 of the model's captions: does a motion find the sentence the model wrote of it?"""
    chosen = list(truth.all[:clips])
    if len(chosen) < 2:
        return None
    texts = judge_texts(context.judge, [pieces.encode(text) for text in sampler.caption(chosen)])
    rng = np.random.default_rng([context.seed, 4])
    hits = retrieval_hits(texts, context.truth[: len(chosen)], min(context.pool, len(chosen)), 3, rng)
    return bootstrap(hits[np.isfinite(hits)], rng)


def _notes(folder: RunFolder, bands: Bands, directions: DirectionMeter, sets: Sets, pool: int) -> list[str]:
    settings = folder.config.evaluate
    values = {
        "pool": pool,
        "speeds": len(bands.verbs_of_speed),
        "counts": len(bands.verbs_of_count),
        "ways": len(directions.verbs),
        "steered": len(directions.reliability),
        "countable": len(bands.reliability),
        "temperature": settings.temperature,
        "top_k": settings.top_k,
        "repeats": settings.repeats,
        "clips": len(sets.all),
        "half": len(sets.single),
    }
    return [note.format(**values) for note in NOTES]


def evaluate(folder: RunFolder, sampler: Sampler, out: Path, command: str) -> Findings:
    """Judge a sampler on the run's test split and write the report into ``out``."""
    settings, seed = folder.config.evaluate, folder.config.seed
    pieces = Pieces(folder.path / "tokenizer.model")
    judge, bands, directions = make_judge(folder, pieces), make_bands(folder), make_directions(folder)
    sets = test_sets(folder, settings.clips)
    truth = truth_of(sets)
    texts = judge_texts(judge, [pieces.encode(clip.texts[0]) for clip in sets.all])
    own = judge_motions(judge, [features(m) for m in truth.all]).embeddings
    pool = min(settings.pool, len(sets.all))
    context = Context(sets, judge, bands, directions, texts, pool, seed, own)
    rows = [_say(measure_row("ground truth", [truth], context))]
    rebuilt = sampler.reconstruct(truth.all)
    rows.append(_say(measure_row("SHIFT reconstruction", [through(sampler, truth, rebuilt)], context)))
    draws = [generated(sampler, sets, repeat) for repeat in range(settings.repeats)]
    rows.append(_say(measure_row("generated", draws, context)))
    rows.append(_say(measure_row("shuffled", [shuffled(truth, np.random.default_rng([seed, 5]))], context)))
    found = Findings(
        command=command,
        judged=sampler.name,
        record={"files": dict(sampler.files), "pool": pool, "settings": asdict(settings)},
        rows=rows,
        errors=reconstruction_errors(truth.all, rebuilt.motions, np.random.default_rng([seed, 6])),
        usage=usage(rebuilt.codes, rebuilt.sizes) if rebuilt.codes else {},
        captions=_captions(sampler, context, truth, pieces, settings.captions),
        notes=_notes(folder, bands, directions, sets, pool),
    )
    write_report(found, out)
    write_confusion({"ground truth": [truth], "generated": draws}, context, out)
    return found


def _say(row: Row) -> Row:
    print(rows_table([row]).splitlines()[-1], flush=True)
    return row


def summary(found: Findings) -> Mapping[str, Any]:
    """The figures alone, for the run's list of finished stages."""
    return {name: figure["value"] for name, figure in flat(found).items()}


def device_of(folder: RunFolder) -> torch.device:
    """Where the run's models are judged."""
    return torch.device(device_type(folder.config.machine))
