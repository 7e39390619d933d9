"""What this installation can do on this machine, and what would let it do more. No network, no PyTorch.

Every device that could be had is really tried, in a process of its own, with the sessions of the bundle.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from clutch_rt import ort
from clutch_rt.bundle import Bundle, find_bundle, verify
from clutch_rt.diagnosis import GPU_PACKAGE, NO_DRIVER, RTX_PACKAGE
from clutch_rt.engine_choice import damage
from clutch_rt.engines import ENGINES, EngineSet, content_hash, engine_sets
from clutch_rt.errors import BundleError
from clutch_rt.machine import Machine, this_machine
from clutch_rt.manifest import read_manifest
from clutch_rt.native_library import library
from clutch_rt.nvidia import DRIVER_LIBRARY, Nvidia, driver_library, find_nvidia
from clutch_rt.plugin import rtx_version
from clutch_rt.probe import Probe, probe
from clutch_rt.providers import AUTO, PROVIDERS, installed_runtimes, is_available, why_unavailable

# Always spoken of; other providers only where the installed ONNX Runtime has them.
_ALWAYS = ("cpu", "cuda", "tensorrt", "tensorrt-rtx")
_PACKAGES = ("clutch-rt", "numpy", "sentencepiece", "click")


@dataclass(frozen=True)
class BundleFinding:
    """A bundle as it was found.

    Attributes:
        path: of its folder; empty where there is none. name, form, precision: as its manifest says.
        files, bytes: of all its files. problem: what is wrong with it; empty for a whole one.
        engines: the files under ``engines/``, by path within the bundle, and what each is worth here.
    """

    path: str = ""
    name: str = ""
    form: str = ""
    precision: str = ""
    files: int = 0
    bytes: int = 0
    problem: str = ""
    engines: tuple[EngineFinding, ...] = ()


@dataclass(frozen=True)
class EngineFinding:
    """A set of engines: where they lie, and whether they load here and why not."""

    path: str
    loads: bool
    reason: str


@dataclass(frozen=True)
class Report:
    """All that was found.

    Attributes:
        versions: of this package and those it stands on. runtimes: installed ONNX Runtime packages.
        providers: that ONNX Runtime was built with. plugin: the TensorRT-RTX plugin's package, or None.
        kernels: of the compiled library, that bundles run on here, or ``none`` and why.
        devices: each that was tried or could have been. auto: the device ``auto`` would take, or None.
        advice: what to install or mend, most important first.
    """

    machine: Machine
    system: str
    versions: Mapping[str, str]
    runtimes: Mapping[str, str]
    providers: tuple[str, ...]
    plugin: str | None
    kernels: str
    nvidia: Nvidia
    bundle: BundleFinding
    devices: tuple[Probe, ...]
    auto: str | None
    advice: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether motions can be made on the CPU, which is what every machine has."""
        return any(found.device == "cpu" and found.works for found in self.devices)


def examine(which: str | None = None) -> Report:
    """Look at everything.

    Args:
        which: a bundle's folder or the name of a shipped one; None as in ``clutch_rt.load``.
    """
    nvidia = find_nvidia()
    bundle = examine_bundle(which)
    devices = tuple(_try(name, bundle) for name in _names())
    runtimes = installed_runtimes()
    works = {found.device for found in devices if found.works}
    return Report(
        machine=this_machine(),
        system=f"{platform.platform(terse=True)}, Python {platform.python_version()}",
        versions=_versions(),
        runtimes=runtimes or ({"onnxruntime": ort.onnxruntime.__version__} if ort.providers() else {}),
        providers=ort.providers(),
        plugin=rtx_version(),
        kernels=library().kernels,
        nvidia=nvidia,
        bundle=bundle,
        devices=devices,
        auto=_auto(bundle, works),
        advice=tuple(advise(nvidia, runtimes, bundle, devices)),
    )


