"""The model card: ``README.md`` of a bundle, for a person who found the folder and nothing else."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping
from typing import Any, Final

from export.figure_table import cell, figure_table, plain_table, shortcomings
from export.figures import is_judged
from export.precision_table import precision_table, what_it_tells
from export.training import train_command

WEIGHTS_LICENCE: Final = "Apache-2.0"
TRAINING_DATA: Final = (
    "procedural two-hand clips and sentences of this project's own corpus generator; no recordings of people"
)

_PRECISIONS: Final = {
    "fp32": "float32 throughout; the same tokens as PyTorch.",
    "fp16": ("weights stored in float16, arithmetic in float32: half the download of fp32."),
    "int8": (
        "linear layers in 8 bits (weights per output channel, activations as they come), embeddings in "
        "8 bits per row, SHIFT's convolutions and codebooks stored in float16; norms, biases and positions "
        "in float32."
    ),
    "int4": (
        "linear layers in 4 bits (one scale per 32 weights, activations in 8 bits), embeddings in 8 bits per "
        "row, SHIFT's convolutions and codebooks stored in float16; norms, biases and positions in float32. "
        "It needs ONNX Runtime."
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

_MEASURED: Final = """\
On held-out clips; brackets are 95 % intervals. R@k: how often a motion finds its sentence among the first k
of {pool}, by a retrieval model trained on the train split; verb and hand by its classifiers; verbs in turn:
of the actions in a clip of several, the part whose verb is seen where it should be done; speed, count and
direction by signal meters. The clips' own motions are the ceiling, the same motions dealt out at random the
floor."""
_NOT_JUDGED: Final = """\
This bundle itself was not judged{beside}: `python -m train.evaluate run=RUN bundle=BUNDLE` judges it, and
`python -m export.card RUN BUNDLE` writes what that finds here."""

_PROCEDURAL: Final = (
    "It learnt from procedural motion: clean, schematic gestures drawn by a program. It has never seen a "
    "recording of a person, and its hands move like the program's, not like yours.",
    "It knows {count} verbs: {verbs}. A sentence about anything else gets the hands of one of "
    "these; one without a single word it knows is refused.",
    "It learnt sentences of at most {max_actions} actions, and no longer stories.",
)
_LIMITS: Final = (
    "English only, and plain English about hands. Words it never met are read in pieces and mean little to "
    "it; `clutch-rt generate` names them.",
    "At most {seconds:.1f} s of motion at once, and {tokens} tokens of prompt.",
    "Objects, contact and forces are not modelled: a cup in the sentence is not in the scene.",
    "Faces, arms and bodies are not modelled; wrists move freely in front of the viewer.",
)
_ROUNDED: Final = (
    "{precision} weights: under the same noise {agreement:.0%} of the motion codes are those the PyTorch "
    "model draws, so one seed can give other hands in another precision."
)
_LAST: Final = "Do not use it to identify, measure or diagnose people."


def model_card(manifest: Mapping[str, Any], run_name: str) -> str:
    """Markdown of the card.

    Args:
        manifest: of the bundle, its list of files without the card itself.
        run_name: name of the run folder, for the commands.
    """
    sections = [
        f"# {manifest['name']}",
        "A CLUTCH-RT bundle: a sentence becomes the motion of two hands, and back. Load it with "
        '`clutch_rt.load("PATH")`, or `clutch-rt generate --bundle PATH "wave with the right hand"`.',
        "## What it is",
        _what_it_is(manifest),
        "## How it was made",
        f"Corpus: {manifest['training_data']}. Seed {manifest['seed']}.",
        _commands(manifest, run_name),
        "## Measured",
        _measured(manifest),
        "Beside PyTorch, at export, the same sentences under the same noise:",
        plain_table((words, _number(manifest["parity"][key])) for key, words in _PARITY.items()),
        *_precisions(manifest),
        "## Limits",
        "\n".join(textwrap.fill(f"- {limit}", 110, subsequent_indent="  ") for limit in _limits(manifest)),
        "## Licences",
        f"Weights, graphs and vocabulary: {WEIGHTS_LICENCE}. The hand in `skeleton.npz` comes from "
        "`generic-hand` of @webxr-input-profiles/assets, MIT, Copyright (c) 2019 Amazon: see "
        "`SKELETON-LICENSE.md`.",
    ]
    return "\n\n".join(sections) + "\n"


def _what_it_is(manifest: Mapping[str, Any]) -> str:
    grammar, sampling, precision = manifest["grammar"], manifest["sampling"], manifest["precision"]
    words, motion = (manifest["parameters"][part] / 1e6 for part in ("language_model", "shift"))
    levels = grammar.get("levels", 1)
    paths = grammar.get("trajectory_levels") or levels
    rows = {
        "form": f"`{manifest['form']}`, {words:.1f}M parameters of language model and {motion:.1f}M of SHIFT",
        "precision": f"`{precision}`: {_PRECISIONS[precision]}",
        "size": f"{sum(f['bytes'] for f in manifest['files'].values()) / 1e6:.1f} MB",
        "motion": f"up to {_seconds(manifest):.1f} s at 30 frames per second, "
        f"8 frames per step, {len(manifest['slots'])} codes per step",
        "codebooks": f"trajectory {grammar['trajectory_codes']}, pose {grammar['pose_codes']} codes, "
        f"on {paths} and {levels} levels",
        "sampling": f"temperature {sampling['temperature']}, top-k {sampling['top_k']} by default",
    }
    return plain_table((name, cell(value)) for name, value in rows.items())


def _seconds(manifest: Mapping[str, Any]) -> float:
    return float(manifest["limits"]["max_steps"] * manifest["frames_per_step"] / manifest["fps"])


def _commands(manifest: Mapping[str, Any], run_name: str) -> str:
    run, name = f"runs/{run_name}", manifest["name"]
    export = ["python", "-m", "export.onnx", run, "-o", name, "--precision", manifest["precision"]]
    if manifest["training_data"] != TRAINING_DATA:
        export += ["--training-data", manifest["training_data"]]
    lines = [shlex.join(export)]
    if manifest["preset"] is not None:
        lines.insert(0, train_command(manifest["preset"], run, tuple(manifest["settings"])))
    if is_judged(manifest["metrics"]):
        judging = [f"run={run}", f"bundle={name}", *manifest["judging"]["settings"]]
        lines.append(shlex.join(["python", "-m", "train.evaluate", *judging]))
        card = ["python", "-m", "export.card", run, name]
        if manifest.get("precisions"):
            table = ["-o", "precisions.md", "--work", "runs/precisions"]
            lines.append(shlex.join(["python", "-m", "export.precisions", run, *table]))
            card += ["--precisions", "precisions.json"]
        lines.append(shlex.join(card))
    return "```sh\n" + "\n".join(lines) + "\n```"


def _measured(manifest: Mapping[str, Any]) -> str:
    metrics = manifest["metrics"]
    beside = "; the figures are of the PyTorch model it was written from" if metrics else ""
    parts = [] if is_judged(manifest["metrics"]) else [_NOT_JUDGED.format(beside=beside)]
    if metrics:
        parts += [_MEASURED.format(pool=manifest["judging"]["pool"] or "a pool"), figure_table(metrics)]
    return "\n\n".join(parts)


def _precisions(manifest: Mapping[str, Any]) -> list[str]:
    """The same network in every precision, where that was measured."""
    record = manifest.get("precisions")
    return ["## In other precisions", what_it_tells(record), precision_table(record)] if record else []


def _limits(manifest: Mapping[str, Any]) -> list[str]:
    verbs = [verb.replace("_", " ") for verb in manifest["verbs"]]
    values = {
        "count": len(verbs),
        "verbs": ", ".join(verbs),
        "max_actions": manifest["max_actions"],
        "seconds": _seconds(manifest),
        "tokens": manifest["limits"]["max_prompt_tokens"],
        "precision": manifest["precision"],
        "agreement": manifest["parity"]["token_agreement"],
    }
    limits = [*(_PROCEDURAL if verbs else ()), *_LIMITS]
    rounded = [] if manifest["precision"] == "fp32" else [_ROUNDED]
    told = [limit.format(**values) for limit in (*limits, *rounded)]
    return [*told[: len(limits)], *shortcomings(manifest["metrics"]), *told[len(limits) :], _LAST]


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return "-" if value is None else str(value)
