"""Instructions: every template can be filled, with what is true of the clip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from clutch_rt.grammar import UNKNOWN

from tests.train.lm_run import CLIPS
from train import instruct
from train.completion import PARTS
from train.examples import Tasks
from train.seeding import generator
from train.templates import TEMPLATES
from train.tokenizer import decode


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.prompt[:40])
def test_every_template_can_be_filled(run_tasks: Tasks, template: Any) -> None:
    rng = generator("fill")
    for clip in range(CLIPS):
        known = instruct.facts(run_tasks, clip, run_tasks.caption(clip, rng))
        if template.fields <= set(known):
            break
    else:
        pytest.fail("no clip has the labels it wants")
    codes = run_tasks.codes(clip)
    made = instruct.fill(run_tasks, template, known, codes, rng)
    assert (made.codes is None) != (made.answer is None)
    assert made.prompt[-1] == 1
    if template.given in PARTS:
        assert made.given is not None
        kept = made.given != UNKNOWN
        np.testing.assert_array_equal(made.codes, codes)
        np.testing.assert_array_equal(made.given[kept], codes[kept])
        assert kept.any() and not kept.all()
    if made.answer is not None:
        assert decode(run_tasks.processor, made.answer) == template.answer.format(**known)


def test_facts_are_left_out_where_they_are_not_clear(run_tasks: Tasks) -> None:
    for clip in range(CLIPS):
        actions, known = run_tasks.store.actions(clip), instruct.facts(run_tasks, clip, "")
        assert ("verb" in known) == (len(actions) == 1)
        assert ("hand" in known) == (len({a["hand"] for a in actions}) == 1)
        seconds = float(known["seconds"])
        assert abs(seconds - 8 * run_tasks.store.steps[clip] / 30) <= 0.25 + 1e-9
