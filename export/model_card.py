"""The model card: ``README.md`` of a bundle, for a person who found the folder and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

WEIGHTS_LICENCE: Final = "Apache-2.0"
TRAINING_DATA: Final = (
    "procedural two-hand clips and sentences of this project's own corpus generator; no recordings of people"
)

_PRECISIONS: Final = {
    "fp32": "float32 throughout; the same tokens as PyTorch.",
    "fp16": (
        "weights stored in float16, arithmetic in float32: half the download of fp32, "
        "the same time and memory."
    ),
    "int8": (
        "linear layers in 8 bits (weights per output channel, activations as they come), embeddings in "
        "8 bits per row, SHIFT's convolutions and codebooks stored in float16; norms, biases and positions "
        "in float32."
    ),
}

_PARITY: Final = {
    "prompts": "sentences",
    "tokens": "motion tokens",
    "token_agreement": "motion tokens alike, part",
    "same_length": "lengths alike, part",
    "caption_agreement": "captions alike, part",
    "code_agreement": "SHIFT codes alike, part",
    "kl_length": "divergence of the length, nats",
    "kl_motion": "divergence of the next code, nats",
    "kl_caption": "divergence of the next word, nats",
    "decode_mm": "joints apart for the same codes, mm",
}

_MEASURED: Final = (
    "Of the PyTorch model this bundle was written from, on held-out clips, with 95 % intervals. Distances "
    "are in mm, accelerations in mm per frame squared."
)

_PROCEDURAL: Final = """\
- It learnt from procedural motion: clean, schematic gestures of a few dozen everyday verbs, drawn by a
  program. It has never seen a recording of a person, and its hands move like the program's, not like yours.
"""
_LIMITS: Final = """\
- It reads plain English about hands. Words outside its vocabulary are read as letters and mean little to it.
- Objects, contact and forces are not modelled: a cup in the sentence is not in the scene.
- Faces, arms and bodies are not modelled; wrists move freely in front of the viewer.
- Speed, count and direction follow the sentence as far as the table says, and no further.
- Do not use it to identify, measure or diagnose people."""


def model_card(manifest: Mapping[str, Any], run_name: str) -> str:
    """Markdown of the card.

    Args:
        manifest: of the bundle, all but the entry of the card itself.
        run_name: name of the run folder, for the commands.
    """
    grammar, sampling = manifest["grammar"], manifest["sampling"]
    sections = [
        f"# {manifest['name']}",
        "A CLUTCH-RT bundle: a sentence becomes the motion of two hands, and back. Load it with "
        '`clutch_rt.load("PATH")`, or `clutch-rt generate --bundle PATH "wave with the right hand"`.',
        "## What it is",
        _table(
            {
                "form": f"`{manifest['form']}`, {_parameters(manifest)}",
                "precision": f"`{manifest['precision']}`: {_PRECISIONS[manifest['precision']]}",
                "size": f"{sum(f['bytes'] for f in manifest['files'].values()) / 1e6:.1f} MB",
                "motion": f"up to {manifest['limits']['max_steps'] * 8 / 30:.1f} s at 30 frames per second, "
                "8 frames per step, four codes per step",
                "codebooks": f"trajectory {grammar['trajectory_codes']}, pose {grammar['pose_codes']} codes",
                "sampling": f"temperature {sampling['temperature']}, top-k {sampling['top_k']} by default",
            }
        ),
        "## How it was made",
        f"Corpus: {manifest['training_data']}. Seed {manifest['seed']}.",
        f"```sh\n{_commands(manifest, run_name)}\n```",
        "## Measured",
        _metrics(manifest["metrics"]),
        "Beside PyTorch, at export, the same sentences under the same noise:",
        _table({words: _number(manifest["parity"][key]) for key, words in _PARITY.items()}),
        "## Limits",
        (_PROCEDURAL if manifest["training_data"] == TRAINING_DATA else "") + _LIMITS,
        "## Licences",
        f"Weights, graphs and vocabulary: {WEIGHTS_LICENCE}. The hand in `skeleton.npz` comes from "
        "`generic-hand` of @webxr-input-profiles/assets, MIT, Copyright (c) 2019 Amazon: see "
        "`SKELETON-LICENSE.md`.",
    ]
    return "\n\n".join(sections) + "\n"


def _parameters(manifest: Mapping[str, Any]) -> str:
    words, motion = (manifest["parameters"][part] / 1e6 for part in ("language_model", "shift"))
    return f"{words:.1f}M parameters of language model and {motion:.1f}M of SHIFT"


def _commands(manifest: Mapping[str, Any], run_name: str) -> str:
    preset = manifest.get("preset") or "default"
    return (
        f"python -m train.all preset={preset} run=runs/{run_name}\n"
        f"python -m export.onnx runs/{run_name} -o {manifest['name']} --precision {manifest['precision']}"
    )


def _metrics(metrics: Mapping[str, Any]) -> str:
    """Measures named ``model.measure``, with values or ``{"value", "interval"}``, as one table."""
    if not metrics:
        return "This run was not evaluated: `python -m train.evaluate run=RUN` makes the table."
    columns: dict[str, None] = {}
    rows: dict[str, dict[str, str]] = {}
    for name, value in metrics.items():
        model, _, measure = name.partition(".")
        columns[model] = None
        rows.setdefault(measure or "value", {})[model] = _number(value)
    lines = [["", *columns], ["---"] * (1 + len(columns))]
    lines += [[measure, *(cells.get(model, "") for model in columns)] for measure, cells in rows.items()]
    table = "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
    return f"{_MEASURED}\n\n{table}"


def _number(value: Any) -> str:
    if isinstance(value, Mapping):
        low_high = value.get("interval")
        interval = f" [{', '.join(map(_number, low_high))}]" if low_high else ""
        return f"{_number(value.get('value'))}{interval}"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return "-" if value is None else str(value)


def _table(rows: Mapping[str, str]) -> str:
    lines = [f"| {name} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")
