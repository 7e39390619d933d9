"""The HumanMDM-style baseline: a transformer encoder over noisy frames that tells the clean ones.

Tevet et al., "Human motion diffusion model" (ICLR 2023): the network predicts ``x0`` itself; a token of the
noise step and the sentence goes before the frames; a part of the sentences is hidden, so that guidance can
lead away from what is said without one; joints and their movement count beside the parameters. Its loss on
foot contact has no counterpart in hands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from clutch_rt.errors import InputError
from clutch_rt.layout import HAND_SIZE, HANDS, TRAJECTORY_SIZE, Float32Array
from torch import Tensor, nn

from models.kinematics import HandKinematics
from train.baselines.config import DiffusionConfig, TextConfig
from train.baselines.data import WIDTH, Batch, within
from train.baselines.schedule import NoiseSchedule
from train.baselines.text import TextEncoder, encoder_stack, waves

_FLOOR = 0.05  # least deviation of a number of rotation; of a place 0.01 m: as SHIFT has them
_PLACE_FLOOR = 0.01
_NOISE_STREAM = 7


class MotionDiffusion(nn.Module):
    """Noisy frames, the noise step and a sentence to clean frames, all frames normalised.

    Args:
        pieces: rows of the text embedding.
        config: size and noise.
        text: size of the text encoder.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, pieces: int, config: DiffusionConfig, text: TextConfig) -> None:
        super().__init__()
        width = config.width
        self.width = width
        self.schedule = NoiseSchedule.cosine(config.noise_steps)
        self.text = TextEncoder(pieces, width, text)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.inward = nn.Linear(WIDTH, width)
        self.layers = encoder_stack(width, config.layers, config.heads, config.dropout)
        self.outward = nn.Linear(width, WIDTH)
        self.register_buffer("mean", torch.zeros(len(HANDS), HAND_SIZE))
        self.register_buffer("std", torch.ones(len(HANDS), HAND_SIZE))

    def fit_normaliser(self, frames: Tensor) -> None:
        """Mean and deviation of motions ``(N, 2, 99)``, of each hand its own.

        A rotation's six numbers and a place's three share their deviation, so that directions keep their
        proportions; numbers that hardly move count less.
        """
        rows = frames.double()
        variance = rows.var(dim=0, correction=0)
        variance[:, 0:6] = variance[:, 0:6].mean(dim=1, keepdim=True)
        variance[:, 6:9] = variance[:, 6:9].mean(dim=1, keepdim=True)
        floor = torch.full_like(variance, _FLOOR)
        floor[:, 6:TRAJECTORY_SIZE] = _PLACE_FLOOR
        self.mean.copy_(rows.mean(dim=0))
        self.std.copy_(torch.maximum(variance.sqrt(), floor))

    def normalise(self, frames: Tensor) -> Tensor:
        """``(B, T, 2, 99)`` to ``(B, T, 198)``."""
        return ((frames - self.mean) / self.std).flatten(start_dim=-2)

    def denormalise(self, x: Tensor) -> Tensor:
        """The way back; rotations are not orthonormal."""
        return x.unflatten(-1, (len(HANDS), HAND_SIZE)) * self.std + self.mean

    def denoise(self, x: Tensor, mask: Tensor, times: Tensor, sentence: Tensor) -> Tensor:
        """What the clean frames are.

        Args:
            x: ``(B, T, 198)`` noisy.
            mask: ``(B, T)`` bool, true within each motion; what lies behind changes nothing.
            times: ``(B,)`` the noise step of each.
            sentence: ``(B, width)`` of ``text``, zeros where there is none.

        Returns:
            ``(B, T, 198)``.
        """
        first = self.time(waves(times, self.width)) + sentence
        frames = self.inward(x) + waves(torch.arange(x.shape[1], device=x.device), self.width)
        whole = torch.cat([first.unsqueeze(1), frames], dim=1)
        seen = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        return self.outward(self.layers(whole, src_key_padding_mask=~seen)[:, 1:])

    def forward(self, x: Tensor, mask: Tensor, times: Tensor, batch: Batch, said: Tensor) -> Tensor:
        """As ``denoise``, from the sentences of a batch; ``said (B,)`` is false where one is hidden."""
        sentence = self.text(batch.ids, batch.ids_mask) * said.unsqueeze(-1)
        return self.denoise(x, mask, times, sentence)


