"""``clutch-rt info``: what is installed, what the bundle says of itself, where it runs."""

from __future__ import annotations

import platform
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from clutch_rt.cli.app import Talk
from clutch_rt.cli.common import json_option, model_options, not_taken, provider_name


@click.command(short_help="Show the bundle, the providers and the versions.")
@model_options
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_obj
def info(talk: Talk, bundle: str | None, device: str, threads: int | None) -> None:
    """Show the bundle in use, where it runs, what the machine offers, and all versions involved."""
    from clutch_rt.bundle import shipped_bundles
    from clutch_rt.model import load
    from clutch_rt.providers import PROVIDERS, installed_runtimes, is_available
    from clutch_rt.quality import degradations

    devices = [name for name in PROVIDERS if is_available(name)]
    with load(bundle, device=device, threads=threads) as model:
        about = model.info
    versions = _versions()
    talk.say(f"bundle     {about.name}: {about.form} form, {about.precision}, {about.bytes / 1e6:.1f} MB")
    talk.say(f"           {about.path}")
    talk.say(f"           shipped: {', '.join(shipped_bundles()) or 'none'}")
    talk.say(f"limits     {about.max_seconds:.2f} s of motion, {about.max_prompt_tokens} tokens of text")
    talk.say(f"sampling   temperature {about.temperature:g}, top-k {about.top_k or 'off'}")
    talk.say(f"trained on {about.training_data}")
    talk.say(f"licence    {about.licence}")
    talk.say(f"provider   {provider_name(device, about.provider)}; this machine offers {', '.join(devices)}")
    talk.say(f"kernels    {about.kernels}")
    if about.passed_over:
        talk.say(textwrap.fill(f"not taken  {not_taken(about.passed_over)}", 100, subsequent_indent=" " * 11))
    if not degradations(about.metrics):
        talk.say(f"measured   what {about.precision} weights cost this bundle was not measured")
    for name, values in _metrics(about.metrics).items():
        line = f"measured   {name + ': ' if name else ''}{', '.join(values)}"
        talk.say(textwrap.fill(line, 100, subsequent_indent=" " * 11, break_on_hyphens=False))
    talk.say("versions   " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    if len(installed_runtimes()) > 1:
        talk.say(
            "warning    two ONNX Runtimes are installed and overwrite each other; uninstall both, install one"
        )
    talk.result(
        {
            **asdict(about),
            "devices": devices,
            "shipped": shipped_bundles(),
            "versions": versions,
            "layouts": _layouts(),
        }
    )


def _metrics(metrics: Mapping[str, Any]) -> dict[str, list[str]]:
    """Metrics in a few lines, ``group.name`` by group; what they mean is the model card's to say.

    Those of the checkpoint the bundle was made from, ``pytorch.group.name``, are left to the card and --json.
    """
    groups: dict[str, list[str]] = {}
    for name, value in metrics.items():
        group, _, rest = name.partition(".")
        if not rest:
            group, rest = "", name
        if "." in rest:
            continue
        number = value.get("value") if isinstance(value, Mapping) else value
        shown = f"{number:.4g}" if isinstance(number, (int, float)) else str(number)
        groups.setdefault(group, []).append(f"{rest} {shown}")
    return groups


def _versions() -> dict[str, str]:
    import numpy

    import clutch_rt
    from clutch_rt.ort import onnxruntime
    from clutch_rt.providers import installed_runtimes

    return {
        "clutch-rt": clutch_rt.__version__,
        **(installed_runtimes() or {"onnxruntime": onnxruntime.__version__}),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _layouts() -> dict[str, Any]:
    from clutch_rt.joints import LAYOUTS, layout

    return {name: list(layout(name).names) for name in LAYOUTS}
