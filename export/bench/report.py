"""A record as a page: what it ran on, the systems, the ratios, and the figures that were to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from export.bench.figures import figures
from export.bench.systems import PRECISIONS
from export.bench.table import (
    Figure,
    find,
    floor_ratio,
    markdown,
    parts_table,
    ratio_table,
    ratios,
    system_table,
)

_TASK: Final = """\
Task: encode a prompt of {prompt_tokens} tokens and decode {steps} steps of motion, {tokens} tokens, batch 1,
the encoder included; random weights of T5-{size}, the same for all, vocabulary of {vocabulary:,}. Peers
decode greedily; ours draws from the distribution under the noise of seed {seed}. `flat` is one position
of the decoder for each token, all that peers can do; `step` is one for all tokens of 8 frames, here four,
the form that ships. Each system has a process of its own, and each round asks all of them in turn, the first
one changing; figures are medians."""
_LIMIT: Final = """\
Share of limit: the time in which the weights that a system must read could be read, at the rate that a probe
beside it reached in the same round over as many bytes with as many threads, over the time it took."""

_PARTS: Final = """\
Where the time of ours goes under one thread, milliseconds, medians: the encoder as it is timed by itself; the
decoder's weights, and the keys and values in float32 that it attends to, at the probe's rate; and the rest:
arithmetic, norms, sampling, Python. Below 0 the weights were read faster than the probe read as many bytes,
for part of them stayed in a cache."""


def _floors(result: Mapping[str, Any]) -> str:
    """What is left of step against flat where only the encoder and reading take time."""
    found = []
    for precision in PRECISIONS:
        flat, step = (find(result, f"clutch-rt {form} {precision}", 1) for form in ("flat", "step"))
        if flat and step and flat.get("encoder"):
            found.append(
                f"{precision} {floor_ratio(flat, step):.2f} times (measured {ratios(flat, step).median:.2f})"
            )
    return f"Without the rest, `flat` takes, for what `step` does: {', '.join(found)}." if found else ""


def report(record: Mapping[str, Any]) -> str:
    """The page, Markdown."""
    parts = ["# Speed", "Made by `python -m export.bench`.", _machine(record)]
    for size, result in record["sizes"].items():
        before, after = (", ".join(map(str, result["load"][k])) for k in ("before", "after"))
        parts += [
            f"## T5-{size}",
            _TASK.format(**result["task"]),
            system_table(result),
            f"{_LIMIT} Load averages of the machine before: {before}; after: {after}.",
            _PARTS,
            parts_table(result),
            _floors(result),
            "How many times as long each peer takes as ours under one thread:",
            ratio_table(result),
            *(f"Left out: {name} ({reason})." for name, reason in result["absent"].items()),
            _versions(result),
        ]
    parts += ["## Figures to reach", _figures(figures(record))]
    return "\n\n".join(parts) + "\n"


def _machine(record: Mapping[str, Any]) -> str:
    m = record["machine"]
    features = ", ".join(m["features"]) or "none known"
    return (
        f"{m['processor']}, {m['cores']} cores{' of a virtual machine' if m['virtual'] else ''}, "
        f"{features}, last cache {m['last_level_cache']}, {m['memory_gb']} GB, {m['system']}, "
        f"Python {m['python']}, commit {m['commit']}; {record['rounds']} rounds."
    )


def _versions(result: Mapping[str, Any]) -> str:
    rows = [["system", "versions"]]
    for system in result["systems"]:
        name = system["name"].split(",")[0].rsplit(" ", 1)[0] if not system["ours"] else "clutch-rt"
        row = [name, ", ".join(f"{k} {v}" for k, v in system["versions"].items())]
        if row not in rows:
            rows.append(row)
    return markdown(rows)


def _figures(found: list[Figure]) -> str:
    words = {True: "reached", False: "not reached", None: ""}
    rows = [["figure", "goal", "found, median (least to most)", ""]]
    rows += [[f.what, f.goal, f.found or "not measured", words[f.reached]] for f in found]
    return markdown(rows)
