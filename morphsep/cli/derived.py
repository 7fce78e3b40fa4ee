"""Commands whose options are derived from dataclasses: each option is said once, at its field."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter
from typing import Any, Protocol, get_type_hints

from morphsep.cli.setting_options import SettingOptions
from morphsep.request import Command, Settings


def derived(of: Command = "morph") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Puts options, one for each field, in the place of a command's parameters of type `Settings`,
    or of another dataclass. Such a parameter's default holds the defaults of the options.

    Args:
        of: the command whose settings are taken; ``separate`` has those that concern it.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        groups = {p.name: group for p in signature.parameters.values() if (group := _group(p, of))}

        @functools.wraps(command)
        def run(**values: Any) -> None:
            made = {name: group.take(values) for name, group in groups.items()}
            command(**values, **made)

        parameters: list[Parameter] = []
        for name, parameter in signature.parameters.items():
            by_name = parameter.replace(kind=Parameter.KEYWORD_ONLY)
            parameters += groups[name].parameters() if name in groups else [by_name]
        shown: Any = run  # Typer reads what a command takes from these two
        shown.__signature__ = signature.replace(parameters=parameters)
        shown.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


class Group(Protocol):
    """Options that become one argument of a command."""

    def parameters(self) -> list[Parameter]:
        """The options, as parameters that Typer understands."""
        ...

    def take(self, values: dict[str, Any]) -> object:
        """The argument, from the options' values, which are taken out of `values`."""
        ...


def _group(parameter: Parameter, of: Command) -> Group | None:
    if not is_dataclass(parameter.annotation):
        return None
    has_default = parameter.default is not Parameter.empty
    kind: Any = parameter.annotation
    defaults: Any = parameter.default if has_default else kind()
    return SettingOptions(of, defaults) if kind is Settings else FieldOptions(defaults)


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """The fields of a dataclass whose types are Typer's options already."""

    defaults: Any
    """An instance of the dataclass."""

    def parameters(self) -> list[Parameter]:
        """One for each field."""
        hints = get_type_hints(type(self.defaults), include_extras=True)
        return [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=hints[name], default=default)
            for name, default in self._defaults()
        ]

    def take(self, values: dict[str, Any]) -> object:
        """An instance from the options' values, which are taken out of `values`."""
        made: object = type(self.defaults)(
            **{name: values.pop(name) for name, _ in self._defaults()}
        )
        return made

    def _defaults(self) -> Iterator[tuple[str, Any]]:
        return ((field.name, getattr(self.defaults, field.name)) for field in fields(self.defaults))
