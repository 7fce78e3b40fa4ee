"""Options for the settings: derived from what `morphsep.request` says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any

import typer

from morphsep.cli.assignments import assignments
from morphsep.errors import SettingError
from morphsep.request import (
    BACKEND_OPTIONS,
    Command,
    Option,
    Settings,
    setting_options,
)

OF_RESULTS = ("format", "subtype", "seed")
"""What the recipe of a data set says in their place."""
NOT_OF_ACCESS = ("from_", "recording", "tail", "format", "subtype")
"""An access copy has its master's length and format, and its guitar is the recorded one."""
TRANSITION = Option(help="A named pair instead of --from and --to (clean-to-distortion, ...).")


@dataclass(frozen=True, slots=True)
class SettingOptions:
    """The settings that a command takes."""

    command: Command
    defaults: Settings

    def parameters(self) -> list[Parameter]:
        """The options in the order of the settings, as parameters that Typer understands."""
        found: list[Parameter] = []
        for name, (hint, option) in self._taken().items():
            found += self._spelt(name, hint, option)
        return found

    def take(self, values: dict[str, Any]) -> Settings:
        """The settings, from the options' values, which are taken out of `values`.

        Raises:
            SettingError: a text that is no value, or options that exclude each other.
        """
        given = {parameter.name: values.pop(parameter.name) for parameter in self.parameters()}
        made = {name: self._value(name, opt, given) for name, (_, opt) in self._taken().items()}
        if "from_" in made:
            made["from_"], made["to"] = self._tones(given)
        elif "to" in made:
            made["to"] = given["to"] or self.defaults.to
        return Settings(**made)

    def check(self, settings: Settings) -> None:
        """
        Raises:
            SettingError: one is set that the command does not take.
        """
        taken, plain = self._taken(), Settings()
        for name, (_, option) in setting_options().items():
            value = getattr(settings, name)
            if name not in taken and value != getattr(plain, name):
                word = value if option.flags else name.replace("_", "-")
                flag = option.flag or f"--{word}"
                raise SettingError(f"`morphsep {self.command}` does not take {flag}")

    def _taken(self) -> dict[str, tuple[Any, Option]]:
        return {
            name: (hint, option)
            for name, (hint, option) in setting_options().items()
            if self._takes(name, option)
        }

    def _takes(self, name: str, option: Option) -> bool:
        if self.command == "restore":
            return name not in NOT_OF_ACCESS
        if self.command == "generate":
            return option.in_separate and name not in OF_RESULTS
        return option.in_separate or self.command == "morph"

    def _spelt(self, name: str, hint: Any, option: Option) -> list[Parameter]:
        """The options that spell one setting."""
        if option.flags:
            return [_option(flag, bool, Option(help=help)) for flag, help in option.flags.items()]
        if option.is_assignments:
            flags = BACKEND_OPTIONS if name == "options" else {}
            spelt = [_option(flag, kind, each) for flag, (kind, each) in flags.items()]
            return [*spelt, _option(name, list[str], option)]
        if name == "to":
            return [_option("to", str, option)]
        spelt = [_option(name, hint, option, getattr(self.defaults, name))]
        return [*spelt, _option("transition", str, TRANSITION)] if name == "from_" else spelt

    def _value(self, name: str, option: Option, given: Mapping[str, Any]) -> Any:
        """A setting from the options that spell it."""
        if option.flags:
            return _named(option.flags, given) or getattr(self.defaults, name)
        if option.is_assignments:
            flags = BACKEND_OPTIONS if name == "options" else ()
            return _assigned(option.flag, given[name], {flag: given[flag] for flag in flags})
        value = given[name]
        return option.parse(value) if option.parse is not None and value is not None else value

    def _tones(self, given: Mapping[str, Any]) -> tuple[str, str]:
        """(from, to) as --from, --to and --transition say; a list may name them row by row."""
        source, target, transition = given["from_"], given["to"], given["transition"]
        if transition is not None:
            if target is not None or source != self.defaults.from_:
                raise SettingError("--transition names both tones: leave --from and --to away")
            from morphsep.tones import get_transition

            return get_transition(transition)
        return source, target or self.defaults.to


def _option(name: str, hint: Any, option: Option, default: Any = None) -> Parameter:
    """One option of the command line; without a default it need not be given."""
    word = name.replace("_", "-")
    flag = option.flag or (f"--{word}/--no-{word}" if default is True else f"--{word}")
    if hint is bool:
        default = bool(default)
    elif default is None:
        hint = (hint if option.parse is None else str) | None
    shown = typer.Option(flag, help=option.help, metavar=option.metavar)
    return Parameter(
        name, Parameter.KEYWORD_ONLY, annotation=Annotated[hint, shown], default=default
    )


def _named(flags: Mapping[str, str], given: Mapping[str, bool]) -> str | None:
    """Which of some flags was given."""
    named = [flag for flag in flags if given[flag]]
    if len(named) > 1:
        raise SettingError(f"--{named[0]} and --{named[1]} exclude each other")
    return named[0] if named else None


def _assigned(
    flag: str, texts: Sequence[str] | None, flags: Mapping[str, str | bool | None]
) -> tuple[tuple[str, str], ...]:
    """A plugin's options, from NAME=VALUE and from those that have a flag of their own."""
    found = {name: "yes" if value is True else str(value) for name, value in flags.items() if value}
    return tuple(sorted((found | assignments(flag, texts, example="steps")).items()))
