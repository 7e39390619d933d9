"""The compiled step: one motion on every processor, in any company, and the one that the graph makes."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import clutch_rt
import numpy as np
import pytest
from clutch_rt import flesh, native_library, noise
from clutch_rt.batch import Batches, Wish
from clutch_rt.bundle import open_bundle
from clutch_rt.errors import BundleError, ClutchError, GrammarError, InputError
from clutch_rt.layout import TRANSLATION, Float32Array, IntArray
from clutch_rt.native_library import Absence, Library, all_kernels, choose
from clutch_rt.native_loop import NativeLoop, NativeStream
from clutch_rt.native_step import NativeStep
from clutch_rt.sessions import Sessions
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = ("clap three times", "wave with the right hand slowly", "first point to the left, then type quickly")

needs_library = pytest.mark.skipif(not isinstance(choose(""), Library), reason="no compiled step runs here")


def _library(kernels: str) -> Library:
    found = choose(kernels)
    assert isinstance(found, Library)
    return found


@cache
def _model(variable: str) -> clutch_rt.Model:
    """The shipped model on those kernels; ``0`` for its graphs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native_library.VARIABLE, variable)
        return clutch_rt.load()


def _codes(
    model: clutch_rt.Model, text: str, seed: int, memory_of: clutch_rt.Model | None = None, **options: Any
) -> IntArray:
    """Of a sentence; its memory may be that of another model."""
    prompt, request = model._ask(text, options.get("seconds"), seed, options.get("temperature"), None)
    memory = (memory_of or model)._engine.remember(prompt.ids, request)
    return np.stack(list(model._engine.steps(memory, request, model._engine.length(memory, request))))


def _led_alike(one: IntArray, other: IntArray) -> float:
    """Part of the codes that come before the first one that differs: from there the pasts are two."""
    wanted = max(one.size, other.size)
    both = min(one.size, other.size)
    differ = np.flatnonzero(one.reshape(-1)[:both] != other.reshape(-1)[:both])
    return float((differ[0] if differ.size else both) / wanted)


@cache
def _step(kernels: str, bundle: Path | None = None) -> NativeStep:
    """The shipped bundle's, or that of another."""
    return NativeStep(_library(kernels), open_bundle(bundle))


# ---- the same everywhere ---------------------------------------------------------------------------


def _logits(
    step: NativeStep, rows: int, seed: int, steps: int, top_k: int
) -> tuple[list[Float32Array], IntArray]:
    """Of each choice in ``steps`` steps of random memories and noise, and the last codes."""
    rng, network, grammar = np.random.default_rng(seed), step.network, step.grammar
    shape = (rows, 1, network.heads, 32, network.head_width)
    start: dict[str, Any] = {
        **{f"memory.{i}": rng.normal(size=shape).astype(np.float32) for i in range(2 * network.layers)},
        "padding": np.where(rng.random((rows, 1, 1, 1, 32)) < 0.3, np.float32(-1e9), np.float32(0)),
        "codes": np.zeros((rows, grammar.slots), np.int64),
        "steps": rng.integers(steps, grammar.max_steps + 1, rows),
        "temperature": np.full(1, 0.7, np.float32),
        "top_k": np.full(1, top_k),
    }
    loop = NativeLoop(step, nullcontext, start)
    sizes = grammar.drawn.tolist()
    found = [np.zeros((rows, size), np.float32) for size in sizes]
    where = (ctypes.c_void_p * len(sizes))(*(part.ctypes.data for part in found))
    loop._call.logits = ctypes.addressof(where)
    seen = []
    for position in range(steps):
        drawn = rng.gumbel(size=(rows, len(sizes), max(sizes))).astype(np.float32)
        (codes,) = loop.run({"position": np.asarray([position]), "noise": drawn})
        seen += [part.copy() for part in found]
    return seen, codes


