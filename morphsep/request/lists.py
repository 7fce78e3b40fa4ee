"""Lists: tables with a row for each piece of work, ``.csv`` or ``.parquet``, local or by URI."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from morphsep.errors import SettingError
from morphsep.storage import location


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
