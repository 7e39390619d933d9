"""SHIFT back from its graphs: the inverse of ``export.shift_graphs`` and ``export.shift_decoder``.

What training alone needs of the codebooks, their moving averages, is in no graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import torch
from clutch_rt.grammar import Grammar
from torch import nn

from export.shift_decoder import undoubled
from export.stored import Stored, Unreadable, constant
from export.weights import Array
from models.causal import ChannelNorm
from models.quantizer import Quantizer
from models.shift import Shift, ShiftConfig

GRAPHS: Final = ("shift_encoder", "shift_decoder")

_RENAMED: Final[Mapping[str, str]] = {
    "in_conv": "in",
    "out_conv": "out",
    "out_norm": "norm",
    "downs": "down",
    "convs": "conv",
    "blocks": "block",
    "out_blocks": "out_block",
}


def read_shift(stored: Stored, grammar: Grammar) -> Shift:
    """The model whose graphs are ``GRAPHS``, in evaluation mode.

    Raises:
        Unreadable: they are of no model of this version.
    """
    model = Shift(_config(stored, grammar))
    read = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in _state(model, stored)}
    try:
        model.load_state_dict({**model.state_dict(), **read})
    except RuntimeError as error:
        raise Unreadable(f"its SHIFT is of no shape this version has ({error})") from error
    return model.eval()


def _config(stored: Stored, grammar: Grammar) -> ShiftConfig:
    layers = ("in", "down.0", "down.1", "down.2")
    first, second, third, last = (len(stored[f"trajectory.encoder.{x}.weight"]) for x in layers)
    return ShiftConfig(
        widths=(first, second, third, last),
        depth=stored.count("trajectory.encoder.block.0.{}.norm"),
        out_depth=stored.count("trajectory.decoder.out_block.{}.norm"),
        trajectory_codes=grammar.trajectory_codes,
        pose_codes=grammar.pose_codes,
        code_size=stored["trajectory.codebook.0"].shape[1],
        levels=grammar.levels,
        trajectory_levels=grammar.trajectory_levels,
        beam=_beam(stored),
    )


def _beam(stored: Stored) -> int:
    """Sums that the encoder's search for the nearest codes keeps; in bundles of before it kept one."""
    graph = stored.graphs["shift_encoder"]
    kept = [constant(graph, node.input[1]) for node in graph.node if node.op_type == "TopK"]
    return max((int(width[0]) for width in kept if width is not None), default=1)


def _state(model: Shift, stored: Stored) -> Iterator[tuple[str, Array]]:
    """What the graphs hold of the model's state dict."""
    yield from (("mean", stored["mean"]), ("std", stored["std"]))
    for path, module in model.named_modules():
        branch, *parts = path.removeprefix("branches.").split(".")
        name = ".".join([branch, *(_RENAMED.get(part, part) for part in parts)])
        if isinstance(module, nn.Conv1d):
            yield f"{path}.weight", _convolution(module, name, stored, doubles=parts[-2:-1] == ["convs"])
            yield f"{path}.bias", stored[f"{name}.bias"][: module.out_channels]  # twice, where it doubles
        elif isinstance(module, ChannelNorm):
            yield f"{path}.weight", stored[name].reshape(-1)
        elif isinstance(module, Quantizer):
            codebook = stored[f"{branch}.codebook.{parts[-1]}"]
            yield from ((f"{path}.codebook", codebook), (f"{path}.sums", codebook))


def _convolution(conv: nn.Conv1d, name: str, stored: Stored, doubles: bool) -> Array:
    """``(out, in, taps)``: as it is, or of a decoder from the matrix of its taps."""
    if f"{name}.weight" in stored.tensors:
        return stored[f"{name}.weight"]
    matrix = stored[name]
    kernel = undoubled(matrix) if doubles else matrix.reshape(-1, conv.in_channels, matrix.shape[1])
    return kernel.transpose(2, 1, 0)
