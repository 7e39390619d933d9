"""``clutch-rt doctor``: what works here, what does not and why, and what to install for more."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from clutch_rt.cli.app import EXIT_FAILED, Talk
from clutch_rt.cli.common import json_option

if TYPE_CHECKING:
    from clutch_rt.doctor import BundleFinding, Report
    from clutch_rt.machine import Machine
    from clutch_rt.nvidia import Nvidia
    from clutch_rt.probe import Probe

_WIDTH: Final = 100
_INDENT: Final = " " * 11

_EPILOG: Final = """\b
Examples:
  clutch-rt doctor
  clutch-rt doctor --bundle bundles/mine --json > doctor.json

Exit code 0: motions can be made on the CPU; 1: not even there.
"""


@click.command(epilog=_EPILOG, short_help="Find out what works here, and what to install for more.")
@click.option("--bundle", metavar="FOLDER", help="A bundle, or the name of a shipped one.")
@json_option("One JSON object in place of lines, for errors too.")
@click.pass_context
def doctor(context: click.Context, bundle: str | None) -> None:
    """Try every device with the bundle, each in a process of its own, and look at processor, memory,
    ONNX Runtime, NVIDIA's software and the bundle's files. Changes nothing and opens no connection."""
    from clutch_rt.doctor import examine

    talk: Talk = context.obj
    report = examine(bundle)
    for line in lines(report):
        talk.say(line)
    talk.result({**asdict(report), "healthy": report.healthy})
    if not report.healthy:
        context.exit(EXIT_FAILED)


def lines(report: Report) -> list[str]:
    """The report for a person."""
    about = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    found = [
        *_entry("versions", about),
        *_entry("system", report.system),
        *_machine(report.machine),
        *_entry("runtime", _runtime(report)),
        *_entry("kernels", report.kernels),
        *_nvidia(report.nvidia),
        *_bundle(report.bundle),
    ]
    for number, device in enumerate(report.devices):
        found += _entry("devices" if number == 0 else "", _device(device), hang=15)
    found += _entry("auto", f"takes {report.auto}" if report.auto else "has nothing to take")
    for number, advice in enumerate(report.advice):
        found += _entry("advice" if number == 0 else "", f"- {advice}", hang=2)
    verdict = "motions can be made here" if report.healthy else "no motion can be made here; see the advice"
    return [*found, *_entry("verdict", verdict)]


def _entry(name: str, text: str, hang: int = 0) -> list[str]:
    """A paragraph beside its name; ``hang`` more blanks before its further lines."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{name:<11}",
        subsequent_indent=_INDENT + " " * hang,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _machine(machine: Machine) -> list[str]:
    cores = f"{machine.cores} cores"
    if machine.usable != machine.cores:
        cores += f", of which this process may use {machine.usable:g}"
    found = _entry("processor", f"{machine.cpu} ({machine.arch}), {cores}")
    if machine.features:
        found += _entry("", ", ".join(f"{n} {_yes(there)}" for n, there in machine.features.items()))
    if machine.memory is not None:
        free = f", {_gigabytes(machine.free)} free" if machine.free is not None else ""
        found += _entry("memory", f"{_gigabytes(machine.memory)}{free}")
    return found


def _runtime(report: Report) -> str:
    packages = " and ".join(f"{name} {version}" for name, version in report.runtimes.items())
    packages = packages or "no ONNX Runtime; run `pip install onnxruntime`"
    return f"{packages}: {', '.join(report.providers)}; TensorRT-RTX plugin: {report.plugin or 'none'}"


def _nvidia(nvidia: Nvidia) -> list[str]:
    if not nvidia.driver:
        found = _entry("NVIDIA", "no driver")
    else:
        found = _entry("NVIDIA", f"driver for CUDA up to {nvidia.cuda_version or 'an unknown version'}")
    for gpu in nvidia.gpus:
        memory = "" if gpu.memory_mib is None else f", {gpu.memory_mib / 1024:.0f} GiB"
        found += _entry("", f"{gpu.name}, compute capability {gpu.compute}{memory}, driver {gpu.driver}")
    if nvidia.driver and not nvidia.gpus:
        found += _entry("", "nvidia-smi lists no GPU")
    return [
        *found,
        *_entry("", f"CUDA runtime: {_places(nvidia.cuda)}"),
        *_entry("", f"TensorRT: {_places(nvidia.tensorrt)}"),
    ]


def _bundle(bundle: BundleFinding) -> list[str]:
    if not bundle.name:
        return _entry("bundle", f"NOT USABLE: {bundle.problem}")
    state = f"NOT WHOLE: {bundle.problem}" if bundle.problem else f"all {bundle.files} files whole"
    found = _entry(
        "bundle",
        f"{bundle.name}: {bundle.form} form, {bundle.precision}, {bundle.bytes / 1e6:.1f} MB, {state}",
    )
    found += _entry("", bundle.path)
    if not bundle.engines:
        return found + _entry("engines", "none in the bundle")
    for number, engine in enumerate(bundle.engines):
        state = "loads" if engine.loads else f"does not load: {engine.reason}"
        found += _entry("engines" if number == 0 else "", f"{engine.path}: {state}", hang=2)
    return found


def _device(probe: Probe) -> str:
    name = f"{probe.device:<13}"
    if not probe.works:
        return f"{name}no: {probe.reason}"
    text = f"{name}works"
    if probe.load_seconds is not None:
        text += f", loads in {probe.load_seconds:.2f} s"
    if probe.first_seconds is not None:
        text += f", first 8 frames in {1000 * probe.first_seconds:.1f} ms"
    if probe.agrees is not None:
        text += ", same motion as on the CPU" if probe.agrees else ", BUT NOT the motion the CPU makes"
    return text


def _places(found: Mapping[str, str]) -> str:
    return ", ".join(f"{where} ({version})" for where, version in found.items()) or "none found"


def _yes(there: bool) -> str:
    return "yes" if there else "no"


def _gigabytes(count: int | None) -> str:
    return f"{(count or 0) / 2**30:.1f} GiB"