@needs_library
@pytest.mark.parametrize("kernels", [name for name in all_kernels() if name != "plain"])
@given(rows=st.integers(1, 9), seed=st.integers(0, 999), top_k=st.sampled_from([0, 1, 5]))
@settings(max_examples=5)
def test_every_processor_computes_the_same_bits(kernels: str, rows: int, seed: int, top_k: int) -> None:
    """Whole numbers have no order, and all other sums have one."""
    (found, codes), (wanted, others) = (_logits(_step(k), rows, seed, 3, top_k) for k in (kernels, "plain"))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(codes, others)


@needs_library
@pytest.mark.parametrize("kernels", all_kernels())
def test_the_codes_are_the_graphs(kernels: str) -> None:
    """Of the same noise. Roundings to 8 bits may fall apart where float32's last bits do, and then a choice
    may; in 36 motions here none does of the same memory, and seven do somewhere of the same sentence, whose
    memory has such roundings too. A wrong network would differ at once.
    """
    same, led = [], []
    compiled, graphs = _model(kernels), _model("0")
    for text in TEXTS:
        for seed in range(4):
            for options in ({}, {"seconds": 2.0}, {"temperature": 0.0}):
                wanted = _codes(graphs, text, seed, **options)
                same.append(np.array_equal(_codes(compiled, text, seed, memory_of=graphs, **options), wanted))
                led.append(_led_alike(_codes(compiled, text, seed, **options), wanted))
    assert np.mean(same) > 0.9
    assert np.mean(led) > 0.6


@needs_library
def test_a_motion_is_the_same_in_any_company() -> None:
    model = _model(all_kernels()[0])
    engine, wishes = model._engine, []
    for seed in range(11):
        prompt, request = model._ask(TEXTS[seed % len(TEXTS)], None, seed, None, None)
        wishes.append(Wish(prompt.ids, request))
    together = list(Batches(engine, model._sessions, tuple(model._bundle.manifest.graphs)).motions(wishes))
    for wish, frames in zip(wishes, together, strict=True):
        np.testing.assert_array_equal(frames, engine.whole(wish.ids, wish.request))


@needs_library
def test_threads_share_many_motions_and_change_none() -> None:
    texts = [TEXTS[n % len(TEXTS)] for n in range(11)]
    seen: set[str] = set()
    with clutch_rt.load(threads=3) as model:
        decode = model._batches._decode

        def watched(*args: Any) -> list[Float32Array]:
            seen.add(threading.current_thread().name)
            return decode(*args)

        model._batches._decode = watched  # type: ignore[method-assign]
        for motion in model.generate_many(texts, seeds=list(range(11))):
            wanted = _model(all_kernels()[0]).generate(motion.text, seed=motion.seed)
            np.testing.assert_array_equal(motion.frames, wanted.frames)
        assert seen and threading.current_thread().name not in seen
        cancel = threading.Event()
        cancel.set()
        with pytest.raises(clutch_rt.Cancelled):
            list(model.generate_many(texts, cancel=cancel))


@needs_library
def test_a_network_of_another_kind_is_the_graphs_too(tmp_path: Path) -> None:
    """Gated, with the tanh form of GELU, as flan-T5 has it; without rhythm; and token by token."""
    pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
    from export.onnx import export_bundle
    from tests.tiny_bundle import tiny_run

    runs = (
        tiny_run("step", "gated-gelu"),
        tiny_run("step", rhythm=False),
        tiny_run("flat"),
        tiny_run("flat", "gated-gelu", tied_head=False),
    )
    for number, run in enumerate(runs):
        export_bundle(run, tmp_path / str(number), "int8")
        opened = open_bundle(tmp_path / str(number))
        agreed = []
        for seed in range(6):
            made = []
            for variable in (all_kernels()[0], "0"):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv(native_library.VARIABLE, variable)
                    with clutch_rt.load(opened.path) as model:
                        assert (model._sessions.native("motion_step") is None) == (variable == "0")
                        # A motion that the model ends itself, where it can.
                        made.append(_codes(model, "clap", seed, **({"seconds": 2.0} if seed % 2 else {})))
            agreed.append(_led_alike(*made))
        # Random weights make all codes about as likely, so a last bit decides soon; a wrong network at once.
        assert np.mean(agreed) > 0.1, run.name


