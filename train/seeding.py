"""Randomness that depends on what it is for, never on what was drawn before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from clutch_rt.errors import ClutchError


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from a tuple such as ``(seed, stage, step, rank)``; unrelated tuples, unrelated seeds."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(*parts: int | str) -> np.random.Generator:
    """A numpy generator for a tuple of ``derive_seed``: what a ``batch`` function draws from."""
    return np.random.default_rng(derive_seed(*parts))


def share(size: int, rank: int, world: int) -> slice:
    """The rows of a global batch that part ``rank`` of ``world`` takes: equal runs of rows.

    Raises:
        ClutchError: if the batch does not divide, for then the parts' gradients would not weigh alike.
    """
    if size % world:
        raise ClutchError(
            f"batch_size={size} does not divide into {world} parts (processes times machine.accumulate); "
            "choose a multiple"
        )
    part = size // world
    return slice(rank * part, (rank + 1) * part)


@contextmanager
def forked_random(device: torch.device, *parts: int | str) -> Iterator[None]:
    """PyTorch's random state is set from ``parts`` inside, and as it was outside."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive_seed(*parts))
        yield