class DiffusionObjective:
    """The loss: clean parameters, joints, and what joints move from a frame to the next, all squared."""

    def __init__(self, model: MotionDiffusion, config: DiffusionConfig) -> None:
        self._model, self._config = model, config
        self._kinematics = HandKinematics()

    def __call__(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, Mapping[str, Any]]:
        """``(model, batch, step)`` to the loss and its parts; noise from PyTorch's own state."""
        rows, device = len(batch.frames), batch.frames.device
        times = torch.randint(len(self._model.schedule), (rows,), device=device)
        clean = self._model.normalise(batch.frames)
        noisy = self._model.schedule.noised(clean, times, torch.randn_like(clean))
        said = torch.rand(rows, device=device) >= self._config.text_drop
        made = model(noisy, batch.mask, times, batch, said)
        parameters = _masked((made - clean).square().mean(-1), batch.mask)
        place, movement = self._joints(made, batch, step % self._config.joint_stride)
        loss = parameters + self._config.joint_weight * place + self._config.velocity_weight * movement
        return loss, {"parameters": parameters, "joints_m2": place, "velocity_m2": movement}

    def _joints(self, made: Tensor, batch: Batch, offset: int) -> tuple[Tensor, Tensor]:
        """Mean squares in m^2 of joint errors at every n-th frame, and of those of their next movement."""
        now = slice(offset, batch.frames.shape[1] - 1, self._config.joint_stride)
        later = slice(offset + 1, None, self._config.joint_stride)
        kinematics, frames = self._kinematics.to(made.device), self._model.denormalise(made.float())
        here = kinematics(frames[:, now]) - kinematics(batch.frames[:, now])
        there = kinematics(frames[:, later]) - kinematics(batch.frames[:, later])
        square = here.square().mean((-3, -2, -1))
        moved = (there - here).square().mean((-3, -2, -1))
        return _masked(square, batch.mask[:, now]), _masked(moved, batch.mask[:, later])


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``(B, T)`` where the mask is true."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


@torch.no_grad()
def guided(
    model: MotionDiffusion, x: Tensor, mask: Tensor, times: Tensor, sentence: Tensor, weight: float
) -> Tensor:
    """Classifier-free guidance on x0: ``unsaid + weight (said - unsaid)``; arguments as ``denoise``.

    Weights 1 and 0 are one pass, of the conditional model and of the unconditional one.
    """
    if weight in (0.0, 1.0):
        return model.denoise(x, mask, times, sentence * weight)
    x, mask, times = (torch.cat([part, part]) for part in (x, mask, times))
    said, unsaid = model.denoise(x, mask, times, torch.cat([sentence, torch.zeros_like(sentence)])).chunk(2)
    return unsaid + weight * (said - unsaid)


@torch.no_grad()
def sample(
    model: MotionDiffusion,
    ids: Tensor,
    ids_mask: Tensor,
    lengths: Sequence[int],
    seeds: Sequence[int],
    guidance: float = 2.5,
    noise_steps: int = 0,
) -> list[Float32Array]:
    """Draw a motion of the asked length for each sentence.

    Args:
        model: in evaluation mode.
        ids, ids_mask: ``(B, L)`` sentences.
        lengths: frames of each.
        seeds: one each; alone decides the noise, whatever else is in the batch.
        guidance: see ``guided``.
        noise_steps: how many of the schedule's; 0 takes all.

    Returns:
        B arrays ``(T, 2, 99)``.

    Raises:
        InputError: numbers of sentences, lengths and seeds differ, or a length is below 1.
    """
    if not len(ids) == len(lengths) == len(seeds) or min(lengths, default=1) < 1:
        raise InputError(
            f"{len(ids)} sentences came with {len(lengths)} lengths and {len(seeds)} seeds; "
            "give one of each, lengths of 1 frame or more"
        )
    schedule = model.schedule.spaced(noise_steps) if noise_steps else model.schedule
    noise = _Noise(lengths, seeds, model.mean.device)
    mask = within(torch.as_tensor(lengths, device=model.mean.device), max(lengths))
    sentence, x = model.text(ids, ids_mask), noise.draw()
    for i in reversed(range(len(schedule))):
        step = torch.full((len(ids),), i, device=x.device)
        clean = guided(model, x, mask, schedule.times.to(x.device)[step], sentence, guidance)
        before = schedule.posterior(clean, x, step)
        x = before.mean + before.variance.sqrt() * noise.draw() if i else before.mean
    made = model.denormalise(x).float().cpu().numpy()
    return [made[row, :length] for row, length in enumerate(lengths)]


class _Noise:
    """Standard normal frames, from a generator of each item's own; zeros behind its end."""

    def __init__(self, lengths: Sequence[int], seeds: Sequence[int], device: torch.device) -> None:
        self._lengths, self._device = lengths, device
        self._generators = [np.random.default_rng([_NOISE_STREAM, seed]) for seed in seeds]

    def draw(self) -> Tensor:
        """``(B, T, 198)`` float32."""
        out = np.zeros((len(self._lengths), max(self._lengths), WIDTH), np.float32)
        for row, length in enumerate(self._lengths):
            out[row, :length] = self._generators[row].standard_normal((length, WIDTH), np.float32)
        return torch.from_numpy(out).to(self._device)
