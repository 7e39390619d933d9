"""The loop over the graphs: noise, lengths, both forms, the decoder's state, and agreement with PyTorch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import clutch_rt
import numpy as np
import onnx
import pytest
from clutch_rt.beams import Beams
from clutch_rt.bundle import Bundle, open_bundle
from clutch_rt.engine import Captions, Engine, Memory
from clutch_rt.errors import BundleError
from clutch_rt.grammar import Form
from clutch_rt.layout import Float32Array, IntArray
from clutch_rt.noise import STREAM_LENGTH, gumbel
from clutch_rt.options import Request, make_request
from clutch_rt.sessions import Sessions
from clutch_rt.shift import Decoder

from tests.runtime.toy_bundle import write_manifest

PROMPT = np.asarray([[5, 9, 300, 1]], np.int64)


def _engine(folder: Path) -> tuple[Bundle, Engine, Sessions]:
    bundle = open_bundle(folder)
    sessions = Sessions(bundle, "cpu", 1)
    return bundle, Engine(bundle.manifest, sessions), sessions


@pytest.fixture(params=["toy", "toy_flat"])
def either(request: pytest.FixtureRequest) -> Iterator[tuple[Bundle, Engine]]:
    bundle, engine, sessions = _engine(request.getfixturevalue(request.param))
    yield bundle, engine
    sessions.close()


@pytest.fixture
def step(toy: Path) -> Iterator[tuple[Bundle, Engine]]:
    bundle, engine, sessions = _engine(toy)
    yield bundle, engine
    sessions.close()


def _draw(bundle: Bundle, engine: Engine, ids: IntArray = PROMPT, **options: object) -> IntArray:
    request = make_request(bundle.manifest, **options)  # type: ignore[arg-type]
    memory = engine.remember(ids, request)
    return np.stack(list(engine.steps(memory, request, engine.length(memory, request))))


def test_codes_obey_the_grammar(either: tuple[Bundle, Engine]) -> None:
    bundle, engine = either
    for seed in range(20):
        bundle.manifest.grammar.check(_draw(bundle, engine, seed=seed))


@pytest.mark.parametrize("frames", [1, 8, 9, 64, 65, 96])
def test_asked_length_gives_its_steps(either: tuple[Bundle, Engine], frames: int) -> None:
    for seed in range(4):
        assert len(_draw(*either, seconds=frames / 30, seed=seed)) == -(-frames // 8)


def test_a_longer_motion_of_the_flat_form_begins_like_a_shorter_one(toy_flat: Path) -> None:
    bundle, engine, sessions = _engine(toy_flat)
    short, long = (_draw(bundle, engine, seconds=s, seed=5) for s in (1.0, 3.0))
    np.testing.assert_array_equal(short, long[: len(short)])
    sessions.close()


def test_the_flat_form_ends_when_it_says_so(toy_flat: Path) -> None:
    bundle, engine, sessions = _engine(toy_flat)
    lengths = {len(_draw(bundle, engine, seed=seed)) for seed in range(60)}
    assert len(lengths) > 3, "every motion has the same length"
    assert min(lengths) >= 1 and max(lengths) <= bundle.manifest.limits.max_steps
    sessions.close()


def test_a_step_of_single_tokens_as_of_before_is_refused(toy_flat: Path, tmp_path: Path) -> None:
    """As bundles of the flat form were exported once; captions need no step."""
    folder = Path(shutil.copytree(toy_flat, tmp_path / "bundle"))
    model = onnx.load(folder / "motion_step.onnx")
    for entry in model.graph.input:
        entry.name = entry.name.replace("codes", "token")
    for node in model.graph.node:
        node.input[:] = ["token" if name == "codes" else name for name in node.input]
    onnx.save(model, folder / "motion_step.onnx")
    write_manifest(folder, json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    bundle, engine, sessions = _engine(folder)
    with pytest.raises(BundleError, match="does not make whole steps of the bundle's form; export it again"):
        _draw(bundle, engine, seed=0)
    assert engine.captions(PROMPT, np.zeros((2, 4), np.int64)).sentences
    sessions.close()


def test_the_length_is_drawn_from_its_own_noise(step: tuple[Bundle, Engine]) -> None:
    bundle, engine = step
    memory = engine.remember(PROMPT)
    assert memory.length_logits is not None
    for seed in range(30):
        noise = gumbel(seed, STREAM_LENGTH, 0, 0, bundle.manifest.grammar.max_steps)
        wanted = int(np.argmax(memory.length_logits / np.float32(0.5) + noise)) + 1
        request = make_request(bundle.manifest, seed=seed, temperature=0.5)
        assert engine.length(memory, request) == wanted


def test_the_length_keeps_to_the_limit(step: tuple[Bundle, Engine]) -> None:
    bundle, engine = step
    logits = np.arange(bundle.manifest.grammar.max_steps, dtype=np.float32) * 100
    memory = Memory(np.zeros((2, 1, 1, 1, 1), np.float32), logits)
    assert engine.length(memory, make_request(bundle.manifest)) == bundle.manifest.limits.max_steps


def test_everything_that_should_matter_does(either: tuple[Bundle, Engine]) -> None:
    base = _draw(*either, seconds=3.2)
    other_ids = np.asarray([[5, 9, 301, 17, 1]], np.int64)
    for other in (
        _draw(*either, seconds=3.2, seed=1),
        _draw(*either, seconds=3.2, temperature=0.01),
        _draw(*either, seconds=3.2, top_k=1),
        _draw(*either, seconds=3.2, ids=other_ids),
    ):
        assert not np.array_equal(base, other)
    np.testing.assert_array_equal(base, _draw(*either, seconds=3.2))


def test_temperature_zero_is_the_likeliest_whatever_the_seed(either: tuple[Bundle, Engine]) -> None:
    greedy = _draw(*either, seconds=3.2, temperature=0, seed=1)
    np.testing.assert_array_equal(greedy, _draw(*either, seconds=3.2, temperature=0, seed=2))
    np.testing.assert_array_equal(greedy, _draw(*either, seconds=3.2, top_k=1, seed=3))


def test_the_decoder_carries_its_state(step: tuple[Bundle, Engine]) -> None:
    bundle, engine = step
    codes = _draw(bundle, engine, seconds=3.2)
    decoder = engine.decoder()
    frames = np.concatenate([decoder.decode(row) for row in codes])
    walked = np.cumsum(codes[:, ::2] + codes[:, 1::2], axis=0)
    np.testing.assert_allclose(frames[7::8, :, 6], 0.1 + 0.002 * walked, rtol=1e-6)
    fresh = engine.decoder().decode(codes[0])
    np.testing.assert_array_equal(fresh, frames[:8])


def _tiny(form: Form) -> Path:
    pytest.importorskip("torch", reason="the comparison with PyTorch needs the extra `export`")
    from tests.tiny_bundle import tiny_bundle

    return tiny_bundle(form, "fp32")


@pytest.mark.parametrize(("form", "rhythm"), [("step", True), ("step", False), ("flat", False)])
def test_codes_equal_pytorchs(form: Form, rhythm: bool, tmp_path: Path) -> None:
    folder = _tiny(form)
    import torch

    from export.onnx import export_bundle
    from models.generation import generate
    from models.lm import MotionLM
    from tests.tiny_bundle import tiny_run

    run = tiny_run(form, tied_head=form == "step", rhythm=rhythm)
    if form == "step" and not rhythm:
        export_bundle(run, folder := tmp_path / "no-rhythm", "fp32")
    bundle, engine, sessions = _engine(folder)
    model = MotionLM.load(run / "lm").eval()
    assert bool(model.grammar.rhythm) == rhythm
    ids = torch.from_numpy(PROMPT)
    for seed, steps in ((0, None), (1, None), (2**64 - 1, None), (3, 12)):
        reference = generate(
            model, ids, torch.ones_like(ids, dtype=torch.bool), [seed], steps, temperature=0.9, top_k=16
        )[0]
        seconds = None if steps is None else steps * 8 / 30
        found = _draw(bundle, engine, seed=seed, seconds=seconds, temperature=0.9, top_k=16)
        np.testing.assert_array_equal(found, reference)
    sessions.close()


@pytest.mark.parametrize("form", ["step", "flat"])
def test_captions_equal_pytorchs(form: Form) -> None:
    _, engine, sessions = _engine(_tiny(form))
    from models.captioning import caption
    from models.lm import MotionLM
    from tests.tiny_bundle import tiny_run

    run = tiny_run(form, tied_head=form == "step", rhythm=form == "step")
    model = MotionLM.load(run / "lm").eval()
    rng = np.random.default_rng(0)
    for steps in (1, 5, 12):
        codes = rng.integers(0, model.grammar.sizes, (steps, model.slots))
        (wanted,) = caption(model, PROMPT[0].tolist(), [codes])
        assert engine.captions(PROMPT, codes).sentences[0] == wanted
    sessions.close()


class _Ending(Beams):
    """A search in which a sentence may end after any word: random weights never say so."""

    def advance(self, logits: Float32Array) -> list[int]:
        logits = np.array(logits)
        logits[:, 1] = np.sort(logits, axis=1)[:, -2]
        return super().advance(logits)


@pytest.mark.parametrize("planned", [True, False])
def test_of_several_sentences_the_runtime_takes_pytorchs(
    planned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a plan, and, as in bundles of before, without."""
    run, bundle = _run_and_bundle(planned, tmp_path)
    import torch
    from clutch_rt import prompts

    from models.captioning import caption, seen
    from models.generation import pad_codes, pad_prompts
    from models.lm import MotionLM
    from models.shift import Shift
    from train.tokenizer import decode, encode, load_tokenizer

    monkeypatch.setattr("clutch_rt.engine.Beams", _Ending)
    monkeypatch.setattr("models.captioning.Beams", _Ending)
    lm, shift = MotionLM.load(run / "lm").eval(), Shift.load(run / "shift").eval()
    pieces = load_tokenizer(run / "tokenizer.model")
    asked = encode(pieces, prompts.MOTION_TO_TEXT)

    def ask(ids: list[int]) -> list[int]:
        return encode(pieces, prompts.TEXT_TO_MOTION.format(text=decode(pieces, ids).strip()))

    with clutch_rt.load(bundle, device="cpu") as model:
        for seed in range(4):
            motion = model.generate("clap three times", seconds=1.6, seed=seed)
            codes = shift.encode(torch.tensor(motion.frames)[None])[0].numpy()
            found = model._engine.captions(np.asarray([asked]), codes)
            assert len(found.sentences) > 1
            labels = seen(lm, *pad_prompts([asked]), *pad_codes([codes]))[1]
            assert (found.labels is not None) is (labels is not None) is planned
            if labels is not None:
                np.testing.assert_array_equal(found.labels, labels)
            assert found.sentences[0] == caption(lm, asked, [codes])[0]
            assert model.caption(motion) == decode(pieces, caption(lm, asked, [codes], ask=ask)[0]).strip()


