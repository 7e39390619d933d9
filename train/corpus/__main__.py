"""`python -m train.corpus out=DIR [clips=N] [--preview [DIR]]`, or `run=FOLDER` as a training stage."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from clutch_rt.errors import InputError

from train.overrides import override

from .config import CorpusConfig
from .verbs import VERBS
from .write import stage, write_corpus

USAGE = f"""usage: python -m train.corpus out=DIR [key=value ...] [--preview [DIR]]
       python -m train.corpus --preview DIR [verbs=wave,stir]
       python -m train.corpus run=FOLDER [preset=NAME] [key=value ...]

Draws clips of two moving hands with sentences, the same for the same settings, into Parquet shards.
The same command again goes on where it stopped. --preview draws a contact sheet and an animation per verb.

settings: clips, seed, verbs (comma-separated), max_actions, captions, max_frames, place_noise, ...
(train/corpus/config.py). preset=smoke takes six verbs and 600 clips.
verbs: {", ".join(VERBS)}"""


def _settings(arguments: Sequence[str]) -> tuple[CorpusConfig, dict[str, str]]:
    """The configuration, and what else was given: `out` and `--preview`."""
    other: dict[str, str] = {}
    config, waiting = CorpusConfig(), False
    given = [a for a in arguments if a != "preset=smoke"]
    if len(given) < len(arguments):
        config = CorpusConfig.smoke()
    for argument in given:
        key, equals, value = argument.partition("=")
        if key == "--preview":
            other["preview"], waiting = value, not equals
        elif waiting and not equals:
            other["preview"], waiting = argument, False
        elif key == "out" and value:
            other["out"] = value
        elif equals:
            config = override(config, key, value)
        else:
            raise InputError(f"{argument!r} is not a setting; write key=value, such as clips=1000")
    return config, other


def _run(arguments: Sequence[str]) -> None:
    config, other = _settings(arguments)
    if "out" not in other and not other.get("preview"):
        raise InputError("nowhere to write; add out=DIR, such as out=corpus, or --preview DIR")
    if "out" in other:
        written = write_corpus(other["out"], config)
        print(
            f"{written.clips} clips, {written.frames / written.clips:.1f} frames each, "
            f"in {written.shards} shards: {other['out']}"
        )
    if "preview" in other:
        from .preview import write_preview

        folder = Path(other["preview"] or Path(other["out"]) / "preview")
        write_preview(folder, config.verbs or VERBS, config.seed)
        print(f"contact sheet and animations: {folder}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    from train.command import command_main
    from train.run import stage_main

    if any(a.startswith("run=") for a in given):
        return stage_main("corpus", stage, given)
    return command_main(USAGE, _run, given)


if __name__ == "__main__":
    sys.exit(main())
