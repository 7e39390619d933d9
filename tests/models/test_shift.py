"""SHIFT: codes and back, streaming, mirroring, codebooks that learn, and its files."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.grammar import Grammar
from clutch_rt.layout import mirror_frames
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from models.causal import CausalConv, CausalUpsample
from models.quantizer import Quantizer, ResidualQuantizer, learn_once_in
from models.shift import VARIANTS, Shift, ShiftConfig

TOKENS = {"shift": 4, "part": 2, "single": 1}


def small(variant: str = "shift", **settings: object) -> ShiftConfig:
    values = {"widths": (8, 12, 16, 16), "trajectory_codes": 24, "pose_codes": 16, "code_size": 8}
    return ShiftConfig(variant=variant, **{**values, **settings})  # type: ignore[arg-type]


def make(variant: str = "shift", seed: int = 0, **settings: object) -> Shift:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Shift(small(variant, **settings)).eval()


def motion(batch: int = 2, frames: int = 40, seed: int = 0) -> Tensor:
    """Smooth random motion ``(batch, frames, 2, 99)``."""
    rng = np.random.default_rng(seed)
    knots = rng.normal(size=(batch, frames // 8 + 2, 2, 99))
    at = np.linspace(0, knots.shape[1] - 1.001, frames)
    low, part = at.astype(int), (at % 1)[None, :, None, None]
    return torch.from_numpy(knots[:, low] * (1 - part) + knots[:, low + 1] * part).float()


def mirrored_motion(frames: Tensor) -> Tensor:
    return torch.from_numpy(mirror_frames(frames.detach().numpy()).copy())


def gaps(points: Tensor, codes: Tensor) -> Tensor:
    """Distance of each point to its nearest code, in double: cdist in float is rough."""
    return torch.cdist(points.double(), codes.double()).amin(dim=1)


@pytest.mark.parametrize("levels, paths", [(1, 0), (2, 0), (1, 3)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_has_its_tokens_and_gives_back_the_shape(variant: str, levels: int, paths: int) -> None:
    model = make(variant, levels=levels, trajectory_levels=paths)
    more = 2 * (paths - levels) if paths and variant == "shift" else 0  # other variants have no trajectories
    codes, tokens = model.encode(motion()), TOKENS[variant] * levels + more
    assert model.tokens_per_step == tokens == len(model.codebook_sizes)
    assert codes.shape == (2, 5, tokens) and codes.dtype == torch.int64
    assert all(int(codes[..., k].max()) < size for k, size in enumerate(model.codebook_sizes))
    assert model.decode(codes).shape == (2, 40, 2, 99)
    assert model(motion()).frames.shape == (2, 40, 2, 99)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=15)
@given(cuts=st.sets(st.integers(1, 8)), seed=st.integers(0, 2**20))
def test_streaming_equals_offline_at_every_split(variant: str, cuts: set[int], seed: int) -> None:
    model = make(variant, levels=2, trajectory_levels=3)
    rng = torch.Generator().manual_seed(seed)
    codes = torch.stack([torch.randint(k, (2, 9), generator=rng) for k in model.codebook_sizes], dim=-1)
    with torch.no_grad():
        whole = model.decode(codes)
        state, parts, bounds = model.initial_state(2), [], [0, *sorted(cuts), 9]
        for start, stop in pairwise(bounds):
            frames, state = model.decode_step(codes[:, start:stop], state)
            parts.append(frames)
    # The sums are the same; only the order in which a convolution adds may differ.
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=2e-5, rtol=1e-5)


def test_the_decoder_does_not_see_the_future() -> None:
    model, codes = make(), torch.zeros(1, 6, 4, dtype=torch.int64)
    later = codes.clone()
    later[:, 4:] = 3
    before, after = model.decode(codes)[:, :32], model.decode(later)[:, :32]
    torch.testing.assert_close(before, after, atol=1e-6, rtol=0)


@pytest.mark.parametrize("paths, swap", [(0, [2, 3, 0, 1, 6, 7, 4, 5]), (3, [2, 3, 0, 1, 6, 7, 4, 5, 9, 8])])
def test_mirrored_motion_swaps_the_hands_codes(paths: int, swap: list[int]) -> None:
    model, frames = make(levels=2, trajectory_levels=paths), motion()
    codes, mirrored = model.encode(frames), model.encode(mirrored_motion(frames))
    assert torch.equal(codes[..., swap], mirrored)
    swapped = mirrored_motion(model.decode(codes))
    torch.testing.assert_close(model.decode(mirrored), swapped, atol=1e-6, rtol=0)


@pytest.mark.parametrize("levels, paths", [(2, 0), (1, 3), (3, 1)])
def test_slots_tell_what_the_grammar_says(levels: int, paths: int) -> None:
    model = make(levels=levels, trajectory_levels=paths)
    grammar = Grammar(1, 1, 1, 1, levels=levels, trajectory_levels=paths)
    codes = torch.zeros(1, 4, model.tokens_per_step, dtype=torch.int64)
    plain = model.decode(codes)
    parts = [(0, slice(0, 9)), (0, slice(9, 99)), (1, slice(0, 9)), (1, slice(9, 99))]
    assert model.tokens_per_step == grammar.slots
    for slot, place in enumerate(grammar.places):
        other = codes.clone()
        other[..., slot] = 5
        changed = (model.decode(other) - plain).abs().amax(dim=(0, 1))
        for k, (hand, part) in enumerate(parts):
            assert bool((changed[hand, part] > 0).any()) == (k == place)


def test_soft_decoding_of_one_hot_weights_is_decoding_and_has_a_gradient() -> None:
    model = make(levels=2)
    codes = model.encode(motion())
    weights = [F.one_hot(codes[..., k], size).float() for k, size in enumerate(model.codebook_sizes)]
    weights = [w.requires_grad_() for w in weights]
    frames = model.decode_soft(weights)
    torch.testing.assert_close(frames, model.decode(codes), atol=1e-6, rtol=1e-6)
    frames.square().sum().backward()
    assert all(w.grad is not None and bool(w.grad.abs().sum() > 0) for w in weights)


def test_normaliser_undoes_itself_and_centres_the_hands() -> None:
    model, frames = make(), motion(8, 64) * 0.3 + 1.0
    model.fit_normaliser(frames)
    x = model.normalise(frames)
    assert float(x.reshape(-1, 99).mean(dim=0).abs().max()) < 1e-4
    torch.testing.assert_close(model.denormalise(x), frames, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", [(40, 2, 99), (1, 40, 2, 98), (1, 41, 2, 99), (1, 0, 2, 99)])
def test_motion_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="wanted"):
        make().encode(torch.zeros(shape))


# ---- building blocks -------------------------------------------------------------------------------


def test_upsampling_is_linear_and_causal() -> None:
    x = torch.tensor([[[2.0, 4.0, 8.0]]])
    y, state = CausalUpsample(1).stream(x, torch.zeros(1, 1, 1))
    assert y.tolist() == [[[1.0, 2.0, 3.0, 4.0, 6.0, 8.0]]]
    assert state.tolist() == [[[8.0]]]


def test_causal_convolution_is_a_left_padded_convolution() -> None:
    conv, x = CausalConv(3, 5, 3, dilation=2), torch.randn(2, 3, 11)
    y, state = conv.stream(x, torch.zeros(2, 3, 4))
    wanted = F.conv1d(F.pad(x, (4, 0)), conv.weight, conv.bias, dilation=2)
    torch.testing.assert_close(y, wanted)
    assert torch.equal(state, x[..., -4:])


@settings(max_examples=40)
@given(seed=st.integers(0, 2**20))
def test_lookup_is_the_nearest_code(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    book = Quantizer(32, 6, 0.97, 0.2, 0)
    book.codebook.copy_(torch.randn(32, 6, generator=rng))
    latents = torch.randn(50, 6, generator=rng)
    distances = torch.cdist(latents.double(), book.codebook.double())
    chosen = distances.gather(1, book.nearest(latents)[:, None])[:, 0]
    # A code that ties with the nearest to float rounding is as good.
    assert bool((chosen - distances.amin(dim=1) < 1e-5).all())


def test_of_equal_codes_the_first_is_taken() -> None:
    book = Quantizer(8, 4, 0.97, 0.2, 0)
    book.codebook.fill_(1.0)
    assert book.nearest(torch.randn(5, 4)).tolist() == [0] * 5


# ---- codebooks that learn ---------------------------------------------------------------------------


def train_codebook(book: Quantizer, latents: Tensor, steps: int, batch: int = 64) -> None:
    book.train()
    for i in range(steps):
        start = i * batch % len(latents)
        book(latents[start : start + batch])
    book.eval()


def test_codebook_starts_unquantised_then_fills_with_data() -> None:
    book, latents = Quantizer(32, 4, 0.97, 0.2, start_steps=3), torch.randn(512, 4) + 5.0
    book.train()
    for i in range(3):
        rows = latents[64 * i : 64 * (i + 1)]
        assert torch.equal(book(rows).latents, rows)
    assert float(gaps(book.codebook, latents[:192]).max()) < 1e-6
    after = book(latents[:64])
    assert not torch.equal(after.latents, latents[:64]) and float(after.commitment.detach()) > 0


@pytest.mark.parametrize("beam", [1, 4])
def test_each_level_quantises_what_those_before_leave_over(beam: int) -> None:
    latents = torch.randn(400, 8, generator=torch.Generator().manual_seed(3))
    quantizer = ResidualQuantizer(3, 16, 8, 0.9, 0.2, 2, beam).train()
    for step in range(40):
        out = quantizer(latents)
        if step < 2 * 3:  # the last level has not started
            torch.testing.assert_close(out.latents, latents)
    quantizer.eval()
    codes = quantizer.nearest(latents)
    assert torch.equal(codes, quantizer(latents).codes) and codes.shape == (400, 3)
    torch.testing.assert_close(quantizer.lookup(codes), quantizer(latents).latents)
    errors, left = [], latents
    for level in range(3):
        left = left - quantizer.level(level).lookup(codes[:, level])
        errors.append(float(left.square().mean()))
    torch.testing.assert_close(latents - left, quantizer.lookup(codes))
    assert errors[0] > 1.2 * errors[1] > 1.2**2 * errors[2]  # each level tells something


@settings(max_examples=20)
@given(seed=st.integers(0, 2**20), beam=st.integers(2, 8))
def test_a_beam_finds_sums_as_near_as_the_nearest_of_each_level_does_or_nearer(seed: int, beam: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    quantizer = ResidualQuantizer(2, 8, 5, 0.97, 0.2, 0, beam)
    for level in range(2):
        quantizer.level(level).codebook.copy_(torch.randn(8, 5, generator=rng) / (level + 1))
    latents = torch.randn(40, 5, generator=rng)

    def away(codes: Tensor) -> Tensor:
        return (quantizer.lookup(codes) - latents).norm(dim=1)

    found = away(quantizer.nearest(latents))
    quantizer.beam = 1
    assert bool((found <= away(quantizer.nearest(latents)) + 1e-5).all())
    if beam == 8:  # as many as there are codes: every sum is looked at
        pairs = torch.cartesian_prod(torch.arange(8), torch.arange(8))
        nearest = torch.cdist(latents.double(), quantizer.lookup(pairs).double()).amin(dim=1)
        torch.testing.assert_close(found.double(), nearest, rtol=1e-4, atol=1e-5)


def test_codebook_finds_clusters_and_no_code_is_lost() -> None:
    rng = torch.Generator().manual_seed(0)
    centres = torch.randn(16, 8, generator=rng) * 10
    latents = centres[torch.randint(16, (4096,), generator=rng)] + torch.randn(4096, 8, generator=rng) * 0.1
    book = Quantizer(64, 8, 0.9, 0.2, start_steps=2)
    train_codebook(book, latents, 300)
    assert len(book.nearest(latents).unique()) == 64
    assert float(gaps(centres, book.codebook).max()) < 0.2


def test_a_checkpoint_of_a_codebook_goes_on_as_if_never_stopped() -> None:
    latents = torch.randn(640, 4, generator=torch.Generator().manual_seed(1))
    whole, first = (Quantizer(32, 4, 0.9, 0.5, 2) for _ in range(2))
    train_codebook(whole, latents, 10)
    train_codebook(first, latents[:320], 5)
    second = Quantizer(32, 4, 0.9, 0.5, 2)
    second.load_state_dict(first.state_dict())
    train_codebook(second, latents[320:], 5)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_a_codebook_learns_once_from_all_parts_of_a_batch() -> None:
    latents = torch.randn(6, 64, 4, generator=torch.Generator().manual_seed(2))
    whole, parted = (ResidualQuantizer(2, 32, 4, 0.9, 0.5, 2).train() for _ in range(2))
    learn_once_in(parted, 4)
    for batch in latents:  # two unquantised starts of each level, then averages and restarts
        made = [parted(part).latents for part in batch.chunk(4)]
        torch.testing.assert_close(whole(batch).latents, torch.cat(made))
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(value, parted.state_dict()[name], msg=lambda m, n=name: f"{n}: {m}")
    assert int(parted.level(1).updates) == len(latents)


def test_training_pass_reaches_every_weight_and_gradient_passes_straight_through() -> None:
    model = make(start_steps=0).train()
    out = model(motion())
    (out.trajectory + out.pose + out.commitment).backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in model.parameters())
    assert float(out.commitment.detach()) > 0


# ---- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_saved_model_is_the_model(variant: str, tmp_path: Path) -> None:
    model = make(variant, seed=3)
    model.fit_normaliser(motion())
    model.save(tmp_path / "shift")
    loaded = Shift.load(tmp_path / "shift")
    assert loaded.config == model.config and not loaded.training
    assert all(torch.equal(v, loaded.state_dict()[k]) for k, v in model.state_dict().items())
    assert sorted(p.name for p in (tmp_path / "shift").iterdir()) == ["config.json", "model.safetensors"]


def test_broken_folders_are_explained(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"config\.json is missing"):
        Shift.load(tmp_path)
    make().save(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(FileFormatError, match="does not fit"):
        Shift.load(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileFormatError, match="missing"):
        Shift.load(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for text, message in (("{", "not JSON"), ("{}", "SHIFT"), (json.dumps({**config, "hue": 1}), "hue")):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(FileFormatError, match=message):
            Shift.load(tmp_path)


@pytest.mark.parametrize("bad", [{"variant": "both"}, {"widths": (1, 2)}, {"pose_codes": 0}])
def test_bad_configs_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InputError):
        ShiftConfig(**bad)  # type: ignore[arg-type]


# ---- what studies alone have -------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_places_coded_as_velocity_come_back(variant: str) -> None:
    """A branch that carries its rows unchanged gives back the motion."""
    model, frames = make(variant, velocity=True), motion()
    model.fit_normaliser(frames)
    x = model.normalise(frames)
    rows = [model._rows(x, p) for p in model.plans]
    torch.testing.assert_close(model._frames(rows), frames, atol=1e-5, rtol=1e-4)
    still = motion(frames=8)[:, :1].expand(-1, 16, -1, -1)
    place = torch.cat([model._rows(model.normalise(still), p) for p in model.plans], 1)
    place = place.reshape(2, -1, 99, 16) if variant == "single" else place.reshape(2, 2, 99, 16)
    assert bool((place[:, :, 6:9, 1:] == 0).all())  # what stands has no velocity


def test_a_decoder_that_looks_ahead_sees_so_many_steps_and_no_more() -> None:
    model, codes = make(lookahead=2), torch.zeros(1, 9, 4, dtype=torch.int64)
    later = codes.clone()
    later[:, 6:] = 3
    same = (model.decode(later) == model.decode(codes)).all(dim=-1).all(dim=-1)[0]
    assert bool(same[:32].all()) and not bool(same[32:40].any())


def test_looking_ahead_is_decoding_later() -> None:
    """The same weights: frames of step s with lookahead 2 are those of step s + 2 without."""
    ahead, plain = make(lookahead=2), make()
    codes = torch.randint(16, (2, 9, 4), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ahead.decode(codes)[:, :56], plain.decode(codes)[:, 16:], atol=2e-5, rtol=1e-5)
    one_hot = [F.one_hot(codes[..., k], n).float() for k, n in enumerate(ahead.codebook_sizes)]
    torch.testing.assert_close(ahead.decode_soft(one_hot), ahead.decode(codes), atol=2e-5, rtol=1e-5)
    assert ahead(motion()).frames.shape == motion().shape


@pytest.mark.parametrize("settings", [{"lookahead": 1}, {"velocity": True}])
def test_what_cannot_stream_says_so(settings: dict[str, object]) -> None:
    model = make(**settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot stream"):
        model.decode_step(torch.zeros(1, 1, 4, dtype=torch.int64), model.initial_state())
