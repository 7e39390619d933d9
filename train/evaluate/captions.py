"""What a model says of motions it has not seen, held against what the corpus says of them.

BLEU by sacrebleu, over the corpus of captions; ROUGE-L by rouge-score, its best F over the references; the
best cosine of MiniLM's sentence embeddings; and whether the caption says the clip's verbs. A clip has several
captions, all of which are references, as in the field (TM2T, Guo et al., ECCV 2022).

The ceiling is a clip's own first caption against its others, and the floor the first captions of other clips.
Both have one reference fewer than the model, which is therefore shown with these references too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from clutch_rt.errors import InputError
from clutch_rt.prompts import normalise
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU

from train.corpus import Clip
from train.evaluate.metrics import CONFIDENCE, Measured, bootstrap
from train.evaluate.said import verbs_right
from train.evaluate.similar import Embed

# measure -> (heading, digits)
CAPTION_COLUMNS: Final = {
    "r3": ("R@3 against the motion", 2),
    "verb": ("verbs", 2),
    "bleu1": ("BLEU-1", 1),
    "bleu4": ("BLEU-4", 1),
    "rouge": ("ROUGE-L", 2),
    "similarity": ("MiniLM cosine", 2),
}
_RESAMPLES: Final = 400
_ORDERS: Final = 4


@dataclass(frozen=True)
class CaptionRow:
    """Captions of one origin.

    Attributes:
        name: for the table.
        key: before its figures in ``metrics.json``: ``captions.`` and so on.
        values: measure -> mean and interval.
    """

    name: str
    key: str
    values: Mapping[str, Measured]


@dataclass(frozen=True)
class _Counts:
    """What BLEU needs of sentences: matches and n-grams ``(N, 4)``, lengths of them and of the nearest
    reference ``(N,)``."""

    matches: np.ndarray
    grams: np.ndarray
    length: np.ndarray
    reference: np.ndarray

    def bleu(self, rows: np.ndarray, order: int) -> float:
        """BLEU of the chosen rows as one corpus, 0 to 100."""
        found = BLEU.compute_bleu(
            self.matches[rows, :order].sum(0).tolist(),
            self.grams[rows, :order].sum(0).tolist(),
            int(self.length[rows].sum()),
            int(self.reference[rows].sum()),
            smooth_method="exp",
            max_ngram_order=order,
        )
        return float(found.score)


def _count(captions: Sequence[str], references: Sequence[Sequence[str]]) -> _Counts:
    metric = BLEU(effective_order=True)  # which changes the score of a sentence, never its counts
    found = [metric.sentence_score(c, list(r)) for c, r in zip(captions, references, strict=True)]
    return _Counts(
        np.asarray([f.counts for f in found]),
        np.asarray([f.totals for f in found]),
        np.asarray([f.sys_len for f in found]),
        np.asarray([f.ref_len for f in found]),
    )


def bleu(
    captions: Sequence[str], references: Sequence[Sequence[str]], rng: np.random.Generator
) -> dict[str, Measured]:
    """``bleu1`` and ``bleu4`` of the captions as one corpus, 0 to 100; intervals are a bootstrap of clips.

    Args:
        captions: one for each clip.
        references: of each clip, any number from one up.
        rng: draws the resamples.
    """
    counts, size = _count(captions, references), len(captions)
    drawn = rng.integers(0, size, (_RESAMPLES, size))
    tail = (1.0 - CONFIDENCE) / 2.0
    out = {}
    for order in (1, _ORDERS):
        low, high = np.quantile([counts.bleu(rows, order) for rows in drawn], [tail, 1.0 - tail])
        out[f"bleu{order}"] = Measured(counts.bleu(np.arange(size), order), float(low), float(high), size)
    return out


def caption_scores(
    captions: Sequence[str],
    references: Sequence[Sequence[str]],
    verbs: Sequence[Sequence[str]],
    rng: np.random.Generator,
    embed: Embed | None = None,
) -> dict[str, Measured]:
    """``bleu1``, ``bleu4``, ``rouge``, ``verb`` and, with ``embed``, ``similarity`` of captions.

    Args:
        captions: one for each clip.
        references: what the corpus says of each clip, one sentence or more.
        verbs: of each clip's actions.
        rng: draws the intervals.
        embed: of sentences, see ``similar``.

    Raises:
        InputError: there are no captions, or a clip without a reference.
    """
    if not captions or not all(references):
        raise InputError(f"{len(captions)} captions came, and a clip without a reference; each wants one")
    said = [normalise(caption) for caption in captions]
    told = [[normalise(text) for text in texts] for texts in references]
    out = bleu(said, told, rng)
    scorer = RougeScorer(["rougeL"])
    best = [scorer.score_multi(r, c)["rougeL"].fmeasure for c, r in zip(said, told, strict=True)]
    out["rouge"] = bootstrap(best, rng)
    out["verb"] = bootstrap([verbs_right(c, v) for c, v in zip(said, verbs, strict=True)], rng)
    if embed is not None:
        out["similarity"] = bootstrap(_nearest(embed, said, told), rng)
    return out


def _nearest(embed: Embed, said: Sequence[str], told: Sequence[Sequence[str]]) -> list[float]:
    """The cosine of each sentence to the nearest of its references."""
    ends = np.cumsum([len(texts) for texts in told])
    all_told = np.split(embed([text for texts in told for text in texts]), ends[:-1])
    return [float((texts @ own).max()) for texts, own in zip(all_told, embed(said), strict=True)]


def caption_rows(
    captions: Sequence[str],
    clips: Sequence[Clip],
    ranked: Mapping[str, Measured],
    rng: np.random.Generator,
    embed: Embed | None = None,
) -> list[CaptionRow]:
    """The table: the ceiling, the model twice, the floor; of the model alone where clips have one caption.

    Args:
        captions: the model's, one for each clip.
        clips: what was captioned.
        ranked: ``r3`` of each row by its key, see ``judging``.
        rng: draws the intervals.
        embed: of sentences, see ``similar``.
    """

    def row(name: str, key: str, texts: Sequence[str], told: Sequence[Sequence[str]]) -> CaptionRow:
        chosen = [i for i, references in enumerate(told) if references]
        values = caption_scores(
            [texts[i] for i in chosen],
            [told[i] for i in chosen],
            [[a.verb for a in clips[i].actions] for i in chosen],
            rng,
            embed,
        )
        return CaptionRow(name, key, {**({"r3": ranked[key]} if key in ranked else {}), **values})

    every, others = [c.texts for c in clips], [c.texts[1:] for c in clips]
    model = row("model, against all captions of a clip", "captions.", captions, every)
    if not any(others):
        return [model]
    first = [c.texts[0] for c in clips]
    mixed = [*first[1:], first[0]]
    return [
        row("a caption of the clip, against its others", "truth.caption_", first, others),
        model,
        row("model, against these others", "captions.others_", captions, others),
        row("a caption of another clip, against them", "shuffled.caption_", mixed, others),
    ]
