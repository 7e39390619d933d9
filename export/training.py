"""How a run was trained, as its ``config.json`` says: the command that does it again, and what it learnt."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clutch_rt.errors import ClutchError, InputError

from train.config import EvaluateConfig, RunConfig, apply, what_is_learnt
from train.corpus import VERBS
from train.overrides import build, leaves
from train.presets import preset


@dataclass(frozen=True)
class Training:
    """What a bundle says of its training.

    Attributes:
        preset: its name; None where the run folder does not hold its settings.
        settings: ``key=value``, every setting that is not the preset's; those of the machine are left out.
        seed: of everything random.
        verbs: what the corpus was drawn from.
        max_actions: most actions of one clip.
        max_prompt: longest prompt, in tokens with its end mark.
        evaluate: the settings of its evaluation.
    """

    preset: str | None
    settings: tuple[str, ...]
    seed: int
    verbs: tuple[str, ...]
    max_actions: int
    max_prompt: int
    evaluate: EvaluateConfig

    def judging(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """The ``evaluate.key=value`` of a judging under other ``settings`` than the run's."""
        own = dict(leaves(self.evaluate))
        return tuple(f"evaluate.{k}={written(v)}" for k, v in settings.items() if own.get(k, v) != v)


def training_of(settings: Mapping[str, Any]) -> Training:
    """Read the settings that ``RUN/config.json`` holds; an empty mapping has the defaults and no preset.

    Raises:
        InputError: they are of another version. ClutchError: no command line says them.
    """
    try:
        config = build(RunConfig, settings)
    except TypeError as error:
        raise InputError(f"the run's config.json cannot be read ({error}); restore it") from error
    return Training(
        preset=config.preset if settings else None,
        settings=overrides(config) if settings else (),
        seed=config.seed,
        verbs=config.corpus.verbs or VERBS,
        max_actions=config.corpus.max_actions,
        max_prompt=config.lm.max_prompt,
        evaluate=config.evaluate,
    )


def overrides(config: RunConfig) -> tuple[str, ...]:
    """The ``key=value`` that turn the preset into ``config``, tried before they are told."""
    config = what_is_learnt(config)
    base = what_is_learnt(preset(config.preset))
    standard = dict(leaves(base))
    found = tuple(f"{key}={written(value)}" for key, value in leaves(config) if standard[key] != value)
    if apply(base, found) != config:
        raise ClutchError(f"the run's settings cannot be told as key=value: {' '.join(found)}; simplify them")
    return found


def written(value: Any) -> str:
    """A value of a setting as the command line takes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(written, value)) if isinstance(value, tuple) else str(value)


def train_command(preset_name: str, run: str, settings: tuple[str, ...]) -> str:
    """The shell command that trains such a run into the folder ``run``."""
    return shlex.join(["python", "-m", "train.all", f"preset={preset_name}", f"run={run}", *settings])
