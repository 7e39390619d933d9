"""A motion step in PyTorch: as ``models.generation`` takes it, and with fixed shapes at fixed addresses.

The second is what a compiler and a CUDA graph want. Its cache has a place for every position; the step writes
its keys and values at ``position`` and masks what lies behind. It is the same network to rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from clutch_rt.layout import Float32Array, IntArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from export.bench.cuda.subject import Case
from export.t5_graph import T5Spec, decoder_bias
from models.generation import DEFAULT_TEMPERATURE, DEFAULT_TOP_K, choose
from models.lm import Encoded, MotionLM
from models.rhythm import following

_MASKED: Final = -1e9
_WARM: Final = 3  # runs before a capture: libraries set themselves up in the first


class GrowingStep:
    """The step of ``models.generation``: transformers' decoder over a cache that grows."""

    def __init__(self, case: Case, device: torch.device) -> None:
        self._model = copy.deepcopy(case.subject.model).to(device)
        self._encoded = _moved(case.encoded, device, torch.float32)
        self._steps = torch.full((case.batch, 1), case.steps, device=device)
        self._barred = _barred(self._model, device)
        self.begin()

    def begin(self) -> None:
        self._cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        shape = (len(self._steps), self._model.choices)
        self._drawn = torch.zeros(shape, dtype=torch.long, device=self._steps.device)

    @torch.inference_mode()
    def step(self, position: int, noise: Float32Array) -> IntArray:
        """The codes ``(B, K)`` of a step, under ``noise (B, C, rows)``."""
        model = self._model
        gumbel = torch.from_numpy(noise).to(model.device)
        first = model.start.expand(len(self._steps), 1, -1)
        previous = first if position == 0 else model.embed_drawn(self._drawn).unsqueeze(1)
        place = model.place(torch.full_like(self._steps, position), self._steps)
        context = model.decode(previous + place, self._encoded, self._cache)[:, 0]
        self._drawn = _draw(model, context, gumbel, self._drawn, self._barred)
        return np.array(self._drawn[:, -model.slots :].cpu().numpy())


