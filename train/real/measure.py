"""Real recordings through SHIFT and back, beside the corpus it was trained on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.layout import Float32Array

from models.shift import Shift
from train.evaluate.errors import Errors, reconstruction_errors
from train.evaluate.report import errors_table, table
from train.evaluate.samplers import through_shift
from train.real import dexterous, hot3d, leap, sign
from train.real.fit import fit_recording
from train.real.place import RealClip, clips_from_fit, clips_from_wrists
from train.real.recording import Recording
from train.run import RunFolder, write_text
from train.store import read_clips

READERS: Final[dict[str, Callable[[Path], Recording]]] = {
    "leap/*.json.lz": leap.read,
    "dexterous_video/*.pkl": dexterous.read,
    "sign_pose/*.pose": sign.read,
}
WRISTS: Final = "hot3d_sample/*/mano_hand_pose_trajectory.jsonl"


@dataclass(frozen=True)
class Fitted:
    """A recording as clips, with what its fit left over.

    Attributes:
        clips: windows in the viewer's workspace.
        residual: ``(N,)`` mm between fitted and recorded points at the neutral hand's size; empty for
            wrists that needed no fit.
        scale: the recorder's hand over the neutral hand, or None.
    """

    clips: tuple[RealClip, ...]
    residual: np.ndarray
    scale: float | None


@dataclass(frozen=True)
class SourceReport:
    """One kind of recording.

    Attributes:
        source, note: what it is.
        recordings, windows, seconds: how much of it.
        residual: median and 95th percentile of the fit's residual, mm; None without a fit.
        errors: of SHIFT's reconstructions, recorded hands only.
    """

    source: str
    note: str
    recordings: int
    windows: int
    seconds: float
    residual: tuple[float, float] | None
    errors: Errors


def read_folder(data: Path) -> list[Fitted]:
    """Every known recording under ``data``, fitted.

    Raises:
        InputError: there is none; the message names what is looked for.
    """
    found = []
    for pattern, reader in READERS.items():
        for path in sorted(data.glob(pattern)):
            recording = reader(path)
            fits = fit_recording(recording)
            residual = np.concatenate([f.residual[np.isfinite(f.residual)] for f in fits if f is not None])
            scale = next(f.scale for f in fits if f is not None) if recording.metric else None
            clips = clips_from_fit(recording.name, recording.source, recording.note, fits)
            found.append(Fitted(tuple(clips), residual, scale))
    for path in sorted(data.glob(WRISTS)):
        found.append(Fitted(tuple(clips_from_wrists(hot3d.read(path))), np.zeros(0), None))
    if not found:
        looked = ", ".join((*READERS, WRISTS))
        raise InputError(f"{data} holds no recording that is known here; looked for {looked}")
    return found


def measure(shift: Shift, fitted: Sequence[Fitted], seed: int) -> list[SourceReport]:
    """Errors per source, in the order they were read."""
    reports = []
    sources = list(dict.fromkeys(clip.source for f in fitted for clip in f.clips))
    for source in sources:
        mine = [f for f in fitted if f.clips and f.clips[0].source == source]
        clips = [clip for f in mine for clip in f.clips]
        motions = [clip.frames for clip in clips]
        rebuilt = through_shift(shift, motions).motions
        rng = np.random.default_rng([seed, 7])
        errors = reconstruction_errors(motions, rebuilt, rng, [clip.present for clip in clips])
        residual = np.concatenate([f.residual for f in mine])
        spread = (float(np.median(residual)), float(np.quantile(residual, 0.95))) if residual.size else None
        seconds = sum(map(len, motions)) / 30.0
        reports.append(SourceReport(source, clips[0].note, len(mine), len(clips), seconds, spread, errors))
    return reports


def corpus_errors(folder: RunFolder, shift: Shift) -> Errors:
    """The same errors on the corpus's own test split."""
    clips = itertools.islice(read_clips(folder.path / "corpus", split="test"), folder.config.evaluate.clips)
    motions: list[Float32Array] = [clip.frames for clip in clips]
    if not motions:
        raise InputError(f"{folder.path} has no clips of the test split; run `python -m train.corpus` first")
    rng = np.random.default_rng([folder.config.seed, 8])
    return reconstruction_errors(motions, through_shift(shift, motions).motions, rng)


def markdown(command: str, corpus: Errors, reports: Sequence[SourceReport]) -> str:
    """The report a person reads."""
    named = {"corpus, held-out clips": corpus} | {r.source: r.errors for r in reports}
    body = []
    for r in reports:
        left = "-" if r.residual is None else f"{r.residual[0]:.1f} / {r.residual[1]:.1f}"
        body.append([r.source, str(r.recordings), str(r.windows), f"{r.seconds:.0f}", left, r.note])
    headings = ["", "recordings", "windows", "seconds", "fit residual mm, median / 95 %", "note"]
    parts = [
        "# Real hands through SHIFT",
        "Recordings of people, never trained on, fitted to the neutral hand, moved into the viewer's "
        "workspace (HOT3D also turned to face the viewer), and sent through SHIFT and back. The errors are "
        "against the fit, over the recorded hands only; brackets are 95 % intervals (bootstrap over "
        "windows). Made by:",
        f"    {command}",
        errors_table(named),
        "## The recordings and their fit",
        table(headings, body),
    ]
    return "\n\n".join(parts) + "\n"


def flat(corpus: Errors, reports: Sequence[SourceReport]) -> dict[str, Any]:
    """Every figure: source -> measure -> value and interval."""
    named = {"corpus": corpus} | {r.source: r.errors for r in reports}
    out: dict[str, Any] = {}
    for name, errors in named.items():
        for field in fields(errors):
            m = getattr(errors, field.name)
            interval = [round(m.low, 4), round(m.high, 4)]
            out[f"{name}.{field.name}"] = {"value": round(m.value, 4), "interval": interval, "count": m.count}
    for r in reports:
        if r.residual is not None:
            out[f"{r.source}.fit_residual_mm"] = {"median": r.residual[0], "q95": r.residual[1]}
    return out


def run(folder: RunFolder, data: Path, command: str) -> Path:
    """Measure the run's SHIFT on the recordings under ``data``; returns the report's path."""
    shift = Shift.load(folder.path / "shift")
    corpus = corpus_errors(folder, shift)
    reports = measure(shift, read_folder(data), folder.config.seed)
    out = folder.folder("evaluate")
    text = markdown(command, corpus, reports)
    write_text(out / "report_real.md", text)
    write_text(out / "real.json", json.dumps(flat(corpus, reports), indent=2) + "\n")
    print(text)
    return out / "report_real.md"
