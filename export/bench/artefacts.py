"""The same random weights, written for every system: our graphs, and checkpoints for the peers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from clutch_rt.grammar import FORMS, Form
from clutch_rt.layout import IntArray
from clutch_rt.native_step import PRECISIONS
from transformers import T5Config, T5ForConditionalGeneration

from export.bench import task
from export.bench.own import NATIVE
from export.bundle_writer import write_graphs
from export.graph import Precision
from export.lm_graphs import lm_graphs
from export.native import native_section
from export.weights import WeightStore
from models import generation
from models.lm import MotionLM

TOKENS: Final = "tokens.json"
COMMIT: Final = "commit.txt"  # at which our graphs were written
FULL: Final = "checkpoint"
SMALL: Final = "checkpoint-small-head"


def models(size: str) -> dict[Form, MotionLM]:
    """The model of the task in both forms, with one T5 underneath."""
    made: dict[Form, MotionLM] = {form: MotionLM(task.config(size, form), task.SEED).eval() for form in FORMS}
    flat, step = made["flat"].t5.state_dict(), made["step"].t5.state_dict()
    with torch.no_grad():
        flat["shared.weight"].mul_(8.0)  # spread logits: a tie would let rounding choose
        for key, value in step.items():
            value.copy_(flat[key][: len(value)] if key == "shared.weight" else flat[key])
    return made


def build(
    folder: Path, size: str, precisions: Sequence[Precision], commit: str | None, log: Callable[[str], None]
) -> None:
    """Write what the systems load into ``folder``; what is there is kept, but our graphs of another commit.

    ``FORM-PRECISION/`` holds our graphs, ``checkpoint/`` and ``checkpoint-small-head/`` what transformers
    loads, and ``tokens.json`` the codes that PyTorch draws under the task's noise, by form.

    Args:
        folder: of one size.
        size: of T5.
        precisions: of our graphs.
        commit: of this source; with changes that are not committed (``-dirty``), or None, no graph is kept.
        log: gets a line for each part.
    """
    folders = [folder / f"{form}-{precision}" for form in FORMS for precision in precisions]
    stamp = folder / COMMIT
    if commit is None or commit.endswith("-dirty") or not stamp.exists() or stamp.read_text() != commit:
        stamp.unlink(missing_ok=True)  # first: what an interruption leaves must not pass for whole
        for path in folders:
            shutil.rmtree(path, ignore_errors=True)
        (folder / TOKENS).unlink(missing_ok=True)
    wanted = [*folders, folder / FULL, folder / SMALL, folder / TOKENS]
    if all(path.exists() for path in wanted):
        return
    made = models(size)
    for form in FORMS:
        for precision in precisions:
            with_rename(folder / f"{form}-{precision}", lambda out: _graphs(out, made[form], precision))  # noqa: B023
            log(f"  wrote {form}-{precision}")
    with_rename(folder / FULL, lambda out: _checkpoint(out, made["flat"], slice(None)))
    with_rename(folder / SMALL, lambda out: _checkpoint(out, made["flat"], slice(-task.SMALL_HEAD, None)))
    log("  wrote the peers' checkpoints")
    if not (folder / TOKENS).exists():
        codes = {form: reference(model).tolist() for form, model in made.items()}
        (folder / TOKENS).write_text(json.dumps(codes))
    stamp.write_text(commit or "")


def with_rename(out: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a folder, which takes the name ``out`` when it is whole; nothing if it is there."""
    if out.exists():
        return
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        write(part)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def reference(model: MotionLM) -> IntArray:
    """The codes ``(24, 4)`` that PyTorch draws for the task."""
    ids, mask = generation.pad_prompts([task.PROMPT])
    return generation.generate(model, ids, mask, [task.SEED], task.STEPS, temperature=1.0, top_k=0)[0]


def _graphs(out: Path, model: MotionLM, precision: Precision) -> None:
    store = WeightStore()
    graphs = lm_graphs(model, store, precision)
    write_graphs(out, graphs, store)
    if precision in PRECISIONS:
        (out / NATIVE).write_text(json.dumps(native_section(graphs, model)))


def _checkpoint(out: Path, model: MotionLM, rows: slice) -> None:
    """A transformers checkpoint, its embedding cut to ``rows``, and a vocabulary of words ``t3, t4, ...``"""
    state = {k: v.detach().clone() for k, v in model.t5.state_dict().items()}
    state["shared.weight"] = state["shared.weight"][rows].clone()
    count = len(state["shared.weight"])
    special = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
    fields: dict[str, Any] = {**model.config.t5().to_dict(), "vocab_size": count, **special}
    peer = T5ForConditionalGeneration(T5Config(**{**fields, "tie_word_embeddings": True}))
    for alias in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"):
        state[alias] = state["shared.weight"]
    peer.load_state_dict(state)
    peer.tie_weights()
    peer.save_pretrained(out)
    _tokenizer(out, count)


def _tokenizer(out: Path, count: int) -> None:
    """Converters ask for a vocabulary; ids are given, so any will do."""
    words = {"<pad>": 0, "</s>": 1, "<unk>": 2, **{f"t{i}": i for i in range(3, count)}}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "<unk>"}
    (out / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings))


def agreement(folder: Path, form: str, codes: Sequence[Sequence[int]]) -> tuple[int, int]:
    """How many of PyTorch's codes ``codes`` repeats, and how many there are."""
    wanted = np.asarray(json.loads((folder / TOKENS).read_text())[form])
    return int((wanted == np.asarray(codes)[: len(wanted)]).sum()), int(wanted.size)
