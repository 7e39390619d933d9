"""The page: sections put into the template beside this file, with its style and its script inside."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from string import Template
from typing import Any, Final

from train.report.charts import chart, numbers, short
from train.report.codes import codes_section
from train.report.markup import Element, details, element, gap, section, serialise, table
from train.report.player import player
from train.report.reading import Pair, StageState, pairs, stage_states
from train.report.results import results_section
from train.run import RunFolder

_HERE: Final = Path(__file__).parent
STAGES: Final = ("corpus", "shift", "tokenizer", "tokens", "pretrain", "refine", "instruct", "evaluate")
LEARNING: Final = ("shift", "pretrain", "refine", "instruct")
NOTES: Final = {
    "motion": "cross-entropy of the codes, nats",
    "text_gain": "nats that the codes are told worse with another sentence; 0: the sentence is not read",
    "motion_blind": "with the past hidden: the sentence alone",
    "motion_shuffled": "with another motion's sentence",
    "bag": "which codes come in a quarter of the motion, from the sentence alone",
    "labels": "verb, hand and so on, from the sentence alone",
    "length": "cross-entropy of the number of steps",
    "text": "cross-entropy of captions",
    "mpjpe": "mean joint error through the codes and back, mm",
    "wrist_aligned": "the same with the wrists laid on each other, mm",
    "accel": "error of accelerations, mm/frame²",
    "joints_mm": "joint error of soft codes",
}


def render(folder: RunFolder) -> str:
    """The report of a run as it stands, one HTML text that needs nothing outside it."""
    states = stage_states(folder, STAGES)
    sections = [
        _overview(states),
        player(folder),
        _held_out(folder),
        *(_curves(folder, stage) for stage in LEARNING),
        results_section(folder),
        codes_section(folder),
        _settings(folder),
    ]
    name = folder.path.resolve().name
    done = sum(state.done for state in states)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    about = f"preset {folder.config.preset}, {done} of {len(states)} stages done, written {now}"
    return Template((_HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(f"{name}: training report"),
        name=html.escape(name),
        about=html.escape(about),
        contents="".join(serialise(element("li", _link(part))) for part in sections),
        sections="\n".join(serialise(part) for part in sections),
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
    )


def _link(part: Element) -> Element:
    return element("a", part[0].text or "", href=f"#{part.get('id')}")


def _overview(states: Sequence[StageState]) -> Element:
    rows = [
        [s.name, "done" if s.done else "not yet", _time(s.seconds), _told(s.found) if s.done else ""]
        for s in states
    ]
    return section(
        "stages", "Stages", table("Stages of the run", ["", "state", "time", "found"], rows, "stages-done")
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.0f} s"


def _told(found: Mapping[str, Any]) -> str:
    """The few figures of a stage's report that say most."""
    held_out = found.get("validation")
    figures = {**found, **held_out} if isinstance(held_out, Mapping) else found
    wanted = ("clips", "pieces", "words", "steps", "mpjpe", "accel", "motion", "text_gain", "generated.verb")
    shown = [(k, figures[k]) for k in wanted if isinstance(figures.get(k), (int, float))]
    return ", ".join(
        f"{k.replace('_', ' ')} {v:g}" if v == int(v) else f"{k.replace('_', ' ')} {v:.3g}" for k, v in shown
    )


def _held_out(folder: RunFolder) -> Element:
    """The last held-out numbers of the language model's stages side by side."""
    last: dict[str, dict[str, float]] = {}
    for stage in LEARNING[1:]:
        for pair in pairs(folder.metrics(stage)):
            if pair.held_out is not None and pair.held_out.values:
                last.setdefault(pair.name, {})[stage] = pair.held_out.values[-1]
    if not last:
        return section("held-out", "Held out, stage by stage", gap("No language model is validated yet."))
    rows = [
        [name.replace("_", " "), *(short(v[s]) if s in v else "-" for s in LEARNING[1:]), NOTES.get(name, "")]
        for name, v in last.items()
    ]
    headings = ["", *(f"after {stage}" for stage in LEARNING[1:]), "what it is"]
    made = table("The language model on held-out clips at the end of each stage", headings, rows, "held")
    return section("held-out", "Held out, stage by stage", made)


def _curves(folder: RunFolder, stage: str) -> Element:
    found = pairs(folder.metrics(stage))
    heading, key = f"Learning curves: {stage}", f"curves-{stage}"
    if not found:
        return section(key, heading, gap(f"The stage {stage} has logged nothing yet."))
    drawn = [p for p in found if max(len(c.steps) for c in (p.train, p.held_out) if c) > 1]
    first = [p for p in drawn if p.name == "loss" or p.held_out is not None]
    others = [p for p in drawn if p not in first]
    parts = [_charts(first, stage)] if first else []
    if others:
        parts.append(details("More curves", _charts(others, stage)))
    once = [p for p in found if p not in drawn]
    if once:
        parts.append(_once(once, stage))
    return section(key, heading, *parts, numbers(found, stage))


def _once(found: Sequence[Pair], stage: str) -> Element:
    """What was logged a single time: a number, no curve."""
    rows = [
        [
            p.name.replace("_", " "),
            *(short(c.values[0]) if c and c.values else "-" for c in (p.train, p.held_out)),
            NOTES.get(p.name, ""),
        ]
        for p in found
    ]
    return table(f"{stage}: logged once", ["", "train", "held out", "what it is"], rows, f"once-{stage}")


def _charts(found: Sequence[Pair], stage: str) -> Element:
    return element("div", *(chart(p, stage, NOTES.get(p.name, "")) for p in found), class_="charts")


def _settings(folder: RunFolder) -> Element:
    said = json.dumps(asdict(folder.config), indent=2)
    return section("settings", "Settings", details("config.json", element("pre", said, tabindex="0")))
