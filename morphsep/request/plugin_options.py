"""The options that a plugin declares: the parameters of its constructor."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, get_type_hints

from morphsep.request.option_values import can_be_text


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginOption:
    """One parameter of a plugin's constructor."""

    name: str
    hint: Any
    """Its type."""
    is_required: bool


def declared_options(plugin: Any) -> dict[str, PluginOption]:
    """The options of a plugin (a class, or a function that makes one) by their names; those that
    begin with an underscore are its own."""
    hints = _hints(plugin)
    return {
        parameter.name: PluginOption(
            name=parameter.name,
            hint=_hint(parameter, hints),
            is_required=parameter.default is inspect.Parameter.empty,
        )
        for parameter in inspect.signature(plugin).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and not parameter.name.startswith("_")
    }


def _hints(plugin: Any) -> dict[str, Any]:
    """Types by name, as far as they can be resolved."""
    hints: dict[str, Any] = {}
    for declaring in (plugin.__init__, plugin) if inspect.isclass(plugin) else (plugin,):
        with suppress(NameError, TypeError):  # imported for type checkers only
            hints |= get_type_hints(declaring)
    return hints


def _hint(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    """The declared type; without a usable one the default's; without either, text."""
    hint = hints.get(parameter.name, Any)
    by_default = type(parameter.default)
    if (hint is Any or not can_be_text(hint)) and by_default in (bool, int, float, str):
        return by_default
    return hint
