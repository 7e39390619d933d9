"""Does the bundle say what PyTorch says? Each graph is run beside the network it was written from.

``fp32`` must agree in what it *does*: the same lengths and tokens under the same sampling noise, the same
captions, the same codes, frames within 1e-5. The one exception is a tie: where the two rows that PyTorch and
the graph chose score within ``TIE`` of each other in PyTorch itself, rounding may choose either, and no
graph can be asked to round alike.

``fp16`` and ``int8`` round on purpose, and one differing token changes all that follow, so equal tokens say
nothing about them. They are held to two bounds that do:

* motion: the same codes, decoded, move the joints by at most ``MOTION_MM`` on average. SHIFT's own error is
  above 10 mm, the tremor of a resting hand about 1 mm: below that nobody can see it.
* distributions: with PyTorch's tokens forced on both, the mean Kullback-Leibler divergence of what they
  would draw next is at most ``KL_NATS``. It is the loss in log-likelihood that rounding costs. Training
  stops at some 2 nats per token and still moves by 0.2 between evaluations; a twentieth of a nat is below
  what a change of seed does. ``fp16`` has a bound fifty times tighter, so that a wrong cast cannot hide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from clutch_rt import noise
from clutch_rt.errors import ClutchError
from clutch_rt.hand import two_hand_joints
from clutch_rt.layout import SLOTS, Float32Array, IntArray

from export.driver import PAD, Draw, Driver
from export.graph import Precision
from models import generation
from models.lm import Encoded, MotionLM
from models.shift import Shift

TIE: Final = 1e-4
FRAMES: Final = 1e-5
MEMORY: Final = 1e-4
MOTION_MM: Final = 1.0
KL_NATS: Final[dict[Precision, float]] = {"fp32": 1e-6, "fp16": 1e-3, "int8": 0.05}
CAPTION_TOKENS: Final = 32

SENTENCES: Final = (
    "knead the dough with both hands",
    "wave with the right hand",
    "pick up the cup with the left hand and pour water slowly",
    "type quickly on the keyboard",
    "count to five on the right hand",
    "a person claps three times",
    "cut the bread with a knife while holding it with the left hand",
    "point forward, then give a thumbs up",
    "twist the lid off the jar",
)


class ParityError(ClutchError):
    """An exported graph disagrees with the network it was written from."""


@dataclass(frozen=True)
class Report:
    """What the check measured.

    Attributes:
        prompts: sentences tried.
        tokens: motion tokens that PyTorch drew.
        token_agreement: part of them that the bundle, drawing freely, drew alike.
        same_length: part of the prompts with the same number of steps.
        ties: prompts that parted at a tie (fp32) and agreed up to there.
        kl_motion, kl_caption: mean divergence with forced tokens, nats.
        logits: largest difference of a forced motion logit.
        caption_agreement: part of the captions that are equal.
        code_agreement: part of the SHIFT codes that are equal.
        frames: largest difference of a raw frame number, same codes.
        decode_mm: mean joint distance, same codes, mm.
        generated_mm: mean joint distance between the motions drawn freely, over their common steps, mm.
    """

    prompts: int
    tokens: int
    token_agreement: float = 1.0
    same_length: float = 1.0
    ties: int = 0
    kl_motion: float = 0.0
    kl_caption: float = 0.0
    logits: float = 0.0
    caption_agreement: float = 1.0
    code_agreement: float = 1.0
    frames: float = 0.0
    decode_mm: float = 0.0
    generated_mm: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, rounded to what means something."""
        return {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in asdict(self).items()}


