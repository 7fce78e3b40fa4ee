"""Finding separators and backends by name: entry points, ours by the same door as anybody's."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from morphsep.errors import SettingError

Kind = Literal["backend", "separator"]


@cache
def _found(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"morphsep.{kind}s")}


def plugin_names(kind: Kind) -> list[str]:
    """Names of everything of this kind that is installed, sorted."""
    return sorted(_found(kind))


def load_plugin(kind: Kind, name: str, **options: Any) -> Any:
    """The named separator or backend, built with `options`.

    Raises:
        SettingError: no such name, or what it needs is not installed.
    """
    point = _found(kind).get(name)
    if point is None:
        raise SettingError(unknown(kind, name, plugin_names(kind)))
    try:
        return point.load()(**options)
    except ImportError as error:
        raise SettingError(
            f"the {kind} {name} needs {error.name}: pip install 'morphsep[{name}]'"
        ) from error


def options(
    kind: Kind, name: str, given: Mapping[str, str], common: Mapping[str, Any]
) -> dict[str, Any]:
    """Keywords for `load_plugin`: what a user has `given` as text, turned into the types of the
    class's own defaults, and of what is `common` to all plugins those that it has a field for.

    Raises:
        SettingError: no such name, no such option, or a value of another type.
    """
    point = _found(kind).get(name)
    if point is None:
        raise SettingError(unknown(kind, name, plugin_names(kind)))
    plugin = point.load()
    known = {f.name: f.default for f in dataclasses.fields(plugin)} if _is_record(plugin) else {}
    values = {field: value for field, value in common.items() if field in known}
    for option, text in given.items():
        if option not in known:
            raise SettingError(unknown(f"option of {name}", option, sorted(known)))
        values[option] = _as(type(known[option]), option, text)
    return values


def _is_record(plugin: Any) -> bool:
    return isinstance(plugin, type) and dataclasses.is_dataclass(plugin)


def _as(kind: type, option: str, text: str) -> Any:
    """Text as a bool, a number or itself."""
    try:
        return _YES_NO[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        wanted = {bool: "yes or no", int: "a whole number", float: "a number"}[kind]
        raise SettingError(f"{option} takes {wanted}, got {text!r}") from None


_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def unknown(kind: str, name: str, known: list[str]) -> str:
    """The sentence for a name that does not exist, with the nearest that does."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"there is no {kind} {name!r}.{hint} There are: {', '.join(known)}"


def describe_plugins(kind: Kind) -> list[dict[str, str]]:
    """Name, description and licence of everything of this kind that is installed."""
    found = []
    for name in plugin_names(kind):
        point = _found(kind)[name].load()
        found.append(
            {
                "name": name,
                "licence": _text(point, "licence"),
                "description": _text(point, "description"),
            }
        )
    return found


def _text(point: Any, name: str) -> str:
    """A class's own line about itself; the first line of its docstring if it has none."""
    value = getattr(point, name, None)
    if isinstance(value, property):
        value = getattr(point(), name)
    if isinstance(value, str):
        return value
    return (point.__doc__ or "").partition("\n")[0] if name == "description" else "Apache-2.0"
