"""A bundle of hand-written graphs: a few sums and sines in place of networks, with every input and output of
format 1. It has no weights, needs no PyTorch, and its motions depend on all that a real model's depend on:
text, seed, noise, temperature, top-k, asked length, the codes before, the cache and the decoder's state.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from clutch_rt.engine import MAX_CAPTION_TOKENS
from clutch_rt.grammar import Form, Grammar
from clutch_rt.hand import neutral_hands
from clutch_rt.handfile import save_hands
from clutch_rt.layout import FRAMES_PER_STEP, SLOTS
from clutch_rt.manifest import FileEntry
from clutch_rt.noise import NOISE_NAME
from clutch_rt.prompts import MOTION_TO_TEXT, TEXT_TO_MOTION
from clutch_rt.text import words_of
from onnx import TensorProto, helper, numpy_helper, save

MAX_STEPS = 12
MAX_PROMPT = 64
TRAJECTORY_CODES = 12
POSE_CODES = 20
CAPTION = "wave with the right hand"
GRAPHS = ("text_encoder", "motion_step", "caption_step", "shift_encoder", "shift_decoder")
SENTENCES = [
    TEXT_TO_MOTION.format(text=text)
    for text in (
        "knead the dough with both hands",
        "wave with the right hand",
        "tap the table with the left hand three times",
        "clap slowly",
    )
] + [MOTION_TO_TEXT]

_INT, _FLOAT = TensorProto.INT64, TensorProto.FLOAT


class _Graph:
    """Nodes and constants in the order they are made; every call returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def const(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, out: str | None = None, outputs: int = 1, **attributes: Any) -> Any:
        names = [out or f"{kind}{len(self.nodes)}"] + [
            f"{kind}{len(self.nodes)}_{i}" for i in range(1, outputs)
        ]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def floats(self, name: str) -> str:
        return str(self.op("Cast", name, to=_FLOAT))

    def total(self, name: str) -> str:
        """The sum of all values, as ``(1,)``."""
        scalar = self.op("ReduceSum", name, keepdims=0)
        return str(self.op("Reshape", scalar, self.const([1], np.int64)))

    def weighted(self, *terms: tuple[str, float]) -> str:
        parts = [self.op("Mul", name, self.const([weight])) for name, weight in terms]
        return str(self.op("Sum", *parts))

    def save(self, path: Path, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        def info(entries: dict[str, Any]) -> list[Any]:
            return [helper.make_tensor_value_info(n, kind, shape) for n, (kind, shape) in entries.items()]

        graph = helper.make_graph(self.nodes, path.stem, info(inputs), info(outputs), self.constants)
        opset = [helper.make_opsetid("", 17)]
        save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))


def _text_encoder(path: Path, form: Form) -> None:
    g = _Graph()
    ids = g.op("Sin", g.floats("ids"))
    codes = g.op("Sin", g.weighted((g.total(g.floats("codes")), 0.3)))
    both = g.op("Add", g.op("Reshape", ids, g.const([1, 1, 1, -1, 1], np.int64)), codes)
    g.op("Concat", both, both, axis=0, out="memory")
    outputs = {"memory": (_FLOAT, [2, 1, 1, "M", 1])}
    if form == "step":
        rows = np.arange(MAX_STEPS)
        phase = g.op("Add", g.const(rows[None]), g.total(ids))
        g.op("Sin", phase, out="length_logits")
        outputs["length_logits"] = (_FLOAT, [1, MAX_STEPS])
    g.save(path, {"ids": (_INT, [1, "L"]), "codes": (_INT, [1, "S", 4])}, outputs)


def _history(g: _Graph, *terms: tuple[str, float]) -> str:
    """A number ``(1,)`` that everything so far has a part in; it goes into the cache as well."""
    memory = g.total("memory")
    number = g.weighted((g.floats("position"), 0.37), (memory, 0.21), (g.total("cache"), 0.05), *terms)
    g.op(
        "Concat",
        "cache",
        g.op("Expand", number, g.const([2, 1, 1, 1, 1], np.int64)),
        axis=3,
        out="next_cache",
    )
    return number


