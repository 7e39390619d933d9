"""How arms are judged: by the judges of ``train.evaluate`` on validation clips, and SHIFT on recordings too.

Every judge gives plain figures by name, NaN for what a corpus has no clips for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.layout import FPS

from models.shift import Shift
from train.evaluate.errors import Errors, reconstruction_errors
from train.evaluate.features import joints_of
from train.evaluate.judging import Pieces, captions_of, device_of, generated, make_context, truth_of
from train.evaluate.metrics import Measured, mean_acceleration
from train.evaluate.modality import measure_modality
from train.evaluate.rows import Context, Draw, measure_row
from train.evaluate.samplers import Sampler, TorchSampler, through_shift
from train.evaluate.sets import stored_clips
from train.real.measure import Fitted, measure, read_folder
from train.run import RunFolder

Values = Mapping[str, float]

SPLIT: Final = "val"
_TIMED: Final = 8  # sentences whose decoding is timed
_CAPTIONS: Final = "captions."


class Judge(Protocol):
    """Judges arms of one kind."""

    def references(self) -> dict[str, Values]:
        """Rows that stand above the arms."""

    def arm(self, folder: RunFolder, seed: int) -> Values:
        """The figures of an arm."""


class ShiftJudge:
    """What SHIFT gives back of held-out clips, and of recordings of people where there are any."""

    def __init__(self, folder: RunFolder, data: Path | None) -> None:
        self._folder = folder
        self._clips = folder.config.evaluate.choice_clips
        self._data = data

    @cached_property
    def _motions(self) -> list[np.ndarray]:
        return [clip.frames for clip in stored_clips(self._folder, self._clips, SPLIT)]

    @cached_property
    def _recordings(self) -> list[Fitted]:
        return read_folder(self._data) if self._data else []

    def references(self) -> dict[str, Values]:
        """How much the clips' own motions accelerate."""
        own = float(np.mean([mean_acceleration(joints_of(motion)) for motion in self._motions]))
        return {"ground truth": {"acceleration": own}}

    def arm(self, folder: RunFolder, seed: int) -> Values:
        """Codes a step, errors on the clips, and on recordings as ``SOURCE/measure``."""
        shift = Shift.load(folder.path / "shift")
        rebuilt = through_shift(shift, self._motions).motions
        errors = reconstruction_errors(self._motions, rebuilt, np.random.default_rng(0))
        out = {
            "tokens": float(shift.tokens_per_step),
            "bits": sum(math.log2(size) for size in shift.codebook_sizes),
            **_errors(errors),
        }
        for report in measure(shift, self._recordings, folder.config.seed):
            out |= {f"{report.source}/{name}": value for name, value in _errors(report.errors).items()}
        return out


def _errors(errors: Errors) -> dict[str, float]:
    return {field.name: getattr(errors, field.name).value for field in fields(errors)}


class LMJudge:
    """The motions that sentences become, and the sentences that motions become.

    Args:
        folder: with corpus, SHIFT and vocabulary; the judges are kept in it.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    @cached_property
    def _context(self) -> Context:
        return make_context(self._folder, self._folder.config.evaluate.choice_clips, SPLIT)

    def references(self) -> dict[str, Values]:
        """The clips' own motions, and what SHIFT makes of them."""
        truth = truth_of(self._context.sets)
        shift = Shift.load(self._folder.path / "shift").to(device_of(self._folder))
        rebuilt = Draw(*(through_shift(shift, getattr(truth, field.name)).motions for field in fields(Draw)))
        rows = {"ground truth": truth, "SHIFT reconstruction": rebuilt}
        return {name: _values(measure_row(name, [draw], self._context).values) for name, draw in rows.items()}

    def arm(self, folder: RunFolder, seed: int) -> Values:
        """Figures of the table of evaluation, of captions as ``captions.measure``, and ``decoding``."""
        settings, context = folder.config.evaluate, self._context
        if not (folder.path / "lm" / "config.json").exists():
            raise InputError(
                f"{folder.path} was judged under other settings, and its model was dropped then; "
                "delete that folder to train it again, and give keep=yes to keep it"
            )
        sampler = TorchSampler(folder.path, settings.temperature, settings.top_k, device_of(folder))
        row = measure_row(folder.path.name, [generated(sampler, context.sets, seed)], context)
        values = dict(row.values)
        rng = np.random.default_rng([context.seed, 8, seed])
        clips = context.sets.all[: settings.modality_texts]
        spread = measure_modality(sampler, context.judge, clips, settings.modality_draws, rng)
        if spread is not None:
            values["multimodality"] = spread
        pieces = Pieces(folder.path / "tokenizer.model")
        for said in captions_of(sampler, context, pieces, settings.captions, None):
            if said.key == _CAPTIONS:
                values |= {f"{_CAPTIONS}{name}": value for name, value in said.values.items()}
        return {**_values(values), "decoding": self._decoding(sampler)}

    def _decoding(self, sampler: Sampler) -> float:
        """Processor-milliseconds to a second of motion, one sentence at a time; of the clock on a GPU."""
        clock = time.process_time if device_of(self._folder).type == "cpu" else time.perf_counter
        texts = [clip.texts[0] for clip in self._context.sets.all[: _TIMED + 1]]
        sampler.generate(texts[-1:], [0])
        started, frames = clock(), 0
        for index, text in enumerate(texts[:_TIMED]):
            frames += sum(map(len, sampler.generate([text], [index])))
        return 1000.0 * (clock() - started) / (frames / FPS)


def _values(measured: Mapping[str, Measured]) -> dict[str, float]:
    return {name: float(value.value) for name, value in measured.items()}
