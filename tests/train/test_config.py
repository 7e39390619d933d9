"""Settings: typed overrides, near matches, and what a run folder keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Literal, get_args, get_type_hints

import pytest
from clutch_rt.errors import InputError
from hypothesis import given
from hypothesis import strategies as st

from models.t5 import SIZES
from train.config import LMTrainConfig, RunConfig, apply
from train.overrides import build, differences, leaves, override
from train.presets import PRESETS, preset


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    widths: tuple[int, ...] = (1, 2)
    limit: int | None = None


@dataclass(frozen=True)
class Outer:
    steps: int = 10
    name: str = "x"
    fast: bool = False
    kind: Literal["step", "flat"] = "step"
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("key", "text", "wanted"),
    [
        ("steps", "1_000", 1000),
        ("name", "a=b, c", "a=b, c"),
        ("fast", "yes", True),
        ("kind", "flat", "flat"),
        ("inner.rate", "1e-3", 1e-3),
        ("inner.widths", "3,4,5", (3, 4, 5)),
        ("inner.widths", "(3)", (3,)),
        ("inner.widths", "", ()),
        ("inner.limit", "7", 7),
        ("inner.limit", "none", None),
    ],
)
def test_values_take_the_type_of_their_field(key: str, text: str, wanted: object) -> None:
    changed = dict(leaves(override(Outer(), key, text)))
    assert changed[key] == wanted and type(changed[key]) is type(wanted)
    assert {k: v for k, v in changed.items() if k != key} == {k: v for k, v in leaves(Outer()) if k != key}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("shft.steps=1", "unknown setting shft.steps; did you mean shift.steps"),
        ("shift.step=1", "did you mean shift.steps"),
        ("shift.model.wdths=1", "did you mean shift.model.widths"),
        ("shift.steps.more=1", "shift.steps is a value"),
        ("shift.steps=many", "shift.steps=many: a whole number is wanted"),
        ("shift.steps=1.5", "a whole number is wanted"),
        ("shift.learning_rate=nan", "a finite number is wanted"),
        ("lm.form=spiral", "one of step, flat is wanted"),
        ("machine.progress=perhaps", "true or false is wanted"),
        ("machine.accumulate=0", "accumulate=0 is asked for; give 1 or more"),
        ("shift=3", "group of settings"),
        ("verbose", "key=value"),
        ("shift.model.variant=both", "shift, part, single"),
        ("shift.window=60", "window=60 is asked for; give a multiple of 8"),
        ("shift.ends=-1", "ends=-1 is asked for; give 0 or more"),
        ("lm.batch_size=0", "batch_size=0 is asked for; give 1 or more"),
        ("lm.size=tinny", "lm.size=tinny: one of nano, tiny, small, base, large is wanted"),
        ("tokenizer.vocab=3", "vocab=3 is asked for; give 300 or more"),
        (f"seed={10**30}", "seed=1000.* is asked for; give 0 to"),
        ("seed=-1", "seed=-1 is asked for; give 0 to"),
        ("lm.steps=-1", "steps=-1 is asked for; give 0 or more"),
        ("lm.caption_share=1.5", "caption_share=1.5 is asked for; give 0 to 1"),
        ("lm.max_prompt=1", "max_prompt=1 is asked for; give 2 or more"),
        ("refine.temperature=0", "temperature=0.0 is asked for; give 0.01 or more"),
        ("tokens.action_weights=1", "tokens.action_weights=.* for clips of up to 3 actions"),
        ("tokens.shard_clips=0", "shard_clips=0 is asked for; give 1 or more"),
        ("evaluate.clips=1", "clips=1 is asked for; give 2 or more"),
        ("evaluate.repeats=0", "repeats=0 is asked for; give 1 or more"),
    ],
)
def test_bad_settings_are_refused_with_the_mending(setting: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        apply(RunConfig(), [setting])


def test_unknown_preset_lists_those_there_are() -> None:
    with pytest.raises(InputError, match="smoke, default, paper"):
        preset("large")


def test_every_size_has_a_shape() -> None:
    assert get_args(get_type_hints(LMTrainConfig)["size"]) == tuple(SIZES)


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_survives_json(name: str) -> None:
    config = preset(name)
    assert config.preset == name
    assert build(RunConfig, json.loads(json.dumps(asdict(config)))) == config


def test_config_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match=r"shift\.colour"):
        build(RunConfig, {"shift": {"colour": 1}})


def test_differences_name_the_keys() -> None:
    config = apply(RunConfig(), ["shift.steps=7", "shift.model.depth=5"])
    assert [d.split(":")[0] for d in differences(RunConfig(), config)] == [
        "shift.steps",
        "shift.model.depth",
    ]
    assert differences(config, config) == []


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**12), 10**12))
def test_numbers_written_by_python_are_read_back(number: float, whole: int) -> None:
    assert override(Outer(), "inner.rate", repr(number)).inner.rate == number
    assert override(Outer(), "steps", str(whole)).steps == whole


def test_settings_are_frozen_all_the_way_down() -> None:
    def check(value: object) -> None:
        assert type(value).__dataclass_params__.frozen  # type: ignore[attr-defined]
        for f in fields(value):  # type: ignore[arg-type]
            if is_dataclass(getattr(value, f.name)):
                check(getattr(value, f.name))

    check(RunConfig())
