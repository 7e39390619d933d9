"""What a motion is, as tokens: the one grammar that training, export and runtime share.

A motion of S steps is an array of *codes* ``(S, K)``; column k holds an entry of the codebook of slot k. With
one level K is 4: trajectory and pose of the left hand, then of the right. With residual levels these slots
come again for each, coarse before fine: every slot of a level refines the slot of the same name before it,
and has a codebook of its own. Trajectories may have more levels than poses, or fewer; then the last levels
have the slots of one kind alone. In what is given to a model ``UNKNOWN`` stands where a code is not known.

A model may draw more in a step than its codes: first of all the *rhythm*, one number that says which action
is on and where in its cycles it stands (see ``models.rhythm``). It is fed back with the codes and is no part
of the motion: nothing decodes it, and nobody gives it.

Two forms of the language model read and write it:

* ``step``: one decoder position per row; the codes are used as they are.
* ``flat``: the paper's stream ``<som> t p t p ... <eom>``, token ids behind the text vocabulary in the
  order ``<som>, <eom>``, then level by level trajectory codes, pose codes. The hands share ids: the position
  tells the hand.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

from clutch_rt.errors import GrammarError
from clutch_rt.layout import FRAMES_PER_STEP, SLOT_CODEBOOK, SLOTS, IntArray

Form = Literal["step", "flat"]
FORMS: Final[tuple[Form, ...]] = ("step", "flat")

MOST_LEVELS: Final = 16  # far beyond what helps; what a damaged file may ask for has no bound of its own

UNKNOWN: Final = -1
"""In codes that are given to a model: this slot is not known, the model shall fill it."""


@dataclass(frozen=True)
class Grammar:
    """The vocabulary and order of motion tokens.

    Attributes:
        text_vocab: rows of the text embedding; motion ids of the ``flat`` form start here.
        trajectory_codes: entries of the trajectory codebook.
        pose_codes: entries of the pose codebook.
        max_steps: the longest motion, in steps of 8 frames.
        form: ``step`` or ``flat``.
        levels: residual levels, each with codebooks of the same two sizes.
        trajectory_levels: those of trajectories; 0 says as many as poses have.
        rhythm: values that the rhythm of a step may have; 0 draws none. ``step`` form only.
    """

    text_vocab: int
    trajectory_codes: int
    pose_codes: int
    max_steps: int
    form: Form = "step"
    levels: int = 1
    rhythm: int = 0
    trajectory_levels: int = 0

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise GrammarError(f"form is {self.form!r}; it must be one of {', '.join(FORMS)}")
        for name in ("text_vocab", "trajectory_codes", "pose_codes", "max_steps", "levels"):
            if getattr(self, name) < 1:
                raise GrammarError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in ("levels", "trajectory_levels"):
            if not 0 <= getattr(self, name) <= MOST_LEVELS:
                raise GrammarError(f"{name} is {getattr(self, name)}; at most {MOST_LEVELS} are possible")
        if self.rhythm < 0 or (self.rhythm and self.form != "step"):
            raise GrammarError(f"rhythm is {self.rhythm}; 0 or more is wanted, and 0 in the 'flat' form")

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
        paths = self._levels_of("trajectory") * self.trajectory_codes
        return self.text_vocab + 2 + paths + self.levels * self.pose_codes

    def _levels_of(self, codebook: str) -> int:
        return self.levels if codebook == "pose" else self.trajectory_levels or self.levels

    @cached_property
    def _order(self) -> tuple[tuple[int, int], ...]:
        """Level of each slot, and its place in ``layout.SLOTS``."""
        return tuple(
            (level, place)
            for level in range(max(map(self._levels_of, SLOT_CODEBOOK)))
            for place, codebook in enumerate(SLOT_CODEBOOK)
            if level < self._levels_of(codebook)
        )

    @property
    def slots(self) -> int:
        """Codes to a step: K."""
        return len(self._order)

    @property
    def places(self) -> IntArray:
        """What each slot tells, ``(K,)``: its place in ``layout.SLOTS``, whatever its level."""
        return np.asarray([place for _, place in self._order], dtype=np.int64)

    @property
    def slot_names(self) -> tuple[str, ...]:
        """The name of each slot; those of finer levels end in their number: ``right_pose_1``."""
        return tuple(f"{SLOTS[place]}_{level}" if level else SLOTS[place] for level, place in self._order)

    def codebook(self, slot: int) -> str:
        """``trajectory`` or ``pose``: what slot ``slot`` tells of a hand."""
        return SLOT_CODEBOOK[self._order[slot][1]]

    @property
    def drawn(self) -> IntArray:
        """Values of each choice of a step, in their order, ``(C,)``: the rhythm, if any, then the slots.

        In the ``flat`` form the first slot's last value, behind its codebook, is ``<eom>``.
        """
        slots = self.sizes
        if self.form == "flat":
            slots[0] += 1
        return np.asarray([*([self.rhythm] if self.rhythm else []), *slots.tolist()], dtype=np.int64)

    def size(self, slot: int) -> int:
        """Entries of the codebook that slot ``slot`` (0 to K - 1) draws from."""
        return self.trajectory_codes if self.codebook(slot) == "trajectory" else self.pose_codes

    def base(self, slot: int) -> int:
        """The ``flat`` id of code 0 in slot ``slot``."""
        level, _ = self._order[slot]
        paths, poses = (min(level, self._levels_of(book)) for book in ("trajectory", "pose"))
        if self.codebook(slot) == "pose":
            paths = min(level + 1, self._levels_of("trajectory"))
        return self.text_vocab + 2 + paths * self.trajectory_codes + poses * self.pose_codes

    @property
    def bases(self) -> IntArray:
        """``base`` of the slots, ``(K,)``."""
        return np.asarray([self.base(k) for k in range(self.slots)], dtype=np.int64)

    @property
    def sizes(self) -> IntArray:
        """``size`` of the slots, ``(K,)``."""
        return np.asarray([self.size(k) for k in range(self.slots)], dtype=np.int64)

    def check(self, codes: IntArray, unknown: bool = False) -> None:
        """Raise GrammarError unless ``codes`` is ``(S, K)``, S in 1..max_steps, each in its codebook.

        With ``unknown`` a code may also be ``UNKNOWN``.
        """
        if codes.ndim != 2 or codes.shape[1] != self.slots:
            raise GrammarError(f"codes have shape {tuple(codes.shape)}; a motion is (steps, {self.slots})")
        if not 1 <= codes.shape[0] <= self.max_steps:
            raise GrammarError(f"the motion has {codes.shape[0]} steps; 1 to {self.max_steps} are allowed")
        bad = (codes < (UNKNOWN if unknown else 0)) | (codes >= self.sizes)
        if bad.any():
            step, slot = (int(i) for i in np.argwhere(bad)[0])
            raise GrammarError(
                f"step {step} holds code {int(codes[step, slot])} in slot {self.slot_names[slot]}; "
                f"that codebook has entries 0 to {self.size(slot) - 1}"
            )

    def flatten(self, codes: IntArray, markers: bool = True) -> IntArray:
        """Codes ``(S, K)`` to flat ids ``(K S + 2,)``; without ``markers`` no ``<som>``, ``<eom>``."""
        self.check(codes)
        ids = (codes + self.bases).reshape(-1)
        return np.concatenate([[self.som], ids, [self.eom]]).astype(np.int64) if markers else ids

    def parse(self, ids: IntArray) -> IntArray:
        """Flat ids ``<som> ... <eom>`` back to codes ``(S, K)``; GrammarError says where it is no motion."""
        ids = np.asarray(ids, dtype=np.int64)
        if ids.ndim != 1 or ids.size < 2 or ids[0] != self.som or ids[-1] != self.eom:
            raise GrammarError(f"a motion runs from <som> ({self.som}) to <eom> ({self.eom})")
        body = ids[1:-1]
        if body.size % self.slots:
            raise GrammarError(
                f"{body.size} tokens lie between <som> and <eom>; they must be whole steps of {self.slots}"
            )
        codes = body.reshape(-1, self.slots) - self.bases
        self.check(codes)
        return codes

    def steps_for(self, frames: int) -> int:
        """Steps that hold ``frames`` frames, the last one perhaps in part."""
        return -(-frames // FRAMES_PER_STEP)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, for a manifest."""
        return asdict(self)