class FixedStep(nn.Module):
    """A step whose inputs, cache and outputs are buffers: nothing is passed, everything is overwritten.

    Args:
        case: whose motions are drawn.
        device, dtype: of the weights; logits are float32.
    """

    position: Tensor
    noise: Tensor
    drawn: Tensor
    steps: Tensor
    bias: Tensor
    padding: Tensor
    cache: Tensor
    memory: Tensor

    def __init__(self, case: Case, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        model = copy.deepcopy(case.subject.model)
        encoded, config, most = case.encoded, model.config, model.grammar.max_steps
        blocks: Any = model.t5.decoder.block
        head = (config.heads, config.d_kv)
        with torch.no_grad():
            memory = [
                part(encoded.memory).unflatten(-1, head).transpose(1, 2)
                for block in blocks
                for part in (block.layer[1].EncDecAttention.k, block.layer[1].EncDecAttention.v)
            ]
        past = (2 * len(blocks), case.batch, config.heads, most, config.d_kv)
        buffers = {
            "position": torch.zeros(1, dtype=torch.long),
            "noise": torch.zeros(case.noise[0].shape),
            "drawn": torch.zeros((case.batch, model.choices), dtype=torch.long),
            "steps": torch.full((case.batch,), case.steps),
            "bias": _bias(model),
            "padding": torch.where(encoded.mask, 0.0, _MASKED)[:, None, None],
            "cache": torch.zeros(past),
            "memory": torch.stack(memory),
        }
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)
        self.model = model
        self.to(device, dtype)
        self.noise = self.noise.float()
        self.rhythms = _barred(model, device)

    def forward(self) -> None:
        """Draw the step at ``position`` under ``noise`` into ``drawn``."""
        model = self.model
        previous = torch.where(self.position == 0, model.start, model.embed_drawn(self.drawn))
        x = (previous + model.place(self.position, self.steps)).unsqueeze(1)
        bias = self.bias.index_select(2, self.position)
        blocks: Any = model.t5.decoder.block
        for i, block in enumerate(blocks):
            x = x + self._attend(block.layer[0], x, 2 * i, bias)
            x = x + self._look(block.layer[1], x, 2 * i)
            x = block.layer[2](x)
        norm: Any = model.t5.decoder.final_layer_norm
        self.drawn.copy_(_draw(model, norm(x)[:, 0], self.noise, self.drawn, self.rhythms))

    def _attend(self, layer: Any, x: Tensor, i: int, bias: Tensor) -> Tensor:
        """Self-attention of ``x (B, 1, d)``, whose keys and values take their place in the cache."""
        attention, normed = layer.SelfAttention, layer.layer_norm(x)
        query, key, value = (self._heads(part(normed)) for part in (attention.q, attention.k, attention.v))
        self.cache[i].index_copy_(2, self.position, key)
        self.cache[i + 1].index_copy_(2, self.position, value)
        return self._mix(attention.o, query, self.cache[i], self.cache[i + 1], bias)

    def _look(self, layer: Any, x: Tensor, i: int) -> Tensor:
        """Cross-attention of ``x (B, 1, d)``."""
        attention = layer.EncDecAttention
        query = self._heads(attention.q(layer.layer_norm(x)))
        return self._mix(attention.o, query, self.memory[i], self.memory[i + 1], self.padding)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.model.config.heads, self.model.config.d_kv)).transpose(1, 2)

    def _mix(self, out: Any, query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """T5 does not scale its scores."""
        mixed = F.scaled_dot_product_attention(query, keys, values, attn_mask=bias, scale=1.0)
        return out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class FixedSteps:
    """Motions drawn by a ``FixedStep``.

    Args:
        module: the step.
        run: how it is run: itself, compiled, or a replay of its graph.
    """

    def __init__(self, module: FixedStep, run: Callable[[], Any]) -> None:
        self._module = module
        self._run = run
        self._slots = module.model.slots

    @torch.inference_mode()
    def begin(self) -> None:
        self._module.drawn.zero_()

    @torch.inference_mode()
    def step(self, position: int, noise: Float32Array) -> IntArray:
        """The codes ``(B, K)`` of a step, under ``noise (B, C, rows)``."""
        self._module.position.fill_(position)
        self._module.noise.copy_(torch.from_numpy(noise))
        self._run()
        return np.array(self._module.drawn[:, -self._slots :].cpu().numpy())


@torch.inference_mode()
def captured(run: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    """A CUDA graph of ``run``, to be replayed; on the CPU, which has none, ``run`` itself."""
    if device.type != "cuda":
        return run
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def compiled(module: FixedStep, device: torch.device) -> Callable[[], Any]:
    """``torch.compile`` of a step, whole; on the CPU it is traced and not compiled, which takes minutes."""
    torch._dynamo.reset()  # each batch is a program of its own, and there is a limit to recompiling one
    backend = "inductor" if device.type == "cuda" else "aot_eager"
    run = torch.compile(module, backend=backend, fullgraph=True, dynamic=False)
    with torch.inference_mode():
        run()
    return run


def _draw(model: MotionLM, context: Tensor, gumbel: Tensor, drawn: Tensor, barred: Tensor | None) -> Tensor:
    """All choices of a step ``(B, C)``, after those of the step before in ``drawn (B, C)``."""

    def pick(choice: int, logits: Tensor) -> Tensor:
        logits = logits.float()
        if choice == 0 and barred is not None:
            logits = logits.masked_fill(barred[drawn[:, 0]], -torch.inf)
        return choose(logits, gumbel[:, choice, : logits.shape[-1]], DEFAULT_TEMPERATURE, DEFAULT_TOP_K)

    return model.draw_depth(context, pick)


def _barred(model: MotionLM, device: torch.device) -> Tensor | None:
    """Which rhythm may not follow which; None where the model draws none."""
    return ~torch.from_numpy(following()).to(device) if model.grammar.rhythm else None


def _bias(model: MotionLM) -> Tensor:
    """Position bias and mask of the cache, ``(1, H, P, P)``: query before key."""
    places = np.arange(model.grammar.max_steps)
    relative = places[None] - places[:, None]
    weights = {key: value.numpy() for key, value in model.t5.state_dict().items()}
    table = decoder_bias(T5Spec.of(model.t5.config), weights, np.minimum(relative, 0).reshape(-1))
    table = table.reshape(*relative.shape, -1).transpose(2, 0, 1)
    return torch.from_numpy(np.where(relative > 0, np.float32(_MASKED), table)[None])


def _moved(encoded: Encoded, device: torch.device, dtype: torch.dtype) -> Encoded:
    return Encoded(encoded.memory.to(device, dtype), encoded.mask.to(device), encoded.text_mask.to(device))
