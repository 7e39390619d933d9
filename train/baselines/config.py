"""The settings of the baselines: a frozen dataclass of their own, kept in ``RUN/baselines/config.json``.

``baselines.KEY=VALUE`` sets a field on the command line. Steps of 0 stand for what the run spent on its own
models, so that without a word a baseline has as many batches as they had.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from clutch_rt.errors import FileFormatError, InputError

from train.config import FitConfig, RunConfig, ShiftTrainConfig
from train.overrides import build, differences, override
from train.run import RunFolder, is_main, write_text

PREFIX: Final = "baselines."


def _at_least(config: object, least: float, *names: str) -> None:
    for name in names:
        if getattr(config, name) < least:
            raise InputError(f"{name}={getattr(config, name)} is asked for; give {least:g} or more")


def _heads(width: int, heads: int) -> None:
    if heads < 1 or width % (2 * heads):
        raise InputError(f"width={width} and heads={heads} are asked for; give a width of 2 x heads x n")


@dataclass(frozen=True)
class TextConfig:
    """The text encoder that each baseline trains with itself, in the place of the published ones' CLIP."""

    width: int = 192
    layers: int = 2
    heads: int = 4
    max_pieces: int = 128  # longest sentence, in pieces; the rest is cut off

    def __post_init__(self) -> None:
        _at_least(self, 1, "layers")
        _at_least(self, 2, "max_pieces")
        _heads(self.width, self.heads)


@dataclass(frozen=True)
class TokenizerSettings:
    """The VQ-VAE: SHIFT's ``single`` variant with one level, learnt as the run's SHIFT is."""

    codes: int = 1024  # entries of the only codebook
    steps: int = 0  # 0: as many as the run's SHIFT

    def __post_init__(self) -> None:
        _at_least(self, 2, "codes")
        _at_least(self, 0, "steps")


@dataclass(frozen=True)
class GPTConfig(FitConfig):
    """The decoder-only transformer over the codes."""

    steps: int = 0  # 0: as many as the run's language model, over its stages
    batch_size: int = 48
    learning_rate: float = 1e-3
    width: int = 256
    layers: int = 5
    heads: int = 4
    dropout: float = 0.1
    corruption: float = 0.5  # part of the codes that a training step replaces by others (tau of the paper)
    max_steps: int = 32  # longest motion, in codes

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least(self, 1, "layers", "max_steps")
        _at_least(self, 0, "dropout", "corruption")
        _heads(self.width, self.heads)
        if max(self.dropout, self.corruption) > 1:
            raise InputError("dropout and corruption are shares; give 0 to 1")


@dataclass(frozen=True)
class DiffusionConfig(FitConfig):
    """The diffusion model over frames."""

    steps: int = 0  # 0: as many as the run's language model, over its stages
    batch_size: int = 48
    learning_rate: float = 1e-3
    width: int = 256
    layers: int = 4
    heads: int = 4
    dropout: float = 0.0
    noise_steps: int = 50  # of the cosine schedule; the authors' own later choice, the paper has 1000
    text_drop: float = 0.1  # part of the sentences hidden in training, for guidance
    joint_weight: float = 100.0  # loss weight of squared joint errors, per square metre
    velocity_weight: float = 1000.0  # loss weight of squared errors of their movement in one frame
    joint_stride: int = 4  # joints are compared every so many frames

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least(self, 1, "layers", "joint_stride")
        _at_least(self, 2, "noise_steps")
        _at_least(self, 0, "joint_weight", "velocity_weight", "text_drop", "dropout")
        _heads(self.width, self.heads)


@dataclass(frozen=True)
class JudgingConfig:
    """How the baselines are sampled and judged; may change when the models are trained."""

    guidance: float = 2.5  # weight of classifier-free guidance; 1 is the conditional model, 0 heeds no text
    noise_steps: int = 25  # of the schedule that sampling goes over; 0 takes all
    batch_size: int = 64  # motions made together

    def __post_init__(self) -> None:
        _at_least(self, 1, "batch_size")
        _at_least(self, 0, "noise_steps")


@dataclass(frozen=True)
class BaselinesConfig:
    """Everything about the baselines."""

    clips: int = 20_000  # training clips in memory, the first of RUN/corpus (80 MB a thousand)
    minutes: float = 0.0  # processor-minutes of training that each baseline gets; 0 goes by steps
    tokenizer_share: float = 0.25  # of these, what T2M-GPT's VQ-VAE gets
    text: TextConfig = field(default_factory=TextConfig)
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    gpt: GPTConfig = field(default_factory=GPTConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    judging: JudgingConfig = field(default_factory=JudgingConfig)

    def __post_init__(self) -> None:
        _at_least(self, 1, "clips")
        _at_least(self, 0, "minutes")
        if not 0.0 < self.tokenizer_share < 1.0:
            raise InputError(
                f"tokenizer_share={self.tokenizer_share} is asked for; give a part between 0 and 1"
            )


def settled(config: BaselinesConfig, run: RunConfig) -> BaselinesConfig:
    """The settings with the run's own steps in the place of 0."""
    shift = config.tokenizer.steps or run.shift.steps
    lm = run.lm.steps + run.refine.steps + run.instruct.steps
    return replace(
        config,
        tokenizer=replace(config.tokenizer, steps=shift),
        gpt=replace(config.gpt, steps=config.gpt.steps or lm),
        diffusion=replace(config.diffusion, steps=config.diffusion.steps or lm),
    )


def tokenizer_fit(config: BaselinesConfig, run: RunConfig) -> ShiftTrainConfig:
    """How the VQ-VAE learns: as the run's SHIFT, but with one branch, one codebook and its own steps.

    It learns from the clips of the corpus alone, without SHIFT's free motion, for it codes nothing else.
    """
    model = replace(run.shift.model, variant="single", levels=1, trajectory_codes=config.tokenizer.codes)
    return replace(run.shift, model=model, steps=config.tokenizer.steps, clips=config.clips)


def open_settings(folder: RunFolder, settings: Sequence[str]) -> BaselinesConfig:
    """The settings in force: those kept with the run, or the defaults, with ``baselines.key=value`` applied.

    Raises:
        InputError: an unknown setting, or one that would change what was trained already.
        FileFormatError: the kept file is damaged.
    """
    path = folder.path / "baselines" / "config.json"
    kept = _read(path) if path.exists() else None
    config = kept or BaselinesConfig()
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.startswith(PREFIX):
            raise InputError(f"{setting!r} is no setting of the baselines; write {PREFIX}key=value")
        config = override(config, key.removeprefix(PREFIX), value)
    config = settled(config, folder.config)
    if kept is not None:
        changed = differences(replace(kept, judging=config.judging), config)
        if changed:
            raise InputError(
                f"{path.parent} holds baselines of other settings ({'; '.join(changed[:5])}); go on without "
                f"them, or remove {path.parent} and the baseline-* files of {folder.path / 'done'}"
            )
    if is_main():
        folder.folder("baselines")
        write_text(path, json.dumps(asdict(config), indent=2) + "\n")
    return config


def _read(path: Path) -> BaselinesConfig:
    try:
        return build(BaselinesConfig, json.loads(path.read_text(encoding="utf-8")), PREFIX)
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path} cannot be read ({error}); restore it, or remove it") from error
