"""The comparison: every model's motions before the judges of ``train.evaluate``, as one table."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from clutch_rt.layout import Float32Array
from safetensors import safe_open

from models.shift import Shift
from train.baselines import diffusion, gpt
from train.baselines.codes import decode
from train.baselines.config import BaselinesConfig, JudgingConfig
from train.baselines.text import Sentences
from train.baselines.training import (
    DIFFUSION,
    GPT,
    TOKENIZER,
    load_diffusion,
    load_gpt,
    models_of,
    open_sentences,
)
from train.config import EvaluateConfig
from train.corpus import Clip
from train.evaluate.features import features
from train.evaluate.judging import device_of, make_context, truth_of
from train.evaluate.metrics import Measured, bootstrap, modality_distances
from train.evaluate.report import BODY_COLUMNS, INTERVALS, rows_table, table
from train.evaluate.retrieval import judge_motions
from train.evaluate.rows import Context, Draw, Row, measure_row, shuffled
from train.evaluate.samplers import TorchSampler
from train.evaluate.sets import Sets
from train.run import RunFolder, write_text
from train.store import count_clips

OUR_STAGES: Final = ("shift", "pretrain", "refine", "instruct")
_OF_LEARNING: Final = (".counts", ".sums", ".updates")  # of the codebooks
_MODALITY_SEED: Final = 2_000_000_000  # and on, so that no motion is one of the table's

Maker = Callable[[Sequence[Clip], Sequence[int]], list[Float32Array]]

NOTES: Final = (
    "HumanMDM-style (after Tevet et al., ICLR 2023): a transformer encoder over frames, {noise_steps} noise "
    "steps, {sampled} of them in sampling, guidance {guidance:g}. As in its paper it is given the true "
    "length of each clip; its loss on foot contact has no counterpart here.",
    "T2M-GPT-style (after Zhang et al., CVPR 2023): one codebook of {codes} for both hands, one code for 8 "
    "frames (the paper has one for 4), by SHIFT's variant `single`, whose decoder is causal; a decoder-only "
    "transformer that chooses its own length by an end token. Sampling: temperature {temperature}, top-k "
    "{top_k}, as for ours.",
    "Both are our own implementations at this run's scale, not the authors' code or weights. In the place of "
    "CLIP each trains a small text encoder over the run's vocabulary, whose one vector stands where CLIP's "
    "stood.",
    "All rows have the judges, clips and sentences of `python -m train.evaluate`, whose report says what "
    "each measure is of; {repeats} draw(s) each, for multimodality {draws} of each of {sentences} sentences. "
    "Shuffled are motions of other sentences, the floor.",
)


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        rows: ground truth, the baselines, ours where there is one, the floor.
        trained: row name -> what its training was: parameters, steps, batch, clips.
        notes: sentences under the tables.
        command: what made it.
    """

    rows: tuple[Row, ...]
    trained: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...]
    command: str


class GPTMaker:
    """Motions of the T2M-GPT-style model; the clips' own lengths are not looked at."""

    def __init__(self, folder: RunFolder, sentences: Sentences, judging: JudgingConfig) -> None:
        device, settings = device_of(folder), folder.config.evaluate
        self._tokenizer = Shift.load(models_of(folder) / "tokenizer").to(device)
        self._model = load_gpt(models_of(folder) / "gpt").to(device)
        self._sentences, self._size, self._device = sentences, judging.batch_size, device
        self._temperature, self._top_k = settings.temperature, settings.top_k

    def __call__(self, clips: Sequence[Clip], seeds: Sequence[int]) -> list[Float32Array]:
        codes = []
        for first in range(0, len(clips), self._size):
            part = slice(first, first + self._size)
            ids, mask = self._sentences.padded([clip.texts[0] for clip in clips[part]], self._device)
            codes += gpt.sample(self._model, ids, mask, seeds[part], self._temperature, self._top_k)
        return decode(self._tokenizer, codes, self._size)


