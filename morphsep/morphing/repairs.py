"""The repairs of a restoration, from what a user asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Union

from morphsep.errors import SettingError
from morphsep.request import Restoration

if TYPE_CHECKING:
    from morphsep.restoration import Resizing, Step

Repair = Union["Step[Any]", "Resizing[Any]"]


def build_repairs(asked: Restoration | None) -> tuple[Repair, ...]:
    """The repairs, in the order in which they are done.

    Raises:
        SettingError: an option that a repair does not have, a value that it cannot take, or a
            library that it needs and that is missing.
    """
    if asked is None:
        return ()
    _check_bounds(asked)
    for name, _ in asked.options:
        if name.partition(".")[0] not in asked.steps:
            raise SettingError(
                f"{name} is no option of what is repaired ({', '.join(asked.steps) or 'nothing'})"
            )
    repairs = tuple(_build(step, asked.of_step(step)) for step in asked.steps)
    for repair in repairs:
        repair.fingerprint()
    return repairs


def _check_bounds(asked: Restoration) -> None:
    from morphsep.restoration import Bounds

    known = [field.name for field in fields(Bounds)]
    for name, text in asked.bounds:
        if name not in known:
            raise SettingError(f"there is no bound {name}; there are: {', '.join(known)}")
        _number(name, text)


def _build(step: str, options: Mapping[str, str]) -> Repair:
    from morphsep import restoration

    kind: Any = getattr(restoration, step.capitalize())
    known = {field.name for field in fields(kind) if field.init}
    unknown = sorted(options.keys() - known)
    if unknown:
        raise SettingError(
            f"{step} has no option {unknown[0]}; it has {', '.join(sorted(known)) or 'none'}"
        )
    values = {name: _number(f"{step}.{name}", text) for name, text in options.items()}
    try:
        made: Repair = kind(**values)
    except TypeError as error:
        raise SettingError(f"{step} needs a value more: {error}") from error
    return made


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingError(f"{name} takes a number, got {text!r}") from None
