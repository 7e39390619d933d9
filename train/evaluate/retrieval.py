"""The judge that R-precision needs: text and motion in one space, trained on the train split only.

Two small encoders learn together by contrast (InfoNCE over the batch, both ways: Radford et al., 2021, as
TMR does for motion, Petrovich et al., ICCV 2023). On the motion side hang two classifiers, verb and hand,
taught by clips of a single action.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from clutch_rt.layout import FRAMES_PER_STEP, HANDS, Float32Array
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from models.files import appearing
from train.evaluate.features import SIZE, MotionBatch, Normaliser

HAND_LABELS: Final = (*HANDS, "both")
NO_LABEL: Final = -100


@dataclass(frozen=True)
class JudgeConfig:
    """The size of the retrieval model."""

    vocab: int  # rows of the text embedding: the run's SentencePiece vocabulary
    verbs: tuple[str, ...]  # labels of the verb classifier
    width: int = 128  # channels of the motion encoder
    text_width: int = 96  # channels of the text encoder
    size: int = 128  # of the common space


class MotionEncoder(nn.Module):
    """Three strided convolutions (8 frames to one step), a recurrent layer, and the mean over the steps."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        widths = (SIZE, config.width, config.width, config.width)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(a, b, kernel_size=5, stride=2, padding=2) for a, b in itertools.pairwise(widths)
        )
        self.recurrent = nn.GRU(config.width, config.width, batch_first=True, bidirectional=True)

    def forward(self, batch: MotionBatch) -> Tensor:
        """``(B, 2 width)``."""
        x, ends = batch.values.transpose(1, 2), batch.steps * FRAMES_PER_STEP
        for convolution in self.convolutions:
            x, ends = functional.gelu(convolution(x)), ends // 2
            # Behind a motion's end stay zeros, or its neighbours in the batch would change its embedding.
            x = x * (torch.arange(x.shape[-1], device=x.device) < ends[:, None])[:, None]
        return _run(self.recurrent, x.transpose(1, 2), batch.steps)


class TextEncoder(nn.Module):
    """An embedding, a recurrent layer, and the mean over the pieces."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.vocab, config.text_width)
        self.recurrent = nn.GRU(config.text_width, config.text_width, batch_first=True, bidirectional=True)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """``(B, L)`` ids, zeros behind the end, and ``(B,)`` lengths to ``(B, 2 text_width)``."""
        return _run(self.recurrent, self.embedding(ids), lengths)


def _run(recurrent: nn.GRU, x: Tensor, lengths: Tensor) -> Tensor:
    """Mean of the recurrent layer's outputs over each row's own length."""
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    out, _ = nn.utils.rnn.pad_packed_sequence(recurrent(packed)[0], batch_first=True)
    return out.sum(1) / lengths.to(out).unsqueeze(1)


class Judge(nn.Module):
    """Text and motion encoders, and the classifiers of verb and hand."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        self.motion = MotionEncoder(config)
        self.text = TextEncoder(config)
        self.motion_head = nn.Linear(2 * config.width, config.size)
        self.text_head = nn.Linear(2 * config.text_width, config.size)
        self.verb_head = nn.Linear(2 * config.width, len(config.verbs))
        self.hand_head = nn.Linear(2 * config.width, len(HAND_LABELS))
        self.log_scale = nn.Parameter(torch.tensor(2.3))
        self.register_buffer("mean", torch.zeros(SIZE))
        self.register_buffer("deviation", torch.ones(SIZE))

    @property
    def normaliser(self) -> Normaliser:
        """Of the motion features."""
        return Normaliser(self.mean.cpu().numpy(), self.deviation.cpu().numpy())

    def embed_text(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Unit vectors ``(B, size)``."""
        return functional.normalize(self.text_head(self.text(ids, lengths)), dim=-1)

    def loss(self, motion: MotionBatch, ids: Tensor, lengths: Tensor, verbs: Tensor, hands: Tensor) -> Tensor:
        """Contrast both ways plus the classifiers; labels ``(B,)``, ``NO_LABEL`` where they do not apply."""
        state = self.motion(motion)
        embedded = functional.normalize(self.motion_head(state), dim=-1)
        scores = self.log_scale.clamp(max=4.0).exp() * embedded @ self.embed_text(ids, lengths).T
        target = torch.arange(len(scores), device=scores.device)
        contrast = functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)
        total = 0.5 * contrast
        if bool((verbs != NO_LABEL).any()):
            total = total + functional.cross_entropy(self.verb_head(state), verbs)
            total = total + functional.cross_entropy(self.hand_head(state), hands)
        return total

    def save(self, folder: Path, stamp: dict[str, Any]) -> None:
        """Write weights, config and ``stamp`` (what it was trained from) into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        # Were this to stop between the files, new weights would stand under the old stamp.
        (folder / "judge.json").unlink(missing_ok=True)
        with appearing(folder / "judge.safetensors") as part:
            save_file({k: v.contiguous() for k, v in self.state_dict().items()}, part)
        text = json.dumps({"config": asdict(self.config), "stamp": stamp}, indent=2) + "\n"
        with appearing(folder / "judge.json") as part:
            part.write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, stamp: dict[str, Any]) -> Judge | None:
        """What ``save`` wrote, if trained from the same ``stamp``; else None, and where it is damaged."""
        try:
            saved = json.loads((folder / "judge.json").read_text(encoding="utf-8"))
            if saved["stamp"] != json.loads(json.dumps(stamp)):
                return None
            judge = cls(JudgeConfig(**{**saved["config"], "verbs": tuple(saved["config"]["verbs"])}))
            judge.load_state_dict(load_file(folder / "judge.safetensors"))
        except (FileNotFoundError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError):
            return None
        return judge.eval()


