"""Tiny run folders and bundles of random weights, for tests of the export and of the runtime.

The weights are random but the parts are real: what a trained bundle does wrong, these do wrong as well.
Made once per process and kept in a temporary folder; treat them as read-only, or copy them.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from clutch_rt import prompts
from clutch_rt.grammar import Form, Grammar

from export.graph import Precision
from export.onnx import export_bundle
from export.parity import SENTENCES
from models.lm import LMConfig, MotionLM
from models.rhythm import RHYTHMS
from models.shift import Shift, ShiftConfig
from train.config import apply
from train.evaluate.judged import files_of_run
from train.presets import smoke

MAX_STEPS = 12
TRAJECTORY_CODES = 48
POSE_CODES = 40
LEVELS, TRAJECTORY_LEVELS = 1, 3
PLAN = {"verb": ("wave", "stir", "clap"), "count": ("1", "2")}
METRICS = {
    "truth.verb": {"value": 1.0, "interval": [1.0, 1.0], "count": 48},
    "generated.verb": {"value": 0.96, "interval": [0.93, 0.98], "count": 48},
    "shift.mpjpe": {"value": 21.5, "interval": [20.9, 22.1], "count": 48},
    "codes.pose.used": {"value": 40, "interval": None, "count": 40},
}


@cache
def _root() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="clutch-rt-tiny-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def tiny_run(
    form: Form = "step",
    feed_forward: str = "relu",
    tied_head: bool = True,
    rhythm: bool = True,
    plan: bool = True,
) -> Path:
    """A run folder: ``shift/``, ``lm/``, ``tokenizer.model``, ``config.json``, ``evaluate/metrics.json``.

    The flat form has no rhythm, whatever is asked.
    """
    rhythms = RHYTHMS if rhythm and form == "step" else 0
    parts = (form, feed_forward, "tied" if tied_head else "untied", str(rhythms), "plan" if plan else "none")
    run = _root() / f"run-{'-'.join(parts)}"
    if not run.exists():
        part = run.with_suffix(".part")
        _write_run(part, form, feed_forward, tied_head, rhythms, plan)
        part.rename(run)
    return run


def _write_run(run: Path, form: Form, feed_forward: str, tied_head: bool, rhythms: int, plan: bool) -> None:
    (run / "evaluate").mkdir(parents=True)
    pieces = write_tokenizer(run / "tokenizer.model")
    tiny_shift().save(run / "shift")
    grammar = Grammar(
        pieces, TRAJECTORY_CODES, POSE_CODES, MAX_STEPS, form, LEVELS, rhythms, TRAJECTORY_LEVELS
    )
    config = LMConfig(
        grammar=grammar,
        d_model=48,
        d_kv=16,
        d_ff=64,
        layers=2,
        decoder_layers=3,
        heads=3,
        feed_forward=feed_forward,
        scale_outputs=not tied_head,
        tied_head=tied_head,
        plan=PLAN if plan else {},
        planned_captions=plan,
    )
    save_model(config, run / "lm")
    write_metrics(run / "evaluate" / "metrics.json", files_of_run(run))
    config = apply(smoke(), ["seed=11", "evaluate.temperature=0.9", "evaluate.top_k=16", "lm.max_prompt=96"])
    (run / "config.json").write_text(json.dumps(asdict(config)))


def write_metrics(path: Path, files: Mapping[str, str], **values: float) -> None:
    """What an evaluation of ``files`` would write: ``METRICS``, and ``values`` of what was generated."""
    settings = {**asdict(smoke().evaluate), "temperature": 0.9, "top_k": 16}
    judged = {"model": "a model", "files": dict(files), "pool": 32, "settings": settings}
    other = {f"generated.{name}": {"value": v, "interval": [v, v], "count": 48} for name, v in values.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"judged": judged, **METRICS, **other}))


def tiny_bundle(form: Form = "step", precision: Precision = "fp32") -> Path:
    """A bundle folder of random weights. (The flat one has a head of its own, or it would never end.)"""
    out = _root() / f"bundle-{form}-{precision}"
    if not out.exists():
        export_bundle(tiny_run(form, tied_head=form == "step"), out, precision)
    return out


def tiny_shift() -> Shift:
    """A SHIFT of random weights whose frames have the spread of moving hands."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        shift = Shift(
            ShiftConfig(
                widths=(12, 16, 20, 24),
                depth=1,
                trajectory_codes=TRAJECTORY_CODES,
                pose_codes=POSE_CODES,
                levels=LEVELS,
                trajectory_levels=TRAJECTORY_LEVELS,
                beam=3,
            )
        )
    rng = np.random.default_rng(5)
    rest = np.tile(np.asarray([1, 0, 0, 0, 1, 0], np.float32), 16)
    rest = np.insert(rest, 6, [0.15, -0.3, -0.4]).astype(np.float32)
    spread = np.full(99, 0.3, np.float32)
    spread[6:9] = 0.08
    frames = rest + spread * rng.standard_normal((64, 2, 99)).astype(np.float32)
    shift.fit_normaliser(torch.from_numpy(frames))
    for plan in shift.plans:
        # Fresh codebooks of all levels are alike, and a sum of two codes has no order.
        for level in range(1, plan.levels):
            shift.branch(plan.name).quantizer.level(level).codebook.mul_(0.5**level)
    return shift.eval()


def write_tokenizer(path: Path) -> int:
    """Train a small SentencePiece vocabulary; the number of its pieces."""
    texts = [prompts.text_to_motion(text) for text in SENTENCES] + [prompts.MOTION_TO_TEXT]
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts * 4),
            model_writer=file,
            vocab_size=360,
            hard_vocab_limit=False,
            byte_fallback=True,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    return int(sentencepiece.SentencePieceProcessor(model_file=str(path)).get_piece_size())


def save_model(config: LMConfig, folder: Path) -> None:
    """A language model of random weights, its tables wide enough that choices differ and motions end."""
    model = MotionLM(config, seed=3)
    with torch.no_grad():
        if config.tied_head:
            model.t5.shared.weight.mul_(8.0)
        if model.plan is not None:
            # Of a fresh model it is zero, and nothing would hang on the plan. With .2 what 4 bits round of it
            # moves the words of captions by the .05 nats that an export allows.
            out = model.plan.mix[2].weight
            out.normal_(std=0.15, generator=torch.Generator().manual_seed(3))
    model.save(folder)