def _choose(g: _Graph, logits: str, rows: int, noise: str = "noise") -> str:
    """Argmax of cut logits over temperature plus noise, along the last axis."""
    every = g.const([rows], np.int64)
    k = g.op("Where", g.op("Greater", "top_k", g.const([0], np.int64)), g.op("Min", "top_k", every), every)
    best, _ = g.op("TopK", logits, k, outputs=2, axis=-1)
    least = g.op("ReduceMin", best, axes=[-1], keepdims=1)
    cut = g.op("Where", g.op("Less", logits, least), g.const([-1e30]), logits)
    return str(g.op("ArgMax", g.op("Add", g.op("Div", cut, "temperature"), noise), axis=-1, keepdims=0))


def _step_form(path: Path, grammar: Grammar, completes: bool = True) -> None:
    """A step whose codes may be given; without ``completes`` as in bundles that know nothing of that."""
    g, rows = _Graph(), int(grammar.drawn.max())
    started = g.op("Greater", "position", g.const([0], np.int64))
    before = g.op("Mul", g.total(g.floats("codes")), g.floats(started))
    number = _history(g, (before, 0.11), (g.floats("steps"), 0.5))
    angle = g.op(
        "Add", g.op("Mul", number, g.const([[1], [2], [3], [4]])), g.const(np.arange(rows)[None] * 0.7)
    )
    outside = np.where(np.arange(rows) < grammar.sizes[:, None], 0.0, -1e9)
    logits = g.op("Add", g.op("Sin", angle), g.const(outside))
    chosen = g.op("Unsqueeze", _choose(g, logits, rows), g.const([0], np.int64))
    inputs = {"codes": (_INT, [1, 4]), "position": (_INT, [1]), "steps": (_INT, [1]), **_common([4, rows])}
    if completes:
        inputs["given"] = (_INT, [1, 4])
        free = g.op("Less", "given", g.const([0], np.int64))
        g.op("Where", free, chosen, "given", out="next_codes")
    else:
        g.op("Identity", chosen, out="next_codes")
    g.save(
        path,
        inputs,
        {"next_codes": (_INT, [1, 4]), "next_cache": (_FLOAT, [2, 1, 1, "t1", 1])},
    )


def _flat_form(path: Path, grammar: Grammar) -> None:
    """The tokens of a step, each from all before it; the first may be the row behind its codes, the end."""
    g, rows = _Graph(), int(grammar.drawn.max())
    last = g.op("Gather", "codes", g.const([3], np.int64), axis=1)
    first = g.op("Equal", "position", g.const([0], np.int64))
    started = g.op("Add", g.op("Reshape", last, g.const([1], np.int64)), g.const([grammar.base(3)], np.int64))
    token = g.op("Where", first, g.const([grammar.som], np.int64), started)
    cache, index, chosen = "cache", np.arange(rows), []
    for k, size in enumerate(grammar.sizes):
        number = g.weighted(
            *((g.floats("position"), 1.48), (g.total("memory"), 0.21), (g.total(cache), 0.05)),
            *((g.floats(token), 0.11), (g.const([1.0]), 1.27 * k)),
        )
        new = g.op("Expand", number, g.const([2, 1, 1, 1, 1], np.int64))
        cache = g.op("Concat", cache, new, axis=3, out="next_cache" if k == 3 else None)
        allowed = np.where((index < size) | ((index == size) & (k == 0)), 0.0, -1e18)
        bias = g.op("Mul", g.const((index == size) * float(k == 0)), "eom_bias")
        waves = g.op("Sin", g.op("Add", number, g.const(index * 0.7)))
        noise = g.op("Gather", "noise", g.const(k, np.int64), axis=1)
        row = _choose(g, g.op("Sum", waves, g.const(allowed), bias), rows, noise)
        token = g.op("Add", row, g.const([grammar.base(k)], np.int64))
        chosen.append(row)
    g.op("Reshape", g.op("Concat", *chosen, axis=0), g.const([1, 4], np.int64), out="next_codes")
    g.save(
        path,
        {
            **{"codes": (_INT, [1, 4]), "position": (_INT, [1]), "eom_bias": (_FLOAT, [1])},
            **_common([1, 4, rows]),
        },
        {"next_codes": (_INT, [1, 4]), "next_cache": (_FLOAT, [2, 1, 1, "t4", 1])},
    )


