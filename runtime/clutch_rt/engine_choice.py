"""Which file a device loads for a graph: an engine of the bundle's where one fits, else its own graph.

An engine fits one version of a library, some architectures and one bundle. One that does not fit is named and
left alone: loading it would be refused at best. Devices ``tensorrt-rtx``, which ``auto`` tries first, and
``tensorrt`` load engines.
"""

from __future__ import annotations

import logging
import re
from importlib.util import find_spec
from pathlib import Path

from clutch_rt import nvidia, tensorrt
from clutch_rt.bundle import Bundle
from clutch_rt.diagnosis import RTX_PACKAGE, TENSORRT_PACKAGE
from clutch_rt.engines import (
    ENGINES,
    LIBRARIES,
    PRECISIONS,
    EngineSet,
    content_hash,
    engine_sets,
    fitting_engines,
    verify_engine_set,
)
from clutch_rt.errors import BundleError, DeviceError
from clutch_rt.plugin import RTX_MODULE
from clutch_rt.quality import figures_in, quality_warning

log = logging.getLogger(__name__)


class EngineChoice:
    """The engines of one bundle, looked at when a device that could use them is first tried."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._chosen: dict[str, EngineSet | None] = {}

    def graph(self, name: str, device: str) -> Path:
        """What ``device`` loads as the graph ``name``; a warning says where engines there are do not fit.

        Raises:
            BundleError: the engine that fits is damaged.
        """
        if device in LIBRARIES:
            chosen = self._set(device)
            if chosen is not None and name in chosen.graphs:
                return chosen.path / f"{name}.onnx"
        return self._bundle.file(self._bundle.manifest.graphs[name])

    def lacks(self, name: str, device: str) -> bool:
        """Whether ``device`` loads engines, and has none for the graph ``name``; raises as ``graph``."""
        chosen = self._set(device) if device in LIBRARIES else None
        return chosen is not None and name not in chosen.graphs

    def _set(self, device: str) -> EngineSet | None:
        if device not in self._chosen:
            self._chosen[device] = self._find(device)
        return self._chosen[device]

    def _find(self, device: str) -> EngineSet | None:
        sets, wrong = engine_sets(self._bundle.path / ENGINES)
        for error in wrong:
            log.warning("%s", error)
        sets = [one for one in sets if one.key.library == device]
        sets.sort(key=lambda one: PRECISIONS.index(one.key.precision))  # the best first
        if not sets:
            log.info(
                "the bundle holds no engines for %s, which compiles its graphs when they are loaded", device
            )
            return None
        try:
            chosen = fit(sets, device, content_hash(self._bundle.manifest))
        except DeviceError as error:
            log.warning("%s; its graphs are compiled when they are loaded, which takes longer", error)
            return None
        verify_engine_set(chosen)
        log.info("device %s loads the engines %s", device, chosen.path.name)
        self._warn_of_loss(chosen.key.precision)
        return chosen

    def _warn_of_loss(self, precision: str) -> None:
        """Say what the engines' precision costs, by the bundle's table, where it is not the bundle's own."""
        manifest = self._bundle.manifest
        figures = figures_in(precision, manifest.raw.get("precisions"))
        if precision != manifest.precision and (warning := quality_warning(precision, figures)):
            log.warning("of the engines: %s", warning)


def fit(sets: list[EngineSet], device: str, content: str) -> EngineSet:
    """The set that fits this machine.

    Args:
        sets: of the device's library.
        device: a name in ``LIBRARIES``.
        content: of the bundle, see ``engines.content_hash``.

    Raises:
        DeviceError: none does, or there is no GPU; the message says why not.
    """
    sm = nvidia.compute_capability()
    if sm is None:
        raise DeviceError(
            "no engine can be loaded, for the NVIDIA driver finds no GPU; check `nvidia-smi`, "
            "or use --device cpu"
        )
    version = tensorrt.version() if device == "tensorrt" else rtx_library_version()
    if version is None:
        raise DeviceError(
            f"no engine can be loaded, for {device} is not found on this machine; "
            f"{TENSORRT_PACKAGE if device == 'tensorrt' else RTX_PACKAGE}, or use --device cpu"
        )
    return fitting_engines(sets, device, version, sm, content, host=nvidia.host())


def rtx_library_version() -> str | None:
    """The version of TensorRT-RTX in ONNX Runtime's plugin, such as ``1.7.1``, without loading it."""
    spec = find_spec(RTX_MODULE)
    if spec is None or spec.origin is None:
        return None
    names = [path.name for path in Path(spec.origin).parent.iterdir()]
    found = [re.match(r"libtensorrt_rtx\.so\.(\d+\.\d+\.\d+)|tensorrt_rtx_(\d+_\d+)\.dll", n) for n in names]
    versions = [(match[1] or match[2]).replace("_", ".") for match in found if match]
    return versions[0] if versions else None


def damage(one: EngineSet) -> str:
    """What is wrong with a set's files; empty for whole ones."""
    try:
        verify_engine_set(one)
    except BundleError as error:
        return str(error)
    return ""
