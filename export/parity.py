"""Does the bundle say what PyTorch says? Each graph is run beside the network it was written from.

``fp32`` must agree in what it *does*: the same lengths and tokens under the same sampling noise, the same
captions, the same codes, frames within 1e-5. The one exception is a tie: where the two rows that PyTorch and
the graph chose score within ``TIE`` of each other in PyTorch itself, rounding may choose either, and no
graph can be asked to round alike.

``fp16``, ``int8`` and ``int4`` round on purpose, and one differing token changes all that follow, so equal
tokens say nothing about them. They are held to two bounds that do:

* motion: the same codes, decoded, move the joints by at most ``MOTION_MM`` on average. SHIFT's own error is
  above 10 mm, the tremor of a resting hand about 1 mm: below that nobody can see it.
* distributions: with PyTorch's tokens forced on both, the mean Kullback-Leibler divergence of what they
  would draw next is at most ``KL_NATS``. It is the loss in log-likelihood that rounding costs. Training
  stops at some 2 nats per token and still moves by 0.2 between evaluations; a twentieth of a nat is below
  what a change of seed does. ``fp16`` has a bound fifty times tighter, so that a wrong cast cannot hide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import torch
from clutch_rt import noise
from clutch_rt.grammar import UNKNOWN
from clutch_rt.layout import HANDS, SLOTS, Float32Array, IntArray
from clutch_rt.manifest import CAPTION_ENCODER, MOTION_FIXED

from export.agreement import (
    FRAMES,
    KL_NATS,
    MEMORY,
    MOTION_MM,
    TIE,
    Report,
    divergence,
    gap,
    largest_difference,
    millimetres,
    parting,
    relative_difference,
    require,
)
from export.driver import EOS, PAD, Draw, Driver, Read
from export.graph import Precision
from export.reference import Reference
from models import captioning, generation
from models.lm import Encoded, MotionLM
from models.rhythm import following
from models.shift import Shift

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
        self.reference = Reference(model, shift)
        self.limit = KL_NATS[precision]
        self.prompts = [list(p) for p in prompts]
        self.caption_prompt = list(caption_prompt)
        self.draw = draw
        self.log = log
        self.exact = precision == "fp32"
        self._slot_names = model.grammar.slot_names
        self._choices = (*(["rhythm"] if model.grammar.rhythm else []), *self._slot_names)

    @torch.no_grad()
    def run(self) -> Report:
        """Check all graphs; ParityError says which disagrees, where, and by how much."""
        ids, mask = generation.pad_prompts(self.prompts)
        draw = (self.draw.temperature, self.draw.top_k)
        seeds = range(len(self.prompts))
        whole = generation.draw(self.model, ids, mask, seeds, None, *draw)
        motions = [drawn[:, -self.model.slots :] for drawn in whole]
        report = Report(len(motions), sum(drawn.size for drawn in whole))
        report = self._text_encoder(report)
        report = self._motion_step(report, whole)
        if self.model.config.form == "step":
            self._completion(motions[0])
        else:
            self._tokens(motions)
        if self.driver.has(MOTION_FIXED):
            self._fixed(whole)
        report = self._caption_step(report, motions)
        report = self._shift_decoder(report, motions)
        return self._shift_encoder(report, motions)

    # ---- the checks -----------------------------------------------------------------------------------

    def _text_encoder(self, report: Report) -> Report:
        worst, lengths_apart = 0.0, []
        for row, ids in enumerate(self.prompts):
            read, encoded = self._read(row, ids)
            pairs = [("memory", read.memory, self.reference.memory(encoded))]
            if read.lengths is not None:
                pairs.append(("length_logits", read.lengths, self.model.length_logits(encoded)[0].numpy()))
                lengths_apart.append(divergence(pairs[-1][2], read.lengths))
            for output, found, wanted in pairs:
                error = relative_difference(found, wanted)
                worst = max(worst, error)
                if self.exact:
                    where = f"prompt {row}, output {output}"
                    require("text_encoder", where, error, MEMORY, "of its largest value")
        kl = float(np.mean(lengths_apart)) if lengths_apart else 0.0
        self._bound("text_encoder", "the length", kl)
        self.log(f"  text_encoder   largest difference {worst:.1e} of the largest value, KL {kl:.1e} nats")
        return replace(report, kl_length=kl)

    def _motion_step(self, report: Report, whole: Sequence[IntArray]) -> Report:
        """``whole`` are PyTorch's own draws, ``(S, C)`` each: the rhythm, if any, and the codes."""
        equal = same = ties = 0
        apart, logits, distances = [], 0.0, []
        for row, (ids, wanted) in enumerate(zip(self.prompts, whole, strict=True)):
            read, encoded = self._read(row, ids)
            forced = self.reference.forced(encoded, wanted)
            found = self.driver.forced_logits(read.memory, wanted)
            logits = max(logits, self._logits(row, forced, found))
            apart += [divergence(a, b) for a, b in zip(forced, found, strict=True)]
            drawn = self.driver.generate(ids, row, self.draw)
            self._keeps_grammar(row, drawn)
            common = min(len(drawn), len(wanted))
            equal += int((drawn[:common] == wanted[:common]).sum())
            same += len(drawn) == len(wanted)
            if self.exact and not np.array_equal(drawn, wanted):
                self._require_tie(row, encoded, forced, wanted, drawn)
                ties += 1
            distances.append(self.reference.distance(drawn[:common], wanted[:common]))
        kl = float(np.concatenate(apart).mean())
        self._bound("motion_step", "the codes, with PyTorch's forced", kl)
        self.log(
            f"  motion_step    {equal} of {report.tokens} tokens equal under noise, {ties} ties, "
            f"{same} of {len(whole)} lengths; forced: logits within {logits:.1e}, KL {kl:.1e} nats"
        )
        return replace(
            report,
            token_agreement=equal / report.tokens,
            same_length=same / len(whole),
            ties=ties,
            kl_motion=kl,
            logits=logits,
            generated_mm=float(np.mean(distances)),
        )

    def _keeps_grammar(self, row: int, drawn: IntArray, graph: str = "motion_step") -> None:
        """In every precision a rhythm is followed by such as may follow it."""
        if self.model.grammar.rhythm:
            before = np.concatenate([[0], drawn[:-1, 0]])
            broken = float((~following()[before, drawn[:, 0]]).sum())
            require(graph, f"prompt {row}", broken, 0.0, "rhythms that may not follow")

    def _completion(self, motion: IntArray, graph: str = "motion_step") -> None:
        """A motion whose left hand is given: kept in every precision, and in ``fp32`` the rest is alike."""
        left = self.model.grammar.places < len(SLOTS) // len(HANDS)
        given = np.where(left, motion, UNKNOWN)
        ids = self.prompts[0]
        drawn = self.driver.generate(ids, 0, self.draw, given, graph)
        lost = float((drawn[:, -motion.shape[1] :][:, left] != motion[:, left]).sum())
        require(graph, "prompt 0, the left hand given", lost, 0.0, "of its codes not kept")
        if not self.exact:
            return
        encoded = self.reference.encoded(ids, given)
        error = relative_difference(self.driver.encode(ids, given).memory, self.reference.memory(encoded))
        require("text_encoder", "prompt 0, the left hand given", error, MEMORY, "of its largest value")
        batch, mask = generation.pad_prompts([ids])
        asked = (self.draw.temperature, self.draw.top_k)
        wanted = generation.draw(self.model, batch, mask, [0], None, *asked, given=[given])[0]
        if not np.array_equal(drawn, wanted):
            self._require_tie(0, encoded, self.reference.forced(encoded, wanted), wanted, drawn, graph)
        self.log(f"  {graph:14} a motion with the left hand given is completed alike")

    def _fixed(self, whole: Sequence[IntArray]) -> None:
        """The step of fixed shapes, by PyTorch's draws ``(S, C)``: in ``fp32`` it draws them too."""
        self._alike(MOTION_FIXED, whole, partial(self.driver.forced_logits, graph=MOTION_FIXED))
        for row, (ids, wanted) in enumerate(zip(self.prompts, whole, strict=True)):
            drawn = self.driver.generate(ids, row, self.draw, graph=MOTION_FIXED)
            self._keeps_grammar(row, drawn, MOTION_FIXED)
            if self.exact and not np.array_equal(drawn, wanted):
                encoded = self._read(row, ids)[1]
                self._require_tie(
                    row, encoded, self.reference.forced(encoded, wanted), wanted, drawn, MOTION_FIXED
                )
        if self.model.config.form == "step":
            self._completion(whole[0][:, -self.model.slots :], MOTION_FIXED)

    def _tokens(self, motions: Sequence[IntArray]) -> None:
        """The stream by single tokens."""
        self._alike("motion_token", motions, self.driver.forced_token_logits)

    def _alike(
        self,
        graph: str,
        draws: Sequence[IntArray],
        logits_of: Callable[[Float32Array, IntArray], list[Float32Array]],
    ) -> None:
        """Another graph of the motion step, PyTorch's draws forced: the logits are PyTorch's too."""
        apart, logits = [], 0.0
        for row, (ids, wanted) in enumerate(zip(self.prompts, draws, strict=True)):
            read, encoded = self._read(row, ids)
            forced = self.reference.forced(encoded, wanted)
            found = logits_of(read.memory, wanted)
            logits = max(logits, self._logits(row, forced, found, graph))
            apart += [divergence(a, b) for a, b in zip(forced, found, strict=True)]
        kl = float(np.concatenate(apart).mean())
        self._bound(graph, "the codes, with PyTorch's forced", kl)
        self.log(f"  {graph:14} forced: logits within {logits:.1e}, KL {kl:.1e} nats")

    def _logits(
        self,
        row: int,
        wanted: list[Float32Array],
        found: list[Float32Array],
        graph: str = "motion_step",
    ) -> float:
        """The largest difference of one prompt's forced logits."""
        worst = 0.0
        for choice, (a, b) in enumerate(zip(wanted, found, strict=True)):
            error = largest_difference(b, a)
            worst = max(worst, error)
            if self.exact:
                step = int(np.abs(a - b).max(axis=1).argmax())
                where = f"prompt {row}, step {step}, slot {self._choices[choice]}"
                limit = TIE * max(1.0, float(np.abs(a).max()))
                require(graph, where, error, limit, "in the logits")
        return worst

    def _caption_step(self, report: Report, motions: Sequence[IntArray]) -> Report:
        wanted = captioning.caption(self.model, self.caption_prompt, motions, CAPTION_TOKENS, width=1)
        apart, equal = [], 0
        for row, (motion, caption) in enumerate(zip(motions, wanted, strict=True)):
            memory, encoded = self._seen(row, motion)
            tokens = [PAD, *caption]
            a = self.model.text_logits(encoded, torch.tensor([tokens]))[0].numpy()
            apart.append(divergence(a, self.driver.caption_logits(memory, tokens)))
            found = self.driver.caption(memory, CAPTION_TOKENS)
            equal += found == caption
            if self.exact and found != caption:
                place = parting(caption, found)
                first, second = ([*tokens, EOS][place] for tokens in (caption, found))
                where = f"motion {row}, token {place}: {second} for {first}"
                require("caption_step", where, gap(a[place], first, second), TIE, "between their logits")
        kl = float(np.concatenate(apart).mean())
        self._bound("caption_step", "the text, with PyTorch's forced", kl)
        self.log(f"  caption_step   {equal} of {len(motions)} captions equal; forced: KL {kl:.1e} nats")
        return replace(report, caption_agreement=equal / len(motions), kl_caption=kl)

    def _shift_decoder(self, report: Report, motions: Sequence[IntArray]) -> Report:
        worst, distances = 0.0, []
        for row, codes in enumerate(motions):
            wanted = self.shift.decode(torch.from_numpy(codes)[None])[0].numpy()
            found = self.driver.shift_decode(codes)
            error = largest_difference(found, wanted)
            worst = max(worst, error)
            if self.exact:
                frame = int(np.abs(found - wanted).max(axis=(1, 2)).argmax())
                where = f"prompt {row}, frame {frame}, streamed"
                require("shift_decoder", where, error, FRAMES, "in the raw frames")
            distances.append(millimetres(found, wanted))
            # Only the order of sums may differ, in every precision.
            at_once = self.driver.shift_decode_many(codes[None], "shift_block")[0]
            apart = largest_difference(at_once, found)
            require("shift_block", f"prompt {row}", apart, FRAMES, "in the raw frames, against the stream")
        mean = float(np.mean(distances))
        where = f"all prompts, prompt {int(np.argmax(distances))} the most"
        require("shift_decoder", where, mean, MOTION_MM, "mm of mean joint distance")
        self.log(f"  shift_decoder  frames within {worst:.1e}, joints {mean:.4f} mm apart, streamed")
        return replace(report, frames=worst, decode_mm=mean)

    def _shift_encoder(self, report: Report, motions: Sequence[IntArray]) -> Report:
        equal = total = 0
        for row, codes in enumerate(motions):
            frames = self.shift.decode(torch.from_numpy(codes)[None])
            wanted = self.shift.encode(frames)[0].numpy()
            found = self.driver.shift_encode(frames[0].numpy())
            equal, total = equal + int((found == wanted).sum()), total + wanted.size
            for step, place in np.argwhere(found != wanted) if self.exact else ():
                where = f"prompt {row}, step {step}, slot {self._slot_names[place]}"
                farther = self.reference.code_gap(frames, int(step), int(place), found[step])
                require("shift_encoder", where, farther, TIE, "in the distance of the codes it chose")
        self.log(f"  shift_encoder  {equal} of {total} codes equal")
        return replace(report, code_agreement=equal / total)

    # ---- under one plan -------------------------------------------------------------------------------

    def _read(self, row: int, ids: Sequence[int]) -> tuple[Read, Encoded]:
        """What the graphs make of a prompt, and PyTorch under their plan; in ``fp32`` it is its own too."""
        read, encoded = self.driver.encode(ids, None, row, self.draw.temperature), self.reference.encoded(ids)
        if read.plan is None:
            return read, encoded
        scores = generation.plan_scores(self.model, encoded, [row], self.draw.temperature)
        self._plan("text_encoder", f"prompt {row}", read.plan, scores)
        return read, self.model.with_plan(encoded, torch.from_numpy(read.plan))

    def _plan(self, graph: str, where: str, chosen: IntArray, scores: Sequence[torch.Tensor]) -> None:
        """Labels ``(1, ACTIONS, fields)`` of a graph's are PyTorch's, or by its scores nearly as good.

        Scores that are e apart cost about e^2 / 2 nats of divergence, and a label chosen by them e at most.
        """
        pairs = [(x[0].numpy(), chosen[0, :, field]) for field, x in enumerate(scores)]
        lost = np.concatenate([x.max(1) - np.take_along_axis(x, c[:, None], 1)[:, 0] for x, c in pairs])
        if self.exact:
            require(graph, f"{where}, output plan", float((lost > 0).sum()), 0.0, "labels that differ")
        limit = math.sqrt(2.0 * self.limit)
        require(graph, f"{where}, output plan", float(lost.mean()), limit, "nats that its labels lose")

    def _seen(self, row: int, codes: IntArray) -> tuple[Float32Array, Encoded]:
        """What captions are told from, by the graphs, and by PyTorch under their plan; as ``_read``."""
        read, encoded = (
            self.driver.seen(self.caption_prompt, codes),
            self.reference.encoded(self.caption_prompt, codes),
        )
        if read.plan is None:
            return read.memory, encoded
        assert self.model.caption_plan is not None
        scores = self.model.caption_plan.reader.scores(encoded.memory, encoded.mask)
        self._plan(CAPTION_ENCODER, f"motion {row}", read.plan, scores)
        under = self.model.with_plan(encoded, torch.from_numpy(read.plan))
        if self.exact:
            error = relative_difference(read.memory, self.reference.memory(under))
            require(CAPTION_ENCODER, f"motion {row}, output memory", error, MEMORY, "of its largest value")
        return read.memory, under

    # ---- judging --------------------------------------------------------------------------------------

    def _bound(self, graph: str, what: str, kl: float) -> None:
        require(graph, what, kl, self.limit, "nats of mean divergence")

    def _require_tie(
        self,
        row: int,
        encoded: Encoded,
        forced: list[Float32Array],
        wanted: IntArray,
        drawn: IntArray,
        graph: str = "motion_step",
    ) -> None:
        """Let pass where the first differing choice was a tie in PyTorch; else ParityError."""
        grammar, where = self.model.grammar, f"prompt {row}: {len(drawn)} steps for {len(wanted)}"
        apart = float("inf")
        common = min(len(wanted), len(drawn))
        parted = np.argwhere(wanted[:common] != drawn[:common])
        if self.model.config.form == "step" and len(wanted) != len(drawn):
            logits = self.model.length_logits(encoded)[0].numpy()
            gumbel = noise.gumbel(row, noise.STREAM_LENGTH, 0, 0, grammar.max_steps)
            apart = gap(logits / self.draw.temperature + gumbel, len(wanted) - 1, len(drawn) - 1)
        elif len(parted):
            step, slot = (int(i) for i in parted[0])
            first, second = int(wanted[step, slot]), int(drawn[step, slot])
            scores = forced[slot][step]
            if self._choices[slot] == "rhythm":
                barred = ~following()[wanted[step - 1, 0] if step else 0]
                scores = np.where(barred, -np.inf, scores)
            where = f"prompt {row}, step {step}, slot {self._choices[slot]}: code {second} for {first}"
            gumbel = noise.gumbel(row, noise.STREAM_MOTION, step, slot, len(scores))
            apart = gap(scores / self.draw.temperature + gumbel, first, second)
        require(graph, where, apart, TIE, "between their scores")
