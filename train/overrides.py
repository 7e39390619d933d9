"""Settings as text: ``shift.steps=100`` onto frozen dataclasses, typed by their annotations."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from clutch_rt.errors import InputError

T = TypeVar("T")

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def override(config: T, key: str, text: str) -> T:
    """A copy of a dataclass with the field at the dotted ``key`` set from ``text``.

    Raises:
        InputError: for an unknown key, with the nearest known one, or a value of the wrong kind.
    """
    return _override(config, key.split("."), text, key)


def _override(config: T, path: list[str], text: str, key: str) -> T:
    hints = get_type_hints(type(config))
    name = path[0]
    if name not in hints:
        raise InputError(_unknown(config, path, key))
    value = getattr(config, name)
    if len(path) > 1:
        if not is_dataclass(value):
            whole = key.rsplit(".", len(path) - 1)[0]
            raise InputError(f"unknown setting {key}: {whole} is a value and has no parts")
        return replace(config, **{name: _override(value, path[1:], text, key)})  # type: ignore[type-var]
    if is_dataclass(value):
        inner = ", ".join(f"{key}.{f.name}" for f in fields(value))
        raise InputError(f"{key} is a group of settings; set one of {inner}")
    return replace(config, **{name: parse(text, hints[name], key)})  # type: ignore[type-var]


def _unknown(config: object, path: list[str], key: str) -> str:
    prefix = key.split(".")[: -len(path)]
    names = [".".join([*prefix, f.name]) for f in fields(config)]  # type: ignore[arg-type]
    names += [".".join([*prefix, k]) for k, _ in leaves(config) if "." in k]
    near = difflib.get_close_matches(key, names, n=3, cutoff=0.6)
    known = f"did you mean {' or '.join(near)}?" if near else f"known here: {', '.join(names[:40])}"
    return f"unknown setting {key}; {known}"


def leaves(config: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted keys of a dataclass and their values, in the order of the fields."""
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        key = f"{prefix}{field.name}"
        if is_dataclass(value):
            yield from leaves(value, f"{key}.")
        else:
            yield key, value


def parse(text: str, kind: Any, key: str) -> Any:
    """A value of the annotated ``kind`` from text; InputError names the key, the value and what is wanted."""
    text, origin, parts = text.strip(), get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if text.lower() in ("none", "null") and type(None) in parts:
            return None
        return parse(text, next(p for p in parts if p is not type(None)), key)
    if origin is Literal:
        if text not in parts:
            raise InputError(f"{key}={text}: one of {', '.join(map(str, parts))} is wanted")
        return text
    if origin is tuple:
        items = [t for t in text.strip("()[]").split(",") if t.strip()]
        return tuple(parse(t, parts[0], key) for t in items)
    if kind is bool:
        if text.lower() not in _TRUE + _FALSE:
            raise InputError(f"{key}={text}: true or false is wanted")
        return text.lower() in _TRUE
    return _number_or_text(text, kind, key)


def _number_or_text(text: str, kind: Any, key: str) -> Any:
    if kind is str:
        return text
    try:
        if kind is int:
            return int(text.replace("_", ""))
        number = float(text)
    except ValueError as error:
        wanted = "a whole number" if kind is int else "a number"
        raise InputError(f"{key}={text}: {wanted} is wanted") from error
    if number != number or number in (float("inf"), float("-inf")):
        raise InputError(f"{key}={text}: a finite number is wanted")
    return number


def build(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """A dataclass from the plain values ``dataclasses.asdict`` and JSON leave.

    Raises:
        InputError: for keys it does not have; keys that are absent take their defaults.
    """
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise InputError(f"unknown setting {where}{unknown[0]}; was it written by another version?")
    return kind(**{name: _value(hints[name], v, f"{where}{name}.") for name, v in values.items()})


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind) and isinstance(value, Mapping):
        return build(kind, value, where)  # type: ignore[arg-type]
    if isinstance(value, list):
        return tuple(value)
    if kind is float and isinstance(value, int):
        return float(value)
    return value


def absent(config: object, values: Any) -> list[str]:
    """The settings of ``config`` that plain ``values`` lack, as ``key=VALUE``; see ``build``."""

    def said(key: str) -> bool:
        here = values
        for part in key.split("."):
            if not isinstance(here, Mapping) or part not in here:
                return False
            here = here[part]
        return True

    return [f"{key}={value}" for key, value in leaves(config) if not said(key)]


def differences(old: object, new: object) -> list[str]:
    """The dotted keys whose values differ, as ``key: OLD -> NEW``."""
    before, after = dict(leaves(old)), dict(leaves(new))
    keys = [*before, *(k for k in after if k not in before)]
    return [
        f"{k}: {before.get(k)!r} -> {after.get(k)!r}"
        for k in keys
        if before.get(k) != after.get(k) or (k in before) != (k in after)
    ]