class DiffusionMaker:
    """Motions of the HumanMDM-style model, as long as the clips; those of like length are made together."""

    def __init__(self, folder: RunFolder, sentences: Sentences, judging: JudgingConfig) -> None:
        self._device = device_of(folder)
        self._model = load_diffusion(models_of(folder) / "diffusion").to(self._device)
        self._sentences, self._judging = sentences, judging

    def __call__(self, clips: Sequence[Clip], seeds: Sequence[int]) -> list[Float32Array]:
        lengths = [len(clip.frames) for clip in clips]
        order, size = np.argsort(lengths, kind="stable"), self._judging.batch_size
        out: dict[int, Float32Array] = {}
        for first in range(0, len(order), size):
            part = [int(i) for i in order[first : first + size]]
            ids, mask = self._sentences.padded([clips[i].texts[0] for i in part], self._device)
            made = diffusion.sample(
                self._model,
                ids,
                mask,
                [lengths[i] for i in part],
                [seeds[i] for i in part],
                self._judging.guidance,
                self._judging.noise_steps,
            )
            out.update(zip(part, made, strict=True))
        return [out[i] for i in range(len(clips))]


def our_maker(folder: RunFolder) -> Maker | None:
    """The run's own model, if its language model is trained."""
    if not (folder.path / "lm" / "model.safetensors").is_file():
        return None
    settings = folder.config.evaluate
    sampler = TorchSampler(folder.path, settings.temperature, settings.top_k, device_of(folder))
    return lambda clips, seeds: sampler.generate([clip.texts[0] for clip in clips], seeds)


def drawn(make: Maker, sets: Sets, repeat: int) -> Draw:
    """A motion for the first text of every clip; seeds differ by clip, set and repeat, as in evaluation."""

    def part(number: int, clips: Sequence[Clip]) -> list[Float32Array]:
        first = (repeat * 8 + number) * 1_000_000
        return make(clips, [first + i for i in range(len(clips))]) if clips else []

    return Draw(*(part(number, getattr(sets, field.name)) for number, field in enumerate(fields(Draw))))


def modality(make: Maker, context: Context, texts: int, draws: int) -> Measured | None:
    """Multimodality as ``train.evaluate`` has it: of ``draws`` motions of each of the first sentences."""
    clips = context.sets.all[:texts]
    if not clips:
        return None
    embedded = []
    for draw in range(draws):
        first = _MODALITY_SEED + draw * len(clips)
        made = make(clips, list(range(first, first + len(clips))))
        embedded.append(judge_motions(context.judge, [features(motion) for motion in made]).embeddings)
    rng = np.random.default_rng([context.seed, 8])
    return bootstrap(modality_distances(np.stack(embedded)), rng)


def measured(name: str, make: Maker, context: Context, settings: EvaluateConfig) -> Row:
    """The row of one model."""
    row = measure_row(name, [drawn(make, context.sets, n) for n in range(settings.repeats)], context)
    spread = modality(make, context, settings.modality_texts, settings.modality_draws)
    return row if spread is None else replace(row, values={**row.values, "multimodality": spread})


def compare(folder: RunFolder, config: BaselinesConfig, command: str) -> Comparison:
    """Judge the ground truth, both baselines, ours where there is one, and the floor."""
    settings = folder.config.evaluate
    context, sentences = make_context(folder, settings.clips), open_sentences(folder, config.text)
    truth = truth_of(context.sets)
    makers: dict[str, Maker | None] = {
        "HumanMDM-style": DiffusionMaker(folder, sentences, config.judging),
        "T2M-GPT-style": GPTMaker(folder, sentences, config.judging),
        "ours": our_maker(folder),
    }
    rows = [_said(measure_row("ground truth", [truth], context))]
    rows += [_said(measured(name, make, context, settings)) for name, make in makers.items() if make]
    mixed = shuffled(truth, np.random.default_rng([folder.config.seed, 5]))
    rows.append(_said(measure_row("shuffled", [mixed], context)))
    return Comparison(tuple(rows), trained(folder), _notes(folder, config), command)


