"""The commands of ``clutch-rt``: generate, complete, stream, live, caption, info, doctor, ...

Commands import the engine only when they run, so ``--help`` answers at once.
"""

from __future__ import annotations

import click

from clutch_rt.cli.app import CommandLine
from clutch_rt.cli.bench import bench
from clutch_rt.cli.caption import caption
from clutch_rt.cli.complete import complete
from clutch_rt.cli.doctor import doctor
from clutch_rt.cli.engine import engine
from clutch_rt.cli.generate import generate
from clutch_rt.cli.hand import hand
from clutch_rt.cli.info import info
from clutch_rt.cli.live import live
from clutch_rt.cli.stream import stream

__all__ = ["command_line"]


@click.group(
    name="clutch-rt",
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="clutch-rt", prog_name="clutch-rt")
@click.option("-v", "--verbose", is_flag=True, help="Say what goes on, on stderr.")
@click.pass_context
def command_line(ctx: click.Context, verbose: bool) -> None:
    """A sentence becomes two moving 3D hands.

    \b
    Examples:
      clutch-rt generate "knead the dough with both hands" -o knead.glb
      clutch-rt stream "wave with the right hand" | head -n 30
      clutch-rt generate "clap" -o clap.npz
      clutch-rt caption clap.npz
      clutch-rt complete clap.npz "clap" --keep beginning -o more.glb
      clutch-rt info
      clutch-rt doctor

    \b
    Exit codes: 0 done, 1 could not be done (one line on stderr says why), 2 wrong
    usage, 130 stopped by Ctrl-C, 141 the reader of a pipe went away.
    """
    ctx.obj.log_to_stderr(verbose)


for _command in (generate, complete, stream, live, caption, info, doctor, bench, hand, engine):
    command_line.add_command(_command)
