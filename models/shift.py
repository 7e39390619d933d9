"""SHIFT: a two-hand motion as codes, four per step of 8 frames and residual level, and back.

A trajectory branch and a pose branch, each applied to the left hand (mirrored to right-hand form) and
to the right hand, each with one codebook for both hands ("Structuring Hands Into Fine-grained Tokens",
CLUTCH, ICLR 2026). The encoder may look ahead; the decoder is causal and streams. The paper's ablation
rows come from the same code: ``part`` gives one code per hand, ``single`` one code for both hands. So do
those of what a stream cannot have: a decoder that looks ahead, and places coded as velocities.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.layout import (
    FRAMES_PER_STEP,
    HAND_SIZE,
    HANDS,
    LEFT,
    MIRROR_SIGNS,
    POSE,
    ROTATION,
    TRAJECTORY_SIZE,
    TRANSLATION,
)
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from models.causal import Decoder, Encoder, State
from models.files import appearing
from models.quantizer import ResidualQuantizer
from models.shift_config import VARIANTS, BranchPlan, ShiftConfig, plan, read_config, slots

__all__ = ["CONFIG_FILE", "VARIANTS", "Shift", "ShiftConfig", "ShiftOutput", "check_frames", "read_config"]

CONFIG_FILE: Final = "config.json"
WEIGHTS_FILE: Final = "model.safetensors"

_VELOCITY_SCALE: Final = 10.0  # a wrist goes about a tenth of its standard deviation in a frame


@dataclass(frozen=True)
class ShiftOutput:
    """What a training pass gives.

    Attributes:
        frames: ``(B, T, 2, 99)``, the reconstruction.
        codes: ``(B, S, tokens_per_step)`` int64.
        trajectory: scalar, mean squared error of the normalised trajectory numbers.
        pose: scalar, mean squared error of the normalised pose numbers.
        commitment: scalar, mean squared distance of the latents to their codes, summed over the codebooks.
    """

    frames: Tensor
    codes: Tensor
    trajectory: Tensor
    pose: Tensor
    commitment: Tensor


class Branch(nn.Module):
    """Encoder, codebooks, decoder of one part of the motion: ``(N, C, T)`` <-> codes ``(N, T/8, levels)``."""

    def __init__(self, plan: BranchPlan, config: ShiftConfig) -> None:
        super().__init__()
        channels = plan.channels
        self.encoder = Encoder(channels, config.widths, config.depth, config.code_size)
        self.quantizer = ResidualQuantizer(
            plan.levels,
            plan.codes,
            config.code_size,
            config.decay,
            config.restart,
            config.start_steps,
            config.beam,
        )
        self.decoder = Decoder(channels, config.widths, config.depth, config.out_depth, config.code_size)

    def latents(self, x: Tensor) -> Tensor:
        """``(N, C, T)`` to latents ``(N, S, D)``."""
        return self.encoder(x).transpose(1, 2)

    def initial_state(self, rows: int) -> State:
        """Zeros for ``rows`` sequences."""
        where = self.quantizer.level(0).codebook
        return [where.new_zeros(rows, *shape) for shape in self.decoder.state_shapes]


class Shift(nn.Module):
    """The tokenizer of motion.

    Left hands are mirrored to right-hand form on the way in and back on the way out; inside, rows of a
    batch are hands, ``row = 2 * batch + hand`` (in the ``single`` variant rows are motions).

    Args:
        config: the size of the model.
    """

    mean: Tensor
    std: Tensor
    signs: Tensor

    def __init__(self, config: ShiftConfig) -> None:
        super().__init__()
        self.config = config
        self.plans = plan(config)
        self.slots = slots(self.plans)
        self.branches = nn.ModuleDict({p.name: Branch(p, config) for p in self.plans})
        signs = torch.ones(len(HANDS), HAND_SIZE)
        signs[LEFT] = torch.from_numpy(MIRROR_SIGNS.copy())
        self.register_buffer("signs", signs, persistent=False)
        self.register_buffer("mean", torch.zeros(HAND_SIZE))
        self.register_buffer("std", torch.ones(HAND_SIZE))

    @property
    def tokens_per_step(self) -> int:
        """Codes per step of 8 frames: on one level 4 in ``shift``, 2 in ``part``, 1 in ``single``."""
        return len(self.slots)

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """Entries of the codebook of each slot, ``tokens_per_step`` numbers."""
        return tuple(self.plans[slot.branch].codes for slot in self.slots)

    def slots_of(self, branch: int, *, hand: int | None = None, level: int | None = None) -> list[int]:
        """Which codes of a step a branch (its index) has, of one hand or level where given; in order."""
        return [
            i
            for i, slot in enumerate(self.slots)
            if slot.branch == branch and hand in (None, slot.hand) and level in (None, slot.level)
        ]

    @property
    def codebook_names(self) -> tuple[str, ...]:
        """The codebook of each slot: its branch, and with its level, ``pose_1``."""
        names = [(self.plans[slot.branch].name, slot.level) for slot in self.slots]
        return tuple(f"{name}_{level}" if level else name for name, level in names)

    @property
    def _hands(self) -> int:
        """Rows of a branch to a motion."""
        return 1 if self.plans[0].both else len(HANDS)

    def branch(self, name: str) -> Branch:
        """A branch by its name: ``trajectory`` and ``pose``, or ``hand``, or ``both``."""
        branch = self.branches[name]
        assert isinstance(branch, Branch)
        return branch

    def fit_normaliser(self, frames: Tensor, floor: float = 0.05) -> None:
        """Set mean and standard deviation from motions ``(..., 2, 99)``.

        The six rotation numbers and the three of position share one deviation each, so that directions
        keep their proportions; a pose number has its own, at least ``floor``, so that numbers that
        hardly move do not count as much as those that do.
        """
        rows = (frames * self.signs).reshape(-1, HAND_SIZE).double()
        mean, variance = rows.mean(dim=0), rows.var(dim=0, correction=0)
        std = variance.sqrt().clamp_min(floor)
        std[0:6] = variance[0:6].mean().sqrt().clamp_min(floor)
        std[6:9] = variance[6:9].mean().sqrt().clamp_min(0.01)
        self.mean.copy_(mean)
        self.std.copy_(std)

    # ---- motion and its normalised rows -------------------------------------------------------

    def normalise(self, frames: Tensor) -> Tensor:
        """``(B, T, 2, 99)`` to normalised, right-hand form, ``(B, T, 2, 99)``."""
        return (frames * self.signs - self.mean) / self.std

    def denormalise(self, x: Tensor) -> Tensor:
        """The way back, ``(B, T, 2, 99)``."""
        return (x * self.std + self.mean) * self.signs

    def _rows(self, x: Tensor, p: BranchPlan) -> Tensor:
        """Normalised ``(B, T, 2, 99)`` to the rows of a branch ``(N, C, T)``."""
        b, t = x.shape[:2]
        if self.config.velocity:
            x = _as_velocity(x)
        if p.both:
            return x.reshape(b, t, p.channels).transpose(1, 2)
        return x[..., p.part].permute(0, 2, 3, 1).reshape(b * len(HANDS), p.channels, t)

    def _frames(self, rows: Sequence[Tensor]) -> Tensor:
        """The rows ``(N, C, T)`` of all branches to motion ``(B, T, 2, 99)``."""
        x = torch.cat(list(rows), dim=1)
        if self.plans[0].both:
            x = x.transpose(1, 2).reshape(x.shape[0], -1, len(HANDS), HAND_SIZE)
        else:
            x = x.reshape(-1, len(HANDS), HAND_SIZE, x.shape[-1]).permute(0, 3, 1, 2)
        return self.denormalise(_as_place(x) if self.config.velocity else x)

    def _slots(self, rows: Sequence[Tensor]) -> Tensor:
        """Codes ``(N, S, levels)`` of each branch to ``(B, S, tokens_per_step)``."""
        by_hand = [x.unflatten(0, (-1, self._hands)) for x in rows]
        return torch.stack([by_hand[s.branch][:, s.hand, :, s.level] for s in self.slots], dim=2)

    def _branch_codes(self, codes: Tensor) -> list[Tensor]:
        """The way back: ``(B, S, tokens_per_step, ...)`` to ``(N, S, levels, ...)`` for each branch."""
        found = []
        for branch, p in enumerate(self.plans):
            x = codes[:, :, self.slots_of(branch)].unflatten(2, (p.levels, self._hands))
            found.append(x.movedim(3, 1).flatten(0, 1))
        return found

    # ---- encode, decode ------------------------------------------------------------------------

    def encode(self, frames: Tensor) -> Tensor:
        """Motion ``(B, T, 2, 99)``, T a multiple of 8, to codes ``(B, T/8, tokens_per_step)`` int64.

        Raises:
            InputError: if the shape is another.
        """
        check_frames(frames)
        x = self.normalise(frames)
        rows = []
        for p in self.plans:
            z = self.branch(p.name).latents(self._rows(x, p))
            codes = self.branch(p.name).quantizer.nearest(z.reshape(-1, z.shape[-1]))
            rows.append(codes.reshape(*z.shape[:2], -1))
        return self._slots(rows)

    def initial_state(self, batch: int = 1) -> State:
        """The decoder's memory before the first step: zeros, branch after branch."""
        rows = batch * self._hands
        return [t for p in self.plans for t in self.branch(p.name).initial_state(rows)]

    def decode(self, codes: Tensor) -> Tensor:
        """Codes ``(B, S, tokens_per_step)`` to motion ``(B, 8 S, 2, 99)``; rotations are not orthonormal."""
        return self._decode_whole(self._lookup(codes), codes.shape[0])

    def decode_step(self, codes: Tensor, state: State) -> tuple[Tensor, State]:
        """More codes ``(B, n, tokens_per_step)`` and the memory to frames ``(B, 8n, 2, 99)`` and memory.

        Raises:
            InputError: the model cannot stream.
        """
        if not self.config.streams:
            raise InputError("a SHIFT with lookahead or velocity cannot stream; decode the whole motion")
        return self._decode_latents(self._lookup(codes), state)

    def _lookup(self, codes: Tensor) -> list[Tensor]:
        """Codes ``(B, S, tokens_per_step)`` to latents ``(N, S, D)`` of each branch."""
        rows = self._branch_codes(codes)
        return [self.branch(p.name).quantizer.lookup(r) for p, r in zip(self.plans, rows, strict=True)]

    def decode_soft(self, weights: Sequence[Tensor]) -> Tensor:
        """Weights over the codes of each slot, to motion; differentiable.

        Args:
            weights: ``tokens_per_step`` tensors ``(B, S, K_slot)`` that sum to one over K.

        Returns:
            ``(B, 8 S, 2, 99)``; with one-hot weights, the frames of ``decode``.
        """
        codes = []
        for slot, slot_weights in zip(self.slots, weights, strict=True):
            branch = self.branch(self.plans[slot.branch].name)
            codes.append(branch.quantizer.level(slot.level).soft(slot_weights))
        latents = [x.sum(dim=2) for x in self._branch_codes(torch.stack(codes, dim=2))]
        return self._decode_whole(latents, weights[0].shape[0])

    def _decode_whole(self, latents: Sequence[Tensor], batch: int) -> Tensor:
        """Latents ``(N, S, D)`` of whole motions to ``(B, 8 S, 2, 99)``; nothing comes after their end."""
        ahead = self.config.lookahead
        if not ahead:
            return self._decode_latents(latents, self.initial_state(batch))[0]
        waited = [F.pad(z, (0, 0, 0, ahead)) for z in latents]
        rows, _ = self._branch_rows(waited, self.initial_state(batch))
        return self._frames([x[..., ahead * FRAMES_PER_STEP :] for x in rows])

    def _decode_latents(self, latents: Sequence[Tensor], state: State) -> tuple[Tensor, State]:
        """Codes ``(N, n, D)`` of each branch to motion and the next memory."""
        rows, after = self._branch_rows(latents, state)
        return self._frames(rows), after

    def _branch_rows(self, latents: Sequence[Tensor], state: State) -> tuple[list[Tensor], State]:
        """Codes ``(N, n, D)`` of each branch to its rows ``(N, C, 8n)`` and the next memory."""
        outputs, after, first = [], [], 0
        for p, z in zip(self.plans, latents, strict=True):
            decoder = self.branch(p.name).decoder
            last = first + len(decoder.state_shapes)
            x, memory = decoder.stream(z.transpose(1, 2), state[first:last])
            outputs.append(x)
            after += memory
            first = last
        return outputs, after

    def forward(self, frames: Tensor) -> ShiftOutput:
        """Motion ``(B, T, 2, 99)``, T a multiple of 8, through the codes and back, with the losses."""
        check_frames(frames)
        x = self.normalise(frames)
        latents, codes, commitment = [], [], frames.new_zeros(())
        for p in self.plans:
            z = self.branch(p.name).latents(self._rows(x, p))
            quantized = self.branch(p.name).quantizer(z.reshape(-1, z.shape[-1]))
            latents.append(quantized.latents.reshape(z.shape))
            codes.append(quantized.codes.reshape(*z.shape[:2], -1))
            commitment = commitment + quantized.commitment
        out = self._decode_whole(latents, frames.shape[0])
        error = (self.normalise(out) - x).square()
        trajectory, pose = error[..., :TRAJECTORY_SIZE].mean(), error[..., TRAJECTORY_SIZE:].mean()
        return ShiftOutput(out, self._slots(codes), trajectory, pose, commitment)

    # ---- files ---------------------------------------------------------------------------------

    def save(self, folder: Path | str) -> None:
        """Write ``config.json`` and ``model.safetensors`` into ``folder``, each by rename."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.contiguous().cpu() for name, value in self.state_dict().items()}
        with appearing(folder / WEIGHTS_FILE) as part:
            save_file(weights, part)
        text = json.dumps({"model": "shift", **asdict(self.config)}, indent=2) + "\n"
        with appearing(folder / CONFIG_FILE) as part:
            part.write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path | str) -> Shift:
        """Read what ``save`` wrote; the model is in evaluation mode, on the CPU.

        Raises:
            FileFormatError: if the folder holds no SHIFT model, or a damaged one.
        """
        folder = Path(folder)
        model = cls(read_config(folder / CONFIG_FILE))
        path = folder / WEIGHTS_FILE
        try:
            model.load_state_dict(load_file(path))
        except FileNotFoundError as error:
            raise FileFormatError(f"{path} is missing; run `python -m train.shift` to make it") from error
        except (SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise FileFormatError(
                f"{path} does not fit its {CONFIG_FILE}: {reason}; train it again or restore both files"
            ) from error
        return model.eval()


def _as_velocity(x: Tensor) -> Tensor:
    """Normalised ``(B, T, 2, 99)`` with places as ways from the frame before; the first stays a place."""
    place = x[..., TRANSLATION]
    way = place.diff(dim=1) * _VELOCITY_SCALE
    return torch.cat([x[..., ROTATION], torch.cat([place[:, :1], way], 1), x[..., POSE]], dim=-1)


def _as_place(x: Tensor) -> Tensor:
    """The way back."""
    way = x[..., TRANSLATION]
    way = torch.cat([way[:, :1], way[:, 1:] / _VELOCITY_SCALE], dim=1)
    return torch.cat([x[..., ROTATION], way.cumsum(dim=1), x[..., POSE]], dim=-1)


def check_frames(frames: Tensor) -> None:
    """Raise InputError unless ``frames`` is ``(B, T, 2, 99)`` with T a multiple of 8, at least 8."""
    shape = tuple(frames.shape)
    if len(shape) != 4 or shape[2:] != (len(HANDS), HAND_SIZE):
        raise InputError(f"motion has shape {shape}; (batch, frames, {len(HANDS)}, {HAND_SIZE}) is wanted")
    if shape[1] == 0 or shape[1] % FRAMES_PER_STEP:
        raise InputError(
            f"motion has {shape[1]} frames; a multiple of {FRAMES_PER_STEP} is wanted: "
            "repeat the last frame to fill the step"
        )
