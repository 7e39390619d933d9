"""What the model makes of sentences that people spoke: twenty narrations rendered, or all of them judged.

``python -m train.narrations data=CSV out=DIR [bundle=PATH] [run=FOLDER] [count=20] [seed=0] [seconds=]``

The CSV has columns ``narration``, ``verb``, ``noun`` (EPIC-KITCHENS-100, CC BY-NC: evaluation only, so no
sentence of it is part of this project). Their verbs are not the corpus's; ``train.narration_verbs`` says
which of ours comes nearest for the verb and its noun, or that none does. With ``run=`` the run's judge says
which verb the hands seem to do. ``count=all`` makes no pictures: it judges every narration whose verb maps
and writes ``verbs.md``, a table by narration verb.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import clutch_rt
import numpy as np
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.layout import FPS, HANDS
from clutch_rt.motion import Motion

from models.files import appearing
from train import narration_table
from train.command import command_main
from train.evaluate import meters
from train.evaluate.features import features, joints_of
from train.evaluate.meters import Reading
from train.evaluate.report import table
from train.narration_table import Narration, judge_all
from train.quiet import without_notes
from train.run import write_text

ALL: Final = "all"  # of count


def read_narrations(path: Path) -> list[Narration]:
    """The rows of the CSV.

    Raises:
        FileFormatError: it is no UTF-8 text, or a wanted column is missing.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, restval="")
        try:
            missing = {"narration", "verb", "noun"} - set(rows.fieldnames or ())
            if missing:
                names = ", ".join(sorted(missing))
                raise FileFormatError(
                    f"{path.name} has no column {names}; narration, verb and noun are wanted"
                )
            return [Narration.of(r["narration"], r["verb"], r["noun"]) for r in rows]
        except (UnicodeDecodeError, csv.Error) as error:
            raise FileFormatError(
                f"{path.name} is no CSV in UTF-8 ({error}); give narration, verb and noun as such"
            ) from error


def choose(narrations: Sequence[Narration], count: int, strangers: int = 3) -> list[Narration]:
    """A varied choice: a sentence of each corpus verb in turn, and a few whose verb is none of ours."""
    known: dict[str, list[Narration]] = {}
    foreign: dict[str, Narration] = {}
    for narration in narrations:
        if narration.expected is None:
            foreign.setdefault(narration.verb, narration)
        else:
            known.setdefault(narration.expected, []).append(narration)
    outside = list(foreign.values())[: min(strangers, count)]
    chosen: list[Narration] = []
    for turn in range(max((len(rows) for rows in known.values()), default=0)):
        chosen += [rows[turn] for rows in known.values() if turn < len(rows)]
    return chosen[: count - len(outside)] + outside


def describe(motion: Motion, reading: Reading) -> str:
    """What the hands did, in numbers: how far each wrist went, and whether it repeated."""
    joints = joints_of(motion.frames)
    paths = np.linalg.norm(np.diff(joints[:, :, 0], axis=0), axis=-1).sum(0)
    went = ", ".join(f"{hand} wrist {100 * path:.0f} cm" for hand, path in zip(HANDS, paths, strict=True))
    if reading.frequency is None:
        return f"{went}; does not repeat"
    return f"{went}; {reading.cycles:.1f} cycles at {reading.frequency:.2f} Hz"


@dataclass(frozen=True)
class Result:
    """One narration and what became of it."""

    narration: Narration
    picture: str
    seconds: float
    unknown: tuple[str, ...]
    did: str
    seen: str | None


def make(
    model: Any, judge: Any, narrations: Sequence[Narration], out: Path, seed: int, seconds: float | None
) -> list[Result]:
    """Generate and render; a sentence the model cannot read at all is reported, not skipped."""
    results = []
    for number, narration in enumerate(narrations, start=1):
        try:
            motion = model.generate(narration.text, seconds=seconds, seed=seed)
        except InputError as error:
            results.append(Result(narration, "", 0.0, (), f"refused: {error}", None))
            continue
        name = f"{number:02d}-{'-'.join(re.findall(r'[A-Za-z0-9]+', narration.text))[:40]}.png"
        motion.save(out / name)
        reading = meters.read(joints_of(motion.frames))
        unknown = model.unknown_words(narration.text)
        did = describe(motion, reading)
        seen = _seen(judge, motion)
        results.append(Result(narration, name, len(motion) / FPS, unknown, did, seen))
        print(f"{number:2d}  {narration.text}: {did}" + (f"; looks like {seen}" if seen else ""), flush=True)
    return results


