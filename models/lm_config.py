"""The shape of a language model, as a dataclass and as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from clutch_rt.errors import InputError
from clutch_rt.grammar import Grammar
from transformers import T5Config


@dataclass(frozen=True)
class LMConfig:
    """Everything that decides the shape of a MotionLM.

    Attributes:
        grammar: vocabulary, codebook sizes, longest motion, form.
        d_model, d_kv, d_ff, layers, heads: T5's sizes (see ``models.t5.SIZES``).
        decoder_layers: layers of the decoder; None means as many as the encoder.
        feed_forward: ``relu`` (T5) or ``gated-gelu`` (flan-T5).
        dropout: everywhere T5 has it.
        relative_buckets, relative_max_distance: T5's relative position bias.
        layer_norm_epsilon: of every norm.
        scale_outputs: multiply by ``d_model ** -0.5`` before a tied output table, as original T5 does.
        tied_head: the output table is the embedding table, as in original T5; fresh models do better without.
        depth_hidden: width of the depth head's MLPs; None means ``2 * d_model``.
        plan: what is read of each action before a motion is made, and the values it may have; none, no plan.
        planned_captions: a motion is told in words under a plan too, which is read from the motion.
    """

    grammar: Grammar
    d_model: int = 256
    d_kv: int = 64
    d_ff: int = 768
    layers: int = 4
    heads: int = 4
    decoder_layers: int | None = None
    feed_forward: str = "relu"
    dropout: float = 0.0
    relative_buckets: int = 32
    relative_max_distance: int = 128
    layer_norm_epsilon: float = 1e-6
    scale_outputs: bool = False
    tied_head: bool = False
    depth_hidden: int | None = None
    plan: Mapping[str, Sequence[str]] = field(default_factory=dict)
    planned_captions: bool = False

    @property
    def plan_sizes(self) -> list[int]:
        """Numbers of each field of the plan: 0 is none, and i + 1 its i-th value."""
        return [len(values) + 1 for values in self.plan.values()]

    @property
    def form(self) -> str:
        """``step`` or ``flat``."""
        return self.grammar.form

    @property
    def n_decoder_layers(self) -> int:
        """Layers of the decoder."""
        return self.layers if self.decoder_layers is None else self.decoder_layers

    @property
    def vocab(self) -> int:
        """Rows of the shared table: text only in the ``step`` form, text and motion in ``flat``."""
        return self.grammar.text_vocab if self.form == "step" else self.grammar.vocab

    def t5(self) -> T5Config:
        """The same shape in transformers' words."""
        return T5Config(
            vocab_size=self.vocab,
            d_model=self.d_model,
            d_kv=self.d_kv,
            d_ff=self.d_ff,
            num_layers=self.layers,
            num_decoder_layers=self.n_decoder_layers,
            num_heads=self.heads,
            feed_forward_proj=self.feed_forward,
            dropout_rate=self.dropout,
            relative_attention_num_buckets=self.relative_buckets,
            relative_attention_max_distance=self.relative_max_distance,
            layer_norm_epsilon=self.layer_norm_epsilon,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``config.json``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LMConfig:
        """Read ``to_dict`` back; InputError on a field this version does not know, or lacks."""
        unknown = sorted(set(values) - {f.name for f in fields(cls)})
        if unknown:
            raise InputError(
                f"the model's config has unknown fields {', '.join(unknown)}; update this checkout"
            )
        if not isinstance(values.get("plan", {}), dict):
            raise InputError("the model's config has a plan that is no object; restore it beside its weights")
        try:
            return cls(**{**values, "grammar": Grammar(**values["grammar"])})
        except (KeyError, TypeError) as e:
            raise InputError(
                f"the model's config describes no language model ({e}); restore it beside its weights"
            ) from e


def read_config(path: Path) -> LMConfig:
    """The config in a file; InputError where it is no JSON object or no config of ours."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise InputError(f"{path} is not JSON ({e}); restore it beside its weights") from e
    if not isinstance(values, dict):
        raise InputError(f"{path} holds a {type(values).__name__}, not a config; restore it")
    return LMConfig.from_dict(values)