@needs_library
@pytest.mark.parametrize("kernels", all_kernels())
@given(seed=st.integers(0, 2**64 - 1), first=st.integers(0, 40))
@settings(max_examples=10)
def test_noise_is_the_formats(kernels: str, seed: int, first: int) -> None:
    """Logarithms in double precision differ by an ulp or two, which float32 hides but for a last bit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native_library.VARIABLE, kernels)
        block = noise.block_noise(seed, first, 3, [220, 512, 37])
    for step in range(3):
        for slot, rows in enumerate((220, 512, 37)):
            wanted = noise.gumbel(seed, noise.STREAM_MOTION, first + step, slot, rows)
            np.testing.assert_array_max_ulp(block[step, slot, :rows], wanted, maxulp=1)


@needs_library
def test_hands_are_parted_as_without_it() -> None:
    rng = np.random.default_rng(0)
    frames = np.concatenate([_model("0").generate(text, seed=1).frames for text in ("clap", "pray", "wave")])
    near = np.repeat(frames, 4, axis=0)
    near[:, 1, TRANSLATION] = near[:, 0, TRANSLATION] + rng.normal(scale=0.06, size=(len(near), 3))
    near[..., : TRANSLATION.start] += rng.normal(scale=0.2, size=(len(near), 2, TRANSLATION.start))
    found, wanted = flesh.parted(near), flesh._parted(near)
    moved = (wanted != near).any(axis=(1, 2))
    assert moved.mean() > 0.2 and not moved.all()
    # Rounds of pushes whose sums have another order: of metres, in float32.
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_array_equal(found[~moved], near[~moved])


@needs_library
@pytest.mark.parametrize("kernels", all_kernels())
def test_frames_are_the_graphs_and_every_processors(kernels: str) -> None:
    """In float32, whose sums have another order in the graph: a few times the last bit of numbers near 1."""
    rng = np.random.default_rng(0)
    found = {which: _model(which)._engine for which in (kernels, "0", "plain")}
    for _ in range(4):
        codes = rng.integers(
            0, found["0"].grammar.sizes, (int(rng.integers(1, 20)), found["0"].grammar.slots)
        )
        wanted, plain = found["0"].decode(codes), found["plain"].decode(codes)
        np.testing.assert_allclose(found[kernels].decode(codes), wanted, atol=2e-5)
        np.testing.assert_array_equal(found[kernels].decode(codes), plain)


@needs_library
def test_a_stream_has_the_frames_of_the_whole() -> None:
    engine, rng = _model(all_kernels()[0])._engine, np.random.default_rng(1)
    codes = rng.integers(0, engine.grammar.sizes, (19, engine.grammar.slots))
    decoder = engine.decoder()
    np.testing.assert_array_equal(
        np.concatenate([decoder.decode(step) for step in codes]), engine.decode(codes)
    )
    with pytest.raises(InputError, match="beyond their codebooks"):
        decoder.decode(codes[0] + 10**6)


# ---- who takes it, and why not ---------------------------------------------------------------------


def test_it_can_be_left_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native_library.VARIABLE, "0")
    with clutch_rt.load() as model:
        assert model.info.kernels == "none (CLUTCH_RT_NATIVE=0 leaves it out)"
        assert model.generate("clap", seconds=0.5).frames.shape == (15, 2, 99)


@needs_library
def test_kernels_that_are_not_here_are_no_wrong_answer() -> None:
    found = choose("AVX9")
    assert isinstance(found, Absence) and "plain" in found.reason


def test_an_installation_without_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Absence("clutch-rt was installed without it")
    monkeypatch.setattr(native_library, "choose", lambda wanted: absent)
    with clutch_rt.load() as model:
        assert model.info.kernels.startswith("none (clutch-rt was installed without it")
        assert model.generate("clap", seconds=0.5).frames.shape == (15, 2, 99)


@needs_library
def test_four_bits_run_on_their_graphs() -> None:
    pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
    from tests.tiny_bundle import tiny_bundle

    sessions = Sessions(open_bundle(tiny_bundle("step", "int4")), "cpu", 1)
    assert sessions.native("motion_step") is None
    assert sessions.kernels == "none (it takes bundles in fp32, fp16 and int8)"


@needs_library
@pytest.mark.parametrize("form", ["step", "flat"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_in_floats_the_codes_are_the_graphs(form: str, precision: str) -> None:
    """Sums have another order, so hardly a choice falls otherwise, though random weights make all likely."""
    pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
    from tests.tiny_bundle import tiny_bundle

    path, agreed = open_bundle(tiny_bundle(form, precision)).path, []  # type: ignore[arg-type]
    for seed in range(6):
        made = []
        for variable in (*all_kernels(), "0"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(native_library.VARIABLE, variable)
                with clutch_rt.load(path) as model:
                    assert (model._sessions.native("motion_step") is None) == (variable == "0")
                    made.append(_codes(model, "clap", seed, seconds=2.0))
        for other in made[1:-1]:
            np.testing.assert_array_equal(made[0], other)
        agreed.append(_led_alike(made[0], made[-1]))
    assert np.mean(agreed) > 0.9


# ---- bad input -------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], object]


@needs_library
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n: n["tensors"].pop("depth_norm.3"), "has no 'depth_norm.3'"),
        (
            lambda n: n["tensors"].update({"start": [0, "f4", [1, 255]]}),
            r"start is f4 \[1, 255\], f4 \[1, 256\]",
        ),
        (lambda n: n["tensors"].update({"start": [1 << 40, "f4", [1, 256]]}), "outside the weights"),
        (lambda n: n["tensors"].update({"start": [-4, "f4", [1, 256]]}), "outside the weights"),
        (lambda n: n["tensors"].update({"start": "far"}), "has no 'start'"),
        (lambda n: n["network"].update(layers=10**9), "of no network"),
        (
            lambda n: (
                n["network"].update(positions=8),
                n["tensors"]["decoder.position_bias"].__setitem__(2, [1, 1, 4, 1, 8]),
            ),
            "a motion may have 32",
        ),
        (lambda n: n["network"].update(width=0), "at least 1"),
        (lambda n: n["network"].update(activation="swish"), "swish"),
        (lambda n: n.pop("network"), "network"),
        (lambda n: n["shift"].update(widths=[0, 1, 2, 3]), "of no decoder"),
        (lambda n: n["shift"].update(depths=[1, 1]), "native.shift.depths"),
        (lambda n: n["shift"].update(depths=[1, 1, 1, 30]), "of no decoder"),
        (lambda n: n["tensors"]["decoder.memory"].__setitem__(1, "i1"), r"decoder.memory is i1 .*, u1 "),
        (lambda n: n["tensors"]["slot_embedding"].__setitem__(1, "u1"), r"slot_embedding is u1 .*, i1 "),
        (lambda n: n["tensors"]["start"].__setitem__(1, ["f4"]), r"start is \['f4'\]"),
        (lambda n: n["tensors"]["pose.codebook.0"].__setitem__(1, "u1"), "pose.codebook.0 is u1"),
        (lambda n: n["tensors"]["length_head.0.weight"].__setitem__(1, "f2"), "length_head.0.weight is f2"),
        (lambda n: n["shift"].update(code_size=65), r"trajectory.codebook.0 is f2 \[512, 64\]"),
        (lambda n: n["tensors"].pop("pose.decoder.conv.1"), "has no 'pose.decoder.conv.1'"),
        (lambda n: n.update(weights="../weights.bin"), "not among its files"),
    ],
)
def test_a_damaged_table_is_named(told_otherwise: Callable[..., Path], change: Change, said: str) -> None:
    with clutch_rt.load(told_otherwise(change)) as model, pytest.raises(BundleError, match=said):
        model.generate("clap")


@needs_library
def test_given_codes_beyond_their_codebook_never_reach_it() -> None:
    model = _model(all_kernels()[0])
    prompt, request = model._ask("clap", 1.0, 0, None, None)
    memory = model._engine.remember(prompt.ids, request)
    for wrong in (10**6, -2):
        codes = np.full((4, model._engine.grammar.slots), wrong, np.int64)
        with pytest.raises(GrammarError, match="entries 0 to"):
            list(model._engine.steps(memory, request, 4, given=codes))


@needs_library
def test_a_process_may_end_while_a_step_is_made(tmp_path: Path) -> None:
    """A forgotten stream decodes in a daemon thread, which the interpreter's end finds at work."""
    code = """
import threading, time, clutch_rt
model = clutch_rt.load()
prompt, request = model._ask("clap", 8, 0, None, None)
memory = model._engine.remember(prompt.ids, request)
def work():
    while True:
        list(model._engine.steps(memory, request, 30))
threading.Thread(target=work, daemon=True).start()
time.sleep(0.3)
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=120, capture_output=True)
        assert done.returncode == 0, done.stderr


@needs_library
@pytest.mark.parametrize(
    "wrong",
    [
        {"padding": np.zeros((1, 1, 1, 1, 32), np.float32)},
        {"codes": np.zeros((2, 1), np.int64)},
        {"steps": np.ones(1, np.int64)},
        {"steps": np.full(2, 33)},
        {"memory.3": np.zeros((2, 1, 4, 31, 64), np.float32)},
    ],
)
def test_inputs_of_other_shapes_never_reach_it(wrong: dict[str, Any]) -> None:
    step = _step(all_kernels()[0])
    with pytest.raises((InputError, BundleError)):
        NativeLoop(step, nullcontext, _start(step) | wrong)


@needs_library
def test_codes_beyond_their_codebooks_never_reach_it() -> None:
    step = _step(all_kernels()[0])
    for wrong in (10**6, -1):
        codes = {"codes": np.full((2, step.grammar.slots), wrong)}
        with pytest.raises(InputError):
            NativeLoop(step, nullcontext, _start(step) | codes)


def _start(step: NativeStep) -> dict[str, Any]:
    """Inputs of two motions before their first step."""
    shape = (2, 1, step.network.heads, 32, step.network.head_width)
    return {
        **{f"memory.{i}": np.zeros(shape, np.float32) for i in range(2 * step.network.layers)},
        "padding": np.zeros((2, 1, 1, 1, 32), np.float32),
        "codes": np.zeros((2, step.grammar.slots), np.int64),
        "steps": np.full(2, 3),
        "temperature": np.ones(1, np.float32),
        "top_k": np.zeros(1, np.int64),
    }


@needs_library
def test_a_stream_takes_no_inputs_of_other_shapes_and_no_step_behind_its_end() -> None:
    pytest.importorskip("torch", reason="making the bundle needs the extra `export`")
    from tests.tiny_bundle import tiny_bundle

    step = _step(all_kernels()[0], tiny_bundle("flat", "fp32"))
    network, grammar = step.network, step.grammar
    memory = (2 * network.layers, 1, network.heads, 7, network.head_width)
    start: dict[str, Any] = {
        "memory": np.zeros(memory, np.float32),
        "codes": np.zeros((1, grammar.slots), np.int64),
        "temperature": np.ones(1, np.float32),
        "top_k": np.zeros(1, np.int64),
    }
    for wrong in (
        {"memory": np.zeros((2, 1, 1, 7, 1))},
        {"codes": np.zeros((2, 1))},
        {"codes": -start["codes"] - 1},
    ):
        with pytest.raises((InputError, BundleError)):
            NativeStream(step, nullcontext, start | wrong)

    stream, rows = NativeStream(step, nullcontext, start), int(grammar.drawn.max())
    feeds = {"position": np.zeros(1, np.int64), "eom_bias": np.zeros(1, np.float32)}
    feeds["noise"] = np.zeros((1, grammar.slots, rows), np.float32)
    for wrong in ({"noise": feeds["noise"][0]}, {"position": np.full(1, grammar.max_steps)}):
        with pytest.raises(ClutchError):
            stream.run(feeds | wrong)
    (codes,) = stream.run(feeds | {"eom_bias": np.full(1, 1e9, np.float32)})
    assert codes[0, 0] == grammar.size(0)
    with pytest.raises(ClutchError, match="behind the end"):
        stream.run(feeds | {"position": np.ones(1, np.int64)})
