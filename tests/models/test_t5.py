"""Checkpoints in the hub's format: their text part is kept to the bit, motion is added beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from clutch_rt.errors import InputError
from clutch_rt.grammar import FORMS, Grammar

from models.lm import LMConfig, MotionLM
from models.t5 import Pretrained, open_pretrained, text_rows
from tests.t5_checkpoint import ROWS, write_checkpoint


@pytest.fixture(scope="module", params=["relu", "gated-gelu"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small T5 or flan-T5."""
    return write_checkpoint(tmp_path_factory.mktemp("t5"), flan=request.param == "gated-gelu")


def adopted(pretrained: Pretrained, form: str) -> MotionLM:
    grammar = Grammar(text_rows(pretrained), 24, 16, 8, form)  # type: ignore[arg-type]
    return MotionLM.from_pretrained(pretrained, replace(LMConfig(grammar), **pretrained.shape)).eval()


@pytest.mark.parametrize("form", FORMS)
def test_text_runs_exactly_as_in_transformers(checkpoint: Path, form: str) -> None:
    pretrained = open_pretrained(str(checkpoint))
    model = adopted(pretrained, form)
    rows = model.grammar.text_vocab
    assert rows < ROWS
    ids = torch.randint(3, rows, (2, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    inputs = torch.tensor([[0, 5, 6], [0, 7, 8]])
    pretrained.model.set_attn_implementation("eager")  # fused attention may sum in another order
    with torch.no_grad():
        wanted = pretrained.model(input_ids=ids, attention_mask=mask, decoder_input_ids=inputs)
        encoded = model.encode(ids, mask)
        logits = model.text_logits(encoded, inputs)
    real = mask.bool()
    assert torch.equal(encoded.memory[real], wanted.encoder_last_hidden_state[real])
    # a matrix product of fewer rows may sum in another order
    torch.testing.assert_close(logits, wanted.logits[..., :rows], atol=1e-5, rtol=1e-5)


def test_what_the_checkpoint_decides(checkpoint: Path) -> None:
    pretrained = open_pretrained(str(checkpoint))
    gated = pretrained.model.config.feed_forward_proj == "gated-gelu"
    shape = pretrained.shape
    assert shape["feed_forward"] == ("gated-gelu" if gated else "relu")
    assert shape["tied_head"] is not gated
    assert shape["scale_outputs"] is not gated


def test_motion_rows_are_added_at_the_spread_of_the_text(checkpoint: Path) -> None:
    pretrained = open_pretrained(str(checkpoint))
    model = adopted(pretrained, "flat")
    table, rows = model.t5.shared.weight, model.grammar.text_vocab
    assert len(table) == rows + 2 + 24 + 16
    assert torch.equal(table[:rows], pretrained.model.shared.weight[:rows])
    torch.testing.assert_close(table[rows:].std(), table[:rows].std(), rtol=0.05, atol=0.0)
    step = adopted(pretrained, "step")
    assert len(step.t5.shared.weight) == rows and len(step.slot_embedding[0].weight) == 24
    codes = torch.arange(8).view(1, 8, 1).expand(-1, -1, 4)
    inputs = step.step_inputs(codes, torch.tensor([8])).detach()
    ratio = float(inputs.std() / table[:rows].detach().std())
    assert 0.6 < ratio < 1.6, "motion enters the decoder at the spread of text"


@pytest.mark.parametrize("missing", ["config.json", "spiece.model", "model.safetensors"])
def test_an_incomplete_checkpoint_says_what_it_lacks(checkpoint: Path, missing: str, tmp_path: Path) -> None:
    for file in checkpoint.iterdir():
        if file.name != missing:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InputError, match=r"model\.safetensors" if "safe" in missing else missing):
        open_pretrained(str(tmp_path))


def test_another_model_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"t5"', '"bert"'))
    with pytest.raises(InputError, match="bert"):
        open_pretrained(str(tmp_path))


def test_the_hub_out_of_reach_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="local folder"):
        open_pretrained("google/flan-t5-base")
    with pytest.raises(InputError, match="neither a folder nor a hub name"):
        open_pretrained("no/such/place/at all")
