"""A bundle back into a run folder: ``python -m export.restore BUNDLE RUN [KEY=VALUE ...]``.

A bundle travels without its run: no corpus, no codes, no checkpoints. From what it carries, its networks, its
vocabulary and the settings that trained it, comes a run that every later command takes: it can be judged
(``train.evaluate``, ``train.real``, ``train.narrations``), set beside others (``train.baselines``) and
studied (``train.studies study=refine``). The weights are the bundle's, as its precision rounded them.

The model stands as that of pre-training too, for refinement to go on from; the probes of pre-training, which
no bundle has, are missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from clutch_rt.bundle import Bundle, open_bundle
from clutch_rt.errors import InputError

from export.bundle_run import compare, run_of_bundle
from export.run_folder import TOKENIZER, WORDS
from models.files import appearing
from train.command import guarded
from train.config import RunConfig, apply
from train.presets import PRESETS, preset
from train.run import RunFolder
from train.tokenizer import SYNONYMS_FILE

MADE: Final = ("shift", "tokenizer", "pretrain", "refine", "instruct")  # the stages that a bundle holds
_WRITTEN: Final = ("shift", TOKENIZER, WORDS, SYNONYMS_FILE, "lm-pretrain", "lm")
# Settings that say what the networks and the vocabulary are; those of a bundle are as they are.
_FIXED: Final = (
    *("shift.model.", "tokenizer.", "lm.form", "lm.size", "lm.init", "lm.plan", "lm.rhythm=", "lm.max_"),
    "corpus.verbs",
)


def restore_run(
    bundle: Path | str,
    run: Path | str,
    settings: Sequence[str] = (),
    log: Callable[[str], None] = print,
) -> RunFolder:
    """Write the networks, the vocabulary and the settings of a bundle as a run folder.

    Args:
        bundle: its folder, or the name of a shipped one.
        run: the folder; one that holds a run of these settings, with its corpus or codes, is filled up.
        settings: ``key=value`` over those that the bundle was trained with.
        log: takes a line of progress.

    Raises:
        InputError: the bundle does not say its settings, they are of another version, or the folder holds
            models or another run.
        BundleError: its networks cannot be read back from its graphs, or compute something else.
    """
    opened, path = open_bundle(bundle), Path(run)
    config = _config(opened, settings)
    found = [name for name in _WRITTEN if (path / name).exists()]
    if found:
        raise InputError(
            f"{path} has {', '.join(found)} already, and nothing of it is replaced; give another folder"
        )
    log(f"{opened.path}: its {opened.manifest.precision} weights read back; its graphs beside PyTorch:")
    loaded = run_of_bundle(opened)
    told = opened.manifest.text.synonyms
    synonyms = None if told is None else opened.file(told).read_bytes()
    if (path / "config.json").exists():
        RunFolder.open(path, config)  # another run is refused before minutes are spent
    compare(opened, loaded, log)
    folder = RunFolder.open(path, config)
    for name, content in ((TOKENIZER, loaded.tokenizer), (WORDS, loaded.words), (SYNONYMS_FILE, synonyms)):
        if content is not None:
            with appearing(path / name) as part:
                part.write_bytes(content)
    loaded.shift.save(path / "shift")
    for name in ("lm-pretrain", "lm"):
        loaded.model.save(path / name)
    for stage in MADE:
        folder.mark_done(stage, {"restored": opened.manifest.name})
    return folder


def _config(bundle: Bundle, settings: Sequence[str]) -> RunConfig:
    """The settings of a bundle's training, with ``settings`` over them."""
    fixed = [setting for setting in settings if setting.startswith(_FIXED)]
    if fixed:
        raise InputError(f"{', '.join(fixed)}: the networks of a bundle are as they are; leave that out")
    raw: Any = bundle.manifest.raw
    name, told = raw.get("preset"), raw.get("settings")
    known = isinstance(name, str) and name in PRESETS
    if not known or not isinstance(told, list) or not all(isinstance(line, str) for line in told):
        raise InputError(f"{bundle.path} does not say how it was trained; export it again from its run")
    try:
        trained = apply(preset(name), [*told, f"seed={raw.get('seed', 0)}"])
    except InputError as error:
        raise InputError(
            f"{bundle.path} was trained under settings that this version does not know: {error}"
        ) from error
    return apply(trained, settings)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.restore",
        description="Write what a bundle holds as a run folder, to judge it, compare it or go on from it.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="folder of the bundle, or the name of a shipped one")
    parser.add_argument("run", metavar="RUN", help="run folder, new or with a corpus of the same settings")
    parser.add_argument("settings", metavar="KEY=VALUE", nargs="*", help="settings over the bundle's own")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    args = _arguments(argv)

    def work() -> None:
        folder = restore_run(args.bundle, args.run, args.settings)
        print(
            f"{folder.path}: SHIFT, vocabulary and language model; for what needs clips too, "
            f"`python -m train.corpus run={folder.path}`, and train.tokens after it"
        )

    return guarded(work, "restore", f"remove what is there of {args.run} and start again")


if __name__ == "__main__":
    sys.exit(main())