class Parity:
    """One check of one bundle.

    Args:
        driver: over the bundle's graphs.
        model, shift: what they were written from, in evaluation mode.
        precision: of the bundle.
        prompts: ids of each prompt, ``<eos>`` behind.
        caption_prompt: ids of the request for a caption.
        draw: temperature and top-k.
        log: takes a line of progress.
    """

    def __init__(
        self,
        driver: Driver,
        model: MotionLM,
        shift: Shift,
        precision: Precision,
        prompts: Sequence[Sequence[int]],
        caption_prompt: Sequence[int],
        draw: Draw,
        log: Callable[[str], None],
    ) -> None:
        self.driver = driver
        self.model = model
        self.shift = shift
        self.precision: Precision = precision
        self.prompts = [list(p) for p in prompts]
        self.caption_prompt = list(caption_prompt)
        self.draw = draw
        self.log = log
        self.exact = precision == "fp32"

    @torch.no_grad()
    def run(self) -> Report:
        """Check all five graphs; ParityError says which disagrees, where, and by how much."""
        ids, mask = generation.pad_prompts(self.prompts)
        draw = (self.draw.temperature, self.draw.top_k)
        seeds = range(len(self.prompts))
        motions = generation.generate(self.model, ids, mask, seeds, None, *draw)
        report = Report(len(motions), sum(m.size for m in motions))
        report = self._text_encoder(report)
        report = self._motion_step(report, motions)
        report = self._caption_step(report, motions)
        report = self._shift_decoder(report, motions)
        return self._shift_encoder(report, motions)

    # ---- the checks -----------------------------------------------------------------------------------

    def _text_encoder(self, report: Report) -> Report:
        worst = 0.0
        for row, ids in enumerate(self.prompts):
            memory, lengths = self.driver.encode(ids)
            encoded = self._encoded(ids)
            pairs = [("memory", memory, self._memory(encoded))]
            if lengths is not None:
                pairs.append(("length_logits", lengths, self.model.length_logits(encoded)[0].numpy()))
            for output, found, wanted in pairs:
                error = _relative(found, wanted)
                worst = max(worst, error)
                if self.exact and error > MEMORY:
                    where = f"prompt {row}, output {output}"
                    raise _disagree("text_encoder", where, error, MEMORY, "of its largest value")
        self.log(f"  text_encoder   largest difference {worst:.1e} of the largest value")
        return report

    def _motion_step(self, report: Report, motions: Sequence[IntArray]) -> Report:
        equal = same = ties = 0
        divergence: list[Float32Array] = []
        largest, distances = 0.0, []
        for row, (ids, wanted) in enumerate(zip(self.prompts, motions, strict=True)):
            encoded, memory = self._encoded(ids), self.driver.encode(ids)[0]
            forced = self._forced(encoded, wanted)
            found = self.driver.forced_logits(memory, wanted)
            for slot, (a, b) in enumerate(zip(forced, found, strict=True)):
                largest = max(largest, float(np.abs(a - b).max()))
                divergence.append(_divergence(a, b))
                if self.exact and largest > TIE * max(1.0, float(np.abs(a).max())):
                    step = int(np.abs(a - b).max(axis=1).argmax())
                    where = f"prompt {row}, step {step}, slot {SLOTS[slot]}"
                    raise _disagree("motion_step", where, largest, TIE, "in the logits")
            drawn = self.driver.generate(ids, row, self.draw)
            common = min(len(drawn), len(wanted))
            equal += int((drawn[:common] == wanted[:common]).sum())
            same += len(drawn) == len(wanted)
            if self.exact and not np.array_equal(drawn, wanted):
                self._tie_or_raise(row, encoded, forced, wanted, drawn)
                ties += 1
            distances.append(self._distance(drawn[:common], wanted[:common]))
        kl = float(np.concatenate(divergence).mean())
        self._bound("motion_step", kl)
        self.log(
            f"  motion_step    {equal} of {report.tokens} tokens equal under noise, {ties} ties, "
            f"{same} of {len(motions)} lengths; forced: logits within {largest:.1e}, KL {kl:.1e} nats"
        )
        return replace(
            report,
            token_agreement=equal / report.tokens,
            same_length=same / len(motions),
            ties=ties,
            kl_motion=kl,
            logits=largest,
            generated_mm=float(np.mean(distances)),
        )

    def _caption_step(self, report: Report, motions: Sequence[IntArray]) -> Report:
        wanted = generation.caption(self.model, self.caption_prompt, motions, CAPTION_TOKENS)
        divergence, equal = [], 0
        for row, (motion, caption) in enumerate(zip(motions, wanted, strict=True)):
            encoded = self._encoded(self.caption_prompt, motion)
            memory = self.driver.encode(self.caption_prompt, motion)[0]
            tokens = [PAD, *caption][:CAPTION_TOKENS]
            a = self.model.text_logits(encoded, torch.tensor([tokens]))[0].numpy()
            b = self.driver.caption_logits(memory, tokens)
            divergence.append(_divergence(a, b))
            found = self.driver.caption(memory, CAPTION_TOKENS)
            equal += found == caption
            if self.exact and found != caption:
                _same_caption_or_raise(row, a, caption, found)
        kl = float(np.concatenate(divergence).mean())
        self._bound("caption_step", kl)
        self.log(f"  caption_step   {equal} of {len(motions)} captions equal; forced: KL {kl:.1e} nats")
        return replace(report, caption_agreement=equal / len(motions), kl_caption=kl)

    def _shift_decoder(self, report: Report, motions: Sequence[IntArray]) -> Report:
        largest, distances = 0.0, []
        for row, codes in enumerate(motions):
            wanted = self.shift.decode(torch.from_numpy(codes)[None])[0].numpy()
            for chunk in (1, 3):
                found = self.driver.shift_decode(codes, chunk)
                error = np.abs(found - wanted).max(axis=(1, 2))
                largest = max(largest, float(error.max()))
                if self.exact and error.max() > FRAMES:
                    where = f"prompt {row}, frame {int(error.argmax())}, {chunk} steps at a time"
                    raise _disagree("shift_decoder", where, float(error.max()), FRAMES, "in the raw frames")
            distances.append(_millimetres(found, wanted))
        mean = float(np.mean(distances))
        if mean > MOTION_MM:
            row = int(np.argmax(distances))
            raise _disagree(
                "shift_decoder", f"prompt {row} the most", mean, MOTION_MM, "mm of mean joint distance"
            )
        self.log(f"  shift_decoder  frames within {largest:.1e}, joints {mean:.4f} mm apart, streamed")
        return replace(report, frames=largest, decode_mm=mean)

    def _shift_encoder(self, report: Report, motions: Sequence[IntArray]) -> Report:
        equal = total = 0
        for row, codes in enumerate(motions):
            frames = self.shift.decode(torch.from_numpy(codes)[None])
            wanted = self.shift.encode(frames)[0].numpy()
            found = self.driver.shift_encode(frames[0].numpy())
            equal, total = equal + int((found == wanted).sum()), total + wanted.size
            for step, slot in np.argwhere(found != wanted):
                gap = self._code_gap(frames, int(step), int(slot), int(found[step, slot]))
                if self.exact and gap > TIE:
                    where = f"prompt {row}, step {step}, slot {SLOTS[slot]}"
                    raise _disagree("shift_encoder", where, gap, TIE, "in the distance of the code it chose")
        self.log(f"  shift_encoder  {equal} of {total} codes equal")
        return replace(report, code_agreement=equal / total)

    # ---- PyTorch's side -------------------------------------------------------------------------------

    def _encoded(self, ids: Sequence[int], codes: IntArray | None = None) -> Encoded:
        batch, mask = generation.pad_prompts([ids])
        return self.model.encode(batch, mask, None if codes is None else torch.from_numpy(codes)[None])

    def _memory(self, encoded: Encoded) -> Float32Array:
        """Cross-attention keys and values as the contract lays them out: ``(2 N, 1, H, M, D)``."""
        config, parts = self.model.config, []
        blocks: Any = self.model.t5.decoder.block
        for block in blocks:
            attention = block.layer[1].EncDecAttention
            for project in (attention.k, attention.v):
                parts.append(
                    project(encoded.memory).unflatten(-1, (config.heads, config.d_kv)).transpose(1, 2)
                )
        return torch.stack(parts).numpy()

    def _forced(self, encoded: Encoded, codes: IntArray) -> list[Float32Array]:
        steps = torch.tensor([len(codes)])
        return [x[0].numpy() for x in self.model.slot_logits(encoded, torch.from_numpy(codes)[None], steps)]

    def _code_gap(self, frames: torch.Tensor, step: int, slot: int, code: int) -> float:
        """How much farther than the nearest code ``code`` is, against the length of the latent."""
        hand, which = divmod(slot, len(self.shift.plans))
        plan = self.shift.plans[which]
        branch = self.shift.branch(plan.name)
        rows = self.shift._rows(self.shift.normalise(frames), plan)
        latent = branch.latents(rows)[hand, step]
        distance = torch.linalg.norm(branch.quantizer.codebook - latent, dim=1)
        return float((distance[code] - distance.min()) / (1.0 + latent.norm()))

    # ---- judging --------------------------------------------------------------------------------------

    def _bound(self, graph: str, kl: float) -> None:
        limit = KL_NATS[self.precision]
        if not kl <= limit:
            raise _disagree(graph, "with PyTorch's tokens forced", kl, limit, "nats of mean divergence")

    def _tie_or_raise(
        self, row: int, encoded: Encoded, forced: list[Float32Array], wanted: IntArray, drawn: IntArray
    ) -> None:
        """Let pass where the first differing choice was a tie in PyTorch; else ParityError."""
        common = min(len(wanted), len(drawn))
        parted = np.argwhere(wanted[:common] != drawn[:common])
        if self.model.config.form == "step" and len(wanted) != len(drawn):
            gumbel = noise.gumbel(row, noise.STREAM_LENGTH, 0, 0, self.model.grammar.max_steps)
            scores = self.model.length_logits(encoded)[0].numpy() / self.draw.temperature + gumbel
            gap = float(scores[len(wanted) - 1] - scores[len(drawn) - 1])
            where = f"prompt {row}: {len(drawn)} steps for {len(wanted)}"
        elif len(parted):
            step, slot = (int(i) for i in parted[0])
            a, b = int(wanted[step, slot]), int(drawn[step, slot])
            gumbel = noise.gumbel(row, noise.STREAM_MOTION, step, slot, self.model.grammar.max_codes)
            logits = forced[slot][step] / self.draw.temperature
            gap = float(logits[a] + gumbel[a] - logits[b] - gumbel[b])
            where = f"prompt {row}, step {step}, slot {SLOTS[slot]}: code {b} for {a}"
        else:
            gap, where = float("inf"), f"prompt {row}: {len(drawn)} steps for {len(wanted)}"
        if not gap <= TIE:
            raise _disagree("motion_step", where, gap, TIE, "between their scores")

    def _distance(self, a: IntArray, b: IntArray) -> float:
        """Mean joint distance of two motions of equal length, both decoded by PyTorch, mm."""
        pair = torch.from_numpy(np.stack([a, b]))
        frames = self.shift.decode(pair).numpy()
        return _millimetres(frames[0], frames[1])


