"""Small T5 checkpoints as the hub has them: ``config.json``, ``model.safetensors``, ``spiece.model``."""

from __future__ import annotations

import io
from pathlib import Path

import sentencepiece as spm
import torch
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration

WORDS = "the cat sat on the mat and then the dog ate all of the food that was in the bowl by the door"
ROWS = 80  # more rows than pieces, as T5's own 32,128 for 32,000


def write_checkpoint(folder: Path, flan: bool) -> Path:
    """A T5 (relu, tied, scaled outputs), or a flan-T5 (gated, with an output table of its own)."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter([WORDS] * 20),
        model_writer=vocabulary,
        vocab_size=48,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(vocabulary.getvalue())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = T5Config(
            vocab_size=ROWS,
            d_model=32,
            d_kv=8,
            d_ff=48,
            num_layers=2,
            num_heads=3 if flan else 4,  # flan-t5-small's 6 do not divide its 512 either
            feed_forward_proj="gated-gelu" if flan else "relu",
            decoder_start_token_id=0,
            **({"tie_word_embeddings": False} if flan else {}),
        )
        T5ForConditionalGeneration(config).save_pretrained(folder)
        if flan:  # this version of transformers would not write one
            weights = load_file(folder / "model.safetensors")
            weights["lm_head.weight"] = torch.randn(ROWS, 32)
            save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder
