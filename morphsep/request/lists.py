"""Lists: tables with a row for each piece of work, ``.csv`` or ``.parquet``, local or by URI."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from morphsep.errors import SettingError
from morphsep.request.extensions import extension
from morphsep.request.job import Command, Job
from morphsep.request.naming import new_job
from morphsep.request.settings import Settings
from morphsep.storage import absolute, beside, common, folder_of, is_remote, location, relative

LISTS = ("csv", "parquet")
LIST_COLUMNS = {
    "to": "to", "from": "from_", "amount": "amount", "stem": "stem", "backend": "backend",
    "separator": "separator", "recording": "recording", "format": "format", "subtype": "subtype",
}  # fmt: skip
"""Columns of a list besides path, output and transition, and the settings that they set."""


def is_list(text: str) -> bool:
    """Whether a user's text names a list."""
    return extension(text) in LISTS and (is_remote(text) or Path(text).is_file())


def read_list(path: str) -> list[dict[str, Any]]:
    """The rows of a list, by its columns' names.

    Raises:
        SettingError: it cannot be read.
    """
    try:
        with location(path).reading() as file:
            rows = _csv_rows(file) if path.lower().endswith(".csv") else _parquet_rows(file)
    except (OSError, ValueError, csv.Error) as error:
        raise SettingError(f"the list {path} cannot be read: {error}") from error
    if any(None in row for row in rows):
        raise SettingError(f"the list {path} has rows with more fields than its first line names")
    return rows


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def listed_jobs(path: str, settings: Settings, command: Command) -> Iterator[Job]:
    """A job for each row of a list; what its row says wins over `settings`.

    Raises:
        SettingError: the list cannot be read, has an unknown column, or a row without a path.
    """
    rows = [_cells(path, number, row) for number, row in enumerate(read_list(path), start=1)]
    inputs = [absolute(beside(folder_of(path), cells.pop("path"))) for cells in rows]
    base = common([folder_of(file) for file in inputs])
    for file, cells in zip(inputs, rows, strict=True):
        output = cells.pop("output", None)
        yield new_job(
            file, relative(file, base), _with_cells(path, settings, cells), command, output
        )


def _cells(path: str, number: int, row: dict[str, Any]) -> dict[str, str]:
    """What a row holds, without its empty cells."""
    cells = {name: str(v) for name, v in row.items() if v is not None and str(v).strip() != ""}
    if "path" not in cells:
        raise SettingError(
            f"{path}: row {number} has no path; a list needs a column path, and commas"
        )
    if "\0" in "".join(cells.values()):
        raise SettingError(f"{path}: row {number} holds a NUL character; save it as UTF-8")
    return cells


def _with_cells(path: str, settings: Settings, cells: dict[str, str]) -> Settings:
    if "transition" in cells:
        from morphsep.tones import get_transition

        cells["from"], cells["to"] = get_transition(cells.pop("transition"))
    unknown = set(cells) - set(LIST_COLUMNS)
    if unknown:
        known = ", ".join(["path", "output", "transition", *LIST_COLUMNS])
        raise SettingError(f"{path}: unknown column {sorted(unknown)[0]!r}; there are: {known}")
    changes: dict[str, Any] = {
        LIST_COLUMNS[name]: _beside_list(path, name, value) for name, value in cells.items()
    }
    return replace(settings, **changes)


def _beside_list(path: str, name: str, value: str) -> str:
    """Files that a list names are looked up beside the list."""
    is_file = (
        (name == "stem" and "{" not in value)
        or (name in ("to", "from") and Path(value).suffix != "")
        or (name == "amount" and value.lower().endswith(".csv"))
    )
    return beside(folder_of(path), value) if is_file else value
