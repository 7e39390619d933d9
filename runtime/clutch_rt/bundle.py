"""Finding a bundle and trusting it: where it lies, what it says, and that its files are whole.

Hashes are verified once and remembered by size and time of change in the user's cache folder; where that
folder cannot be written, they are verified at every load.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clutch_rt.errors import BundleError, FileFormatError
from clutch_rt.formats.files import write_bytes
from clutch_rt.manifest import MANIFEST, FileEntry, Manifest, read_manifest, sha256_of

BUNDLES: Final = Path(__file__).parent / "bundles"
DEFAULT_BUNDLE: Final = "default"
BUNDLE_VARIABLE: Final = "CLUTCH_RT_BUNDLE"
CACHE_VARIABLE: Final = "CLUTCH_RT_CACHE"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk whose manifest is valid and whose files are the ones it lists.

    Attributes:
        path: the folder.
        manifest: what it says of itself.
    """

    path: Path
    manifest: Manifest

    def file(self, name: str) -> Path:
        """The path of one of the bundle's files."""
        return self.path / name

    @property
    def size(self) -> int:
        """Bytes of all listed files."""
        return sum(entry.bytes for entry in self.manifest.files.values())


def shipped_bundles() -> list[str]:
    """Names of the bundles that came with the package, sorted."""
    if not BUNDLES.is_dir():
        return []
    return sorted(p.name for p in BUNDLES.iterdir() if (p / MANIFEST).is_file())


def find_bundle(which: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a bundle.

    Args:
        which: a folder, the name of a shipped bundle, or None for the one in ``$CLUTCH_RT_BUNDLE`` or, where
            that is not set, the shipped one.

    Raises:
        BundleError: there is no such folder, or it cannot be looked at; the message names the bundles there
            are.
    """
    names = shipped_bundles()
    wanted = which if which is not None else os.environ.get(BUNDLE_VARIABLE) or None
    if wanted is None:
        return _default(names)
    path = Path(wanted)
    shipped = os.fspath(wanted) in names
    have = f"shipped bundles: {', '.join(names)}" if names else "no bundle is shipped with this installation"
    try:
        there = path.exists()
        if path.is_dir() and not (shipped and not (path / MANIFEST).exists()):
            return path
    except OSError as error:
        raise BundleError(
            f"cannot open the bundle {path}: {error.strerror or error} ({have}); check the path"
        ) from None
    if shipped:
        return BUNDLES / path
    if there:
        raise BundleError(f"{path} is a file; a bundle is a folder with a manifest.json ({have})")
    raise BundleError(f"there is no bundle {os.fspath(wanted)!r}: no such folder ({have}); check the path")


def open_bundle(which: str | os.PathLike[str] | None = None) -> Bundle:
    """Find a bundle, check its manifest, and verify its files.

    Raises:
        BundleError: it is missing, not a bundle, truncated, tampered with, or of a format not read here.
    """
    folder = find_bundle(which).resolve()
    bundle = Bundle(folder, read_manifest(folder))
    verify(bundle)
    return bundle


def verify(bundle: Bundle, again: bool = False) -> None:
    """Check size and SHA-256 of every listed file, skipping hashes that were verified before.

    Args:
        bundle: whose files.
        again: check the hashes all the same.

    Raises:
        BundleError: a file is missing, of another size, or of other content than the manifest says.
    """
    memory = _Verified(bundle.path)
    if again:
        memory.forget()
    for name, entry in bundle.manifest.files.items():
        _verify_file(bundle.file(name), entry, memory)
    memory.save()


def _default(names: list[str]) -> Path:
    if not names:
        raise BundleError(
            "this installation holds no bundle; name one (--bundle FOLDER), "
            "or write one with `python -m export.onnx RUN -o FOLDER`"
        )
    if len(names) > 1 and DEFAULT_BUNDLE not in names:
        raise BundleError(
            f"several bundles are shipped ({', '.join(names)}); name one of them (--bundle NAME)"
        )
    return BUNDLES / (DEFAULT_BUNDLE if DEFAULT_BUNDLE in names else names[0])


def _verify_file(path: Path, entry: FileEntry, memory: _Verified) -> None:
    try:
        stat = path.stat()
        if stat.st_size != entry.bytes:
            raise BundleError(
                f"{path} has {stat.st_size} bytes, its manifest says {entry.bytes}: "
                f"it is {'truncated' if stat.st_size < entry.bytes else 'not the file that was exported'}; "
                "copy or install the bundle again"
            )
        stamp = [stat.st_size, stat.st_mtime_ns, entry.sha256]
        if memory.knows(path.name, stamp):
            return
        found = sha256_of(path)
    except FileNotFoundError:
        raise BundleError(f"{path} is missing from the bundle; copy or install the bundle again") from None
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}; check its permissions") from None
    if found != entry.sha256:
        raise BundleError(
            f"{path} was changed after export: its SHA-256 is {found[:12]}..., the manifest says "
            f"{entry.sha256[:12]}...; copy or install the bundle again"
        )
    memory.add(path.name, stamp)


def cache_dir() -> Path | None:
    """The user's cache folder for this package, which may not exist; None where the user has no home."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "clutch-rt"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "clutch-rt"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "clutch-rt"


class _Verified:
    """What was verified of one bundle, by file name: ``[size, mtime_ns, sha256]``."""

    def __init__(self, folder: Path) -> None:
        root = cache_dir()
        key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:24]
        self._path = root / "verified" / f"{key}.json" if root else None
        self._known: dict[str, Any] = dict(self._read())
        self._changed = False

    def knows(self, name: str, stamp: list[Any]) -> bool:
        return bool(self._known.get(name) == stamp)

    def forget(self) -> None:
        self._known = {}

    def add(self, name: str, stamp: list[Any]) -> None:
        self._known[name] = stamp
        self._changed = True

    def save(self) -> None:
        """Write by rename; a cache that cannot be written costs time at the next load, nothing else."""
        if self._path is None or not self._changed:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self._path, json.dumps(self._known).encode())
        except (OSError, FileFormatError) as error:
            log.debug("verified hashes are not remembered: %s", error)

    def _read(self) -> Mapping[str, Any]:
        if self._path is None:
            return {}
        try:
            known = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
