"""The run behind a bundle, as far as the bundle itself holds it: its networks with the weights it rounded.

What was read is checked against the graphs it was read from, as an export checks the graphs it wrote.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from clutch_rt.bundle import Bundle
from clutch_rt.errors import BundleError, ClutchError, InputError
from clutch_rt.manifest import TOKENIZER, Manifest

from export import lm_read, shift_read
from export.agreement import ParityError, Report
from export.driver import Draw, Driver
from export.graph import PRECISIONS, Precision
from export.parity import SENTENCES, Parity
from export.run_folder import Run
from export.stored import Unreadable, read_stored
from export.training import training_of


def run_of_bundle(bundle: Bundle) -> Run:
    """The networks of a bundle, its weights out of their 8 or 4 bits, and its vocabulary.

    Of the settings of its training it knows nothing.

    Raises:
        InputError: it is of the form ``flat``.
        BundleError: it was not written by this version's exporter, or one like it; or a file is damaged.
    """
    grammar = bundle.manifest.grammar
    if grammar.form != "step":
        raise InputError(
            f"{bundle.path} is a bundle of the form {grammar.form!r}, whose weights are not read back from "
            "its graphs; use the run folder it was exported from (export.tensorrt takes it as `--run RUN`)"
        )
    try:
        _precision(bundle.manifest)
        names = [*lm_read.GRAPHS, *(name for name in lm_read.MORE_GRAPHS if name in bundle.manifest.graphs)]
        model = lm_read.read_lm(read_stored(bundle, names), grammar)
        shift = shift_read.read_shift(read_stored(bundle, shift_read.GRAPHS), grammar)
    except ClutchError:
        raise
    except (Unreadable, ValueError, KeyError, IndexError) as error:
        raise _refusal(bundle, str(error)) from error
    words = bundle.manifest.text.words
    return Run(
        path=bundle.path,
        shift=shift,
        model=model,
        tokenizer=bundle.file(TOKENIZER).read_bytes(),
        words=None if words is None else bundle.file(words).read_bytes(),
        settings={},
        training=training_of({}),
    )


def compare(bundle: Bundle, run: Run, log: Callable[[str], None]) -> Report:
    """Check that what was read computes what the bundle's graphs do; else BundleError."""
    manifest = bundle.manifest
    driver = Driver(bundle.path, manifest.grammar, torch.get_num_threads())
    prompts = [run.prompt(text) for text in SENTENCES]
    draw = Draw(manifest.sampling.temperature, manifest.sampling.top_k)
    precision, caption = _precision(manifest), run.caption_prompt()
    try:
        return Parity(driver, run.model, run.shift, precision, prompts, caption, draw, log).run()
    except ParityError as error:
        raise _refusal(bundle, str(error).split(";")[0]) from error
    finally:
        driver.close()


def _precision(manifest: Manifest) -> Precision:
    for precision in PRECISIONS:
        if manifest.precision == precision:
            return precision
    raise Unreadable(f"its precision is {manifest.precision!r}, not one of {', '.join(PRECISIONS)}")


def _refusal(bundle: Bundle, why: str) -> BundleError:
    return BundleError(
        f"the networks of {bundle.path} cannot be had from its own weights: {why}; give the run it was "
        "exported from (--run RUN), or export it again with this version"
    )
