"""Which verb the judge sees where another was asked for, in the clips of one action."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from train.evaluate.features import features
from train.evaluate.retrieval import judge_motions
from train.evaluate.rows import Context, Draw
from train.run import write_text

CONFUSION_FILE: Final = "confusion.json"


def write_confusion(rows: Mapping[str, Sequence[Draw]], context: Context, folder: Path) -> None:
    """Write ``confusion.json``: row -> ``[[asked, seen, motions], ...]``.

    These are the motions, and the judge, of the table's ``verb``: all draws of the single, speed and count
    sets.
    """
    found = {name: _pairs(draws, context) for name, draws in rows.items()}
    verbs = sorted(context.judge.config.verbs)
    write_text(folder / CONFUSION_FILE, json.dumps({"verbs": verbs, "rows": found}) + "\n")


def _pairs(draws: Sequence[Draw], context: Context) -> list[tuple[str, str, int]]:
    sets = context.sets
    asked = [clip.actions[0].verb for clip in (*sets.single, *sets.speed, *sets.count)]
    counts: Counter[tuple[str, str]] = Counter()
    for draw in draws:
        motions = [features(m) for m in (*draw.single, *draw.speed, *draw.count)]
        counts.update(zip(asked, judge_motions(context.judge, motions).verbs, strict=True))
    return [(wanted, seen, number) for (wanted, seen), number in sorted(counts.items())]