def _common(noise: list[int]) -> dict[str, Any]:
    return {
        "memory": (_FLOAT, [2, 1, 1, "M", 1]),
        "cache": (_FLOAT, [2, 1, 1, "t", 1]),
        "noise": (_FLOAT, noise),
        "temperature": (_FLOAT, [1]),
        "top_k": (_INT, [1]),
    }


def _caption_step(path: Path, ids: list[int], vocab: int) -> None:
    g = _Graph()
    table = 20.0 * np.eye(vocab)[[*ids, *[1] * (MAX_CAPTION_TOKENS - len(ids))]]  # as sure as a trained model
    row = g.op("Gather", g.const(table), "position", axis=0)
    g.op("Add", row, g.weighted((g.total("memory"), 0.0)), out="logits")
    g.op("Concat", "cache", g.const(np.zeros((2, 1, 1, 1, 1))), axis=3, out="next_cache")
    ports = {"memory": (_FLOAT, [2, 1, 1, "M", 1]), "cache": (_FLOAT, [2, 1, 1, "t", 1])}
    g.op("Identity", "token", out="unused")
    g.save(
        path,
        {"token": (_INT, [1]), "position": (_INT, [1]), **ports},
        {"logits": (_FLOAT, [1, vocab]), "next_cache": (_FLOAT, [2, 1, 1, "t1", 1]), "unused": (_INT, [1])},
    )


def _shift_encoder(path: Path) -> None:
    """The wrists' x, in centimetres, is every code of a step."""
    g = _Graph()
    steps = g.op("Reshape", "frames", g.const([1, -1, FRAMES_PER_STEP, 2, 99], np.int64))
    x = g.op("Slice", steps, *(g.const([v], np.int64) for v in (6, 7, 4)))
    mean = g.op("ReduceMean", x, axes=[2], keepdims=0)
    level = g.op("Clip", g.op("Mul", mean, g.const([100.0])), g.const(0.0), g.const(TRAJECTORY_CODES - 1.0))
    whole = g.op("Cast", g.op("Round", level), to=_INT)
    pairs = g.op("Expand", whole, g.const([1, 1, 2, 2], np.int64))
    g.op("Reshape", pairs, g.const([1, -1, 4], np.int64), out="codes")
    g.save(path, {"frames": (_FLOAT, [1, "T", 2, 99])}, {"codes": (_INT, [1, "S", 4])})