def _seen(judge: Any, motion: Motion) -> str | None:
    if judge is None:
        return None
    from train.evaluate.retrieval import judge_motions

    found = judge_motions(judge, [features(motion.frames)])
    return f"{found.verbs[0]}, {found.hands[0]}"


def markdown(results: Sequence[Result], model_name: str, command: str) -> str:
    """A table with the pictures."""
    body = [
        [
            r.narration.text,
            r.narration.expected or "none",
            r.seen or "-",
            f"{r.seconds:.1f}",
            ", ".join(r.unknown) or "-",
            r.did,
            f"![]({r.picture})" if r.picture else "-",
        ]
        for r in results
    ]
    judged = [r for r in results if r.seen and r.narration.expected]
    headings = ["narration", "nearest corpus verb", "judge sees", "s", "unknown words", "hands did", ""]
    lines = ["# Narrations", f"Model: {model_name}. Made by:", f"    {command}", table(headings, body)]
    if judged:
        right = sum((r.seen or "").split(",")[0] == r.narration.expected for r in judged)
        lines.append(f"The judge sees the nearest corpus verb in {right} of {len(judged)}.")
    return "\n\n".join(lines) + "\n"


def sheet(results: Sequence[Result], out: Path) -> Path | None:
    """All pictures under one another with their sentences, ``sheet.png``."""
    from PIL import Image, ImageDraw

    pictures = [(r, Image.open(out / r.picture).convert("RGB")) for r in results if r.picture]
    if not pictures:
        return None
    width = max(image.width for _, image in pictures)
    page = Image.new("RGB", (width, sum(image.height + 18 for _, image in pictures)), "white")
    pen, top = ImageDraw.Draw(page), 0
    for result, image in pictures:
        pen.text((6, top + 3), f"{result.narration.text}   ({result.did})", fill="black")
        page.paste(image, (0, top + 18))
        top += image.height + 18
    path = out / "sheet.png"
    with appearing(path) as part:
        page.save(part, format="PNG")
    return path


def _judge(run: str | None) -> Any:
    if not run:
        return None
    from train.evaluate.judging import Pieces, make_judge
    from train.run import RunFolder

    folder = RunFolder(Path(run), RunFolder.read_config(run))
    return make_judge(folder, Pieces(folder.path / "tokenizer.model"))


def _run(arguments: Sequence[str]) -> None:
    given = dict(argument.partition("=")[::2] for argument in arguments)
    unknown = set(given) - {"data", "out", "bundle", "run", "count", "seed", "seconds"}
    if unknown or not given.get("data") or not given.get("out"):
        wrong = f"unknown: {', '.join(sorted(unknown))}; " if unknown else ""
        raise InputError(f"{wrong}give data=CSV out=DIR, and perhaps bundle, run, count, seed, seconds")
    out = Path(given["out"])
    out.mkdir(parents=True, exist_ok=True)
    everything = given.get("count") == ALL
    if everything and (not given.get("run") or given.get("seconds")):
        raise InputError("count=all judges motions of their own length; give run=FOLDER, and no seconds=")
    try:
        count, seed = 0 if everything else int(given.get("count", "20")), int(given.get("seed", "0"))
        seconds = float(given["seconds"]) if given.get("seconds") else None
    except ValueError as error:
        raise InputError(f"count and seed are whole numbers, seconds a number: {error}") from error
    narrations = read_narrations(Path(given["data"]))
    command = " ".join(["python -m train.narrations", *arguments])
    with clutch_rt.load(given.get("bundle")) as model:
        judge = _judge(given.get("run"))
        if everything:
            _judge_all(model, judge, narrations, out, seed, command)
        else:
            chosen = choose(narrations, count)
            results = make(model, judge, chosen, out, seed, seconds)
            write_text(out / "index.md", markdown(results, model.info.name, command))
            sheet(results, out)
            print(f"written: {out / 'index.md'}, {out / 'sheet.png'}")


def _judge_all(
    model: clutch_rt.Model, judge: Any, narrations: Sequence[Narration], out: Path, seed: int, command: str
) -> None:
    with without_notes():
        judged = judge_all(model, judge, narrations, seed)
    strangers = len(narrations) - len(judged)
    text = narration_table.markdown(judged, strangers, model.info.name, command)
    write_text(out / "verbs.md", text)
    print(text)
    print(f"written: {out / 'verbs.md'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return command_main(__doc__ or "", _run, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
