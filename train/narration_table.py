"""Every narration whose verb maps, generated and judged: a table by narration verb."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clutch_rt.errors import InputError
from clutch_rt.layout import Float32Array
from tqdm import tqdm

from train.evaluate.features import features
from train.evaluate.report import table
from train.evaluate.retrieval import Judge, judge_motions
from train.narration_verbs import corpus_verb

_ELSE = 3  # other verbs a row names


@dataclass(frozen=True)
class Narration:
    """A spoken sentence with its verb as annotated and the corpus verb nearest to it."""

    text: str
    verb: str
    expected: str | None

    @classmethod
    def of(cls, text: str, verb: str, noun: str) -> Narration:
        """With the nearest corpus verb of its verb and noun."""
        return cls(text, verb, corpus_verb(verb, noun))


@dataclass(frozen=True)
class Judged:
    """A narration, and the corpus verb that the judge sees in its motion; None where it was refused."""

    narration: Narration
    seen: str | None

    @property
    def agrees(self) -> bool:
        """Whether the judge sees the verb that was expected."""
        return self.seen == self.narration.expected


def judge_all(model: Any, judge: Judge, narrations: Sequence[Narration], seed: int) -> list[Judged]:
    """Generate each narration that has a nearest corpus verb, as a user would, and judge them in batches.

    Args:
        model: has `generate(text, seconds=, seed=)`, such as a `clutch_rt.Model`.
        judge: of the run.
        narrations: those without a nearest verb are left out.
        seed: of every motion.
    """
    wanted = [narration for narration in narrations if narration.expected is not None]
    kept: dict[int, Float32Array] = {}
    for index, narration in enumerate(tqdm(wanted, desc="narrations", mininterval=5.0)):
        try:
            kept[index] = features(model.generate(narration.text, seconds=None, seed=seed).frames)
        except InputError:
            continue
    seen = dict(zip(kept, judge_motions(judge, list(kept.values())).verbs, strict=True)) if kept else {}
    return [Judged(narration, seen.get(index)) for index, narration in enumerate(wanted)]


def by_verb(judged: Sequence[Judged]) -> str:
    """The table: each narration verb with its nearest corpus verb, the most frequent first."""
    groups: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for one in judged:
        groups[one.narration.verb, one.narration.expected or ""].append(one)
    body = []
    for (verb, expected), rows in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        others = Counter(row.seen or "refused" for row in rows if not row.agrees)
        agrees = sum(row.agrees for row in rows)
        body.append([verb, expected, str(len(rows)), str(agrees), _counts(others)])
    return table(["narration verb", "nearest corpus verb", "n", "judge agrees", "else"], body)


def _counts(others: Counter[str]) -> str:
    listed = ", ".join(f"{name} {count}" for name, count in others.most_common(_ELSE))
    left = sum(others.values()) - sum(count for _, count in others.most_common(_ELSE))
    return f"{listed}, others {left}" if left else listed or "-"


def markdown(judged: Sequence[Judged], strangers: int, model_name: str, command: str) -> str:
    """The table with its total.

    Args:
        judged: of all narrations whose verb maps.
        strangers: how many there were whose verb does not.
        model_name: of the bundle.
        command: that made it.
    """
    agree, refused = sum(one.agrees for one in judged), sum(one.seen is None for one in judged)
    share = 100.0 * agree / len(judged) if judged else 0.0
    lines = [
        "# Narrations by verb",
        f"Model: {model_name}. Made by:",
        f"    {command}",
        f"The judge sees the nearest corpus verb in {agree} of {len(judged)} ({share:.1f} %); {refused} were "
        f"refused, and {strangers} more have a verb that is near to none of the corpus.",
        by_verb(judged),
    ]
    return "\n\n".join(lines) + "\n"
