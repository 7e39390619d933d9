"""Which systems run, how each is opened, and what the peers' own converters must write first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from clutch_rt.grammar import FORMS

from export.bench import artefacts, task
from export.bench.rounds import Process
from export.bench.task import Work, work
from export.graph import Precision

PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "int8", "int4")
CTRANSLATE2: Final = ("float32", "int8")


@dataclass(frozen=True)
class Candidate:
    """A system that may be timed.

    Attributes:
        name: of its row.
        ours: whether it is this project's.
        kind: see ``export.bench.worker``.
        options: to open it, but for the number of threads.
        work: bytes it must read.
    """

    name: str
    ours: bool
    kind: str
    options: dict[str, Any]
    work: Work


def own(folder: Path, size: str, precisions: Sequence[Precision]) -> list[Candidate]:
    """Our graphs in both forms."""
    found = []
    for form in FORMS:
        for precision in precisions:
            options = {
                "folder": str(folder / f"{form}-{precision}"),
                "grammar": asdict(task.grammar(form)),
                "prompt": list(task.PROMPT),
                "seed": task.SEED,
            }
            needs = work(task.config(size, form), precision)
            found.append(Candidate(f"clutch-rt {form} {precision}", True, "clutch", options, needs))
    return found


def transformers(folder: Path, size: str) -> list[Candidate]:
    """The peer that needs no environment of its own."""
    shape = task.config(size, "flat")
    options = {"folder": str(folder / artefacts.FULL)}
    return [
        Candidate("transformers generate", False, "transformers", options, work(shape, "fp32", shape.vocab))
    ]


def peers(folder: Path, size: str) -> list[Candidate]:
    """The peers that ``convert`` has written."""
    shape = task.config(size, "flat")
    found = []
    precisions: tuple[tuple[Precision, str], ...] = (("fp32", "optimum"), ("int8", "optimum-int8"))
    for precision, name in precisions:
        options = {"folder": str(folder / name)}
        needs = work(shape, precision, shape.vocab)
        found.append(Candidate(f"optimum-onnx {precision}", False, "optimum", options, needs))
    for rows, suffix, label in ((shape.vocab, "", ""), (task.SMALL_HEAD, "-small-head", ", small head")):
        for compute in CTRANSLATE2:
            short: Precision = "fp32" if compute == "float32" else "int8"
            options = {"folder": str(folder / f"ctranslate2-{compute}{suffix}"), "compute": compute}
            needs = work(shape, short, rows)
            found.append(Candidate(f"CTranslate2 {short}{label}", False, "ctranslate2", options, needs))
    return found


def convert(folder: Path, python: str, log: Callable[[str], None]) -> None:
    """Have the peers' converters, in their environment ``python``, write what is not there yet."""
    jobs: list[tuple[str, str, dict[str, Any]]] = [
        ("optimum", "optimum", {"checkpoint": str(folder / artefacts.FULL)}),
        ("optimum-int8", "optimum_int8", {"exported": str(folder / "optimum")}),
    ]
    for checkpoint, suffix in ((artefacts.FULL, ""), (artefacts.SMALL, "-small-head")):
        for compute in CTRANSLATE2:
            name = f"ctranslate2-{compute}{suffix}"
            jobs.append((name, "ctranslate2", {"checkpoint": str(folder / checkpoint), "compute": compute}))
    missing = [job for job in jobs if not (folder / job[0]).exists()]
    if not missing:
        return
    with Process(python, 2) as process:
        process.ask("open", kind="convert")
        for name, method, options in missing:

            def write(out: Path, method: str = method, options: dict[str, Any] = options) -> None:
                process.ask("call", name=method, options={**options, "out": str(out)})

            artefacts.with_rename(folder / name, write)
            log(f"  converted {name}")
