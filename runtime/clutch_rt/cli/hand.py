"""``clutch-rt hand import``: a user's own MANO file becomes a hand."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import check_target, json_option
from clutch_rt.errors import FileFormatError, InputError
from clutch_rt.layout import HANDS

_EPILOG: Final = """\b
Examples:
  clutch-rt hand import MANO_RIGHT.pkl                MANO_RIGHT.npz, in this folder
  clutch-rt hand import MANO_RIGHT.pkl -o right.npz
  clutch-rt hand import MANO_LEFT.pkl -o left.npz
  clutch-rt generate "clap" --hand left.npz --hand right.npz -o clap.glb
"""


@click.group(short_help="Bring your own hands.")
def hand() -> None:
    """Bring your own hands, in place of the neutral ones."""


@hand.command("import", epilog=_EPILOG, short_help="Convert a MANO_*.pkl to an .npz.")
@click.argument("pickle", metavar="MANO.pkl", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="NPZ",
    type=click.Path(path_type=Path),
    help="[default: MANO.npz, in this folder]",
)
@click.option("--side", type=click.Choice(HANDS), help="Which hand it is; by default seen from its shape.")
@click.option("--betas", metavar="B1,B2,...", help="Up to 10 shape numbers; by default the mean hand.")
@click.option(
    "--left-shape",
    type=click.Choice(["keep", "flip", "auto"]),
    default="keep",
    show_default=True,
    help="With --betas: flip mends the x of a left file as MANO distributes it, keep reads it as smplx does.",
)
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_obj
def import_(
    talk: Talk, pickle: Path, output: Path | None, side: str | None, betas: str | None, left_shape: str
) -> None:
    """Read MANO.pkl (MANO_LEFT.pkl or MANO_RIGHT.pkl) and write it as a hand for `generate --hand`.

    The file is read without running any code it may hold; one that tries is refused.
    """
    from clutch_rt.mano import import_mano, save_hand

    target = Path(f"{pickle.absolute().stem}.npz") if output is None else output
    if target.suffix.lower() != ".npz":
        raise FileFormatError(f"a hand is written as .npz, and {target} has another ending; rename it")
    check_target(target)
    read = import_mano(pickle, _numbers(betas), side, left_shape)
    save_hand(read, target)
    talk.say(f"{target}: the {read.side} hand of {pickle}, {len(read.vertices)} vertices")
    talk.result(
        {"file": str(target), "side": read.side, "vertices": len(read.vertices), "source": str(pickle)}
    )


def _numbers(betas: str | None) -> list[float] | None:
    """Numbers between commas; how many there may be is for the importer to say."""
    if betas is None:
        return None
    try:
        return [float(number) for number in betas.split(",")]
    except ValueError:
        raise InputError(
            f"--betas is {betas!r}; numbers with commas between are wanted, such as 0.5,-1"
        ) from None
