"""The figures of an evaluation, taken only where they were made for the weights at hand.

In a manifest the bundle's own stand first, under the names ``train.evaluate`` gives them
(``generated.verb``, ``shift.mpjpe``); those of the PyTorch model it was written from follow, under
``pytorch.``. What is of no model, such as ``truth.verb``, stands once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from clutch_rt.errors import InputError
from clutch_rt.quality import PYTORCH

from export.driver import Draw
from export.run_folder import read_json

FIGURES: Final = "evaluate/metrics.json"
"""Where a run has those of its PyTorch model."""

_OF_MODELS: Final = ("generated", "shift", "captions", "codes")


@dataclass(frozen=True)
class Figures:
    """What an evaluation found.

    Attributes:
        values: ``{"value", "interval", "count"}`` by name.
        pool: sentences that a motion's own is looked for among; None where the evaluation does not say.
        settings: of the evaluation, by the names of ``train.config.EvaluateConfig``.
    """

    values: Mapping[str, Any]
    pool: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def is_judged(metrics: Mapping[str, Any]) -> bool:
    """Whether a manifest's metrics hold figures of the bundle itself, not of its PyTorch model alone."""
    return any(name.startswith("generated.") for name in metrics)


def read_figures(path: Path, files: Mapping[str, str], draw: Draw, again: str) -> Figures:
    """Figures of ``path``, a ``metrics.json``.

    Args:
        path: what the evaluation wrote.
        files: SHA-256 by name of what the figures must be of.
        draw: the sampling they must be of.
        again: the command that makes them, for the message.

    Raises:
        InputError: there are none, or they are of other weights or of other sampling.
    """
    if not path.is_file():
        raise InputError(f"there is no {path}, so this was not judged; run `{again}`")
    values = dict(read_json(path))
    judged = values.pop("judged", None)
    if not isinstance(judged, Mapping) or not isinstance(judged.get("files"), Mapping):
        raise InputError(f"{path} does not say which weights its figures are of; run `{again}` again")
    other = sorted(
        name for name in {*files, *judged["files"]} if files.get(name) != judged["files"].get(name)
    )
    if other:
        raise InputError(
            f"the figures of {path} are of other weights: {', '.join(other)} differ; run `{again}` again"
        )
    settings = judged.get("settings") or {}
    sampled = (settings.get("temperature"), settings.get("top_k"))
    if sampled != (draw.temperature, draw.top_k):
        raise InputError(
            f"the figures of {path} are of temperature {sampled[0]} and top-k {sampled[1]}, the bundle draws "
            f"with {draw.temperature} and {draw.top_k}; run `{again}` again, with those"
        )
    return Figures(values, judged.get("pool"), settings)


def merged(bundle: Figures | None, pytorch: Figures | None) -> dict[str, Any]:
    """The metrics of a manifest, from the figures there are."""
    first = bundle or pytorch or Figures({})
    found = {name: v for name, v in first.values.items() if bundle or not _of_a_model(name)}
    behind = pytorch.values if pytorch else {}
    return found | {f"{PYTORCH}.{name}": v for name, v in behind.items() if _of_a_model(name)}


def _of_a_model(name: str) -> bool:
    return name.partition(".")[0] in _OF_MODELS
