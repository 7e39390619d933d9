"""The manifest of a bundle: what ``manifest.json`` says, read once and checked field by field."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from clutch_rt.errors import BundleError, GrammarError
from clutch_rt.fields import FORMAT, REINSTALL, Fields, short
from clutch_rt.grammar import FORMS, Form, Grammar
from clutch_rt.layout import FPS, FRAMES_PER_STEP
from clutch_rt.noise import NOISE_NAME

MANIFEST: Final = "manifest.json"
GRAPHS: Final = ("text_encoder", "motion_step", "caption_step", "shift_encoder", "shift_decoder")
CAPTION_ENCODER: Final = "caption_encoder"
MOTION_FIXED: Final = "motion_fixed"
"""The motion step in shapes that never change: for a CUDA graph, which captures it (of weights in 8 bits CUDA
has no products), and for runtimes that want all shapes beforehand, as those of a browser on a GPU."""
MORE_GRAPHS: Final = ("motion_batch", MOTION_FIXED, "motion_token", CAPTION_ENCODER, "shift_block")
"""Graphs that not every bundle has."""
TOKENIZER: Final = "tokenizer.model"
SKELETON: Final = "skeleton.npz"
CARD: Final = "README.md"

_MAX_MANIFEST_BYTES: Final = 4 * 2**20
_MAX_DEPTH: Final = 32
_CHUNK: Final = 2**20


@dataclass(frozen=True)
class FileEntry:
    """One file of a bundle: its SHA-256 in hexadecimal and its size in bytes."""

    sha256: str
    bytes: int

    @classmethod
    def of(cls, path: Path) -> FileEntry:
        """What is true of a file; OSError where it cannot be read."""
        return cls(sha256_of(path), path.stat().st_size)

    def to_dict(self) -> dict[str, Any]:
        """As manifests and key files state it."""
        return {"sha256": self.sha256, "bytes": self.bytes}


@dataclass(frozen=True)
class Sampling:
    """How a motion is drawn when the caller does not say. ``top_k`` 0 leaves every code in play."""

    temperature: float
    top_k: int


@dataclass(frozen=True)
class Limits:
    """The longest motion, in steps of 8 frames, and the longest prompt, in tokens with its end mark."""

    max_steps: int
    max_prompt_tokens: int


@dataclass(frozen=True)
class TextSettings:
    """The tokenizer's special ids and the two prompts, as training used them.

    ``words`` names a text file of the words the model learnt from, one per line (see ``text.words_of``); None
    for a model that started from a pretrained checkpoint and so knows more than it was taught here.
    ``synonyms`` names one of other English words and what they are read as (see ``words.Words``), or is None.
    """

    pad: int
    eos: int
    unk: int
    text_to_motion: str
    motion_to_text: str
    words: str | None = None
    synonyms: str | None = None


@dataclass(frozen=True)
class Manifest:
    """A checked ``manifest.json``, format 1.

    Attributes:
        name: the bundle's own name.
        form: ``step`` or ``flat``, the form of the language model.
        precision: of the weights: ``fp32``, ``fp16``, ``int8``, ``int4``.
        grammar: vocabulary and order of the motion tokens.
        graphs: file name of each graph, by the names in ``GRAPHS``, and in ``MORE_GRAPHS`` where it has them.
        files: every file of the bundle but the manifest, by name.
        raw: the whole document, for ``info``.
    """

    name: str
    form: Form
    precision: str
    grammar: Grammar
    sampling: Sampling
    limits: Limits
    text: TextSettings
    graphs: Mapping[str, str]
    files: Mapping[str, FileEntry]
    licence: str
    training_data: str
    metrics: Mapping[str, Any]
    raw: Mapping[str, Any] = field(repr=False)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``folder/manifest.json``; BundleError says what is wrong with it and what to do."""
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_MANIFEST_BYTES + 1)
    except FileNotFoundError:
        raise BundleError(
            f"{folder} has no {MANIFEST}, so it is not a bundle; name one that `python -m export.onnx` wrote"
        ) from None
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}; check its permissions") from None
    if len(data) > _MAX_MANIFEST_BYTES:
        raise BundleError(f"{path} is over {_MAX_MANIFEST_BYTES} bytes, which no manifest is; {REINSTALL}")
    try:
        raw = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BundleError(f"{path} is not valid JSON ({_first_line(error)}); {REINSTALL}") from None
    except ValueError:  # Python's own limit to the digits of a number
        raise BundleError(f"{path} holds a number of thousands of digits; {REINSTALL}") from None
    if not isinstance(raw, dict):
        raise BundleError(
            f"{path} holds a JSON {type(raw).__name__}, not the object of a manifest; {REINSTALL}"
        )
    return parse_manifest(raw, str(path))


