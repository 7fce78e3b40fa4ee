"""Files that lie in a column of a Parquet file, as data sets hold their sound: to be read only.

Their names are URIs: that of the Parquet file, then column, row (from 0) and the file's own name,
`parquet:///data/songs.parquet/audio.bytes/3/a.wav`, or `parquet+s3://bucket/songs.parquet/...`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, NoReturn
from urllib.parse import quote, unquote

from morphsep.errors import SettingError
from morphsep.storage import local, object_store
from morphsep.storage.files import whole
from morphsep.storage.scratch import private_folder
from morphsep.storage.store import Store

if TYPE_CHECKING:
    import pyarrow.parquet as pq

SCHEME = "parquet"


class _Cell(NamedTuple):
    table: str
    column: str
    row: int

    @property
    def store(self) -> Store:
        return object_store if "://" in self.table else local


def is_packed(text: str) -> bool:
    """Whether a URI names a file that lies in a Parquet file."""
    return text.partition("://")[0].partition("+")[0] == SCHEME


def packed_name(table: str, column: str, row: int, name: str) -> str:
    """The URI of a file in a Parquet file.

    Args:
        table: the absolute path, or the URI, of the Parquet file.
        column: the column of bytes, as Parquet names it (``audio.bytes``).
        row: from 0.
        name: the file's own, without a folder.
    """
    prefix = f"{SCHEME}+" if "://" in table else f"{SCHEME}://"
    return f"{prefix}{table}/{quote(column, safe='.')}/{row}/{name}"


def _cell(name: str) -> _Cell:
    """
    Raises:
        SettingError: it is no such URI.
    """
    table = name.removeprefix(f"{SCHEME}://").removeprefix(f"{SCHEME}+")
    try:
        table, column, row, _ = table.rsplit("/", 3)
        return _Cell(table, unquote(column), int(row))
    except ValueError as error:
        raise SettingError(f"{name}: name a cell, {SCHEME}:///LIST/COLUMN/ROW/NAME") from error


def read(name: str) -> bytes:
    import pyarrow.parquet as pq

    cell = _cell(name)
    try:
        with cell.store.open(cell.table) as file, pq.ParquetFile(file) as table:
            value = _value(table, cell)
    except (ValueError, NotImplementedError, KeyError) as error:
        raise SettingError(f"{cell.table} cannot be read: {error}") from error
    if value is None:
        raise FileNotFoundError(f"{cell.table} holds no file in row {cell.row + 1}")
    return value


def _value(table: pq.ParquetFile, cell: _Cell) -> bytes | None:
    """What lies in a cell, None if nothing does; one row is held at a time."""
    row = cell.row
    for group in range(table.num_row_groups):
        num_rows = table.metadata.row_group(group).num_rows
        if row < num_rows:
            batches = table.iter_batches(1, row_groups=[group], columns=[cell.column])
            found = next(batch for index, batch in enumerate(batches) if index == row)
            value = found.to_pylist()[0]
            for part in cell.column.split("."):
                value = None if value is None else value[part]
            return None if value is None else bytes(value)
        row -= num_rows
    return None


def exists(name: str) -> bool:
    return stamp(name) is not None


def size(name: str) -> int:
    return len(read(name))


def stamp(name: str) -> str | None:
    """That of the whole Parquet file."""
    cell = _cell(name)
    return cell.store.stamp(cell.table)


def full_stamps(names: Sequence[str]) -> list[str | None]:
    """Those of the whole Parquet files, each looked at once."""
    cells = [_cell(name) for name in names]
    stores = {cell.table: cell.store for cell in cells}
    known = {table: store.full_stamps([table])[0] for table, store in stores.items()}
    return [known[cell.table] for cell in cells]


def open(name: str) -> BinaryIO:
    return io.BytesIO(read(name))


open_header = open


@contextlib.contextmanager
def reading(name: str) -> Iterator[Path]:
    with private_folder() as folder:
        path = folder / name.rpartition("/")[2]
        fetch(name, path)
        yield path


def fetch(name: str, to: Path) -> None:
    data = read(name)
    with whole(to) as part:
        part.write_bytes(data)


def files_in(folder: str) -> list[str]:
    return []


files_below = files_in


def _refuse(name: str) -> NoReturn:
    raise SettingError(f"{name} lies in a Parquet file, which is only read; name another place")


def write(name: str, data: bytes) -> None:
    _refuse(name)


def create(name: str, data: bytes) -> bool:
    _refuse(name)


remove = remove_tree = _refuse


def remove_all(names: Sequence[str]) -> None:
    for name in names:
        _refuse(name)


@contextlib.contextmanager
def writing(name: str) -> Iterator[Path]:
    _refuse(name)
    yield