def _said(row: Row) -> Row:
    print(rows_table([row]), flush=True)
    return row


def trained(folder: RunFolder) -> dict[str, dict[str, str]]:
    """What each model's training was, by the reports of its stages."""
    made, config = models_of(folder), folder.config
    tokenizer, read, noise = (folder.report(stage) for stage in (TOKENIZER, GPT, DIFFUSION))
    out = {
        "HumanMDM-style": _told([made / "diffusion"], [noise], str(noise["clips"])),
        "T2M-GPT-style": _told([made / "tokenizer", made / "gpt"], [tokenizer, read], str(read["clips"])),
    }
    if all(folder.is_done(stage) for stage in OUR_STAGES):
        parts = [vars(getattr(config, stage)) for stage in ("shift", "lm", "refine", "instruct")]
        most = config.shift.clips - int(config.shift.free_share * config.shift.clips)
        stored = min(most, count_clips(folder.path / "corpus", "train"))
        clips = f"{stored} and free motion for SHIFT, {config.tokens.clips} drawn for the language model"
        out["ours"] = _told([folder.path / "shift", folder.path / "lm"], parts, clips)
    return out


def _told(models: Sequence[Path], parts: Sequence[Mapping[str, Any]], clips: str) -> dict[str, str]:
    """One line of the table of trainings."""
    return {
        "parameters": f"{sum(map(_parameters, models)) / 1e6:.1f} M",
        "steps x batch": " + ".join(f"{part['steps']} x {part['batch_size']}" for part in parts),
        "training clips": clips,
    }


def _parameters(folder: Path) -> int:
    """Numbers in a folder's weights, codebooks too, but not what only their learning needs."""
    with safe_open(str(folder / "model.safetensors"), "pt") as file:
        names = [name for name in file.keys() if not name.endswith(_OF_LEARNING)]  # noqa: SIM118
        return sum(math.prod(file.get_slice(name).get_shape()) for name in names)


def _notes(folder: RunFolder, config: BaselinesConfig) -> tuple[str, ...]:
    settings, judging = folder.config.evaluate, config.judging
    values = {
        "noise_steps": config.diffusion.noise_steps,
        "sampled": judging.noise_steps or config.diffusion.noise_steps,
        "guidance": judging.guidance,
        "codes": config.tokenizer.codes,
        "temperature": settings.temperature,
        "top_k": settings.top_k,
        "repeats": settings.repeats,
        "draws": settings.modality_draws,
        "sentences": settings.modality_texts,
    }
    return tuple(note.format(**values) for note in NOTES)


def markdown(found: Comparison) -> str:
    """The report."""
    headings = list(next(iter(found.trained.values())))
    body = [[name, *(told[h] for h in headings)] for name, told in found.trained.items()]
    parts = [
        "# Comparison with baselines",
        f"Brackets are 95 % intervals ({INTERVALS}). Made by:",
        f"    {found.command}",
        rows_table(found.rows),
        "## Hands together, and faults",
        rows_table(found.rows, BODY_COLUMNS),
        "## What they learnt from",
        table(["", *headings], body),
        "## Notes",
        "\n".join(f"- {note}" for note in found.notes),
    ]
    return "\n\n".join(parts) + "\n"


def write(found: Comparison, folder: RunFolder) -> Path:
    """``RUN/baselines.md`` and, for a program, ``RUN/baselines/metrics.json``; returns the former."""
    figures = {row.name: {k: _figure(v) for k, v in row.values.items()} for row in found.rows}
    whole = {"command": found.command, "trained": found.trained, "rows": figures}
    write_text(models_of(folder) / "metrics.json", json.dumps(whole, indent=2) + "\n")
    path = folder.path / "baselines.md"
    write_text(path, markdown(found))
    return path


def _figure(measured: Measured) -> dict[str, Any]:
    """A value with its interval; None where there is none."""
    numbers = {"value": measured.value, "low": measured.low, "high": measured.high}
    told = {k: None if math.isnan(v) else round(v, 5) for k, v in numbers.items()}
    return {**told, "count": measured.count}
