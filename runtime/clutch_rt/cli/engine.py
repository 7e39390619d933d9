"""``clutch-rt engine build`` and ``clutch-rt engine list``: engines for NVIDIA GPUs in a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import json_option
from clutch_rt.engines import ENGINES, PRECISIONS, TARGETS
from clutch_rt.errors import InputError

_BUNDLE: Final = click.option("--bundle", metavar="FOLDER", help="A bundle, or the name of a shipped one.")


@click.group(short_help="Engines for NVIDIA GPUs.")
def engine() -> None:
    """Engines for NVIDIA GPUs: compiled graphs, in the bundle's folder `engines`."""


@engine.command("build", short_help="Compile the networks a bundle carries.")
@_BUNDLE
@click.option("--target", type=click.Choice(tuple(TARGETS)), required=True, help="What to build for.")
@click.option(
    "--precision", type=click.Choice(PRECISIONS), default="fp16", show_default=True, help="Of the weights."
)
@click.option("--sm", metavar="LIST", help="With --target rtx: architectures, such as 80,86,89,120.")
@click.option(
    "-o", "--output", metavar="FOLDER", type=click.Path(path_type=Path), help="[default: the bundle]"
)
@click.option("--force", is_flag=True, help="Replace engines of the same key.")
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_obj
def build(
    talk: Talk,
    bundle: str | None,
    target: str,
    precision: str,
    sm: str | None,
    output: Path | None,
    force: bool,
) -> None:
    """Compile the networks that the bundle carries into engines for this library and these GPUs.

    For rtx this works on any machine; for cuda and jetson it must be the one with the GPU. The networks come
    from `python -m export.tensorrt`.
    """
    from clutch_rt.bundle import open_bundle
    from clutch_rt.engine_build import build_set, networks_folder, read_networks, table
    from clutch_rt.engine_library import groups_of_sms, import_library, sm_of_gpu
    from clutch_rt.engines import content_hash, target_of

    kind = target_of(target)
    if sm and not kind.ahead:
        raise InputError(
            f"--sm is for --target rtx; {kind.library} builds for the GPU it finds: leave it out"
        )
    asked = _numbers(sm)
    library = import_library(kind)
    opened = open_bundle(bundle)
    content = content_hash(opened.manifest)
    root = output.absolute() if output else opened.path / ENGINES
    networks = read_networks(networks_folder(opened.path / ENGINES, precision, content), content)
    groups = groups_of_sms(library, asked, precision) if kind.ahead else [(sm_of_gpu(),)]
    talk.say(f"{kind.library} {library.version}, {precision} weights")
    sets = [build_set(library, networks, group, root, force, talk.say) for group in groups]
    for line in table(sets):
        talk.say(line)
    talk.result(
        {"built": [{"path": str(one.path), **one.key.to_dict(), "bytes": one.size} for one, _ in sets]}
    )


@engine.command("list", short_help="Show the engines in a bundle.")
@_BUNDLE
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_obj
def list_(talk: Talk, bundle: str | None) -> None:
    """Show the engines in the bundle, what each was built for, and whether it belongs to this bundle."""
    from clutch_rt.bundle import open_bundle
    from clutch_rt.engines import content_hash, engine_sets

    opened = open_bundle(bundle)
    content = content_hash(opened.manifest)
    found, wrong = engine_sets(opened.path / ENGINES)
    for one in found:
        other = "" if one.key.content == content else "; built from another bundle, of no use here"
        sms = ", ".join(map(str, one.key.sms))
        talk.say(
            f"{one.key.to_dict()['library']} {one.key.version}, SM {sms}, {one.key.precision}: "
            f"{', '.join(one.graphs)}, {one.size / 1e6:.1f} MB{other}"
        )
    for error in wrong:
        talk.say(f"damaged: {error}")
    if not found and not wrong:
        talk.say(f"{opened.path} holds no engines; see `clutch-rt engine build --help`")
    talk.result(
        {
            "engines": [
                {"path": str(one.path), **one.key.to_dict(), "fits": one.key.content == content}
                for one in found
            ],
            "damaged": [str(error) for error in wrong],
        }
    )


def _numbers(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InputError(f"--sm is {text!r}; a list such as 80,86,89,120 was wanted") from None
