"""The rows of a list: a table in a file, ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from morphsep.errors import SettingError
from morphsep.request.extensions import extension
from morphsep.request.list_files import BYTES, READERS, Table
from morphsep.storage import absolute, beside, folder_of, location, packed_name

SOUND = "audio"
"""What data sets call the column that holds or names their sound; it stands for `path`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """One row of a list."""

    place: str
    """The list and the row, for a sentence: ``songs.csv, line 3``."""
    cells: dict[str, str]
    """What is not empty of the columns that were asked for, by their names in lower case."""
    others: dict[str, Any]
    """All other columns, as they are."""
    packed: str | None = None
    """The URI of the file that lies in the row itself, in place of a path."""


def read_list(path: str, columns: Collection[str]) -> list[ListRow]:
    """The rows of a list that hold anything. The case of a column's name means nothing.

    Args:
        columns: names of the columns that mean something, in lower case; the first has to be
            there.

    Raises:
        SettingError: it cannot be read, names a column twice, or lacks the first of `columns`.
    """
    known = list(columns)
    try:
        with location(path).reading() as file:
            table = READERS[extension(path)](file, known)
    except (OSError, ValueError, NotImplementedError) as error:  # a codec that Arrow lacks
        why = (isinstance(error, OSError) and error.strerror) or error
        raise SettingError(f"the list {path} cannot be read: {why}") from error
    meaning = _meaning(path, table.columns, known)
    rows = list(_rows(path, table, meaning))
    return [replace(row, packed=None) for row in rows] if _lies_in_files(path, rows) else rows


def _meaning(path: str, header: list[str], known: list[str]) -> dict[str, str]:
    """The column of a list that each name stands for: those that it has, by their names in it."""
    plain = {name: name.strip().lower() for name in header}
    if known[0] == "path" and "path" not in plain.values():
        plain = {name: "path" if text == SOUND else text for name, text in plain.items()}
    named = [text for text in plain.values() if text in known]
    if len(named) > len(set(named)):
        twice = next(text for text in named if named.count(text) > 1)
        raise SettingError(f"the list {path} has two columns {twice}; rename one of them")
    if known[0] not in named:
        raise SettingError(
            f"the list {path} has no column {known[0]}. The first line has to name the columns, "
            f"such as {','.join(known[:3])}; it is: {', '.join(filter(None, header))}"
        )
    return {name: text for name, text in plain.items() if text in known}


def _rows(path: str, table: Table, meaning: Mapping[str, str]) -> Iterator[ListRow]:
    column = next((name for name, text in meaning.items() if text == "path"), "")
    held = table.files.get(column, ())
    for index, (where, values) in enumerate(table.rows):
        texts = {meaning[name]: _text(value) for name, value in values.items() if name in meaning}
        cells = {name: text for name, text in texts.items() if text}
        others = {name: value for name, value in values.items() if name not in meaning}
        packed = None
        if index < len(held) and held[index]:
            cells.setdefault("path", where)
            name = cells["path"].rpartition("/")[2]
            packed = packed_name(absolute(path), f"{column}{BYTES}", index, name)
        if cells or any(_text(value) for value in others.values()):
            yield ListRow(place=f"{path}, {where}", cells=cells, others=others, packed=packed)


def _text(value: Any) -> str:
    """A cell's text; empty where there is nothing."""
    if isinstance(value, Mapping):  # a data set's sound: {bytes, path}
        return _text(value.get("path"))
    if value is None or value != value:
        return ""
    return (os.fsdecode(value) if isinstance(value, bytes) else str(value)).strip()


def _lies_in_files(path: str, rows: Iterable[ListRow]) -> bool:
    """Whether the files are there that the rows of a data set name: mostly it holds its sound
    itself, and their names are those of files that nobody has."""
    named = next((row.cells["path"] for row in rows if row.packed), None)
    return named is not None and location(absolute(beside(folder_of(path), named))).exists()