def examine_bundle(which: str | None = None) -> BundleFinding:
    """A bundle's manifest and the hashes of all its files, read anew whatever was verified before."""
    folder = ""
    try:
        path = find_bundle(which).resolve()
        folder = str(path)
        bundle = Bundle(path, read_manifest(path))
        about = BundleFinding(
            path=folder,
            name=bundle.manifest.name,
            form=bundle.manifest.form,
            precision=bundle.manifest.precision,
            files=len(bundle.manifest.files),
            bytes=bundle.size,
            engines=_engines(bundle),
        )
    except BundleError as error:
        return BundleFinding(path=folder, problem=str(error))
    try:
        verify(bundle, again=True)
    except BundleError as error:
        return BundleFinding(**{**vars(about), "problem": str(error)})
    return about


def advise(
    nvidia: Nvidia, runtimes: Mapping[str, str], bundle: BundleFinding, devices: tuple[Probe, ...]
) -> list[str]:
    """What to do, most important first: what is broken, then what would bring more."""
    works = {found.device for found in devices if found.works}
    advice = []
    if bundle.problem:
        advice.append(bundle.problem)
    if len(runtimes) > 1:
        advice.append(
            f"{' and '.join(runtimes)} overwrite each other's files; {GPU_PACKAGE}, or keep onnxruntime"
        )
    advice += [
        f"{found.device} makes another motion than the CPU for the same seed; report it with this page"
        for found in devices
        if found.agrees is False
    ]
    if nvidia.gpus and not nvidia.driver:
        advice.append(f"nvidia-smi lists a GPU, but its driver library cannot be loaded; {NO_DRIVER}")
    if nvidia.driver and not works & set(AUTO):
        advice += _gpu_advice(devices)
    if not nvidia.driver:
        advice.append(
            "for an NVIDIA GPU, if this machine has one: install its driver, then run this again; "
            "the models that come with the package are made for the CPU and need none"
        )
    if not _has("pillow"):
        advice.append("for pictures (.png, .gif, .mp4): run `pip install 'clutch-rt[preview]'`")
    return advice


def _auto(bundle: BundleFinding, works: Set[str]) -> str | None:
    """What ``auto`` takes, which is tried where there is a choice: it wants all of the work on one device."""
    if not works & set(AUTO):
        return "cpu" if "cpu" in works else None
    return probe(Path(bundle.path), "auto").took or None


def _gpu_advice(found: Sequence[Probe]) -> list[str]:
    """How to use a GPU that has a driver: the packages that are missing, else what keeps them off."""
    reasons = {probe.device: probe.reason for probe in found}
    ways = {
        "cuda": f"to use the NVIDIA GPU through CUDA: {GPU_PACKAGE}",
        "tensorrt-rtx": f"to use it through TensorRT-RTX (RTX 30 and later): {RTX_PACKAGE}",
    }
    return [f"{name}: {reasons[name]}" if is_available(name) else way for name, way in ways.items()]


def _names() -> list[str]:
    return [name for name in PROVIDERS if name in _ALWAYS or is_available(name)]


def _try(name: str, bundle: BundleFinding) -> Probe:
    if not is_available(name):
        return Probe(name, False, why_unavailable(name).removesuffix(", or use --device cpu"))
    if bundle.problem:
        return Probe(name, False, "not tried, for the bundle is not whole")
    return probe(Path(bundle.path), name)


def _engines(bundle: Bundle) -> tuple[EngineFinding, ...]:
    """Every set of engines, and what keeps it from being of use here."""
    sets, wrong = engine_sets(bundle.path / ENGINES)
    found = [EngineFinding(f"{ENGINES}/{s.key.library}/{s.path.name}", *_loads(s, bundle)) for s in sets]
    return (*found, *(EngineFinding(ENGINES, False, str(error)) for error in wrong))


def _loads(one: EngineSet, bundle: Bundle) -> tuple[bool, str]:
    """Whether a set's engines load here, each tried in a process of its own, and why not."""
    if reason := damage(one):
        return False, reason
    if one.key.content != content_hash(bundle.manifest):
        return False, "they were built from another bundle; build them again with `clutch-rt engine build`"
    if driver_library() is None:
        return False, f"not tried, for there is no NVIDIA driver ({DRIVER_LIBRARY} is missing)"
    if not is_available(one.key.library):
        return False, why_unavailable(one.key.library)
    answer = probe(one.path, one.key.library)
    return answer.works, answer.reason


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed" if name != "clutch-rt" else "a checkout"
    return found


def _has(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
