"""Streaming building blocks: causal convolutions whose memory is a tensor passed in and handed back.

A causal block of this file takes ``(x, state)`` and returns ``(y, state)``. The state is what the block
still needs of the past; zeros at the start of a motion. Feeding a sequence in pieces, each with the
state of the piece before, gives the frames of feeding it whole.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

State = list[Tensor]
StateShape = tuple[int, int]


class ChannelNorm(nn.Module):
    """``y = x / sqrt(mean over channels of x^2 + eps) * weight``: RMS norm of each instant by itself."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, T)`` to ``(N, C, T)``."""
        scale = torch.rsqrt(x.square().mean(dim=1, keepdim=True) + self.eps)
        return x * scale * self.weight[:, None]


class CausalConv(nn.Conv1d):
    """``y = conv([state, x])``, with ``state`` the last ``(kernel - 1) * dilation`` instants of the input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, dilation=dilation)
        self.context = (kernel - 1) * dilation

    @property
    def state_shapes(self) -> list[StateShape]:
        """``(channels, instants)`` of the state."""
        return [(self.in_channels, self.context)]

    def stream(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, C, T)`` and the state ``(N, C, context)`` to ``(N, C', T)`` and the next state."""
        seen = torch.cat([state, x], dim=-1)
        return F.conv1d(seen, self.weight, self.bias, dilation=self.dilation), seen[..., -self.context :]


class CausalResidual(nn.Module):
    """``y = x + mix(relu(conv(relu(norm(x)))))``; ``conv`` is causal, kernel 3; ``mix`` has kernel 1."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.conv = CausalConv(channels, channels, 3, dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    @property
    def state_shapes(self) -> list[StateShape]:
        """The state of ``conv``."""
        return self.conv.state_shapes

    def stream(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, C, T)`` to ``(N, C, T)`` and the next state."""
        h, state = self.conv.stream(F.relu(self.norm(x)), state)
        return x + self.mix(F.relu(h)), state


class Residual(nn.Module):
    """``y = x + mix(relu(conv(relu(norm(x)))))``; ``conv`` has kernel 3 and sees both sides."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation, padding=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, T)`` to ``(N, C, T)``."""
        return x + self.mix(F.relu(self.conv(F.relu(self.norm(x)))))


class CausalUpsample(nn.Module):
    """Twice the rate by linear interpolation: ``y[2t] = (x[t-1] + x[t]) / 2, y[2t+1] = x[t]``.

    Repeating each instant instead leaves a staircase that the layers above show as jitter.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    @property
    def state_shapes(self) -> list[StateShape]:
        """The last instant of the input."""
        return [(self.channels, 1)]

    def stream(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``(N, C, T)`` and ``x[-1]`` ``(N, C, 1)`` to ``(N, C, 2T)`` and the next state."""
        before = torch.cat([state, x[..., :-1]], dim=-1)
        y = torch.stack([(before + x) * 0.5, x], dim=-1).flatten(start_dim=-2)
        return y, x[..., -1:]


class Encoder(nn.Module):
    """``(N, C, T)`` to latents ``(N, D, T/8)``; may look ahead.

    ``x = in_conv(x)``; then for each of the three levels ``x = downs[i](x)``, ``x = blocks[i][j](x)``;
    then ``out_conv(relu(out_norm(x)))``.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], depth: int, code_size: int) -> None:
        super().__init__()
        self.in_conv = nn.Conv1d(channels, widths[0], 3, padding=1)
        self.downs = nn.ModuleList(nn.Conv1d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.blocks = nn.ModuleList(
            nn.ModuleList(Residual(width, 3**i) for i in range(depth)) for width in widths[1:]
        )
        self.out_norm = ChannelNorm(widths[-1])
        self.out_conv = nn.Conv1d(widths[-1], code_size, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised parameters ``(N, C, T)`` to latents ``(N, D, T/8)``."""
        x = self.in_conv(x)
        for down, blocks in zip(self.downs, self.blocks, strict=True):
            x = down(x)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x)
        return self.out_conv(F.relu(self.out_norm(x)))


class Decoder(nn.Module):
    """Codes ``(N, D, S)`` to ``(N, C, 8S)``; causal, and the whole of its memory is the state.

    ``x = in_conv(x)``; then for each of the three levels ``x = blocks[i][j](x)``, ``x = ups[i](x)``,
    ``x = convs[i](x)``; then ``x = out_blocks[j](x)`` and ``out_conv(relu(out_norm(x)))``.
    The state lists the memories in this order.
    """

    def __init__(
        self, channels: int, widths: tuple[int, ...], depth: int, out_depth: int, code_size: int
    ) -> None:
        super().__init__()
        down = widths[::-1]
        self.in_conv = CausalConv(code_size, down[0], 3)
        self.blocks = nn.ModuleList(
            nn.ModuleList(CausalResidual(width, 3**i) for i in range(depth)) for width in down[:-1]
        )
        self.ups = nn.ModuleList(CausalUpsample(width) for width in down[:-1])
        self.convs = nn.ModuleList(CausalConv(a, b, 3) for a, b in pairwise(down))
        self.out_blocks = nn.ModuleList(CausalResidual(down[-1], 3**i) for i in range(out_depth))
        self.out_norm = ChannelNorm(down[-1])
        self.out_conv = CausalConv(down[-1], channels, 3)

    def _layers(self) -> list[nn.Module]:
        layers: list[nn.Module] = [self.in_conv]
        for blocks, up, conv in zip(self.blocks, self.ups, self.convs, strict=True):
            layers += [*blocks, up, conv]  # type: ignore[misc]
        return [*layers, *self.out_blocks, self.out_norm, self.out_conv]

    @property
    def state_shapes(self) -> list[StateShape]:
        """``(channels, instants)`` of each state tensor, in order."""
        return [shape for layer in self._layers() for shape in getattr(layer, "state_shapes", ())]

    def stream(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """``(N, D, n)`` codes and the state to ``(N, C, 8n)`` and the next state."""
        memories, after = iter(state), []
        for layer in self._layers():
            if layer is self.out_norm:
                x = F.relu(self.out_norm(x))
                continue
            x, memory = layer.stream(x, next(memories))  # type: ignore[operator]
            after.append(memory)
        return x, after
