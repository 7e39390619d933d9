"""The T5 stacks under the language model: their sizes, their random start, and pretrained checkpoints.

The blocks are those of `transformers`. They are held without the duplicate embedding tables of
``T5ForConditionalGeneration`` (``encoder.embed_tokens``, ``decoder.embed_tokens``, a tied ``lm_head``), so
that every tensor appears once in a state dict: ``shared.weight``, ``encoder.*``, ``decoder.*`` and, only
where the output table is one of its own, ``lm_head.weight``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from clutch_rt.errors import InputError
from torch import Tensor, nn
from transformers import T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Stack

SIZES: Final[dict[str, dict[str, Any]]] = {
    "nano": {"d_model": 128, "d_kv": 32, "d_ff": 384, "layers": 2, "heads": 4},
    "tiny": {"d_model": 256, "d_kv": 64, "d_ff": 768, "layers": 4, "heads": 4},
    "small": {"d_model": 512, "d_kv": 64, "d_ff": 2048, "layers": 6, "heads": 8},
    "base": {"d_model": 768, "d_kv": 64, "d_ff": 3072, "layers": 12, "heads": 12},
    "large": {"d_model": 1024, "d_kv": 64, "d_ff": 4096, "layers": 24, "heads": 16},
}
"""Shapes by name. small, base and large are T5's own; tiny is the shipped size, nano is for smoke runs."""

TOKENIZER_FILE: Final = "spiece.model"

# T5's own, where the output table is another one. The first attention adds .4 of a word's own size; beside
# rows of .03 it adds a dozen times theirs, every token says the sum of all, and the encoder never hears the
# order of words.
# Measured on the encoder alone, in the whole mix of sentences, which hand leads in "with the left hand while
# the right hand holds it": after 300 steps .99 right, and .70 with rows of .03 (prompts drawn alike).
FRESH_EMBEDDING_STD: Final = 1.0

# Tied logits then start near +-0.5; with T5's own 1.0 they stay near the prior.
FRESH_TIED_STD: Final = 0.03

# T5's own d_model ** -0.5 is next to nothing in a softmax. Measured on the encoder alone, to tell which hand
# leads in "with the left hand while the right hand holds it": after 50 steps chance with that, all right with
# this. Learning as slowly as the norms besides, it was at chance after a whole pre-training.
FRESH_POSITION_STD: Final = 1.0

_WEIGHT_FILES: Final = ["config.json", TOKENIZER_FILE, "*.safetensors", "*.safetensors.index.json"]


class T5Stacks(nn.Module):
    """Encoder, decoder and the embedding table they share.

    Args:
        config: a T5 configuration; ``vocab_size`` rows of embedding are made.
        tied_head: whether output logits reuse ``shared``; otherwise ``lm_head`` is a table of its own.
    """

    def __init__(self, config: T5Config, tied_head: bool) -> None:
        super().__init__()
        self.config = config
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = _stack(config, decoder=False)
        self.decoder = _stack(config, decoder=True)
        self.lm_head = None if tied_head else nn.Linear(config.d_model, config.vocab_size, bias=False)

    @property
    def head_weight(self) -> Tensor:
        """Output rows ``(vocab_size, d_model)``."""
        return self.shared.weight if self.lm_head is None else self.lm_head.weight


def _stack(config: T5Config, decoder: bool) -> T5Stack:
    fields = config.to_dict()
    fields.update(vocab_size=2, is_decoder=decoder, use_cache=decoder)
    if decoder:
        fields["num_layers"] = config.num_decoder_layers
    # Measured on a CPU with AMX: the backward pass of fused attention in bfloat16 costs a tenth of a step.
    fields["attn_implementation"] = "eager"
    stack = T5Stack(T5Config(**fields))
    del stack.embed_tokens  # inputs always arrive as embeddings
    return stack


@torch.no_grad()
def initialise(stacks: T5Stacks, generator: torch.Generator) -> None:
    """Draw every weight of ``stacks`` afresh, by the rules of T5 but for what is said above."""
    config = stacks.config
    inner = config.num_heads * config.d_kv
    std = {
        "q.weight": (config.d_model * config.d_kv) ** -0.5,
        "k.weight": config.d_model**-0.5,
        "v.weight": config.d_model**-0.5,
        "o.weight": inner**-0.5,
        "wi.weight": config.d_model**-0.5,
        "wi_0.weight": config.d_model**-0.5,
        "wi_1.weight": config.d_model**-0.5,
        "wo.weight": config.d_ff**-0.5,
        "relative_attention_bias.weight": FRESH_POSITION_STD,
        "shared.weight": FRESH_TIED_STD if stacks.lm_head is None else FRESH_EMBEDDING_STD,
        "lm_head.weight": config.d_model**-0.5,
    }
    for name, parameter in stacks.named_parameters():
        if name.endswith("layer_norm.weight"):
            parameter.fill_(1.0)
        else:
            parameter.normal_(std=std[".".join(name.split(".")[-2:])], generator=generator)


