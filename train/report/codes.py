"""How the codebooks are used: the token store's codes counted slot by slot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from clutch_rt.errors import ClutchError, FileFormatError
from clutch_rt.grammar import Grammar
from clutch_rt.layout import IntArray

from train.evaluate.metrics import code_usage
from train.report.charts import HEIGHT, WIDTH, Axis, frame, short
from train.report.markup import Element, element, gap, section, table
from train.report.reading import read_json
from train.run import RunFolder
from train.tokens import shift_config, slots_of

_BARS: Final = 128  # drawn of a codebook at most; larger ones have several entries a bar


@dataclass(frozen=True)
class SlotUse:
    """How often each entry of ``codebook`` stands in a slot of the training clips: ``counts (entries,)``."""

    slot: str
    codebook: str
    counts: IntArray


def slot_use(folder: RunFolder) -> list[SlotUse]:
    """Counts for each slot; none before the tokens are there.

    Raises:
        InputError: SHIFT is of a variant without the slots of a language model.
        FileFormatError: its settings or the tokens are damaged, or do not belong together.
    """
    files = sorted((folder.path / "tokens").glob("train-*.parquet"))
    if not files or not folder.is_done("tokens"):
        return []
    config = shift_config(folder.path)
    grammar = Grammar(
        text_vocab=1,
        trajectory_codes=config.trajectory_codes,
        pose_codes=config.pose_codes,
        max_steps=1,
        levels=config.levels,
        trajectory_levels=config.trajectory_levels,
    )
    counts = [np.zeros(size, np.int64) for size in grammar.sizes]
    for file in files:
        for slot, seen in zip(counts, _codes(file).T, strict=True):
            if len(seen) and not 0 <= seen.min() <= seen.max() < len(slot):
                raise FileFormatError(
                    f"{file} has codes beyond the {len(slot)} entries of SHIFT's codebook; "
                    "delete RUN/tokens and RUN/done/tokens.json and run the tokens again"
                )
            slot += np.bincount(seen, minlength=len(slot))
    names = grammar.slot_names
    return [SlotUse(n, n.partition("_")[2], found) for n, found in zip(names, counts, strict=True)]


def _codes(file: Path) -> IntArray:
    """All codes of a shard, ``(S, K)``."""
    try:
        column = pq.read_table(file, columns=["codes"])["codes"].combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise FileFormatError(
            f"{file} cannot be read ({error}); delete it and run the tokens again"
        ) from error
    flat = column.flatten().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, np.int64).reshape(-1, slots_of(file))


def codes_section(folder: RunFolder) -> Element:
    """The section of the page."""
    try:
        used = slot_use(folder)
    except ClutchError as error:
        return section("codes", "Use of the codebooks", gap(str(error)), *_held_out(folder))
    if not used:
        waits = gap("Not counted yet: the stage tokens writes the codes.")
        return section("codes", "Use of the codebooks", waits, *_held_out(folder))
    intro = element(
        "p",
        "Each bar is an entry (in large codebooks a few), the most used first, by its share of the slot's "
        "codes in the training clips. The dashed line is an even use of all entries.",
    )
    figures = element("div", *(_figure(use) for use in used), class_="charts")
    return section("codes", "Use of the codebooks", intro, figures, _table(used), *_held_out(folder))


def _figure(use: SlotUse) -> Element:
    name, size = use.slot.replace("_", " "), len(use.counts)
    shares = np.sort(use.counts)[::-1] / max(int(use.counts.sum()), 1)
    per = -(-size // _BARS)
    bars = np.asarray([shares[i : i + per].mean() for i in range(0, size, per)])
    x = Axis(0.0, float(size), 48, WIDTH - 20)
    y = Axis(0.0, float(max(bars.max() * 100, 1e-9)), HEIGHT - 34, 10)
    steps = [f"M{x.start},{y.start}"]
    for i, share in enumerate(bars):
        steps.append(f"V{y.place(100 * float(share)):.1f}H{x.place(min((i + 1) * per, size)):.1f}")
    usage = code_usage(np.repeat(np.arange(size), use.counts), size)
    said = (
        f"Use of the {size} entries in the slot {name}, most used first: {usage.used} used, "
        f"perplexity {usage.perplexity:.0f}, the first has {100 * shares[0]:.1f} % of the codes."
    )
    even = y.place(100.0 / size)
    marks = [
        element("path", d="".join([*steps, f"V{y.start}Z"]), class_="bars"),
        element("line", x1=x.start, x2=x.stop, y1=even, y2=even, class_="even"),
    ]
    caption = element(
        "figcaption",
        element("strong", name),
        element("span", f" {usage.used} of {size} used, perplexity {usage.perplexity:.0f}"),
        element("small", "% of the slot's codes, by rank"),
    )
    return element("figure", caption, frame(said, x, y, *marks, x_name="entry"), class_="chart")


def _table(used: list[SlotUse]) -> Element:
    books: dict[str, IntArray] = {}
    for use in used:
        name = f"{use.codebook.replace('_', ' ')} codebook"
        books[name] = books.get(name, 0) + use.counts
    rows = []
    for name, counts in [*books.items(), *((u.slot.replace("_", " "), u.counts) for u in used)]:
        usage = code_usage(np.repeat(np.arange(len(counts)), counts), len(counts))
        top = 100 * counts.max() / max(int(counts.sum()), 1)
        rows.append(
            [
                name,
                f"{usage.size}",
                f"{usage.used}",
                f"{usage.size - usage.used}",
                f"{usage.perplexity:.0f}",
                f"{top:.1f} %",
            ]
        )
    headings = ["", "entries", "used", "never used", "perplexity", "most used entry"]
    return table("Codes of the training clips", headings, rows, "code-use")


def _held_out(folder: RunFolder) -> list[Element]:
    """What the stage shift measured on held-out clips."""
    found = read_json(folder.path / "shift" / "metrics.json")
    if not found:
        return [gap("SHIFT is not trained yet.")]
    units = {"mpjpe": "MPJPE, mm", "wrist_aligned": "wrist-aligned, mm", "accel": "ACCEL error, mm/frame²"}
    rows = [
        [units.get(name, name.replace("_", " ")), short(float(value))]
        for name, value in found.items()
        if isinstance(value, (int, float))
    ]
    return [table("SHIFT on held-out clips, when its training ended", ["", "value"], rows, "shift-held-out")]
