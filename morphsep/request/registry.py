"""Finding separators and backends by name: entry points, ours by the same door as anybody's."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from morphsep.errors import SettingError
from morphsep.request.option_values import parse_option
from morphsep.request.plugin_options import declared_options

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Kind = Literal["backend", "separator"]
SET: Mapping[Kind, str] = {"backend": "--set", "separator": "--set-separator"}
"""The command line's option that sets a plugin's options."""


@cache
def _found(kind: Kind) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # 20 ms that --help does without

    return {point.name: point for point in entry_points(group=f"morphsep.{kind}s")}


def plugin_names(kind: Kind) -> list[str]:
    """Names of everything of this kind that is installed, sorted."""
    return sorted(_found(kind))


def load_plugin(kind: Kind, name: str, /, **options: Any) -> Any:
    """The named separator or backend, built with `options` (`plugin_options`).

    Raises:
        SettingError: no such name, what it needs is not installed, or it refuses an option.
    """
    plugin = _load(kind, name)
    try:
        return plugin(**options)
    except SettingError:
        raise
    except ValueError as error:
        raise SettingError(f"the {kind} {name} refuses its options: {error}") from error
    except Exception as error:  # a plugin is anybody's code
        raise _unusable(kind, name, error) from error


def plugin_options(
    kind: Kind, name: str, given: Mapping[str, str], common: Mapping[str, Any]
) -> dict[str, Any]:
    """Keywords for `load_plugin`.

    Args:
        given: options as a user writes them; turned into the types that the class declares.
        common: what every plugin is offered; it gets those that it has an option for.

    Raises:
        SettingError: no such name, no such option, a value of another type, or a required option
            is missing.
    """
    known = declared_options(_load(kind, name))
    for option in set(given) - set(known):
        raise SettingError(unknown(f"option of {name}", option, sorted(known)))
    values = {option: value for option, value in common.items() if option in known}
    values |= {o: parse_option(o, known[o].hint, text) for o, text in given.items()}
    missing = [o.name for o in known.values() if o.is_required and o.name not in values]
    if missing:
        raise SettingError(
            f"the {kind} {name} needs {' and '.join(missing)}: {SET[kind]} {missing[0]}=VALUE"
        )
    return values


def has_option(kind: Kind, name: str, option: str) -> bool:
    """Whether the named plugin has such an option.

    Raises:
        SettingError: no such name, or what it needs is not installed.
    """
    return option in declared_options(_load(kind, name))


def _load(kind: Kind, name: str) -> Any:
    point = _found(kind).get(name)
    if point is None:
        raise SettingError(unknown(kind, name, plugin_names(kind)))
    try:
        return point.load()
    except Exception as error:  # a plugin is anybody's code
        raise _unusable(kind, name, error) from error


def _unusable(kind: Kind, name: str, error: Exception) -> SettingError:
    """The sentence for a plugin that does not load."""
    dist = _found(kind)[name].dist
    is_ours = dist is None or dist.name == "morphsep"
    if isinstance(error, ModuleNotFoundError):
        remedy = f"'morphsep[{name}]'" if is_ours else f"{error.name}"
        return SettingError(f"the {kind} {name} needs {error.name}: pip install {remedy}")
    why = (str(error).strip() or "no message").splitlines()[0]
    package = "the package it comes from" if dist is None else f"{dist.name} {dist.version}"
    return SettingError(
        f"the {kind} {name} does not load ({type(error).__name__}: {why}); update or remove "
        f"{package}"
    )


def unknown(kind: str, name: str, known: list[str]) -> str:
    """The sentence for a name that does not exist, with the nearest that does."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"there is no {kind} {name!r}.{hint} There are: {', '.join(known) or '(none)'}"


def describe_plugins(kind: Kind) -> list[dict[str, str]]:
    """Name, licence and description of everything of this kind that is installed."""
    return [
        {
            "name": name,
            "licence": _text(kind, name, "licence") or "not stated",
            "description": _text(kind, name, "description"),
        }
        for name in plugin_names(kind)
    ]


def _text(kind: Kind, name: str, attribute: str) -> str:
    """What a plugin says about itself; a description may be its docstring's first line."""
    try:
        plugin = _load(kind, name)
    except SettingError as error:
        return str(error) if attribute == "description" else ""
    value = getattr(plugin, attribute, None)
    needs_none = not any(option.is_required for option in declared_options(plugin).values())
    if isinstance(value, property) and needs_none:
        value = getattr(plugin(), attribute)
    if isinstance(value, str):
        return value
    return (plugin.__doc__ or "").partition("\n")[0] if attribute == "description" else ""
