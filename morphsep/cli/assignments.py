"""NAME=VALUE on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from morphsep.errors import SettingError


def assignments(
    flag: str, texts: Sequence[str] | None, names: str = "NAME", example: str = ""
) -> dict[str, str]:
    """What was assigned, by name.

    Args:
        names: how a name is spelt; one with a dot in it takes as many.
        example: a name to show where none was given; empty: no example.

    Raises:
        SettingError: a text that assigns nothing.
    """
    found = {}
    for text in texts or ():
        name, is_assignment, value = text.partition("=")
        name = name.strip()
        has_dots = name.count(".") == names.count(".") or "." not in names
        if not (is_assignment and name and has_dots):
            such = f", such as {name or example}=1" if example else ""
            raise SettingError(f"{flag} takes {names}=VALUE{such}, got {text!r}")
        found[name.replace("-", "_")] = value.strip()
    return found
