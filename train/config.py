"""Every setting of training: frozen dataclasses, one per stage.

``python -m train.STAGE run=FOLDER preset=NAME key=value ...`` sets any field by its dotted name, such as
``shift.steps=100`` or ``lm.form=flat``. The whole is written to the run folder, and a run does not go on
under other settings, except those of ``machine``, which change how fast and how loud, not what is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from clutch_rt.errors import InputError
from clutch_rt.layout import FRAMES_PER_STEP

from models.shift_config import ShiftConfig
from train.corpus.config import CorpusConfig
from train.overrides import override

MACHINE: Final = "machine"


@dataclass(frozen=True)
class MachineConfig:
    """How a run uses the machine; may change when it is resumed."""

    threads: int = 0  # CPU threads of PyTorch; 0 leaves its own choice
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto takes CUDA where there is one, and says so
    accumulate: int = 1  # micro-batches that a process cuts its share of a step into: less memory, more time
    checkpoint_seconds: float = 120.0  # time between checkpoints
    keep_checkpoints: int = 2  # checkpoints kept per stage, the newest
    log_every: int = 20  # steps between lines of metrics.jsonl
    progress: bool = True  # progress bars
    tensorboard: bool = True  # event files under RUN/tensorboard
    plots: bool = True  # PNG curves under RUN/plots when a stage ends

    def __post_init__(self) -> None:
        _within(self, 1, "accumulate")


def _within(config: object, least: float, *names: str, most: float = math.inf) -> None:
    """InputError for a field that lies outside; what is no number at all was refused before."""
    for name in names:
        value = getattr(config, name)
        if not least <= value <= most:
            wanted = f"{least:g} or more" if math.isinf(most) else f"{least:g} to {most:g}"
            raise InputError(f"{name}={value} is asked for; give {wanted}")


@dataclass(frozen=True)
class FitConfig:
    """One optimisation: what every trained stage has in common."""

    steps: int = 1000  # optimizer steps
    batch_size: int = 24  # sequences per step, over all processes
    learning_rate: float = 1e-3  # peak
    warmup: int = 60  # steps from zero to the peak
    final_rate: float = 0.05  # part of the peak left at the end of the cosine
    weight_decay: float = 0.01  # for matrices only
    clip: float = 1.0  # largest gradient norm; 0 does not clip
    precision: Literal["fp32", "bf16"] = "fp32"  # bf16 is worth it on GPUs and CPUs with AMX only
    validate_every: int = 250  # steps between validations; 0 validates at the end only

    def __post_init__(self) -> None:
        _within(self, 1, "batch_size")
        _within(self, 0, "steps", "learning_rate", "warmup", "weight_decay", "clip", "validate_every")
        _within(self, 0, "final_rate", most=1)


@dataclass(frozen=True)
class ShiftTrainConfig(FitConfig):
    """The motion tokenizer."""

    steps: int = 4000
    warmup: int = 100
    validate_every: int = 1000
    model: ShiftConfig = field(default_factory=ShiftConfig)  # shift.model.widths=..., shift.model.variant=...
    window: int = 64  # frames of a training window, a multiple of 8
    # Motions of 8 frames came back 97 mm off by a model that knew windows of 64 alone.
    short_share: float = 0.25  # part of the steps whose windows are shorter, and more
    ends: int = 8  # windows may be laid this many frames over a clip's ends, and are moved back to them
    clips: int = 8_000  # training clips held in memory (0.8 GB; 3 GB while measured), the first of the corpus
    free_share: float = 0.35  # part of them that is free motion (train/corpus/free.py) instead
    parameter_weight: float = 1.0  # loss weight of the normalised parameters, trajectory and pose alike
    commitment_weight: float = 0.25  # loss weight that keeps latents near their codes
    world_weight: float = 20.0  # loss weight of the L1 distance of world joints, per metre
    movement_weight: float = 150.0  # loss weight of the L1 distance of their movement in two frames, a metre
    jitter_weight: float = 200.0  # loss weight of the L1 distance of their second differences, a metre
    relative_weight: float = 30.0  # loss weight of the L1 distance of wrist-relative joints, per metre
    velocity_weight: float = 0.5  # loss weight of frame differences of the normalised parameters
    acceleration_weight: float = 0.5  # loss weight of their second differences, against jitter
    # With these two and `ends`, after 500 steps: no rest at the end in .09 of held-out clips (.20 without),
    # hands inside each other in .08 (.11).
    rest_weight: float = 20.0  # loss weight of what joints move before a window's last frame, a metre
    touch_weight: float = 20.0  # loss weight of gaps between hands that are near each other, a metre
    validation_clips: int = 200  # held-out clips that each validation decodes

    def __post_init__(self) -> None:
        super().__post_init__()
        _within(self, 1, "clips", "validation_clips")
        _within(self, 0, "ends", "rest_weight", "touch_weight")
        _within(self, 0, "short_share", most=1)
        _within(self, 0, "free_share", most=0.95)
        if self.window < FRAMES_PER_STEP or self.window % FRAMES_PER_STEP:
            raise InputError(f"window={self.window} is asked for; give a multiple of {FRAMES_PER_STEP}")


@dataclass(frozen=True)
class TokenizerConfig:
    """The SentencePiece model of the corpus text."""

    vocab: int = 2000  # most pieces, the 259 of bytes and control included
    kind: Literal["unigram", "bpe"] = "bpe"  # bpe keeps the corpus words whole, unigram split a third

    def __post_init__(self) -> None:
        _within(self, 300, "vocab")  # the bytes and control, and a piece per letter


@dataclass(frozen=True)
class TokensConfig:
    """Motion to codes, once, before the language model."""

    clips: int = 100_000  # training clips drawn fresh and kept as codes and text only
    action_weights: tuple[float, ...] = (0.4, 0.35, 0.25)  # as corpus.action_weights: order is hard to read
    validation: int = 1_000  # held-out clips kept the same way
    shard_clips: int = 2_000  # clips per file, the grain of resuming and of sharing the work
    batch_size: int = 64  # clips encoded together

    def __post_init__(self) -> None:
        _within(self, 1, "clips", "validation", "shard_clips", "batch_size")


@dataclass(frozen=True)
class LMTrainConfig(FitConfig):
    """The language model, and its pre-training."""

    form: Literal["step", "flat"] = "step"  # one position per step, or the paper's stream
    size: Literal["nano", "tiny", "small", "base", "large"] = "tiny"  # shapes are in models.t5.SIZES
    init: str = ""  # folder or hub name of a T5 or flan-T5 to start from; empty starts from noise
    max_steps: int = 32  # longest motion, in steps of 8 frames
    max_prompt: int = 128  # longest prompt, in pieces
    steps: int = 3600
    batch_size: int = 48
    learning_rate: float = 2e-3
    embedding_rate: float = 4.0  # the embeddings, and relative positions, learn this much faster
    # The encoder, and the attention to it. Measured on the encoder alone after 400 steps: of two actions the
    # first verb is read right in .52 at this rate, in .46 at .4 and in .45 at 1.
    encoder_rate: float = 0.15  # their matrices learn this much slower
    vector_rate: float = 0.08  # norms and biases learn this much slower
    caption_share: float = 0.2  # part of a batch that is motion-to-text
    hide_share: float = 0.5  # part of the motions whose decoder sees its past in part only, or not at all
    own_share: float = 0.5  # part of the motions with codes of the model's own in their past (step form)
    both_hands_weight: float = 3.0  # of captions that say left and right, among a clip's, to be the prompt
    length_weight: float = 0.3  # loss weight of the length, beside the codes and the captions
    bag_weight: float = 1.5  # loss weight of each quarter's codes, told from the sentence alone
    plan: bool = True  # a motion is decoded under the labels that are read from its sentence
    label_weight: float = 0.5  # loss weight of the actions' labels told from the sentence alone
    rhythm: bool = True  # action, cycles left and part of the cycle are drawn first in a step (step form)
    rhythm_weight: float = 0.3  # loss weight of them
    # Measured: after 100 steps the held-out cross-entropy of a code is 4.28 with it and 4.51 without.
    code_geometry: bool = True  # tables of codes begin as projections of SHIFT's codebooks (step form)
    complete_share: float = 0.12  # part of the motions of pre-training that are completed from a given part
    dropout: float = 0.0
    validation_clips: int = 384  # held-out clips that each validation reads

    def __post_init__(self) -> None:
        super().__post_init__()
        _within(self, 1, "max_steps", "validation_clips", "both_hands_weight")
        _within(self, 2, "max_prompt")
        _within(
            self,
            0,
            "embedding_rate",
            "encoder_rate",
            "vector_rate",
            "length_weight",
            "bag_weight",
            "label_weight",
            "rhythm_weight",
        )
        _within(self, 0, "caption_share", "hide_share", "own_share", "complete_share", "dropout", most=1)


@dataclass(frozen=True)
class RefineConfig(FitConfig):
    """Geometric refinement: a loss in motion space through Gumbel-softmax tokens."""

    steps: int = 60
    batch_size: int = 24
    learning_rate: float = 1e-4
    warmup: int = 10
    temperature: float = 1.0  # of the Gumbel-softmax
    alpha: float = 1.0  # weight of the cross-entropy
    weight: float = 1.0  # lambda, weight of the reconstruction
    masked_share: float = 0.25  # part of the steps that predict from masked inputs, with alpha = 0
    mask_rate: float = 0.3  # part of the decoder inputs hidden in such a step
    validate_every: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _within(self, 0, "alpha", "weight")
        _within(self, 0.01, "temperature")
        _within(self, 0, "masked_share", "mask_rate", most=1)


@dataclass(frozen=True)
class InstructConfig(FitConfig):
    """Instruction tuning on several tasks."""

    steps: int = 1000
    batch_size: int = 48
    learning_rate: float = 1e-3
    validate_every: int = 0


@dataclass(frozen=True)
class EvaluateConfig:
    """What the table is made from."""

    clips: int = 512  # held-out clips; half as many for each of: one action, speed, count, direction
    pool: int = 32  # texts that R-precision chooses among
    captions: int = 512  # held-out motions that are described
    temperature: float = 0.3  # of sampling; `python -m train.evaluate.choose` chooses it on validation clips
    top_k: int = 20  # of sampling; 0 does not cut
    repeats: int = 3  # generations of the whole set, each with seeds of its own
    modality_texts: int = 32  # texts of which several motions are made, for multimodality; 0 makes none
    modality_draws: int = 10  # motions of each of them
    asked: int = 24  # motions of which a length is asked, to see that it is kept; 0 asks none
    choice_clips: int = 128  # validation clips that the sampling is chosen on, as `clips` are of the test's
    retrieval_steps: int = 600  # training steps of the text-motion retrieval model
    retrieval_clips: int = 4000  # train clips it learns from
    meter_clips: int = 2000  # train clips of one action that say what slow and fast are

    def __post_init__(self) -> None:
        _within(self, 2, "clips", "modality_draws", "choice_clips")
        _within(self, 1, "pool", "repeats", "retrieval_steps", "retrieval_clips", "meter_clips")
        _within(self, 0, "captions", "top_k", "modality_texts", "asked")
        _within(self, 0.01, "temperature")


@dataclass(frozen=True)
class RunConfig:
    """A whole run."""

    preset: str = "default"  # where the values came from; see ``train.presets``
    seed: int = 0  # of everything random
    machine: MachineConfig = field(default_factory=MachineConfig)
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    shift: ShiftTrainConfig = field(default_factory=ShiftTrainConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    tokens: TokensConfig = field(default_factory=TokensConfig)
    lm: LMTrainConfig = field(default_factory=LMTrainConfig)
    refine: RefineConfig = field(default_factory=RefineConfig)
    instruct: InstructConfig = field(default_factory=InstructConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)

    def __post_init__(self) -> None:
        _within(self, 0, "seed", most=2**63 - 1)

    def tokens_corpus(self) -> CorpusConfig:
        """The corpus that the language model's clips are of: ``corpus`` but for the actions to a clip.

        Raises:
            InputError: ``tokens.action_weights`` does not fit the corpus.
        """
        try:
            return replace(self.corpus, action_weights=self.tokens.action_weights)
        except InputError as error:
            raise InputError(f"tokens.{error}") from error


def apply(config: RunConfig, settings: Sequence[str]) -> RunConfig:
    """A copy with ``key=value`` settings applied in order; InputError says which cannot be."""
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"{setting!r} is not a setting; write key=value, such as shift.steps=100")
        config = override(config, key.strip(), value)
    config.tokens_corpus()  # refuses what cannot be drawn, whichever of the two corpora was set first
    return config


def what_is_learnt(config: RunConfig) -> RunConfig:
    """The config with the default ``machine``: equal for two runs that learn the same thing."""
    return replace(config, machine=MachineConfig())
