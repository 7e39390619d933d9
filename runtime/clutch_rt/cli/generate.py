"""``clutch-rt generate``: sentences in, files out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import (
    STDOUT,
    json_option,
    load_model,
    model_options,
    not_taken,
    provider_name,
    request_options,
    stdout,
)
from clutch_rt.cli.output import MakingOptions, check_fps, load_hands, on_hands, output_options, save
from clutch_rt.cli.plan import Job, make_plan
from clutch_rt.formats import FORMATS

if TYPE_CHECKING:
    from clutch_rt.hand import Hand
    from clutch_rt.model import Info, Model
    from clutch_rt.motion import Motion

_EPILOG: Final = """\b
Examples:
  clutch-rt generate "knead the dough with both hands" -o knead.glb
  clutch-rt generate "tap the table" --seconds 3 --seed 7 -o tap.bvh
  clutch-rt generate "wave" -n 4 -o wave.glb          wave-1.glb ... wave-4.glb
  clutch-rt generate --file sentences.txt -o out.npz  out-1.npz, out-2.npz, ...
  clutch-rt generate "clap" -o - --format glb > clap.glb
"""


@dataclass(frozen=True)
class Given(MakingOptions):
    """The options of one call, as click names them."""

    variants: int
    sentences: str | None


@click.command(epilog=_EPILOG, short_help="Make a motion of a sentence and write it to a file.")
@click.argument("text", required=False)
@click.option(
    "-o", "--output", metavar="FILE", help=f".{', .'.join(FORMATS)}; - is stdout.  [default: TEXT.glb]"
)
@click.option(
    "-n", "--variants", type=int, default=1, help="Motions per sentence, with seeds SEED, SEED + 1, ..."
)
@click.option("--file", "sentences", metavar="FILE", help="Sentences, one per line; - is stdin.")
@request_options
@output_options
@model_options
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_obj
def generate(talk: Talk, **options: Any) -> None:
    """Make two moving hands of TEXT, plain English, and write them to FILE, whose ending is its format."""
    given = Given(**options)
    if given.output == STDOUT:
        talk.to_stderr = True
        stdout()
    check_fps(given.fps)
    hands = load_hands(given.hands)
    jobs = make_plan(given.text, given.sentences, given.output, given.kind, given.variants, given.seed)
    started = time.perf_counter()
    with load_model(given.bundle, given.device, given.threads) as model:
        loaded = time.perf_counter() - started
        for job in jobs[:: given.variants]:  # one of each sentence
            job.sentence.check(partial(model.check, **_request(given, job)))
        made = _make_all(talk, model, jobs, given, hands)
        _report(talk, model.info, given.device, made, loaded)


def _request(given: Given, job: Job) -> dict[str, Any]:
    return {
        "seconds": given.seconds,
        "seed": job.seed,
        "temperature": given.temperature,
        "top_k": given.top_k,
    }


def _make_all(
    talk: Talk, model: Model, jobs: list[Job], given: Given, hands: dict[str, Hand]
) -> list[dict[str, Any]]:
    """Make the motions, several at a time, and write each as soon as it is there.

    They are made together, so each has the share of the time that it has of the motion.
    """
    texts, seeds = [job.sentence.text for job in jobs], [job.seed for job in jobs]
    motions = model.generate_many(texts, given.seconds, seeds, given.temperature, given.top_k)
    made: list[dict[str, Any]] = []
    took = 0.0
    for job in jobs:
        started = time.perf_counter()
        motion = next(motions)
        took += time.perf_counter() - started
        made.append(_give(talk, model, motion, job, given, hands))
    rate = sum(one["seconds"] for one in made) / took
    return [{**one, "generate_seconds": one["seconds"] / rate, "times_real_time": rate} for one in made]


def _give(
    talk: Talk, model: Model, motion: Motion, job: Job, given: Given, hands: dict[str, Hand]
) -> dict[str, Any]:
    """Write one motion and say what was done, as the object for ``--json``."""
    text = job.sentence.text
    started = time.perf_counter()
    out = on_hands(motion, given.fps, hands)
    save(talk, out, job.path, given.kind)
    written = time.perf_counter()
    if job.path is not None:
        talk.say(str(job.path))
    return {
        "text": text,
        "seed": job.seed,
        "seconds": motion.duration,
        "frames": len(out),
        "fps": out.fps,
        "file": None if job.path is None else str(job.path),
        "write_seconds": written - started,
        "unknown_words": list(model.unknown_words(text)),
    }


def _report(talk: Talk, info: Info, device: str, made: list[dict[str, Any]], loaded: float) -> None:
    seconds = sum(m["seconds"] for m in made)
    took = sum(m["generate_seconds"] for m in made)
    wrote = sum(m["write_seconds"] for m in made)
    first, last = made[0]["seed"], max(m["seed"] for m in made)
    threads = f"{info.threads} thread" + "s" * (info.threads > 1)
    what = f"{seconds:.2f} s" + (f" in {len(made)} files" if len(made) > 1 else "")
    talk.say(f"  model     {info.name}, {info.form} form, {info.precision}")
    talk.say(f"  provider  {provider_name(device, info.provider)}, {threads}")
    if info.passed_over:
        talk.say(f"  not taken {not_taken(info.passed_over)}")
    talk.say(f"  seed      {first}" + (f" to {last}" if last > first else ""))
    talk.say(f"  motion    {what}, {made[0]['fps']:g} frames per second")
    talk.say(f"  took      {took:.2f} s, {seconds / took:.1f} times real time")
    talk.say(f"  besides   {loaded:.2f} s to load the model, {wrote:.2f} s to write")
    about = {
        "model": info.name,
        "form": info.form,
        "precision": info.precision,
        "device": info.device,
        "provider": info.provider,
        "threads": info.threads,
        "passed_over": list(info.passed_over),
        "load_seconds": loaded,
    }
    talk.result({**about, "motions": made})
