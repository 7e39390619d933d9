"""The pages that tell of the shipped bundle, from what the commands that measured it wrote.

``docs/`` has their reports as they are; in the README the figures stand between two marks.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, Final

from clutch_rt.errors import InputError

from export.figure_table import figure_cell
from train.evaluate.report import table

BEGIN: Final = "<!-- figures of the shipped bundle, written by export.release -->"
END: Final = "<!-- end of figures -->"

_COLUMNS: Final = {
    "truth": "ground truth",
    "shift": "through SHIFT and back",
    "generated": "generated",
    "shuffled": "shuffled text",
}
_ROWS: Final = {
    "verb": "verb, of {verbs} (one action)",
    "hand": "hand (one action)",
    "sequence": "verbs in turn (2 and 3 actions)",
    "r1": "R-precision@1, pools of {pool}",
    "r3": "R-precision@3, pools of {pool}",
    "speed": "speed, by a signal meter",
    "count": "count, by a signal meter",
    "direction": "direction, by a signal meter",
}
_MADE_BY: Final = "Made by:"
_AGED: Final = "*Of the bundle that shipped before: this was not made anew with it.*"
_REAL: Final = "# Real hands through SHIFT\n"
_TOGETHER: Final = "\u00a0"  # a space that no line is broken at


def figures_block(manifest: Mapping[str, Any], size: int) -> str:
    """The README's table and what follows from it, between their marks.

    Args:
        manifest: of a bundle that was judged.
        size: of the bundle, in bytes.

    Raises:
        InputError: the bundle was not judged.
    """
    metrics = manifest.get("metrics") or {}

    def cell(name: str, digits: int = 2) -> str:
        found = figure_cell(metrics.get(name), digits)
        if not found:
            raise InputError(
                f"the bundle {manifest['name']!r} has no figure {name}; judge it by `python -m "
                "train.evaluate`, and then run `python -m export.card`"
            )
        return found.replace(" ", _TOGETHER)

    told = {"verbs": len(manifest["verbs"]), "pool": manifest["judging"]["pool"]}
    rows = [
        [words.format(**told), *(cell(f"{column}.{key}") for column in _COLUMNS)]
        for key, words in _ROWS.items()
    ]
    top_k = manifest["sampling"]["top_k"]
    in_play = f"the {top_k} likeliest codes" if top_k else "every code"
    after = (
        f"Made by the shipped bundle ({manifest['precision']}, {size / 1e6:.1f} MB, temperature "
        f"{manifest['sampling']['temperature']:g}, {in_play} in play); brackets are 95 % intervals. Its "
        f"captions of held-out motions say {cell('captions.verb')} of the verbs. SHIFT, the motion "
        f"tokenizer, reconstructs held-out clips to {cell('shift.mpjpe', 1)} mm mean joint error (MPJPE; "
        f"{cell('shift.aligned', 1)} mm wrist-aligned), ACCEL error {cell('shift.accel')} mm/frame² where "
        f"the truth's own acceleration is {cell('shift.truth_acceleration')}."
    )
    filled = textwrap.fill(after, 110, break_long_words=False, break_on_hyphens=False)
    shown = table(["on the corpus's held-out clips", *_COLUMNS.values()], rows)
    return "\n".join([BEGIN, "", shown, "", filled, "", END]).replace(_TOGETHER, " ")


def with_figures(readme: str, block: str) -> str:
    """The README with other figures.

    Raises:
        InputError: it has no such marks.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"the README has no place for figures; put {BEGIN!r} and {END!r} around it")
    return f"{before}{block}{after}"


def evaluation(report: str, real: str | None, before: str) -> str:
    """``docs/evaluation.md``: the judging, and real recordings through SHIFT.

    Args:
        report: of ``train.evaluate``.
        real: of ``train.real``; None leaves what the page had of it, with a note.
        before: the page as it was.
    """
    if real is None:
        _, heading, rest = before.partition(_REAL)
        real = aged(f"{heading}{rest}") if heading else ""
    return f"{report}\n{real}" if real else report


def introduced(page: str, before: str) -> str:
    """A report under the heading that the page had, which says what was measured: up to ``Made by:``."""
    heading, made_by, _ = before.partition(_MADE_BY)
    _, told, rest = page.partition(_MADE_BY)
    if not made_by or not told:
        return page
    return heading.replace(_AGED + "\n\n", "") + made_by + rest


def aged(page: str) -> str:
    """A page with a note under its heading that it is of another bundle than the one that ships now."""
    heading, _, rest = page.partition("\n")
    return page if _AGED in page else f"{heading}\n\n{_AGED}\n{rest}"