@dataclass(frozen=True)
class Pretrained:
    """A T5 checkpoint as it came.

    Attributes:
        model: the network, in evaluation mode, on the CPU, float32.
        tokenizer: path of its SentencePiece model.
        name: what the user called it.
    """

    model: T5ForConditionalGeneration
    tokenizer: Path
    name: str

    @property
    def tied_head(self) -> bool:
        """Whether its output rows are its input rows."""
        return torch.equal(self.model.lm_head.weight, self.model.shared.weight)

    @property
    def shape(self) -> dict[str, Any]:
        """The fields of LMConfig that this checkpoint decides."""
        c = self.model.config
        return {
            "d_model": c.d_model,
            "d_kv": c.d_kv,
            "d_ff": c.d_ff,
            "layers": c.num_layers,
            "decoder_layers": c.num_decoder_layers,
            "heads": c.num_heads,
            "feed_forward": c.feed_forward_proj,
            "relative_buckets": c.relative_attention_num_buckets,
            "relative_max_distance": c.relative_attention_max_distance,
            "layer_norm_epsilon": c.layer_norm_epsilon,
            "scale_outputs": bool(c.scale_decoder_outputs),
            "tied_head": self.tied_head,
        }


def open_pretrained(name: str) -> Pretrained:
    """Open a T5 or flan-T5 checkpoint: a folder, or a name on the Hugging Face hub.

    Args:
        name: a folder that holds ``config.json``, weights and ``spiece.model``; else a hub name such as
            ``google/flan-t5-base``, which is downloaded once into the hub's cache.

    Raises:
        InputError: it cannot be found, reached or read, or it is not a T5 with a SentencePiece vocabulary.
    """
    folder = find_pretrained(name)
    try:
        config = T5Config.from_pretrained(folder)
        if config.model_type != "t5":
            raise InputError(
                f"{folder} holds a {config.model_type!r} model; `init` takes T5 and flan-T5 only"
            )
        model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    except (OSError, KeyError, RuntimeError) as e:
        raise InputError(f"{folder} could not be read as a T5 checkpoint: {e}; download it again") from e
    return Pretrained(model, folder / TOKENIZER_FILE, name)


def find_pretrained(name: str) -> Path:
    """The folder of a checkpoint, fetched from the hub where it is none; raises as ``open_pretrained``."""
    folder = Path(name)
    if not folder.is_dir():
        folder = _download(name)
    for wanted in ("config.json", TOKENIZER_FILE):
        if not (folder / wanted).is_file():
            raise InputError(
                f"{folder} holds no {wanted}; `init` wants a T5 checkpoint folder with config.json, weights "
                f"and {TOKENIZER_FILE}, as save_pretrained and the hub lay it out"
            )
    return folder


def _download(name: str) -> Path:
    """Fetch a checkpoint from the hub into its cache; InputError where that fails."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    help_text = (
        "give a local folder (config.json, weights, spiece.model), or fetch it on a machine with network: "
        f"`hf download {name}`, and pass the folder it prints"
    )
    try:
        return Path(snapshot_download(name, allow_patterns=_WEIGHT_FILES))
    except HFValidationError as e:
        raise InputError(f"{name!r} is neither a folder nor a hub name; {help_text}") from e
    except OSError as e:  # the hub's errors and a missing network are all of this family
        raise InputError(
            f"{name!r} is no folder here and the hub gave {type(e).__name__}; {help_text}"
        ) from e


@torch.no_grad()
def adopt(stacks: T5Stacks, pretrained: Pretrained) -> None:
    """Copy a checkpoint into ``stacks``, whose first rows are the text vocabulary.

    Rows of the checkpoint beyond that vocabulary (sentinels, padding) are left out. Rows of ``stacks`` beyond
    it (motion tokens of the ``flat`` form) keep their own direction and take the spread of the text rows.
    """
    source = {k: v for k, v in pretrained.model.state_dict().items() if "embed_tokens" not in k}
    tables = ["shared.weight"] if stacks.lm_head is None else ["shared.weight", "lm_head.weight"]
    text = text_rows(pretrained)
    own = stacks.state_dict()
    for key in tables:
        rows = source[key][:text]
        table = own[key]
        table[text:] *= rows.std() / table[text:].std() if len(table) > text + 1 else 1.0
        table[:text] = rows
    for key, value in source.items():
        if key not in ("shared.weight", "lm_head.weight"):
            own[key].copy_(value)


def text_rows(pretrained: Pretrained) -> int:
    """Pieces of the checkpoint's vocabulary: the rows of its embedding that text can reach."""
    import sentencepiece

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(pretrained.tokenizer)).get_piece_size()
    rows = pretrained.model.config.vocab_size
    if pieces > rows:
        raise InputError(
            f"{pretrained.tokenizer} has {pieces} pieces, but the model beside it embeds only {rows}; "
            "use the vocabulary that belongs to the checkpoint"
        )
    return int(pieces)
