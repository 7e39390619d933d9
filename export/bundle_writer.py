"""A bundle on disk: built beside its place, checked, and moved there in one rename."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import onnx
from clutch_rt import prompts
from clutch_rt.errors import BundleError, ClutchError
from clutch_rt.hand import neutral_hands
from clutch_rt.handfile import save_hands
from clutch_rt.layout import FPS, FRAMES_PER_STEP
from clutch_rt.manifest import CARD, FORMAT, MANIFEST, SKELETON, TOKENIZER, FileEntry, parse_manifest
from clutch_rt.native_step import PRECISIONS
from clutch_rt.native_weights import SECTION
from clutch_rt.noise import NOISE_NAME

from export.agreement import Report
from export.driver import Draw
from export.figures import Figures, merged
from export.graph import Precision
from export.model_card import TRAINING_DATA, WEIGHTS_LICENCE, model_card
from export.native import native_section
from export.run_folder import SPECIAL_IDS, WORDS, Run
from export.training import Training
from export.weights import WEIGHTS_FILE, WeightStore
from train.tokenizer import SYNONYMS_FILE

SKELETON_LICENCE: Final = "SKELETON-LICENSE.md"


@dataclass(frozen=True)
class About:
    """What a bundle says of itself beyond its files.

    Attributes:
        name: of the bundle.
        precision: of its weights.
        draw: the sampling of callers who do not say.
        files: SHA-256 of what it was written from, by path in the run folder.
        figures: of the PyTorch model; None where there are none of these weights.
        training_data: a phrase for the card.
    """

    name: str
    precision: Precision
    draw: Draw
    files: Mapping[str, str]
    figures: Figures | None = None
    training_data: str = TRAINING_DATA


@contextmanager
def appearing(out: Path, replace: bool) -> Iterator[Path]:
    """A folder to fill, which takes the name ``out`` when the block ends well and vanishes when it does not.

    Args:
        out: where the bundle goes; must be free, an empty folder, or with ``replace`` a bundle.
        replace: whether a bundle may be there already.

    Raises:
        BundleError: something else is there, or the place cannot be written.
    """
    _check_place(out, replace)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir()
        yield part
        _take_place(part, out)
    except OSError as error:
        where = error.filename or out
        reason = error.strerror or error
        raise BundleError(f"cannot write {where}: {reason}; make room, or choose another folder") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_place(out: Path, replace: bool) -> None:
    if not out.name:
        raise BundleError(f"-o {out} names no new folder; give the path of the bundle to write")
    if out.is_file():
        raise BundleError(f"{out} is a file; a bundle is a folder: choose another -o")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / MANIFEST).is_file():
        raise BundleError(
            f"{out} holds files that are no bundle; nothing of it was touched: choose another -o"
        )
    if not replace:
        raise BundleError(f"{out} is a bundle already; say --force to replace it, or choose another -o")


def _take_place(part: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    if out.exists():
        out.rename(old)
    try:
        part.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_graphs(folder: Path, graphs: Mapping[str, onnx.ModelProto], store: WeightStore) -> None:
    """Write ``NAME.onnx`` of each graph and the weights they share."""
    store.write(folder / WEIGHTS_FILE)
    for name, model in graphs.items():
        onnx.save(model, folder / f"{name}.onnx")
        onnx.checker.check_model(str(folder / f"{name}.onnx"))


def write_rest(folder: Path, run: Run, graphs: Mapping[str, Any], about: About, report: Report) -> None:
    """Write vocabulary, skeleton, card and manifest, which its own reader then checks."""
    (folder / TOKENIZER).write_bytes(run.tokenizer)
    if run.words is not None:
        (folder / WORDS).write_bytes(run.words)
    if has_synonyms(run):
        (folder / SYNONYMS_FILE).write_bytes((run.path / SYNONYMS_FILE).read_bytes())
    save_hands(neutral_hands(), folder / SKELETON)
    licence = files("clutch_rt").joinpath("assets/GENERIC-HAND-LICENSE.md").read_bytes()
    (folder / SKELETON_LICENCE).write_bytes(licence)
    manifest = describe(run, graphs, about, report)
    if about.precision in PRECISIONS:
        manifest |= native_section(graphs, run.model, run.shift)
    manifest["files"] = file_entries(folder)
    write_card(folder, manifest, run.path.resolve().name)


def has_synonyms(run: Run) -> bool:
    """Whether the run says what words outside its corpus are read as; runs of before do not."""
    return run.words is not None and (run.path / SYNONYMS_FILE).is_file()


def write_card(folder: Path, manifest: Mapping[str, Any], run_name: str) -> None:
    """Write the card that a manifest gives, and the manifest with the card among its files.

    Args:
        folder: of the bundle; its other files are in place.
        manifest: lists all files but the card.
        run_name: name of the run folder, for the card's commands.
    """
    (folder / CARD).write_text(model_card(manifest, run_name), encoding="utf-8")
    files = {**manifest["files"], CARD: FileEntry.of(folder / CARD).to_dict()}
    write_manifest(folder, {**manifest, "files": dict(sorted(files.items()))})


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a manifest that lists all files, after its own reader has checked it."""
    parse_manifest(manifest)
    told = {name: value for name, value in manifest.items() if name != SECTION}
    text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
    if SECTION in manifest:  # hundreds of tensors: a line each
        text = text.removesuffix("\n}") + f',\n  "{SECTION}": {_by_lines(manifest[SECTION])}\n}}'
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _by_lines(section: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in section.items() if name != "tensors"}
    tensors = ",\n".join(f"      {json.dumps(n)}: {json.dumps(t)}" for n, t in section["tensors"].items())
    head = json.dumps(rest, indent=2).removesuffix("\n}").replace("\n", "\n  ")
    return f'{head},\n    "tensors": {{\n{tensors}\n    }}\n  }}'


