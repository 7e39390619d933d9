"""Typed access to the keys of a bundle's JSON documents: what is missing or wrong is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

from clutch_rt.errors import BundleError

FORMAT: Final = 1  # of a bundle
REINSTALL: Final = "export or download the bundle again"

_MAX_WHOLE: Final = 2**53  # beyond it JSON readers disagree; no count, size or id of ours comes near

_KINDS: Final[Mapping[type, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    bool: "true or false",
}

T = TypeVar("T")


class Fields:
    """Typed access to the keys of one JSON object; a missing or wrong key is a BundleError naming it."""

    def __init__(self, raw: Mapping[str, Any], where: str, prefix: str = "") -> None:
        self.raw = raw
        self.where = where
        self.prefix = prefix

    def get(self, key: str, kind: type[T]) -> T:
        """The value of a key, of that type; a whole number passes for a float, a bool for no number."""
        name = f"{self.prefix}{key}"
        if key not in self.raw:
            raise BundleError(f"{self.where} lacks {name!r}, which format {FORMAT} wants; {REINSTALL}")
        value = self.raw[key]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return cast(T, float(value))
        if kind is int and isinstance(value, int) and abs(value) > _MAX_WHOLE:
            raise BundleError(
                f"{self.where}: {name!r} is {short(value)}; at most {_MAX_WHOLE} was wanted; {REINSTALL}"
            )
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BundleError(
                f"{self.where}: {name!r} is {short(value)}; {_KINDS[kind]} was wanted; {REINSTALL}"
            )
        return value

    def at_least(self, key: str, least: int) -> int:
        """A whole number no smaller than ``least``."""
        value = self.get(key, int)
        if value < least:
            raise BundleError(
                f"{self.where}: {self.prefix + key!r} is {value}; at least {least} was wanted; {REINSTALL}"
            )
        return value

    def child(self, key: str) -> Fields:
        """The object under a key."""
        return Fields(self.get(key, dict), self.where, f"{self.prefix}{key}.")


def short(value: object) -> str:
    """A value as a message shows it, at most 60 letters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
