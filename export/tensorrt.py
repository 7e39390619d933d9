"""Engines for NVIDIA GPUs: ``python -m export.tensorrt BUNDLE [--run RUN] --target rtx|cuda|jetson``.

An engine holds the weights as TensorRT wants them. They are the bundle's own, read back from its graphs
(``export.bundle_run``); or, with ``--run``, those before the bundle rounded them, of the training run it was
exported from, which is checked. For ``rtx`` the engines are built here, with no GPU; for ``cuda`` and
``jetson`` the networks go into the bundle, and the engines are built on the device by ``clutch-rt engine
build``. The device of their library's name loads those that fit (``clutch_rt.engine_choice``).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import onnx
from clutch_rt.bundle import Bundle, open_bundle
from clutch_rt.engine_build import (
    NETWORKS_FILE,
    Networks,
    build_set,
    context_file,
    folder_by_rename,
    networks_folder,
    place_of_set,
    read_networks,
    table,
    write_json,
)
from clutch_rt.engine_library import Library, groups_of_sms, import_library, sm_of_gpu
from clutch_rt.engines import (
    ENGINES,
    FORMAT,
    LIBRARIES,
    TARGETS,
    EngineSet,
    Target,
    content_hash,
    target_of,
)
from clutch_rt.errors import BundleError, InputError, MissingExtraError
from clutch_rt.manifest import FileEntry
from clutch_rt.providers import PROVIDERS
from onnx import helper

from export.bundle_run import compare, run_of_bundle
from export.bundle_writer import write_graphs
from export.driver import Draw
from export.network_builder import ENGINE_PRECISIONS, EnginePrecision
from export.network_check import NetworkCheck
from export.networks import networks, profiles
from export.run_folder import Run, read_run
from export.weights import WeightStore
from train.command import guarded
from train.evaluate.judged import files_of_run

Log = Callable[[str], None]


def quiet(line: str) -> None:
    """Take a line of progress and say nothing."""


def export_engines(
    bundle: Path | str,
    run: Path | str | None = None,
    target: str = "rtx",
    sms: Sequence[int] = (),
    precision: EnginePrecision = "fp16",
    out: Path | str | None = None,
    force: bool = False,
    keep_networks: bool = False,
    log: Log = quiet,
) -> list[EngineSet]:
    """Build the engines of a bundle, or, where that takes the device, all that they are built from.

    Args:
        bundle: the bundle's folder.
        run: the training run it was exported from; None to take the networks that the bundle carries, or to
            make them from its own weights where it carries none.
        target: ``rtx``, ``cuda`` or ``jetson``.
        sms: architectures for ``rtx``; none for all but SM 121.
        precision: of the weights.
        out: where the engines go; the bundle's folder ``engines`` by default.
        force: whether engines, and networks, of the same key may be replaced.
        keep_networks: leave the networks in ``out`` for ``rtx`` too.
        log: takes a line of progress.

    Returns:
        The sets that were built.

    Raises:
        MissingExtraError: the library is not installed (for ``cuda`` and ``jetson``: after the networks are
            written). InputError, BundleError, DeviceError, ParityError: what cannot be used, and what to do.
    """
    if precision not in ENGINE_PRECISIONS:
        raise InputError(f"precision is {precision!r}; it must be one of {', '.join(ENGINE_PRECISIONS)}")
    kind = target_of(target)
    if sms and not kind.ahead:
        raise InputError(
            f"--sm is for --target rtx; {kind.library} builds for the GPU it finds: leave it out"
        )
    library = import_library(kind) if kind.ahead else None
    groups = groups_of_sms(library, sms, precision) if library else []
    opened = open_bundle(bundle)
    content = content_hash(opened.manifest)
    root = Path(out).absolute() if out else opened.path / ENGINES
    for group in groups:
        assert library is not None
        place_of_set(library, group, precision, content, root, force)  # refuse before minutes are spent
    with tempfile.TemporaryDirectory(prefix="clutch-rt-networks-") as scratch:
        kept = keep_networks or not kind.ahead
        folder = networks_folder(root if kept else Path(scratch), precision, content)
        carried = networks_folder(opened.path / ENGINES, precision, content)
        if run is None and carried.exists():
            folder = carried
            log(f"networks: {folder}")
        else:
            _write_networks(opened, None if run is None else Path(run), precision, folder, force, log)
            log(f"networks: {folder if kept else 'checked'}")
        found = read_networks(folder, content)
        if library is None:
            library = _library_of_device(kind)
            groups = [(sm_of_gpu(),)]
        return _build(library, found, groups, root, force, log)


def _library_of_device(kind: Target) -> Library:
    try:
        return import_library(kind)
    except MissingExtraError as error:
        raise MissingExtraError(
            f"the networks are written, and no engine is: {error}. "
            f"Take the bundle there and run `clutch-rt engine build --target {kind.name} --bundle BUNDLE`"
        ) from error


def _build(
    library: Library,
    found: Networks,
    groups: Sequence[tuple[int, ...]],
    root: Path,
    force: bool,
    log: Log,
) -> list[EngineSet]:
    sets = []
    for group in groups:
        log(
            f"{library.target.library} {library.version}, SM {', '.join(map(str, group))}, {found.precision}:"
        )
        sets.append(build_set(library, found, group, root, force, log))
    for line in table(sets):
        log(line)
    for engines, _ in sets:
        log(f"{engines.path}: {engines.size / 1e6:.1f} MB")
    return [engines for engines, _ in sets]


# ---- networks ---------------------------------------------------------------------------------------


def _write_networks(
    bundle: Bundle, run: Path | None, precision: EnginePrecision, folder: Path, force: bool, log: Log
) -> None:
    """Write the networks of a bundle, after checking them against PyTorch.

    Their weights are those of the run it was exported from, or without one its own.
    """
    if folder.exists() and not force:
        other = "" if run is None else "leave out --run to build from it, or "
        raise BundleError(f"{folder} is there already; {other}say --force to write it again")
    loaded = _of_bundle(bundle, log) if run is None else _of_run(bundle, run)
    weights = f"bundle, {bundle.manifest.precision}" if run is None else "run"
    log(f"{loaded.path}: {precision} weights for {bundle.manifest.name}")
    with folder_by_rename(folder) as part:
        store = WeightStore()
        models = networks(loaded, store, precision)
        write_graphs(part, models, store)
        log(f"  {len(models)} networks, weights {store.bytes / 1e6:.1f} MB; beside PyTorch:")
        started = time.monotonic()
        sampling = bundle.manifest.sampling
        draw = Draw(sampling.temperature, sampling.top_k)
        report = NetworkCheck(part, loaded, precision, draw, log).run()
        log(f"  agreed, {time.monotonic() - started:.0f} s")
        limits = bundle.manifest.limits
        for name, model in models.items():
            for each in LIBRARIES:
                onnx.save(context_graph(name, model, each), part / context_file(name, each))
        write_json(
            part / NETWORKS_FILE,
            {
                "format": FORMAT,
                "bundle": bundle.manifest.name,
                "content": content_hash(bundle.manifest),
                "precision": precision,
                "weights": weights,
                "networks": {
                    name: profiles(model, limits.max_prompt_tokens, limits.max_steps)
                    for name, model in models.items()
                },
                "checked": report.to_dict(),
                "files": {path.name: FileEntry.of(path).to_dict() for path in sorted(part.iterdir())},
            },
        )


def _of_run(bundle: Bundle, path: Path) -> Run:
    run = read_run(path)
    _require_same(bundle, run)
    return run


def _of_bundle(bundle: Bundle, log: Log) -> Run:
    log(f"{bundle.path}: its {bundle.manifest.precision} weights read back; its graphs beside PyTorch:")
    run = run_of_bundle(bundle)
    compare(bundle, run, log)
    return run


def _require_same(bundle: Bundle, run: Run) -> None:
    """The bundle was exported from this run: an engine that says something else would be a wrong answer."""
    wanted = cast(Mapping[str, Any], bundle.manifest.raw.get("made_from") or {})
    found = files_of_run(run.path)
    if not wanted:
        raise BundleError(
            f"{bundle.path} does not say which run it was exported from; export it again with "
            f"`python -m export.onnx {run.path} -o {bundle.path} --force`"
        )
    differing = sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
    if differing:
        raise BundleError(
            f"{bundle.path} was not exported from {run.path} as it is now: {', '.join(differing)} differ; "
            f"name the run it came from, or export it again with `python -m export.onnx {run.path} "
            f"-o {bundle.path} --force`"
        )


def context_graph(name: str, network: onnx.ModelProto, library: str) -> onnx.ModelProto:
    """A graph of one node that stands for the engine ``NAME.engine`` beside it, with the network's bindings.

    ONNX Runtime's provider for the library loads the engine when it meets the node (operator EPContext of
    com.microsoft); to a program the session looks like one of the network's.
    """
    graph = network.graph
    node = helper.make_node(
        "EPContext",
        [entry.name for entry in graph.input],
        [entry.name for entry in graph.output],
        name=name,
        domain="com.microsoft",
        main_context=1,
        embed_mode=0,
        ep_cache_context=f"{name}.engine",
        partition_name=name,
        source=PROVIDERS[library],
    )
    whole = helper.make_graph([node], name, list(graph.input), list(graph.output))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(whole, opset_imports=opsets)
    model.ir_version = 8
    model.producer_name = "clutch-rt export"
    return model


# ---- command line -----------------------------------------------------------------------------------


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m export.tensorrt",
        description="Build engines for NVIDIA GPUs and put them into a bundle.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="bundle to put engines into")
    parser.add_argument(
        "--run",
        metavar="RUN",
        help="the run folder the bundle was exported from, for its weights before they were rounded "
        "(default: the networks that the bundle carries, or, in the form 'step', its own weights)",
    )
    parser.add_argument("--target", choices=tuple(TARGETS), default="rtx", help="(default: rtx)")
    parser.add_argument(
        "--sm",
        metavar="LIST",
        type=_sms,
        default=(),
        help="architectures for --target rtx, such as 80,86,89,120 (default: all; 75 stands alone)",
    )
    parser.add_argument(
        "--precision",
        choices=get_args(EnginePrecision),
        default="fp16",
        help="of the weights (default: fp16)",
    )
    parser.add_argument("-o", "--out", metavar="FOLDER", help="where engines go (default: BUNDLE/engines)")
    parser.add_argument("--force", action="store_true", help="replace engines of the same key")
    parser.add_argument(
        "--keep-networks",
        action="store_true",
        help="leave the networks in the bundle, so that `clutch-rt engine build` can build from it anywhere",
    )
    return parser.parse_args(argv)


def _sms(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list such as 80,86,89,120") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    args = _arguments(argv)

    def work() -> None:
        export_engines(
            args.bundle,
            args.run,
            args.target,
            args.sm,
            args.precision,
            args.out,
            args.force,
            args.keep_networks,
            print,
        )

    return guarded(work, "export", "no engine was replaced")


if __name__ == "__main__":
    sys.exit(main())
