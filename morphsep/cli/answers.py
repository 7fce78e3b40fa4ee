"""Printing what a command found: lines for people, or JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from morphsep.cli import streams

if TYPE_CHECKING:
    from morphsep.storage import Location


def existing(out: str) -> Location:
    """The output folder; one without a manifest is refused."""
    from morphsep.errors import SettingError
    from morphsep.manifest import table_folder
    from morphsep.storage import location

    folder = location(out)
    if not table_folder(folder, "tracks").children(".parquet"):
        raise SettingError(f"{out} holds no manifest; name the folder that was given as --out")
    return folder


def list_plugins(found: Sequence[dict[str, str]], as_json: bool) -> None:
    """Prints one line a plugin."""
    lines = [f"{p['name']:10} {p['licence']:14} {p['description']}" for p in found]
    print_answer(as_json, found, lines)


def print_answer(as_json: bool, value: Any, lines: Iterable[str]) -> None:
    """Prints what was asked for, as `print_result` does.

    Raises:
        OSError: it cannot be printed, and that is all that the command was to do.
    """
    print_result(as_json, value, lines)
    if lost := streams.lost_output():
        raise OSError(lost.errno, f"the answer cannot be printed: {lost.strerror}")


def print_result(as_json: bool, value: Any, lines: Iterable[str]) -> None:
    """Prints what came of some work, for machines, or for people in lines that hold any name."""
    if as_json:
        print(streams.as_json(value))
    else:
        print_lines(lines)


def print_lines(lines: Iterable[str]) -> None:
    """Prints lines for people, each in one line whatever names it holds."""
    print("\n".join(map(streams.shown, lines)))


def exit_code(*, failed: bool | int, done: bool | int) -> int:
    """What a command exits with: 0 if nothing failed, 2 if something did, 3 if nothing is done."""
    if not failed:
        return 0
    return 2 if done else 3