def describe(run: Run, graphs: Mapping[str, Any], about: About, report: Report) -> dict[str, Any]:
    """The manifest, format 1, but for its list of files."""
    grammar = run.model.grammar
    return {
        "format": FORMAT,
        "name": about.name,
        "created_with": _versions(),
        "form": grammar.form,
        "precision": about.precision,
        "fps": FPS,
        "frames_per_step": FRAMES_PER_STEP,
        "slots": list(grammar.slot_names),
        "grammar": grammar.to_dict(),
        "noise": NOISE_NAME,
        "sampling": {"temperature": about.draw.temperature, "top_k": about.draw.top_k},
        "limits": {"max_steps": grammar.max_steps, "max_prompt_tokens": run.training.max_prompt},
        "text": {
            **dict(zip(("pad", "eos", "unk"), SPECIAL_IDS, strict=True)),
            "text_to_motion": prompts.TEXT_TO_MOTION,
            "motion_to_text": prompts.MOTION_TO_TEXT,
            **({} if run.words is None else {"words": WORDS}),
            **({"synonyms": SYNONYMS_FILE} if has_synonyms(run) else {}),
        },
        "graphs": {name: f"{name}.onnx" for name in graphs},
        "files": {},
        "skeleton": SKELETON,
        "licence": WEIGHTS_LICENCE,
        "training_data": about.training_data,
        "made_from": dict(about.files),
        **trained(run.training, about.training_data),
        "parameters": {
            "language_model": sum(p.numel() for p in run.model.parameters()),
            "shift": sum(p.numel() for p in run.shift.parameters()),
        },
        **measured(run.training, None, about.figures),
        "parity": report.to_dict(),
    }


def trained(training: Training, training_data: str) -> dict[str, Any]:
    """What a manifest says of the training; the verbs of our corpus only where it was learnt from."""
    return {
        "preset": training.preset,
        "settings": list(training.settings),
        "seed": training.seed,
        "verbs": list(training.verbs) if training_data == TRAINING_DATA else [],
        "max_actions": training.max_actions,
    }


def measured(training: Training, bundle: Figures | None, pytorch: Figures | None) -> dict[str, Any]:
    """What a manifest says of the evaluation."""
    found = bundle or pytorch or Figures({})
    judging = list(training.judging(found.settings))
    return {"metrics": merged(bundle, pytorch), "judging": {"pool": found.pool, "settings": judging}}


def file_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Hash and size of every file of a bundle but its card and its manifest, by name."""
    return {
        path.name: FileEntry.of(path).to_dict()
        for path in sorted(folder.iterdir())
        if path.name not in (MANIFEST, CARD)
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in ("clutch-rt", "torch", "transformers", "onnx", "onnxruntime"):
        try:
            found[package.replace("-", "_")] = version(package)
        except PackageNotFoundError as error:
            if package != "clutch-rt" and package != "onnxruntime":
                raise ClutchError(f"{package} is not installed; run `pip install -e '.[export]'`") from error
    return found
