"""Options of plugins: from the text that a user writes to the types that a class declares."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from morphsep.errors import SettingError

_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_SCALARS: dict[object, tuple[Callable[[str], Any], str]] = {
    bool: (lambda text: _choice(_YES_NO, text.lower()), "yes or no"),
    int: (int, "a whole number"),
    float: (lambda text: _number(text), "a number"),
    str: (str, "text"),
    object: (str, "text"),
    Any: (str, "text"),
    Path: (Path, "a path"),
    os.PathLike: (Path, "a path"),
    NoneType: (lambda text: _choice({"none": None}, text.lower()), "none"),
}
"""How to read a type from text, and what to call it."""
_SEQUENCES: dict[object, type] = {
    list: list, set: set, frozenset: frozenset, AbstractSet: frozenset,
    tuple: tuple, Sequence: tuple, Collection: tuple, Iterable: tuple,
}  # fmt: skip
"""What several values, separated by commas, are put into."""


def parse_option(name: str, hint: Any, text: str) -> Any:
    """The value that a text stands for.

    Args:
        name: of the option, for the sentence.
        hint: its type: bool, int, float, str, a path, an Enum, a Literal, None, a collection of
            these (separated by commas), or a union of these (the first that
            the text fits; `none` is None, and text comes last).

    Raises:
        SettingError: the text is none of these, or no text can be.
    """
    if not can_be_text(hint):
        raise SettingError(f"{name} cannot be set from text: it is a {_name(hint)}")
    try:
        return _parse(hint, text)
    except ValueError:
        raise SettingError(f"{name} takes {_name(hint)}, got {text!r}") from None


def can_be_text(hint: Any) -> bool:
    """Whether `parse_option` can read this type."""
    origin, inner = _origin(hint), _inner(hint)
    if origin in _SEQUENCES or origin in (Union, UnionType):
        return all(can_be_text(each) for each in inner)
    return origin is Literal or _is_enum(origin) or origin in _SCALARS


def _parse(hint: Any, text: str) -> Any:
    origin, inner = _origin(hint), _inner(hint)
    if origin in (Union, UnionType):
        return _first_that_fits(inner, text)
    if origin is Literal:
        return _choice({str(value): value for value in inner}, text)
    if _is_enum(origin):
        return _choice({member.name.lower(): member for member in origin}, text.lower())
    if origin in _SEQUENCES:
        return _items(hint, text)
    return _SCALARS[origin][0](text)


def _first_that_fits(hints: Sequence[Any], text: str) -> Any:
    # none first and text last: a text fits any of the others that hold text
    for hint in sorted(hints, key=lambda hint: (hint is not NoneType, hint in (str, Any, object))):
        try:
            return _parse(hint, text)
        except ValueError:
            continue
    raise ValueError(text)


def _items(hint: Any, text: str) -> Any:
    """Values separated by commas."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    types = list(get_args(hint)) or [str, ...]
    if _origin(hint) is not tuple or types[-1] is ...:
        types = types[:1] * len(parts)
    if len(types) != len(parts):
        raise ValueError(text)
    values = [_parse(type_, part) for type_, part in zip(types, parts, strict=True)]
    return _SEQUENCES[_origin(hint)](values)


def _name(hint: Any) -> str:
    """What a type is called in a sentence."""
    origin, inner = _origin(hint), _inner(hint)
    if origin in (Union, UnionType):
        return " or ".join(_name(each) for each in inner)
    if origin is Literal:
        return " or ".join(str(value) for value in inner)
    if _is_enum(origin):
        return " or ".join(member.name.lower() for member in origin)
    if origin in _SEQUENCES:
        types = get_args(hint)
        if origin is tuple and types and types[-1] is not ...:
            return f"{len(types)} values separated by commas"
        return f"{_name(inner[0])}, several separated by commas"
    return _SCALARS[origin][1] if origin in _SCALARS else getattr(origin, "__name__", str(hint))


def _origin(hint: Any) -> Any:
    """The type without its parameters and annotations."""
    if get_origin(hint) is Annotated:
        return _origin(get_args(hint)[0])
    return get_origin(hint) or hint


def _inner(hint: Any) -> tuple[Any, ...]:
    """The types inside, without ``...``; text where none are given."""
    if get_origin(hint) is Annotated:
        return _inner(get_args(hint)[0])
    return tuple(each for each in get_args(hint) if each is not ...) or (str,)


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def _choice(known: dict[str, Any], text: str) -> Any:
    if text not in known:
        raise ValueError(text)
    return known[text]


def _number(text: str) -> float:
    number = float(text)
    if number != number:
        raise ValueError(text)
    return number
