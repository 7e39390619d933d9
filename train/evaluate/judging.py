"""The evaluation itself: train the judges on the train split, judge the test split, write the report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from clutch_rt import prompts
from clutch_rt.layout import Float32Array

from train.corpus import Clip
from train.evaluate import meters
from train.evaluate.captions import CaptionRow, caption_rows
from train.evaluate.confusion import write_confusion
from train.evaluate.directions import DirectionMeter, fit_directions
from train.evaluate.errors import reconstruction_errors, usage
from train.evaluate.features import features, joints_of
from train.evaluate.lengths import Ceiling, length_ceiling, lengths_kept
from train.evaluate.metrics import Measured, bootstrap, retrieval_hits
from train.evaluate.modality import corpus_modality, measure_modality
from train.evaluate.notes import notes
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
from train.evaluate.sets import Sets, held_out_sets, reference_clips, train_clips, train_directions
from train.evaluate.similar import Embed, load_minilm
from train.evaluate.timing import Bands, Timed, fit_bands
from train.optim import device_type
from train.run import RunFolder, write_text
from train.tokenizer import load_tokenizer

_CEILING_PLANS: Final = 30_000  # that the ceiling of lengths is taken over: 300 of a verb


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


def captions_of(
    sampler: Sampler, context: Context, pieces: Pieces, clips: int, embed: Embed | None
) -> list[CaptionRow]:
    """What the model says of the first ``clips`` motions, and whether a motion finds what was said of it."""
    chosen = list(context.sets.all[:clips])
    if len(chosen) < 2:
        return []
    written = sampler.caption([clip.frames for clip in chosen])
    first = [clip.texts[0] for clip in chosen]
    told = {"truth.caption_": first, "captions.": written, "shuffled.caption_": [*first[1:], first[0]]}
    pool, ranked = min(context.pool, len(chosen)), {}
    for key, texts in told.items():
        rng = np.random.default_rng([context.seed, 4])  # the same pools for every row
        embedded = judge_texts(context.judge, [pieces.encode(text) for text in texts])
        hits = retrieval_hits(embedded, context.truth[: len(chosen)], pool, 3, rng)
        ranked[key] = bootstrap(hits[np.isfinite(hits)], rng)
    return caption_rows(written, chosen, ranked, np.random.default_rng([context.seed, 7]), embed)


def _with(row: Row, values: Mapping[str, Measured | None]) -> Row:
    """A row with further figures, those that there are."""
    return replace(row, values={**row.values, **{k: v for k, v in values.items() if v is not None}})


def _of_generated(folder: RunFolder, sampler: Sampler, context: Context) -> dict[str, Measured | None]:
    """Figures that take motions of their own: of asked lengths, and many of one sentence."""
    settings, seed = folder.config.evaluate, context.seed
    asked, clips = context.sets.all[: settings.asked], context.sets.all[: settings.modality_texts]
    rng = np.random.default_rng([seed, 8])
    kept = lengths_kept(sampler, asked, folder.config.lm.max_steps, rng)
    modality = measure_modality(sampler, context.judge, clips, settings.modality_draws, rng)
    return {"asked_kept": bootstrap(kept, rng) if kept else None, "multimodality": modality}


def _of_truth(folder: RunFolder, context: Context, ceiling: Ceiling) -> dict[str, Measured | None]:
    """Ceilings of figures that a clip compared with itself says nothing of."""
    settings, nothing = folder.config.evaluate, float("nan")
    clips, rng = context.sets.all[: settings.modality_texts], np.random.default_rng([context.seed, 9])
    modality = corpus_modality(folder.config.corpus, context.judge, clips, settings.modality_draws, rng)
    longest = Measured(ceiling.best, nothing, nothing, _CEILING_PLANS)
    return {"duration_of_1": longest, "multimodality": modality}


def make_context(folder: RunFolder, clips: int, split: str = "test") -> Context:
    """What rows are judged by: the run's judges, and ``clips`` of a held-out split.

    Raises:
        InputError: the run has no clips, of the train split or of ``split``.
    """
    settings, pieces = folder.config.evaluate, Pieces(folder.path / "tokenizer.model")
    judge, bands, directions = make_judge(folder, pieces), make_bands(folder), make_directions(folder)
    sets = held_out_sets(folder, clips, split)
    return Context(
        sets=sets,
        judge=judge,
        bands=bands,
        directions=directions,
        texts=judge_texts(judge, [pieces.encode(clip.texts[0]) for clip in sets.all]),
        pool=min(settings.pool, len(sets.all)),
        seed=folder.config.seed,
        truth=judge_motions(judge, [features(clip.frames) for clip in sets.all]).embeddings,
        reference=judge_motions(
            judge, [features(clip.frames) for clip in reference_clips(folder, len(sets.all), split)]
        ).embeddings,
    )


def evaluate(folder: RunFolder, sampler: Sampler, out: Path, command: str) -> Findings:
    """Judge a sampler on the run's test split and write the report into ``out``."""
    settings, seed = folder.config.evaluate, folder.config.seed
    context = make_context(folder, settings.clips)
    sets, pool = context.sets, context.pool
    truth = truth_of(sets)
    ceiling = length_ceiling(folder.config.corpus, seed, _CEILING_PLANS)
    own = _of_truth(folder, context, ceiling)
    rows = [_say(_with(measure_row("ground truth", [truth], context), own))]
    rebuilt = sampler.reconstruct(truth.all)
    rows.append(_say(measure_row("SHIFT reconstruction", [through(sampler, truth, rebuilt)], context)))
    draws = [generated(sampler, sets, repeat) for repeat in range(settings.repeats)]
    made = _with(measure_row("generated", draws, context), _of_generated(folder, sampler, context))
    rows.append(_say(made))
    rows.append(_say(measure_row("shuffled", [shuffled(truth, np.random.default_rng([seed, 5]))], context)))
    embed = load_minilm()
    pieces = Pieces(folder.path / "tokenizer.model")
    found = Findings(
        command=command,
        judged=sampler.name,
        record={"files": dict(sampler.files), "pool": pool, "settings": asdict(settings)},
        rows=rows,
        errors=reconstruction_errors(truth.all, rebuilt.motions, np.random.default_rng([seed, 6])),
        usage=usage(rebuilt.codes, rebuilt.books, rebuilt.sizes) if rebuilt.codes else {},
        captions=captions_of(sampler, context, pieces, settings.captions, embed),
        notes=notes(folder, context, made, ceiling, embed is not None),
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