def parse_manifest(raw: Mapping[str, Any], where: str = MANIFEST) -> Manifest:
    """Check a decoded manifest. Unknown keys are let pass: a later version of format 1 may add some."""
    _check_values(raw, where)
    _check_format(raw, where)
    fields = Fields(raw, where)
    form = fields.get("form", str)
    if form not in FORMS:
        raise BundleError(f"{where}: form is {form!r}; this version knows {', '.join(FORMS)}")
    _check_constants(fields)
    grammar = _grammar(fields)
    if grammar.form != form:
        raise BundleError(f"{where}: form is {form!r} but the grammar's is {grammar.form!r}; {REINSTALL}")
    files = _files(fields)
    manifest = Manifest(
        name=fields.get("name", str),
        form=form,
        precision=fields.get("precision", str),
        grammar=grammar,
        sampling=_sampling(fields),
        limits=_limits(fields, grammar),
        text=_text(fields, files),
        graphs=_graphs(fields, files),
        files=files,
        licence=str(raw.get("licence", "not stated")),
        training_data=str(raw.get("training_data", "not stated")),
        metrics=fields.child("metrics").raw if "metrics" in raw else {},
        raw=raw,
    )
    return manifest


def _check_values(value: object, where: str, depth: int = 0) -> None:
    """Refuse what JSON can say and nothing after it can use, in fields known or not."""
    if depth > _MAX_DEPTH:
        raise BundleError(f"{where} nests over {_MAX_DEPTH} levels deep, which no manifest does; {REINSTALL}")
    if isinstance(value, Mapping):
        for key, part in value.items():
            _check_values(key, where, depth + 1)
            _check_values(part, where, depth + 1)
    elif isinstance(value, list):
        for part in value:
            _check_values(part, where, depth + 1)
    elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise BundleError(
            f"{where} holds {short(value)}, half a character that is no text; whole text was wanted; "
            f"{REINSTALL}"
        )
    elif isinstance(value, int) and abs(value) > sys.float_info.max:
        raise BundleError(
            f"{where} holds {short(value)}; numbers below {sys.float_info.max:.0e} were wanted; {REINSTALL}"
        )


def _check_format(raw: Mapping[str, Any], where: str) -> None:
    found = raw.get("format")
    if isinstance(found, bool) or not isinstance(found, int):
        raise BundleError(
            f"{where} does not say its bundle format, so it is not a bundle's manifest; {REINSTALL}"
        )
    if found > FORMAT:
        raise BundleError(
            f"{where}: the bundle has format {found}; this clutch-rt reads format {FORMAT}; "
            "run `pip install --upgrade clutch-rt`"
        )
    if found < FORMAT:
        raise BundleError(
            f"{where}: the bundle has format {found}; this clutch-rt reads format {FORMAT}; {REINSTALL}"
        )


def _check_constants(fields: Fields) -> None:
    """The numbers that the runtime is built on; a bundle made for others would play wrongly, not fail."""
    wanted: dict[str, Any] = {"fps": FPS, "frames_per_step": FRAMES_PER_STEP, "noise": NOISE_NAME}
    for key, value in wanted.items():
        found = fields.get(key, type(value))
        if found != value:
            raise BundleError(f"{fields.where}: {key} is {found!r}; this version plays {value!r} only")


