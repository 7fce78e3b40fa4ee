"""Printing what a command found: lines for people, or JSON for machines."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    print_result(as_json, found, lines)


def print_result(as_json: bool, value: Any, lines: Sequence[str]) -> None:
    """Prints an answer for machines, or for people."""
    if as_json:
        print(json.dumps(value, ensure_ascii=False, default=os.fspath))
    else:
        print("\n".join(lines))
