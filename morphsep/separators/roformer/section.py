"""A section of a yaml, whose values are taken out one after the other, each of one type."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from morphsep.errors import SettingError

LARGEST = 1 << 28
"""Of whole numbers: no size is anywhere near, and products of some stay countable."""
_REQUIRED: Any = object()


class Section:
    """A mapping from names to values.

    Raises:
        SettingError: it is none, or, from each method, a value is missing or of another type.
    """

    def __init__(self, content: Any, name: str) -> None:
        if not isinstance(content, Mapping):
            raise SettingError(f"{name} holds no settings by name.")
        self._left = dict(content)

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def section(self, name: str, default: Any = _REQUIRED) -> Section:
        """The section of a name; one that is left empty is the default."""
        value = self._take(name, default)
        return Section(default if value is None and default is not _REQUIRED else value, name)

    def whole(self, name: str, default: int = _REQUIRED) -> int:
        """A whole number, 0 or above."""
        value = self._take(name, default)
        if not _is_whole(value):
            _refuse(name, value, "a whole number")
        return int(value)

    def wholes(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """A list of them."""
        value = self._take(name, default)
        if not isinstance(value, list | tuple) or not value or not all(map(_is_whole, value)):
            _refuse(name, value, "a list of whole numbers")
        return tuple(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            _refuse(name, value, "true or false")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._take(name, _REQUIRED)
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            _refuse(name, value, "a list of texts")
        return tuple(value)

    def target(self, name: str) -> tuple[str, ...]:
        """One text, alone; none where it is left empty."""
        value = self._take(name, None)
        if not isinstance(value, str | None):
            _refuse(name, value, "a text")
        return (value,) if value else ()

    def others(self, ignored: Collection[str]) -> list[str]:
        """Names that were not taken, are not ignored, and are set to something."""
        return sorted(
            str(name) for name, value in self._left.items() if value and name not in ignored
        )

    def _take(self, name: str, default: Any) -> Any:
        if name not in self._left and default is _REQUIRED:
            raise SettingError(f"it has no {name}.")
        return self._left.pop(name, default)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _refuse(name: str, value: object, wanted: str) -> NoReturn:
    raise SettingError(f"{name} is {reprlib.repr(value)}, not {wanted}.")