def _grammar(fields: Fields) -> Grammar:
    child = fields.child("grammar")
    names = ["text_vocab", "trajectory_codes", "pose_codes", "max_steps"]
    values = {name: child.at_least(name, 1) for name in names}
    # Bundles of one level, and of no rhythm, need not say so.
    for name, least in (("levels", 1), ("rhythm", 0), ("trajectory_levels", 0)):
        if name in child.raw:
            values[name] = child.at_least(name, least)
    form = child.get("form", str)
    try:
        grammar = Grammar(**values, form=cast(Form, form))
    except GrammarError as error:
        raise BundleError(f"{fields.where}: grammar: {error}; {REINSTALL}") from None
    slots = fields.get("slots", list)
    if tuple(slots) != grammar.slot_names:
        wanted = ", ".join(grammar.slot_names)
        raise BundleError(f"{fields.where}: slots are {short(slots)}; its grammar has {wanted}")
    return grammar


def _sampling(fields: Fields) -> Sampling:
    child = fields.child("sampling")
    temperature = child.get("temperature", float)
    if not 0.0 <= temperature < float("inf"):
        raise BundleError(f"{fields.where}: sampling.temperature is {temperature}; 0 or more was wanted")
    return Sampling(temperature, child.at_least("top_k", 0))


def _limits(fields: Fields, grammar: Grammar) -> Limits:
    child = fields.child("limits")
    limits = Limits(child.at_least("max_steps", 1), child.at_least("max_prompt_tokens", 2))
    if limits.max_steps > grammar.max_steps:
        raise BundleError(
            f"{fields.where}: limits.max_steps is {limits.max_steps}, "
            f"over the grammar's {grammar.max_steps}; {REINSTALL}"
        )
    return limits


def _text(fields: Fields, files: Mapping[str, FileEntry]) -> TextSettings:
    child = fields.child("text")
    prompt = child.get("text_to_motion", str)
    if "{text}" not in prompt:
        raise BundleError(
            f"{fields.where}: text.text_to_motion is {prompt!r}; it must hold {{text}}; {REINSTALL}"
        )
    return TextSettings(
        pad=child.at_least("pad", 0),
        eos=child.at_least("eos", 0),
        unk=child.at_least("unk", 0),
        text_to_motion=prompt,
        motion_to_text=child.get("motion_to_text", str),
        words=_listed(child, "words", files) if child.raw.get("words") is not None else None,
        synonyms=_listed(child, "synonyms", files) if child.raw.get("synonyms") is not None else None,
    )


def _files(fields: Fields) -> dict[str, FileEntry]:
    files = {}
    child = fields.child("files")
    for name in child.raw:
        _check_name(name, fields.where)
        entry = Fields(child.get(name, dict), fields.where, f"files.{name}.")
        files[name] = FileEntry(entry.get("sha256", str).lower(), entry.at_least("bytes", 0))
    for name in (TOKENIZER, SKELETON):
        if name not in files:
            raise BundleError(f"{fields.where} lists no {name!r} among its files; {REINSTALL}")
    return files


def _graphs(fields: Fields, files: Mapping[str, FileEntry]) -> dict[str, str]:
    child = fields.child("graphs")
    names = (*GRAPHS, *(name for name in MORE_GRAPHS if name in child.raw))
    return {name: _listed(child, name, files) for name in names}


def _listed(fields: Fields, key: str, files: Mapping[str, FileEntry]) -> str:
    """The name of a file that the bundle lists, and so has a hash for."""
    name = fields.get(key, str)
    if name not in files:
        raise BundleError(
            f"{fields.where}: {fields.prefix + key!r} is {name!r}, which is not among its files; {REINSTALL}"
        )
    return name


def _check_name(name: str, where: str) -> None:
    """A bundle is flat: a name that could lead outside its folder is refused."""
    if not name or name in (".", "..") or any(c in name for c in "/\\:\0"):
        raise BundleError(f"{where}: the file name {name!r} leads outside the bundle; do not use this bundle")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
