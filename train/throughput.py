"""How fast a stage learns, and how much of its GPU it uses."""

from __future__ import annotations

from typing import Final

import torch

# Of dense products in bfloat16, in 1e12 a second, by words of the card's name; from the makers' data sheets.
_PEAKS: Final = {
    "B200": 2250.0,
    "H200 NVL": 835.0,
    "H200": 989.0,
    "H100 PCIe": 756.0,
    "H100 NVL": 835.0,
    "H100": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "RTX 4090": 165.0,
    "RTX 3090": 71.0,
}


def peak_flops(card: str) -> float | None:
    """Operations a second that a card can do in bfloat16; None for one that is not known."""
    words = set(card.replace("-", " ").split())
    known = (1e12 * peak for name, peak in _PEAKS.items() if words.issuperset(name.split()))
    return None if "Laptop" in words else next(known, None)


class Throughput:
    """What was done since the last line of the log.

    Args:
        device: where this process computes.
        batch_size: clips a step, over all processes.
        bf16: whether it computes in bfloat16, which the peaks are of.
    """

    def __init__(self, device: torch.device, batch_size: int, bf16: bool) -> None:
        self._device, self._batch_size = device, batch_size
        self._peak: float | None = None
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self._peak = peak_flops(torch.cuda.get_device_name(device)) if bf16 else None
        self._steps, self._seconds, self._flops = 0, 0.0, 0.0

    @property
    def counts_flops(self) -> bool:
        """Whether operations are of use: the card's peak is known."""
        return self._peak is not None

    def settle(self) -> None:
        """Wait until a GPU has done what it was given, so that its time counts too."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)

    def add(self, seconds: float, flops: float) -> None:
        """Count a step, and the operations of this process in it; 0 where they are not known."""
        self._steps += 1
        self._seconds += seconds
        self._flops += flops

    def take(self) -> dict[str, float]:
        """``clips_per_second``; on CUDA also ``memory_gb``, the most held at once in the stage, and ``mfu``.

        ``mfu`` is model FLOPs utilisation (Chowdhery et al., "PaLM", 2022): the part of the card's peak that
        the operations of learning come to.
        """
        seconds = max(self._seconds, 1e-9)
        numbers = {"clips_per_second": self._steps * self._batch_size / seconds}
        if self._device.type == "cuda":
            numbers["memory_gb"] = torch.cuda.max_memory_allocated(self._device) / 1e9
        if self._peak is not None and self._flops:
            numbers["mfu"] = self._flops / seconds / self._peak
        self._steps, self._seconds, self._flops = 0, 0.0, 0.0
        return numbers