def _shift_decoder(path: Path) -> None:
    """Wrists that walk by a millimetre per code, on and on: the state is where they stand."""
    g = _Graph()
    pairs = g.op("Reshape", g.floats("codes"), g.const([1, -1, 2, 2], np.int64))
    moves = g.op("ReduceSum", pairs, g.const([3], np.int64), keepdims=1)
    walk = g.op("Add", g.op("CumSum", moves, g.const(1, np.int64)), "state.0")
    last = [g.const([v], np.int64) for v in (-1, 1000, 1)]
    g.op("Slice", walk, *last, out="next_state.0")
    g.op("Add", "state.1", g.const([1.0]), out="next_state.1")
    shown = g.op("Unsqueeze", walk, g.const([2], np.int64))
    ramp = np.linspace(0.001, 0.002, FRAMES_PER_STEP).reshape(1, 1, -1, 1, 1) * (np.arange(99) == 6)
    # Scaled and skewed on purpose: a network's 6D numbers are not orthonormal.
    still = np.concatenate([[2, 0, 0, 0.5, 1, 0], [0.1, -0.3, -0.4], np.tile([1, 0, 0, 0, 3, 0], 15)])
    frames = g.op("Add", g.op("Mul", shown, g.const(ramp)), g.const(still))
    g.op("Reshape", frames, g.const([1, -1, 2, 99], np.int64), out="frames")
    states = {"state.0": (_FLOAT, [1, 1, 2, 1]), "state.1": (_FLOAT, [1])}
    g.save(
        path,
        {"codes": (_INT, [1, "n", 4]), **states},
        {"frames": (_FLOAT, [1, "T", 2, 99]), **{f"next_{name}": entry for name, entry in states.items()}},
    )


def _tokenizer() -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=model,
        vocab_size=400,
        hard_vocab_limit=False,
        byte_fallback=True,
        normalization_rule_name="identity",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return model.getvalue()


def make_toy_bundle(folder: Path, form: Form = "step", completes: bool = True) -> Path:
    """Write a bundle into ``folder``, which is made, and return it; ``completes`` is of the step form."""
    folder.mkdir(parents=True)
    (folder / "tokenizer.model").write_bytes(_tokenizer())
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    grammar = Grammar(pieces.get_piece_size(), TRAJECTORY_CODES, POSE_CODES, MAX_STEPS, form)
    _text_encoder(folder / "text_encoder.onnx", form)
    step = folder / "motion_step.onnx"
    if form == "step":
        _step_form(step, grammar, completes)
    else:
        _flat_form(step, grammar)
    _caption_step(folder / "caption_step.onnx", pieces.encode(CAPTION), pieces.get_piece_size())
    _shift_encoder(folder / "shift_encoder.onnx")
    _shift_decoder(folder / "shift_decoder.onnx")
    save_hands(neutral_hands(), folder / "skeleton.npz")
    words = sorted({word for sentence in SENTENCES for word in words_of(sentence)})
    (folder / "words.txt").write_text("\n".join(words), encoding="utf-8")
    (folder / "README.md").write_text("A toy.\n", encoding="utf-8")
    write_manifest(folder, manifest_of(grammar))
    return folder


def manifest_of(grammar: Grammar) -> dict[str, Any]:
    """The manifest of a toy bundle, its files not yet listed."""
    return {
        "format": 1,
        "name": "toy",
        "created_with": {"clutch_rt": "0"},
        "form": grammar.form,
        "precision": "fp32",
        "fps": 30,
        "frames_per_step": FRAMES_PER_STEP,
        "slots": list(SLOTS),
        "grammar": grammar.to_dict(),
        "noise": NOISE_NAME,
        "sampling": {"temperature": 1.0, "top_k": 0},
        "limits": {"max_steps": MAX_STEPS, "max_prompt_tokens": MAX_PROMPT},
        "text": {
            "pad": 0,
            "eos": 1,
            "unk": 2,
            "text_to_motion": TEXT_TO_MOTION,
            "motion_to_text": MOTION_TO_TEXT,
            "words": "words.txt",
        },
        "graphs": {name: f"{name}.onnx" for name in GRAPHS},
        "skeleton": "skeleton.npz",
        "licence": "CC0",
        "training_data": "none",
        "metrics": {"mpjpe_mm": 1.0},
        "seed": 0,
    }


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write ``manifest.json`` with the hashes of the files that are there."""
    files = {
        path.name: FileEntry.of(path).to_dict()
        for path in sorted(folder.iterdir())
        if path.name != "manifest.json"
    }
    (folder / "manifest.json").write_text(
        json.dumps({**manifest, "files": files}, indent=1), encoding="utf-8"
    )
