"""What a motion is, as tokens: the one grammar that training, export and runtime share.

A motion of S steps is an array of *codes* ``(S, 4)``; column k holds an entry of the codebook of slot k.
Two forms of the language model read and write it:

* ``step``: one decoder position per row; the codes are used as they are.
* ``flat``: the paper's stream ``<som> t p t p ... <eom>``, token ids behind the text vocabulary in the
  order ``<som>, <eom>, trajectory codes, pose codes``. The hands share ids: the position tells the hand.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from clutch_rt.errors import GrammarError
from clutch_rt.layout import FRAMES_PER_STEP, SLOT_CODEBOOK, SLOTS, IntArray

Form = Literal["step", "flat"]
FORMS: Final[tuple[Form, ...]] = ("step", "flat")


@dataclass(frozen=True)
class Grammar:
    """The vocabulary and order of motion tokens.

    Attributes:
        text_vocab: rows of the text embedding; motion ids of the ``flat`` form start here.
        trajectory_codes: entries of the trajectory codebook.
        pose_codes: entries of the pose codebook.
        max_steps: the longest motion, in steps of 8 frames.
        form: ``step`` or ``flat``.
    """

    text_vocab: int
    trajectory_codes: int
    pose_codes: int
    max_steps: int
    form: Form = "step"

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise GrammarError(f"form is {self.form!r}; it must be one of {', '.join(FORMS)}")
        for name in ("text_vocab", "trajectory_codes", "pose_codes", "max_steps"):
            if getattr(self, name) < 1:
                raise GrammarError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def som(self) -> int:
        """Id of ``<som>``, which opens a motion in the ``flat`` form."""
        return self.text_vocab

    @property
    def eom(self) -> int:
        """Id of ``<eom>``, which closes a motion in the ``flat`` form."""
        return self.text_vocab + 1

    @property
    def vocab(self) -> int:
        """Rows of the whole ``flat`` vocabulary, text and motion."""
        return self.text_vocab + 2 + self.trajectory_codes + self.pose_codes

    @property
    def max_codes(self) -> int:
        """Entries of the larger codebook: the width of one slot's noise."""
        return max(self.trajectory_codes, self.pose_codes)

    def size(self, slot: int) -> int:
        """Entries of the codebook that slot ``slot`` (0 to 3) draws from."""
        return self.trajectory_codes if SLOT_CODEBOOK[slot] == "trajectory" else self.pose_codes

    def base(self, slot: int) -> int:
        """The ``flat`` id of code 0 in slot ``slot``."""
        first = self.text_vocab + 2
        return first if SLOT_CODEBOOK[slot] == "trajectory" else first + self.trajectory_codes

    @property
    def bases(self) -> IntArray:
        """``base`` of the four slots, ``(4,)``."""
        return np.asarray([self.base(k) for k in range(len(SLOTS))], dtype=np.int64)

    @property
    def sizes(self) -> IntArray:
        """``size`` of the four slots, ``(4,)``."""
        return np.asarray([self.size(k) for k in range(len(SLOTS))], dtype=np.int64)

    def check(self, codes: IntArray) -> None:
        """Raise GrammarError unless ``codes`` is ``(S, 4)``, S in 1..max_steps, each in its codebook."""
        if codes.ndim != 2 or codes.shape[1] != len(SLOTS):
            raise GrammarError(f"codes have shape {tuple(codes.shape)}; a motion is (steps, {len(SLOTS)})")
        if not 1 <= codes.shape[0] <= self.max_steps:
            raise GrammarError(f"the motion has {codes.shape[0]} steps; 1 to {self.max_steps} are allowed")
        bad = (codes < 0) | (codes >= self.sizes)
        if bad.any():
            step, slot = (int(i) for i in np.argwhere(bad)[0])
            raise GrammarError(
                f"step {step} holds code {int(codes[step, slot])} in slot {SLOTS[slot]}; "
                f"that codebook has entries 0 to {self.size(slot) - 1}"
            )

    def flatten(self, codes: IntArray, markers: bool = True) -> IntArray:
        """Codes ``(S, 4)`` to flat ids ``(4 S + 2,)``; without ``markers`` no ``<som>``, ``<eom>``."""
        self.check(codes)
        ids = (codes + self.bases).reshape(-1)
        return np.concatenate([[self.som], ids, [self.eom]]).astype(np.int64) if markers else ids

    def parse(self, ids: IntArray) -> IntArray:
        """Flat ids ``<som> ... <eom>`` back to codes ``(S, 4)``; GrammarError says where it is no motion."""
        ids = np.asarray(ids, dtype=np.int64)
        if ids.ndim != 1 or ids.size < 2 or ids[0] != self.som or ids[-1] != self.eom:
            raise GrammarError(f"a motion runs from <som> ({self.som}) to <eom> ({self.eom})")
        body = ids[1:-1]
        if body.size % len(SLOTS):
            raise GrammarError(
                f"{body.size} tokens lie between <som> and <eom>; they must be whole steps of 4"
            )
        codes = body.reshape(-1, len(SLOTS)) - self.bases
        self.check(codes)
        return codes

    def steps_for(self, frames: int) -> int:
        """Steps that hold ``frames`` frames, the last one perhaps in part."""
        return -(-frames // FRAMES_PER_STEP)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, for a manifest."""
        return asdict(self)