def _run_and_bundle(planned: bool, folder: Path) -> tuple[Path, Path]:
    """A run, and its bundle; without planned captions it is a copy, exported anew."""
    bundle = _tiny("step")
    from export.onnx import export_bundle
    from tests.tiny_bundle import tiny_run

    run = tiny_run("step")
    if planned:
        return run, bundle
    copy = Path(shutil.copytree(run, folder / "run"))
    config = json.loads((copy / "lm" / "config.json").read_text(encoding="utf-8"))
    del config["planned_captions"]
    (copy / "lm" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    export_bundle(copy, folder / "bundle", "fp32")
    return copy, folder / "bundle"


def test_a_caption_is_the_one_that_reads_back_as_the_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    """The labels that are read differ by chance alone, in a model of random weights; the choice does not."""
    with clutch_rt.load(_tiny("step"), device="cpu") as model:
        engine, tokenizer, motion = model._engine, model._tokenizer, model.generate("wave", seconds=0.8)
        texts = "", "up up up"
        sentences = [tokenizer.own_prompt(text)[0, :-1].tolist() for text in texts]
        empty = tokenizer.own_prompt("")[0, :-1].tolist()
        sentences = [ids[len(empty) :] for ids in sentences]
        assert [tokenizer.decode(ids) for ids in sentences] == list(texts)
        labels = [engine.read(tokenizer.own_prompt(text)) for text in texts]
        assert not np.array_equal(*labels)
        for text, wanted in zip(texts, labels, strict=True):
            found = Captions(sentences, wanted)
            monkeypatch.setattr(engine, "captions", lambda *_, found=found: found)
            assert model.caption(motion) == text
        monkeypatch.setattr(engine, "captions", lambda *_: Captions(sentences[::-1], None))
        assert model.caption(motion) == texts[1], "where nothing is read of motions the likeliest is taken"


def test_a_rhythm_the_manifest_does_not_know_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(_tiny("step"), tmp_path / "bundle"))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del manifest["grammar"]["rhythm"]
    manifest.pop("native", None)  # whose weights would be missed before
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    bundle, engine, sessions = _engine(folder)
    with pytest.raises(BundleError, match="rhythm; export it again"):
        _draw(bundle, engine, seed=0)
    sessions.close()


def test_frames_equal_pytorchs() -> None:
    bundle, engine, sessions = _engine(_tiny("step"))
    import torch

    from models.shift import Shift
    from tests.tiny_bundle import tiny_run

    codes = _draw(bundle, engine, seconds=3.2)
    decoder: Decoder = engine.decoder()
    found = np.concatenate([decoder.decode(row) for row in codes])
    with torch.no_grad():
        reference = Shift.load(tiny_run("step") / "shift").eval().decode(torch.from_numpy(codes[None]))
    # Float rounding: the same sums in another order.
    np.testing.assert_allclose(found, reference[0].numpy(), atol=1e-5)
    sessions.close()


def test_request_fills_in_the_bundles_defaults(toy: Path) -> None:
    manifest = open_bundle(toy).manifest
    assert make_request(manifest) == Request(None, 0, 1.0, 0)
    assert make_request(manifest, seconds=1.0, seed=np.int64(7), temperature=0.5, top_k=3) == Request(
        30, 7, 0.5, 3
    )  # type: ignore[arg-type]
