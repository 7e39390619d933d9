"""A record as a page of tables and a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from clutch_rt.errors import MissingExtraError

from export.bench.table import markdown

Record = Mapping[str, Any]

_HOW: Final = (
    "A step is timed from its noise on the host to its codes on the host: median of the rounds (least "
    "to most). Its share of the limit: the time in which its weights could be read at the copies' rate, "
    "over the time it took; weights that fit into the L2 cache may be read faster than that. The first "
    "step has the beginning of a motion in it."
)

_REHEARSAL: Final = (
    "**A REHEARSAL ON THE CPU.** It shows that the code of every row runs. No GPU was used, no CUDA graph "
    "captured, nothing compiled: no time and no bandwidth below says anything about a GPU."
)


def page(record: Record) -> str:
    """The whole record."""
    parts = ["# A motion step on CUDA", *([_REHEARSAL] if record["rehearsal"] else []), _where(record)]
    return "\n\n".join([*parts, *(_subject(s, record) for s in record["subjects"])]) + "\n"


def _where(record: Record) -> str:
    gpu, machine = record["gpu"], record["machine"]
    card = gpu.get("name", "no GPU")
    if "name" in gpu:
        card += f", {gpu['memory_gb']} GB, SM {gpu['compute']}, {gpu['processors']} SMs, L2 {gpu['l2_mb']} MB"
    drivers = ", ".join(sorted({g["driver"] for g in gpu["gpus"]})) or "none"
    lines = [
        f"GPU: {card}; driver {drivers}, CUDA {gpu['driver_cuda'] or 'none'}, PyTorch's {gpu['torch_cuda']}",
        f"host: {machine['processor']}, {machine['cores']} cores, {machine['system']}",
        "versions: "
        + ", ".join(f"{name} {number}" for name, number in gpu["versions"].items())
        + f", python {machine['python']}, commit {machine['commit']}",
        f"copies within the device: {record['bandwidth'] / 1e9:.0f} GB/s, bytes read and written, "
        f"over {record['bandwidth_bytes'] / 2**20:.0f} MiB",
        f"made by: `{record['command']}`",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _subject(subject: Record, record: Record) -> str:
    shape = subject["shape"]
    what = (
        f"{shape['decoder_layers']} layers of {shape['d_model']}, {subject['bytes'] / 1e6:.1f} MB of float32 "
        "weights a step"
    )
    absent = [
        f"- batch {batch}, {name}: did not run: {why}"
        for batch, rows in subject["absent"].items()
        for name, why in rows.items()
    ]
    parts = [
        f"## {subject['name']}: {what}",
        *(f"Tokens, {name}: {found['text']}" for name, found in subject["tokens"].items()),
        f"One motion, {subject['steps']} steps, rounds: {record['rounds']}, in turn. {_HOW}",
        step_table(subject, record["bandwidth"]),
        "Milliseconds a step, and thousands of steps of a motion per second:",
        batch_table(subject),
        *(["\n".join(absent)] if absent else []),
    ]
    return "\n\n".join(parts)


def step_table(subject: Record, bandwidth: float) -> str:
    """The ways at batch 1, the fastest first."""
    rows = [["way", "ms a step", "share of limit", "first step ms", "codes equal to the CPU's"]]
    for row in sorted(_rows(subject, 1), key=lambda r: r["ms"]["median"]):
        ms, first = row["ms"], row["first_ms"]["median"]
        equal, total = row["codes_equal"]
        rows.append(
            [
                row["way"],
                f"{ms['median']:.3f} ({ms['least']:.3f} to {ms['most']:.3f})",
                f"{share(row, bandwidth):.1%}",
                f"{first:.2f}",
                f"{equal} of {total}",
            ]
        )
    return markdown(rows)


def share(row: Record, bandwidth: float) -> float:
    """Of the memory-bandwidth limit: seconds that reading the weights takes, over those of the step."""
    return float(row["bytes"] / bandwidth / (row["ms"]["median"] / 1e3))


def batch_table(subject: Record) -> str:
    """Every way at every batch; a cell is empty where a way does not take the batch, or did not run."""
    batches = subject["batches"]
    names = list(dict.fromkeys(row["way"] for row in subject["rows"]))
    rows = [["way", *(f"B {batch}" for batch in batches)]]
    for name in names:
        found = {row["batch"]: row["ms"]["median"] for row in subject["rows"] if row["way"] == name}
        cells = [f"{found[b]:.2f} ms, {b / found[b]:.1f} k/s" if b in found else "" for b in batches]
        rows.append([name, *cells])
    return markdown(rows)


def _rows(subject: Record, batch: int) -> Sequence[Record]:
    return [row for row in subject["rows"] if row["batch"] == batch]


def require_matplotlib() -> None:
    """Raise MissingExtraError where there is no matplotlib, before anything is measured for a picture."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "the picture needs matplotlib; run `pip install -e '.[train,export]'` and the same command again"
        ) from None


def picture(record: Record) -> bytes:
    """A PNG: time of a step, and steps per second by batch, a line of panels for each subject."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    subjects = record["subjects"]
    figure = Figure(figsize=(13, 4.6 * len(subjects)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(subjects), 2, squeeze=False)
    title = (
        "REHEARSAL on the CPU: no time here means anything" if record["rehearsal"] else record["gpu"]["name"]
    )
    figure.suptitle(title)
    for (left, right), subject in zip(panels, subjects, strict=True):
        rows = sorted(_rows(subject, 1), key=lambda r: -r["ms"]["median"])
        left.barh([row["way"] for row in rows], [row["ms"]["median"] for row in rows], color="#266eb4")
        limit = 1e3 * subject["bytes"] / record["bandwidth"]
        left.axvline(limit, color="#c43e30", linestyle="--", label=f"float32 weights read: {limit:.3g} ms")
        left.set_xscale("log")
        left.set_xlabel(f"{subject['name']}: milliseconds a step, one motion")
        left.legend(loc="lower right", fontsize=8)
        for name in dict.fromkeys(row["way"] for row in subject["rows"]):
            found = [
                (r["batch"], r["batch"] / r["ms"]["median"] * 1e3)
                for r in subject["rows"]
                if r["way"] == name
            ]
            right.plot(*zip(*found, strict=True), marker="o", markersize=3, label=name)
        right.set_xscale("log", base=2)
        right.set_xticks(subject["batches"], [str(batch) for batch in subject["batches"]])
        right.set_yscale("log")
        right.set_xlabel("motions together")
        right.set_ylabel("steps of a motion per second")
        right.legend(loc="lower right", fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
