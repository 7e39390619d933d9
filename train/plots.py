"""Curves of a run as PNG, one file per stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from models.files import appearing
from train.run import RunFolder, is_main

_NOT_CURVES: Final = {"stage", "step", "time", "rate", "gradient", "clips_per_second", "memory_gb", "mfu"}


def curves(lines: Sequence[Mapping[str, Any]]) -> dict[str, tuple[list[int], list[float]]]:
    """``metrics.jsonl`` lines of a stage to steps and values per name; validation has ``val_`` names.

    Numbers written once are left out where others were written more often.
    """
    found: dict[str, tuple[list[int], list[float]]] = {}
    for line in sorted(lines, key=lambda line: int(line["step"])):
        for name, value in line.items():
            if name not in _NOT_CURVES and isinstance(value, (int, float)):
                steps, values = found.setdefault(name, ([], []))
                steps.append(int(line["step"]))
                values.append(float(value))
    lines_of = {name: curve for name, curve in found.items() if len(curve[0]) > 1}
    return lines_of or found


def plot_stage(folder: RunFolder, stage: str) -> Path | None:
    """Draw the curves of a stage into ``RUN/plots/STAGE.png``; None if it logged nothing or plots are off."""
    found = curves(folder.metrics(stage))
    if not (found and folder.config.machine.plots and is_main()):
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.8 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for i, (name, (steps, values)) in enumerate(found.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.plot(steps, values, marker="o" if len(steps) < 12 else None, markersize=3)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
        if min(values) > 0 and max(values) / min(values) > 20:
            axes.set_yscale("log")
    figure.suptitle(f"{folder.path.name}: {stage}")
    path = folder.folder("plots") / f"{stage}.png"
    with appearing(path) as part:
        figure.savefig(part, dpi=110, format="png")
    return path