@dataclass(frozen=True)
class Example:
    """A train clip as the judge learns from it; ``verb`` and ``hand`` are None for more than one action."""

    features: Float32Array
    texts: tuple[tuple[int, ...], ...]
    verb: str | None
    hand: str | None


def pad_ids(ids: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids ``(B, L)``, zeros behind, and lengths ``(B,)``; an empty text counts as one pad."""
    lengths = [max(1, len(row)) for row in ids]
    out = torch.zeros(len(ids), max(lengths), dtype=torch.long)
    for row, values in enumerate(ids):
        out[row, : len(values)] = torch.as_tensor(list(values), dtype=torch.long)
    return out.to(device), torch.as_tensor(lengths, device=device)


def train_judge(
    examples: Sequence[Example],
    config: JudgeConfig,
    steps: int,
    rng: np.random.Generator,
    device: torch.device | None = None,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    progress: bool = False,
) -> Judge:
    """Train on train-split examples; every step draws ``batch_size`` clips and one text of each.

    The weights start from the generator too, so the judge is a function of its arguments.
    """
    device = device or torch.device("cpu")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        judge = Judge(config).to(device)
    normaliser = Normaliser.fit([e.features for e in examples])
    judge.mean.copy_(torch.from_numpy(normaliser.mean))
    judge.deviation.copy_(torch.from_numpy(normaliser.deviation))
    optimizer = torch.optim.AdamW(judge.parameters(), lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, max(steps, 2), pct_start=0.1)
    size = min(batch_size, len(examples))
    for _ in tqdm(range(steps), desc="judge", disable=not progress):
        chosen = [examples[i] for i in rng.choice(len(examples), size, replace=False)]
        motion, ids, lengths, verbs, hands = _batch(chosen, config, normaliser, rng, device)
        loss = judge.loss(motion, ids, lengths, verbs, hands)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return judge.eval()


def _batch(
    chosen: Sequence[Example],
    config: JudgeConfig,
    normaliser: Normaliser,
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[MotionBatch, Tensor, Tensor, Tensor, Tensor]:
    motion = normaliser.batch([e.features for e in chosen], device)
    ids, lengths = pad_ids([e.texts[int(rng.integers(len(e.texts)))] for e in chosen], device)
    verbs = [NO_LABEL if e.verb is None else config.verbs.index(e.verb) for e in chosen]
    hands = [NO_LABEL if e.hand is None else HAND_LABELS.index(e.hand) for e in chosen]
    return motion, ids, lengths, torch.as_tensor(verbs, device=device), torch.as_tensor(hands, device=device)


@dataclass(frozen=True)
class Judgement:
    """What the judge says of motions.

    Attributes:
        embeddings: ``(N, size)`` unit vectors.
        verbs: the likeliest verb of each.
        hands: the likeliest hand of each: left, right, both.
    """

    embeddings: Float32Array
    verbs: tuple[str, ...]
    hands: tuple[str, ...]


@torch.no_grad()
def judge_motions(judge: Judge, motions: Sequence[Float32Array], batch_size: int = 64) -> Judgement:
    """Judge feature arrays ``(T, 84)``."""
    device = judge.log_scale.device
    embeddings, verbs, hands = [], [], []
    for first in range(0, len(motions), batch_size):
        state = judge.motion(judge.normaliser.batch(motions[first : first + batch_size], device))
        embeddings.append(functional.normalize(judge.motion_head(state), dim=-1).cpu().numpy())
        verbs += [judge.config.verbs[i] for i in judge.verb_head(state).argmax(-1).tolist()]
        hands += [HAND_LABELS[i] for i in judge.hand_head(state).argmax(-1).tolist()]
    return Judgement(np.concatenate(embeddings), tuple(verbs), tuple(hands))


@torch.no_grad()
def judge_texts(judge: Judge, ids: Sequence[Sequence[int]], batch_size: int = 256) -> Float32Array:
    """Embed texts given as piece ids: ``(N, size)`` unit vectors."""
    device = judge.log_scale.device
    parts = [
        judge.embed_text(*pad_ids(ids[first : first + batch_size], device)).cpu().numpy()
        for first in range(0, len(ids), batch_size)
    ]
    return np.concatenate(parts)
