"""What is timed, and the weights it is timed on.

The task: encode a prompt of 16 tokens, decode 24 steps of motion, which are 96 tokens, batch 1, the encoder
included. All systems have the same random T5: the time does not depend on the values, and a trained model
would give the peers a vocabulary that they cannot use.

The ``flat`` vocabulary has 33,160 rows: 32,096 of text, two markers and two codebooks of 531. Peers multiply
all of them at every token; in a motion only the last 1,064 can follow, and that is the *small head*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from clutch_rt.grammar import Form, Grammar
from clutch_rt.ports import MEMORY_LENGTH

from export.graph import Precision
from models.lm import LMConfig
from models.t5 import SIZES

STEPS: Final = 24
LONG_STEPS: Final = 64
"""Enough to see step 60 beside step 5."""

TEXT_VOCAB: Final = 32_096
CODES: Final = 531
MAX_STEPS: Final = 80
SMALL_HEAD: Final = 2 + 2 * CODES

PROMPT: Final = (*range(3, 18), 1)
"""16 ids, the last one ``</s>``; below ``SMALL_HEAD``, so that a cut vocabulary has them too."""

SEED: Final = 7

# Bytes of a weight and of its scales.
_BYTES: Final[dict[Precision, float]] = {"fp32": 4.0, "fp16": 4.0, "int8": 1.0, "int4": 0.5 + 4 / 32}


def grammar(form: Form) -> Grammar:
    """The grammar of the task in either form."""
    return Grammar(TEXT_VOCAB, CODES, CODES, MAX_STEPS, form)


def config(size: str, form: Form) -> LMConfig:
    """A model of one of the sizes in ``models.t5.SIZES``; its logits are scaled, as T5's own are."""
    return LMConfig(grammar=grammar(form), scale_outputs=True, tied_head=True, **SIZES[size])


@dataclass(frozen=True)
class Work:
    """Bytes of weights that a run must read, whatever it does: the floor under its time.

    Attributes:
        once: read by the encoder, and for the keys and values that the decoder attends to.
        per_position: read by each position of the decoder, head included.
        positions: of the decoder, for one step of motion.
        memory: positions of the encoder that each of the decoder's attends to.
        per_key: keys and values in float32 of one position that is attended to, in all layers.
    """

    once: float
    per_position: float
    positions: int
    memory: int
    per_key: float

    def total(self, steps: int) -> float:
        """Bytes read in a run of ``steps`` steps."""
        return self.once + steps * self.positions * self.per_position

    def attended(self, steps: int) -> float:
        """Bytes of keys and values read in such a run: of the memory, and of all positions so far."""
        positions = steps * self.positions
        return self.per_key * (positions * self.memory + positions * (positions + 1) / 2)


def work(shape: LMConfig, precision: Precision, head_rows: int | None = None) -> Work:
    """What ``shape`` must read.

    Args:
        shape: sizes and form.
        precision: of the weights. The tied rows of an int4 model are 8-bit.
        head_rows: rows of the output table; by default those our own graphs multiply, a slot's own.
    """
    d, inner, size = shape.d_model, shape.d_kv * shape.heads, _BYTES[precision]
    feed_forward = d * shape.d_ff * (3 if "gated" in shape.feed_forward else 2)
    encoder = shape.layers * (4 * d * inner + feed_forward)
    memory = shape.n_decoder_layers * 2 * d * inner
    decoder = shape.n_decoder_layers * (6 * d * inner + feed_forward)
    if head_rows is None and shape.form == "step":
        drawn, hidden = shape.grammar.drawn, shape.depth_hidden or 2 * d
        per_position, positions = (decoder + len(drawn) * 2 * d * hidden + int(drawn.sum()) * d) * size, 1
    else:
        head = (float(shape.grammar.drawn.mean()) if head_rows is None else head_rows) * d
        per_position = decoder * size + head * (1.0 if precision == "int4" else size)
        positions = shape.grammar.slots
    attended = len(PROMPT) if shape.form == "flat" else MEMORY_LENGTH
    per_key = 2 * 4.0 * shape.n_decoder_layers * inner
    return Work((encoder + memory) * size, per_position, positions, attended, per_key)


def describe(size: str) -> dict[str, Any]:
    """The task in plain values, for the record."""
    shape = config(size, "flat")
    return {
        "size": size,
        "shape": dict(SIZES[size]),
        "prompt_tokens": len(PROMPT),
        "steps": STEPS,
        "tokens": STEPS * shape.grammar.slots,
        "vocabulary": shape.vocab,
        "small_head_rows": SMALL_HEAD,
        "seed": SEED,
    }
