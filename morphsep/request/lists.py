"""Lists: tables with a row for each piece of work, local or by URI."""

from __future__ import annotations

import difflib
import json
import logging
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from morphsep.errors import SettingError
from morphsep.request.extensions import extension
from morphsep.request.job import Command, Job
from morphsep.request.list_files import LISTS
from morphsep.request.list_rows import ListRow, read_list
from morphsep.request.naming import new_job
from morphsep.request.settings import Settings
from morphsep.storage import absolute, beside, common, folder_of, is_remote, relative

log = logging.getLogger("morphsep")

SETTING_COLUMNS = {
    "to": "to", "from": "from_", "amount": "amount", "stem": "stem", "backend": "backend",
    "separator": "separator", "recording": "recording", "format": "format", "subtype": "subtype",
}  # fmt: skip
"""Columns of a list, and the settings that they set."""
LIST_COLUMNS = ("path", "to", "amount", "output", "transition", *SETTING_COLUMNS)
"""All columns that mean something; `path` has to be there."""
SOURCE_COLUMNS = (
    "song", "artist", "player", "licence", "license", "source_url", "url", "attribution",
)  # fmt: skip
"""Columns that mean something to a data set."""


def is_list(text: str) -> bool:
    """Whether a user's text names a list, by its extension."""
    return extension(text) in LISTS and (is_remote(text) or not Path(text).is_dir())


def listed_jobs(path: str, settings: Settings, command: Command) -> Iterator[Job]:
    """A job for each row of a list; what its row says wins over `settings`.

    Raises:
        SettingError: the list cannot be read or has no rows; a row has no path, contradicts itself
            or would change nothing.
    """
    rows = read_list(path, LIST_COLUMNS)
    if not rows:
        raise SettingError(f"the list {path} has no rows")
    _say_unknown(path, rows, SOURCE_COLUMNS if command == "generate" else ())
    for row in rows:
        _check(row)
    inputs = _inputs(path, rows)
    for (file, below), row in zip(inputs, rows, strict=True):
        output = row.cells.pop("output", None)
        chosen = _with_cells(path, settings, row)
        if command == "morph" and chosen.changes_nothing:
            raise SettingError(
                f"{row.place} changes nothing, since it names no tone; fill in its column to or "
                "transition, or give --to TONE for all rows that have none"
            )
        job = new_job(file, below, chosen, command, output)
        yield replace(job, list_columns=_as_json(row.others))


def _inputs(path: str, rows: Sequence[ListRow]) -> list[tuple[str, str]]:
    """Every row's file, and its path below the folder that all of them share."""
    named = [row.cells.pop("path") for row in rows]
    files = [
        row.packed or absolute(beside(folder_of(path), name))
        for row, name in zip(rows, named, strict=True)
    ]
    here = [file for file, row in zip(files, rows, strict=True) if not row.packed]
    base = common([folder_of(file) for file in here])
    return [
        (file, _below(name) if row.packed else relative(file, base))
        for file, name, row in zip(files, named, rows, strict=True)
    ]


def _below(name: str) -> str:
    """The path of a file that lies in a list, in the folders of its name; those of a whole path are
    another machine's."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return parts[-1] if name.startswith("/") or "://" in name else "/".join(parts)


def _check(row: ListRow) -> None:
    """
    Raises:
        SettingError: a row that has no path, or that contradicts itself.
    """
    if "path" not in row.cells:
        raise SettingError(f"{row.place} has no path; name a file in it, or remove the row")
    if "\0" in "".join(row.cells.values()):
        raise SettingError(f"{row.place} holds a NUL character; save the list as UTF-8")
    if "transition" in row.cells and not row.cells.keys().isdisjoint(("from", "to")):
        raise SettingError(f"{row.place}: a transition names both tones; leave from and to empty")


def _say_unknown(path: str, rows: Iterable[ListRow], known: Collection[str]) -> None:
    """One note about all columns that mean nothing here: one may be a slip."""
    found = dict.fromkeys(name for row in rows for name in row.others)
    names = [name for name in found if name.strip().lower() not in known]
    if not names:
        return
    slips = [
        f"{name} (did you mean {near[0]}?)"
        if (near := difflib.get_close_matches(name.lower(), LIST_COLUMNS, n=1, cutoff=0.75))
        else name
        for name in names
    ]
    log.warning("%s: columns kept in the manifest, without effect: %s", path, ", ".join(slips))


def _with_cells(path: str, settings: Settings, row: ListRow) -> Settings:
    cells = dict(row.cells)
    if "transition" in cells:
        from morphsep.tones import get_transition

        cells["from"], cells["to"] = get_transition(cells.pop("transition"))
    changes: dict[str, Any] = {
        SETTING_COLUMNS[name]: _beside_list(path, name, value) for name, value in cells.items()
    }
    return replace(settings, **changes)


def _beside_list(path: str, name: str, value: str) -> str:
    """Files that a list names are looked up beside the list."""
    from morphsep.tones import split_knob

    is_file = (
        (name == "stem" and "{" not in value)
        or (name in ("to", "from") and Path(split_knob(value)[0]).suffix != "")
        or (name == "amount" and value.lower().endswith(".csv"))
    )
    return beside(folder_of(path), value) if is_file else value


def _as_json(others: Mapping[str, Any]) -> str | None:
    """The columns that mean nothing here, for the manifest; None if there are none."""
    return json.dumps(_in_json(others), ensure_ascii=False) if others else None


def _in_json(value: Any) -> Any:
    """The same in JSON's own types; what has none there (bytes, a date) as text, NaN as null."""
    if isinstance(value, Mapping):
        return {_text(name): _in_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_in_json(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | None) else _text(value)


def _text(value: Any) -> str:
    """As text that any file can hold: what is no UTF-8, halves of characters too, is escaped."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
