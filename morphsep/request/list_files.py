"""Tables in files, whatever their columns mean: text, JSON lines, Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.request.delimited import decode, read_delimited

if TYPE_CHECKING:
    import pyarrow as pa

Rows = list[tuple[str, dict[str, Any]]]
"""(which row, for a sentence; its values by the names of their columns)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The content of a file."""

    columns: list[str]
    """Their names as they are written."""
    rows: Rows
    holds_sound: bool = False
    """Whether whole files lie in it."""


def _delimited(file: Path, known: Sequence[str]) -> Table:
    """
    Raises:
        ValueError: it is empty, names a column twice, or a line has more cells than columns.
    """
    lines = read_delimited(file, known)
    if not lines:
        raise ValueError("it is empty")
    names = [cell or f"column {number}" for number, cell in enumerate(lines[0].cells, start=1)]
    if len(names) > len(set(names)):
        raise ValueError(f"its first line names {max(names, key=names.count)} twice")
    rows: Rows = []
    for line in lines[1:]:
        if len(line.cells) > len(names):
            raise ValueError(
                f"line {line.number} has {len(line.cells)} cells, and the first line names "
                f"{len(names)} columns; a cell with the separator in it, such as the decimal comma "
                'of "0,5", has to be in quotes'
            )
        cells = line.cells + [""] * (len(names) - len(line.cells))
        rows.append((f"line {line.number}", dict(zip(names, cells, strict=True))))
    return Table(columns=names, rows=rows)


def _json_lines(file: Path, known: Sequence[str]) -> Table:
    """
    Raises:
        ValueError: a line is no JSON object.
    """
    rows: Rows = []
    for number, line in enumerate(decode(file.read_bytes()).split("\n"), start=1):
        if line.strip():
            rows.append((f"line {number}", _json_object(number, line)))
    return Table(columns=list(dict.fromkeys(name for _, row in rows for name in row)), rows=rows)


def _json_object(number: int, line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"line {number} is no JSON object")
    return values


def _parquet(file: Path, known: Sequence[str]) -> Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as table:
        schema = table.schema_arrow
        files = {name for column in schema for name, is_file in _parts(column) if is_file}
        # sound and pictures inside a list would fill the memory
        wanted = [name for column in schema for name, is_file in _parts(column) if not is_file]
        batches = table.iter_batches(columns=wanted)
        values = (row for batch in batches for row in batch.to_pylist())
        rows = [(f"row {number}", row) for number, row in enumerate(values, start=1)]
        holds_sound = any(_is_filled(table.metadata, name) for name in files)
    return Table(columns=schema.names, rows=rows, holds_sound=holds_sound)


def _parts(column: pa.Field) -> Iterator[tuple[str, bool]]:
    """(name, whether it may hold files) of a column, or of the parts of one with a structure."""
    import pyarrow as pa

    if not pa.types.is_struct(column.type):
        yield column.name, False
        return
    for part in column.type:
        is_file = pa.types.is_binary(part.type) or pa.types.is_large_binary(part.type)
        yield f"{column.name}.{part.name}", is_file


def _is_filled(metadata: Any, name: str) -> bool:
    """Whether a Parquet column holds anything, as far as its statistics tell."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            statistics = column.statistics if column.path_in_schema == name else None
            if statistics and statistics.null_count < group.num_rows:
                return True
    return False


READERS: Mapping[str, Callable[[Path, Sequence[str]], Table]] = {
    "csv": _delimited, "tsv": _delimited, "jsonl": _json_lines, "parquet": _parquet,
}  # fmt: skip
LISTS = tuple(READERS)
"""Extensions of lists."""
