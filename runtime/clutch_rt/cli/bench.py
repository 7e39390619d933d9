"""``clutch-rt bench``: how fast it is here, with a table, JSON, and a picture."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import check_target, json_option, model_options
from clutch_rt.errors import FileFormatError

if TYPE_CHECKING:
    from clutch_rt.bench import Note, Result
    from clutch_rt.spread import Spread

_EPILOG: Final = """\b
Examples:
  clutch-rt bench
  clutch-rt bench --quick
  clutch-rt bench --load 2 -o plot.png
  clutch-rt bench --device cuda --json > cuda.json
"""


@click.command(epilog=_EPILOG, short_help="Measure how fast it is on this machine.")
@click.option(
    "-o", "--output", metavar="PNG", type=click.Path(path_type=Path), help="Draw the stream's times."
)
@click.option("--seconds", type=float, help="Length of each motion.  [default: the longest]")
@click.option("--rounds", type=int, help="Of cold start and throughput.  [default: 7]")
@click.option("--steps", type=int, help="Of the paced stream, 0.27 s each.  [default: 1000, 4.4 minutes]")
@click.option("--load", type=int, help="Busy processes beside the paced stream.  [default: 1]")
@click.option("--quick", is_flag=True, help="A few seconds instead of five minutes; figures are rough.")
@model_options
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_obj
def bench(
    talk: Talk,
    output: Path | None,
    quick: bool,
    bundle: str | None,
    device: str,
    threads: int | None,
    **given: Any,
) -> None:
    """Measure load time, first frames, throughput, a stream paced in real time, and memory."""
    from clutch_rt.bench import QUICK, Settings, run
    from clutch_rt.bench_plot import plot_png, require_pillow
    from clutch_rt.formats.files import write_bytes

    if output is not None:
        if output.suffix.lower() != ".png":
            raise FileFormatError(f"a plot is written as .png, and {output} has another ending; rename it")
        check_target(output)
        require_pillow()
    settings = replace(
        QUICK if quick else Settings(), **{name: value for name, value in given.items() if value is not None}
    )
    with _progress(talk) as note:
        result = run(bundle, device, threads, settings, note)
    # What took minutes to measure is said first: a disk that is full by now costs the picture alone.
    for line in table(result):
        talk.say(line)
    talk.result({**result.to_dict(), "plot": None if output is None else str(output)})
    if output is not None:
        write_bytes(output, plot_png(result))
        talk.say(f"plot          {output}")


def table(result: Result) -> list[str]:
    """The result for a person, as a table with how each figure came about."""
    model, plan, cold, paced = result.model, result.settings, result.cold, result.paced
    threads = f"{model['threads']} thread" + "s" * (model["threads"] > 1)
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    rows = [
        ("load", _ms(cold.loaded), f"fresh process until the model is ready, {cold.loaded.count} times"),
        ("first, cold", _ms(cold.first), "the same, until the first 8 frames of a sentence are there"),
        (
            "first, warm",
            _ms(result.first_frames),
            f"sentence to first 8 frames, {result.first_frames.count} times",
        ),
        ("steps/s", _range(result.steps_per_second), f"as fast as can be, {plan.rounds} rounds"),
        ("real time", _range(result.times_real_time, " x"), "seconds of motion made in a second"),
        ("stream", *_stream(result)),
        ("gaps", *_gaps(result)),
        ("late", f"{paced.late} of {paced.steps}", "steps that took longer than the 267 ms they last"),
    ]
    if cold.resident is not None:
        rows.append(("memory", _megabytes(cold.resident), "resident in a process that has made a motion"))
    if cold.peak is not None:
        rows.append(("memory, peak", _megabytes(cold.peak), "the most it ever had"))
    width = max(len(figure) for _, figure, _ in rows)
    size = f"{model['bytes'] / 1e6:.1f} MB"
    return [
        f"model         {model['name']}, {model['form']} form, {model['precision']}, {size}",
        f"provider      {model['provider']}, {threads}",
        f"kernels       {model['kernels']}",
        f"machine       {result.machine.line()}",
        f"versions      {versions}",
        f"warm-up       {plan.warm_up} motions before anything warm was timed, one process before the cold",
        *_others(result),
        "",
        "median [least, most]:",
        *(f"{name:<14}{figure:<{width}}  {how}" for name, figure, how in rows),
    ]


def _others(result: Result) -> list[str]:
    """A warning where other programs kept the machine busy before."""
    load = result.load_average
    if load is None or load < 0.5 * result.machine.usable:
        return []
    return [f"NOT QUIET     {load:.1f} other processes were waiting or running before: figures are worse"]


def _stream(result: Result) -> tuple[str, str]:
    from clutch_rt.spread import Spread

    made = Spread.of(1000 * result.paced.made)
    count = result.paced.load
    beside = f", {count} busy process{'es' if count > 1 else ''} beside it" if count else ""
    return (
        f"p50 {made.median:.1f}, p95 {made.p95:.1f}, p99 {made.p99:.1f}, worst {made.high:.1f} ms",
        f"each of {result.paced.steps} steps paced at 30 fps, {result.paced.motions} sentences{beside}",
    )


def _gaps(result: Result) -> tuple[str, str]:
    from clutch_rt.spread import Spread

    gaps = Spread.of(1000 * result.paced.gaps)
    return (
        f"p50 {gaps.median:.1f}, p95 {gaps.p95:.1f}, p99 {gaps.p99:.1f}, worst {gaps.high:.1f} ms",
        "between chunks in hand; 266.7 is even",
    )


def _ms(spread: Spread) -> str:
    return f"{1000 * spread.median:.1f} [{1000 * spread.low:.1f}, {1000 * spread.high:.1f}] ms"


def _range(spread: Spread, unit: str = "") -> str:
    return f"{spread.median:.1f} [{spread.low:.1f}, {spread.high:.1f}]{unit}"


def _megabytes(spread: Spread) -> str:
    return f"{spread.median / 1e6:.1f} [{spread.low / 1e6:.1f}, {spread.high / 1e6:.1f}] MB"


@contextmanager
def _progress(talk: Talk) -> Iterator[Note]:
    """A line on stderr that says what is measured and how far it is, for a person at a terminal."""
    if talk.json or sys.stderr is None or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return

    def note(what: str, done: int, total: int) -> None:
        click.echo(f"\r{what}: {done} of {total}".ljust(48), err=True, nl=False)

    try:
        yield note
    finally:
        click.echo("\r" + " " * 48 + "\r", err=True, nl=False)