def _same_caption_or_raise(row: int, logits: Float32Array, wanted: list[int], found: list[int]) -> None:
    """Let pass where the first differing token was a tie in PyTorch."""
    place = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), None)
    gap = float("inf")
    if place is None:  # one is the beginning of the other
        place = min(len(wanted), len(found))
    elif place < len(logits):
        gap = float(logits[place, wanted[place]] - logits[place, found[place]])
    if not gap <= TIE:
        raise _disagree("caption_step", f"motion {row}, token {place}", gap, TIE, "between their logits")


def _divergence(wanted: Float32Array, found: Float32Array) -> Float32Array:
    """KL(softmax(wanted) || softmax(found)) of each row, nats."""
    p, q = (torch.from_numpy(np.asarray(x)).double().log_softmax(-1) for x in (wanted, found))
    return np.asarray((p.exp() * (p - q)).sum(-1).numpy())


def _relative(found: Float32Array, wanted: Float32Array) -> float:
    return float(np.abs(found - wanted).max() / max(1.0, float(np.abs(wanted).max())))


def _millimetres(a: Float32Array, b: Float32Array) -> float:
    """Mean distance of the joints of two motions ``(T, 2, 99)``, mm."""
    return float(np.linalg.norm(two_hand_joints(a) - two_hand_joints(b), axis=-1).mean() * 1000.0)


def _disagree(graph: str, where: str, found: float, limit: float, what: str) -> ParityError:
    return ParityError(
        f"graph {graph} disagrees with PyTorch at {where}: {found:.3g} {what}, {limit:.3g} is allowed; "
        "no bundle was written. If the checkpoint is sound this is a fault of the export: report it, "
        "or try another --precision"
    )
