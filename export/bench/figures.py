"""The figures that this project sets itself, and whether a run reached them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any, Final

from export.bench.table import REAL_TIME_TOKENS, Figure, Record, Spread, find, growth, ratios, share

_FRAMES_PER_SECOND: Final = 30.0
_FRAMES_PER_STEP: Final = 8


def figures(record: Mapping[str, Any]) -> list[Figure]:
    """Every figure, in the order of the table; those that a run did not measure stay empty."""
    small, base = record["sizes"].get("small"), record["sizes"].get("base")
    return [
        *(_small(small) if small else []),
        *(_base(base) if base else []),
        *(_bundle(record["bundle"]) if record.get("bundle") else []),
    ]


def _small(result: Record) -> list[Figure]:
    flat = "clutch-rt flat int8"
    found = [
        _ratio(result, flat, "CTranslate2 int8, small head", 1.3),
        _ratio(result, flat, "CTranslate2 int8", 4.0),
        _ratio(result, flat, "optimum-onnx int8", 5.0),
        _share(result, flat, 0.85),
        _share(result, "clutch-rt flat fp32", 0.95),
        _ratio(result, "clutch-rt step int8", flat, 3.0, threads=1),
    ]
    step = find(result, "clutch-rt step int8", 1)
    grown = growth(step) if step else None
    what = "t5-small step int8, 1 thread: time of a step at step 60 against step 5"
    if grown is None:
        return [*found, Figure(what, "at most 1.15x")]
    return [*found, Figure(what, "at most 1.15x", f"{grown.text()}x", grown.median <= 1.15)]


def _base(result: Record) -> list[Figure]:
    found = []
    for form in ("flat", "step"):
        system = find(result, f"clutch-rt {form} int8", 1)
        if system:
            times = [result["task"]["tokens"] / s / REAL_TIME_TOKENS for s in system["seconds"]]
            speed = Spread.of(times)
            what = f"t5-base {form} int8, 1 thread, times real time (15 tokens/s)"
            found.append(Figure(what, "at least 8x", f"{speed.text('.1f')}x", speed.median >= 8.0))
            found.append(_memory(f"resident, t5-base {form} int8", system, 350))
    return found


def _bundle(result: Record) -> list[Figure]:
    motions = result["motions"]
    made = motions * result["steps"] * _FRAMES_PER_STEP / _FRAMES_PER_SECOND
    times = Spread.of([made / s for s in result["single"]])
    gains = zip(result["single"], result["together"], strict=True)
    gain = Spread.of([single / together for single, together in gains])
    first = Spread.of([1e3 * s for s in result["first"]])
    name = f"bundle {result['name']}, {result['precision']}"
    found = [
        Figure(
            f"{name}, 1 thread: times real time, SHIFT included",
            "at least 300x",
            f"{times.text('.0f')}x",
            times.median >= 300,
        ),
        Figure(
            f"{name}, 1 thread: {motions} motions together against one by one",
            "at least 4x the throughput",
            f"{gain.text()}x",
            gain.median >= 4,
        ),
        Figure(
            f"{name}: text to first 8 frames, warm",
            "15 ms",
            f"{first.text('.1f')} ms",
            first.median <= 15,
        ),
    ]
    if result["cold"]:
        cold = Spread.of(result["cold"])
        what = f"{name}: whole `clutch-rt generate` from a cold process"
        found.append(Figure(what, "1.0 s", f"{cold.text()} s", cold.median <= 1.0))
    return [*found, _memory(f"{name}: resident", result, 150)]


def _memory(what: str, system: Record, most: float) -> Figure:
    resident = system["memory"].get("resident")
    goal = f"{most:.0f} MB"
    return (
        Figure(what, goal) if resident is None else Figure(what, goal, f"{resident:.0f} MB", resident <= most)
    )


def _ratio(result: Record, ours: str, other: str, goal: float, threads: int | None = None) -> Figure:
    """Ours under one thread against ``other`` under ``threads``, or the number that suits it best."""
    what = f"t5-{result['task']['size']}, {ours.removeprefix('clutch-rt ')}, 1 thread, against {other}"
    first, second = find(result, ours, 1), find(result, other, threads)
    wanted = f"at least {goal:g}x"
    if first is None or second is None:
        return Figure(what, wanted)
    found = ratios(second, first)
    return Figure(what, wanted, f"{found.text()}x", found.median >= goal)


def _share(result: Record, name: str, goal: float) -> Figure:
    size, short = result["task"]["size"], name.removeprefix("clutch-rt ")
    what = f"t5-{size}, {short}, 1 thread, share of the memory-bandwidth limit"
    system = find(result, name, 1)
    if system is None:
        return Figure(what, f"at least {goal:.0%}")
    found, rate = share(system), statistics.median(system["bandwidth"]) / 1e9
    return Figure(
        what, f"at least {goal:.0%}", f"{found.text('.0%')} of {rate:.1f} GB/s", found.median >= goal
    )
